"""Draws docs/images/director.jpg: sentences of the table of prompts, carried out, baked and rendered at three moments.

python docs/director.py [WORD ...]      with a Python that has bpy; only the scenes whose sentence holds a WORD

Bakes and pictures are kept under out/director and not made again. Blender as a Python module computes fluids only with
tests/addon/fluid_trap on the PYTHONPATH of the bake, which this script sees to.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_aigc.director.bake import Bake  # noqa: E402
from blender_aigc.director.build import carry_out  # noqa: E402
from blender_aigc.director.motion import apply_motion  # noqa: E402
from server.language.read import plan_of  # noqa: E402

OUT = ROOT / "out" / "director"
SIZE_PX = (320, 180)
SAMPLES = 48
SEED = 7
SCENES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("A basketball is dropped from 2 m onto a concrete floor and bounces", (1, 16, 32)),
    ("Four basketballs spin randomly in the air and fall", (1, 15, 40)),
    ("A white flag flaps in light wind", (20, 40, 60)),
    ("A white flag flaps in the strong wind", (20, 40, 60)),
    ("A white T-shirt flutters in normal wind", (20, 40, 60)),
    ("A blue dress flutters in a gentle breeze at sunset", (20, 40, 60)),
    ("Water flows into a white mug on a table, top-down view", (10, 30, 60)),
    ("Very viscous water flows into a white mug on a table, top-down view", (10, 30, 60)),
    ("A tablecloth falls onto a sphere", (1, 15, 50)),
    ("A cannonball crashes into a brick wall", (1, 8, 30)),
    ("A row of twelve dominoes topples", (8, 24, 50)),
    ("Smoke rises from a bucket", (20, 50, 90)),
)
"""Sentence, and the frames that are shown."""


def pictures(sentence: str, frames: tuple[int, int, int]) -> list[Path]:
    """Three pictures of one sentence, baked and rendered where they are not there yet."""
    folder = OUT / "".join(letter if letter.isalnum() else "_" for letter in sentence)[:60]
    files = [folder / f"{frame:04d}.png" for frame in frames]
    if all(file.is_file() for file in files):
        return files
    bpy.ops.wm.read_factory_settings(use_empty=True)
    plan = plan_of(sentence, SEED)
    timing = dataclasses.replace(plan.timing, frames=min(plan.timing.frames, max(frames)))
    render = dataclasses.replace(plan.render, width_px=SIZE_PX[0], height_px=SIZE_PX[1], samples=SAMPLES)
    plan = dataclasses.replace(plan, timing=timing, render=render)
    built = carry_out(bpy.context, plan)
    bake = Bake(bpy.context, built, OUT / "bakes")
    bake.wait()
    apply_motion(bpy.context, built, bake.folder)
    scene = bpy.context.scene
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.cycles.use_denoising = True
    for frame, file in zip(frames, files, strict=True):
        scene.frame_set(frame)
        scene.render.filepath = str(file)
        bpy.ops.render.render(write_still=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"), check_existing=False)
    return files


def pixels(file: Path) -> np.ndarray:
    """(H, W, 3) of a picture, top row first."""
    image = bpy.data.images.load(str(file))
    found = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(found)
    found = found.reshape(image.size[1], image.size[0], 4)[::-1, :, :3]
    bpy.data.images.remove(image)
    return found


def sheet(rows: list[list[Path]], target: Path, gap: int = 6) -> None:
    """Two scenes a line, three pictures each, in one JPEG."""
    width, height = SIZE_PX
    scene_width = 3 * width + gap
    lines = (len(rows) + 1) // 2
    whole = np.ones((lines * (height + gap) - gap, 2 * scene_width - gap, 3), np.float32)
    for number, files in enumerate(rows):
        top, left = number // 2 * (height + gap), number % 2 * scene_width
        for i, file in enumerate(files):
            whole[top : top + height, left + i * width : left + (i + 1) * width] = pixels(file)
    image = bpy.data.images.new("sheet", whole.shape[1], whole.shape[0])
    flipped = np.concatenate([whole[::-1], np.ones((*whole.shape[:2], 1), np.float32)], 2)
    image.pixels.foreach_set(flipped.ravel())
    image.file_format, image.filepath_raw = target.suffix.lstrip(".").upper().replace("JPG", "JPEG"), str(target)
    image.save(quality=78)


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(ROOT / "tests" / "addon" / "fluid_trap")
    words = sys.argv[1:]
    chosen = [scene for scene in SCENES if not words or any(word in scene[0] for word in words)]
    drawn = [pictures(*scene) for scene in chosen]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    OUT.mkdir(parents=True, exist_ok=True)
    sheet(drawn, OUT / "sheet.png" if words else ROOT / "docs" / "images" / "director.jpg")
    os._exit(0)
