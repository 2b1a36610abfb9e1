"""Liquids, smoke and fire of prompts: baked by a Blender of their own, brought back, measured on what is in the scene.

Stated distance: a surface may reach into what it touches by one cell of its domain, which is as thin as it can be told.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bmesh
import bpy
import numpy as np

from blender_aigc.director import order
from blender_aigc.director.bake import Bake
from blender_aigc.director.build import carry_out, world_points
from blender_aigc.director.fluids_in import FLUID
from blender_aigc.director.motion import apply_motion
from blender_aigc.plan import Plan, PlanObject

G = 9.81
_THINNEST_SMOKE = 0.02


@dataclass
class Fluid:
    """What came back. points: frame -> (V, 3) of the surface in the world; volume_m3: frame -> volume inside of it.

    boxes: name -> (2, 3) bounds of the first copy as built.
    """

    plan: Plan
    frames: tuple[int, ...]
    cell_m: float
    boxes: dict[str, np.ndarray]
    points: dict[int, np.ndarray] = field(default_factory=dict)
    volume_m3: dict[int, float] = field(default_factory=dict)

    @property
    def last(self) -> np.ndarray:
        return self.points[self.frames[-1]]

    def source(self) -> PlanObject:
        return next(thing for thing in self.plan.objects if thing.liquid or thing.gas)


def baked_fluid(plan: Plan, home: Path, frames: int) -> Fluid:
    """`plan` over at most `frames`, looked at every fourth frame."""
    timing = dataclasses.replace(plan.timing, frames=min(frames, plan.timing.frames))
    plan = dataclasses.replace(plan, timing=timing)
    built = carry_out(bpy.context, plan, staged=False)
    boxes = {
        name: np.array([world_points(copies[0]).min(0), world_points(copies[0]).max(0)])
        for name, copies in built.objects.items()
    }
    bake = Bake(bpy.context, built, home)
    bake.wait()
    apply_motion(bpy.context, built, bake.folder)
    domain = json.loads((bake.folder / order.domain_name(bake.parts[-1])).read_text(encoding="utf-8"))
    obj = _surface(built.collection)
    shown = tuple(dict.fromkeys((1, 2, *range(4, timing.frames, 4), timing.frames)))
    found = Fluid(plan, shown, domain["cell_m"], boxes)
    for frame in shown:
        bpy.context.scene.frame_set(frame)
        edit = bmesh.new()
        edit.from_mesh(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)
        edit.transform(obj.matrix_world)
        found.points[frame] = np.array([vertex.co[:] for vertex in edit.verts]).reshape(-1, 3)
        found.volume_m3[frame] = edit.calc_volume()
        edit.free()
    return found


def _surface(collection: bpy.types.Collection) -> bpy.types.Object:
    """The liquid's object; for smoke a mesh about what is thicker than a trace."""
    (obj,) = (obj for obj in collection.objects if FLUID in obj)
    if obj.type != "VOLUME":
        return obj
    hull = bpy.data.objects.new("hull", bpy.data.meshes.new("hull"))
    bpy.context.scene.collection.objects.link(hull)
    modifier = hull.modifiers.new("hull", "VOLUME_TO_MESH")
    modifier.object, modifier.threshold, modifier.resolution_mode = obj, _THINNEST_SMOKE, "GRID"
    return hull


# -------------------------------------------------------------------------------------------------------- properties


def fills(fluid: Fluid, vessel: str) -> None:
    """It is in the vessel at the end, below the rim, and the poured volume is kept within 10 %."""
    stays_in(fluid, vessel)
    low, high = fluid.boxes[vessel]
    stop = fluid.source().liquid.stop_frame or 1
    assert fluid.last[:, 2].max() > low[2] + 0.15 * (high[2] - low[2])
    late = [fluid.volume_m3[frame] for frame in fluid.frames if frame > stop + 16]
    assert len(late) >= 3 and max(late) < 1.10 * min(late), late


def stays_in(fluid: Fluid, vessel: str) -> None:
    """All but a few drops are within the vessel's bounds, a cell more or less."""
    low, high = fluid.boxes[vessel]
    outside = np.any((fluid.last < low - fluid.cell_m) | (fluid.last > high + fluid.cell_m), axis=1)
    assert outside.mean() < 0.03, (outside.mean(), fluid.last.min(0), fluid.last.max(0), low, high)


def keeps(fluid: Fluid, source: str) -> None:
    """The volume that the plan asks for, within 15 %, at the beginning and at the end."""
    extent = fluid.boxes[source][1] - fluid.boxes[source][0]
    asked = float(np.prod(extent)) * (np.pi / 4 if fluid.source().shape == "cylinder" else 1.0)
    assert abs(fluid.volume_m3[2] / asked - 1) < 0.15 and abs(fluid.volume_m3[fluid.frames[-1]] / asked - 1) < 0.15


def drops(fluid: Fluid, source: str) -> None:
    """The liquid falls by g t2 / 2, at most one frame early (the solver's steps), until it comes to the rim."""
    rim = max(box[1, 2] for name, box in fluid.boxes.items() if name != source)
    before = fluid.boxes[source].mean(0)[2]
    for frame in (4, 8):
        lowest, middle = fluid.points[frame][:, 2].min(), fluid.points[frame][:, 2].mean()
        if lowest > rim:
            t = (frame - 1) / fluid.plan.timing.fps
            least, most = G * t**2 / 2, G * (t + 1 / fluid.plan.timing.fps) ** 2 / 2
            assert least - 0.5 * fluid.cell_m < before - middle < most + 0.5 * fluid.cell_m
    assert fluid.last[:, 2].mean() < rim


def reaches_floor(fluid: Fluid, source: str) -> None:
    """It has come down to the ground, not through it."""
    assert -1.5 * fluid.cell_m < fluid.last[:, 2].min() < 3 * fluid.cell_m
    assert fluid.boxes[source][0, 2] > 5 * fluid.cell_m


def spreads(fluid: Fluid, source: str) -> None:
    """On the floor it is wider than its source."""
    wide = np.ptp(fluid.last[fluid.last[:, 2] < 0.2 * fluid.boxes[source][0, 2]], axis=0)[:2]
    assert wide.min() > 1.3 * (fluid.boxes[source][1] - fluid.boxes[source][0])[:2].max()


def flows_down(fluid: Fluid, slope: str) -> None:
    """From the upper end of stairs towards the lower one, which is in front, down two steps, and not through them."""
    low, high = fluid.boxes[slope]
    fronts = [fluid.points[frame][:, 1].min() for frame in fluid.frames[2:]]
    assert fronts[-1] < fronts[0] - 0.15 * (high[1] - low[1]), fronts
    assert fluid.last[:, 2].min() < low[2] + 0.6 * (high[2] - low[2]), fluid.last.min(0)
    assert fluid.last[:, 2].min() > -1.5 * fluid.cell_m


def rises(fluid: Fluid, source: str) -> None:
    """Above its source, centred on it, and higher with time."""
    low, high = fluid.boxes[source]
    tops = [fluid.points[frame][:, 2].max() for frame in fluid.frames if 4 <= frame <= 20]
    assert all(later >= before - fluid.cell_m for before, later in zip(tops, tops[1:], strict=False))
    assert tops[-1] > high[2] + 0.5 * (high - low).max()
    middle = (fluid.points[12].min(0) + fluid.points[12].max(0)) / 2
    assert np.abs(middle - (low + high) / 2)[:2].max() < 0.25 * (high - low).max() + 2 * fluid.cell_m


def trails(fluid: Fluid, source: str) -> None:
    """What burns takes its fire along: it is wider the way that its source moves than across."""
    way = np.abs(fluid.source().rigid.velocity_m_s[:2])
    wide = np.ptp(fluid.points[16], axis=0)[:2]
    assert wide[np.argmax(way)] > 1.2 * wide[np.argmin(way)]


FLUID_PROPERTIES: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (fills, stays_in, keeps, drops, reaches_floor, spreads, flows_down, rises, trails)
}
