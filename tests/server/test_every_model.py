"""Every model of the product, as it stands in the registry: small random weights in the published layout, load, run."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest

from blender_aigc.protocol import TASKS, Blob, Job
from server.pipe import Report
from server.registry import Registry
from server.weights import Shelf
from server.worker import Runner

REGISTRY = Registry()
QUICK = {"size": "camera", "steps": 2, "resolution": 64, "faces": 2000, "texture_px": "512", "view_px": "64"}


def toy() -> np.ndarray:
    """(96, 128, 4) uint8: a striped disc with a bar through it, on transparency."""
    y, x = np.mgrid[:96, :128]
    inside = ((x - 64) ** 2 + (y - 48) ** 2 < 36**2) | ((abs(y - 48) < 8) & (abs(x - 64) < 52))
    stripes = np.where((x // 8 % 2)[..., None], np.uint8([210, 60, 40, 255]), np.uint8([50, 90, 200, 255]))
    return np.where(inside[..., None], stripes, np.uint8(0)).astype(np.uint8)


def toy_image(folder: Path) -> Path:
    np.save(folder / "toy.npy", toy())
    return folder / "toy.npy"


def toy_passes(folder: Path) -> Path:
    """The toy as a disc that bulges out of a plane 3 m away, moving two pixels to the right each frame."""
    picture = toy()
    y, x = np.mgrid[:96, :128].astype(np.float32)
    inside = picture[..., 3] > 0
    bulge = np.sqrt(np.clip(1 - ((x - 64) ** 2 + (y - 48) ** 2) / 60**2, 0.1, 1))
    normal = np.stack([(x - 64) / 60, (48 - y) / 60, bulge], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    edge = inside ^ (np.roll(inside, 1, 0) & np.roll(inside, 1, 1) & inside)
    meta = {"objects": ["", "Disc"], "materials": ["", "Stripes"], "camera": "PERSP", "frame": 1}
    np.savez(
        folder / "toy.npz",
        combined=picture,
        depth=np.where(inside, 3 - bulge, np.float32(np.inf)),
        normal=np.where(inside[..., None], normal, np.float32(0)),
        object_id=inside.astype(np.int32),
        material_id=inside.astype(np.int32),
        line=edge.astype(np.uint8) * 255,
        vector=np.broadcast_to(np.float32([-2, 0, 2, 0]), (96, 128, 4)),
        meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
    )
    return folder / "toy.npz"


def toy_state(folder: Path) -> Path:
    """What begins a sequence: nothing."""
    np.savez(folder / "toy_state.npz", meta=np.frombuffer(b"{}", np.uint8))
    return folder / "toy_state.npz"


def toy_mesh(folder: Path) -> Path:
    """A tetrahedron, without UVs."""
    corners = ("0 0 0", "1 0 0", "0 1 0", "0 0 1")
    faces = ("1 3 2", "1 2 4", "1 4 3", "2 3 4")
    (folder / "toy.obj").write_text("".join(f"v {c}\n" for c in corners) + "".join(f"f {f}\n" for f in faces))
    return folder / "toy.obj"


def toy_views(folder: Path) -> Path:
    """Two grey views of the toy mesh, as a texture's result keeps them."""
    pytest.importorskip("torch")
    from server.geometry.blend import BakeOptions
    from server.geometry.cameras import framing, towards
    from server.geometry.mesh_input import read_mesh
    from server.geometry.texture_sets import texture_sets
    from server.geometry.view_bake import bake_views
    from server.texturing.stored_views import StoredViews, fingerprint, stored_bytes
    from server.texturing.subject import as_scene

    mesh = read_mesh(toy_mesh(folder))
    triangles = as_scene(mesh, texture_sets(mesh, 512)[0])
    cameras = [framing(triangles.positions, towards(angle, 30), 64, name=str(angle)) for angle in (0, 180)]
    views = [np.full((64, 64, 3), 90, np.uint8)] * 2
    baked = bake_views(triangles, cameras, views, 512)
    kept = StoredViews(cameras, views, baked, BakeOptions(), fingerprint(triangles))
    (folder / "views.npz").write_bytes(stored_bytes(kept, lambda: None))
    return folder / "views.npz"


def toy_cameras(folder: Path) -> Path:
    """The scene's camera before the tetrahedron's slanted face, with a picture as large as the toy."""
    from server.geometry.cameras import Camera, framing

    square = framing(np.eye(3), np.array([-1.0, -1, -1]), 96)
    wide = Camera(square.world_from_camera, square.focal_px, (64, 48), (128, 96), name="Camera")
    (folder / "toy.json").write_text(json.dumps({"active": wide.meta()}))
    return folder / "toy.json"


TOYS = {
    "image": toy_image,
    "passes": toy_passes,
    "state": toy_state,
    "mesh": toy_mesh,
    "views": toy_views,
    "cameras": toy_cameras,
}
"""A small input of every kind, written into a folder."""


def test_the_models_can_all_be_imported() -> None:
    assert REGISTRY.broken == {}
    known = {"echo", "enlarge", "flux", "inflate", "sd15", "sdxl", "solid", "stylise", "triposr", "z_image"}
    assert known <= set(REGISTRY.models)


@pytest.mark.parametrize("model_id", sorted(REGISTRY.models))
def test_tiny_load_run(model_id: str, tmp_path: Path) -> None:
    model = REGISTRY.models[model_id]
    if model.info.remote:
        pytest.skip("its weights are elsewhere; tests/server/test_openai_compatible.py has a server for it")
    for module in model.info.requires:
        pytest.importorskip(module)
    weights, out = tmp_path / "weights", tmp_path / "out"
    weights.mkdir()
    out.mkdir()
    model.tiny(weights)
    assert bool(list(weights.iterdir())) == (model.weights is not None)
    task = TASKS[model.info.task]
    assert {given.kind for given in task.inputs if given.required} <= set(TOYS), "write a toy of that kind"
    inputs = {given.key: TOYS[given.kind](tmp_path) for given in task.inputs if given.kind in TOYS}
    job = Job(
        str(uuid.uuid4()),
        task.id,
        model_id,
        {key: Blob("0" * 64, path.suffix) for key, path in inputs.items()},
        {
            param.key: QUICK[param.key]
            for param in model.info.params
            if type(QUICK.get(param.key)) is type(param.default)
        },
        prompt="a red ball" if task.prompt else "",
        name="toy",
    )
    reports: list[Report] = []
    runner = Runner(Registry(shelf=Shelf([weights], hub_cache=tmp_path / "none")), "cpu")
    ending = runner.run(job, out, inputs, reports.append, lambda: False)
    assert ending.say == "done", ending.fault
    assert {artefact.kind for artefact in ending.result.artefacts} <= set(task.outputs)
    assert all((out / artefact.file).stat().st_size == artefact.bytes for artefact in ending.result.artefacts)
    assert ending.result.provenance.model == model_id
    needed = model.weights is not None and not model.weights.optional  # others are named when a job uses them
    assert bool(ending.result.provenance.weights_sha256) == needed
    assert len(reports) > 1
