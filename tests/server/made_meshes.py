"""Meshes for the texturing tests, and a way to run a job in this process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blender_aigc.protocol import Blob, Job
from server.geometry.gltf_input import Piece, joined
from server.geometry.mesh_input import MeshInput
from server.registry import Registry
from server.worker import Runner

REGISTRY = Registry()
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
NOISE = np.random.default_rng(3).integers(0, 256, (256, 256, 3), np.uint8)
SIDE = np.repeat(np.arange(6) == 1, 2)
"""The two triangles of the cube's second side, which lies in the middle of the lower row of the texture."""
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def cube(
    uvs: np.ndarray | None = None, slots: tuple[str, ...] = ("",), size: float = 1.0, name: str = "cube"
) -> MeshInput:
    """A cube of 2 * size with flat sides. uvs: (6, 4, 2) of the sides' corners. slots: its sides take them in turn."""
    triangles = [0, 1, 2, 0, 2, 3]
    pieces = []
    for number, slot in enumerate(slots):
        sides = np.arange(6)[number :: len(slots)]
        faces = QUADS[sides][:, triangles].reshape(-1, 3)
        cross = np.cross(CORNERS[faces[:, 1]] - CORNERS[faces[:, 0]], CORNERS[faces[:, 2]] - CORNERS[faces[:, 0]])
        normals = np.repeat((cross / np.linalg.norm(cross, axis=1, keepdims=True))[:, None], 3, axis=1)
        own = None if uvs is None else uvs[sides][:, triangles].reshape(-1, 3, 2)
        pieces.append(Piece(name, slot, CORNERS * np.float32(size), faces, normals, own))
    return joined(pieces, name)


def packed_sides(sides: int = 6) -> np.ndarray:
    """(6, 4, 2): the sides of a cube next to each other; fewer different places than sides lie over each other."""
    places = [(n % 3, n // 3) for n in range(6)]
    return np.stack([(np.array(places[n % sides]) + 0.05 + 0.9 * SQUARE) / 3 for n in range(6)]).astype(np.float32)


def saved(mesh: MeshInput, path: Path, **more: np.ndarray) -> Path:
    """`mesh` as Blender sends it."""
    objects = [
        {"name": o.name, "slots": list(o.slots), "prompt": o.prompt, "uv": o.uv, "target": "slots", "loops": 0}
        for o in mesh.objects
    ]
    np.savez(
        path,
        vertices=mesh.vertices,
        faces=mesh.faces,
        corner_normals=mesh.corner_normals,
        corner_uvs=mesh.corner_uvs,
        face_object=mesh.face_object,
        face_slot=mesh.face_slot,
        facts=np.frombuffer(json.dumps({"objects": objects}).encode(), np.uint8),
        **more,
    )
    return path


def with_part(
    path: Path,
    chosen: np.ndarray = SIDE,
    pictures: tuple[np.ndarray, ...] = (NOISE,),
    mesh: MeshInput | None = None,
    uvs: np.ndarray | None = None,
    **present: object,
) -> Path:
    """A cube with a texture, as Blender sends it."""
    mesh = mesh or cube(packed_sides())
    for thing in mesh.objects:
        thing.uv = "own"
    entry = {"ours": False, "maps": {"colour": {"0": 0}}, "plain": {"roughness": 0.25}, **present}
    more = {f"picture_{n}": picture for n, picture in enumerate(pictures)}
    change = np.repeat(np.where(chosen, 255, 0).astype(np.uint8)[:, None], 3, axis=1)
    saved(mesh, path, change=change, present_uvs=mesh.corner_uvs if uvs is None else uvs, **more)
    stored = dict(np.load(path))
    facts = json.loads(stored["facts"].tobytes())
    for thing in facts["objects"]:
        thing["present"] = {str(slot): entry for slot in range(len(thing["slots"]))}
    stored["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(path, **stored)
    return path


def textured(
    mesh: Path,
    out: Path,
    prompt: str = "oak",
    cancelled: Callable[[], bool] = lambda: False,
    seed: int = 0,
    **params: object,
):
    """One job of `solid`; its ending. Small textures unless said otherwise."""
    out.mkdir(exist_ok=True)
    given = {"texture_px": "256", **params}
    blobs = {"mesh": Blob("0" * 64, mesh.suffix)}
    job = Job(str(uuid.uuid4()), "texture_mesh", "solid", blobs, given, prompt, seed, name="thing")
    return Runner(REGISTRY, "cpu").run(job, out, {"mesh": mesh}, lambda report: None, cancelled)
