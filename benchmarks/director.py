"""Building and baking plans: a scene of 200 objects, and our bakes against Blender's own bake of the same settings.

python benchmarks/director.py      in an environment with bpy; ratios within one run
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.director import order, rigid, simulate, solids  # noqa: E402
from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.build import carry_out  # noqa: E402
from blender_aigc.plan import SHAPES, load, validate  # noqa: E402

SCENES = {
    "rigid, 60 bricks": [{"name": "b", "shape": "brick", "count": 60, "arrange": "wall", "rigid": {}}],
    "cloth, a flag": [{"name": "f", "shape": "flag", "cloth": {"pin": "left", "release_frame": 40},
                       "place": {"relation": "at", "offset_m": [0, 0, 1]}}],
}  # fmt: skip
RUNS = 3


def empty() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def build_200() -> float:
    """Seconds to build 200 objects of all shapes."""
    names = list(SHAPES)
    things = [{"name": f"{names[i]} {i}", "shape": names[i], "count": 5} for i in range(40)]
    empty()
    start = time.perf_counter()
    carry_out(bpy.context, validate({"version": 1, "title": "many", "objects": things}))
    return time.perf_counter() - start


def ordered(things: list[dict]) -> Path:
    empty()
    built = carry_out(
        bpy.context, validate({"version": 1, "title": "one", "objects": things, "timing": {"frames": 60}})
    )
    return Bake(bpy.context, built, Path(tempfile.mkdtemp())).folder


def ours(folder: Path) -> float:
    empty()
    given = order.read_order(folder)
    objects, ground = simulate.opened(folder / order.SCENE, given)
    start = time.perf_counter()
    solids.simulate(bpy.context.scene, load(given.plan), given, objects, ground, folder, lambda *_: None)
    return time.perf_counter() - start


def blenders(folder: Path) -> float:
    """The same scene, set up by us and baked by `ptcache.bake_all`."""
    empty()
    given = order.read_order(folder)
    plan = load(given.plan)
    objects, ground = simulate.opened(folder / order.SCENE, given)
    scene, clock = bpy.context.scene, rigid.clock(plan, given.fps)
    scene.frame_end = clock.solver(plan.timing.frames)
    if any(rigid.is_active(thing) for thing in plan.objects):
        rigid.add_bodies(scene, plan, objects, ground, clock)
    solids._add_deformed(plan, objects, ground, clock)  # noqa: SLF001
    start = time.perf_counter()
    bpy.ops.ptcache.bake_all(bake=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    bpy.ops.wm.read_factory_settings(use_empty=True)
    print(f"200 objects built in {min(build_200() for _ in range(RUNS)):.2f} s")
    for name, things in SCENES.items():
        folder = ordered(things)
        pairs = [(ours(folder), blenders(folder)) for _ in range(RUNS)]
        ratio = statistics.median(a / b for a, b in pairs)
        best = [min(times) for times in zip(*pairs, strict=True)]
        print(f"{name}: ours {best[0]:.2f} s, Blender's bake {best[1]:.2f} s, ratio {ratio:.2f}")
