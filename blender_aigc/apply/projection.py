"""A result thrown onto objects from the camera that it was made with, where that camera sees them.

Each material is copied, and in the copy a mix stands before the output: the picture where the camera sees the surface,
the old material everywhere else. Occlusion is decided at every shaded point by the depth pass, as with shadow maps
(Williams 1978), so it is exact to a pixel on faces of any size, in EEVEE and in Cycles. The user's UV layers and
materials stay; the copy sits in the object's own slot, above the one of the mesh.

The place in the picture comes from an attribute with the camera-space position of every vertex, which sticks when the
object moves later; perspective is divided in the shader, so that large faces are not distorted (as the new UV layer,
which holds the same for other programs, would be). Objects whose modifiers change the number of vertices, or that share
their mesh, take the position relative to an empty in the camera's place instead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..protocol import Fault
from .as_light import as_light
from .projection_nodes import add_projection, projection_group
from .scene import Made, home_collection, whole_or_nothing

WITH_MATERIALS = ("MESH", "CURVE", "SURFACE", "FONT", "META")


@dataclass(frozen=True)
class Shot:
    """The camera of a render, by the facts of its passes (see `gather.render_state.camera_matrices`).

    world_from_camera (4, 4) in OpenCV's convention; focal (x, y) and centre (x, y) px; size (width, height) px.
    depth (H, W) metres, inf = background; ids (H, W) int of the objects.
    """

    world_from_camera: np.ndarray
    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[int, int]
    perspective: bool
    depth: np.ndarray
    ids: np.ndarray | None

    @classmethod
    def of(cls, facts: dict[str, Any], passes: dict[str, np.ndarray]) -> Shot:
        lens = facts["intrinsics_px"]
        return cls(
            np.array(facts["world_from_camera"], np.float64),
            (lens["fx"], lens["fy"]),
            (lens["cx"], lens["cy"]),
            tuple(facts["size_px"]),
            facts["camera"] == "PERSP",
            passes["depth"],
            passes.get("object_id"),
        )

    @property
    def blender_from_world(self) -> np.ndarray:
        """(4, 4): x right, y up, looking along -z."""
        return np.diag([1.0, -1.0, -1.0, 1.0]) @ np.linalg.inv(self.world_from_camera)

    def uv(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) in Blender's camera space -> (N, 2) of the picture, v up."""
        far = np.maximum(-points[:, 2:], 1e-9) if self.perspective else 1.0
        x = points[:, :1] / far * self.focal[0] + self.centre[0]
        y = -points[:, 1:2] / far * self.focal[1] + self.centre[1]
        return np.concatenate([x / self.size[0], 1 - y / self.size[1]], axis=1)


def project(
    context: bpy.types.Context, image: bpy.types.Image, shot: Shot, objects: Sequence[bpy.types.Object]
) -> list[bpy.types.Object]:
    """Throw `image` onto `objects`; those that it was thrown onto. Raises Fault("bad_input") when there is none."""
    targets = [obj for obj in objects if obj.type in WITH_MATERIALS and obj.library is None]
    if not targets:
        raise Fault("bad_input", "No object with a surface is selected.", "Select the objects to put the picture on.")
    with whole_or_nothing(context) as made:
        picture, factor = as_light(image, context.scene, made)
        depth = _depth_image(made, image.name, shot)
        group = projection_group(made, f"AIGC {image.name}", picture, depth, shot, factor)
        projector: bpy.types.Object | None = None
        context.view_layer.update()
        for obj in targets:
            name = _stick(obj, group.name, shot, context) if _can_stick(obj, context) else ""
            if not name and projector is None:
                projector = _projector(context, made, group.name, shot)
            _cover(made, obj, group, name, projector)
    return targets


def _can_stick(obj: bpy.types.Object, context: bpy.types.Context) -> bool:
    if obj.type != "MESH" or obj.data.users > 1 or obj.data.library is not None or obj.mode != "OBJECT":
        return False
    evaluated = obj.evaluated_get(context.evaluated_depsgraph_get())
    return len(evaluated.data.vertices) == len(obj.data.vertices) and len(obj.data.vertices) > 0


def _stick(obj: bpy.types.Object, name: str, shot: Shot, context: bpy.types.Context) -> str:
    """Write the attribute and the UV layer; the attribute's name."""
    evaluated = obj.evaluated_get(context.evaluated_depsgraph_get())
    points = np.empty(len(evaluated.data.vertices) * 3, np.float32)
    evaluated.data.vertices.foreach_get("co", points)
    seen_from = shot.blender_from_world @ np.array(obj.matrix_world, np.float64)
    points = points.reshape(-1, 3).astype(np.float64) @ seen_from[:3, :3].T + seen_from[:3, 3]
    mesh = obj.data
    attribute = mesh.attributes.new(f"{name} Position"[:60], "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", points.astype(np.float32).reshape(-1))
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    attribute_name = attribute.name
    layer = mesh.uv_layers.new(name=name[:60], do_init=False)
    if layer is not None:  # a mesh holds eight
        layer.uv.foreach_set("vector", shot.uv(points)[corners].astype(np.float32).reshape(-1))
    return attribute_name


def _projector(context: bpy.types.Context, made: Made, name: str, shot: Shot) -> bpy.types.Object:
    """An empty in the place of the camera, without its scale."""
    empty = made.keep(bpy.data.objects.new(name, None))
    empty.empty_display_type, empty.empty_display_size = "CONE", 0.2
    empty.matrix_world = Matrix(np.linalg.inv(shot.blender_from_world).tolist())
    home_collection(context).objects.link(empty)
    return empty


def _cover(
    made: Made, obj: bpy.types.Object, group: bpy.types.NodeTree, attribute: str, projector: bpy.types.Object | None
) -> None:
    if not obj.material_slots:
        obj.data.materials.append(None)
    for slot in obj.material_slots:
        old = slot.material
        new = made.keep(old.copy() if old is not None else bpy.data.materials.new(obj.name))
        new.name = f"{old.name if old is not None else obj.name} | {group.name}"
        if new.node_tree is None:
            new.use_nodes = True
        add_projection(new, group, attribute, projector)
        slot.link = "OBJECT"
        slot.material = new


def _depth_image(made: Made, name: str, shot: Shot) -> bpy.types.Image:
    """Depth as a packed EXR: of each pixel the farthest of its neighbours on the same object, else steep faces would
    hide themselves.
    """
    depth = np.where(np.isfinite(shot.depth), shot.depth, np.float32(6e4)).astype(np.float32)
    widest = depth.copy()
    padded = np.pad(depth, 1, mode="edge")
    ids = np.pad(shot.ids, 1, mode="edge") if shot.ids is not None else np.zeros(padded.shape, np.int32)
    height, width = depth.shape
    for dy in range(3):
        for dx in range(3):
            near = padded[dy : dy + height, dx : dx + width]
            same = ids[dy : dy + height, dx : dx + width] == ids[1:-1, 1:-1]
            np.maximum(widest, np.where(same, near, 0), out=widest)
    values = np.ones((height, width, 4), np.float32)
    values[..., :3] = widest[::-1, :, None]
    scratch = bpy.data.images.new(f"{name} | Depth", width, height, float_buffer=True, is_data=True)
    try:
        scratch.pixels.foreach_set(values.reshape(-1))
        with tempfile.TemporaryDirectory(prefix="aigc_depth_", dir=bpy.app.tempdir or None) as folder:
            scratch.filepath_raw, scratch.file_format = str(Path(folder) / "depth.exr"), "OPEN_EXR"
            scratch.save()
            data = (Path(folder) / "depth.exr").read_bytes()
    except (OSError, RuntimeError) as error:
        raise Fault("disk_full", "The depth could not be kept.", "Free some space.", str(error)) from None
    finally:
        bpy.data.images.remove(scratch)
    image = made.keep(bpy.data.images.new(f"{name} | Depth", 8, 8, float_buffer=True, is_data=True))
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image.colorspace_settings.is_data = True
    return image
