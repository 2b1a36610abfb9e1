"""A given picture and the camera that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.cameras import Camera
from .given_cameras import GivenCameras, read_cameras
from .rigs import own

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from .subject import Subject

_SHAPE = 0.01
"""By how much the shape of the picture may differ from that of the camera's."""


def given_picture(context: Context) -> np.ndarray:
    """(H, W, 4) uint8, sRGB. Raises Fault("bad_input")."""
    if not context.has_input("picture"):
        hint = "Choose one: a render, or what was made from it, seen from the view that is chosen."
        raise Fault("bad_input", "There is no picture to put onto the objects.", hint)
    return context.input_image("picture")


def one_view(job: Job, context: Context, subject: Subject, picture: np.ndarray) -> Camera:
    """The camera that `cameras` asks for, with the pixels of the (H, W, 4) picture; what hides the subject hides it.

    Raises Fault("bad_input") without a camera, and for a picture of another shape than the camera's.
    """
    given = read_cameras(context.input_path("cameras")) if context.has_input("cameras") else GivenCameras()
    pages = given.view or given.active or given.picture
    if str(job.params["cameras"]) != "camera" and len(given.selected) == 1 and not pages:
        given.active = given.selected[0]  # a file with one camera in it
    (camera,) = own(given, str(job.params["cameras"]))
    height, width = picture.shape[:2]
    shape = camera.size_px[0] / camera.size_px[1]
    if abs(width / height / shape - 1) > _SHAPE:
        raise Fault(
            "bad_input",
            f"The picture has {width} x {height} pixels, but the view has the shape of {camera.size_px[0]} x "
            f"{camera.size_px[1]}.",
            "Choose the picture's own camera, or render it again with this view.",
        )
    subject.hide_behind(given.vertices, given.faces)
    return camera.resized((width, height))
