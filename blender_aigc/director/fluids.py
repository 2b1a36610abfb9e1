"""Liquid, smoke and fire of a plan in Mantaflow, set up and stepped through in the background Blender.

One domain a process: a second one of another kind fails in 4.2. Liquid comes back as an Alembic mesh, gas as OpenVDB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..faults import Fault
from ..plan import LIQUIDS, SHAPES, Plan, PlanObject
from . import forces, keys, order, rigid, surfaces
from .build import world_points
from .order import SOLIDS, Order
from .solids import Objects

CELLS, VISCOUS_CELLS, GAS_CELLS = (32, 96), (32, 48), (32, 64)
"""Cells along the longest side when the plan leaves it open. Thick liquids take a solve that is ten times as slow, and
fire fills its whole domain."""
_CELLS_PER_RADIUS = 7
_WALL_CELLS = 2.5
_VISCOUS_M2_S = 5e-5
"""Below this the solver's own viscosity is larger."""
_SURFACE_RADIUS = 1.2
"""Of the surface about the particles. With Blender's 2.0 the water in a glass has a quarter too much volume, with this
8 % (measured)."""
_INSIDE = 0.75
_FARTHEST_M = 6.0
"""How far a domain follows what burns and moves."""
_BYTES_PER_CELL = 450
_MOST_BYTES = 8e9


def simulate(
    scene: bpy.types.Scene,
    plan: Plan,
    given: Order,
    objects: Objects,
    folder: Path,
    part: str,
    report: Callable[[int, int], None],
) -> None:
    """part: "liquid" or "gas". Raises Fault when this Blender cannot do it or the domain is too large."""
    domain = set_up(scene, plan, given, objects, folder, part)
    kept = surfaces.Surfaces(domain)
    for number in range(1, plan.timing.frames + 1):
        scene.frame_set(number)
        graph = bpy.context.evaluated_depsgraph_get()
        if part == "liquid":
            kept.keep(graph)
        report(number, plan.timing.frames)
    if part == "liquid":
        kept.export(scene, folder / "liquid.abc")


def set_up(
    scene: bpy.types.Scene, plan: Plan, given: Order, objects: Objects, folder: Path, part: str
) -> bpy.types.Object:
    """The domain of "liquid" or "gas" in `scene`, with sources and obstacles, ready to be stepped through."""
    _check_able()
    wanted = "liquid" if part == "liquid" else "gas"
    sources = [(thing, obj) for thing in plan.objects if getattr(thing, wanted) for obj in objects[thing.name]]
    scene.render.fps, scene.render.fps_base = rigid.SOLVER_FPS, rigid.SOLVER_FPS / given.fps
    scene.frame_start, scene.frame_end = 1, plan.timing.frames
    scene.gravity = (0.0, 0.0, -plan.world.gravity_m_s2)
    _move_as_baked(plan, objects, folder)
    domain = _domain(scene, plan, objects, sources, part, folder, given.origin_m[2])
    for thing, obj in sources:
        _source(obj, thing, part, plan)
    for thing in plan.objects:
        if thing.collides and not thing.liquid and (thing.gas is None or part == "liquid") and not thing.cloth:
            for obj in objects[thing.name]:
                _obstacle(obj, domain, tight=part == "liquid" and _holds(thing))
    clock = rigid.Clock(1, 0, plan.timing.speed / given.fps)
    if part == "liquid":
        air = forces.on_liquid(clock, plan.timing.speed, _thinnest(sources))
    else:
        cells = domain.modifiers["Fluid"].domain_settings.resolution_max
        air = forces.on_gas(clock, plan.timing.speed, max(domain.dimensions) / cells)
    forces.add_forces(scene, plan, clock, Vector(given.origin_m), air)
    return domain


def _check_able() -> None:
    """Fluids end some Blenders instead of raising; say so before."""
    as_module = not bpy.app.binary_path
    if as_module and "manta" in sys.modules:  # made too early, see tests/addon/fluid_trap
        raise Fault(
            "bad_request",
            "Blender as a Python module cannot compute liquid, smoke or fire.",
            "Use the Blender application.",
        )
    if not as_module and sys.version_info >= (3, 12) and bpy.app.version < (5, 1):
        raise Fault(
            "bad_request",
            "This Blender was built with a Python with which it cannot compute liquid, smoke or fire.",
            "Use a Blender from blender.org.",
        )


def _move_as_baked(plan: Plan, objects: Objects, folder: Path) -> None:
    """Rigid bodies move through the fluid as the first part of the bake found."""
    path = folder / SOLIDS
    if not path.exists():
        return
    with np.load(path, allow_pickle=False) as stored:
        for row, poses in zip(stored["rows"], stored["poses"], strict=True):
            copy, _, name = str(row).partition(":")
            keys.write_pose(objects[name][int(copy)], np.arange(1, len(poses) + 1), poses.astype(float))


def _domain(
    scene: bpy.types.Scene,
    plan: Plan,
    objects: Objects,
    sources: list[tuple[PlanObject, bpy.types.Object]],
    part: str,
    folder: Path,
    ground_m: float,
) -> bpy.types.Object:
    low, high = _bounds(plan, objects, sources, part, ground_m)
    cells = plan.domain.resolution or _resolution(plan, objects, sources, high - low)
    order.write_json(
        folder / order.domain_name(part),
        {"corner_m": low.tolist(), "size_m": (high - low).tolist(), "cell_m": float((high - low).max()) / cells},
    )
    needed = _BYTES_PER_CELL * float(np.prod(np.maximum((high - low) / (high - low).max() * cells, 1)))
    if needed > _MOST_BYTES:
        fits = int(cells * (_MOST_BYTES / needed) ** (1 / 3))
        raise Fault("out_of_memory", f"This fluid would need {needed / 1e9:.0f} GB.", f"Use a resolution of {fits}.")
    mesh = bpy.data.meshes.new("Domain")
    from .shapes import block

    box = block(low - (low + high) / 2, high - (low + high) / 2)
    mesh.from_pydata(box.vertices.tolist(), [], list(box.faces))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))  # and so is the liquid
    domain = bpy.data.objects.new("Domain", mesh)
    domain.location = (low + high) / 2
    scene.collection.objects.link(domain)
    modifier = domain.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "DOMAIN"
    settings = modifier.domain_settings
    settings.domain_type = "LIQUID" if part == "liquid" else "GAS"
    settings.resolution_max = cells
    settings.cache_directory = str(folder / f"{part}_cache")
    settings.cache_frame_start, settings.cache_frame_end = 1, plan.timing.frames
    settings.cache_type = "REPLAY"
    settings.time_scale = plan.timing.speed
    settings.use_adaptive_timesteps = True
    if part == "liquid":
        open_ = any(_holds(thing) for thing in plan.objects)  # what flows over runs away
    else:
        open_ = plan.domain.size_m is None  # in the open air
    for side in ("front", "back", "left", "right"):
        setattr(settings, f"use_collision_border_{side}", plan.domain.closed and not open_)
    settings.use_collision_border_top = False
    settings.use_collision_border_bottom = True
    if part == "liquid":
        settings.use_mesh = True
        settings.mesh_scale, settings.mesh_particle_radius = 2, _SURFACE_RADIUS
        settings.use_flip_particles = True
        nu = max(_viscosity(thing) for thing, _ in sources)
        if nu >= _VISCOUS_M2_S:
            settings.use_viscosity, settings.viscosity_value = True, nu
    else:
        settings.cache_data_format = "OPENVDB"
        settings.use_dissolve_smoke, settings.dissolve_speed = True, 60
    return domain


def _viscosity(thing: PlanObject) -> float:
    asked = thing.liquid.viscosity_m2_s
    return LIQUIDS[thing.liquid.substance].viscosity if asked is None else asked


def _bounds(
    plan: Plan,
    objects: Objects,
    sources: list[tuple[PlanObject, bpy.types.Object]],
    part: str,
    ground_m: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Sources and the vessels below them; without a vessel down to the ground and to all sides."""
    points = np.concatenate([world_points(obj) for _, obj in sources])
    low, high = points.min(0), points.max(0)
    size = high - low
    if part == "gas":
        ways = np.concatenate([_way(obj, plan.timing.frames) for _, obj in sources])
        spread = np.array([1.2, 1.2, 0.05]) * max(size.max(), 0.3)
        low, high = low + ways.min(0) - spread, high + ways.max(0) + spread + [0, 0, 3.0 * max(size.max(), 0.3)]
        drift = 3.0 * max(size.max(), 0.3) * forces.blown_to(plan)
        low, high = low + np.minimum(drift, 0), high + np.maximum(drift, 0)
    else:
        vessels = [obj for thing in plan.objects if _holds(thing) for obj in objects[thing.name]]
        if vessels:
            found = np.concatenate([world_points(obj) for obj in vessels])
            low, high = np.minimum(low, found.min(0)), np.maximum(high, found.max(0))
        else:
            spread = 1.5 * max(size.max(), 0.5 * (high[2] - ground_m))
            low, high = low - [spread, spread, 0], high + [spread, spread, 0]
            for obj in [obj for thing, _ in sources for obj in objects.get(thing.place.target, ())]:
                found = world_points(obj)  # what it runs down
                low, high = np.minimum(low, found.min(0)), np.maximum(high, found.max(0))
            low[2] = ground_m
        margin = 0.1 * float((high - low).max())
        low, high = low - margin, high + margin
        if not vessels:
            low[2] = ground_m
    if plan.domain.size_m is not None:
        middle = (low + high) / 2
        half = np.array(plan.domain.size_m) / 2
        bottom = low[2]
        low, high = middle - half, middle + half
        low[2], high[2] = bottom, bottom + plan.domain.size_m[2]
    return low, high


def _way(obj: bpy.types.Object, frames: int) -> np.ndarray:
    """(N, 3) how far a source has come from where it starts, at some moments; it moves as it was baked."""
    if obj.animation_data is None:
        return np.zeros((1, 3))
    curves = [curve for curve in keys.curves(obj) if curve.data_path == "location"]
    places = np.array([[curve.evaluate(frame) for curve in curves] for frame in np.linspace(1, frames, 25)])
    return np.clip(places - places[0], -_FARTHEST_M, _FARTHEST_M)


def _holds(thing: PlanObject) -> bool:
    if thing.shape == "generator":
        from ..catalogue import catalogue

        return catalogue().generator(thing.source).holds
    return thing.shape in SHAPES and SHAPES[thing.shape].hollow and not rigid.is_active(thing)


def _resolution(
    plan: Plan, objects: Objects, sources: list[tuple[PlanObject, bpy.types.Object]], size: np.ndarray
) -> int:
    """So fine that the thinnest source has a few cells across, within CELLS."""
    thinnest = _thinnest(sources) / 2
    viscous = any(thing.liquid and _viscosity(thing) >= _VISCOUS_M2_S for thing, _ in sources)
    bounds = VISCOUS_CELLS if viscous else GAS_CELLS if sources[0][0].gas else CELLS
    return int(np.clip(np.ceil(size.max() / thinnest * _CELLS_PER_RADIUS / 2), *bounds))


def _thinnest(sources: list[tuple[PlanObject, bpy.types.Object]]) -> float:
    """The smallest extent of any source, metres."""
    return max(1e-4, min(float(np.ptp(world_points(obj), axis=0).min()) for _, obj in sources))


def _source(obj: bpy.types.Object, thing: PlanObject, part: str, plan: Plan) -> None:
    modifier = obj.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "FLOW"
    flow = modifier.flow_settings
    if part == "liquid":
        flow.flow_type = "LIQUID"
        flow.flow_behavior = "GEOMETRY" if thing.liquid.role == "volume" else "INFLOW"
        flow.use_initial_velocity = any(thing.liquid.velocity_m_s)
        flow.velocity_coord = thing.liquid.velocity_m_s
        spell = thing.liquid
    else:
        flow.flow_type = {"smoke": "SMOKE", "fire": "FIRE", "smoke_and_fire": "BOTH"}[thing.gas.type]
        flow.flow_behavior = "INFLOW"
        flow.density, flow.fuel_amount, flow.temperature = thing.gas.amount, thing.gas.amount, thing.gas.heat
        spell = thing.gas
        if _holds(thing):  # it rises out of it, not from its walls
            obj.data = obj.data.copy()
            obj.data.transform(Matrix.Scale(_INSIDE, 4))
    if flow.flow_behavior == "INFLOW":
        stop = spell.stop_frame or plan.timing.frames + 1
        for frame, on in ((0, spell.start_frame <= 1), (spell.start_frame, True), (stop, False)):
            flow.use_inflow = on
            flow.keyframe_insert("use_inflow", frame=frame)
        keys.keep_place(obj)


def _obstacle(obj: bpy.types.Object, domain: bpy.types.Object, tight: bool) -> None:
    """tight: a vessel, whose walls are made thick on the outside; thinner than two cells they leak."""
    points, box = world_points(obj), world_points(domain)
    if np.any(points.max(0) < box.min(0)) or np.any(points.min(0) > box.max(0)):
        return
    if tight:
        cell = float(np.ptp(box, axis=0).max()) / domain.modifiers["Fluid"].domain_settings.resolution_max
        _thicken(obj, _WALL_CELLS * cell)
    modifier = obj.modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "EFFECTOR"
    modifier.effector_settings.effector_type = "COLLISION"
    modifier.effector_settings.subframes = 1


def _thicken(obj: bpy.types.Object, by_m: float) -> None:
    """Pushes the outer shell of a vessel outwards; what faces the middle of the hollow stays."""
    mesh = obj.data = obj.data.copy()
    normals = np.empty(3 * len(mesh.vertices), np.float32)
    points = normals.copy()
    mesh.vertices.foreach_get("co", points)
    mesh.vertices.foreach_get("normal", normals)
    points, normals = points.reshape(-1, 3), normals.reshape(-1, 3)
    middle = (points.min(0) + points.max(0)) / 2
    outer = np.einsum("vi,vi->v", normals, points - middle) > 0
    outer &= normals[:, 2] < 0.5  # not the rim
    points[outer] += by_m * normals[outer]
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.update()
