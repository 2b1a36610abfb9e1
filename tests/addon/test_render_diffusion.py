"""From Blender's passes through a real server to the pipelines of SDXL and back, with tiny weights as published."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest

from blender_aigc import batch, preferences
from blender_aigc.protocol import Fault

ROOT = Path(__file__).resolve().parents[2]
SIZE = (83, 61)
QUICK = {"size": "camera", "steps": 2}

pytestmark = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sdxl/ with a base, a woken depth ControlNet and an IP-Adapter."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "sdxl").mkdir()
    code = "import pathlib, sys; from server.diffusion.tiny import write_sdxl; write_sdxl(pathlib.Path(sys.argv[1]))"
    words = [os.environ["AIGC_SERVER_PYTHON"], "-c", code, str(folder / "sdxl")]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


@pytest.fixture
def scene(studio: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> bpy.types.Scene:
    """A ball and a cube before a camera, at an odd size; the preferences name an environment and a weights folder."""
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]), weights)
    monkeypatch.setattr(preferences, "choices", lambda: chosen)
    made = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0, location=(-0.9, 0, 0))
    bpy.ops.mesh.primitive_cube_add(size=1.4, location=(1.1, 0, 0), rotation=(0, 0, 0.6))
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(0, -7, 0), rotation=(np.pi / 2, 0, 0))
    made.camera = bpy.context.object
    made.render.engine = "CYCLES"
    made.cycles.samples = 1
    made.cycles.use_denoising = False
    made.render.resolution_x, made.render.resolution_y = SIZE
    return made


def pixels(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 4) float32, row 0 on top."""
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1]


def test_the_passes_of_the_scene_lead_the_picture(scene: bpy.types.Scene) -> None:
    """One server for all of it: starting torch takes longer than the tiny networks."""

    def drawn(**params: object) -> np.ndarray:
        (image,) = batch.generate("render_image", "sdxl", prompt="a harbour", params={**QUICK, **params})
        assert tuple(image.size) == SIZE
        return pixels(image)

    sphere = bpy.data.objects["Sphere"]
    led = drawn(strength=1.0, controls="depth:1.0")
    material = bpy.data.materials.new("Red")
    material.diffuse_color = (1, 0, 0, 1)
    sphere.data.materials.append(material)
    scene.world = bpy.data.worlds.new("Bright")
    assert np.array_equal(drawn(strength=1.0, controls="depth:1.0"), led), "only the geometry counts at strength 1"
    sphere.location.y -= 2.0
    moved = drawn(strength=1.0, controls="depth:1.0")
    assert np.abs(moved - led).max() > 0.01, "another depth is another picture"

    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj == sphere)
    given = {"passes": batch.Render(mask="selected")}
    (masked,) = batch.generate(
        "render_image", "sdxl", inputs=given, prompt="a melon", params={**QUICK, "soft_px": 0.0, "strength": 0.9}
    )
    rendered = drawn(strength=0.0)
    same = (np.abs(pixels(masked) - rendered) < 1e-6).all(-1)
    assert same[:, 55:].all() and same[0].all(), "the cube and the background are the render, bit for bit"
    assert same[20:40, 16:30].mean() < 0.3, "the ball is not"

    (words,) = batch.generate(
        "text_to_image", "sdxl", prompt="a harbour", params={"width": 72, "height": 64, "steps": 2}
    )
    assert tuple(words.size) == (72, 64)
    with pytest.raises(Fault) as caught:
        batch.run("render_image", "sdxl", prompt="x", params={**QUICK, "checkpoint": "nowhere"})
    assert caught.value.code == "weights_missing" and "base" in caught.value.hint
    batch.close()
