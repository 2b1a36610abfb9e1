"""A person for tests: a rig that Blender brings along, and a body of beads and sticks that it moves."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector


def metarig() -> bpy.types.Object:
    """Blender's human metarig with fingers (Rigify), standing at the origin, facing -Y."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    return bpy.context.object


def skeleton(bones: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]]) -> bpy.types.Object:
    """An armature of loose bones: name -> (head, tail)."""
    data = bpy.data.armatures.new("Skeleton")
    rig = bpy.data.objects.new("Skeleton", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, (head, tail) in bones.items():
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = head, tail
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def body(rig: bpy.types.Object) -> bpy.types.Object:
    """A mesh of an octahedron around each bone of trunk, limbs and head, moved by the rig."""
    vertices: list[Vector] = []
    faces: list[tuple[int, ...]] = []
    groups: dict[str, range] = {}
    for bone in rig.data.bones:
        name = bone.name
        thick = next((r for key, r in _THICK.items() if key in name), 0.0)
        if not thick or "_" in name and "arm" not in name:
            continue
        start, first = len(vertices), Vector(bone.head_local)
        along = Vector(bone.tail_local) - first
        side = along.orthogonal().normalized() * thick
        other = along.cross(side).normalized() * thick
        for share in (0.0, 0.5, 1.0):
            middle = first + along * share
            vertices += [middle + side, middle + other, middle - side, middle - other]
        for ring in (start, start + 4):
            sides = [(i, (i + 1) % 4) for i in range(4)]
            faces += [(ring + i, ring + j, ring + 4 + j, ring + 4 + i) for i, j in sides]
        faces += [(start, start + 1, start + 2, start + 3), (start + 8, start + 9, start + 10, start + 11)]
        groups[name] = range(start, len(vertices))
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata([tuple(v) for v in vertices], [], faces)
    made = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(made)
    for name, numbers in groups.items():
        made.vertex_groups.new(name=name).add(list(numbers), 1.0, "REPLACE")
    made.modifiers.new("Armature", "ARMATURE").object = rig
    return made


_THICK = {
    "spine.006": 0.09,
    "spine": 0.12,
    "upper_arm": 0.05,
    "forearm": 0.045,
    "hand": 0.03,
    "thigh": 0.08,
    "shin": 0.06,
    "foot": 0.05,
    "head": 0.1,
    "shoulder": 0.05,
}
"""Half the thickness of a bone's flesh, metres, by what its name contains."""


def eye(location: tuple[float, float, float], target: tuple[float, float, float], size: tuple[int, int]) -> None:
    """The scene's camera."""
    scene = bpy.context.scene
    data = bpy.data.cameras.new("Eye")
    camera = bpy.data.objects.new("Eye", data)
    camera.location = location
    camera.rotation_euler = (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.rotation_euler = np.radians((50, 10, 20)).tolist()
    scene.collection.objects.link(sun)
