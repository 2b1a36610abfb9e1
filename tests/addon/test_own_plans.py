"""Sentences about the user's own assets and his selection, from the scene through a real server and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from live_server import ODD_FOLDER, new_session, ready, until  # noqa: E402
from plans import path  # noqa: E402
from scene_state import differences, scene_state  # noqa: E402

from blender_aigc import batch, cli, physics  # noqa: E402
from blender_aigc.director.build import OBJECT  # noqa: E402
from blender_aigc.gather.own_things import own_blob  # noqa: E402
from blender_aigc.launcher import lock_is_free  # noqa: E402
from blender_aigc.plan import Plan  # noqa: E402
from blender_aigc.protocol import Fault  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data") / ODD_FOLDER
    keeper = ready(new_session(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_DATA", str(folder))
        yield folder
        batch.close()
    keeper.close(stop_idle=True)
    until(lambda: lock_is_free(folder))


def cube(name: str, location: tuple[float, float, float], size: float = 1.0) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=size, location=location)
    bpy.context.object.name = name
    return bpy.context.object


def robot() -> bpy.types.Object:
    """A marked object with a child and a material of its own."""
    body = cube("SM_HeroRobot_v02", (10, 10, 1), 2)
    body.data.materials.append(bpy.data.materials.new("Robot Paint"))
    head = cube("Head", (10, 10, 2.5))
    head.parent, head.matrix_parent_inverse = body, body.matrix_world.inverted()
    body.asset_mark()
    body.asset_data.tags.new("bot")
    bpy.context.view_layer.update()
    return body


def planned(prompt: str, **inputs: object) -> Plan:
    status = batch.run("text_to_physics", "rules", prompt=prompt, inputs=inputs)
    return physics.read_plan(batch.artefact_path(status, status.result.artefacts[0]).read_bytes())


def bounds(objects: list[bpy.types.Object]) -> np.ndarray:
    bpy.context.view_layer.update()
    points = np.array([obj.matrix_world @ vertex.co for obj in objects for vertex in obj.data.vertices])
    return np.array([points.min(0), points.max(0)])


def test_a_sentence_places_marked_objects() -> None:
    original = robot()
    before = scene_state()
    plan = planned("Three robots fall onto a floor")
    assert [(t.shape, t.source, t.count) for t in plan.objects] == [("asset", "SM_HeroRobot_v02", 3)]
    assert differences(before, scene_state()) == []
    built = physics.run(bpy.context, plan)
    copies = built.objects["hero robot"]
    assert len(copies) == 3 and all(len(copy.data.polygons) == 12 for copy in copies), "with its child"
    assert copies[0].data.materials[0].name == "Robot Paint"
    bpy.context.view_layer.update()
    for copy in copies:
        assert [*copy.dimensions] == pytest.approx([2, 2, 3], abs=1e-4)
    assert not original.hide_get() and tuple(original.location) == (10, 10, 1)


def test_an_asset_that_is_unmarked_by_now_is_named() -> None:
    original = robot()
    plan = planned("a bot falls")
    original.asset_clear()
    with pytest.raises(Fault, match="SM_HeroRobot_v02"):
        physics.read_plan(plan.to_json())


def test_selected_objects_are_dropped_from_where_they_are(tmp_path: Path) -> None:
    low, high = cube("Low", (3, 0, 2.5)), cube("High", (5, 1, 4.5))
    high.rotation_euler.z = 0.5
    for obj in (low, high):
        obj.select_set(True)
    bpy.context.scene.cursor.location = (50, 50, 50)
    bpy.context.view_layer.update()
    before = {obj.name: bounds([obj]) for obj in (low, high)}
    built = physics.run(bpy.context, planned("drop the selected objects"))
    (a,), (b,) = built.objects["low"], built.objects["high"]
    for copy, original in ((a, low), (b, high)):
        assert bounds([copy]) == pytest.approx(before[original.name], abs=1e-4)
        assert original.hide_get() and original.hide_render, "else it would stand in the picture beside what falls"
    bake = physics.new_bake(bpy.context, built.collection)
    bake.wait()
    physics.apply(bpy.context, built.collection, bake.folder)
    fall = path(a, 12)[:, 2]
    seconds = (np.arange(12)) / 24
    assert fall[0] - fall[-1] == pytest.approx(9.81 / 2 * seconds[-1] ** 2, rel=0.02)
    assert bounds([b])[0, 2] > -0.02


def test_what_was_selected_and_is_gone_is_named() -> None:
    obj = cube("Low", (3, 0, 2.5))
    plan = planned("drop the selected objects")
    bpy.data.objects.remove(obj)
    cube("Lowest", (0, 0, 0))
    with pytest.raises(Fault, match="no object 'Low'") as told:
        physics.run(bpy.context, plan)
    assert "Lowest" in told.value.hint and not bpy.data.objects["Lowest"].hide_get()


def test_balls_fall_onto_the_selection() -> None:
    cube("Plinth", (2, 0, 0.5))
    built = physics.run(bpy.context, planned("three basketballs fall onto the selected object"))
    assert min(ball.location.z for ball in built.objects["basketball"]) > 1.2
    assert bounds(built.objects["plinth"]) == pytest.approx(np.array([[1.5, -0.5, 0], [2.5, 0.5, 1]]), abs=1e-4)


def test_nothing_is_sent_when_there_is_nothing() -> None:
    bpy.ops.object.camera_add()
    assert own_blob(bpy.context.selected_objects) is None
    assert batch.run("text_to_physics", "rules", prompt="a ball falls").result.job.inputs == {}


def test_a_second_sentence_from_the_command_line_knows_them(tmp_path: Path, capfd) -> None:
    robot()
    first = tmp_path / "first.json"
    first.write_text(planned("a robot falls").to_json(), encoding="utf-8")
    words = ["--plan", first, "--prompt", "two more robots", "--out", tmp_path / "o"]
    assert cli.main(["physics", *map(str, words)]) == 0, capfd.readouterr().err
    (thing,) = json.loads((tmp_path / "o" / "plan.json").read_text())["objects"]
    assert thing["source"] == "SM_HeroRobot_v02" and thing["count"] == 3
    assert len([obj for obj in bpy.data.objects if OBJECT in obj]) == 3
