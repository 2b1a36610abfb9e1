"""The style gallery: files that can be shared, templates of prompts, prompts and parameters that follow the frame."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest
from test_panels import Paper

from blender_aigc import cli, operators_styles, params, preferences, thumbnails
from blender_aigc.ask import ask_from_scene, prompt_of
from blender_aigc.protocol import Choice, Fault, ModelInfo, Param
from blender_aigc.state import STATE
from blender_aigc.styles import Style, filled, filled_text, id_of, prompt_at, read_style, read_styles, write_style

MODEL = ModelInfo(
    "probe",
    "render_image",
    "Probe",
    "For this test",
    params=(
        Param("strength", "float", "Strength", "How much", 0.5, 0, 1),
        Param("steps", "int", "Steps", "How many", 20, 1, 100),
        Param("look", "enum", "Look", "Which", "a", choices=(Choice("a", "A"), Choice("b", "B"))),
    ),
    qualities={"draft": {"steps": 4}, "best": {"steps": 80, "look": "b"}},
)


@pytest.fixture
def models(addon: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One model that is known, and a folder for styles of one's own."""
    STATE.set_models({"probe": MODEL})
    params.update(STATE.models)
    monkeypatch.setattr(preferences, "choices", lambda: preferences.Choices(styles=tmp_path / "studio"))
    operators_styles.refresh()
    yield tmp_path / "studio"
    STATE.clear()


# -------------------------------------------------------------------------------------------------------------- files


def test_the_library_is_whole(addon: None) -> None:
    """Every style has a picture, a place for the prompt, and values that `stylise` takes."""
    from server.registry import Registry

    styles, problems = read_styles([operators_styles.LIBRARY])
    assert problems == [] and len(styles) >= 10
    info = Registry().models["stylise"].info
    for style in styles.values():
        assert style.picture is not None and "{prompt}" in style.prompt and style.help
        info.check_params(dict(style.values_for("stylise")))
    assert len({json.dumps(style.values_for("stylise"), sort_keys=True) for style in styles.values()}) == len(styles)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    style = Style("mine", "Müll", "Help", "a {prompt}", {"a": 1, "b": 0.5}, {"m": {"c": "x", "d": True}})
    assert read_style(write_style(tmp_path / "new folder", style)) == style


def test_a_later_folder_replaces_an_earlier_one(tmp_path: Path) -> None:
    """The studio's "ink" instead of ours."""
    for name in ("first", "second"):
        write_style(tmp_path / name, Style("ink", name))
    styles, _ = read_styles([tmp_path / "first", tmp_path / "missing", tmp_path / "second"])
    assert styles["ink"].label == "second"


def test_a_studio_s_style_takes_the_place_of_ours(models: Path) -> None:
    write_style(models, Style("ink", "Studio Ink"))
    operators_styles.refresh()
    assert STATE.styles["ink"].label == "Studio Ink" and "pencil" in STATE.styles


def test_a_style_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may be reading the folder; and a full disk leaves what was there."""
    old = write_style(tmp_path, Style("mine", "Mine")).read_bytes()
    plain = Path.write_text

    def half(path: Path, text: str, **options: str) -> int:
        plain(path, text[: len(text) // 2], **options)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", half)
        with pytest.raises(Fault, match="could not be written"):
            write_style(tmp_path, Style("mine", "Another"))
    assert (tmp_path / "mine.json").read_bytes() == old
    write_style(tmp_path, Style("mine", "Another"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"label": ""}', '{"label": 3}', '{"label": "a", "prompt": []}', '{"label": "a", "code": "x"}',
     '{"label": "a", "params": {"x": [1]}}', '{"label": "a", "models": {"m": 3}}', "[" * 100000, " " * 100000],
)  # fmt: skip
def test_a_file_that_is_none_is_named_and_the_others_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    write_style(tmp_path, Style("good", "Good"))
    styles, problems = read_styles([tmp_path])
    assert set(styles) == {"good"} and len(problems) == 1 and "bad.json" in problems[0]


def test_names_become_files() -> None:
    assert id_of("Müde  Farben (2)") == "m_de_farben_2"
    with pytest.raises(Fault, match="needs a name"):
        id_of("???")


# ------------------------------------------------------------------------------------------------------------ prompts


@pytest.mark.parametrize(
    ("template", "prompt", "wanted"),
    [
        ("", " a cat ", "a cat"),
        ("an etching of {prompt}, old", "a cat", "an etching of a cat, old"),
        ("an etching of {prompt}", "", "an etching of the scene"),
        ("old, grey", "a cat", "a cat, old, grey"),
        ("old, grey", "", "old, grey"),
        ("{prompt} {other}", "{x}", "{x} {other}"),
    ],
)
def test_templates(template: str, prompt: str, wanted: str) -> None:
    assert filled(template, prompt) == wanted


@pytest.mark.parametrize(
    ("frame", "wanted"), [(0, "wide shot a calm sea"), (1, "wide shot a calm sea"), (47, "wide shot a calm sea"),
                          (48, "wide shot a storm with lightning"), (99, "wide shot a storm with lightning")]
)  # fmt: skip
def test_a_text_changes_with_the_frame(frame: int, wanted: str) -> None:
    """Lines in any order, and long ones over several lines."""
    text = "wide shot\n48: a storm\n  with lightning\n1: a calm sea\n"
    assert prompt_at(text, frame) == wanted


@pytest.mark.parametrize("text", ["48: a storm\n1: a sea", "wide\n3: a sea", "a sea", ""])
@pytest.mark.parametrize("frame", [1, 3, 50])
def test_a_sequence_gets_what_each_of_its_frames_would(text: str, frame: int) -> None:
    """The whole text in the template says at a frame what the frame's words say in the template."""
    assert prompt_at(filled_text("an etching of {prompt}", text), frame) == filled(
        "an etching of {prompt}", prompt_at(text, frame)
    )


def test_a_text_without_frames_is_one_prompt() -> None:
    assert prompt_at("a cat\non a mat: red\n", 7) == "a cat on a mat: red"
    assert prompt_at("", 7) == ""


def test_the_prompt_is_read_at_the_frame(models: Path) -> None:
    """From the text where one is chosen, in the style's template; a plan's prompt has no style."""
    scene = bpy.context.scene
    scene.aigc.prompt, scene.aigc.style = "a cat", "ink"
    assert "drawing of a cat" in prompt_of(scene, "render_image")
    assert prompt_of(scene, "text_to_physics") == "a cat"
    scene.aigc.prompt_text = bpy.data.texts.new("words")
    scene.aigc.prompt_text.from_string("1: a cat\n10: a dog")
    scene.frame_set(10)
    assert "drawing of a dog" in prompt_of(scene, "render_image")
    assert "drawing of a cat" in prompt_of(scene, "render_image", frame=5)
    scene.aigc.style = "gone"
    assert prompt_of(scene, "render_image") == "a dog"


def test_parameters_can_be_keyframed(models: Path) -> None:
    """What is asked for at a frame is what the curve says there."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.camera_add(location=(0, -5, 0))
    scene.camera = bpy.context.object
    group = scene.aigc.params.probe
    for frame, strength in ((1, 0.0), (11, 1.0)):
        group.strength = strength
        group.keyframe_insert("strength", frame=frame)
    scene.frame_set(11)
    assert ask_from_scene(bpy.context, "render_image").params["strength"] == 1.0
    scene.frame_set(6)
    assert 0.3 < ask_from_scene(bpy.context, "render_image").params["strength"] < 0.7


# ------------------------------------------------------------------------------------------------------------ gallery


def test_choosing_sets_prompt_and_parameters(models: Path) -> None:
    """And nothing that the model does not have; what is said about this model wins over what is said about all."""
    write_style(
        models,
        Style(
            "mine", "Mine", "", "x {prompt}", {"strength": 0.25, "foreign": 3, "look": "a"}, {"probe": {"look": "b"}}
        ),
    )
    assert bpy.ops.aigc.read_styles() == {"FINISHED"}
    settings = bpy.context.scene.aigc
    settings.params.probe.steps = 33
    assert bpy.ops.aigc.choose_style(style_id="mine") == {"FINISHED"}
    group = settings.params.probe
    assert (settings.style, group.strength, group.look, group.steps) == ("mine", 0.25, "b", 33)
    assert bpy.ops.aigc.choose_style(style_id="") == {"FINISHED"} and settings.style == ""
    with pytest.raises(RuntimeError, match="not there any more"):
        bpy.ops.aigc.choose_style(style_id="gone")


def test_a_style_that_does_not_fit_says_so(models: Path) -> None:
    write_style(models, Style("mine", "Mine", params={"strength": 7}))
    operators_styles.refresh()
    with pytest.raises(RuntimeError, match="Mine does not fit Probe"):
        bpy.ops.aigc.choose_style(style_id="mine")


def test_saving_makes_a_file_that_others_can_use(models: Path) -> None:
    settings = bpy.context.scene.aigc
    settings.task = "render_image"
    settings.prompt = "a lino cut of {prompt}"
    settings.params.probe.steps = 7
    assert bpy.ops.aigc.save_style(label="Lino Cut") == {"FINISHED"}
    saved = read_style(models / "lino_cut.json")
    assert saved.prompt == "a lino cut of {prompt}" and saved.models["probe"]["steps"] == 7
    assert "lino_cut" in STATE.styles and settings.style == "lino_cut"
    settings.prompt = "a cat"  # from now on the words alone: the template comes with the style
    assert bpy.ops.aigc.save_style(label="Finer Cut") == {"FINISHED"}
    assert read_style(models / "finer_cut.json").prompt == "a lino cut of {prompt}"
    models.rename(models.with_name("elsewhere"))
    models.write_text("a file where the folder was")
    with pytest.raises(RuntimeError, match="could not be written"):
        bpy.ops.aigc.save_style(label="Again")


def test_draft_and_best_set_what_the_model_says(models: Path) -> None:
    settings = bpy.context.scene.aigc
    settings.task = "render_image"
    assert bpy.ops.aigc.quality(level="best") == {"FINISHED"}
    assert (settings.params.probe.steps, settings.params.probe.look) == (80, "b")
    assert bpy.ops.aigc.quality(level="draft") == {"FINISHED"} and settings.params.probe.steps == 4
    assert bpy.ops.aigc.quality(level="good") == {"CANCELLED"}


def test_the_gallery_draws_a_button_for_every_style(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its picture, one of the studio's folder too, where there is one."""
    from types import SimpleNamespace

    write_style(models, Style("mine", "Mine"))
    write_style(models, Style("bare", "Bare"))
    (models / "mine.png").write_bytes((operators_styles.LIBRARY / "ink.png").read_bytes())
    operators_styles.refresh()
    loaded = thumbnails._paths  # without a window Blender makes no icons of them
    monkeypatch.setattr(thumbnails, "icon", lambda key: int(key in loaded))
    shown = {style for style in STATE.styles if operators_styles.thumbnail(style) in loaded}
    assert shown == set(STATE.styles) - {"bare"} and {"mine", "ink"} <= shown
    paper = Paper()
    operators_styles.AIGC_PT_styles.draw(SimpleNamespace(layout=paper), bpy.context)
    drawn = [what for call, what in paper.drawn if call == "operator"]
    assert drawn.count("aigc.choose_style") == len(STATE.styles) + 1 and "aigc.save_style" in drawn
    assert [call for call, _ in paper.drawn].count("template_icon") == len(shown)


def test_a_style_on_the_command_line(studio: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its template and its values; --param has the last word."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(1.57, 0, 0))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y = 48, 32
    words = ["render", "--prompt", "a box", "--model", "stylise", "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--style", "ink", "--param", "line_px=3"]) == 0
    made = json.loads((tmp_path / "out/result.json").read_text())["provenance"]
    assert "drawing of a box" in made["prompt"]
    assert (made["params"]["style"], made["params"]["line_px"]) == ("ink", 3)
    capfd.readouterr()
    assert cli.main([*words, "--style", "nothing"]) == 1
    assert "There is no style 'nothing'" in capfd.readouterr().err


def test_a_style_reaches_the_model(studio: Path) -> None:
    """Though it was chosen before a server ran and told its models: the filled template, and the ink is ink."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(1.57, 0, 0))
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples = "BLENDER_WORKBENCH", 1
    scene.render.engine, scene.cycles.use_denoising = "CYCLES", False
    scene.render.resolution_x, scene.render.resolution_y = 64, 48
    scene.aigc.task, scene.aigc.model_id, scene.aigc.prompt = "render_image", "stylise", "a box"
    bpy.ops.aigc.choose_style(style_id="ink")
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    made = STATE.results[0].status.result.provenance
    assert "drawing of a box" in made.prompt and made.params["style"] == "ink"
