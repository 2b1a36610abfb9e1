"""The HTTP interface: decode, call, encode. openapi.py lists the same routes, and a test compares the two."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from blender_aigc.protocol import Fault, FaultRecord, Job, Lease, decode, encode

from . import openapi
from .blobs import parse_name, store_blob
from .guard import JSON_BYTES, STATUS, Guard, Refusal, refusal
from .jobs import Jobs, UnknownJob
from .leases import Leases
from .registry import Registry
from .store import TakenId

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_log = logging.getLogger(__name__)


class Routes:
    """The handlers. on_shutdown ends the server, largest_blob bounds an upload in bytes."""

    def __init__(
        self, jobs: Jobs, registry: Registry, leases: Leases, on_shutdown: Callable[[], None], largest_blob: int
    ) -> None:
        self._jobs = jobs
        self._registry = registry
        self._leases = leases
        self._on_shutdown = on_shutdown
        self._largest_blob = largest_blob

    async def health(self, request: Request) -> Response:
        return answer(self._jobs.health(self._leases.count()))

    async def models(self, request: Request) -> Response:
        return answer(self._registry.listing())

    async def submit(self, request: Request) -> Response:
        return answer(self._jobs.submit(await read(Job, request)))

    async def status(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not re.fullmatch(r"[0-9]{1,16}", since) or int(since) > openapi.LARGEST_SINCE:
            raise Fault("bad_request", "`since` must be the number of an event.", detail=since[:80])
        return answer(self._jobs.status(request.path_params["id"], int(since)))

    async def cancel(self, request: Request) -> Response:
        return answer(self._jobs.cancel(request.path_params["id"]))

    async def job_file(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        if not re.fullmatch(openapi.FILE_PATTERN, name):
            raise refusal(404, "The job has no such file.")
        return _file(self._jobs.file(request.path_params["id"], name))

    async def put_blob(self, request: Request) -> Response:
        named = parse_name(request.path_params["name"])
        return await self._stored(request, named.suffix, named.sha256)

    async def post_blob(self, request: Request) -> Response:
        return await self._stored(request, request.query_params.get("suffix", openapi.PLAIN_SUFFIX))

    async def _stored(self, request: Request, suffix: str, sha256: str | None = None) -> Response:
        body = request.stream()
        return answer(await store_blob(self._jobs.blob_folder, suffix, body, self._largest_blob, sha256))

    async def get_blob(self, request: Request) -> Response:
        return _file(self._jobs.blob_folder / parse_name(request.path_params["name"]).file_name)

    async def renew(self, request: Request) -> Response:
        lease = await read(Lease, request)
        if not re.fullmatch(openapi.CLIENT_PATTERN, lease.client):
            raise Fault(
                "bad_request", "The name of the lease has letters that it cannot have.", detail=lease.client[:80]
            )
        if not 0 < lease.seconds <= openapi.LONGEST_LEASE_S:
            raise Fault("bad_request", f"A lease lasts up to a day, not {lease.seconds:g} s.")
        if not 0 <= lease.pid < 2**31:
            raise Fault("bad_request", f"{lease.pid} is not the id of a process.")
        self._leases.renew(lease)
        return answer(self._jobs.health(self._leases.count()))

    async def release(self, request: Request) -> Response:
        if not self._leases.release(request.path_params["client"]):
            raise refusal(404, "There is no such lease.")
        return Response(status_code=204)

    async def shutdown(self, request: Request) -> Response:
        self._on_shutdown()
        return Response(status_code=204)

    async def describe(self, request: Request) -> Response:
        return Response(json.dumps(openapi.document()), media_type="application/json")

    async def docs(self, request: Request) -> Response:
        return HTMLResponse(
            openapi.page(), headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        )

    def table(self) -> list[Route]:
        """One route for each path, so that a refused method is told all others."""
        handlers: dict[str, dict[str, Handler]] = {
            "/v1/health": {"GET": self.health},
            "/v1/models": {"GET": self.models},
            "/v1/jobs": {"POST": self.submit},
            "/v1/jobs/{id}": {"GET": self.status},
            "/v1/jobs/{id}/cancel": {"POST": self.cancel},
            "/v1/jobs/{id}/files/{name}": {"GET": self.job_file},
            "/v1/blobs": {"POST": self.post_blob},
            "/v1/blobs/{name}": {"GET": self.get_blob, "PUT": self.put_blob},
            "/v1/leases": {"PUT": self.renew},
            "/v1/leases/{client}": {"DELETE": self.release},
            "/v1/shutdown": {"POST": self.shutdown},
            "/v1/openapi.json": {"GET": self.describe},
            "/v1/docs": {"GET": self.docs},
        }
        return [_route(path, methods) for path, methods in handlers.items()]


def _route(path: str, methods: dict[str, Handler]) -> Route:
    async def dispatch(request: Request) -> Response:
        handler = methods.get(request.method)
        if handler is None:
            raise HTTPException(405, headers={"Allow": ", ".join(methods)})
        return await handler(request)

    return Route(path, dispatch, methods=list(METHODS))


def build_app(routes: Routes, token: str, port: int) -> Guard:
    """The application, behind its guard."""
    app = Starlette(
        routes=routes.table(),
        exception_handlers={
            Fault: _on_fault,
            Refusal: _on_refusal,
            HTTPException: _on_http,
            ClientDisconnect: _on_disconnect,
            Exception: _on_bug,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, token, port)


def answer(message: Any) -> Response:
    return Response(encode(message), media_type="application/json")


async def read(cls: type[T], request: Request) -> T:
    """The body as a message. Raises Refusal 413, Fault("bad_request")."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > JSON_BYTES:
            raise refusal(413, "The message is larger than 1 MiB.", "Shorten the prompt.")
    return decode(cls, bytes(body))


class _File(FileResponse):
    chunk_size = (
        1 << 20
    )  # bytes; every piece is a trip to a thread and back, and the usual 64 KB makes 400 of a set of passes


def _file(path: Path) -> Response:
    """A regular file of a folder of ours; a link could lead out of it."""
    if path.is_symlink() or not path.is_file():
        raise refusal(404, "There is no such file.")
    return _File(path, media_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"})


def _refused(status: int, record: FaultRecord) -> Response:
    headers = {"Connection": "close"} if status == 413 else None  # the rest of the body is not read
    return Response(encode(record), status, headers, media_type="application/json")


async def _on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, Fault)
    status = 404 if isinstance(error, UnknownJob) else 409 if isinstance(error, TakenId) else STATUS[error.code]
    if status >= 500:
        _log.error("%s %s: %s %s", request.method, request.url.path, error, error.detail)
    return _refused(status, error.record())


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _refused(error.status, error.fault.record())


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is no such page.", 405: "The page does not take this method."}
    response = _refused(error.status_code, FaultRecord("bad_request", words.get(error.status_code, str(error.detail))))
    response.headers.update(error.headers or {})
    return response


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return _refused(400, FaultRecord("bad_request", "The connection closed before the body was complete."))


async def _on_bug(request: Request, error: Exception) -> Response:
    """Starlette logs the traceback and passes it on to uvicorn, which logs it too."""
    return _refused(500, FaultRecord("internal", "The server made a mistake.", "See its log.", type(error).__name__))
