"""Rigid bodies of a plan in Blender's own solver (Bullet), set up in the scene of the background Blender.

Bounce is the product of both partners in Bullet. In a plan it is meant against a hard floor, so what stands still has
1 unless the plan or the ground says otherwise; the same holds for friction. Damping is off: things fall by g t2 / 2.

What Bullet needs for bounces of the right height (measured in 4.2 to 5.2, a ball of 24 cm with restitution 0.8; the
ratio of heights must be 0.64): split impulses, else penetration is turned into speed (0.72 to 0.90); split impulses
begin at 4 cm of penetration, so balls are computed much enlarged; and few steps, because a contact that is found
before the touch eats restitution, with a probability of about 2 % of the size over the way of one step. Boxes fall
through each other when they are enlarged so much, and want many steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ..catalogue import Variant, catalogue
from ..plan import SHAPES, Plan, PlanObject
from . import keys, materials

COMPUTED_M = {True: 20.0, False: 0.07}
"""The smallest moving thing is computed as if it had (at least) this size: only balls move, or others too."""
STEPS_PER_S = {True: (120.0, 720.0), False: (480.0, 960.0)}
_WAY_PER_STEP = 0.35
MOST_DEG_PER_FRAME = 100.0
SOLVER_FPS = 24
"""Of the scene that is simulated; its fps_base makes up the rest. Blender divides the push of a field on a rigid body
by this number, whatever fps_base, the substeps and the time scale are (measured)."""
SETTLING_S = 1.5
_SOFT_GROUND = {"grass": 0.5, "sand": 0.1, "snow": 0.1, "earth": 0.4, "water": 0.0}
_SHAPES = {"sphere": "SPHERE", "box": "BOX", "cylinder": "CYLINDER", "cone": "CONE", "capsule": "CAPSULE",
           "hull": "CONVEX_HULL", "mesh": "MESH"}  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """Frames of the solver and of the plan. every: solver frames per frame of the plan. lead: frames before frame 1.

    step_s: simulated seconds per solver frame.
    """

    every: int
    lead: int
    step_s: float

    def solver(self, frame: int) -> int:
        """The solver's number of the plan's `frame`."""
        return (frame - 1) * self.every + 1


def clock(plan: Plan, fps: float) -> Clock:
    """As many solver frames as the fastest spin needs, and two before the first when something is thrown."""
    active = [thing for thing in plan.objects if is_active(thing)]
    spin = max((float(np.linalg.norm(t.rigid.spin_deg_s)) + t.rigid.random_spin_deg_s for t in active), default=0.0)
    every = max(1, int(np.ceil(spin * plan.timing.speed / fps / MOST_DEG_PER_FRAME)))
    lead = 2 if any(thrown(thing) for thing in active) else 0
    if any(hangs(thing) for thing in plan.objects):
        lead = max(lead, int(np.ceil(SETTLING_S / plan.timing.speed * fps)) * every)
    return Clock(every, lead, plan.timing.speed / fps / every)


def hangs(thing: PlanObject) -> bool:
    """Is it a cloth that is held and stays held? It is seen as it hangs, not as it falls out of its first pose."""
    return thing.cloth is not None and thing.cloth.pin != "none" and thing.cloth.release_frame is None


def is_active(thing: PlanObject) -> bool:
    return thing.rigid is not None and thing.rigid.type == "active"


def thrown(thing: PlanObject) -> bool:
    """Does it start in the air or with a velocity, and so needs a run-up?"""
    rigid = thing.rigid
    moved = rigid is not None and any((*rigid.velocity_m_s, *rigid.spin_deg_s, rigid.random_spin_deg_s))
    return bool(moved) or thing.place.relation in ("above", "at")


def is_obstacle(thing: PlanObject) -> bool:
    """Stands still, and others bump into it."""
    return thing.collides and not any((thing.cloth, thing.soft, thing.liquid)) and not is_active(thing)


def add_bodies(
    scene: bpy.types.Scene,
    plan: Plan,
    objects: dict[str, list[bpy.types.Object]],
    ground: bpy.types.Object | None,
    clock: Clock,
    extra_steps: int = 0,
) -> float:
    """Makes the rigid body world of `scene`. Returns by how much the scene was enlarged for it.

    extra_steps: per frame, beyond those that the speed asks for.
    """
    active = [thing for thing in plan.objects if is_active(thing)]
    smallest = smallest_m(plan, objects)
    only_balls = all(collision(thing) == "sphere" for thing in active)
    enlarged = max(1.0, COMPUTED_M[only_balls] / smallest)
    rate = steps_per_s(plan, objects, smallest, STEPS_PER_S[only_balls])
    steps = max(2, int(np.ceil(rate * clock.step_s)) + extra_steps)
    bodies = [(t, obj) for t in plan.objects if is_active(t) or is_obstacle(t) for obj in objects[t.name]]
    for obj in [*(obj for _, obj in bodies), *([ground] if ground is not None else [])]:
        _enlarge(obj, enlarged)
    bpy.context.view_layer.update()  # a body is made where the object was evaluated last
    bpy.ops.rigidbody.world_add()
    world = scene.rigidbody_world
    world.collection = bpy.data.collections.new("Rigid Bodies")
    world.substeps_per_frame = steps
    world.solver_iterations = 30
    world.time_scale = plan.timing.speed
    world.use_split_impulse = True
    scene.gravity = (0.0, 0.0, -plan.world.gravity_m_s2 * enlarged)
    rng = np.random.default_rng([plan.seed, 7])
    lift = plan.world.gravity_m_s2 * clock.step_s / steps / 2
    masses = {t.name: mass_kg(t, objects[t.name][0]) for t in active}  # copies of a thing have one mesh
    thin = {name: thinnest_m(objects[name][0]) for name in {t.name for t, _ in bodies}}
    for thing, obj in bodies:
        world.collection.objects.link(obj)
        _describe(obj, thing, thin[thing.name], enlarged)
        if is_active(thing):
            obj.rigid_body.mass = masses[thing.name]
            _hold(obj, thing, clock, enlarged, rng, lift, blown=bool(plan.forces))
    if ground is not None:
        world.collection.objects.link(ground)
        body = ground.rigid_body
        body.type, body.collision_shape, body.friction = "PASSIVE", "BOX", 1.0
        body.restitution = ground_restitution(plan)
        body.use_margin, body.collision_margin = True, 0.0
    world.point_cache.frame_start = clock.solver(1) - clock.lead
    world.point_cache.frame_end = clock.solver(plan.timing.frames)
    return enlarged


def remove_bodies(
    scene: bpy.types.Scene,
    objects: dict[str, list[bpy.types.Object]],
    ground: bpy.types.Object | None,
    fields: list[bpy.types.Object],
    enlarged: float,
) -> None:
    """The scene in its own size again, without rigid bodies and their fields."""
    for obj in [*(obj for copies in objects.values() for obj in copies), ground]:
        if obj is not None and obj.rigid_body is not None:
            _enlarge(obj, 1 / enlarged)
            obj.scale = (1, 1, 1)
            obj.animation_data_clear()
    scene.gravity = scene.gravity / enlarged
    bpy.ops.rigidbody.world_remove()
    bpy.data.batch_remove(fields)


def smallest_m(plan: Plan, objects: dict[str, list[bpy.types.Object]]) -> float:
    """The smallest extent of anything that moves; copies of a thing have one mesh."""
    return min(thinnest_m(objects[thing.name][0]) for thing in plan.objects if is_active(thing))


def thinnest_m(obj: bpy.types.Object) -> float:
    """The smallest extent that is not zero, 1 of a single point."""
    return min((float(extent) for extent in extents(obj) if extent > 0), default=1.0)


def extents(obj: bpy.types.Object) -> np.ndarray:
    """(3,) size of the mesh in its own frame. (`dimensions` lags behind until the next evaluation.)"""
    corners = np.array(obj.bound_box)
    return corners.max(0) - corners.min(0)


def steps_per_s(
    plan: Plan, objects: dict[str, list[bpy.types.Object]], smallest: float, bounds: tuple[float, float]
) -> float:
    """So many that the fastest thing moves by no more than a third of the smallest in one step."""
    speed = 0.0
    for thing in plan.objects:
        if is_active(thing):
            height = max(obj.location.z for obj in objects[thing.name])
            drop = np.sqrt(2 * plan.world.gravity_m_s2 * max(height, 0.0))
            speed = max(speed, float(np.linalg.norm(thing.rigid.velocity_m_s)) + float(drop))
    return float(np.clip(speed / (_WAY_PER_STEP * smallest), *bounds))


def _enlarge(obj: bpy.types.Object, factor: float) -> None:
    obj.location = obj.location * factor
    obj.scale = (factor, factor, factor)


def _describe(obj: bpy.types.Object, thing: PlanObject, thin_m: float, enlarged: float) -> None:
    body, rigid = obj.rigid_body, thing.rigid
    _, known = materials.substance(thing)
    active = is_active(thing)
    wanted = collision(thing)
    body.type = "ACTIVE" if active else "PASSIVE"
    body.collision_shape = _SHAPES[wanted]
    body.mesh_source = "BASE"
    body.use_margin = True
    body.collision_margin = min(0.0005, 0.005 * thin_m) * enlarged if wanted in ("hull", "mesh", "cone") else 0.0
    body.use_deactivation = False
    body.linear_damping, body.angular_damping = 0.0, 0.02
    friction = known.friction if active else 1.0
    body.friction = friction if rigid is None or rigid.friction is None else rigid.friction
    body.restitution = restitution(thing)


def collision(thing: PlanObject) -> str:
    """sphere, box, cylinder, cone, capsule, hull or mesh."""
    if thing.rigid is not None and thing.rigid.shape != "auto":
        return thing.rigid.shape
    shape = SHAPES.get(thing.shape)
    if shape is not None:
        return shape.collision
    if thing.shape == "generator" and catalogue().generator(thing.source).category == "balls":
        return "sphere"
    return "hull" if is_active(thing) else "mesh"


def restitution(thing: PlanObject) -> float:
    """Against a hard floor."""
    if thing.rigid is not None and thing.rigid.bounce is not None:
        return thing.rigid.bounce
    if not is_active(thing):
        return 1.0
    real = variant(thing)
    return real.bounce if real is not None else materials.substance(thing)[1].bounce


def ground_restitution(plan: Plan) -> float:
    return _SOFT_GROUND.get(plan.world.ground, 1.0)


def mass_kg(thing: PlanObject, obj: bpy.types.Object) -> float:
    """Of one copy: asked for, or that of the real thing scaled by its volume, or volume times density."""
    asked = thing.rigid.mass_kg if thing.rigid is not None else thing.soft.mass_kg if thing.soft is not None else None
    if asked is not None:
        return asked
    shape = SHAPES.get(thing.shape)
    real = variant(thing)
    if real is not None and real.mass_kg and thing.size_m is None:
        return float(np.clip(real.mass_kg * thing.scale**3, 1e-4, 1e6))
    named = thing.material is not None and thing.material.name
    if shape is not None and shape.mass_kg is not None and not named:
        size = np.prod(np.array(thing.size_m or shape.size_m) * thing.scale)
        return float(max(shape.mass_kg * size / np.prod(shape.size_m), 1e-4))
    return float(np.clip(volume_m3(obj.data) * materials.substance(thing)[1].density, 1e-4, 1e6))


def volume_m3(mesh: bpy.types.Mesh) -> float:
    """Of a closed mesh: the sum of the tetrahedra between the origin and the triangles of all faces, cut as fans."""
    corners, starts, totals = (np.empty(len(of), np.int32) for of in (mesh.loops, mesh.polygons, mesh.polygons))
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.polygons.foreach_get("loop_total", totals)
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    fans = totals - 2
    first = np.repeat(starts, fans)
    second = first + np.arange(fans.sum()) - np.repeat(np.cumsum(fans) - fans, fans) + 1
    a, b, c = points.reshape(-1, 3).astype(float)[corners[np.stack([first, second, second + 1])]]
    return abs(float(np.sum(a * np.cross(b, c)))) / 6.0


def variant(thing: PlanObject) -> Variant | None:
    """What the catalogue knows about a real thing of this kind, such as its weight."""
    if thing.shape != "generator":
        return None
    given = {setting.key: setting.value for setting in thing.settings}
    variants = catalogue().generator(thing.source).variants
    fits = [v for v in variants if all(given.get(key) == value for key, value in v.params.items())]
    return max(fits, key=lambda v: len(v.params), default=None)


def _hold(
    obj: bpy.types.Object,
    thing: PlanObject,
    clock: Clock,
    enlarged: float,
    rng: np.random.Generator,
    lift_m_s: float,
    blown: bool,
) -> None:
    """Held until its frame comes; the last solver frame before it moves with the velocity that it is to have.

    Bullet gives a body that is let go the velocity with which it was carried. lift_m_s: half of what gravity adds in
    one step; with it the solver's Euler steps lie on the parabola instead of under it.
    """
    rigid = thing.rigid
    spin = np.array(rigid.spin_deg_s, float)
    if rigid.random_spin_deg_s:
        way = rng.normal(size=3)
        spin = spin + way / np.linalg.norm(way) * rng.uniform(0.3, 1.0) * rigid.random_spin_deg_s
    start = clock.solver(rigid.start_frame)
    if start == 1 and not clock.lead:
        return
    place, turned = Vector(obj.location), obj.rotation_quaternion.copy()
    velocity = Vector(rigid.velocity_m_s)
    if thrown(thing):
        velocity.z += lift_m_s
    before = place - velocity * clock.step_s * enlarged
    angle = float(np.radians(np.linalg.norm(spin))) * clock.step_s
    axis = Vector(spin) if angle else Vector((0, 0, 1))
    back = Quaternion(axis.normalized(), -angle) @ turned
    poses = np.array([[*before, *back], [*place, *turned]])
    frames, poses = np.array([min(start, 1) - 3, start - 1, start]), poses[[0, 0, 1]]
    action = keys.write_pose(obj, frames, poses)
    flags = np.array([1.0, 1.0, 0.0])
    keys.write(action, obj, "rigid_body.kinematic", np.array([-2, start, start + 1]), flags, interpolation=0)
    if blown and start > 3:  # what is only held gathers the pushes of fields, and would be shot away by all of them
        _keep_from_fields(obj, action, start, bool(velocity.length or angle))
    obj.location, obj.rotation_quaternion = before, back
    obj.rigid_body.kinematic = True


def _keep_from_fields(obj: bpy.types.Object, action: bpy.types.Action, start: int, moves: bool) -> None:
    """No field pushes `obj` before the solver's frame `start`."""
    if bpy.app.version >= (4, 5):
        frames = np.array([-2, start - int(moves)])
        keys.write(action, obj, "rigid_body.enabled", frames, np.array([0.0, 1.0]), interpolation=0)
        return
    # 4.2 pushes what is not enabled, too, but nothing that is a field itself
    with bpy.context.temp_override(object=obj, active_object=obj, selected_objects=[obj]):
        bpy.ops.object.forcefield_toggle()
    obj.field.type, obj.field.strength = "FORCE", 0.0
    none, force = (obj.field.bl_rna.properties["type"].enum_items[name].value for name in ("NONE", "FORCE"))
    frames = np.array([-2, start])
    keys.write(action, obj, "field.type", frames, np.array([force, none], float), interpolation=0)


def wind_area_m2(plan: Plan, objects: dict[str, list[bpy.types.Object]]) -> float:
    """What a moving thing shows the wind: the mean of all, as the world has one strength of a field for all of them."""
    active = [objects[thing.name] for thing in plan.objects if is_active(thing)]
    areas = [np.prod(sorted(extents(copies[0]))[1:]) for copies in active]
    return float(np.average(areas, weights=[len(copies) for copies in active])) if active else 0.0
