"""Scenes and settings that people arrive with: each gives a picture, or one sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import batch, cli
from blender_aigc.gather.passes import passes_meta
from blender_aigc.gather.rendered import PASSES, rendered
from blender_aigc.gather.sources import Render
from blender_aigc.protocol import Fault
from blender_aigc.state import STATE


@pytest.fixture
def scene(studio: Path) -> bpy.types.Scene:
    """A ball before a camera, 64 x 48, never saved."""
    made = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(location=(0, 0, 0))
    bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine, made.cycles.samples, made.cycles.use_denoising = "CYCLES", 1, False
    made.render.resolution_x, made.render.resolution_y = 64, 48
    return made


def test_a_camera_inside_a_mesh_sees_its_inside(scene: bpy.types.Scene) -> None:
    """Rooms and sky domes are meshes too: finite depth everywhere, one object."""
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0, -5, 0))
    passes = rendered(Render(), scene)
    assert np.isfinite(passes["depth"]).all() and passes["depth"].max() < 0.5
    assert passes_meta(passes)["objects"] == ["", "Cube"] and (passes["object_id"] == 1).all()


def test_any_prompt_arrives_as_it_is(scene: bpy.types.Scene) -> None:
    """None, ten thousand characters, and what is no word at all."""
    for prompt in ("", "word " * 2000, "\0 \n \U0001f600 {prompt} %s"):
        status = batch.run("render_image", "stylise", prompt=prompt, params={"style": "palette"})
        assert status.result.provenance.prompt == prompt and status.result.job.prompt == prompt


@pytest.mark.parametrize(
    ("size", "words"),
    [((1, 1), "only 4 x 4 pixels"), ((16384, 16384), "too large: 16384 x 16384"), ((4, 4000), "only 4 x")],
)
def test_sizes_out_of_range(scene: bpy.types.Scene, size: tuple[int, int], words: str) -> None:
    scene.render.resolution_x, scene.render.resolution_y = size
    with pytest.raises(Fault, match=words) as caught:
        batch.run("render_image", "stylise")
    assert caught.value.code == "bad_input" and "resolution" in caught.value.hint.lower()


def test_the_longer_side_cures_a_size_that_is_too_large(scene: bpy.types.Scene) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 16384, 12288
    assert rendered(Render(passes=frozenset({"depth"}), longest_px=64), scene)["depth"].shape == (48, 64)


def test_a_background_without_end(scene: bpy.types.Scene) -> None:
    """Infinite where there is nothing, and the picture has no hole there."""
    passes = rendered(Render(passes=PASSES), scene)
    assert np.isinf(passes["depth"]).mean() > 0.3 and not np.isnan(passes["depth"]).any()
    (image,) = batch.generate("render_image", "stylise", params={"style": "pencil"})
    flat = np.empty(64 * 48 * 4, np.float32)
    image.pixels.foreach_get(flat)
    assert np.isfinite(flat).all()


def test_a_file_that_was_never_saved(scene: bpy.types.Scene) -> None:
    """Paths relative to it lead nowhere, which is said; the picture itself needs no file."""
    with pytest.raises(Fault, match=r"missing.png cannot be read"):
        batch.run("render_image", "stylise", image="//missing.png")
    assert batch.run("render_image", "stylise", params={"style": "palette"}).state == "done"


@pytest.mark.skipif(os.name != "posix", reason="permissions of folders")
def test_an_output_folder_that_cannot_be_written(scene: bpy.types.Scene, tmp_path: Path, capfd) -> None:
    """Before the work on the command line; after a render, the frame stays and the sentence comes."""
    (tmp_path / "file").write_text("no folder")
    assert cli.main(["render", "--save-as", str(tmp_path / "file" / "out.png")]) == 1
    assert "could not be written" in capfd.readouterr().err
    scene.aigc.after_render, scene.render.filepath = True, str(tmp_path / "frame.png")
    (tmp_path / "frame_aigc.png").mkdir()
    bpy.ops.render.render(write_still=True)
    assert "frame_aigc.png could not be written" in STATE.fault.message and (tmp_path / "frame.png").is_file()


@pytest.mark.parametrize("what", ["nothing", "hidden", "behind"])
def test_nothing_to_be_seen(scene: bpy.types.Scene, what: str) -> None:
    ball = bpy.data.objects["Sphere"]
    if what == "nothing":
        bpy.data.objects.remove(ball)
    elif what == "hidden":
        ball.hide_render = True
    else:
        ball.location.y = -50
    with pytest.raises(Fault, match="Nothing is visible") as caught:
        batch.run("render_image", "stylise")
    assert "camera" in caught.value.hint


@pytest.mark.parametrize("kind", ["instances", "hair", "volume"])
def test_what_is_not_a_plain_mesh(scene: bpy.types.Scene, kind: str) -> None:
    """Instances and hair have depth and names; a volume is neither a wall nor a hole."""
    ball = bpy.data.objects["Sphere"]
    if kind == "instances":
        holder = bpy.data.collections.new("Holder")
        holder.objects.link(ball)
        scene.collection.objects.unlink(ball)
        bpy.ops.object.empty_add(location=(0.5, 0, 0))
        bpy.context.object.instance_type, bpy.context.object.instance_collection = "COLLECTION", holder
    elif kind == "hair":
        bpy.context.view_layer.objects.active = ball
        ball.modifiers.new("Hair", "PARTICLE_SYSTEM")
        settings = ball.particle_systems[0].settings
        settings.type, settings.count, settings.hair_length = "HAIR", 300, 1.2
    else:
        fog = bpy.data.materials.new("Fog")
        if fog.node_tree is None:
            fog.use_nodes = True
        fog.node_tree.nodes.clear()
        volume, out = (fog.node_tree.nodes.new(n) for n in ("ShaderNodeVolumePrincipled", "ShaderNodeOutputMaterial"))
        fog.node_tree.links.new(volume.outputs[0], out.inputs["Volume"])
        bpy.ops.mesh.primitive_cube_add(size=2.5, location=(0, -1.5, 0))
        bpy.context.object.name = "Fog"
        bpy.context.object.data.materials.append(fog)
    passes = rendered(Render(), scene)
    names, seen = passes_meta(passes)["objects"], np.isfinite(passes["depth"])
    assert "Sphere" in names and (passes["object_id"] > 0)[seen].mean() > 0.99
    columns = np.nonzero(passes["object_id"] == names.index("Sphere"))[1]
    if kind == "instances":
        assert columns.mean() > 34, "the instance stands to the right of where the original was"
    elif kind == "hair":
        plain_width = 2 * 64 * (50 / 36) / np.sqrt(24)
        assert np.ptp(columns) > plain_width * 1.15, "hair reaches beyond the ball"
    else:
        assert "Fog" not in names and np.isinf(passes["depth"][2, 32])
        around = passes["depth"][20:28, 28:36]
        assert around.min() > 3.9 and np.isfinite(around).all(), "the ball behind the fog: no wall, and no holes"
