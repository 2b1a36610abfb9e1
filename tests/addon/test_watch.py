"""The timer's work, step by step: Blender's own timers do not run in the background, so the test calls the tick."""

from __future__ import annotations

import time

import bpy
import pytest

from blender_aigc import targets, watch
from blender_aigc.ask import Ask, ask_from_scene, submit
from blender_aigc.faults import Fault
from blender_aigc.state import STATE

SLOW = {"steps": 1000, "step_s": 0.02}


@pytest.fixture
def ready(studio):
    """A started server whose models are known, and the tab set to the self-test."""
    watch.session().ensure_started()
    tick_until(lambda: STATE.models)
    bpy.context.scene.aigc.task = "echo"


def tick_until(condition) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        watch.tick()
        assert STATE.fault is None or STATE.fault.code != "internal", STATE.fault
        time.sleep(0.005)


def begin(**params) -> str:
    return submit(bpy.context, Ask("echo", "echo", prompt="hi", params=params))


def test_a_result_enters_the_scene_by_itself(ready):
    """Submit, tick, there: as one undo step, and nothing is left to be watched closely."""
    bpy.ops.ed.undo_push(message="before")
    job_id = begin(steps=20, step_s=0.02)
    assert STATE.running_job().job.id == job_id
    assert watch.tick() == watch.FIRST_S, "just asked: the answer is near"
    tick_until(lambda: watch.tick() == watch.BUSY_S)
    tick_until(lambda: bpy.data.objects)
    assert STATE.running_job() is None and STATE.waiting == {} and STATE.targets == {}
    tick_until(lambda: watch.tick() == watch.IDLE_S)
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    bpy.ops.ed.redo()
    assert [obj.name for obj in bpy.data.objects] == ["Echo"]


def test_undo_while_the_job_runs(ready):
    """The artist undoes something older than Generate: the mark on the scene is lost, the scene is still found."""
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.object.empty_add("EXEC_DEFAULT", True)
    begin(steps=20, step_s=0.02)
    bpy.ops.ed.undo()
    assert not bpy.data.objects and not bpy.context.scene.aigc.uid
    tick_until(lambda: STATE.results)
    watch.tick()
    assert [obj.name for obj in bpy.data.objects] == ["Echo"]
    assert STATE.results[0].note == ""


def test_another_file_is_opened_while_the_job_runs(ready):
    """The result is not put into a file it was not made for: it waits in the list and says why."""
    begin(steps=20, step_s=0.02)
    bpy.ops.wm.read_homefile(use_empty=True)
    tick_until(lambda: STATE.results)
    watch.tick()
    assert not bpy.data.objects
    assert "gone" in STATE.results[0].note
    assert STATE.targets == {} and STATE.waiting == {}


def test_the_file_is_saved_and_reopened_while_the_job_runs(ready, tmp_path):
    """The mark is saved with the scene, so the result finds it again."""
    path = str(tmp_path / "scene.blend")
    begin(steps=50, step_s=0.02)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    tick_until(lambda: STATE.results)
    watch.tick()
    assert [obj.name for obj in bpy.data.objects] == ["Echo"]


def test_the_empty_is_deleted_while_the_job_runs(ready):
    """The target is gone: explained, and nothing is placed somewhere else."""
    bpy.ops.object.empty_add()
    submit(bpy.context, Ask("echo", "echo", prompt="hi", params={"steps": 20, "step_s": 0.02}, replace=True))
    bpy.ops.object.delete()
    tick_until(lambda: STATE.results)
    watch.tick()
    assert not bpy.data.objects
    assert "empty" in STATE.results[0].note


def test_edit_mode_is_waited_for(ready):
    """Nobody is thrown out of Edit Mode; the panel says what it waits for."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    job_id = begin()
    tick_until(lambda: STATE.results)
    for _ in range(3):
        watch.tick()
    assert "Object Mode" in STATE.waiting[job_id]
    assert bpy.context.mode == "EDIT_MESH" and len(bpy.data.objects) == 1
    assert STATE.running_job() is not None
    bpy.ops.object.mode_set(mode="OBJECT")
    watch.tick()
    assert sorted(obj.name for obj in bpy.data.objects) == ["Cube", "Echo"]


def test_another_scene_is_shown_while_the_job_runs(ready):
    """The result goes where it was asked for, when the artist is back there, and not where he looks meanwhile."""
    asked, other = bpy.context.scene, bpy.data.scenes.new("Other")
    job_id = begin(steps=20, step_s=0.02)
    bpy.context.window.scene = other
    tick_until(lambda: STATE.results)
    watch.tick()
    assert "its scene" in STATE.waiting[job_id] and not bpy.data.objects
    bpy.context.window.scene = asked
    watch.tick()
    assert [obj.name for obj in asked.objects] == ["Echo"] and not other.objects


def test_cancel_leaves_the_scene_alone(ready):
    """Cancelled in the middle: no result, no error, no mark."""
    begin(**SLOW)
    tick_until(lambda: STATE.running_job().state == "running")
    assert bpy.ops.aigc.cancel() == {"FINISHED"}
    tick_until(lambda: STATE.running_job() is None)
    watch.tick()
    assert STATE.fault is None and STATE.results == [] and STATE.targets == {}
    assert not bpy.context.scene.aigc.uid and not bpy.data.objects


def test_a_server_that_is_killed_gets_a_successor(ready):
    """kill -9 of the server in the middle: the job is tried again and arrives."""
    import os
    import signal

    begin(steps=100, step_s=0.01)
    tick_until(lambda: STATE.running_job().state == "running")
    os.kill(STATE.session._server.hello.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    tick_until(lambda: STATE.results or STATE.fault)
    watch.tick()
    assert STATE.fault is None and [obj.name for obj in bpy.data.objects] == ["Echo"]


def test_a_damaged_result_is_explained_and_kept(ready):
    """The file of a finished job is cut short before it is read: a Fault, a note, an unchanged scene."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    begin()
    tick_until(lambda: STATE.results)
    status = STATE.results[0].status
    glb = next(a.file for a in status.result.artefacts if a.kind == "mesh")
    from pathlib import Path

    path = Path(status.folder) / glb
    path.write_bytes(path.read_bytes()[:100])
    bpy.ops.object.mode_set(mode="OBJECT")
    tick_until(lambda: not STATE.waiting)
    assert STATE.fault.code == "bad_input" and "Place" in STATE.results[0].note
    assert [obj.name for obj in bpy.data.objects] == ["Cube"] and not bpy.data.texts


def test_the_timer_survives_a_mistake_of_ours(ready, monkeypatch):
    """An exception is logged and shown; the next heartbeat comes."""
    monkeypatch.setattr(STATE.session, "pump", lambda: 1 / 0)
    assert watch.tick() == watch.IDLE_S
    assert STATE.fault.code == "internal" and "division" in STATE.fault.detail


def test_stops_when_there_is_nothing_to_watch(studio):
    """No session, no heartbeat."""
    assert watch.tick() is None
    watch.session()
    assert watch.tick() is None


def test_changed_preferences_leave_the_old_server(ready, monkeypatch):
    """Another folder is named: the next start uses it; a running job is not thrown away for that."""
    from blender_aigc import preferences

    begin(**SLOW)
    monkeypatch.setattr(preferences, "choices", lambda: preferences.Choices(environment="FOLDER"))
    watch.tick()
    assert STATE.session is not None
    bpy.ops.aigc.cancel()
    tick_until(lambda: STATE.running_job() is None)
    watch.tick()
    assert STATE.session is None and STATE.models == {}
    with pytest.raises(Fault, match="No environment folder"):
        watch.session()


def test_two_jobs_share_a_mark(ready):
    """The first to end must not take the mark away that the second needs."""
    first, second = begin(), begin(steps=30, step_s=0.02)
    tick_until(lambda: len(STATE.results) == 1 and not STATE.waiting)
    assert first not in STATE.targets and second in STATE.targets
    assert targets.find_scene(STATE.targets[second]) == bpy.context.scene
    assert bpy.context.scene.aigc.uid
    tick_until(lambda: len(STATE.results) == 2 and not STATE.waiting)
    assert not bpy.context.scene.aigc.uid


def test_a_new_file_keeps_the_handler(ready):
    """The add-on's handlers survive the opening of a file."""
    bpy.ops.wm.read_homefile(use_empty=True)
    assert watch._file_loaded in bpy.app.handlers.load_post


def test_the_tab_can_be_read_without_models(studio):
    """Asking before the server has listed its models waits for them in the background."""
    bpy.context.scene.aigc.task = "echo"
    assert ask_from_scene(bpy.context).model == "echo"
    assert ask_from_scene(bpy.context).params == {"steps": 4, "step_s": 0.02}
