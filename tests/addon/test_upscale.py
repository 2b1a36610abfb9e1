"""Larger pictures in the real Blender: from the tab, from a result, from a render, by command; the scene stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import bpy
import numpy as np
import pytest
from live_server import ROOT
from scene_state import differences, scene_state

from blender_aigc import batch, cli, operators_upscale, watch
from blender_aigc.apply.scene import JOB
from blender_aigc.gather.image import image_pixels
from blender_aigc.state import STATE

DUCK = ROOT / "blender_aigc" / "samples" / "duck.png"


@pytest.fixture
def tab(studio: Path) -> bpy.types.PropertyGroup:
    settings = bpy.context.scene.aigc
    settings.task = "upscale_image"
    return settings


def picture(width: int = 40, height: int = 24) -> bpy.types.Image:
    """Generated, half of it transparent, its left half red."""
    made = bpy.data.images.new("Small", width, height, alpha=True)
    pixels = np.ones((height, width, 4), np.float32)
    pixels[:, : width // 2] = (1, 0, 0, 1)
    pixels[: height // 2, :, 3] = 0  # Blender's row 0 is at the bottom
    made.pixels.foreach_set(pixels.ravel())
    return made


def rest() -> dict[str, str]:
    """The file without its pictures and the marks that find the scene again."""
    return {path: value for path, value in scene_state().items() if not re.search(r"images\[|aigc\.uid", path)}


def made_images() -> list[bpy.types.Image]:
    return [image for image in bpy.data.images if image.get(JOB)]


def test_the_tab_makes_a_larger_picture_and_nothing_else(tab) -> None:
    tab.image = picture()
    watch.await_models()  # the properties of the models are there from now on
    before = rest()
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    (made,) = made_images()
    assert tuple(made.size) == (80, 48) and made.packed_file is not None
    assert made.name == "Small 2x"
    pixels = image_pixels(made)
    assert (pixels[:22, :36] == (255, 0, 0, 255)).all() and (pixels[:22, 44:] == 255).all()
    assert (pixels[26:, :, 3] == 0).all()
    facts = json.loads(made["aigc"])
    assert facts["model"] == "enlarge" and facts["params"]["scale"] == "2"
    assert differences(before, rest()) == []


def test_a_result_is_made_larger_by_its_button(tab) -> None:
    tab.image = picture()
    bpy.ops.aigc.generate()
    first = STATE.results[0].job_id
    tab.task = "image_to_mesh"  # whatever the tab says meanwhile
    assert bpy.ops.aigc.upscale(job_id=first, scale="4") == {"FINISHED"}
    larger = next(image for image in made_images() if image[JOB] == STATE.results[0].job_id)
    assert tuple(larger.size) == (320, 192) and larger.name.endswith("4x")
    assert len(made_images()) == 2
    assert bpy.ops.aigc.upscale(image_name="Small", scale="2") == {"FINISHED"}
    bpy.ops.aigc.run_again(job_id=first)
    hashes = {r.status.result.artefacts[0].sha256 for r in STATE.results if r.status.result.artefacts[0].bytes < 1e5}
    assert len(STATE.results) == 4 and len(hashes) == 2  # run again is the same file


def test_one_undo_takes_it_away(tab) -> None:
    tab.image = picture()
    bpy.ops.aigc.generate()
    job_id = STATE.results[0].job_id
    bpy.ops.aigc.remove_result(job_id=job_id)
    assert made_images() == []
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.aigc.apply("EXEC_DEFAULT", True, job_id=job_id)
    assert len(made_images()) == 1
    bpy.ops.ed.undo()
    assert made_images() == []


def test_the_last_render_and_the_last_result_can_be_chosen(tab) -> None:
    for what in ("RENDER", "RESULT"):
        with pytest.raises(RuntimeError, match="Make one first"):
            bpy.ops.aigc.use_picture(what=what)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 32, 16, 100
    bpy.ops.render.render()
    bpy.ops.aigc.use_picture(what="RENDER")
    assert tab.image.type == "RENDER_RESULT"
    assert bpy.ops.aigc.generate() == {"FINISHED"}
    (made,) = made_images()
    assert tuple(made.size) == (64, 32)
    bpy.ops.aigc.use_picture(what="RESULT")
    assert tab.image == made


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_too_small_a_picture_is_a_sentence(tab, size: tuple[int, int]) -> None:
    tab.image = bpy.data.images.new("Dot", *size)
    with pytest.raises(RuntimeError, match=f"{size[0]} x {size[1]}"):
        bpy.ops.aigc.generate()
    assert STATE.fault.code == "bad_input" and made_images() == []


def test_an_unknown_picture_is_a_sentence(tab) -> None:
    with pytest.raises(RuntimeError, match="no picture called 'Nothing'"):
        bpy.ops.aigc.upscale(image_name="Nothing")
    with pytest.raises(RuntimeError, match="not in this file"):
        bpy.ops.aigc.upscale(job_id="gone")


def test_the_command(studio: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "Ünï çødé" / "big.png"
    given = tmp_path / "small.png"
    shown = bpy.data.images.load(str(DUCK))
    shown.scale(96, 80)
    shown.filepath_raw, shown.file_format = str(given), "PNG"
    shown.save()
    words = ["upscale", "--image", str(given), "--param", "scale=4", "--save-as", str(out), "--out", str(tmp_path)]
    watch.await_models()
    before, file = rest(), given.read_bytes()
    assert cli.main(words) == 0
    assert given.read_bytes() == file, "the result is laid beside it, not over it"
    assert str(out) in capfd.readouterr().out
    small, large = image_pixels(given), image_pixels(out)
    assert large.shape == (4 * small.shape[0], 4 * small.shape[1], 4)
    mean = large.reshape(small.shape[0], 4, small.shape[1], 4, 4).mean((1, 3))
    seen = small[..., 3] == 255
    assert np.abs(mean[seen] - small[seen])[:, :3].mean() < 1.5
    assert (tmp_path / "result.json").is_file()
    assert differences(before, rest()) == []
    assert cli.main([*words[:3], "--param", "scale=3", "--save-as", str(out)]) == 1
    assert "Choose one of: 2, 4" in capfd.readouterr().err


# ------------------------------------------------------------------------------------------------------------- textures


def textured_cube() -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    box = bpy.context.object
    box.name = "Box"
    status = batch.run("texture_mesh", "solid", mesh=[box], prompt="oak", params={"texture_px": "256"})
    batch.place(status, objects=[box])
    watch.finished(status)
    return box


def map_sizes(material: bpy.types.Material) -> set[tuple[int, int]]:
    return {tuple(node.image.size) for node in material.node_tree.nodes if getattr(node, "image", None)}


def test_a_texture_is_made_larger_on_its_object(studio: Path) -> None:
    box = textured_cube()
    before = box.material_slots[0].material
    uvs = [layer.name for layer in box.data.uv_layers]
    colours = {node.label or node.name for node in before.node_tree.nodes if getattr(node, "image", None)}
    assert map_sizes(before) == {(256, 256)}
    assert bpy.ops.aigc.upscale_texture(scale="2") == {"FINISHED"}
    after = box.material_slots[0].material
    assert after != before and map_sizes(after) == {(512, 512)} and map_sizes(before) == {(256, 256)}
    assert [layer.name for layer in box.data.uv_layers] == uvs
    assert {node.label or node.name for node in after.node_tree.nodes if getattr(node, "image", None)} == colours
    assert STATE.results[0].status.result.job.task == "upscale_texture"
    assert bpy.ops.aigc.remove_result(job_id=STATE.results[0].job_id) == {"FINISHED"}
    assert box.material_slots[0].material == before


def test_a_texture_is_made_larger_by_a_command(studio: Path, tmp_path: Path) -> None:
    box = textured_cube()
    folder = Path(STATE.results[0].status.folder)
    words = ["upscale-texture", "--maps", str(folder / "material.json"), "--param", "scale=2", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    assert map_sizes(box.material_slots[0].material) == {(512, 512)}
    assert image_pixels(tmp_path / "Box_BaseColor.png").shape == (512, 512, 4)
    before = (tmp_path / "Box_BaseColor.png").read_bytes()
    assert cli.main([*words[:2], str(tmp_path / "material.json"), "--out", str(tmp_path)]) == 1
    assert (tmp_path / "Box_BaseColor.png").read_bytes() == before, "not over what it is made from"
    (tmp_path / "not.json").write_text("{}")
    assert cli.main([*words[:2], str(tmp_path / "not.json"), "--out", str(tmp_path / "other")]) == 1


def test_without_a_texture_there_is_a_sentence(tab) -> None:
    with pytest.raises(RuntimeError, match="no texture among the results"):
        bpy.ops.aigc.upscale_texture()
    tab.task = "upscale_texture"
    with pytest.raises(RuntimeError, match="no texture among the results"):
        bpy.ops.aigc.generate()


def test_no_style_is_laid_over_it(studio: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["upscale", "--help"]) == 0
    told = capfd.readouterr().out
    assert "--prompt" in told and "--style" not in told


def test_every_operator_explains_itself(addon: None) -> None:
    for cls in operators_upscale._CLASSES:
        rna = getattr(bpy.ops.aigc, cls.bl_idname.removeprefix("aigc.")).get_rna_type()
        assert rna.description and not rna.description.endswith(".")
        assert all(p.description for p in rna.properties if p.identifier not in ("rna_type", "job_id"))
