"""Results in the Image Editors: show one, or flip between it and the render that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .scene import JOB


def image_of(job_id: str) -> bpy.types.Image | None:
    """The picture that a job put into this file; without an id, the newest one of any job."""
    found = [image for image in bpy.data.images if image.get(JOB) and (not job_id or image[JOB] == job_id)]
    return max(found, key=lambda image: image.session_uid) if found else None


def editors(manager: bpy.types.WindowManager) -> Iterator[bpy.types.SpaceImageEditor]:
    """All Image Editors in sight, UV editors left out."""
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR":
                yield area.spaces.active


def show(manager: bpy.types.WindowManager, image: bpy.types.Image, instead_of: bpy.types.Image | None = None) -> bool:
    """Show `image` where the render or `instead_of` is shown, else in the first Image Editor; whether there was one."""
    open_now = list(editors(manager))
    shown = [space for space in open_now if space.image is not None and space.image in (image, instead_of)]
    of_render = [space for space in open_now if space.image is not None and space.image.type == "RENDER_RESULT"]
    for space in shown or of_render or open_now[:1]:
        space.image = image
    return bool(open_now)


def flipped(manager: bpy.types.WindowManager, image: bpy.types.Image) -> bool:
    """Exchange `image` and the render in every Image Editor that shows one of them; whether any did."""
    render = next((other for other in bpy.data.images if other.type == "RENDER_RESULT"), None)
    if render is None:
        return False
    changed = False
    for space in editors(manager):
        if space.image in (image, render):
            space.image = render if space.image == image else image
            changed = True
    return changed
