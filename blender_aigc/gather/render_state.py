"""A copy of the user's scene to render passes in, gone without a trace afterwards, whatever happens in between.

Only the copy is changed. What it shares with the user's scene (objects, materials, world, node groups) is never
written to: the camera and, in Blender 5, the compositor's node group are copied too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix

from ..faults import Fault
from .hulls import add_hulls, remove_hulls
from .volumes import Clearing

_NAME = "AIGC Passes"
_RENDER_HANDLERS = (
    "render_init",
    "render_pre",
    "render_post",
    "render_write",
    "render_stats",
    "render_complete",
    "render_cancel",
)


@dataclass(frozen=True)
class CameraView:
    """A view without a camera object: the viewport's, or one of many around an object.

    world_from_camera: (4, 4) in Blender's convention, x right, y up, looking along -z; rotation without scale.
    focal: focal length as a part of the picture's width (lens / sensor width); of an orthographic view, 0.
    ortho_width_m: what an orthographic view sees from left to right, metres; of a perspective one, 0.
    shift: of the principal point, parts of the picture's width, as `Camera.shift_x` and `shift_y`.
    size_px: (width, height) of the picture, or None for the scene's resolution.
    """

    world_from_camera: np.ndarray
    focal: float = 50.0 / 36.0
    ortho_width_m: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    clip_m: tuple[float, float] = (0.01, 1000.0)
    size_px: tuple[int, int] | None = None


def view_of_matrices(
    view: np.ndarray, window: np.ndarray, clip_m: tuple[float, float], size_px: tuple[int, int]
) -> CameraView:
    """The view of a 3D viewport: `RegionView3D.view_matrix` and `.window_matrix`, and the region's size in pixels."""
    view, window = np.asarray(view, np.float64), np.asarray(window, np.float64)
    perspective = window[3, 3] == 0
    aspect = size_px[1] / size_px[0]
    offset = (window[0, 2], window[1, 2]) if perspective else (-window[0, 3], -window[1, 3])
    return CameraView(
        np.linalg.inv(view),
        focal=float(window[0, 0]) / 2 if perspective else 0.0,
        ortho_width_m=0.0 if perspective else 2 / float(window[0, 0]),
        shift=(float(offset[0]) / 2, float(offset[1]) / 2 * aspect),
        clip_m=clip_m,
        size_px=size_px,
    )


@dataclass
class Stage:
    """The copy of the scene, and the camera that it is seen through. kept: it serves more than one render."""

    scene: bpy.types.Scene
    camera: bpy.types.Object
    frame: int
    kept: bool = False
    _quiet: bool = False
    _clearing: Clearing | None = None
    _hulls: list[bpy.types.Object] | None = None
    _trees: list[bpy.types.NodeTree] = field(default_factory=list)
    _worlds: list[bpy.types.World] = field(default_factory=list)

    def with_hulls(self, names: Collection[str]) -> set[str]:
        """Give the volumes of these names a surface (see hulls.py); the names of those."""
        if self._hulls is None:
            self._hulls = add_hulls(self.scene, names)
        return {hull.name for hull in self._hulls}

    def without_volumes(self) -> Clearing:
        """For renders that leave out what is a volume and nothing else (see volumes.py)."""
        if self._clearing is None:
            self._clearing = Clearing(self.scene)
        return self._clearing

    def clear_sky(self) -> None:
        """No mist in the world, nor the sampling map of a large sky: only how far ambient occlusion reaches."""
        world = self.scene.world
        if world is None or world in self._worlds:
            return
        self.scene.world = bpy.data.worlds.new(_NAME)
        self._worlds.append(self.scene.world)
        self.scene.world.light_settings.distance = world.light_settings.distance

    def quieten_compositor(self, original: bpy.types.Scene) -> None:
        """The compositor works on the copy's own render and writes no files."""
        if self._quiet:
            return
        self._quiet = True
        if hasattr(self.scene, "compositing_node_group"):  # Blender 5: shared with the user's scene
            tree = self.scene.compositing_node_group
            if tree is not None:
                self.scene.compositing_node_group = self._private(tree)
                tree = self.scene.compositing_node_group
        else:
            tree = self.scene.node_tree
        if tree is not None:
            self._mute(tree)
            for node in tree.nodes:
                if getattr(node, "scene", None) == original:
                    node.scene = self.scene

    def _private(self, tree: bpy.types.NodeTree) -> bpy.types.NodeTree:
        copy = tree.copy()
        self._trees.append(copy)
        return copy

    def _mute(self, tree: bpy.types.NodeTree) -> None:
        for node in tree.nodes:
            if node.type == "OUTPUT_FILE":
                node.mute = True
            elif node.type == "GROUP" and node.node_tree is not None and _writes_files(node.node_tree):
                node.node_tree = self._private(node.node_tree)
                self._mute(node.node_tree)

    def remove(self) -> None:
        if self._clearing is not None:
            self._clearing.remove()
        remove_hulls(self._hulls or ())
        for tree in self._trees:
            bpy.data.node_groups.remove(tree)
        bpy.data.batch_remove(self._worlds)


def _writes_files(tree: bpy.types.NodeTree) -> bool:
    return any(
        node.type == "OUTPUT_FILE" or (node.type == "GROUP" and node.node_tree and _writes_files(node.node_tree))
        for node in tree.nodes
    )


def camera_at(scene: bpy.types.Scene, frame: int) -> bpy.types.Object | None:
    """The scene's camera at a frame, by Blender's rule: of the markers that are bound to a camera which is not hidden
    in renders, the last up to the frame, or if there is none, the first; without such markers the scene's own.
    """
    bound = sorted(
        (marker for marker in scene.timeline_markers if marker.camera is not None and not marker.camera.hide_render),
        key=lambda marker: marker.frame,
    )
    if not bound:
        return scene.camera
    passed = [marker for marker in bound if marker.frame <= frame]
    return (passed[-1] if passed else bound[0]).camera


@contextmanager
def stage(
    scene: bpy.types.Scene,
    view: CameraView | None = None,
    frame: int | None = None,
    longest_px: int = 0,
    kept: bool = False,
) -> Iterator[Stage]:
    """A copy of `scene` at `frame`, seen through a copy of its camera or through `view`. Raises Fault("bad_input").

    longest_px: of the longer side of the picture, instead of the scene's resolution; the shape stays.
    """
    frame = scene.frame_current if frame is None else frame
    original = camera_at(scene, frame)
    if view is None:
        _check_camera(original)
    with ExitStack() as undo:
        undo.enter_context(_unnoticed())
        copy = scene.copy()
        undo.callback(bpy.data.batch_remove, [copy])  # scenes.remove crashes in `blender -c`, without a window
        copy.name = _NAME
        copy.timeline_markers.clear()  # they would put the user's camera back
        if frame != scene.frame_current:
            copy.frame_current = frame
        data = bpy.data.cameras.new(_NAME) if view is not None else original.data.copy()
        undo.callback(bpy.data.cameras.remove, data)
        camera = bpy.data.objects.new(_NAME, data) if view is not None else original.copy()
        undo.callback(bpy.data.objects.remove, camera)
        camera.data = data
        if view is not None:
            _aim(camera, view, copy)
        if longest_px:
            _scale(copy.render, longest_px)
        copy.collection.objects.link(camera)
        copy.camera = camera
        result = Stage(copy, camera, frame, kept)
        undo.callback(result.remove)
        yield result


def _check_camera(camera: bpy.types.Object | None) -> None:
    if camera is None or camera.type != "CAMERA":
        raise Fault("bad_input", "The scene has no camera.", "Add one (Add > Camera), or take the viewport's view.")
    if camera.data.type not in ("PERSP", "ORTHO"):
        raise Fault(
            "bad_input",
            f"The camera {camera.name} is panoramic.",
            "Set its type to Perspective or Orthographic in the camera's properties.",
        )


def _aim(camera: bpy.types.Object, view: CameraView, scene: bpy.types.Scene) -> None:
    data = camera.data
    if view.size_px is not None:
        scene.render.resolution_x, scene.render.resolution_y = view.size_px
        scene.render.resolution_percentage = 100
        scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
        scene.render.use_border = False
    camera.matrix_world = Matrix(np.asarray(view.world_from_camera, np.float64).tolist())
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
    data.shift_x, data.shift_y = view.shift
    data.clip_start, data.clip_end = view.clip_m
    if view.ortho_width_m > 0:
        data.type, data.ortho_scale = "ORTHO", view.ortho_width_m
    else:
        data.lens = view.focal * data.sensor_width


def _scale(render: bpy.types.RenderSettings, longest_px: int) -> None:
    longer = max(render.resolution_x, render.resolution_y)
    sides = [max(1, round(side * longest_px / longer)) for side in (render.resolution_x, render.resolution_y)]
    render.resolution_x, render.resolution_y = sides
    render.resolution_percentage = 100


@contextmanager
def _unnoticed() -> Iterator[None]:
    """Others' render handlers are not called for our renders, and the datablocks that a render leaves are removed."""
    kept = {name: list(getattr(bpy.app.handlers, name)) for name in _RENDER_HANDLERS}
    images = {image.name for image in bpy.data.images}
    try:
        for name in kept:
            getattr(bpy.app.handlers, name).clear()
        yield
    finally:
        for name, functions in kept.items():
            getattr(bpy.app.handlers, name)[:] = functions
        new = [image for image in bpy.data.images if image.name not in images]
        for image in [i for i in new if i.type in ("RENDER_RESULT", "COMPOSITING")]:
            bpy.data.images.remove(image)


def camera_matrices(
    stage_: Stage, width_px: int, height_px: int, frame_offset: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(world_from_camera (4, 4) in OpenCV's convention, intrinsics (3, 3) in pixels) of the uncropped picture,
    `frame_offset` frames later.

    OpenCV: x right, y down, z forward. A point p of the camera's frame is seen at K (p / p.z), in pixels from the
    picture's top left corner, so that the middle of the pixel in row 0 and column 0 is (0.5, 0.5); in orthographic
    views at K (p.x, p.y, 1), with the focal lengths in pixels per metre.
    The camera is evaluated in a scene of its own, with what its constraints and drivers need: evaluating the whole
    scene a second time would double the cost of a heavy one.
    """
    camera = stage_.camera
    scene = bpy.data.scenes.new(_NAME)
    try:
        scene.collection.objects.link(camera)
        scene.frame_current = stage_.frame + frame_offset
        scene.frame_subframe = stage_.scene.frame_subframe
        layer = scene.view_layers[0]
        layer.update()
        evaluated = camera.evaluated_get(layer.depsgraph)
        render = stage_.scene.render
        pose = np.array(evaluated.matrix_world.normalized(), np.float64)
        projection = np.array(
            evaluated.calc_matrix_camera(
                layer.depsgraph,
                x=width_px,
                y=height_px,
                scale_x=render.pixel_aspect_x,
                scale_y=render.pixel_aspect_y,
            ),
            np.float64,
        )
    finally:
        bpy.data.batch_remove([scene])  # scenes.remove asks for a window, and crashes in `blender -c`
    return pose @ np.diag([1.0, -1.0, -1.0, 1.0]), intrinsics(projection, width_px, height_px)


def intrinsics(projection: np.ndarray, width: int, height: int) -> np.ndarray:
    """Of an OpenGL projection matrix, whose camera looks along -z with y up."""
    perspective = projection[3, 3] == 0
    offset_x = -projection[0, 2] if perspective else projection[0, 3]
    offset_y = projection[1, 2] if perspective else -projection[1, 3]
    return np.array(
        [
            [projection[0, 0] * width / 2, 0.0, (1 + offset_x) * width / 2],
            [0.0, projection[1, 1] * height / 2, (1 + offset_y) * height / 2],
            [0.0, 0.0, 1.0],
        ]
    )


def used_layers(scene: bpy.types.Scene) -> Sequence[bpy.types.ViewLayer]:
    """The view layers that the user's render is made of."""
    layers = list(scene.view_layers)
    if scene.render.use_single_layer:
        active = bpy.context.view_layer.name  # by name: that of the copy is another one
        return [layer for layer in layers if layer.name == active] or layers[:1]
    return [layer for layer in layers if layer.use] or layers[:1]


def synced(scene: bpy.types.Scene) -> Sequence[bpy.types.ViewLayer]:
    """The used layers, up to date: what a script linked a moment ago Blender lists only after an update, and what it
    removed stands there as None.
    """
    layers = used_layers(scene)
    for layer in layers:
        listed = set(layer.objects)
        if None in listed or any(obj not in listed for obj in scene.objects):  # also when a collection is excluded
            layer.update()
    return layers
