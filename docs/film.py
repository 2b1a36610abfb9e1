"""Draws docs/images/film.gif from what `aigc physics` has written: the drawing, and its depth, lines and mask.

blender -b -c aigc physics --prompt "a cannonball crashes into a brick wall" --bake --stylise "pen and ink" --control \\
    --frames 1-30 --longest-px 480 --out out/film
python docs/film.py [DIR]        with a Python that has Pillow; DIR: out/film
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SIZE_PX, GAP_PX, LEFT_PX = (360, 204), 3, 120
FRAME_MS = 90


def frame(folder: Path, drawn: Path) -> Image.Image:
    """The drawing of one frame, and beside it, small and one above the other, what led it."""
    whole = Image.new("RGB", (LEFT_PX + GAP_PX + SIZE_PX[0], SIZE_PX[1]), "white")
    whole.paste(_fitted(drawn, SIZE_PX), (LEFT_PX + GAP_PX, 0))
    height = (SIZE_PX[1] - 2 * GAP_PX) // 3
    for number, kind in enumerate(("depth", "line", "mask")):
        whole.paste(
            _fitted(folder / "control" / kind / drawn.name.removeprefix("frame_"), (LEFT_PX, height)),
            (0, number * (height + GAP_PX)),
        )
    return whole


def _fitted(file: Path, size: tuple[int, int]) -> Image.Image:
    image = Image.open(file)
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image, np.float32) / 257).astype(np.uint8))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "out" / "film"
    frames = [frame(folder, file) for file in sorted((folder / "stylised").glob("*.png"))]
    palette = frames[len(frames) // 2].quantize(48)
    small = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames]
    small[0].save(
        ROOT / "docs" / "images" / "film.gif",
        save_all=True,
        append_images=small[1:],
        duration=[FRAME_MS] * (len(small) - 1) + [900],
        loop=0,
        optimize=True,
    )


if __name__ == "__main__":
    main()
