"""HTTP without waiting, against servers that are slow, odd, silent or rude: each is a real socket led by the test."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from live_server import until

from blender_aigc import exchange
from blender_aigc.exchange import Connection, Exchange, Reader, Unanswered
from blender_aigc.faults import Fault

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\n"
PLAIN = HEAD + b"hello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n003;x=y\r\nllo\r\n0\r\nT: 1\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
AFTER_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN


class Peer:
    """The other end. It does what the test says and nothing by itself."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []

    def accept(self) -> socket.socket:
        taken, _ = self.listener.accept()
        taken.settimeout(20)
        self.taken.append(taken)
        return taken

    def hear(self, taken: socket.socket, size: int = len(REQUEST)) -> bytes:
        heard = b""
        while len(heard) < size:
            heard += taken.recv(size - len(heard))
        return heard

    def waits_for_nobody(self) -> bool:
        self.listener.setblocking(False)
        try:
            self.accept()
        except BlockingIOError:
            return True
        finally:
            self.listener.settimeout(20)
        return False


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    for taken in [peer.listener, *peer.taken]:
        taken.close()


@pytest.fixture
def connection(peer: Peer) -> Iterator[Connection]:
    connection = Connection("127.0.0.1", peer.port)
    yield connection
    connection.close()


def asked(peer: Peer, connection: Connection, patience_s: float = 60.0) -> tuple[Exchange, socket.socket]:
    """A question that has arrived at the other end."""
    question = connection.begin(REQUEST, patience_s)
    taken = peer.accept() if not peer.taken or connection.socket is None else peer.taken[-1]
    until(lambda: question.poll() is None and question._sent == question._size)
    assert peer.hear(taken) == REQUEST
    return question, taken


def failing(question: Exchange) -> Fault:
    with pytest.raises(Fault) as caught:
        question.result()
    with pytest.raises(Fault):
        question.poll()  # and it stays so
    return caught.value


# ------------------------------------------------------------------------------------------------------- the reader


@pytest.mark.parametrize("text", [PLAIN, CHUNKED, EMPTY, AFTER_CONTINUE], ids=["plain", "chunked", "empty", "continue"])
def test_an_answer_cut_anywhere_is_the_same(text: bytes) -> None:
    body = b"" if text == EMPTY else b"hello"
    for first in range(1, len(text)):
        for second in range(first, len(text)):
            reader = Reader()
            for piece in (text[:first], text[first:second], text[second:]):
                assert not reader.done
                reader.feed(piece)
            assert reader.done and reader.keep and reader.body == body


@pytest.mark.parametrize("text", [PLAIN, CHUNKED, AFTER_CONTINUE])
def test_an_answer_that_ends_too_early_is_none(text: bytes) -> None:
    for length in range(len(text)):
        reader = Reader()
        reader.feed(text[:length])
        with pytest.raises(ConnectionAbortedError):
            reader.end()


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 200 OK"])
def test_a_body_ends_where_it_said(more: bytes) -> None:
    """Also in the piece that has nothing but the body, which takes a shorter way."""
    reader = Reader()
    for piece in (HEAD, b"he", b"llo" + more):
        reader.feed(piece)
    assert reader.done and reader.body == b"hello" and reader.keep == (not more)


def test_the_sizes_of_chunks_are_hexadecimal() -> None:
    reader = Reader()
    reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n")
    assert reader.done and reader.keep and len(reader.body) == 26


def test_without_a_length_the_end_of_the_connection_is_the_end() -> None:
    reader = Reader()
    reader.feed(b"HTTP/1.0 200 OK\r\n\r\nhello")
    assert not reader.done
    reader.end()
    assert reader.done and reader.body == b"hello" and not reader.keep


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        (PLAIN, True),
        (PLAIN + b"more", False),
        (PLAIN.replace(b"X-One: 1", b"Connection: Close"), False),
        (PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
    ],
)
def test_when_the_connection_is_kept(text: bytes, keep: bool) -> None:
    reader = Reader()
    reader.feed(text)
    assert reader.done and reader.body == b"hello" and reader.keep is keep


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 99 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * (exchange.LARGEST_HEAD + 1),
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * exchange.LARGEST_HEAD,
    ],
)
def test_what_is_not_http_is_refused(text: bytes) -> None:
    with pytest.raises(Fault, match="Something else answers"):
        Reader().feed(text)


def test_an_answer_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST_BODY", 1000)
    reader = Reader()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000)
    with pytest.raises(Fault, match="Something else answers"):
        reader.feed(b"x")


# ---------------------------------------------------------------------------------------------------- the connection


def test_no_poll_waits_for_the_answer(peer: Peer, connection: Connection) -> None:
    """The other end answers only after the polls have returned: had one of them waited, this would never end."""
    question, taken = asked(peer, connection)
    for sent in range(len(PLAIN)):
        for _ in range(3):
            assert question.poll() is None
        taken.sendall(PLAIN[sent : sent + 1])
    until(question.poll)
    assert question.over and question.answer.body == b"hello" and question.poll() is question.answer


def test_nothing_waits_for_a_connection_that_nobody_takes(peer: Peer) -> None:
    """More questions than the other end has room for: the last ones do not even connect."""
    peer.listener.listen(0)
    connections = [Connection("127.0.0.1", peer.port) for _ in range(8)]
    questions = [connection.begin(REQUEST, 60.0) for connection in connections]
    assert all(question.poll() is None for question in questions for _ in range(10))
    for connection in connections:
        connection.close()


def test_one_connection_carries_many_questions(peer: Peer, connection: Connection) -> None:
    question, taken = asked(peer, connection)
    for text in (PLAIN, CHUNKED, EMPTY, PLAIN):
        taken.sendall(text)
        question.result()
        question = connection.begin(REQUEST, 60.0)
        assert peer.hear(taken) == REQUEST
    assert peer.waits_for_nobody()


@pytest.mark.parametrize("rude", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("after_it_arrived", [False, True])
def test_a_kept_connection_that_was_closed_is_opened_again_once(
    peer: Peer, connection: Connection, rude: bool, after_it_arrived: bool
) -> None:
    question, taken = asked(peer, connection)
    taken.sendall(PLAIN)
    question.result()
    if after_it_arrived:
        question, taken = asked(peer, connection)
    close(taken, rude)
    if not after_it_arrived:
        question = connection.begin(REQUEST, 60.0)
    until(lambda: question.poll() is None and not peer.waits_for_nobody())
    again = peer.taken[-1]
    until(lambda: question.poll() is None and question._sent == question._size)
    assert peer.hear(again) == REQUEST
    close(again, rude)
    assert failing(question).code == "server_gone", "not a third time"
    assert peer.waits_for_nobody()


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_body_is_sent_again_from_its_beginning(peer: Peer, connection: Connection, size: int) -> None:
    """When the kept connection turns out to be closed, also when a part of the request had gone out already."""
    question, taken = asked(peer, connection)
    taken.sendall(PLAIN)
    question.result()
    body = bytes(range(250)) * (size // 250) + b"end"
    question = connection.begin(REQUEST, 60.0, body)
    assert peer.hear(taken) == REQUEST
    close(taken, rude=True)
    until(lambda: question.poll() is None and not peer.waits_for_nobody())
    heard = bytearray()
    peer.taken[-1].setblocking(False)

    def whole() -> bool:
        assert question.poll() is None
        with contextlib.suppress(BlockingIOError):
            heard.extend(peer.taken[-1].recv(1 << 20))
        return len(heard) >= len(REQUEST) + len(body)

    until(whole)
    assert heard == REQUEST + body


def test_half_an_answer_on_a_kept_connection_is_not_asked_for_again(peer: Peer, connection: Connection) -> None:
    question, taken = asked(peer, connection)
    taken.sendall(PLAIN)
    question.result()
    question, taken = asked(peer, connection)
    taken.sendall(HEAD)
    taken.close()
    assert failing(question).code == "server_gone" and peer.waits_for_nobody()


def close(taken: socket.socket, rude: bool) -> None:
    if rude:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    taken.close()


@pytest.mark.parametrize("part", [b"", PLAIN[:9], HEAD, PLAIN[:-1]])
def test_a_new_connection_that_is_closed_is_the_end(peer: Peer, connection: Connection, part: bytes) -> None:
    question, taken = asked(peer, connection)
    taken.sendall(part)
    taken.close()
    fault = failing(question)
    assert fault.code == "server_gone" and not isinstance(fault, Unanswered) and connection.socket is None


def test_half_an_answer_is_waited_for_and_then_given_up(peer: Peer, connection: Connection) -> None:
    question, taken = asked(peer, connection, patience_s=0.05)
    taken.sendall(PLAIN[:-1])
    assert isinstance(failing(question), Unanswered) and connection.socket is None


def test_garbage_ends_the_connection(peer: Peer, connection: Connection) -> None:
    question, taken = asked(peer, connection)
    taken.sendall(b"220 mail.example.org ESMTP\r\n")
    assert "Something else" in failing(question).message and connection.socket is None


def test_what_comes_unasked_is_not_the_next_answer(peer: Peer, connection: Connection) -> None:
    question, taken = asked(peer, connection)
    taken.sendall(PLAIN)
    question.result()
    taken.sendall(PLAIN.replace(b"hello", b"false"))
    until(lambda: has_arrived(connection))
    question = connection.begin(REQUEST, 60.0)
    fresh = peer.accept()
    fresh.sendall(PLAIN)
    assert question.result().body == b"hello"


def has_arrived(connection: Connection) -> bool:
    assert connection.socket is not None
    with contextlib.suppress(BlockingIOError):
        return bool(connection.socket.recv(1, socket.MSG_PEEK))
    return False


def test_a_new_question_abandons_the_one_before(peer: Peer, connection: Connection) -> None:
    old, taken = asked(peer, connection)
    new = connection.begin(REQUEST, 60.0)
    taken.sendall(PLAIN.replace(b"hello", b"older"))
    fresh = peer.accept()
    fresh.sendall(PLAIN)
    assert new.result().body == b"hello"
    assert failing(old).code == "server_gone"


@pytest.mark.parametrize("apart", [False, True], ids=["in one", "with its body apart"])
def test_a_large_request_goes_out_while_the_other_end_reads(peer: Peer, connection: Connection, apart: bool) -> None:
    body = bytes(range(256)) * 65536
    question = connection.begin(body[:99], 60.0, memoryview(body)[99:]) if apart else connection.begin(body, 60.0)
    taken = peer.accept()
    heard = bytearray()
    taken.setblocking(False)

    def more() -> bool:
        assert question.poll() is None
        with contextlib.suppress(BlockingIOError):
            heard.extend(taken.recv(1 << 20))
        return len(heard) == len(body)

    while not more():
        pass
    assert heard == body
    taken.sendall(PLAIN)
    assert question.result().body == b"hello"


def test_a_large_request_may_be_refused_before_it_is_read(peer: Peer, connection: Connection) -> None:
    question = connection.begin(b"x" * (32 << 20), 60.0)
    taken = peer.accept()
    until(lambda: question.poll() is None and question._sent > 0)
    taken.sendall(PLAIN.replace(b"200 OK", b"413 no"))
    assert question.result().status == 413 and connection.socket is None


def test_an_answer_in_many_pieces_keeps_the_patience(
    peer: Peer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the silence between two pieces, not the whole: the clock here is the test's own."""
    now = [0.0]
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=lambda: now[0]))
    question = connection.begin(REQUEST, 10.0)
    taken = peer.accept()
    for piece in range(len(PLAIN) - 1):
        now[0] += 9.0
        taken.sendall(PLAIN[piece : piece + 1])
        spin(lambda piece=piece: len(question.answer._raw) + len(question.answer.body) or question.poll())
        spin(lambda: question.poll() is None and not has_arrived(connection))
    now[0] += 11.0
    with pytest.raises(Unanswered):
        question.poll()


def spin(condition: Callable[[], object]) -> None:
    for _ in range(1_000_000):
        if condition():
            return
    raise AssertionError("waited in vain")
