"""Reads GLB files back for tests, with nothing of the writer's code; and asks the Khronos validator about them."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

_TYPES = {5123: np.dtype("<u2"), 5125: np.dtype("<u4"), 5126: np.dtype("<f4")}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_ROOT = Path(__file__).parents[2]


class Glb:
    """A parsed GLB: `doc` is its JSON, `binary` the other chunk."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        self.doc = json.loads(data[20 : 20 + size])
        binary_size, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0"
        self.binary = data[28 + size :]
        assert len(self.binary) == binary_size

    def view(self, index: int) -> bytes:
        view = self.doc["bufferViews"][index]
        return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        accessor = self.doc["accessors"][index]
        flat = np.frombuffer(self.view(accessor["bufferView"]), _TYPES[accessor["componentType"]])
        width = _WIDTHS[accessor["type"]]
        assert len(flat) == accessor["count"] * width
        return flat if width == 1 else flat.reshape(-1, width)

    def attribute(self, name: str, mesh: int = 0) -> np.ndarray:
        return self.accessor(self.doc["meshes"][mesh]["primitives"][0]["attributes"][name])

    def triangles(self, mesh: int = 0) -> np.ndarray:
        return self.accessor(self.doc["meshes"][mesh]["primitives"][0]["indices"]).reshape(-1, 3)


def khronos_issues(*paths: Path) -> dict[Path, dict]:
    """The validator's `issues` of each file. Skips the test, with the reason, where the validator is not installed."""
    node = os.environ.get("AIGC_NODE") or shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (dev.py test brings it)")
    modules = Path(os.environ.get("AIGC_NODE_MODULES", _ROOT / ".venvs/node/node_modules"))
    package = modules / "gltf-validator"
    if not package.is_dir():
        pytest.skip("the npm package gltf-validator is not installed (dev.py test brings it)")
    script = Path(__file__).with_name("validate_gltf.mjs")
    run = subprocess.run(
        [node, str(script), str(package.resolve()), *map(str, paths)], capture_output=True, timeout=120, check=True
    )
    return {Path(path): issues for path, issues in json.loads(run.stdout).items()}
