"""Reads the triangles of a Wavefront OBJ file, for texturing: v, vt, vn, f, o, g, usemtl. numpy only.

An OBJ says neither its unit nor its axes; as in Blender's importer, Y is taken as up, +Z as the front, 1 as a metre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blender_aigc.protocol import Fault

from .frames import Frame
from .gltf_input import Piece, joined
from .mesh_input import MeshInput

_OBJ = Frame(up="+Y", front="+Z")


def read_obj_mesh(path: Path) -> MeshInput:
    """Raises Fault("bad_input") for a file that is damaged or has no faces."""
    try:
        return _read(path)
    except (ValueError, IndexError, OverflowError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise Fault("bad_input", f"The file {path.name} is damaged.", "Export it again.", detail) from error


def _read(path: Path) -> MeshInput:
    numbers: dict[str, list[list[float]]] = {"v": [], "vt": [], "vn": []}
    corners: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    thing, slot = path.stem, ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            word, _, rest = line.strip().partition(" ")
            if word in numbers:
                numbers[word].append([float(part) for part in rest.split()[: 2 if word == "vt" else 3]])
            elif word == "f":
                corners.setdefault((thing, slot), []).extend(_fan(rest.split(), numbers))
            elif word == "o":
                thing = rest.strip() or path.stem
            elif word == "usemtl":
                slot = rest.strip()
    position, uvs, normals = (_array(numbers[key], width) for key, width in (("v", 3), ("vt", 2), ("vn", 3)))
    rotation = _OBJ.blender_from_native.T
    pieces = []
    for (name, material), listed in sorted(corners.items(), key=lambda entry: entry[0][0]):
        index = np.array(listed, np.int64).reshape(-1, 3, 3)
        used, faces = np.unique(index[..., 0], return_inverse=True)
        faces = faces.reshape(-1, 3)
        whole = [bool((index[..., n] >= 0).all()) for n in range(3)]
        pieces.append(
            Piece(
                name,
                material,
                (position[used] @ rotation).astype(np.float32),
                faces,
                (normals[index[..., 2]] @ rotation).astype(np.float32) if whole[2] else None,
                uvs[index[..., 1]].astype(np.float32) if whole[1] else None,
            )
        )
    return joined(pieces, path.stem)


def _array(rows: list[list[float]], width: int) -> np.ndarray:
    out = np.array(rows, np.float64).reshape(-1, width)
    if not np.isfinite(out).all():
        raise ValueError("numbers that are not finite")
    return out


def _fan(words: list[str], numbers: dict[str, list[list[float]]]) -> list[tuple[int, int, int]]:
    """The corners (v, vt, vn; -1 for none) of the triangles of one polygon."""
    counts = [len(numbers[key]) for key in ("v", "vt", "vn")]
    out = []
    for word in words:
        parts = (word.split("/") + ["", ""])[:3]
        index = [(int(p) - 1 if int(p) > 0 else counts[n] + int(p)) if p else -1 for n, p in enumerate(parts)]
        if not 0 <= index[0] < counts[0] or index[1] >= counts[1] or index[2] >= counts[2]:
            raise IndexError(f"a face uses {word}, which does not exist")
        out.append((index[0], index[1], index[2]))
    return [corner for n in range(1, len(out) - 1) for corner in (out[0], out[n], out[n + 1])]
