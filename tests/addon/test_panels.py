"""The tab, drawn onto a layout that writes down what it is asked for: what is there, in which order."""

from __future__ import annotations

import ast
import dataclasses
import os
import sys
import uuid
import warnings
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from blender_aigc import (
    fixit,
    panels,
    panels_plan,
    panels_results,
    panels_sequence,
    params,
    properties,
    slots,
    translations,
    watch,
)
from blender_aigc.faults import FaultRecord
from blender_aigc.protocol import TASKS, Choice, Job, JobStatus, ModelInfo, Param, Provenance, Result
from blender_aigc.state import STATE, Record
from server.registry import Registry

PACKAGE = Path(panels.__file__).parent
MODEL = ModelInfo(
    "probe",
    "image_to_mesh",
    "Probe",
    "For this test",
    params=(
        Param("size", "int", "Size", "How big", 3, 1, 9, unit="m"),
        Param("style", "enum", "Style", "Which", "a", choices=(Choice("a", "A"), Choice("b", "B"))),
        Param("hidden", "bool", "Hidden", "Rarely needed", False, advanced=True),
        Param("slots", "text", "Slots", "Only for mesh files", "", advanced=True, of_files=True),
    ),
    procedural=True,
)


class Paper:
    """Takes every drawing call of a UILayout that exists in this Blender; refuses properties and operators that do not.

    `drawn` holds (call, what) in order, for the whole tree. folded: are the panels inside closed?
    """

    def __init__(self, drawn: list[tuple[str, str]] | None = None, folded: bool = True) -> None:
        object.__setattr__(self, "drawn", [] if drawn is None else drawn)
        object.__setattr__(self, "folded", folded)

    def __setattr__(self, name: str, value: object) -> None:
        assert name in bpy.types.UILayout.bl_rna.properties, name

    def _inner(self, *_args: object, **_options: object) -> Paper:
        return Paper(self.drawn, self.folded)

    row = column = split = box = grid_flow = _inner

    def panel(self, idname: str, default_closed: bool = False) -> tuple[Paper, Paper | None]:
        self.drawn.append(("panel", idname))
        return self._inner(), None if self.folded else self._inner()

    def prop(self, data, name: str, **options: object) -> None:
        assert name in data.bl_rna.properties, (data, name)
        getattr(data, name)
        self._check("prop", options)
        self.drawn.append(("prop", name))
        if options.get("translate") is False and options.get("text"):
            self.drawn.append(("named", str(options["text"])))

    def operator(self, idname: str, **options: object) -> SimpleNamespace:
        rna = getattr(bpy.ops.aigc, idname.removeprefix("aigc.")).get_rna_type()
        self._check("operator", options)
        self.drawn.append(("operator", idname))

        class Properties:
            def __setattr__(self, name: str, value: object) -> None:
                assert name in rna.properties, (idname, name)

        return Properties()

    def label(self, **options: object) -> None:
        self._check("label", options)
        self.drawn.append(("label", str(options.get("text", ""))))

    def menu(self, idname: str, **options: object) -> None:
        assert hasattr(bpy.types, idname)
        self.drawn.append(("menu", f"{idname}: {options.get('text')}"))

    def popover(self, idname: str, **options: object) -> None:
        assert hasattr(bpy.types, idname)
        self._check("popover", options)
        self.drawn.append(("popover", idname))

    def progress(self, **options: object) -> None:
        self._check("progress", options)
        assert 0 <= options["factor"] <= 1
        self.drawn.append(("progress", str(options["factor"])))

    def template_ID(self, data, name: str, open: str = "", new: str = "") -> None:
        self.drawn.append(("template_ID", name))

    def template_icon(self, **options: object) -> None:
        self.drawn.append(("template_icon", ""))

    def template_list(self, listtype: str, *_rest: object, **_options: object) -> None:
        assert hasattr(bpy.types, listtype)
        self.drawn.append(("template_list", listtype))

    def icon(self, data) -> int:
        return 1

    def separator(self, **_options: object) -> None:
        pass

    @staticmethod
    def _check(function: str, options: dict[str, object]) -> None:
        known = bpy.types.UILayout.bl_rna.functions[function].parameters.keys()
        assert set(options) <= set(known), (function, options)
        if "icon" in options:
            icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
            assert options["icon"] in icons.keys(), options["icon"]


def draw(panel=panels.AIGC_PT_main, folded: bool = True) -> list[tuple[str, str]]:
    paper = Paper(folded=folded)
    panel.draw(SimpleNamespace(layout=paper), bpy.context)
    return paper.drawn


def operators(drawn) -> list[str]:
    return [what for call, what in drawn if call == "operator"]


def text(drawn) -> str:
    return " ".join(what for call, what in drawn if call == "label")


@pytest.fixture
def ready(addon):
    """As after the start of the server: a session that says so, and one known model."""
    STATE.session = SimpleNamespace(
        health=None, state="ready", sentence="Ready (cpu).", jobs={}, close=lambda **_: None
    )
    STATE.set_models({"probe": MODEL})
    params.update(STATE.models)
    return bpy.context.scene.aigc


def with_picture(settings) -> None:
    settings.image = bpy.data.images.new("robot", 8, 8)


def done_job() -> JobStatus:
    job = Job(str(uuid.uuid4()), "image_to_mesh", "probe", name="Robot")
    made = Provenance("0", job.task, job.model, "", "", "", 0, {}, {}, "today")
    return JobStatus(job.id, "done", 1, "", result=Result(job, (), made))


def test_first_sight(addon):
    """Nothing installed, nothing started: one button that makes a first mesh, one that chooses a picture."""
    drawn = draw()
    assert operators(drawn) == ["aigc.try_now", "aigc.choose_picture"]
    assert ("template_ID", "image") in drawn
    assert not panels_results.AIGC_PT_results.poll(bpy.context)


def test_a_picture_without_a_server_offers_to_start_it(addon):
    with_picture(bpy.context.scene.aigc)
    assert operators(draw())[-1] == "aigc.start"


def test_order_from_top_to_bottom(ready):
    """Status, task, picture, model, its parameters, where to, Generate."""
    with_picture(ready)
    drawn = draw()
    wanted = [
        "Ready (cpu).",
        "task",
        "image",
        "size",
        "style",
        "result_name",
        "placement",
        "AIGC_advanced",
        "aigc.generate",
    ]
    assert [what for _, what in drawn if what in wanted] == wanted
    assert ("menu", "AIGC_MT_model: Probe (no download)") in drawn
    assert ("prop", "hidden") not in drawn and ("prop", "seed") not in drawn


@pytest.mark.parametrize("width", [180, 220, 300, 500])
def test_no_name_is_cut_off_in_a_narrow_sidebar(ready, width, monkeypatch):
    """What does not fit beside its value stands above it; every parameter is drawn at every width."""
    choices = (Choice("a", "A Rather Long Choice"), Choice("b", "B"))
    wordy = (
        Param("size", "float", "A Name of Thirty Letters and On", "How big", 3.0, 1, 9),
        Param("style", "enum", "Style", "Which", "a", choices=choices),
    )
    STATE.set_models({"probe": dataclasses.replace(MODEL, params=wordy)})
    params.update(STATE.models)
    monkeypatch.setattr(panels, "characters", lambda _context: int((width - 62) / 6.4))
    drawn = draw()
    assert ("prop", "size") in drawn and ("prop", "style") in drawn
    assert (("label", wordy[0].label) in drawn) == (width < 320)
    assert ("label", "Style") in drawn


def test_advanced_opens(ready):
    drawn = draw(folded=False)
    assert ("prop", "hidden") in drawn and ("prop", "seed") in drawn and "aigc.roll_seed" in operators(drawn)


def test_what_is_about_files_is_not_in_the_tab(ready):
    """But in the contract: it is sent as the model has it, and a result that was made from a file can be run again."""
    assert "Slots" not in text(draw(folded=False)) and ("prop", "slots") not in draw(folded=False)
    params.assign(ready.params, MODEL, {"slots": "Lid", "size": 4})
    assert params.values(ready.params, MODEL) == {"size": 4, "style": "a", "hidden": False, "slots": ""}
    held = {
        key
        for info in Registry().models.values()
        for key in (param.key for param in info.info.params if param.of_files)
    }
    assert held == {"uv", "faces"}


@pytest.mark.parametrize("ignores", [(), ("reference", "prompt")])
def test_what_a_model_does_not_read_is_neither_shown_nor_sent(ready, ignores):
    reading = dataclasses.replace(MODEL, task="texture_mesh", ignores=ignores)
    STATE.set_models({"probe": reading})
    params.update(STATE.models)
    ready.task, ready.reference = "texture_mesh", bpy.data.images.new("look", 8, 8)
    drawn, sent = draw(), slots.inputs_of_tab(bpy.context, "texture_mesh")
    assert (("prop", "prompt") in drawn) == ("prompt" not in ignores)
    assert ("Reference" in text(drawn)) == ("reference" in sent) == ("reference" not in ignores)


def test_what_is_missing_stands_in_the_place_of_generate(ready):
    """No picture, no empty, a model that cannot run: a sentence and the button that cures it."""
    assert operators(draw())[-1] == "aigc.choose_picture"
    with_picture(ready)
    ready.placement = "REPLACE"
    assert "empty" in text(draw()) and "aigc.generate" not in operators(draw())
    bpy.ops.object.empty_add()
    assert operators(draw())[-1] == "aigc.generate"
    fault = FaultRecord("weights_missing", "The weights are not here.", "Choose their folder.")
    STATE.set_models({"probe": dataclasses.replace(MODEL, unavailable=fault)})
    drawn = draw()
    assert "The weights are not" in text(drawn) and "Choose their folder." in text(drawn)
    assert operators(drawn)[-1] == "aigc.preferences"


def test_frames_beside_a_file_want_it_saved(ready, tmp_path):
    """Said before the button is pressed, with the button that saves."""
    STATE.set_models({"probe": dataclasses.replace(MODEL, task="render_sequence")})
    bpy.context.scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    ready.task = "render_sequence"
    assert panels_sequence._problem(bpy.context, ready).operator == "wm.save_mainfile"
    ready.frames_folder = str(tmp_path)
    assert panels_sequence._problem(bpy.context, ready) is None
    with warnings.catch_warnings(action="error"):  # newer Blenders want to be told of paths beside the file
        ready.frames_folder = "//frames/"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert panels_sequence._problem(bpy.context, ready) is None


def test_a_running_job_turns_generate_into_cancel(ready):
    """Progress bar, phase, time left and Cancel, and no Generate."""
    with_picture(ready)
    job = SimpleNamespace(finished=False, phase="Painting", message="", fraction=0.25, seconds_left=42.0)
    STATE.session.jobs["id"] = job
    STATE.current_job = "id"
    drawn = draw()
    assert ("progress", "0.25") in drawn and "Painting" in text(drawn)
    assert operators(drawn)[-1] == "aigc.cancel" and "aigc.generate" not in operators(drawn)
    job.finished = True
    assert operators(draw())[-1] == "aigc.generate"
    STATE.waiting["id"] = "Waiting for the render to end"
    assert "Waiting for the render" in text(draw())


def test_every_fault_has_a_sentence_and_a_report(ready):
    """Every code of the contract is drawn; fix buttons are operators that exist."""
    from typing import get_args

    from blender_aigc.faults import FaultCode

    for code in get_args(FaultCode):
        STATE.show(FaultRecord(code, "Something happened.", "Do this."), "some job")
        drawn = draw()
        assert "Something happened." in text(drawn) and "Do this." in text(drawn)
        assert {"aigc.copy_report", "aigc.dismiss"} <= set(operators(drawn))
        if code in fixit.BUTTONS:
            assert fixit.BUTTONS[code][0] in operators(drawn)


@pytest.mark.parametrize(
    ("task", "source", "offered"),
    [
        ("image_to_mesh", "CAMERA", True),
        ("upscale_image", "CAMERA", True),
        ("render_image", "PICTURE", True),
        ("render_image", "CAMERA", False),
        ("texture_mesh", "CAMERA", False),
        ("text_to_physics", "CAMERA", False),
        ("echo", "CAMERA", False),
    ],
)
def test_another_picture_is_offered_only_where_one_is_worked_on(ready, task, source, offered):
    """A scene without a camera is not cured by it, nor is an empty prompt."""
    ready.task, ready.source = task, source
    STATE.show(FaultRecord("bad_input", "Something is wrong with it.", "Do this."))
    paper = Paper()
    panels.draw_fault(paper, bpy.context, STATE.fault)
    assert ("aigc.choose_picture" in operators(paper.drawn)) == offered


@pytest.mark.parametrize("task", sorted(key for key, task in TASKS.items() if not (task.of_result or task.only_looks)))
def test_what_only_words_can_say_must_be_said(ready, task):
    """Before the button is pressed. A task with other inputs does without words."""
    ready.task = task
    before = fixit.unsaid(ready, ())
    assert (before is not None) == (task in ("text_to_image", "tile_texture", "text_to_physics", "text_to_scene"))
    assert fixit.unsaid(ready, ("prompt",)) is None
    ready.prompt = "  "
    assert fixit.unsaid(ready, ()) == before
    ready.prompt = "a chair"
    assert fixit.unsaid(ready, ()) is None
    ready.prompt, ready.prompt_text = "", bpy.data.texts.new("longer words")
    assert fixit.unsaid(ready, ()) is None


def test_generate_waits_for_words(ready):
    STATE.set_models({"words": dataclasses.replace(MODEL, id="words", task="tile_texture")})
    ready.task = "tile_texture"
    assert "Nothing is said yet." in text(draw()) and "aigc.generate" not in operators(draw())
    ready.prompt = "brick"
    assert operators(draw())[-1] == "aigc.generate"


def test_the_plan_is_shown_where_plans_are_made(addon):
    settings = bpy.context.scene.aigc
    settings.plan = bpy.data.texts.new("plan")
    shown = {}
    for task in ("texture_mesh", "text_to_physics", "text_to_scene", "image_to_mesh"):
        settings.task = task
        shown[task] = panels_plan.AIGC_PT_plan.poll(bpy.context)
    assert shown == {"texture_mesh": False, "text_to_physics": True, "text_to_scene": True, "image_to_mesh": False}
    STATE.bake = SimpleNamespace(part="", done=0)
    assert panels_plan.AIGC_PT_plan.poll(bpy.context), "what runs can be cancelled"
    STATE.bake = None


@pytest.mark.parametrize("state", ["off", "starting", "ready", "silent", "failed", "something new"])
def test_every_state_of_the_server_has_one_button(ready, state):
    STATE.session.state, STATE.session.sentence = state, f"It is {state}."
    drawn = draw()
    assert f"It is {state}." in text(drawn)
    before_task = drawn[: drawn.index(("prop", "task"))]
    assert len(operators(before_task)) == 1


def test_the_results_panel(ready):
    """One line a result and what can be done with it."""
    STATE.add(Record(done_job(), "Robot", note="The scene it was made for is gone."))
    properties.list_results(bpy.context.window_manager)
    assert panels_results.AIGC_PT_results.poll(bpy.context)
    drawn = draw(panels_results.AIGC_PT_results)
    assert ("template_list", "AIGC_UL_results") in drawn and "is gone" in text(drawn)
    assert set(operators(drawn)) >= {"aigc.apply", "aigc.run_again", "aigc.remove_result", "aigc.reveal",
                                     "aigc.show_provenance"}  # fmt: skip
    paper = Paper()
    line = bpy.context.window_manager.aigc.results[0]
    panels_results.AIGC_UL_results.draw_item(None, bpy.context, paper, None, line, 0, None, "", 0)
    assert paper.drawn == [("label", "Robot")]


def test_menus_hold_every_operator_that_makes_sense_alone(ready):
    """The search (F3) lists only what is in a menu."""
    alone = "try_now generate cancel choose_picture start stop restart show_log preferences copy_report"
    assert {f"aigc.{name}" for name in alone.split()} <= set(operators(draw(panels.AIGC_MT_add)))
    assert operators(draw(panels.AIGC_MT_model)) == ["aigc.choose_model"]


def test_drawing_touches_neither_files_nor_the_network(ready, monkeypatch):
    """Python itself reports every file, socket and process that is opened while the tab is drawn."""
    with_picture(ready)
    STATE.show(FaultRecord("internal", "Something happened."), "some job")
    STATE.add(Record(done_job(), "Robot"))
    properties.list_results(bpy.context.window_manager)
    draw()  # imports are done
    opened: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple) -> None:
        if watching[0] and event.split(".")[0] in ("open", "socket", "subprocess", "os", "shutil", "glob"):
            opened.append(f"{event} {arguments}")

    sys.addaudithook(hook)
    with open(os.devnull):  # noqa: PTH123  # proves that the hook sees
        pass
    assert opened.pop().startswith("open")
    opened.clear()
    for folded in (True, False):
        draw(folded=folded)
        draw(panels_results.AIGC_PT_results, folded=folded)
    watching[0] = False
    assert opened == []


def test_drawing_does_not_search_the_file(addon):
    """`bpy.data` does not occur in what draws."""
    for name in ("panels.py", "panels_results.py", "drawing.py", "slots.py", "fixit.py", "state.py"):
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        assert "bpy.data" not in {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


# --------------------------------------------------------------------------------------------------------- translations


def shown_strings() -> set[str]:
    """Every English string of the interface, found in the sources, and what models say of their parameters."""
    found: set[str] = set()
    for path in PACKAGE.glob("*.py"):
        if path.stem.startswith("translations"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for knob in (knob for model in Registry().models.values() for knob in model.info.params):
        found |= {knob.label, knob.help, *(text for choice in knob.choices for text in (choice.label, choice.help))}
    return found


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_translation_is_of_a_string_that_is_shown(language):
    """A dictionary entry whose English original was changed is dead."""
    shown = shown_strings()
    for english in translations.texts(language):
        assert english in shown, english


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_translations_keep_the_blanks_to_fill_in(language):
    import string

    fields = lambda text: {field for _, field, _, _ in string.Formatter().parse(text) if field}  # noqa: E731
    for english, other in translations.texts(language).items():
        assert other and fields(english) == fields(other), english


def test_the_interface_speaks_german_when_blender_does(addon):
    """Through Blender's own mechanism; English is left as it is."""
    view = bpy.context.preferences.view
    before = view.language
    try:
        view.language = "de_DE"
    except TypeError:
        pytest.skip("this Blender was built without languages")
    try:
        view.use_translate_interface = True
        if bpy.app.translations.locale != "de_DE":
            pytest.skip("this Blender was built without languages")
        assert "Bild" in text(draw())
    finally:
        view.language = before


def test_a_unit_stands_behind_the_name_in_the_language_of_the_interface(ready, monkeypatch):
    """As the wheels have no languages, one word of one is given."""
    assert ("named", "Size (m)") in draw()
    monkeypatch.setattr(panels, "iface_", lambda text: "Größe" if text == "Size" else text)
    assert ("named", "Größe (m)") in draw()


def test_labels_are_written_as_blender_writes_them(addon):
    """English, capitalised like Blender's own, without a full stop."""
    for base in (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu):
        for cls in base.__subclasses__():
            if cls.__name__.startswith("AIGC_"):
                assert cls.bl_label.isascii() and cls.bl_label[0].isupper() and not cls.bl_label.endswith("."), cls


def test_the_tab_is_redrawn_only_when_something_changed(ready, monkeypatch):
    """The timer compares what can be seen; a job at rest costs no redraw."""
    drawn: list[int] = []
    monkeypatch.setattr(watch, "redraw", lambda: drawn.append(1))
    job = SimpleNamespace(job=SimpleNamespace(id="id"), state="running", phase="Painting", message="", fraction=0.25,
                          preview=None, seconds_left=42.0, finished=False)  # fmt: skip
    STATE.session.jobs["id"] = job
    watch._redraw_if_changed()
    drawn.clear()
    job.seconds_left, job.fraction = 42.1, 0.2501
    watch._redraw_if_changed()
    assert drawn == []
    job.fraction = 0.5
    watch._redraw_if_changed()
    assert drawn == [1]
