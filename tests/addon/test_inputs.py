"""Inputs by kind: what the tab, a script and the command line may give for them, and where results find them again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import bpy
import numpy as np
import pytest

from blender_aigc import cli, cli_tasks, slots, targets
from blender_aigc.apply.result import APPLIERS
from blender_aigc.ask import ask_from_scene
from blender_aigc.gather.inputs import GATHERERS, gather
from blender_aigc.gather.sources import Render, name_of, objects_of
from blender_aigc.protocol import TASKS, ArtefactKind, Blob, Fault, InputKind, Task, TaskInput
from blender_aigc.state import STATE

BLOB = Blob("0" * 64, ".npy")
MESH = TaskInput("mesh", "mesh", "Mesh", "What to work on")


def keep(data: bytes, suffix: str) -> Blob:
    kept.append((data, suffix))
    return BLOB


kept: list[tuple[bytes, str]] = []


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    kept.clear()


def cube(name: str) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.name = name
    return bpy.context.object


def test_every_kind_has_its_row(addon: None) -> None:
    """A kind of the contract that the add-on does not know would fail only when someone uses it."""
    assert set(GATHERERS) == set(slots.SLOTS) == set(get_args(InputKind))
    assert set(APPLIERS) == set(get_args(ArtefactKind))


def test_what_is_stored_is_not_read_again(addon: None) -> None:
    assert gather("render_image", {"passes": BLOB}, bpy.context.scene, keep) == {"passes": BLOB}
    assert kept == []


def test_passes_may_come_from_a_file(addon: None, tmp_path: Path) -> None:
    """A farm renders them once and works on them many times."""
    np.savez(tmp_path / "p.npz", combined=np.zeros((9, 9, 4), np.uint8))
    gather("render_image", {"passes": tmp_path / "p.npz"}, bpy.context.scene, keep)
    assert kept == [((tmp_path / "p.npz").read_bytes(), ".npz")]


@pytest.mark.parametrize(
    ("task", "given", "code", "words"),
    [
        ("image_to_mesh", {}, "bad_input", "No picture is chosen"),
        ("image_to_mesh", {"picture": BLOB}, "bad_request", "no use for 'picture'"),
        ("image_to_mesh", {"image": Render()}, "bad_request", "must be an image or a file"),
        ("render_image", {}, "bad_input", "no camera|Nothing is visible"),
        ("render_image", {"passes": "/nowhere/p.npz"}, "bad_input", "p.npz cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said(addon: None, task: str, given: dict, code: str, words: str) -> None:
    with pytest.raises(Fault, match=words) as caught:
        gather(task, given, bpy.context.scene, keep)
    assert caught.value.code == code and caught.value.hint
    assert kept == []


def test_nothing_is_stored_before_all_of_it_is_read(addon: None) -> None:
    """The mesh is sound, the picture after it is not there: no mesh is left behind in the data folder."""
    with pytest.raises(Fault, match="none.png"):
        gather("texture_mesh", {"mesh": [cube("Sound")], "reference": "/nowhere/none.png"}, bpy.context.scene, keep)
    assert kept == []


def test_names_come_from_the_inputs(addon: None) -> None:
    scene = bpy.context.scene
    assert name_of({"a": None, "b": BLOB, "c": "folder/chair.png"}, scene) == "chair"
    assert name_of({"passes": Render()}, scene) == f"{scene.name} Render"
    assert name_of({"mesh": [cube("Table"), cube("Leg")]}, scene) == "Table"
    assert name_of({}, scene) == ""


def test_the_tab_says_what_is_chosen(addon: None) -> None:
    """The render of the scene, a picture in its place, the colours of another."""
    settings = bpy.context.scene.aigc
    assert slots.inputs_of_tab(bpy.context, "render_image") == {"passes": Render()}
    settings.source = "LAST"
    settings.reference = bpy.data.images.new("colours", 8, 8)
    chosen = slots.inputs_of_tab(bpy.context, "render_image")
    assert chosen == {"passes": Render(combined="last"), "reference": settings.reference}
    settings.source = "PICTURE"
    assert slots.problem(bpy.context, "render_image").button == "Choose Picture"
    with pytest.raises(Fault, match="No picture is chosen"):
        ask_from_scene(bpy.context, "image_to_mesh")


def test_meshes_are_the_selected_objects(addon: None) -> None:
    """Of those, the ones with a surface."""
    slot = slots.SLOTS["mesh"]
    assert slot.given(bpy.context, MESH) is None and "No mesh" in slot.problem(bpy.context, MESH).sentence
    first, second = cube("One"), cube("Two")
    bpy.ops.object.light_add()
    for obj in bpy.context.scene.objects:
        obj.select_set(obj != second)
    assert slot.given(bpy.context, MESH) == [first] and slot.problem(bpy.context, MESH) is None


def test_objects_are_named_on_the_command_line(addon: None) -> None:
    """Patterns, several of them; without any, what is selected in the file."""
    first, second, third = cube("Leg.L"), cube("Leg.R"), cube("Top")
    parser = argparse.ArgumentParser()
    slot = slots.SLOTS["mesh"]
    slot.add_options(parser, Task("t", "T", "", (MESH,), ()), MESH)

    def chosen(*words: str) -> object:
        return slot.of_options(parser.parse_args(words), MESH)

    assert set(chosen("--objects", "Leg.*")) == {first, second}
    assert set(chosen("--objects", "Leg.L", "--objects", "Top")) == {first, third}
    assert chosen() == [third]
    assert chosen("--mesh", "a.glb") == Path("a.glb")
    with pytest.raises(Fault, match="No mesh is called leg"):
        chosen("--objects", "leg*")


def test_every_task_is_a_command(addon: None, capsys: pytest.CaptureFixture[str]) -> None:
    """With an option for each of its inputs."""
    for task in TASKS.values():
        assert cli.main([task.id.replace("_", "-"), "--help"]) == 0
        said = capsys.readouterr().out
        chosen = [wanted for wanted in task.inputs if wanted.kind != "state"]  # nobody chooses a state
        assert all(f"--{slots.option(wanted)}" in said for wanted in chosen), task.id
        assert ("--prompt" in said) == task.prompt
    for task, names in cli_tasks.ALIASES.items():
        assert task in TASKS and cli.main([names[0], "--help"]) == 0


def test_objects_are_found_again_after_they_were_renamed_and_copied(addon: None) -> None:
    """A duplicate carries the same mark; a deleted one is left out; at the end the marks are gone."""
    first, second = cube("One"), cube("Two")
    assert objects_of({"mesh": [first, second, first]}) == (first, second)
    STATE.targets["job"] = target = targets.remember(bpy.context, False, [first, second])
    copy = first.copy()
    bpy.context.scene.collection.objects.link(copy)
    first.name = "Renamed"
    assert targets.find_objects(target) == (first, second)
    bpy.data.objects.remove(second)
    assert targets.find_objects(target) == (first,)
    targets.forget("job")
    assert "aigc_uid" not in first
