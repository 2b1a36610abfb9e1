"""A finished sequence in the file: an image datablock that plays, and on request a strip in a scene of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..faults import Fault
from .scene import PROVENANCE, Made, whole_or_nothing

FIRST, LENGTH = "aigc_first_frame", "aigc_frames"
"""Custom properties of the image: what an image's users have to know, which the image itself does not."""


def apply_sequence(
    context: bpy.types.Context,
    files: Sequence[Path],
    first: int,
    name: str,
    facts: dict[str, Any],
    strip: bool = False,
) -> tuple[bpy.types.Image, bpy.types.Scene | None]:
    """The frames `files`, numbered from `first` without a gap, as an image with source SEQUENCE; an image of the same
    folder and name that is there already is brought up to date instead.

    facts: provenance and flicker, kept with the image. strip: also a scene with a strip of them, for the sequencer: not
    the user's own scene, whose renders a strip would replace. Raises Fault("bad_input") when there is no picture.
    """
    if not files or not files[0].is_file():
        raise Fault("bad_input", "There are no frames to show.", "Render the sequence again.")
    with whole_or_nothing(context) as made:
        image = next((i for i in bpy.data.images if i.get(LENGTH) and Path(i.filepath_raw) == files[0]), None)
        if image is None:
            image = made.keep(bpy.data.images.load(str(files[0]), check_existing=False))
            image.name = name
            image.source = "SEQUENCE"
            image.use_fake_user = True
        image[FIRST], image[LENGTH] = first, len(files)
        image[PROVENANCE] = json.dumps(facts, ensure_ascii=False)
        image.reload()
        scene = _edit(context.scene, files, first, name, made) if strip else None
    return image, scene


def play(user: bpy.types.ImageUser, image: bpy.types.Image) -> None:
    """Let a user of the image (an editor, a camera's background) play it over the frames that it was made from."""
    user.frame_start = int(image[FIRST])
    user.frame_duration = int(image[LENGTH])
    user.frame_offset = int(image[FIRST]) - 1
    user.use_auto_refresh = True


def behind_camera(camera: bpy.types.Camera, image: bpy.types.Image) -> None:
    """Show the sequence in the camera's view, behind everything; once, however often it is called."""
    backgrounds = camera.background_images
    shown = next((one for one in backgrounds if one.image == image), None) or backgrounds.new()
    shown.image = image
    shown.display_depth, shown.alpha = "BACK", 1.0
    play(shown.image_user, image)
    camera.show_background_images = True


def _edit(scene: bpy.types.Scene, files: Sequence[Path], first: int, name: str, made: Made) -> bpy.types.Scene:
    edit = made.keep(bpy.data.scenes.new(f"{name} Edit"))
    source, render = scene.render, edit.render
    render.resolution_x, render.resolution_y = source.resolution_x, source.resolution_y
    render.resolution_percentage = source.resolution_percentage
    render.fps, render.fps_base = source.fps, source.fps_base
    edit.frame_start, edit.frame_end = first, first + len(files) - 1
    edit.view_settings.view_transform = "Standard"  # the pictures are as they are to be seen
    editor = edit.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # Blender 4.4 renamed them
    strip = strips.new_image(name=name, filepath=str(files[0]), channel=1, frame_start=first)
    for file in files[1:]:
        strip.elements.append(file.name)
    return edit
