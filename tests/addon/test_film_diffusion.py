"""GPT4Motion's way with diffusion: depth and lines of a simulated scene lead tiny sd15 with woken ControlNets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from plans import plan
from test_film import picture

from blender_aigc import batch, film, physics, preferences
from blender_aigc.plan import validate

ROOT = Path(__file__).resolve().parents[2]
SIZE = (64, 48)
FRAMES = 2

pytestmark = pytest.mark.skipif(
    "AIGC_SERVER_PYTHON" not in os.environ, reason="AIGC_SERVER_PYTHON names no Python with torch"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    (folder / "sd15").mkdir()
    code = (
        "import pathlib, sys; from server.diffusion import tiny; to = pathlib.Path(sys.argv[1]); tiny.write_sd15(to); "
    )
    code += "tiny.sd15_controlnet(9).save_pretrained(str(to / 'controlnets' / 'line'))"
    words = [os.environ["AIGC_SERVER_PYTHON"], "-c", code, str(folder / "sd15")]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return folder


@pytest.fixture
def collection(studio: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bpy.types.Collection]:
    """A ball that is thrown at the camera, simulated."""
    chosen = preferences.Choices("FOLDER", Path(os.environ["AIGC_SERVER_PYTHON"]), weights)
    monkeypatch.setattr(preferences, "choices", lambda: chosen)
    ball = {"shape": "basketball", "place": {"relation": "at", "offset_m": [0, 0, 0.5]}, "scale": 2.0,
            "rigid": {"velocity_m_s": [0, -8, 2]}}  # fmt: skip
    render = {"samples": 1, "width_px": SIZE[0], "height_px": SIZE[1]}
    built = physics.run(bpy.context, validate(plan(ball, frames=FRAMES, render=render, camera={"view": "front"})))
    bake = physics.new_bake(bpy.context, built.collection)
    bake.wait()
    physics.apply(bpy.context, built.collection, bake.folder)
    yield built.collection
    batch.close()


def test_depth_and_lines_of_the_simulation_lead_the_film(collection: bpy.types.Collection, tmp_path: Path) -> None:
    render = film.render_of(bpy.context.scene, collection, 1, FRAMES, 0)

    def drawn(name: str, controls: str, how: batch.Render = render, last: int = 1) -> list[np.ndarray]:
        params = {"size": "camera", "steps": 2, "strength": 1.0, "steadiness": 0.0, "controls": controls}
        run = batch.run_sequence(
            tmp_path / name, (1, last), "sd15", prompt="a ball, charcoal", params=params, seed=1, render=how
        )
        return [picture(path) for path in run.files()]

    led = drawn("led", "depth:1.0, line:1.0", last=FRAMES)
    assert len(led) == FRAMES and led[0].shape == (SIZE[1], SIZE[0])
    assert np.abs(led[0] - led[-1]).max() > 0.02, "the ball has come nearer"
    assert np.abs(drawn("depth", "depth:1.0")[0] - led[0]).max() > 0.005, "the lines count"
    own = drawn("own", "depth:1.0, line:1.0", batch.Render())
    assert np.abs(own[0] - led[0]).max() > 0.005, "one range of depth for the whole film is not each frame's own"
