"""What Check Views has said, as long as it holds: the model, the cameras and the choices are those that it was said of.

Which objects, cameras and settings are meant is compared whenever the tab is drawn; that one of them has moved or was
changed, Blender tells.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import params
from .state import STATE

KEYS = frozenset({"cameras", "views", "view_px"})
"""The parameters of a model that say from where it looks."""
_CHANGES = (bpy.types.Object, bpy.types.Mesh, bpy.types.Curve, bpy.types.MetaBall, bpy.types.Camera)


def asked_now(context: bpy.types.Context) -> tuple[object, ...]:
    """What the answer depends on, as far as it is chosen; cheap, since the tab asks at every redraw."""
    scene, settings = context.scene, context.scene.aigc
    info = STATE.models.get(STATE.model_for(settings.task, settings.model_id))
    group = params.group_of(settings.params, info) if info is not None else None
    values = [getattr(group, param.key) for param in info.params if param.key in KEYS] if group is not None else []
    cameras = getattr(group, "cameras", "")
    picture = settings.picture.session_uid if cameras == "picture" and settings.picture is not None else 0
    return (
        scene.session_uid,
        frozenset(obj.session_uid for obj in context.selected_objects),
        settings.mesh_of,
        *values,
        settings.others_hide,
        picture,
        scene.camera.session_uid if scene.camera is not None else 0,
        (scene.render.resolution_x, scene.render.resolution_y),
        _viewpoint(context) if "VIEW" in (cameras.upper(), settings.mesh_of) else (),
    )


def _viewpoint(context: bpy.types.Context) -> tuple[float, ...]:
    """Of the viewport that the tab is drawn in."""
    region = getattr(context.space_data, "region_3d", None)
    return tuple(value for row in region.perspective_matrix for value in row) if region is not None else ()


def begin(context: bpy.types.Context) -> None:
    """From now on an answer is one to what is chosen now."""
    context.view_layer.update()  # what reading the objects has left to be evaluated is no change of theirs
    STATE.seen_of = asked_now(context)


def answer(context: bpy.types.Context) -> str:
    """The sentence, or "" when nothing was said, or it does not hold any more."""
    return STATE.seen if STATE.seen and STATE.seen_of == asked_now(context) else ""


@persistent
def _changed(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Something was moved or edited: whatever was said, or is being found out, is of something else."""
    if STATE.seen_of is None:
        return
    for update in depsgraph.updates:
        if (update.is_updated_geometry or update.is_updated_transform) and isinstance(update.id, _CHANGES):
            STATE.seen, STATE.seen_of = "", None
            return


@persistent
def _forget(*_args: object) -> None:
    STATE.seen, STATE.seen_of = "", None


def register() -> None:
    bpy.app.handlers.depsgraph_update_post.append(_changed)
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post):
        handlers.append(_forget)


def unregister() -> None:
    for handlers, function in (
        (bpy.app.handlers.depsgraph_update_post, _changed),
        (bpy.app.handlers.undo_post, _forget),
        (bpy.app.handlers.redo_post, _forget),
        (bpy.app.handlers.load_post, _forget),
    ):
        if function in handlers:
            handlers.remove(function)
