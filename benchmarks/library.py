"""The procedural library: making, building, scattering, and what a start of Blender pays for it.

    python benchmarks/library.py        (a Python that has bpy)

Seconds of the processor, so that a busy machine does not matter much. The limit of the issue is 2 s for a scene of
200 objects.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[1]))

from blender_aigc.catalogue import catalogue  # noqa: E402
from blender_aigc.director.generators import generate  # noqa: E402
from blender_aigc.director.generators.add import add, scatter  # noqa: E402
from blender_aigc.director.generators.build import Builder, fill  # noqa: E402
from blender_aigc.director.generators.shapes.piece import assembled  # noqa: E402
from blender_aigc.director.generators.shapes.solids import ball  # noqa: E402


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def made_and_built() -> None:
    """Every generator with its defaults: arrays, then objects."""
    rows = []
    for info in catalogue().generators:
        start = time.process_time()
        parts = generate(info.id)
        between = time.process_time()
        Builder().build(parts, info.label, bpy.context.scene.collection)
        rows.append((between - start, time.process_time() - between, parts.faces(), info.id))
    rows.sort(reverse=True)
    print(f"all {len(rows)} generators: made {sum(r[0] for r in rows):.2f} s, built {sum(r[1] for r in rows):.2f} s")
    for made, built, faces, name in rows[:5]:
        print(f"  {name:<14} {faces:>8} faces  made {made:.2f} s  built {built:.2f} s")
    print(f"  median made {rows[len(rows) // 2][0] * 1000:.0f} ms")


def main() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    print(f"catalogue read: {seconds(catalogue) * 1000:.0f} ms")
    made_and_built()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    land = add(bpy.context, "terrain").root
    tree = add(bpy.context, "tree").root
    bpy.context.view_layer.update()
    for number in (200, 1000, 5000):
        spent = seconds(lambda number=number: scatter(bpy.context, land, [tree], number))
        print(f"{number} trees on a terrain of {len(land.data.polygons)} faces: {spent:.2f} s")
    part = assembled("Ball", [(ball(1.0, 408), "plain")], closed=True)
    mesh = bpy.data.meshes.new("Ball")
    print(f"a mesh of {part.faces} faces, creases marked: {seconds(lambda: fill(mesh, part)):.2f} s")


if __name__ == "__main__":
    main()
