"""Building and baking plans: a scene of 200 objects, and our bakes against Blender's own bake of the same settings.

python benchmarks/director.py      in an environment with bpy; ratios within one run, both sides in turn

Seconds of the processor, all threads together, so that a busy machine counts less; of fluids also those of the clock.
Ours is all that a bake does after the objects were read: bodies, frames, poses read, files; Blender's is
`ptcache.bake_all` alone, without the making of the bodies, and leaves neither poses nor files.

Fluids are baked in processes of their own, which find tests/addon/fluid_trap.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.director import deform, order, rigid, simulate, solids  # noqa: E402
from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.build import carry_out  # noqa: E402
from blender_aigc.plan import SHAPES, load, validate  # noqa: E402

SCENES = {
    "rigid, 60 bricks": [{"name": "b", "shape": "brick", "count": 60, "arrange": "wall", "rigid": {}}],
    "cloth, a flag": [{"name": "f", "shape": "flag", "cloth": {"pin": "left", "release_frame": 40},
                       "place": {"relation": "at", "offset_m": [0, 0, 1]}}],
    "soft, a cube of jelly": [{"name": "j", "shape": "cube", "size_m": [0.4] * 3, "soft": {},
                               "place": {"relation": "at", "offset_m": [0, 0, 0.5]}}],
}  # fmt: skip
CUBE = {"name": "c", "shape": "cube", "size_m": [0.3] * 3}
LIQUID, GAS = {**CUBE, "liquid": {"role": "volume"}}, {**CUBE, "gas": {"type": "smoke"}}
FLUIDS = {"liquid, a cube of 30 cm, 20 frames, 48 cells": ("liquid", LIQUID, {"resolution": 48}, 20),
          "liquid, the same, 96 cells, 8 frames": ("liquid", LIQUID, {"resolution": 96}, 8),
          "smoke of that cube, 40 frames, 48 cells": ("gas", GAS, {"resolution": 48}, 40)}  # fmt: skip
RUNS = 3
PAIRS, FLUID_PAIRS = 30, 7


def empty() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def build_200() -> float:
    """Seconds of the processor to build 200 objects of all shapes."""
    names = list(SHAPES)
    things = [{"name": f"{names[i]} {i}", "shape": names[i], "count": 5} for i in range(40)]
    empty()
    start = time.process_time()
    carry_out(bpy.context, validate({"version": 1, "title": "many", "objects": things}))
    return time.process_time() - start


def ordered(things: list[dict], frames: int = 60, **more: object) -> Path:
    empty()
    data = {"version": 1, "title": "one", "objects": things, "timing": {"frames": frames}, **more}
    built = carry_out(bpy.context, validate(data))
    return Bake(bpy.context, built, Path(tempfile.mkdtemp())).folder


def ours(folder: Path) -> float:
    empty()
    given = order.read_order(folder)
    objects, ground = simulate.opened(folder / order.SCENE, given)
    start = time.process_time()
    solids.simulate(bpy.context.scene, load(given.plan), given, objects, ground, folder, lambda *_: None)
    return time.process_time() - start


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
    deform.add_deformed(plan, objects, ground, clock)
    start = time.process_time()
    bpy.ops.ptcache.bake_all(bake=True)
    return time.process_time() - start


def pair(folder: Path, ours_first: bool) -> tuple[float, float]:
    """Seconds of ours and of Blender's."""
    if ours_first:
        own = ours(folder)
        return own, blenders(folder)
    blender = blenders(folder)
    return ours(folder), blender


def fluid(who: str, part: str, folder: Path) -> None:
    """Bakes liquid or gas of `folder`, the director's way or by `fluid.bake_all`; prints seconds: processor, clock."""
    from blender_aigc.director import fluids

    empty()
    given = order.read_order(folder)
    plan, scene = load(given.plan), bpy.context.scene
    objects, _ = simulate.opened(folder / order.SCENE, given)
    out = Path(tempfile.mkdtemp())
    start = time.process_time(), time.perf_counter()
    if who == "ours":
        fluids.simulate(scene, plan, given, objects, out, part, lambda *_: None)
    else:
        domain = fluids.set_up(scene, plan, given, objects, out, part)
        domain.modifiers["Fluid"].domain_settings.cache_type = "ALL"
        domain.select_set(True)
        bpy.context.view_layer.objects.active = domain
        bpy.ops.fluid.bake_all()
    print(f"seconds {time.process_time() - start[0]:.3f} {time.perf_counter() - start[1]:.3f}", flush=True)
    shutil.rmtree(out)
    os._exit(0)  # bpy's own way out crashes after fluids


def fluid_seconds(who: str, part: str, folder: Path) -> list[float]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "addon" / "fluid_trap"), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, __file__, "--fluid", who, part, str(folder)]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    return [float(word) for word in next(line for line in said.splitlines() if line.startswith("seconds")).split()[1:]]


def fluid_ratios() -> None:
    for name, (part, thing, domain, frames) in FLUIDS.items():
        folder = ordered([thing], frames=frames, domain=domain)
        pairs = []
        for number in range(FLUID_PAIRS):
            order_ = ("ours", "blender") if number % 2 else ("blender", "ours")
            found = {who: fluid_seconds(who, part, folder) for who in order_}
            pairs.append((found["ours"], found["blender"]))
        for kind, unit in enumerate(("processor", "clock")):
            report(f"{name} ({unit})", [(own[kind], other[kind]) for own, other in pairs])


def report(name: str, pairs: list[tuple[float, float]]) -> None:
    ratios = statistics.quantiles((a / b for a, b in pairs), n=4)
    middle = [statistics.median(times) for times in zip(*pairs, strict=True)]
    print(
        f"{name}: ours {middle[0]:.3f} s, Blender's bake {middle[1]:.3f} s, "
        f"ratio {ratios[1]:.3f} (middle half {ratios[0]:.3f} to {ratios[2]:.3f})",
        flush=True,
    )


if __name__ == "__main__":
    if "--fluid" in sys.argv:
        fluid(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    print(f"200 objects built in {min(build_200() for _ in range(RUNS)):.2f} s")
    for name, things in SCENES.items():
        folder = ordered(things)
        pairs = [pair(folder, ours_first=bool(i % 2)) for i in range(PAIRS)]
        report(name, pairs)
    fluid_ratios()
