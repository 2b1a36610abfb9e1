"""The plan in the sidebar and on the command line: a second sentence is shown before it is applied; Run replaces."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from live_server import ODD_FOLDER, new_session, ready, until  # noqa: E402
from test_panels import draw  # noqa: E402

from blender_aigc import batch, cli, panels_plan, watch  # noqa: E402
from blender_aigc.ask import ask_from_scene, submit  # noqa: E402
from blender_aigc.director.build import PLAN  # noqa: E402
from blender_aigc.launcher import lock_is_free  # noqa: E402
from blender_aigc.plan import load  # noqa: E402
from blender_aigc.state import STATE  # noqa: E402


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


@pytest.fixture
def settings(addon: None):
    """The tab with a first plan: two balls over a table."""
    settings = bpy.context.scene.aigc
    settings.task, settings.prompt = "text_to_physics", "Two balls fall on a table"
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    return settings


def propose(settings, sentence: str) -> str:
    """As the timer does with a window: the changed plan arrives and waits for the user's word."""
    settings.change_plan, settings.prompt = True, sentence
    job_id = submit(bpy.context, ask_from_scene(bpy.context))
    end = time.monotonic() + 30
    while STATE.proposal != job_id and STATE.fault is None and time.monotonic() < end:
        watch.tick()
        time.sleep(0.02)
    return job_id


def drawn() -> list[tuple[str, str]]:
    return draw(panels_plan.AIGC_PT_plan)


def balls(text: bpy.types.Text) -> int:
    return next(thing.count for thing in load(text.as_string()).objects if thing.name == "ball")


def test_a_change_is_shown_line_by_line_before_it_is_applied(settings) -> None:
    first = settings.plan
    assert balls(first) == 2 and not any(word == "aigc.plan_apply" for _, word in drawn())
    job_id = propose(settings, "twice as many balls, on the moon")
    assert STATE.proposal == job_id and settings.plan == first and len(bpy.data.texts) == 1, "nothing is applied yet"
    labels = " ".join(word for kind, word in drawn() if kind == "label")  # lines are broken to the width
    assert "ball: count 2 → 4" in labels and "world: gravity (m/s²) 9.81 → 1.62" in labels
    assert [word for kind, word in drawn() if kind == "operator"][:2] == ["aigc.plan_apply", "aigc.plan_discard"]


def test_apply_is_one_undo_step_and_keeps_the_old_plan(settings) -> None:
    name = settings.plan.name
    propose(settings, "twice as many balls")
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.aigc.plan_apply("EXEC_DEFAULT", True) == {"FINISHED"}
    assert balls(settings.plan) == 4 and balls(bpy.data.texts[name]) == 2 and STATE.proposal == ""
    assert not bpy.ops.aigc.plan_apply.poll()
    bpy.ops.ed.undo()
    assert bpy.context.scene.aigc.plan.name == name


def test_discard_leaves_the_plan_and_keeps_the_result_in_the_list(settings) -> None:
    first = settings.plan
    job_id = propose(settings, "twice as many balls")
    assert bpy.ops.aigc.plan_discard() == {"FINISHED"}
    assert settings.plan == first and balls(first) == 2 and STATE.proposal == ""
    assert "did not want" in STATE.record(job_id).note
    assert bpy.ops.aigc.apply(job_id=job_id) == {"FINISHED"} and balls(settings.plan) == 4


def test_a_second_proposal_takes_the_place_of_the_first(settings) -> None:
    one = propose(settings, "twice as many balls")
    other = propose(settings, "five balls")
    assert STATE.proposal == other and "did not want" in STATE.record(one).note and not STATE.waiting


def test_what_the_user_wrote_into_the_text_is_what_changes(settings) -> None:
    plan = json.loads(settings.plan.as_string())
    next(thing for thing in plan["objects"] if thing["name"] == "ball")["count"] = 7
    settings.plan.from_string(json.dumps(plan))
    propose(settings, "twice as many balls")
    assert "ball: count 7 → 14" in [word for _, word in drawn()]


def test_a_change_that_means_nothing_is_a_fault_and_no_proposal(settings) -> None:
    propose(settings, "purple monkeys dishwasher")
    assert STATE.proposal == "" and STATE.fault is not None and "means nothing" in STATE.fault.message
    assert balls(settings.plan) == 2


def test_without_the_switch_a_sentence_makes_a_new_plan(settings) -> None:
    settings.prompt = "a cube falls"
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    assert [thing.name for thing in load(settings.plan.as_string()).objects] == ["cube"]
    assert STATE.results[0].status.result.job.inputs == {}


def test_run_replaces_what_the_last_run_built_unless_told_not_to(settings) -> None:
    mine = bpy.data.objects.new("Mine", None)
    bpy.context.scene.collection.objects.link(mine)

    def plans() -> list[str]:
        return [collection.name for collection in bpy.data.collections if PLAN in collection]

    assert bpy.ops.aigc.run_plan() == {"FINISHED"}
    (name,), count = plans(), len(bpy.data.objects)
    kept = next(obj for obj in bpy.data.collections[name].objects if obj.name == "ball 1")
    bpy.context.scene.collection.objects.link(kept)  # the user takes it for himself
    assert bpy.ops.aigc.run_plan() == {"FINISHED"}
    assert plans() == [name] and len(bpy.data.objects) == count + 1 and "Mine" in bpy.data.objects
    settings.replace_run = False
    assert bpy.ops.aigc.run_plan() == {"FINISHED"} and len(plans()) == 2


def test_run_ends_the_bake_of_what_it_takes_away(settings) -> None:
    from blender_aigc import physics

    bpy.ops.aigc.run_plan()
    STATE.bake = bake = physics.new_bake(bpy.context, physics.collection_of(bpy.context))
    bake.start()
    assert bpy.ops.aigc.run_plan() == {"FINISHED"} and STATE.bake is None and bake.state == "cancelled"


def test_one_undo_brings_the_last_run_back(settings) -> None:
    bpy.ops.ed.undo_push(message="start")
    bpy.ops.aigc.run_plan("EXEC_DEFAULT", True)
    before = {obj.name for obj in bpy.data.objects}
    settings.plan.from_string(settings.plan.as_string().replace('"count": 2', '"count": 5'))
    bpy.ops.ed.undo_push(message="edited")
    bpy.ops.aigc.run_plan("EXEC_DEFAULT", True)
    assert {obj.name for obj in bpy.data.objects} - before == {"ball 3", "ball 4", "ball 5"}
    bpy.ops.ed.undo()
    assert {obj.name for obj in bpy.data.objects} == before
    assert bpy.context.scene.aigc.built.name in bpy.data.collections


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("wind: speed_m_s 2.4 -> 3.6", "wind: speed (m/s) 2.4 → 3.6"),
        ("ball: place.distance_m 1 -> 1.5", "ball: place distance (m) 1 → 1.5"),
        ("camera: view three_quarter -> top", "camera: view three quarter → top"),
        ("ball: rigid.mass_kg automatic -> 1.24", "ball: rigid mass (kg) automatic → 1.24"),
        ("cup: added (1 x cup on table)", "cup: added (1 x cup on table)"),
    ],
)
def test_a_line_of_the_diff_is_readable(line: str, shown: str) -> None:
    assert panels_plan.said(line) == shown


# --------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def first(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    assert cli.main(["physics", "--prompt", "Two balls fall on a table", "--out", str(tmp_path / "one")]) == 0
    assert capfd.readouterr().out.splitlines() == [str(tmp_path / "one" / "plan.json")]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["plan.json"], "the plan, and once"
    return tmp_path / "one" / "plan.json"


def test_the_command_says_what_a_sentence_changes(first: Path, tmp_path: Path, capfd) -> None:
    words = ["physics", "--plan", first, "--prompt", "twice as many balls", "--out", tmp_path / "two"]
    assert cli.main([*map(str, words)]) == 0
    assert "ball: count 2 -> 4" in capfd.readouterr().err
    assert load((tmp_path / "two" / "plan.json").read_text()).objects[0].count == 4


def test_a_dry_run_says_it_and_makes_nothing(first: Path, tmp_path: Path, capfd) -> None:
    words = ["physics", "--dry-run", "--plan", first, "--prompt", "twice as many balls", "--out", tmp_path / "two"]
    objects = len(bpy.data.objects)
    assert cli.main([*map(str, words)]) == 0
    assert "ball: count 2 -> 4" in capfd.readouterr().out.splitlines()
    assert not (tmp_path / "two").exists() and len(bpy.data.objects) == objects
    assert cli.main(["physics", "--dry-run", "--prompt", "a cube falls"]) == 0
    assert load(capfd.readouterr().out).objects[0].name == "cube"


@pytest.mark.skipif(os.name != "posix", reason="a terminal is made with pty")
@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("no\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(answer: str, status: int, first: Path, tmp_path: Path, capfd, monkeypatch) -> None:
    import pty

    master, slave = pty.openpty()
    os.write(master, answer.encode())
    words = ["physics", "--plan", first, "--prompt", "twice as many balls", "--out", tmp_path / "two"]
    with os.fdopen(slave) as terminal, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", terminal)
        assert cli.main([*map(str, words)]) == status
        told = capfd.readouterr().err
        assert "[y/N]" in told and (tmp_path / "two" / "plan.json").exists() == (status == 0)
        assert cli.main([*map(str, words), "--yes"]) == 0
        assert "[y/N]" not in capfd.readouterr().err
    os.close(master)
