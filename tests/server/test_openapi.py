"""The published description is true: the same routes, and a fuzzer that believes it finds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from server_process import PATIENCE_S, ServerProcess

from blender_aigc.protocol import FaultRecord, Job, JobStatus, ModelInfo, field_types
from server import openapi

OPEN = {"/v1/openapi.json": {"get"}, "/v1/docs": {"get"}}


def refs(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(refs, value.values()))
    return set().union(*map(refs, value)) if isinstance(value, list) else set()


def test_every_reference_leads_somewhere_and_every_key_is_described() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    assert refs(document) <= {f"#/components/schemas/{name}" for name in schemas}
    for cls in (Job, JobStatus, ModelInfo, FaultRecord):
        schema = schemas[cls.__name__]
        assert set(schema["properties"]) == set(field_types(cls))
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == {key for key, (_, required) in field_types(cls).items() if required}
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations)) == len(openapi.ROUTES)
    json.dumps(document, allow_nan=False)


def test_it_lists_the_routes_that_there_are(tmp_path: Path) -> None:
    """Every described path takes exactly the described methods (by the Allow header of a refused one)."""
    with ServerProcess(tmp_path / "data", "--forever") as server:
        document = server.json("/openapi.json")
        assert document == json.loads(json.dumps(openapi.document()))
        for path, operations in {**document["paths"], **OPEN}.items():
            answer = server.ask("TRACE", path.removeprefix("/v1").replace("{", "").replace("}", ""))
            assert answer.status_code == 405, path
            allowed = {method.strip().lower() for method in answer.headers["Allow"].split(",")}
            assert allowed == set(operations), path


def test_a_fuzzer_finds_nothing(tmp_path: Path) -> None:
    """schemathesis: no crash, no status, type or body that is not described, nothing malformed accepted.

    positive_data_acceptance is left out: JSON schema takes 1.0 for a whole number, the codec on purpose does not.
    """
    with ServerProcess(tmp_path / "data", "--forever") as server:
        line = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--no-color"),
            *("--header", f"Authorization: Bearer {server.hello.token}", "--exclude-path", "/v1/shutdown"),
            *("--exclude-checks", "positive_data_acceptance", "--max-examples", "6", "--seed", "1"),
        ]
        ended = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=5 * PATIENCE_S)
        assert ended.returncode == 0, ended.stdout[-6000:]
        assert " passed" in ended.stdout and "Tested: 11" in ended.stdout, ended.stdout[-3000:]
        assert server.json("/health")["worker_generation"] == 1
    log = (server.data / "logs" / "server.log").read_text(encoding="utf-8")
    assert "Traceback" not in log, log
