"""A validated plan becomes objects in one collection: shapes, places, materials, camera, light. Nothing moves yet."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import radians

import bpy
import numpy as np
from mathutils import Euler, Matrix

from ..apply.scene import Made, sign, whole_or_nothing
from ..faults import Fault
from ..plan import SHAPES, Plan, PlanObject, load
from . import arrange, camera, materials, sources, stage
from .sight import look

PLAN = "aigc_plan"
"""Custom property of the collection: the plan as JSON text."""
OBJECT = "aigc_plan_object"
"""Custom property of an object: the name of its `PlanObject`."""
COPY = "aigc_plan_copy"


@dataclass
class Built:
    """What stands in the scene. objects: by name of the plan's object, one entry a copy."""

    plan: Plan
    collection: bpy.types.Collection
    objects: dict[str, list[bpy.types.Object]] = field(default_factory=dict)
    camera: bpy.types.Object | None = None
    ground: bpy.types.Object | None = None


def carry_out(
    context: bpy.types.Context,
    plan: Plan,
    *,
    staged: bool = True,
    location: tuple[float, float, float] = (0.0, 0.0, 0.0),
    job_id: str = "",
    provenance: str = "{}",
) -> Built:
    """Build `plan` into a new collection of the scene.

    staged: camera, sky, length and render settings of the scene become the plan's. location: where the plan's origin
    stands. Raises Fault("bad_input") when something cannot be built; then the file is as it was. No undo step: the
    operator that calls this has UNDO.
    """
    scene = context.scene
    if scene.library is not None:
        raise Fault(
            "bad_request", "This scene belongs to another file and cannot be changed.", "Switch to another scene."
        )
    with whole_or_nothing(context) as made:
        collection = made.keep(bpy.data.collections.new(plan.title.strip() or "Plan"))
        built = Built(plan, collection)
        _objects(context, built, made, np.array(location))
        points = seen_points(built, float(location[2]))
        low, high = points.min(0), points.max(0)
        built.ground = stage.add_ground(plan, made, low, high, float(location[2]))
        target = built.objects[plan.camera.target] if plan.camera.target else None
        built.camera = camera.add_camera(plan, made, corners(target) if target else points)
        lights = stage.add_lights(plan, made, low, high)
        for obj in filter(None, (built.ground, built.camera, *lights)):
            collection.objects.link(obj)
        if plan.camera.move == "follow":
            camera.follow(built.camera, next(iter(target or built.objects[plan.objects[0].name])))
        collection[PLAN] = plan.to_json(None)
        for block in (collection, *collection.objects):
            sign(block, provenance, job_id)
        world = stage.add_world(plan, made) if staged else None
        scene.collection.children.link(collection)
        if world is not None:
            stage.set_scene(scene, plan, built.camera, world)
    return built


def found(collection: bpy.types.Collection) -> Built:
    """What `carry_out` built, from the collection alone. Raises Fault("bad_input") when it is no plan's."""
    text = collection.get(PLAN)
    if not isinstance(text, str):
        raise Fault("bad_input", f"{collection.name!r} was not made from a plan.", "Choose the collection of a plan.")
    built = Built(load(text), collection)
    for obj in sorted(collection.objects, key=lambda obj: obj.get(COPY, 0)):
        if OBJECT in obj:
            built.objects.setdefault(obj[OBJECT], []).append(obj)
        elif obj.type == "CAMERA":
            built.camera = obj
        elif obj.type == "MESH" and obj.name.startswith(stage.GROUND):
            built.ground = obj
    return built


def _objects(context: bpy.types.Context, built: Built, made: Made, origin: np.ndarray) -> None:
    plan = built.plan
    meshes = {thing.name: sources.mesh_of(context, thing, plan.seed, made) for thing in plan.objects}
    groups = {thing.name: _group(thing, meshes[thing.name]) for thing in plan.objects}
    arrange.solve(plan, groups, lambda group: look(group, meshes[group.thing.name]))
    for thing in plan.objects:
        group, mesh = groups[thing.name], meshes[thing.name]
        material = materials.material_of(thing, made, thing.name)
        if material is not None:
            mesh.materials.clear()
            mesh.materials.append(material)
        deforms = thing.cloth is not None or thing.soft is not None
        for number, (place, yaw) in enumerate(zip(group.origins, group.yaw_deg, strict=True)):
            own = mesh if not (deforms and number) else made.keep(mesh.copy())
            obj = made.keep(bpy.data.objects.new(_label(thing.name, number, thing.count), own))
            obj.rotation_mode = "QUATERNION"
            obj.rotation_quaternion = Matrix.Rotation(radians(yaw), 3, "Z").to_quaternion() @ rotation(thing)
            obj.location = place + origin
            obj[OBJECT], obj[COPY] = thing.name, number
            built.collection.objects.link(obj)
            built.objects.setdefault(thing.name, []).append(obj)
            if thing.liquid is not None:  # what is seen is the liquid, not its source
                obj.display_type, obj.hide_render = "WIRE", True


def rotation(thing: PlanObject):
    """Quaternion of the object's rotation_deg."""
    return Euler([radians(angle) for angle in thing.rotation_deg], "XYZ").to_quaternion()


def _group(thing: PlanObject, mesh: bpy.types.Mesh) -> arrange.Group:
    points = points_of(mesh) @ np.array(rotation(thing).to_matrix()).T
    return arrange.Group(thing, points.min(0), points.max(0))


def points_of(mesh: bpy.types.Mesh) -> np.ndarray:
    """(V, 3) vertices of `mesh` in its own frame."""
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(float)


def _label(name: str, number: int, count: int) -> str:
    plain = re.sub(r"[\x00-\x1f]", " ", name)[:50]
    return plain if count == 1 else f"{plain} {number + 1}"


def world_points(obj: bpy.types.Object) -> np.ndarray:
    """(V, 3) vertices in world coordinates, from the object's own transform (no dependency graph needed)."""
    matrix = np.array(obj.matrix_basis)
    return points_of(obj.data) @ matrix[:3, :3].T + matrix[:3, 3]


def corners(objects: list[bpy.types.Object]) -> np.ndarray:
    """(8 N, 3) corners of the objects' own boxes, in world coordinates."""
    known: dict[str, np.ndarray] = {}
    found = []
    for obj in objects:
        matrix = np.array(obj.matrix_basis)
        found.append(own_box(obj.data, known) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(found)


def own_box(mesh: bpy.types.Mesh, known: dict[str, np.ndarray]) -> np.ndarray:
    """(8, 3) corners of the box around `mesh` in its own frame. known: those found before, as copies share a mesh."""
    if mesh.name not in known:
        points = points_of(mesh)
        known[mesh.name] = box_corners(points.min(0), points.max(0))
    return known[mesh.name]


def box_corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(8, 3) corners of the box from `low` to `high`."""
    return np.array([[(low, high)[number >> axis & 1][axis] for axis in range(3)] for number in range(8)])


def _subjects(plan: Plan) -> set[str]:
    """What the camera is to see: everything; from above without what others stand on or fall onto, as a table that
    fills the picture says nothing.
    """
    every = {thing.name for thing in plan.objects}
    if plan.camera.view != "top":
        return every
    under = {thing.place.target for thing in plan.objects if thing.place.relation in ("on", "above")}
    moving = {
        t.name for t in plan.objects if t.cloth or t.soft or t.liquid or t.gas or (t.rigid and t.rigid.type == "active")
    }
    hollow = {thing.name for thing in plan.objects if thing.shape in SHAPES and SHAPES[thing.shape].hollow}
    return (every - (under - moving - hollow)) or every


def seen_points(built: Built, ground_m: float) -> np.ndarray:
    """(N, 3) corners of everything that the camera is to see; also on the ground where something may fall onto it."""
    subjects = _subjects(built.plan)
    points = corners([obj for name, copies in built.objects.items() if name in subjects for obj in copies])
    falls = any(thing.rigid is not None or thing.liquid or thing.soft for thing in built.plan.objects)
    if falls and built.plan.world.ground != "none":
        points = np.concatenate([points, np.column_stack([points[:, :2], np.minimum(points[:, 2], ground_m)])])
    low, high = points.min(0), points.max(0)
    thin = np.maximum(0.02 - (high - low), 0.0) / 2
    return np.concatenate([points, box_corners(low - thin, high + thin)]) if thin.any() else points
