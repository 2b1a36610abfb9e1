"""What `carry_out` puts into the scene: counts, relations, materials, camera; and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from plans import boxes, build, plan  # noqa: E402
from scene_state import differences, scene_state  # noqa: E402

from blender_aigc import cli  # noqa: E402
from blender_aigc.director.build import PLAN, found  # noqa: E402
from blender_aigc.director.materials import linear  # noqa: E402
from blender_aigc.plan import RELATIONS, SHAPES, load, validate  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402
from blender_aigc.state import STATE  # noqa: E402

pytestmark = pytest.mark.usefixtures("empty_file")
TABLE = {"shape": "table"}


def meets(a: np.ndarray, b: np.ndarray) -> bool:
    """Do two boxes (2, 3) reach into each other by more than a hair?"""
    return bool(np.all(a[0] < b[1] - 1e-4) and np.all(a[1] > b[0] + 1e-4))


@pytest.mark.parametrize("relation", RELATIONS)
def test_relations_are_what_they_say(relation: str) -> None:
    place = {"relation": relation, "target": "" if relation == "at" else "crate" if relation == "inside" else "table"}
    place |= {"offset_m": [1, 2, 3]} if relation == "at" else {}
    built = build(plan(TABLE, {"shape": "crate", "place": {"relation": "beside", "target": "table"}},
                       {"shape": "football", "place": place}))  # fmt: skip
    found_boxes = boxes(built)
    (ball,), (table,), (crate,) = found_boxes["football"], found_boxes["table"], found_boxes["crate"]
    middle = ball.mean(0)
    holds = {
        "on": abs(ball[0, 2] - table[1, 2]) < 2e-3 and np.all(np.abs(middle[:2]) < 0.7),
        "at": np.allclose([*middle[:2], ball[0, 2]], [1, 2, 3], atol=1e-6),
        "above": ball[0, 2] > table[1, 2] + 1.5,
        "beside": ball[0, 2] < 0.01 and not meets(ball, table),
        "left_of": ball[1, 0] < table[0, 0],
        "right_of": ball[0, 0] > table[1, 0],
        "in_front_of": ball[1, 1] < table[0, 1],
        "behind": ball[0, 1] > table[1, 1],
        "inside": np.all(ball[0, :2] > crate[0, :2]) and np.all(ball[1, :2] < crate[1, :2]) and ball[0, 2] < 0.05,
        "around": np.hypot(*middle[:2]) > 0.8,
        "under": ball[1, 2] < table[1, 2] and np.all(np.abs(middle[:2]) < 0.4) and ball[0, 2] < 0.01,
    }
    assert holds[relation]
    assert not meets(ball, table) or relation == "under"
    assert not meets(ball, crate) or relation == "inside"


def test_a_hundred_things_around_and_beside_each_other_do_not_meet() -> None:
    things = [{"name": f"{shape} {i}", "shape": shape, "count": 5, "arrange": arrange}
              for i, (shape, arrange) in enumerate(zip(["cone", "cup", "chair", "cube", "brick", "bucket"] * 3,
                                                       ["row", "grid", "circle", "pyramid", "wall", "scatter"] * 3,
                                                       strict=True))]  # fmt: skip
    built = build(
        plan(TABLE, {"shape": "mug", "count": 8, "place": {"relation": "around", "target": "table"}}, *things)
    )
    every = np.concatenate(list(boxes(built).values()))
    assert len(every) == 1 + 8 + 18 * 5
    assert not [(i, j) for i in range(len(every)) for j in range(i) if meets(every[i], every[j])]
    assert every[:, 0, 2].min() > -1e-6, "nothing is under the ground"


def test_what_spans_thin_supports_lies_on_them() -> None:
    posts = {"name": "post", "shape": "cylinder", "size_m": [0.04, 0.04, 0.5], "count": 2, "arrange": "row",
             "spacing_m": 1.8}  # fmt: skip
    board = {"name": "board", "shape": "box", "size_m": [2.0, 0.3, 0.04], "place": {"relation": "on", "target": "post"}}
    found = boxes(build(plan(posts, board)))
    ((low, high),) = found["board"]
    assert abs(low[2] - found["post"][:, 1, 2].max()) < 0.01
    assert np.allclose((low + high)[:2] / 2, found["post"].mean((0, 1))[:2], atol=0.01)


def test_what_does_not_fit_is_said() -> None:
    before = scene_state()
    with pytest.raises(Fault, match="do not fit inside 'cup'"):
        build(plan({"shape": "cup"}, {"shape": "football", "place": {"relation": "inside", "target": "cup"}}))
    assert differences(before, scene_state()) == []


def test_the_users_scene_is_left_alone_and_everything_is_in_one_collection() -> None:
    mesh = bpy.data.meshes.new("mine")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    mine = bpy.data.objects.new("mine", mesh)
    bpy.context.scene.collection.objects.link(mine)
    before = scene_state()
    built = build(plan(TABLE, {"shape": "flag", "cloth": {}}, {"shape": "basketball", "rigid": {}}), staged=False)
    after = scene_state()
    changed = differences(before, {key: after.get(key, "(gone)") for key in before}, 1000)
    allowed = ("scenes['Scene'].collection.children", "scenes['Scene'].objects", "scenes['Scene'].view_layers")
    allowed += ("scenes['Scene'].collection.all_objects", "scenes['Scene'].collection.collection_children")
    assert [line for line in changed if not line.startswith(allowed)] == []
    assert {obj for obj in bpy.data.objects if obj != mine} == set(built.collection.objects)
    assert bpy.context.scene.rigidbody_world is None, "physics happen in another Blender"
    again = found(built.collection)
    assert again.plan == built.plan and again.objects == built.objects and again.ground == built.ground


def test_one_undo_step_takes_everything_away(addon: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path))
    text = bpy.data.texts.new("plan.json")
    text.from_string(validate(plan(TABLE, {"shape": "basketball", "rigid": {}}, frames=6)).to_json())
    bpy.ops.ed.undo_push(message="start")
    before = {obj.name for obj in bpy.data.objects}
    assert bpy.ops.aigc.run_plan("EXEC_DEFAULT", True) == {"FINISHED"}
    assert len(bpy.data.objects) > 4 and bpy.context.scene.frame_end == 6
    assert bpy.ops.aigc.bake() == {"FINISHED"}
    assert bpy.data.objects["basketball"].animation_data is not None
    bpy.ops.ed.undo()
    assert {obj.name for obj in bpy.data.objects} == before and not bpy.data.actions


def test_a_wrong_plan_is_told_and_changes_nothing(addon: None) -> None:
    text = bpy.data.texts.new("plan.json")
    text.from_string('{"version": 1, "title": "x", "objects": [{"name": "a", "shape": "bascetball"}]}')
    before = scene_state()
    with pytest.raises(RuntimeError, match=r"objects\[0\]\.shape"):
        bpy.ops.aigc.run_plan()
    assert STATE.fault is not None and "basketball" in STATE.fault.hint
    assert differences(before, scene_state()) == []


def test_code_in_every_text_is_a_name_and_nothing_else(tmp_path: Path) -> None:
    code = f"__import__('pathlib').Path({str(tmp_path / 'x')!r}).touch()"[:60]
    data = plan({"shape": "cube", "name": code, "rigid": {}}, frames=2)
    data |= {"title": code, "notes": code, "camera": {"target": code}}
    built = build(data)
    assert built.objects[code][0].name == code[:50] and not (tmp_path / "x").exists()


def test_every_shape_has_its_size_and_stands_on_the_ground() -> None:
    built = build(plan(*({"shape": name} for name in SHAPES)))
    for name, found_boxes in boxes(built).items():
        assert np.allclose(found_boxes[0][1] - found_boxes[0][0], SHAPES[name].size_m, atol=1e-5), name
        assert found_boxes[0][0][2] == pytest.approx(0.0005, abs=2e-4), name


def test_generators_selection_and_colours() -> None:
    mesh = bpy.data.meshes.new("mine")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 2)], [], [(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
    mine = bpy.data.objects.new("mine", mesh)
    bpy.context.scene.collection.objects.link(mine)
    mine.select_set(True)
    built = build(plan({"name": "own", "shape": "selected", "scale": 0.5, "count": 2},
                       {"name": "made", "shape": "generator", "source": "ball"},
                       {"shape": "cone", "material": {"color": "red", "name": "metal"}}))  # fmt: skip
    sizes = {name: found_boxes[0][1] - found_boxes[0][0] for name, found_boxes in boxes(built).items()}
    assert np.allclose(sizes["own"], [0.5, 0.5, 1.0], atol=1e-5)
    assert np.allclose(sizes["made"], 0.24, atol=0.01) and built.objects["made"][0].data.materials
    (material,) = built.objects["cone"][0].data.materials
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    red, green, blue, _ = shader.inputs["Base Color"].default_value
    assert red > 5 * max(green, blue) and shader.inputs["Metallic"].default_value == 1.0


def test_nothing_selected_is_said() -> None:
    with pytest.raises(Fault, match="nothing is selected"):
        build(plan({"name": "own", "shape": "selected"}))


@pytest.mark.parametrize("view", ["front", "side", "top", "three_quarter"])
def test_the_camera_sees_all_of_it(view: str) -> None:
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    pole = {"shape": "pole", "place": {"relation": "beside", "target": "table"}}
    built = build(plan(TABLE, pole, camera={"view": view}))
    bpy.context.view_layer.update()
    corners = np.concatenate([b.reshape(-1, 3) for b in boxes(built).values()])
    seen = [world_to_camera_view(bpy.context.scene, built.camera, Vector(corner)) for corner in corners]
    assert all(0 < x < 1 and 0 < y < 1 and z > 0 for x, y, z in seen)
    assert bpy.context.scene.camera == built.camera


def test_the_command_carries_a_plan_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "data"))
    data = plan({"shape": "basketball", "rigid": {}, "place": {"relation": "above", "distance_m": 1}}, frames=8,
                render={"samples": 1, "width_px": 64, "height_px": 36})  # fmt: skip
    (tmp_path / "plan.json").write_text(validate(data).to_json(), encoding="utf-8")
    words = ["--plan", tmp_path / "plan.json", "--bake", "--save-as", tmp_path / "o" / "a.blend"]
    words += ["--render", tmp_path / "o" / "frames", "--out", tmp_path / "o"]
    assert cli.main(["physics", *map(str, words)]) == 0
    told = capfd.readouterr()
    assert len([line for line in told.out.splitlines() if line.endswith(".png")]) == 8
    assert (tmp_path / "o" / "aigc_cache").is_dir(), "the cache lies beside the file"
    assert [path.name for path in (tmp_path / "o").glob("*.blend*")] == ["a.blend"], "none before it to be kept"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "o" / "a.blend"))
    (collection,) = (c for c in bpy.data.collections if PLAN in c)
    assert load(collection[PLAN]) == validate(data)
    assert bpy.data.objects["basketball"].animation_data.action is not None


def test_a_bake_that_fails_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    """Nor does it move what was there aside; `a.blend` may be the user's only one."""
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "data"))
    water = {"name": "water", "shape": "cube", "liquid": {}, "size_m": [1, 1, 1]}
    (tmp_path / "plan.json").write_text(json.dumps(plan(water, domain={"resolution": 512})), encoding="utf-8")
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a.blend").write_bytes(b"of yesterday")
    words = ["physics", "--plan", tmp_path / "plan.json", "--bake", "--save-as", tmp_path / "o" / "a.blend"]
    assert cli.main([*map(str, words)]) == 1
    told = capfd.readouterr()
    assert "Error: " in told.err and ("would need" in told.err or "cannot compute" in told.err), told.err
    assert told.out == ""
    assert (tmp_path / "o" / "a.blend").read_bytes() == b"of yesterday"
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"a.blend", "aigc_cache"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "OUT"], "nothing to make"),
        (["--plan", "OUT/none.json", "--out", "OUT"], "cannot be read"),
        (["--plan", "OUT/wrong.json", "--out", "OUT"], "not valid JSON"),
        (["--plan", "OUT/new.json", "--out", "OUT"], "Update AIGC Studio"),
        (["--plan", "OUT/still.json", "--out", "OUT", "--bake"], "Nothing in this plan moves"),
        (["--plan", "OUT/still.json"], "would be lost"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], told: str, tmp_path: Path, capfd, monkeypatch) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "data"))
    (tmp_path / "wrong.json").write_text("Sure! Here is your plan: {", encoding="utf-8")
    (tmp_path / "new.json").write_text('{"version": 99}', encoding="utf-8")
    (tmp_path / "still.json").write_text(validate(plan(TABLE)).to_json(), encoding="utf-8")
    assert cli.main(["scene", *(word.replace("OUT", str(tmp_path)) for word in words)]) == 1
    error = capfd.readouterr().err
    assert told in error and "Traceback" not in error


@pytest.mark.parametrize(("asked", "color"), [
    ({}, "#b3262b"), ({"roughness": 0.2}, "#b3262b"), ({"color": "white"}, "#f2f2f2"), ({"name": "wood"}, "#a06a3c"),
])  # fmt: skip
def test_things_have_colours_of_their_own_until_others_are_asked_for(asked: dict, color: str) -> None:
    built = build(plan({"shape": "flag", "material": asked} if asked else {"shape": "flag"}))
    assert built.objects["flag"][0].data.materials[0].diffuse_color[:3] == pytest.approx(linear(color)[:3], abs=1e-4)
