"""The description of the HTTP interface for TDs, made from the messages themselves. Standard library only."""

from __future__ import annotations

import dataclasses
import html
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from blender_aigc.protocol import (
    VERSION,
    Blob,
    FaultRecord,
    Health,
    Job,
    JobStatus,
    Lease,
    Models,
    field_types,
)

UUID_PATTERN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
SUFFIX_PATTERN = r"^\.[a-z0-9]{1,8}$"
PLAIN_SUFFIX = ".bin"
BLOB_PATTERN = r"^[0-9a-f]{64}\.[a-z0-9]{1,8}$"
FILE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
CLIENT_PATTERN = r"^[A-Za-z0-9_.:-]{1,80}$"
LARGEST_SINCE = 2**53 - 1
LONGEST_LEASE_S = 24 * 3600.0


@dataclass(frozen=True)
class Route:
    """One operation. request, answer: message classes; "bytes" for files, None for nothing.

    links: (operation that follows, its path parameter, where the answer or the request holds the value).
    """

    method: Literal["get", "put", "post", "delete"]
    path: str
    summary: str
    answer: type | Literal["bytes"] | None
    request: type | Literal["bytes"] | None = None
    refusals: tuple[int, ...] = ()
    success: int = 200
    links: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        """ "post_v1_jobs" and its like, unique."""
        return "_".join([self.method, *(part.strip("{}") for part in self.path.split("/") if part)])


_TO_THE_JOB = (
    ("get_v1_jobs_id", "id", "$response.body#/id"),
    ("post_v1_jobs_id_cancel", "id", "$response.body#/id"),
)

ROUTES = (
    Route("get", "/v1/health", "Is the server well, and what is it doing?", Health),
    Route("get", "/v1/models", "All models with their parameters", Models),
    Route(
        *("post", "/v1/jobs", "Submit a job; once answered, it survives a crash", JobStatus, Job),
        refusals=(404, 422),
        links=_TO_THE_JOB,
    ),
    Route("get", "/v1/jobs/{id}", "State of a job, with its events after number `since`", JobStatus, None, (404,)),
    Route("post", "/v1/jobs/{id}/cancel", "Cancel a job (harmless when it has ended)", JobStatus, None, (404,)),
    Route("get", "/v1/jobs/{id}/files/{name}", "A file of a job's folder: artefact or preview", "bytes", None, (404,)),
    Route("post", "/v1/blobs", "Store an input; the answer is its name", Blob, "bytes"),
    Route(
        *("put", "/v1/blobs/{name}", "Store an input under its sha256 and suffix", Blob, "bytes"),
        links=(("get_v1_blobs_name", "name", "$request.path.name"),),
    ),
    Route("get", "/v1/blobs/{name}", "Read a stored input", "bytes", None, (404,)),
    Route(
        *("put", "/v1/leases", "Ask the server to live on for some time", Health, Lease),
        links=(("delete_v1_leases_client", "client", "$request.body#/client"),),
    ),
    Route("delete", "/v1/leases/{client}", "Give a lease back", None, None, (404,), 204),
    Route("post", "/v1/shutdown", "End the server; a running job waits for the next one", None, None, (), 204),
)

_EXPLAINED = {
    400: "Not a valid request; the fault says where",
    401: "Missing or wrong token",
    403: "Wrong Host header, or a web page's Origin",
    404: "Unknown job, file, model or lease",
    409: "Another job has this id, the content is not what the name says, or another protocol version",
    413: "Body too large",
    415: "Body of another content type",
    422: "The input cannot be used",
    500: "A mistake in the server; see its log",
    503: "Out of memory",
    507: "No room on the disk",
}
_ALWAYS = (400, 401, 403, 409, 413, 415, 507)

_EXAMPLE_JOB = {
    "id": "6f1c3b52-0d5e-4c7e-9a61-2f7f0f1f9d10",
    "task": "echo",
    "model": "echo",
    "prompt": "Hello",
    "params": {"steps": 4},
}

_PATTERNS: dict[tuple[str, str], dict[str, Any]] = {
    ("Job", "id"): {"pattern": UUID_PATTERN},
    ("Job", "seed"): {"minimum": 0, "maximum": 2**31 - 1},
    ("Blob", "sha256"): {"pattern": "^[0-9a-f]{64}$"},
    ("Blob", "suffix"): {"pattern": SUFFIX_PATTERN},
    ("Lease", "client"): {"pattern": CLIENT_PATTERN},
    ("Lease", "seconds"): {"exclusiveMinimum": 0, "maximum": LONGEST_LEASE_S},
    ("Lease", "pid"): {"minimum": 0, "maximum": 2**31 - 1},
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    _schema(FaultRecord, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AIGC Studio server", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def page() -> str:
    """The same for people: one plain page, without scripts or anything from elsewhere."""
    rows = "".join(
        f"<tr><td><code>{route.method.upper()}</code><td><code>{html.escape(route.path)}</code>"
        f"<td>{html.escape(route.summary)}<td>{_link(route.request)}<td>{_link(route.answer)}"
        for route in ROUTES
    )
    schemas: dict[str, Any] = document()["components"]["schemas"]
    messages = "".join(_message(name, schema) for name, schema in schemas.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>AIGC Studio server</title>"
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2em 1em .2em 0}"
        "pre{white-space:pre-wrap}</style>"
        f"<h1>AIGC Studio server {VERSION}</h1>"
        "<p>Requests need the header <code>Authorization: Bearer TOKEN</code>; port and token are "
        "in <code>server.json</code> of the data folder. Errors are a FaultRecord. "
        "The same for programs: <a href=openapi.json>openapi.json</a>.</p>"
        f"<table><tr><th>Method<th>Path<th>What it does<th>Takes<th>Gives{rows}</table><h2>Messages</h2>{messages}"
    )


def _link(kind: type | str | None) -> str:
    if isinstance(kind, type):
        return f"<a href=#{kind.__name__}>{kind.__name__}</a>"
    return kind or ""


def _message(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(key)}</code><td>{html.escape(_words(value))}"
        f"<td>{'required' if key in schema.get('required', ()) else ''}"
        for key, value in schema["properties"].items()
    )
    text = html.escape(schema.get("description", ""))
    return f"<h3 id={name}>{name}</h3><pre>{text}</pre><table>{rows}</table>"


def _words(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_words(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_words(schema['items'])}"
    if schema.get("type") == "object":
        return f"object of {_words(schema['additionalProperties'])}"
    return schema["type"]


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done", **_content(route.answer, schemas)}
    if route.links:
        done["links"] = {
            target: {"operationId": target, "parameters": {key: value}} for target, key, value in route.links
        }
    answers: dict[str, Any] = {str(route.success): done}
    fault = _content(FaultRecord, schemas)
    for status in sorted({*_ALWAYS, *route.refusals}):
        answers[str(status)] = {"description": _EXPLAINED[status], **fault}
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary, "responses": answers}
    if route.request is not None:
        content = _content(route.request, schemas)
        if route.request is Job:
            content["content"]["application/json"]["example"] = _EXAMPLE_JOB
        operation["requestBody"] = {"required": True, **content}
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    blob = BLOB_PATTERN if "/blobs/" in route.path else FILE_PATTERN
    patterns = {"id": UUID_PATTERN, "name": blob, "client": CLIENT_PATTERN}
    found: list[dict[str, Any]] = [
        {"name": key, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
        for key, pattern in patterns.items()
        if f"{{{key}}}" in route.path
    ]
    if route.path == "/v1/jobs/{id}":
        since = {"type": "integer", "minimum": 0, "maximum": LARGEST_SINCE, "default": 0}
        found.append({"name": "since", "in": "query", "schema": since})
    if route.path == "/v1/blobs":
        suffix = {"type": "string", "pattern": SUFFIX_PATTERN, "default": PLAIN_SUFFIX}
        found.append({"name": "suffix", "in": "query", "schema": suffix})
    return found


def _content(kind: type | str | None, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind is None:
        return {}
    if kind == "bytes":
        return {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    return {"content": {"application/json": {"schema": _schema(kind, schemas)}}}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of a type as the codec reads it; messages are collected in `schemas` and referred to."""
    if dataclasses.is_dataclass(kind):
        return _message_schema(typing.cast(type, kind), schemas)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(option, schemas) for option in arguments]}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], schemas)}
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names[kind]}


def _message_schema(cls: type, schemas: dict[str, Any]) -> dict[str, Any]:
    name = cls.__name__
    if name not in schemas:
        schemas[name] = {}  # a message that holds itself ends here
        fields = field_types(cls)
        schemas[name] = {
            "type": "object",
            "description": (cls.__doc__ or "").strip(),
            "additionalProperties": False,
            "required": [key for key, (_, required) in fields.items() if required],
            "properties": {
                key: _schema(kind, schemas) | _PATTERNS.get((name, key), {}) for key, (kind, _) in fields.items()
            },
        }
    return {"$ref": f"#/components/schemas/{name}"}
