"""The buttons, pressed by a script: a real server, a real file, FINISHED only when the result is in it."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest
from scene_state import differences, scene_state

from blender_aigc import operators, operators_server, watch
from blender_aigc.state import STATE


@pytest.fixture
def echo(studio):
    """The tab, set to the self-test."""
    settings = bpy.context.scene.aigc
    settings.task = "echo"
    settings.prompt = "Grüße"
    return settings


def objects() -> list[str]:
    return sorted(obj.name for obj in bpy.data.objects)


def test_generate_blocks_until_the_result_is_in_the_file(echo):
    """What no script of a peer can rely on: FINISHED means that it is there."""
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    (made,) = bpy.data.objects
    assert tuple(made.location) == (1, 2, 3)
    assert json.loads(made["aigc"])["prompt"] == "Grüße"
    assert STATE.results[0].message == "Grüße"
    assert STATE.fault is None and STATE.targets == {}


def test_a_fault_is_reported_and_leaves_the_file_alone(echo, tmp_path):
    """A broken picture: ERROR for the script, a Fault for the panel, the file as it was."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but no picture")
    echo.image = bpy.data.images.new("picture", 8, 8)
    echo.image.source = "FILE"
    echo.image.filepath = str(broken)
    watch.await_models()  # the properties of the models are there from now on
    before = scene_state()
    with pytest.raises(RuntimeError, match="broken.png"):
        bpy.ops.aigc.generate()
    assert STATE.fault.code == "bad_input"
    assert differences(before, scene_state()) == []


def test_a_refused_job_leaves_the_file_alone(echo):
    """The server says no: the marks that were to find the scene again are gone too."""
    echo.model_id = "no_such_model"
    watch.await_models()
    before = scene_state()
    with pytest.raises(RuntimeError):
        bpy.ops.aigc.generate()
    assert STATE.fault.code == "unknown_model"
    assert STATE.targets == {}
    assert differences(before, scene_state()) == []


def test_without_a_picture_there_is_nothing_to_do(studio):
    """The same sentence that the panel shows instead of Generate."""
    with pytest.raises(RuntimeError, match="No picture is chosen"):
        bpy.ops.aigc.generate()
    assert STATE.fault.code == "bad_input"


def test_replace_needs_an_empty(echo):
    """Nothing selected, or something else: said before anything is sent."""
    echo.placement = "REPLACE"
    with pytest.raises(RuntimeError, match="No empty"):
        bpy.ops.aigc.generate()
    assert STATE.session is None or not STATE.session.jobs


def test_replace_puts_the_result_in_the_place_of_the_empty(echo):
    """Place, rotation and scale of the empty; its mark is taken off again."""
    bpy.ops.object.empty_add(location=(4, 5, 6), rotation=(0, 0, 1))
    empty = bpy.context.object
    echo.placement = "REPLACE"
    bpy.ops.aigc.generate()
    made = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    assert made.matrix_world.translation[:] == (4, 5, 6)
    assert made.matrix_world.to_euler().z == pytest.approx(1)
    assert "aigc_uid" not in empty


def test_the_result_is_one_undo_step(echo):
    """One Ctrl+Z takes it away, redo brings it back."""
    bpy.ops.aigc.generate()
    job_id = STATE.results[0].job_id
    bpy.ops.aigc.remove_result(job_id=job_id)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.aigc.apply("EXEC_DEFAULT", True, job_id=job_id)
    assert objects() == ["Echo"]
    bpy.ops.ed.undo()
    assert objects() == []
    assert [c.name for c in bpy.data.collections] == []
    bpy.ops.ed.redo()
    assert objects() == ["Echo"]


def test_remove_takes_everything_out_and_then_the_line(echo):
    """First what it brought into the file, and only that; pressed again, the line in the list."""
    keep = bpy.data.objects.new("Echo", bpy.data.meshes.new("mine"))
    bpy.context.collection.objects.link(keep)
    before = scene_state()
    bpy.ops.aigc.generate()
    assert len(bpy.data.objects) == 2
    bpy.ops.aigc.remove_result()
    changes = [line for line in differences(before, scene_state()) if "aigc" not in line]
    assert [line for line in changes if "Echo" in line and "selected" not in line] == []
    assert objects() == ["Echo"] and [c.name for c in bpy.data.collections] == []
    assert len(bpy.data.meshes) == 1 and not bpy.data.materials and not bpy.data.texts
    assert len(STATE.results) == 1
    bpy.ops.aigc.remove_result()
    assert STATE.results == [] and len(bpy.context.window_manager.aigc.results) == 0


def test_run_again_reproduces(echo):
    """Same inputs, same bytes: also when the tab says something else by now."""
    bpy.ops.aigc.generate()
    echo.prompt = "something else"
    bpy.ops.aigc.run_again(job_id=STATE.results[0].job_id)
    again, first = STATE.results
    assert again.job_id != first.job_id
    hashes = [[a.sha256 for a in record.status.result.artefacts if a.kind == "text"] for record in (again, first)]
    assert hashes[0] == hashes[1]
    assert again.status.result.job.prompt == "Grüße"


def test_results_are_listed_newest_first(echo):
    """The list in the window manager follows the state."""
    for name in ("first", "second"):
        echo.result_name = name
        bpy.ops.aigc.generate()
    lines = bpy.context.window_manager.aigc.results
    assert [line.name for line in lines] == ["second: Grüße", "first: Grüße"], "several of one thing are told apart"
    assert [line.job_id for line in lines] == [record.job_id for record in STATE.results]


def test_results_outlive_a_new_file(echo):
    """They belong to this Blender; placing one in another file works."""
    bpy.ops.aigc.generate()
    job_id = STATE.results[0].job_id
    bpy.ops.wm.read_homefile(use_empty=True)
    assert [line.job_id for line in bpy.context.window_manager.aigc.results] == [job_id]
    assert objects() == []
    bpy.ops.aigc.apply(job_id=job_id)
    assert objects() == ["Echo"]


def test_choose_picture(studio, tmp_path):
    """A picture file becomes the input; another file is refused with a sentence."""
    bpy.ops.aigc.choose_picture(filepath=str(operators.SAMPLE))
    assert bpy.context.scene.aigc.image.filepath == str(operators.SAMPLE)
    with pytest.raises(RuntimeError, match="cannot be opened"):
        bpy.ops.aigc.choose_picture(filepath=str(tmp_path / "missing.png"))


def test_roll_seed(addon):
    """Another number each time, inside the contract's range."""
    settings = bpy.context.scene.aigc
    seen = set()
    for _ in range(5):
        bpy.ops.aigc.roll_seed()
        seen.add(settings.seed)
    assert len(seen) > 1 and all(0 <= seed < 2**31 for seed in seen)


def test_provenance_is_complete(echo):
    """What the popup lists is what Run Again needs."""
    from blender_aigc.operators_results import facts

    echo.seed = 42
    bpy.ops.aigc.generate()
    told = dict(facts(STATE.results[0]))
    assert told["Model"] == "echo" and told["Seed"] == "42" and told["Steps"] == "4"
    assert bpy.ops.aigc.show_provenance("EXEC_DEFAULT") == {"FINISHED"}
    assert bpy.ops.aigc.copy_provenance() == {"FINISHED"}


def test_the_report_names_versions_and_the_fault(echo):
    """Copy Report: enough to find the cause, and no picture or token in it."""
    echo.model_id = "no_such_model"
    with pytest.raises(RuntimeError):
        bpy.ops.aigc.generate()
    text = operators_server.report()
    assert bpy.app.version_string in text and "unknown_model" in text and "no_such_model" in text
    token = json.loads((STATE.session.data / "server.json").read_text())["token"]
    assert token not in text
    assert bpy.ops.aigc.copy_report() == {"FINISHED"}
    assert bpy.ops.aigc.dismiss() == {"FINISHED"} and STATE.fault is None


def test_server_buttons(studio):
    """Start, log, restart, stop: each does what it says, and stopping twice is not offered."""
    assert not bpy.ops.aigc.stop.poll()
    assert bpy.ops.aigc.start() == {"FINISHED"}
    watch.await_models()
    assert "echo" in STATE.models
    assert bpy.ops.aigc.show_log() == {"FINISHED"}
    assert bpy.data.texts[operators_server.LOG_TEXT].as_string()
    generation = STATE.session.generation
    assert bpy.ops.aigc.restart() == {"FINISHED"}
    while STATE.session.generation == generation:
        STATE.session.pump()
    assert bpy.ops.aigc.reveal(what="DATA") == {"FINISHED"}
    assert bpy.ops.aigc.stop() == {"FINISHED"}
    assert STATE.session is None and STATE.models == {}


def test_a_missing_environment_is_a_sentence(studio, monkeypatch):
    """The preferences name a folder without Python."""
    from blender_aigc import preferences

    chosen = preferences.Choices(environment="FOLDER", folder=Path(studio.parent / "nothing"))
    monkeypatch.setattr(preferences, "choices", lambda: chosen)
    with pytest.raises(RuntimeError, match="no Python"):
        bpy.ops.aigc.start()
    assert STATE.fault.code == "not_installed"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("export_maps", "Nothing has been made yet"),
        ("remove_result", "Nothing has been made yet"),
        ("show_log", "The server has not been started"),
        ("cancel", "No job is running"),
        ("original_materials", "Select an object"),
        ("scatter", "Select what is to be scattered"),
        ("mark_own", "Select an object"),
    ],
)
def test_a_grey_button_says_why(addon, name, reason):
    """In its tooltip; a script sees it in the error, instead of "context is incorrect"."""
    assert not getattr(bpy.ops.aigc, name).poll()
    with pytest.raises(RuntimeError, match=reason):
        getattr(bpy.ops.aigc, name)()


def test_what_waits_for_a_job_or_a_mode_says_so(addon, monkeypatch):
    monkeypatch.setattr(type(STATE), "running_job", lambda _self: object())
    for name in ("generate", "try_now", "run_again", "upscale", "render_sequence", "stylise_plan"):
        with pytest.raises(RuntimeError, match="A job is running"):
            getattr(bpy.ops.aigc, name)()
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("apply", "run_plan", "add_chair", "original_materials"):
        with pytest.raises(RuntimeError, match="Go back to Object Mode"):
            getattr(bpy.ops.aigc, name)()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_every_operator_explains_itself():
    """A tooltip on every operator and on every property, without a full stop, as Blender has them."""
    import blender_aigc

    blender_aigc.register()
    try:
        for cls in (cls for cls in operators._CLASSES if issubclass(cls, bpy.types.Operator)):
            rna = getattr(bpy.ops.aigc, cls.bl_idname.removeprefix("aigc.")).get_rna_type()
            assert rna.description and not rna.description.endswith("."), cls
            for prop in rna.properties:
                if prop.identifier not in ("rna_type", "job_id", "model_id", "filepath", "filter_glob", "display_type"):
                    assert prop.description and not prop.description.endswith("."), (cls, prop.identifier)
    finally:
        blender_aigc.unregister()
