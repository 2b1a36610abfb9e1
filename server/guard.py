"""Who may speak to the server, and how much: token, Host, Origin, content type, size. Standard library only.

The server listens on loopback, but every web page in the user's browser can reach loopback too. A page cannot know the
token; the Host check stops a name that is rebound to 127.0.0.1, the Origin check every page that calls directly.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from blender_aigc.protocol import PROTOCOL, Fault, FaultCode, encode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

JSON_BYTES = 1 << 20
OPEN_PATHS = frozenset({"/v1/docs", "/v1/openapi.json"})
"""The description of the server, the same on every machine: a browser cannot send a token."""

STATUS: dict[FaultCode, int] = {
    "bad_request": 400,
    "bad_input": 422,
    "unknown_model": 404,
    "not_installed": 409,
    "weights_missing": 409,
    "weights_damaged": 409,
    "licence_not_accepted": 409,
    "out_of_memory": 503,
    "cancelled": 409,
    "empty_result": 422,
    "server_gone": 503,
    "version_mismatch": 409,
    "disk_full": 507,
    "internal": 500,
}


class Refusal(Exception):
    """A fault with an HTTP status that its code alone does not tell."""

    def __init__(self, status: int, fault: Fault) -> None:
        super().__init__(str(fault))
        self.status = status
        self.fault = fault


def refusal(status: int, message: str, hint: str = "", code: FaultCode = "bad_request") -> Refusal:
    return Refusal(status, Fault(code, message, hint))


class Guard:
    """ASGI middleware: lets through what comes from our client, refuses the rest."""

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app = app
        self._token = f"Bearer {token}".encode()
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            self._check(scope)
        except Refusal as refused:
            await send_fault(send, refused.status, refused.fault)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: MutableMapping[str, Any]) -> None:
        pairs: list[tuple[bytes, bytes]] = scope["headers"]
        headers = dict(pairs)
        if headers.get(b"host", b"").lower() not in self._hosts or sum(name == b"host" for name, _ in pairs) != 1:
            raise refusal(403, "The server answers only under its own address.")
        if b"origin" in headers:
            raise refusal(403, "The server does not answer web pages.")
        if scope["path"] in OPEN_PATHS and scope["method"] in ("GET", "HEAD"):
            return
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._token):
            raise refusal(401, "The token is not the one of this server.", "Press Restart Server.")
        spoken = headers.get(b"aigc-protocol", str(PROTOCOL).encode())
        if spoken != str(PROTOCOL).encode():
            raise Refusal(
                409,
                Fault(
                    "version_mismatch",
                    "The add-on and the server are of different versions.",
                    "Press Restart Server.",
                    f"the server speaks protocol {PROTOCOL}, the client {spoken[:20]!r}",
                ),
            )
        _check_body(scope, headers)


def _check_body(scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> None:
    """A body must be of the type that its route takes (form types are what a web page can send unasked)."""
    if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0":
        return
    given = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    wanted = b"application/octet-stream" if f"{scope['path']}/".startswith("/v1/blobs/") else b"application/json"
    if given != wanted:
        raise refusal(415, f"The body must be {wanted.decode()}.")


async def send_fault(send: Send, status: int, fault: Fault) -> None:
    """Answer with `fault` as JSON."""
    body = encode(fault.record()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
