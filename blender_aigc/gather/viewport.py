"""The view of a 3D viewport, as a camera that renders can be made from."""

from __future__ import annotations

import bpy
import numpy as np

from ..faults import Fault
from .render_state import CameraView, view_of_matrices
from .sources import Render

_MARGIN = 1.05


def render_of_viewport(context: bpy.types.Context, longest_px: int = 0) -> Render:
    """What the viewport shows, in its shape: the one that the pointer is in, else the largest of the window.

    longest_px: of the longer side, 0: as long as the scene's render. A viewport that looks through the camera gives the
    camera's render; one without lights (Solid, Wireframe) a quick picture without lights.
    Raises Fault("bad_input") when no viewport is open, as in the background.
    """
    area = viewport(context)
    if area is None:
        raise Fault("bad_input", "No 3D viewport is open.", "Render from the camera instead.")
    space = area.spaces.active
    region = next(region for region in area.regions if region.type == "WINDOW")
    combined = "workbench" if space.shading.type in ("SOLID", "WIREFRAME") else "render"
    view3d = space.region_3d
    if view3d.view_perspective == "CAMERA":
        return Render(combined, longest_px=longest_px)
    view = view_of_matrices(
        np.array(view3d.view_matrix),
        np.array(view3d.window_matrix),
        (space.clip_start, space.clip_end),
        (region.width, region.height),
    )
    longest = longest_px or longest_side(context.scene)
    return Render(combined, in_front(view, context.view_layer), longest_px=longest)


def longest_side(scene: bpy.types.Scene) -> int:
    """Of the scene's render, pixels."""
    render = scene.render
    return max(render.resolution_x, render.resolution_y) * render.resolution_percentage // 100


def in_front(view: CameraView, layer: bpy.types.ViewLayer) -> CameraView:
    """An orthographic viewport also shows what lies behind its eye: `view`, moved back until all is in front of it."""
    if view.ortho_width_m <= 0:
        return view
    camera_from_world = np.linalg.inv(view.world_from_camera)
    boxes = [
        np.array(obj.bound_box) @ np.array(obj.matrix_world)[:3, :3].T + np.array(obj.matrix_world)[:3, 3]
        for obj in layer.objects
        if not obj.hide_render and obj.type not in ("CAMERA", "LIGHT", "EMPTY")
    ]
    corners = np.concatenate(boxes) if boxes else np.zeros((1, 3))
    ahead = -(corners @ camera_from_world[2, :3] + camera_from_world[2, 3])  # the camera looks along -z
    near, far = float(ahead.min()), float(ahead.max())
    margin = max((far - near) * (_MARGIN - 1), 0.1)
    pose = np.array(view.world_from_camera, np.float64)
    pose[:3, 3] += pose[:3, 2] * max(0.0, margin - near)
    return CameraView(
        pose, 0.0, view.ortho_width_m, view.shift, (margin / 2, max(far, far - near) + 2 * margin), view.size_px
    )


def viewport(context: bpy.types.Context) -> bpy.types.Area | None:
    """The one that the pointer is in, else the largest of the window; None where there is none."""
    return context.area if context.area is not None and context.area.type == "VIEW_3D" else _largest(context)


def _largest(context: bpy.types.Context) -> bpy.types.Area | None:
    screen = context.window.screen if context.window is not None else context.screen
    areas = [area for area in screen.areas if area.type == "VIEW_3D"] if screen is not None else []
    return max(areas, key=lambda area: area.width * area.height, default=None)
