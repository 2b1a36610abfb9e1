"""Bodies of armatures as OpenPose figures: names, places, colours, and what is hidden."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from made_people import body, eye, metarig, skeleton
from mathutils import Vector

from blender_aigc.gather.passes import passes_meta, render_passes
from blender_aigc.gather.pose import armatures_of, people_of
from blender_aigc.gather.pose_picture import BODY, COLOURS, HAND_LIMBS, LIMBS, Person, control_pose
from blender_aigc.gather.render_state import camera_matrices, stage
from blender_aigc.gather.rendered import rendered
from blender_aigc.gather.sources import Render
from blender_aigc.rig.bone_names import parts_of

LIMB_PARTS = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")
NAMES = {
    "metarig": ("upper_arm.{}", "forearm.{}", "hand.{}", "thigh.{}", "shin.{}", "foot.{}"),
    "rigify": ("DEF-upper_arm.{}", "DEF-forearm.{}", "DEF-hand.{}", "DEF-thigh.{}", "DEF-shin.{}", "DEF-foot.{}"),
    "mixamo": tuple(f"mixamorig:{{}}{p}" for p in ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot")),
    "unreal": ("upperarm_{}", "lowerarm_{}", "hand_{}", "thigh_{}", "calf_{}", "foot_{}"),
    "vrm": tuple(f"J_Bip_{{}}_{p}" for p in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")),
    "smpl": tuple(f"{{}}_{p}" for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    "biped": tuple(f"Bip01 {{}} {p}" for p in ("UpperArm", "Forearm", "Hand", "Thigh", "Calf", "Foot")),
    "daz": tuple(f"{{}}{p}" for p in ("ShldrBend", "ForearmBend", "Hand", "ThighBend", "Shin", "Foot")),
}
SIDES = {"mixamo": ("Left", "Right"), "unreal": ("l", "r"), "smpl": ("left", "right"), "daz": ("l", "r")}
DECOYS = {
    "metarig": ["shoulder.L", "shoulder.R", "upper_arm.L.001", "heel.02.L", "spine.006"],
    "rigify": ["ORG-upper_arm.L", "upper_arm_fk.L", "upper_arm_ik.L", "DEF-upper_arm.L.001", "hand.L", "DEF-spine.006"],
    "mixamo": ["mixamorig:LeftShoulder", "mixamorig:LeftToeBase", "mixamorig:Head", "mixamorig:HeadTop_End"],
    "unreal": ["clavicle_l", "upperarm_twist_01_l", "head"],
    "smpl": ["left_collar", "head"],
}


@pytest.mark.parametrize("kind", NAMES)
def test_limbs_are_found_whatever_they_are_called(kind: str) -> None:
    """And collar bones, controls and second halves are not taken for them."""
    sides = SIDES.get(kind, ("L", "R"))
    names = {f"{part}.{side}": name.format(word) for part, name in zip(LIMB_PARTS, NAMES[kind], strict=True)
             for side, word in zip("LR", sides, strict=True)}  # fmt: skip
    found = parts_of([*DECOYS.get(kind, []), *names.values(), *DECOYS.get(kind, [])])
    assert {part: found.get(part) for part in names} == names
    assert ("head" in found) == any("head" in name.lower() or "spine.006" in name for name in DECOYS.get(kind, []))


@pytest.mark.parametrize("name", ["f_index.02.L", "DEF-f_index.02.L", "mixamorig:LeftHandIndex2", "index_02_l"])
def test_fingers_are_counted_from_the_hand_on(name: str) -> None:
    assert parts_of([name, "palm.01.L"]) == {"index.2.L": name}


@pytest.mark.parametrize("name", ["larynx", "Legs", "armour", "handle.L", "rope_left_end", "lead", "Root"])
def test_other_bones_are_no_parts(name: str) -> None:
    assert parts_of([name]) == {}


# ------------------------------------------------------------------------------------------------------------ drawing


def person(hidden: tuple[str, ...] = (), shift: float = 0.0, distance: float = 3.0) -> Person:
    """Points on a circle of 180 px in the middle of 512 x 512."""
    angles = np.arange(18) * 2 * np.pi / 18
    shown = np.array([name not in hidden for name in BODY], float)
    return Person(
        np.stack([256.5 + shift + 180 * np.cos(angles), 256.5 + 180 * np.sin(angles), shown], -1), (), distance
    )


def test_points_and_limbs_have_the_colours_of_the_convention() -> None:
    """Points in full colour, limbs in the middle at 60 %."""
    picture = control_pose([person()], 512, 512)
    for (x, y, _), colour in zip(person().body, COLOURS, strict=True):
        assert picture[int(y), int(x)].tolist() == list(colour)
    only = np.zeros((18, 3))
    for limb, colour in zip(LIMBS, COLOURS, strict=False):
        only[:, 2] = 0
        only[limb[0]], only[limb[1]] = (100.5, 200.5, 1), (160.5, 200.5, 1)
        middle = control_pose([Person(only.copy())], 512, 512)[:, 130]
        assert np.abs(middle[200] - np.float32(colour) * 0.6).max() <= 1
        assert 7 <= (middle.max(-1) > 0.3 * max(colour)).sum() <= 9, "8 px thick"


def test_what_is_hidden_is_not_drawn_nor_are_its_limbs() -> None:
    with_it, without = (control_pose([person(hidden)], 512, 512) for hidden in ((), ("elbow.R",)))
    (elbow, wrist), colour = person().body[3:5, :2], COLOURS[3]
    for there in (elbow, (elbow + wrist) / 2):
        column, row = there.astype(int)
        assert with_it[row, column].any() and not without[row, column].any()
    column, row = elbow.astype(int)
    assert with_it[row, column].tolist() == list(colour)


def test_sizes_follow_the_picture_and_nearer_people_cover() -> None:
    """Half the picture, half the sticks; the near one on top, whichever comes first."""
    large = control_pose([person()], 512, 512)
    one = person().body.copy()
    one[:, :2] /= 2
    small = control_pose([Person(one)], 256, 256)
    shrunk = large.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(shrunk - small).mean() < 1.5
    near = person(distance=2)
    far = Person(np.roll(person().body, 1, axis=0), (), 4)  # its neck lies where the nose of the near one is
    assert (control_pose([near, far], 512, 512) == control_pose([far, near], 512, 512)).all()
    assert control_pose([near, far], 512, 512)[256, 436].tolist() == list(COLOURS[0])


def test_hands_are_five_fingers_from_the_wrist() -> None:
    assert len(HAND_LIMBS) == 20 and sum(first == 0 for first, _ in HAND_LIMBS) == 5
    assert set(range(21)) == {joint for limb in HAND_LIMBS for joint in limb}
    hand = np.stack([np.linspace(20, 480, 21), np.full(21, 256.0), np.ones(21)], -1)
    nobody = np.zeros((18, 3))
    picture = control_pose([Person(nobody, (hand,))], 512, 512)
    assert picture[256, 20].tolist() == [0, 0, 255] and picture.any((0, 2)).sum() > 450


def test_points_outside_of_the_picture_do_no_harm() -> None:
    points = person().body
    points[:, :2] = points[:, :2] * 30 - 4000
    assert control_pose([Person(points)], 64, 48).shape == (48, 64, 3)


# ------------------------------------------------------------------------------------------------------------- scenes


@pytest.fixture
def walker(addon: None) -> bpy.types.Object:
    """Blender's metarig with a body, its left forearm pointing at the camera, so that it covers the elbow."""
    rig = metarig()
    body(rig)
    for name, angles in {"upper_arm.L": (0, 0, -0.9), "forearm.L": (1.2, 0, 0), "thigh.R": (-0.7, 0, 0)}.items():
        rig.pose.bones[name].rotation_mode = "XYZ"
        rig.pose.bones[name].rotation_euler = angles
    eye((0.3, -3.4, 1.3), (0, 0, 0.95), (384, 512))
    return rig


def places(frame: int | None = None) -> dict[str, np.ndarray]:
    """The points that are drawn, (x, y) px, of the only person."""
    scene = bpy.context.scene
    passes = render_passes(scene, frozenset({"pose", "depth"}), frame=frame)
    with stage(scene, frame=frame) as here:
        (found,) = people_of(here, *camera_matrices(here, *passes["depth"].shape[::-1]), passes["depth"])
    assert (control_pose([found], *passes["depth"].shape[::-1]) == passes["pose"]).all()
    return {name: point[:2] for name, point in zip(BODY, found.body, strict=True) if point[2]}


def seen_at(obj: bpy.types.Object, point) -> np.ndarray:
    from bpy_extras.object_utils import world_to_camera_view

    scene = bpy.context.scene
    x, y, _ = world_to_camera_view(scene, scene.camera, obj.matrix_world @ point)
    return np.array([x * scene.render.resolution_x, (1 - y) * scene.render.resolution_y])


def test_joints_lie_where_blender_projects_the_bones(walker: bpy.types.Object) -> None:
    """At another frame, by a moved, scaled and rotated armature, judged by Blender's own projection."""
    scene = bpy.context.scene
    walker.scale, walker.rotation_euler.z = (1.1, 1.1, 1.1), 0.3
    walker.keyframe_insert("location", frame=1)
    walker.location.x = 0.2
    walker.keyframe_insert("location", frame=9)
    scene.frame_set(9)
    found = places()
    scene.frame_set(1)
    assert all((there == found[name]).all() for name, there in places(frame=9).items())
    scene.frame_set(9)
    assert set(found) == set(BODY)
    for name, bone in {"shoulder.L": "upper_arm.L", "elbow.R": "forearm.R", "hip.L": "thigh.L", "knee.R": "shin.R",
                       "ankle.L": "foot.L", "elbow.L": "forearm.L"}.items():  # fmt: skip
        assert np.abs(found[name] - seen_at(walker, walker.pose.bones[bone].head)).max() < 1.5, name
    assert passes_meta(render_passes(scene, frozenset({"pose"})))["people"] == ["metarig"]


def test_from_behind_there_is_no_face(walker: bpy.types.Object) -> None:
    eye((0.3, 3.4, 1.3), (0, 0, 0.95), (384, 512))
    found = places()
    assert {"shoulder.L", "hip.R", "knee.L"} <= set(found)
    assert not {"nose", "eye.L", "eye.R"} & set(found)
    assert found["shoulder.L"][0] < found["shoulder.R"][0]
    bpy.data.objects.remove(bpy.data.objects["Body"])  # nor where no mesh hides it
    bpy.ops.mesh.primitive_cube_add(size=0.2, location=(1, 0, 0.2))
    assert not {"nose", "eye.L", "eye.R"} & set(places())


def test_a_turned_head_takes_its_face_along(walker: bpy.types.Object) -> None:
    before = places()
    head = walker.pose.bones["spine.006"]
    head.rotation_mode, head.rotation_euler = "XYZ", (0, 0.7, 0)
    after = places()
    assert abs(after["nose"][0] - before["nose"][0]) > 8
    assert np.abs(after["neck"] - before["neck"]).max() < 0.5


def test_what_stands_behind_something_is_left_out(walker: bpy.types.Object) -> None:
    """A box before the legs hides them; a forearm before its own elbow does not."""
    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(0, -1.2, 0))
    found = places()
    assert "elbow.L" in found and "nose" in found
    assert not {"knee.L", "knee.R", "ankle.L", "ankle.R"} & set(found)


def hands() -> tuple[np.ndarray, ...]:
    """The (21, 3) points of each hand that is drawn."""
    scene = bpy.context.scene
    passes = render_passes(scene, frozenset({"pose", "depth"}))
    with stage(scene) as here:
        (found,) = people_of(here, *camera_matrices(here, *passes["depth"].shape[::-1]), passes["depth"])
    assert (control_pose([found], *passes["depth"].shape[::-1]) == passes["pose"]).all()
    return found.hands


def test_hands_are_drawn_finger_by_finger_where_they_are_seen(walker: bpy.types.Object) -> None:
    """In the convention's order, judged by Blender's own projection; not behind a plate, nor from far away."""
    bones = walker.pose.bones
    middle = walker.matrix_world @ bones["hand.R"].tail
    eye(middle + Vector((0, -0.9, 0)), middle, (384, 512))
    (hand,) = hands()
    assert hand[:, 2].all() and np.abs(hand[0, :2] - seen_at(walker, bones["hand.R"].head)).max() < 1.5
    for number, finger in enumerate(("thumb", "f_index", "f_middle", "f_ring", "f_pinky")):
        joints = [bones[f"{finger}.0{joint}.R"] for joint in (1, 2, 3)]
        for joint, point in enumerate([*(bone.head for bone in joints), joints[-1].tail]):
            assert np.abs(hand[1 + 4 * number + joint, :2] - seen_at(walker, point)).max() < 1.5, (finger, joint)
    bpy.ops.mesh.primitive_cube_add(size=1, location=middle + Vector((0, -0.4, -0.27)), scale=(0.5, 0.01, 0.5))
    (hand,) = hands()
    assert hand[0, 2] and not hand[[8, 12, 16, 20], 2].any(), "the tips are hidden"
    eye((0.3, -14, 1.3), (0, 0, 0.95), (384, 512))
    assert hands() == ()


def test_only_rigs_at_work_are_drawn(walker: bpy.types.Object) -> None:
    """Neither the metarig beside the rig nor a rope."""
    skeleton({"bone": ((0, 0, 0), (0, 0, 1))})
    spare = metarig()
    assert armatures_of(bpy.context.scene) == [walker]
    bpy.data.objects.remove(bpy.data.objects["Body"])
    assert armatures_of(bpy.context.scene) == [walker, spare]


def test_the_pose_is_sent_where_there_is_one(walker: bpy.types.Object) -> None:
    names = frozenset(rendered(Render(longest_px=64), bpy.context.scene))
    assert {"pose", "depth"} <= names
    bpy.data.objects.remove(walker)
    assert "pose" not in rendered(Render(longest_px=64), bpy.context.scene)
