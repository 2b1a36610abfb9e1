"""How long Blender waits when Check Views is pressed: objects read as shapes, against objects read to be textured.

    python benchmarks/check_views.py [--levels N] [--rounds N]     (a Python with bpy)

Suzanne, subdivided by a modifier, with her own UV map and without one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_aigc.gather.mesh import mesh_blob, shape_blob  # noqa: E402


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add()
    obj, scene = bpy.context.object, bpy.context.scene
    made = obj.modifiers.new("Subdivision", "SUBSURF")
    made.levels = options.levels
    bpy.context.view_layer.update()
    for own in (True, False):
        if not own:
            obj.data.uv_layers.remove(obj.data.uv_layers[0])
            bpy.context.view_layer.update()
        pairs = [
            (seconds(lambda: mesh_blob([obj], scene)), seconds(lambda: shape_blob([obj], scene)))
            for _ in range(options.rounds)
        ]
        whole, shape = (median(column) for column in zip(*pairs, strict=True))
        words = "own UVs" if own else "no UVs"
        print(f"{words}: to be textured {whole:.3f} s, shape alone {shape:.3f} s, ratio {shape / whole:.2f}")


if __name__ == "__main__":
    main()
