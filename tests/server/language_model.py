"""A real HTTP server that speaks chat completions, and whatever a test wants it to say."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """status, the text that the model "says", or a raw body instead; headers; seconds before and between letters."""

    said: str = ""
    status: int = 200
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    drip_s: float = 0.0
    message: dict[str, Any] | None = None

    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        message = self.message or {"role": "assistant", "content": self.said}
        usage = {"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140}
        return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}).encode()


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at_s: float = field(default_factory=time.monotonic)


@dataclass
class LanguageModel:
    """address: up to /v1. asked: every request, in order. replies: what is said next; the last one goes on for ever."""

    address: str
    replies: list[Reply | Callable[[Asked], Reply]]
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def language_model(*replies: Reply | Callable[[Asked], Reply]) -> Iterator[LanguageModel]:
    """A server on a free port, for the time of the block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._answer(json.loads(self.rfile.read(length)))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            model.asked.append(asked)
            if self.path.endswith("/models"):
                reply = Reply(raw=json.dumps({"data": [{"id": "small"}, {"id": "large"}]}).encode())
            else:
                reply = model.replies.pop(0) if len(model.replies) > 1 else model.replies[0]
                reply = reply if isinstance(reply, Reply) else reply(asked)
            stopped.wait(reply.wait_s)
            data = reply.body()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not reply.drip_s:
                    self.wfile.write(data)
                    return
                for letter in data:
                    self.wfile.write(bytes([letter]))
                    self.wfile.flush()
                    time.sleep(reply.drip_s)
            except OSError:
                self.close_connection = True  # the client hung up

        def log_message(self, *_: object) -> None:
            """Quiet."""

    stopped = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model = LanguageModel(f"http://127.0.0.1:{server.server_port}/v1", list(replies))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
