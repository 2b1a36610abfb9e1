"""A result and what it was made from in one picture, split where one likes; and the result behind the camera's view."""

from __future__ import annotations

import bpy
import numpy as np

from ..protocol import Fault

LINE_PX = 2


def split_picture(before: np.ndarray, after: bpy.types.Image, share: float) -> bpy.types.Image:
    """A picture as large as `after`: left of `share` (0..1 of the width) `before`, right of it `after`.

    before: (H, W, 4) uint8 sRGB, row 0 on top, of any size. The datablock is made once for each result and then reused,
    so that a slider may call this many times.
    """
    width, height = after.size
    if min(width, height) == 0:
        raise Fault("bad_input", f"{after.name} has no pixels.", "Place the result again.")
    pixels = np.empty((height, width, 4), np.float32)
    after.pixels.foreach_get(pixels.reshape(-1))
    column = round(min(1.0, max(0.0, share)) * width)
    rows = (np.arange(height) + 0.5) * before.shape[0] / height
    columns = (np.arange(column) + 0.5) * before.shape[1] / width
    left = before[::-1][rows.astype(int)][:, columns.astype(int)]  # Blender's row 0 is at the bottom
    pixels[:, :column] = left.astype(np.float32) / 255
    if 0 < column < width:
        pixels[:, max(0, column - LINE_PX // 2) : column + LINE_PX // 2] = 1.0
    image = _image_for(after)
    image.pixels.foreach_set(pixels.reshape(-1))
    image.update()
    return image


def _image_for(after: bpy.types.Image) -> bpy.types.Image:
    name = f"{after.name} | Compare"
    image = bpy.data.images.get(name)
    if image is None or tuple(image.size) != tuple(after.size):
        if image is not None:
            bpy.data.images.remove(image)
        image = bpy.data.images.new(name, *after.size, alpha=True)
    return image


def behind_camera(camera: bpy.types.Object, image: bpy.types.Image) -> None:
    """Show `image` as the camera's background in the viewports, as large as the view; others stay, switched off."""
    data = camera.data
    if data.library is not None:
        raise Fault(
            "bad_request", "The camera belongs to another file and cannot be changed.", "Use a camera of this file."
        )
    for other in data.background_images:
        other.show_background_image = False
    entry = next((one for one in data.background_images if one.image == image), None)
    if entry is None:
        entry = data.background_images.new()
        entry.image = image
    entry.show_background_image = True
    entry.alpha, entry.display_depth, entry.frame_method = 1.0, "FRONT", "STRETCH"
    data.show_background_images = True
