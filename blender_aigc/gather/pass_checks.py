"""What must be right before passes are rendered, each with the sentence that says what is not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import bpy

from ..faults import Fault
from .hulls import has_hull
from .image import MAX_PIXELS, MIN_SIDE_PX
from .render_state import synced
from .volumes import is_volume

_VISIBLE_TYPES = {"MESH", "CURVE", "SURFACE", "FONT", "META", "CURVES", "POINTCLOUD", "VOLUME"}


def check_something_to_see(scene: bpy.types.Scene) -> None:
    for layer in synced(scene):
        for obj in layer.objects:
            if not obj.hide_render and (obj.type in _VISIBLE_TYPES or obj.instance_type != "NONE"):
                return
    raise nothing_visible()


def nothing_visible() -> Fault:
    return Fault(
        "bad_input",
        "Nothing is visible from the camera.",
        "Point the camera at something, and check what is hidden in renders.",
    )


def size_px(scene: bpy.types.Scene) -> tuple[int, int, int, int, tuple[int, int]]:
    """(width, height, left, top) of the cropped picture in the full one, pixels, and the full one's size."""
    render = scene.render
    full_width = render.resolution_x * render.resolution_percentage // 100
    full_height = render.resolution_y * render.resolution_percentage // 100
    left, right, lower, upper = 0, full_width, 0, full_height
    if render.use_border and render.use_crop_to_border:  # rounded down, as Blender does
        left, right = int(render.border_min_x * full_width), int(render.border_max_x * full_width)
        lower, upper = int(render.border_min_y * full_height), int(render.border_max_y * full_height)
    width, height = right - left, upper - lower
    if min(width, height) < MIN_SIDE_PX:
        raise Fault(
            "bad_input",
            f"The render is only {width} x {height} pixels.",
            "Raise the resolution or its percentage in the Output properties.",
        )
    if width * height > MAX_PIXELS:
        raise Fault(
            "bad_input",
            f"The render is too large: {width} x {height} pixels.",
            "Lower the resolution or its percentage; 8192 x 8192 is the limit. Upscale the result instead.",
        )
    return width, height, left, full_height - upper, (full_width, full_height)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(
            prefix="aigc_passes_", dir=bpy.app.tempdir or None, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise Fault(
            "disk_full",
            "The folder for temporary files cannot be written to.",
            "Choose another one in Preferences > File Paths > Temporary Files.",
            str(error),
        ) from None


def check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise no_space(f"{needed} bytes needed, {free} free")


def no_space(detail: str) -> Fault:
    return Fault(
        "disk_full",
        "The passes do not fit on the disk.",
        "Free some space, or choose another folder in Preferences > File Paths > Temporary Files.",
        detail,
    )


def mask_names(scene: bpy.types.Scene, selected: Iterable[bpy.types.Object] | None) -> set[str]:
    if selected is None:
        layer = bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
        selected = [obj for obj in layer.objects if obj.select_get(view_layer=layer)]
    names: set[str] = set()
    selected = list(selected)
    if selected and all(is_volume(obj) and not has_hull(obj) for obj in selected):
        raise Fault("bad_input", "Fog in a mesh has no outline that a mask could follow.", "Paint a mask instead.")
    for obj in selected:
        names.add(obj.name)
        if obj.instance_type == "COLLECTION" and obj.instance_collection is not None:
            names |= {child.name for child in obj.instance_collection.all_objects}
    if not names:
        raise Fault("bad_input", "Nothing is selected to make a mask of.", "Select the objects to change.")
    return names
