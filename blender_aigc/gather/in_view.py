"""Which objects a camera or the 3D viewport shows, by their boxes. An object wholly behind others counts too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import bpy
from mathutils import Matrix, Vector

from ..faults import Fault
from .viewport import viewport

Through = Literal["CAMERA", "VIEW"]


def objects_in_view(context: bpy.types.Context, through: Through, types: frozenset[str]) -> list[bpy.types.Object]:
    """Objects of `types` that the scene's camera sees and renders, or that the 3D viewport shows.

    Without a viewport, as in the background, the camera stands in for it. Raises Fault("bad_input") without either.
    """
    area = viewport(context) if through == "VIEW" and not bpy.app.background else None
    view3d = area.spaces.active.region_3d if area is not None else None
    depsgraph = context.evaluated_depsgraph_get()
    if view3d is not None and view3d.view_perspective != "CAMERA":
        clip = view3d.window_matrix @ view3d.view_matrix
        return [obj for obj in _shown(context, types) if _touches(clip, obj.evaluated_get(depsgraph))]
    camera = context.scene.camera
    if camera is None or camera.type != "CAMERA":
        raise Fault("bad_input", "The scene has no camera to look through.", "Add one, or select the objects.")
    rendered = list(_rendered(context, types))
    if camera.data.type == "PANO":  # it sees all around
        return rendered
    render = context.scene.render
    window = camera.evaluated_get(depsgraph).calc_matrix_camera(
        depsgraph,
        x=render.resolution_x,
        y=render.resolution_y,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    clip = window @ camera.evaluated_get(depsgraph).matrix_world.normalized().inverted()
    return [obj for obj in rendered if _touches(clip, obj.evaluated_get(depsgraph))]


def _shown(context: bpy.types.Context, types: frozenset[str]) -> Iterator[bpy.types.Object]:
    layer = context.view_layer
    return (obj for obj in layer.objects if obj.type in types and obj.visible_get(view_layer=layer))


def _rendered(context: bpy.types.Context, types: frozenset[str]) -> Iterator[bpy.types.Object]:
    """Also what is hidden in the viewport only."""
    for obj in context.view_layer.objects:
        collections = obj.users_collection
        if obj.type in types and not obj.hide_render and not all(one.hide_render for one in collections):
            yield obj


def _touches(clip: Matrix, obj: bpy.types.Object) -> bool:
    """Does the box of `obj` reach into the view whose clip space is `clip`? A box at a corner may count wrongly."""
    to_clip = clip @ obj.matrix_world
    corners = [to_clip @ Vector((*corner, 1.0)) for corner in obj.bound_box]
    return not any(
        all(sign * corner[axis] > corner.w for corner in corners) for axis in range(3) for sign in (1.0, -1.0)
    )
