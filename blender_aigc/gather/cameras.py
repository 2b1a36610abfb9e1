"""The user's cameras and the current view, for tasks that look at objects from them; what stands in their way.

What the pages mean is said in server/texturing/given_cameras.py. Nothing is rendered and nothing of the scene changes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from ..faults import Fault
from ..protocol import MOST_TRIANGLES
from .evaluated import check_surfaces, count_triangles
from .origin import origin_of
from .render_state import intrinsics, view_of_matrices
from .sources import CAMERA, Cameras
from .viewport import in_front, viewport

_SURFACES = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META"})
_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


def cameras_blob(source: Cameras, scene: bpy.types.Scene) -> tuple[bytes, str]:
    """The bytes of the pages, and their suffix. Raises Fault("bad_input")."""
    layer = bpy.context.view_layer
    chosen = source.objects
    if chosen is None:
        layer.update()  # else the list may hold nothing in the place of what is gone
        chosen = tuple(obj for obj in layer.objects.selected if obj.type == "CAMERA")
    chosen = sorted(chosen, key=lambda obj: obj.name)
    active = scene.camera if scene.camera is not None and scene.camera.type == "CAMERA" else None
    origin = origin_of(source.around, scene)
    document = {
        "selected": [_from(origin, camera_page(obj, scene)) for obj in chosen],
        "active": _from(origin, camera_page(active, scene)) if active is not None else None,
        "picture": _from(origin, picture_page(source.picture, scene)),
        # a saved window shows nothing
        "view": None if bpy.app.background else _from(origin, viewport_page(bpy.context)),
    }
    text = json.dumps(document, ensure_ascii=False).encode()
    if not source.hidden_by_others:
        return text, ".json"
    vertices, faces = _others(source.around, origin)
    if not len(faces):
        return text, ".json"
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.frombuffer(text, np.uint8), vertices=vertices, faces=faces)
    return buffer.getvalue(), ".npz"


def camera_page(obj: bpy.types.Object, scene: bpy.types.Scene) -> dict[str, Any]:
    """One camera object as it is evaluated now, with the picture of the scene's render settings."""
    render, depsgraph = scene.render, bpy.context.evaluated_depsgraph_get()
    size = tuple(max(1, s * render.resolution_percentage // 100) for s in (render.resolution_x, render.resolution_y))
    evaluated = obj.evaluated_get(depsgraph)
    scale = {"scale_x": render.pixel_aspect_x, "scale_y": render.pixel_aspect_y}
    window = np.array(evaluated.calc_matrix_camera(depsgraph, x=size[0], y=size[1], **scale), np.float64)
    pose = np.array(evaluated.matrix_world.normalized(), np.float64)
    data = evaluated.data
    return _page(obj.name, data.type, pose, window, size, (data.clip_start, data.clip_end), scene)


def picture_page(picture: bpy.types.Image | None, scene: bpy.types.Scene) -> dict[str, Any] | None:
    """What `picture` was made with: a render with the scene's camera, a result as it says itself; None: not known."""
    if picture is None:
        return None
    if picture.type == "RENDER_RESULT":
        camera = scene.camera
        return camera_page(camera, scene) if camera is not None and camera.type == "CAMERA" else None
    try:
        facts = json.loads(picture.get(CAMERA, ""))
        pose, unit = np.array(facts["world_from_camera"], np.float64), float(facts["unit_scale"])
        lens, orthographic = facts["intrinsics_px"], facts["camera"] == "ORTHO"
        pose[:3, 3] *= unit
        return {
            "name": "",
            "camera": facts["camera"],
            "camera_convention": "opencv",
            "world_from_camera": pose.tolist(),
            "intrinsics_px": {**lens, **{key: lens[key] / unit for key in ("fx", "fy") if orthographic}},
            "size_px": facts["size_px"],
            "clip_m": [float(one) * unit for one in facts["clip_m"]],
        }
    except (ValueError, KeyError, TypeError, IndexError):  # the property is the user's to change
        return None


def viewport_page(context: bpy.types.Context) -> dict[str, Any] | None:
    """What the 3D viewport shows; None without one."""
    area = viewport(context)
    if area is None:
        return None
    space, scene = area.spaces.active, context.scene
    region = next(region for region in area.regions if region.type == "WINDOW")
    view3d, size = space.region_3d, (region.width, region.height)
    if view3d.view_perspective == "CAMERA":
        camera = space.camera if space.use_local_camera else scene.camera
        return camera_page(camera, scene) if camera is not None and camera.type == "CAMERA" else None
    window, clip = np.array(view3d.window_matrix, np.float64), (space.clip_start, space.clip_end)
    view = in_front(view_of_matrices(np.array(view3d.view_matrix), window, clip, size), context.view_layer)
    kind = "PERSP" if view3d.is_perspective else "ORTHO"
    return _page("", kind, np.asarray(view.world_from_camera), window, size, view.clip_m, scene)


def _page(
    name: str,
    kind: str,
    pose: np.ndarray,
    window: np.ndarray,
    size: tuple[int, int],
    clip: tuple[float, float],
    scene: bpy.types.Scene,
) -> dict[str, Any]:
    """In metres, as the mesh is sent; pose in Blender's convention. The server refuses panoramas."""
    unit = scene.unit_settings.scale_length
    pose = pose @ _OPENCV
    pose[:3, 3] *= unit
    lens = intrinsics(window, *size)
    per_metre = 1.0 / unit if kind == "ORTHO" else 1.0
    return {
        "name": name,
        "camera": kind,
        "camera_convention": "opencv",
        "world_from_camera": pose.tolist(),
        "intrinsics_px": {
            "fx": lens[0, 0] * per_metre,
            "fy": lens[1, 1] * per_metre,
            "cx": lens[0, 2],
            "cy": lens[1, 2],
        },
        "size_px": list(size),
        "clip_m": [clip[0] * unit, clip[1] * unit],
    }


def _from(origin: np.ndarray, page: dict[str, Any] | None) -> dict[str, Any] | None:
    """`page` with positions relative to `origin`, as those of the mesh are."""
    if page is not None:
        pose = np.array(page["world_from_camera"])
        pose[:3, 3] -= origin
        page["world_from_camera"] = pose.tolist()
    return page


def _others(around: tuple[bpy.types.Object, ...], origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((V, 3) float32 metres from `origin`, (F, 3) int32) of all that is seen beside `around`, instances too."""
    scale = bpy.context.scene.unit_settings.scale_length
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    own = [obj for obj in around if obj.type in _SURFACES]
    room = MOST_TRIANGLES - (check_surfaces(own) if own else 0)
    vertices = faces = 0
    for mesh, world in _seen(around):
        if faces + count_triangles(mesh) > room:
            raise Fault(
                "bad_input",
                f"The selected objects and those beside them have more than {MOST_TRIANGLES:,} triangles.",
                "Hide what does not stand before the selected objects, or turn off Occluded by Others.",
            )
        points, triangles = _triangles(mesh)
        points = points.astype(np.float64) @ world[:3, :3].T + world[:3, 3]
        parts.append(((points * scale - origin).astype(np.float32), triangles + np.int32(vertices)))
        vertices, faces = vertices + len(points), faces + len(triangles)
    if not faces:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    return np.concatenate([p for p, _ in parts]), np.concatenate([f for _, f in parts])


def _seen(around: tuple[bpy.types.Object, ...]) -> Iterator[tuple[bpy.types.Mesh, np.ndarray]]:
    """(evaluated mesh, world matrix) of each thing with a surface that renders show, without `around`."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    layer = bpy.context.view_layer
    mine = {obj.name_full for obj in around}
    for instance in depsgraph.object_instances:
        obj, original = instance.object, instance.object.original
        owner = instance.parent.original if instance.is_instance and instance.parent is not None else original
        if obj.type not in _SURFACES or not instance.show_self or owner.hide_render or original.hide_render:
            continue
        if owner.name_full in mine or not owner.visible_get(view_layer=layer) or obj.display_type in ("WIRE", "BOUNDS"):
            continue
        world = np.array(instance.matrix_world, np.float64)
        mesh = obj.to_mesh()
        if mesh is None:
            continue
        try:
            yield mesh, world
        finally:
            obj.to_mesh_clear()


def _triangles(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """((V, 3) float32 in the object's space, (F, 3) int32)."""
    mesh.calc_loop_triangles()
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    triangles = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles)
    return points.reshape(-1, 3), triangles.reshape(-1, 3)
