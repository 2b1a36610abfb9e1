"""Prompts carried out: built, baked in this process, and what their properties measure to on the baked motion.

The files of the bake are those that a background Blender writes; the director's own tests start one each time.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Quaternion, Vector
from mathutils.bvhtree import BVHTree

from blender_aigc.director import order
from blender_aigc.director.bake import Bake
from blender_aigc.director.build import carry_out, points_of, world_points
from blender_aigc.director.simulate import simulate
from blender_aigc.plan import Plan, PlanObject

G = 9.81


@dataclass
class Motion:
    """What was baked. poses: name -> (copies, F, 7) location and quaternion; sheets: name -> (copies, F, V, 3), world.

    boxes: name -> (copies, 2, 3) bounds as built. step_s: simulated seconds between two frames. meshes: name ->
    vertices (V, 3) and faces of one copy. rests: name -> 4x4 matrices of the copies as built.
    """

    plan: Plan
    poses: dict[str, np.ndarray]
    sheets: dict[str, np.ndarray]
    boxes: dict[str, np.ndarray]
    meshes: dict[str, tuple[np.ndarray, list[list[int]]]]
    rests: dict[str, list[np.ndarray]]

    @property
    def step_s(self) -> float:
        return self.plan.timing.speed / self.plan.timing.fps

    def thing(self, name: str) -> PlanObject:
        return next(thing for thing in self.plan.objects if thing.name == name)

    def paths(self, name: str) -> np.ndarray:
        """(copies, F, 3)"""
        return self.poses[name][..., :3] if name in self.poses else self.sheets[name].mean(2)

    def turned_deg(self, name: str, frame: int) -> np.ndarray:
        """(copies,) how far each has turned since the first frame, 0 to 180."""
        found = self.poses[name]
        pairs = [(Quaternion(copy[0, 3:]), Quaternion(copy[frame, 3:])) for copy in found]
        return np.array([np.degrees(one.rotation_difference(other).angle) for one, other in pairs])

    def tilted_deg(self, name: str) -> np.ndarray:
        """(copies,) angle of each copy's own z axis to where it was, at the end."""
        up = [(Quaternion(c[0, 3:]) @ _Z, Quaternion(c[-1, 3:]) @ _Z) for c in self.poses[name]]
        return np.degrees([one.angle(other, 0.0) for one, other in up])


_Z = Quaternion((1, 0, 0, 0)).to_matrix().col[2]


def baked_motion(plan: Plan, home: Path, frames: int) -> Motion:
    """Everything solid of `plan`, over at most `frames`. Liquids and gas are left out."""
    short = dataclasses.replace(plan.timing, frames=min(frames, plan.timing.frames))
    solid = tuple(dataclasses.replace(thing, gas=None) for thing in plan.objects if thing.liquid is None)
    plan = dataclasses.replace(plan, timing=short, objects=solid)
    built = carry_out(bpy.context, plan, staged=False)
    boxes = {
        name: np.array([[world_points(obj).min(0), world_points(obj).max(0)] for obj in copies])
        for name, copies in built.objects.items()
    }
    places = {name: [np.array(obj.matrix_basis) for obj in copies] for name, copies in built.objects.items()}
    meshes = {
        name: (points_of(copies[0].data), [list(face.vertices) for face in copies[0].data.polygons])
        for name, copies in built.objects.items()
    }
    counts = {name: len(copies) for name, copies in built.objects.items()}
    bake = Bake(bpy.context, built, home)
    if any(thing.cloth or thing.soft for thing in plan.objects):
        bake.wait()  # in a Blender of its own, whose threads do not fight over the processors
    else:
        simulate(bake.folder, "solids", lambda _frame, _of: None)
    with np.load(bake.folder / order.SOLIDS, allow_pickle=False) as stored:
        rows, found = [str(row) for row in stored["rows"]], stored["poses"]
    poses: dict[str, list[np.ndarray]] = {}
    for row, pose in zip(rows, found, strict=True):
        poses.setdefault(row.partition(":")[2], []).append(pose)
    sheets: dict[str, list[np.ndarray]] = {}
    for thing in plan.objects:
        for copy in range(counts[thing.name]) if thing.cloth or thing.soft else ():
            points = order.read_pc2(bake.folder / order.pc2_name(thing.name, copy))
            matrix = places[thing.name][copy]
            sheets.setdefault(thing.name, []).append(points @ matrix[:3, :3].T + matrix[:3, 3])
    stacked = [{name: np.array(copies) for name, copies in kept.items()} for kept in (poses, sheets)]
    return Motion(plan, *stacked, boxes, meshes, places)


# ------------------------------------------------------------------------------------------------- interpenetration

_CORNERS = 200


def deepest_m(motion: Motion) -> tuple[float, str]:
    """How far a corner of anything rigid is inside of another thing, and where; every frame, up to 200 corners each.

    Both are taken as they look, not as the solver simplifies them.
    """
    bodies = [(name, copy) for name in motion.meshes if name not in motion.sheets
              for copy in range(len(motion.rests[name])) if motion.thing(name).collides]  # fmt: skip
    trees = {name: BVHTree.FromPolygons(*motion.meshes[name]) for name, _ in bodies}
    reach = {name: float(np.linalg.norm(motion.meshes[name][0], axis=1).max()) for name, _ in bodies}
    worst = (0.0, "")
    for frame in range(motion.plan.timing.frames):
        matrices = {body: _matrix(motion, *body, frame) for body in bodies}
        middles = np.array([matrices[body][:3, 3] for body in bodies])
        for a, (name, copy) in enumerate(bodies):
            if name not in motion.poses:
                continue
            corners = motion.meshes[name][0]
            corners = corners[:: max(1, len(corners) // _CORNERS)]
            there = corners @ matrices[name, copy][:3, :3].T + matrices[name, copy][:3, 3]
            near = np.linalg.norm(middles - middles[a], axis=1) < [reach[name] + reach[other] for other, _ in bodies]
            for b in np.nonzero(near)[0]:
                if b != a:
                    inverse = np.linalg.inv(matrices[bodies[b]])
                    depth = _depth(trees[bodies[b][0]], there @ inverse[:3, :3].T + inverse[:3, 3])
                    if depth > worst[0]:
                        worst = depth, f"{name} {copy} in {bodies[b]} at {frame}"
    return worst


def deepest_soft_m(motion: Motion) -> tuple[float, str]:
    """How far cloth and soft bodies, and what is not, are inside of each other, and where; every frame.

    A sheet has no inside.
    """
    worst = (0.0, "")
    hard = [(name, copy) for name in motion.meshes if name not in motion.sheets
            for copy in range(len(motion.rests[name])) if motion.thing(name).collides]  # fmt: skip
    trees = {name: BVHTree.FromPolygons(*motion.meshes[name]) for name, _ in hard}
    for frame in range(motion.plan.timing.frames):
        for name, copies in motion.sheets.items():
            for copy, sheets in enumerate(copies):
                points = sheets[frame].astype(float)
                own = BVHTree.FromPolygons(points.tolist(), motion.meshes[name][1])
                for body in hard:
                    matrix = _matrix(motion, *body, frame)
                    inverse = np.linalg.inv(matrix)
                    local = points @ inverse[:3, :3].T + inverse[:3, 3]
                    corners = motion.meshes[body[0]][0]
                    near = np.all((local > corners.min(0)) & (local < corners.max(0)), axis=1)
                    depth = _depth(trees[body[0]], local[near])
                    if motion.thing(name).soft:
                        depth = max(depth, _depth(own, corners @ matrix[:3, :3].T + matrix[:3, 3]))
                    if depth > worst[0]:
                        worst = depth, f"{name} {copy} and {body} at {frame}"
    return worst


def _matrix(motion: Motion, name: str, copy: int, frame: int) -> np.ndarray:
    if name not in motion.poses:
        return motion.rests[name][copy]
    pose = motion.poses[name][copy, frame]
    found = np.eye(4)
    found[:3, :3], found[:3, 3] = np.array(Quaternion(pose[3:]).to_matrix()), pose[:3]
    return found


def _depth(tree: BVHTree, points: np.ndarray) -> float:
    deepest = 0.0
    for point in points:
        place, normal, _, distance = tree.find_nearest(point)
        if place is None or distance <= deepest:
            continue
        if (Vector(point) - place).dot(normal) < -0.5 * distance:  # beside an edge it may be a hair below zero
            deepest = distance
    return deepest


# -------------------------------------------------------------------------------------------------------- properties


def falls(motion: Motion, name: str) -> None:
    """By g t^2 / 2 within 2 %, until the lowest copy is nine tenths of the way down."""
    gap = motion.thing(name).place.distance_m
    gravity = motion.plan.world.gravity_m_s2
    t = np.arange(motion.paths(name).shape[1]) * motion.step_s
    free = (gravity * t**2 / 2 < 0.9 * gap) & (t > 0)
    assert free.sum() >= 3
    heights = motion.paths(name)[..., 2]
    fallen = heights[:, :1] - heights
    assert np.allclose(fallen[:, free], (gravity * t**2 / 2)[free], rtol=0.02, atol=2e-3), (
        fallen[:, free] / (t**2)[free]
    )


def bounces_lower(motion: Motion, name: str) -> None:
    heights = motion.paths(name)[0, :, 2]
    inside = heights[1:-1]
    tops = inside[(inside >= heights[:-2]) & (inside > heights[2:])]
    assert len(tops) >= 1 and tops[0] < heights[0] - 0.05
    assert all(later < before + 1e-3 for before, later in zip(tops, tops[1:], strict=False))
    assert tops[0] > heights.min() + 0.1 * (heights[0] - heights.min())


def above_floor(motion: Motion, name: str) -> None:
    if name in motion.sheets:
        assert motion.sheets[name][..., 2].min() > -0.03
        return
    reach = (motion.boxes[name][0, 1] - motion.boxes[name][0, 0]).min() / 2
    assert motion.paths(name)[..., 2].min() > 0.9 * reach - 0.002


def spins(motion: Motion, name: str) -> None:
    turned = motion.turned_deg(name, 2)
    assert np.all(turned > 5) or (len(turned) > 1 and np.median(turned) > 5)
    assert len(turned) == 1 or len(set(np.round(turned, 1))) == len(turned)


def turns(motion: Motion, name: str) -> None:
    assert motion.turned_deg(name, min(10, motion.plan.timing.frames - 1)).max() > 15


def apart(motion: Motion, name: str) -> None:
    """Copies do not reach into each other by more than a tenth of their smallest extent."""
    paths = motion.paths(name)
    smallest = (motion.boxes[name][0, 1] - motion.boxes[name][0, 0]).min()
    for a in range(len(paths)):
        for b in range(a):
            assert np.linalg.norm(paths[a] - paths[b], axis=-1).min() > 0.85 * smallest


def _moved(motion: Motion, name: str) -> np.ndarray:
    """(copies, 3) from the first to the last frame."""
    paths = motion.paths(name)
    return paths[:, -1] - paths[:, 0]


def comes_closer(motion: Motion, name: str) -> None:
    assert _moved(motion, name)[:, 1].max() < -0.3


def goes_right(motion: Motion, name: str) -> None:
    assert _moved(motion, name)[:, 0].min() > 0.5


def goes_left(motion: Motion, name: str) -> None:
    assert _moved(motion, name)[:, 0].max() < -0.5


def descends(motion: Motion, name: str) -> None:
    size = motion.boxes[name][0, 1] - motion.boxes[name][0, 0]
    assert _moved(motion, name)[:, 2].min() < -min(0.1, 0.2 * max(size))


def moves(motion: Motion, name: str) -> None:
    assert np.linalg.norm(_moved(motion, name), axis=1).max() > 0.3


def rolls(motion: Motion, name: str) -> None:
    moves(motion, name)
    turns(motion, name)


def pushes(motion: Motion, name: str) -> None:
    size = (motion.boxes[name][0, 1] - motion.boxes[name][0, 0]).min()
    assert np.linalg.norm(_moved(motion, name), axis=1).max() > 0.3 * size


def topples(motion: Motion, name: str) -> None:
    tilted = motion.tilted_deg(name)
    assert np.mean(tilted > 40) >= 0.8, tilted


def rebounds(motion: Motion, name: str) -> None:
    x = motion.paths(name)[0, :, 0]
    before, after = x[2] - x[1], x[-1] - x[-2]
    assert before > 0 and after < 0.3 * before


def passes(motion: Motion, name: str, wall: str) -> None:
    (low, high), path = motion.boxes[wall][0], motion.paths(name)[0]
    radius = (motion.boxes[name][0, 1] - motion.boxes[name][0, 0]).min() / 2
    over = (path[:, 0] > low[0]) & (path[:, 0] < high[0]) & (path[:, 1] > low[1]) & (path[:, 1] < high[1])
    assert path[0, 0] < low[0] and path[-1, 0] > high[0] and over.any()
    assert path[over, 2].min() > high[2] + radius * 0.9


def ends_inside(motion: Motion, name: str, vessel: str) -> None:
    low, high = motion.boxes[vessel][0]
    if vessel in motion.poses:
        shift = _moved(motion, vessel)[0]
        low, high = low + shift, high + shift
    ends = motion.paths(name)[:, -1]
    inside = np.all((ends[:, :2] > low[:2]) & (ends[:, :2] < high[:2]), axis=1) & (ends[:, 2] < high[2] + 0.3)
    assert inside.all(), (ends, low, high)


def still(motion: Motion, name: str) -> None:
    assert name not in motion.poses and name not in motion.sheets


def sway(motion: Motion, name: str) -> float:
    """Mean way of a vertex from frame to frame in the second half, when it has come to hang, in metres."""
    sheets = motion.sheets[name][:, motion.plan.timing.frames // 2 :]
    return float(np.linalg.norm(np.diff(sheets, axis=1), axis=-1).mean())


def waves(motion: Motion, name: str) -> None:
    assert sway(motion, name) > 0.001


_LIGHT_WINDS: dict[str, float] = {}


def waves_more(motion: Motion, name: str) -> None:
    """More than in the light wind of the same plan, which is baked for it the first time."""
    if name not in _LIGHT_WINDS:
        (wind,) = motion.plan.forces
        light = dataclasses.replace(motion.plan, forces=(dataclasses.replace(wind, strength="light", speed_m_s=2.4),))
        bpy.ops.wm.read_factory_settings(use_empty=True)
        with tempfile.TemporaryDirectory() as folder:
            found = baked_motion(light, Path(folder), light.timing.frames)
        _LIGHT_WINDS[name] = sway(found, name)
    assert sway(motion, name) > 1.15 * _LIGHT_WINDS[name]


def held_by(motion: Motion, name: str, soft: str) -> None:
    """It stays on what is soft, dents it and does not hover: its middle is over all that is under its own width."""
    radius = (motion.boxes[name][0, 1] - motion.boxes[name][0, 0]).min() / 2
    path, sheet = motion.paths(name)[0], motion.sheets[soft][0]
    under = np.linalg.norm(sheet[..., :2] - path[:, None, :2], axis=-1) < radius
    tops = np.where(under, sheet[..., 2], -np.inf).max(1)
    assert (path[:, 2] > tops).all(), (path[:, 2] - tops).min()
    assert path[-1, 2] - radius < min(tops[-1] + 0.02, sheet[-1, :, 2].max() - 0.01)


def outside(motion: Motion, name: str, ball: str) -> None:
    """No vertex of the cloth is deeper in the ball than 5 mm, at the end."""
    low, high = motion.boxes[ball][0]
    far = np.linalg.norm(motion.sheets[name][0, -1] - (low + high) / 2, axis=1)
    assert far.min() > (high - low).min() / 2 - 0.005


PROPERTIES: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        *(falls, bounces_lower, above_floor, spins, turns, apart, comes_closer, goes_right, goes_left, descends),
        *(moves, rolls, pushes, topples, rebounds, passes, ends_inside, still, waves, waves_more, outside, held_by),
    )
}
