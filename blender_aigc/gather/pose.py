"""Where the bodies of the scene's armatures are in a picture: OpenPose's points from bones, hidden ones left out.

Every bone that matters is found by its name (rig/bone_names.py). Faces are not rigged in most characters: nose, eyes
and ears are then placed by the proportions of a head, turned as the head bone is turned against its rest pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..rig.bone_names import parts_of
from .pose_picture import BODY, FINGERS, LIMBS, REFERENCE_PX, Person
from .render_state import Stage, synced

FEWEST_PARTS = 6
"""An armature with fewer of the 12 limbs is no person."""

_JOINTS = {
    "shoulder": "upper_arm",
    "elbow": "forearm",
    "wrist": "hand",
    "hip": "thigh",
    "knee": "shin",
    "ankle": "foot",
}
_FACE = {"nose": (0.0, 0.36, 0.52), "eye": (0.15, 0.5, 0.44), "ear": (0.34, 0.42, 0.06)}
"""Sideways, up and forward from the base of the head, parts of its height."""

_INSIDE = 0.35
"""So far in front of a joint its own body may be, parts of the length of the trunk; beyond that something hides it."""
_INSIDE_FACE = 0.12
_LIMB = 0.22
"""Half the thickness of a limb, likewise: an elbow behind its own forearm, which points at the camera, is drawn."""
_SMALLEST_HAND_PX = 20.0
"""Where the shorter side has 512; detectors leave out smaller ones."""


@dataclass(frozen=True)
class _Rig:
    """An armature at one frame, in world coordinates. heads, tails: of the bones that are parts, by part.

    turn: (3, 3) of the head bone against its rest pose. left, up: of the body at rest.
    """

    name: str
    heads: dict[str, np.ndarray]
    tails: dict[str, np.ndarray]
    turn: np.ndarray
    left: np.ndarray
    up: np.ndarray
    head_m: float


def people_of(here: Stage, pose: np.ndarray, lens: np.ndarray, depth: np.ndarray) -> list[Person]:
    """The people in the picture.

    pose (4, 4) world_from_camera and lens (3, 3) in OpenCV's convention, as `camera_matrices` returns them;
    depth (H, W) metres along the view axis, inf = background.
    """
    rigs = _evaluated(here, armatures_of(here.scene))
    perspective = here.camera.data.type == "PERSP"
    return [_person(rig, pose, lens, depth, perspective) for rig in rigs]


def armatures_of(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """Those that are bodies and move a mesh that renders; when none does, those that are shown."""
    objects = list(dict.fromkeys(obj for layer in synced(scene) for obj in layer.objects))
    bodies = [obj for obj in objects if obj.type == "ARMATURE" and _is_body(obj)]
    moved = {
        modifier.object
        for obj in objects
        if obj.type == "MESH" and not obj.hide_render
        for modifier in obj.modifiers
        if modifier.type == "ARMATURE" and modifier.show_render
    }
    at_work = [obj for obj in bodies if obj in moved]
    return at_work or [obj for obj in bodies if not obj.hide_render and not obj.hide_viewport]


def _is_body(armature: bpy.types.Object) -> bool:
    parts = parts_of(bone.name for bone in armature.data.bones)
    limbs = [part for part in parts if part.rpartition(".")[0] in _JOINTS.values()]
    return len(limbs) >= FEWEST_PARTS and {"upper_arm.L", "upper_arm.R"} <= parts.keys()


def _evaluated(here: Stage, armatures: Sequence[bpy.types.Object]) -> list[_Rig]:
    """In a scene of their own, with what moves them: evaluating everything again would double the cost."""
    if not armatures:
        return []
    scene = bpy.data.scenes.new("AIGC Pose")
    try:
        for armature in armatures:
            scene.collection.objects.link(armature)
        scene.frame_current, scene.frame_subframe = here.frame, here.scene.frame_subframe
        layer = scene.view_layers[0]
        layer.update()
        return [_rig(armature.evaluated_get(layer.depsgraph)) for armature in armatures]
    finally:
        bpy.data.batch_remove([scene])


def _rig(armature: bpy.types.Object) -> _Rig:
    world = np.array(armature.matrix_world, np.float64)
    bones = armature.pose.bones
    parts = parts_of(bone.name for bone in bones)
    heads = {part: _at(world, bones[name].head) for part, name in parts.items()}
    tails = {part: _at(world, bones[name].tail) for part, name in parts.items()}
    rest = {part: np.array(armature.data.bones[name].head_local, np.float64) for part, name in parts.items()}
    left = _unit(rest["upper_arm.L"] - rest["upper_arm.R"])
    below = [rest[part] for part in ("thigh.L", "thigh.R") if part in rest]
    shoulders = (rest["upper_arm.L"] + rest["upper_arm.R"]) / 2
    up = shoulders - np.mean(below, axis=0) if below else np.array([0.0, 0.0, 1.0])
    up = _unit(up - left * (up @ left))
    turn, head_m = np.eye(3), 0.0
    if "head" in parts:
        bone = bones[parts["head"]]
        still = np.array(bone.bone.matrix_local.to_3x3(), np.float64)
        turn = np.array(bone.matrix.to_3x3().normalized(), np.float64) @ np.linalg.inv(still)
        head_m = float(np.linalg.norm(tails["head"] - heads["head"]))
    spin = world[:3, :3] / np.maximum(np.linalg.norm(world[:3, :3], axis=0), 1e-9)
    return _Rig(armature.name, heads, tails, spin @ turn, left, up, head_m)


def _at(world: np.ndarray, point: Sequence[float]) -> np.ndarray:
    return world[:3, :3] @ np.array(point, np.float64) + world[:3, 3]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _distance(point: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Of a point from the line between two others."""
    along = second - first
    share = np.clip((point - first) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(point - first - share * along))


def _body(rig: _Rig) -> dict[str, np.ndarray]:
    """World positions of OpenPose's points, by name."""
    points: dict[str, np.ndarray] = {}
    for side in "LR":
        for joint, part in _JOINTS.items():
            bone, before = f"{part}.{side}", {"hand": "forearm", "foot": "shin"}.get(part)
            if bone in rig.heads:
                points[f"{joint}.{side}"] = rig.heads[bone]
            elif before and f"{before}.{side}" in rig.tails:
                points[f"{joint}.{side}"] = rig.tails[f"{before}.{side}"]
    points["neck"] = (points["shoulder.L"] + points["shoulder.R"]) / 2
    return points | _face(rig, points)


def _face(rig: _Rig, points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if "head" not in rig.heads:
        return {}
    height = rig.head_m
    width = float(np.linalg.norm(points["shoulder.L"] - points["shoulder.R"]))
    if not 0.3 * width < height < 1.5 * width:  # a head bone that ends in a tag, or reaches into the hat
        height = 0.7 * width
    left, up = rig.turn @ rig.left, rig.turn @ rig.up
    forward = np.cross(left, up)
    face: dict[str, np.ndarray] = {}
    for name, (sideways, above, ahead) in _FACE.items():
        for side, sign in (("", 0.0),) if name == "nose" else ((".L", 1.0), (".R", -1.0)):
            offset = sign * sideways * left + above * up + ahead * forward
            face[name + side] = rig.heads["head"] + height * offset
            if name == "eye" and f"eye{side}" in rig.heads:
                face[name + side] = rig.heads[f"eye{side}"]
    return face


def _person(rig: _Rig, pose: np.ndarray, lens: np.ndarray, depth: np.ndarray, perspective: bool) -> Person:
    points = _body(rig)
    hips = [points[name] for name in ("hip.L", "hip.R") if name in points]
    trunk_m = float(np.linalg.norm(points["neck"] - np.mean(hips, axis=0))) if hips else 0.5
    look = _Look(pose, lens, depth, perspective, trunk_m)
    body = np.zeros((len(BODY), 3))
    for number, name in enumerate(BODY):
        if name in points:
            face = number == 0 or number >= 14
            joined = [other for limb in LIMBS if number in limb for other in limb if other != number]
            ends = [points[BODY[other]] for other in joined if BODY[other] in points]
            body[number] = look.at(points[name], () if face else ends, _INSIDE_FACE if face else _INSIDE)
    left, up = rig.turn @ rig.left, rig.turn @ rig.up
    _turn_away(body, points, look.towards, left, np.cross(left, up))
    hands = tuple(hand for side in "LR" if (hand := _hand(rig, side, look)) is not None)
    middle = points["neck"] - pose[:3, 3]
    return Person(body, hands, float(middle @ pose[:3, 2]), rig.name)


def _turn_away(body: np.ndarray, points: dict[str, np.ndarray], towards, left: np.ndarray, forward: np.ndarray) -> None:
    """A face is not seen from behind, an ear not from the other side, also where no mesh hides them."""
    for number, name in enumerate(BODY):
        if name in points and (number == 0 or number >= 14):
            facing = forward if number in (0, 14, 15) else left * (1 if name.endswith("L") else -1)
            body[number, 2] *= float(towards(points[name]) @ facing) > (-0.35 if number >= 16 else -0.2)


def _hand(rig: _Rig, side: str, look: _Look) -> np.ndarray | None:
    """(21, 3): the wrist, then four points of each finger from the hand on. None without fingers, or too small."""
    if f"index.1.{side}" not in rig.heads:
        return None
    hand = np.zeros((21, 3))
    wrist = rig.heads.get(f"hand.{side}")
    if wrist is not None:
        hand[0] = look.at(wrist)
    for number, finger in enumerate(FINGERS):
        names = [f"{finger}.{joint}.{side}" for joint in (1, 2, 3)]
        known = [name for name in names if name in rig.heads]
        points = [rig.heads[name] for name in known] + [rig.tails[name] for name in known[-1:]]
        for joint, point in enumerate(points[:4]):
            hand[1 + 4 * number + joint] = look.at(point)
    seen = hand[hand[:, 2] > 0, :2]
    smallest = _SMALLEST_HAND_PX * min(look.depth.shape) / REFERENCE_PX
    return hand if len(seen) and np.ptp(seen, axis=0).max() >= smallest else None


@dataclass(frozen=True)
class _Look:
    """From points of the world to points of the picture, and whether they are seen."""

    pose: np.ndarray
    lens: np.ndarray
    depth: np.ndarray
    perspective: bool
    trunk_m: float

    def at(
        self, point: np.ndarray, limb_ends: Sequence[np.ndarray] = (), inside: float = _INSIDE
    ) -> tuple[float, float, float]:
        """(x, y, 1 when it is seen). limb_ends: of the limbs that begin here, whose own surface hides nothing."""
        x, y, z = self.pose[:3, :3].T @ (point - self.pose[:3, 3])
        if self.perspective and z <= 1e-6:
            return 0.0, 0.0, 0.0
        ray = np.array([x / z, y / z, 1.0]) if self.perspective else np.array([x, y, 1.0])
        column, row = (self.lens @ ray)[:2]
        height, width = self.depth.shape
        if not (0 <= column < width and 0 <= row < height):
            return column, row, 0.0
        nearest = float(self.depth[int(row), int(column)])
        if nearest > z - inside * self.trunk_m:
            return column, row, 1.0
        at = ray * nearest if self.perspective else np.array([x, y, nearest])
        surface = self.pose[:3, :3] @ at + self.pose[:3, 3]
        own = any(_distance(surface, point, end) < _LIMB * self.trunk_m for end in limb_ends)
        return column, row, float(own)

    def towards(self, point: np.ndarray) -> np.ndarray:
        """Unit vector from a point of the world to the camera."""
        return _unit(self.pose[:3, 3] - point) if self.perspective else -self.pose[:3, 2]
