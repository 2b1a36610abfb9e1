"""One atlas against a texture for each object: the same number of texels, painted and baked. Ratios within one run.

python benchmarks/texture_atlas.py [--objects 16] [--size 2048]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import trimesh

from blender_aigc.protocol import Blob, Job
from server.geometry.atlas import atlas_sets
from server.geometry.cameras import six_axes
from server.geometry.gltf_input import Piece, joined
from server.geometry.mesh import Mesh
from server.geometry.mesh_input import MeshInput
from server.geometry.texture_sets import texture_sets, uv_areas
from server.geometry.unwrap import unwrap
from server.geometry.view_bake import bake_views
from server.registry import Registry
from server.texturing.subject import as_scene
from server.worker import Runner


def row(count: int) -> MeshInput:
    """Balls of different sizes side by side."""
    shape = trimesh.creation.icosphere(4)
    laid, _ = unwrap(Mesh(shape.vertices.astype(np.float32), shape.faces.astype(np.int32)), 1024)
    assert laid.corner_uvs is not None
    normals = shape.vertices[shape.faces].astype(np.float32)
    sizes = np.random.default_rng(1).uniform(0.4, 1, count).astype(np.float32)
    pieces = [
        Piece(f"ball{n}", "", laid.vertices * size + np.float32([2.5 * n, 0, 0]), laid.faces, normals, laid.corner_uvs)
        for n, size in enumerate(sizes)
    ]
    return joined(pieces, "row")


def painted(path: Path, **params: str) -> float:
    """Seconds of a job of `solid`."""
    with tempfile.TemporaryDirectory() as out:
        job = Job(str(uuid.uuid4()), "texture_mesh", "solid", {"mesh": Blob("0" * 64, ".obj")}, params, "oak", name="x")
        begin = time.perf_counter()
        ending = Runner(Registry(), "cpu").run(job, Path(out), {"mesh": path}, lambda _: None, lambda: False)
        assert ending.say == "done", ending.fault
        return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=16)
    parser.add_argument("--size", type=int, default=2048)
    options = parser.parse_args()
    small = max(256, round(options.size / options.objects**0.5))
    mesh = row(options.objects)
    begin = time.perf_counter()
    (group,), _ = atlas_sets(row(options.objects), options.size)
    packing = time.perf_counter() - begin
    own = uv_areas(texture_sets(mesh, small)[0][0].uvs).sum()
    seconds = {}
    for name, sets, size in (("each", texture_sets(mesh, small)[0], small), ("atlas", [group], options.size)):
        scene = as_scene(mesh, sets)
        cameras = six_axes(scene.positions, 1024)
        views = [np.full((1024, 1024, 3), 128, np.uint8) for _ in cameras]
        begin = time.perf_counter()
        bake_views(scene, cameras, views, size)
        seconds[name] = time.perf_counter() - begin
    print(f"packing {packing:.2f} s; used {uv_areas(group.uvs).sum():.0%} of the texture, {own:.0%} of a single one")
    ratio = seconds["each"] / seconds["atlas"]
    print(f"bake, 6 views of 1024: {options.objects} x {small} px {seconds['each']:.2f} s, ", end="")
    print(f"atlas {options.size} px {seconds['atlas']:.2f} s, ratio {ratio:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "row.obj"
        path.write_text(_obj(mesh))
        each = painted(path, texture_px=str(small), uv="own")
        atlas = painted(path, texture_px=str(options.size), uv="own", textures="atlas")
    print(f"solid: each {each:.2f} s, atlas {atlas:.2f} s, ratio {each / atlas:.2f}")


def _obj(mesh: MeshInput) -> str:
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices]
    lines += [f"vt {u} {v}" for u, v in mesh.corner_uvs.reshape(-1, 2)]
    for number, thing in enumerate(mesh.objects):
        lines.append(f"o {thing.name}")
        for face in mesh.faces_of(number):
            lines.append("f " + " ".join(f"{v + 1}/{3 * face + n + 1}" for n, v in enumerate(mesh.faces[face])))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
