"""What a job will need, before it runs; and the way out when it was too much."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import bpy
import pytest
from test_panels import Paper

from blender_aigc import ask, panels, params, preflight, watch
from blender_aigc.preflight import Experience, Line, line, size_px, smaller
from blender_aigc.protocol import Choice, Job, JobStatus, ModelInfo, Param, Provenance, Result
from blender_aigc.state import STATE

MODEL = ModelInfo("probe", "render_image", "Probe", "For this test", memory_gb=6.5)
PLANS = tuple(Choice(word, word) for word in ("auto", "device", "parts", "layers"))


def test_seconds_come_from_earlier_jobs() -> None:
    """The median of the last five, in proportion to the pixels; other models tell nothing."""
    known = Experience()
    assert known.expected_s("t", "m", 100) is None
    for seconds in (1000, 8, 9, 10, 11, 12):
        known.add("t", "m", 100, seconds)
    assert known.expected_s("t", "m", 100) == 10 and known.expected_s("t", "m", 400) == 40
    assert known.expected_s("t", "other", 100) is None
    known.add("t", "words", 0, 5)
    assert known.expected_s("t", "words", 0) == 5


@pytest.mark.parametrize(
    ("size", "seconds", "free", "wanted"),
    [
        ((640, 480), 12.3, 20.1, Line("640 x 480 px, about 12 s, memory 6.5 of 20.1 GB")),
        ((0, 0), None, 0.0, Line("memory 6.5 GB")),
        ((0, 0), 0.2, 0.0, Line("about 1 s, memory 6.5 GB")),
        ((0, 0), 600, 4.0, Line("about 10 min, memory 6.5 of 4 GB", tight=True)),
    ],
)
def test_the_line(size, seconds, free, wanted) -> None:
    assert line(MODEL, size, seconds, free) == wanted


def test_there_may_be_nothing_to_say() -> None:
    assert line(ModelInfo("m", "echo", "M", "h"), (0, 0), None, 8.0) is None


def test_the_size_is_what_is_sent(addon: None) -> None:
    """Percentage, crop and the longer side; of a picture, its own."""
    scene = bpy.context.scene
    settings, render = scene.aigc, scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 400, 200, 50
    assert size_px(settings, render) == (200, 100)
    settings.longest_px = 1000
    assert size_px(settings, render) == (1000, 500)
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x = 0.25, 0.75
    assert size_px(settings, render) == (500, 500)
    settings.source = "VIEW"
    assert size_px(settings, render) == (0, 0)
    settings.source, settings.image = "PICTURE", bpy.data.images.new("p", 30, 20)
    assert size_px(settings, render) == (30, 20)


def test_less_memory_is_the_next_plan_and_then_draft() -> None:
    plans = Param("memory", "enum", "Memory", "How", "auto", choices=PLANS)
    info = ModelInfo("m", "render_image", "M", "h", (plans,), qualities={"draft": {"size": "draft"}})
    tried: list[object] = []
    values: dict | None = {"memory": "auto", "size": "model"}
    while values is not None:
        tried.append((values["memory"], values["size"]))
        values = smaller(info, values, "cuda:0")
    assert smaller(info, {"memory": "auto", "size": "model"}, "cpu") == {"memory": "auto", "size": "draft"}
    assert tried == [("auto", "model"), ("parts", "model"), ("layers", "model"), ("layers", "draft")]


def test_the_line_stands_above_the_button(addon: None) -> None:
    """In red when the memory will not do."""
    STATE.set_models({"probe": MODEL})
    params.update(STATE.models)
    STATE.session = SimpleNamespace(health=SimpleNamespace(memory_free_gb=4.0))
    STATE.experience.add("render_image", "probe", 100, 3.0)
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 10, 20
    paper = Paper()
    panels.draw_preflight(paper, bpy.context, bpy.context.scene.aigc, "render_image")
    assert " ".join(text for _, text in paper.drawn) == "10 x 20 px, about 6 s, memory 6.5 of 4 GB"
    STATE.session = None
    STATE.clear()


def test_a_finished_job_teaches(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time, from being sent to the end."""
    job = Job(str(uuid.uuid4()), "echo", "echo")
    STATE.sent[job.id] = 100.0, 0
    monkeypatch.setattr(watch.time, "monotonic", lambda: 107.0)
    STATE.session = SimpleNamespace(jobs={}, models={}, forget=lambda _: None, close=lambda **_: None, awaiting=False)
    result = Result(job, (), Provenance("0", "echo", "echo", "", "", "", 0, {}, {}, ""))
    watch.finished(JobStatus(job.id, "done", 1, "", result=result))
    assert STATE.experience.expected_s("echo", "echo", 0) == 7.0 and STATE.sent == {}
    STATE.session = None


def test_try_with_less_memory_runs_the_job_again(addon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the next plan, which then also stands in the tab; without one, a sentence."""
    plans = Param("memory", "enum", "Memory", "How", "auto", choices=PLANS)
    info = ModelInfo("probe", "render_image", "Probe", "h", (plans,))
    STATE.set_models({"probe": info})
    params.update(STATE.models)
    job = Job(str(uuid.uuid4()), "render_image", "probe", params={"memory": "parts"})
    monkeypatch.setattr(STATE, "job", lambda _id: job, raising=False)
    asked: list[ask.Ask] = []
    monkeypatch.setattr("blender_aigc.operators.carry_out", lambda _context, one: asked.append(one))
    assert bpy.ops.aigc.run_smaller(job_id=job.id) == {"FINISHED"}
    assert asked[0].params == {"memory": "layers"} and bpy.context.scene.aigc.params.probe.memory == "layers"
    monkeypatch.setattr(preflight, "smaller", lambda *_: None)
    with pytest.raises(RuntimeError, match="no way that takes less memory"):
        bpy.ops.aigc.run_smaller(job_id=job.id)
    STATE.clear()


def test_the_server_says_what_is_free() -> None:
    """Of this machine's memory, more than nothing and less than a thousand GB; of a card without a driver, nothing."""
    from server.devices import free_gb

    assert 0.05 < free_gb("cpu") < 1000
    assert free_gb("cuda:4711") == 0.0
