"""HTTP/1.1 to one server over one kept connection that never blocks. Standard library only; no bpy, no threads.

A question is sent by `Connection.begin`; `Exchange.poll` looks whether the answer is there. Nothing but `rest` and
`result`, which are for scripts, waits. (http.client cannot do this: without blocking it loses what has arrived so far.)
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from collections.abc import Callable

from .faults import Fault

LARGEST_HEAD = 1 << 16
LARGEST_BODY = 64 << 20
"""More than any message of ours; a download is taken out of the reader piece by piece and may be larger."""

PIECE = 1 << 18
PIECES = 4
"""So much is read in one poll at most, so that a server that never stops talking does not hold up the caller."""

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, errno.EINTR)
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: .*)?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


class Unanswered(Fault):
    """The server took the connection but did not answer in time: busy or stopped, not necessarily gone."""


def gone(reason: object) -> Fault:
    return Fault("server_gone", "The server is not running any more.", "Press Restart Server.", str(reason))


def strange(reason: str) -> Fault:
    """What answers does not speak as our server does."""
    return Fault("server_gone", "Something else answers at the server's address.", "Press Restart Server.", reason)


class Reader:
    """One answer, put together from the bytes as they come (RFC 9112, sections 2 to 7).

    status, headers (names in lower case) and, growing, body. done: it is complete. keep: the connection is still good.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.started = False
        self.done = False
        self.keep = False
        self._raw = bytearray()
        self._left = 0
        self._step = self._head

    def feed(self, data: bytes) -> None:
        """Take in what has arrived. Raises Fault("server_gone") when it is not HTTP, or too much."""
        self.started = True
        if self._raw or self._step != self._counted:
            self._raw += data
        else:  # nearly all of a download: straight into the body
            self.body += data[: self._left]
            self._raw += data[self._left :]
            self._left = max(0, self._left - len(data))
        while not self.done and self._step():
            pass
        if len(self.body) > LARGEST_BODY:
            raise strange(f"more than {LARGEST_BODY} bytes")
        if self.done and self._raw:
            self.keep = False  # more than it announced: what comes next could be taken for the next answer

    def end(self) -> None:
        """The server has closed the connection. Raises ConnectionAbortedError when the answer is not complete."""
        self.keep = False
        if self._step != self._until_closed:
            raise ConnectionAbortedError("the server closed the connection")
        self.done = True

    def _line(self) -> bytes | None:
        """The next line, without its end; None while it has not come."""
        line, end, _ = self._raw.partition(b"\r\n")
        if not end:
            if len(self._raw) > LARGEST_HEAD:
                raise strange("an endless line")
            return None
        del self._raw[: len(line) + 2]
        return bytes(line)

    def _head(self) -> bool:
        if not self._raw.startswith(b"HTTP/1."[: len(self._raw)]):
            raise strange(f"not HTTP: {bytes(self._raw[:80])!r}")
        length = self._raw.find(b"\r\n\r\n")
        if length < 0:
            if len(self._raw) > LARGEST_HEAD:
                raise strange("an endless head")
            return False
        first, *lines = self._raw[:length].decode("latin-1").split("\r\n")
        del self._raw[: length + 4]
        match = _STATUS_LINE.fullmatch(first)
        if match is None:
            raise strange(f"not HTTP: {first[:80]!r}")
        self.status = int(match[2])
        self.headers = _fields(lines)
        self.keep = match[1] == "1" and "close" not in self.headers.get("connection", "").lower()
        if self.status >= 200:
            self._step = self._framing()
        return True  # 1xx: the answer itself comes after it

    def _framing(self) -> Callable[[], bool]:
        """How the end of the body is found."""
        encoding = self.headers.get("transfer-encoding")
        length = self.headers.get("content-length")
        if self.status in (204, 304):
            length, encoding = "0", None
        if encoding is not None:
            if encoding.lower() != "chunked":
                raise strange(f"transfer-encoding {encoding[:80]!r}")
            return self._chunk_size
        if length is None:
            self.keep = False
            return self._until_closed
        if not re.fullmatch(r"[0-9]{1,15}", length):
            raise strange(f"content-length {length[:80]!r}")
        self._left = int(length)
        return self._counted

    def _take(self, count: int) -> int:
        taken = min(count, len(self._raw))
        self.body += self._raw[:taken]
        del self._raw[:taken]
        return taken

    def _counted(self) -> bool:
        self._left -= self._take(self._left)
        self.done = not self._left
        return False

    def _until_closed(self) -> bool:
        self._take(len(self._raw))
        return False

    def _chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise strange(f"chunk size {line[:80]!r}")
        self._left = int(match[1], 16)
        self._step = self._chunk if self._left else self._trailer
        return True

    def _chunk(self) -> bool:
        self._left -= self._take(self._left)
        if self._left or len(self._raw) < 2:
            return False
        if not self._raw.startswith(b"\r\n"):
            raise strange("a chunk longer than it said")
        del self._raw[:2]
        self._step = self._chunk_size
        return True

    def _trailer(self) -> bool:
        line = self._line()
        self.done = line == b""
        return bool(line)


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key, value = name.lower(), value.strip()
        if (
            not colon
            or not name
            or name != name.strip()
            or (key == "content-length" and fields.get(key, value) != value)
        ):
            raise strange(f"header {line[:80]!r}")
        fields[key] = value
    return fields


class Connection:
    """To `host`, an IPv4 address. Carries one exchange at a time; a new one abandons the one before."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._current: Exchange | None = None
        self.socket: socket.socket | None = None

    def begin(self, request: bytes, patience_s: float, body: bytes | memoryview = b"") -> Exchange:
        """Send `request` and return at once. patience_s: how long the server may be silent. Raises nothing.

        body: more of the request, which is not copied and must not change until the answer is there.

        The request must be one that may arrive twice: it is sent again, once, when the server has closed the kept
        connection, which it does when nobody has used it for a while.
        """
        if self._current is not None and not self._current.over or not self._quiet():
            self.close()
        self._current = Exchange(self, request, patience_s, body)
        return self._current

    def _quiet(self) -> bool:
        """Is the connection as an exchange leaves it: open, and with nothing in it that nobody asked for?"""
        try:
            if self.socket is not None:
                self.socket.recv(1, socket.MSG_PEEK)  # closed, or talking out of turn
                return False
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return True

    def open(self) -> socket.socket:
        """Begin to connect. Raises OSError."""
        self.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _check(self.socket.connect_ex(self._address))
        return self.socket

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None


def _check(code: int) -> None:
    if code not in _UNDER_WAY:
        raise OSError(code, errno.errorcode.get(code, "?"))


class Exchange:
    """One request and its answer. over: there is nothing to wait for any more."""

    def __init__(self, connection: Connection, request: bytes, patience_s: float, body: bytes | memoryview) -> None:
        if len(body) <= PIECE:
            request, body = request + body, b""  # in one packet, where there is room
        self.answer = Reader()
        self.over = False
        self._connection = connection
        self._parts = memoryview(request), memoryview(body)
        self._sent, self._size = 0, len(request) + len(body)
        self._patience_s = patience_s
        self._deadline = time.monotonic() + patience_s
        self._fault: Fault | None = None
        self._kept = connection.socket is not None
        self._socket = connection.socket
        self._attempt(self._send)

    def poll(self) -> Reader | None:
        """The answer once it is complete, None before. Never waits.

        Raises Unanswered after the patience, Fault("server_gone") for every other way in which it will not come.
        """
        if not self.over:
            if self._socket is not self._connection.socket:
                self._fail(gone("given up for another question"))
            elif self._attempt(self._move):
                self._deadline = time.monotonic() + self._patience_s
            elif not self.over and time.monotonic() > self._deadline:
                self._fail(
                    Unanswered(
                        "server_gone", "The server does not answer.", "Press Restart Server.", "no answer in time"
                    )
                )
        if self._fault is not None:
            raise self._fault
        return self.answer if self.answer.done else None

    def rest(self, seconds: float) -> None:
        """Wait until there is something to poll, at most so long. For scripts."""
        if self.over or self._socket is None or self._socket is not self._connection.socket:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._sent < self._size else 0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, events)
            selector.select(max(0.0, seconds))

    def result(self) -> Reader:
        """Wait for the answer. For scripts. Raises as `poll` does."""
        while (answer := self.poll()) is None:
            self.rest(self._deadline - time.monotonic())
        return answer

    def _fail(self, fault: Fault) -> None:
        self._fault, self.over = fault, True
        if self._socket is self._connection.socket:
            self._connection.close()

    def _attempt(self, action: Callable[[], bool]) -> bool:
        """Has `action` moved anything? What it raises is kept for `poll`, or cured by a new connection."""
        try:
            if self._socket is None:
                self._socket = self._connection.open()
            return action()
        except OSError as error:
            if not self._kept or self.answer.started:
                self._socket = self._connection.socket
                self._fail(gone(error))
                return False
        except Fault as fault:
            self._fail(fault)
            return False
        self._connection.close()
        self._kept, self._socket, self._sent = False, None, 0
        return self._attempt(self._send)

    def _move(self) -> bool:
        sent = self._send()
        received = self._receive()
        if self.answer.done:
            self.over = True
            if not self.answer.keep or self._sent < self._size:
                self._connection.close()
        return sent or received

    def _send(self) -> bool:
        """Send what the system takes. Raises OSError when there is no connection and no answer that may say why."""
        assert self._socket is not None
        before, (head, body) = self._sent, self._parts
        while self._sent < self._size:
            left = head[self._sent :] if self._sent < len(head) else body[self._sent - len(head) :]
            try:
                self._sent += self._socket.send(left[: PIECE * PIECES])
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if self._sent:
                    self._sent = self._size  # a server that refuses a large body does not read all of it
                elif error.errno != errno.ENOTCONN:
                    raise
                break
        if not self._sent:
            _check(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))  # still connecting, or refused?
        return self._sent > before

    def _receive(self) -> bool:
        assert self._socket is not None
        received = False
        for _ in range(PIECES):
            if not self._sent:
                break  # not connected yet
            try:
                data = self._socket.recv(PIECE)
            except (BlockingIOError, InterruptedError):
                break
            if data:
                self.answer.feed(data)
            else:
                self.answer.end()
            received = True
            if self.answer.done:
                break
        return received
