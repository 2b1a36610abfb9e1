"""From a scene that moves to a drawn film: the frames, the look in words, control frames. For the button and the CLI.

GPT4Motion's whole way (arXiv 2311.12631): a sentence is simulated, and the depth and the lines of the result lead a
model that draws it. The drawing itself is the sequence's (sequence/run.py), which keeps the frames from flickering.
"""

from __future__ import annotations

from pathlib import Path

import bpy
from mathutils import Vector

from .control_frames import ControlFrames
from .faults import Fault
from .gather.sources import Render
from .operators_styles import LIBRARY, own_folder
from .protocol import ModelInfo
from .styles import Style, closest, filled, read_styles

CONTROL = "control"
DRAWN = "stylised"
_SAMPLES = 24
_MARGIN = 1.4


def moving(collection: bpy.types.Collection) -> list[bpy.types.Object]:
    """What of a plan's scene moves: rigid bodies, cloth, soft bodies, liquid, smoke, fire; not what stands still."""
    from .director.build import found

    built = found(collection)
    still = {built.ground} if built.ground is not None else set()
    for thing in built.plan.objects:
        falls = thing.rigid is not None and thing.rigid.type == "active"
        if thing.liquid is not None or not (falls or thing.cloth or thing.soft):
            still |= set(built.objects.get(thing.name, []))
    return [obj for obj in collection.objects if obj.type in ("MESH", "VOLUME") and obj not in still]


def depth_range_m(
    scene: bpy.types.Scene, collection: bpy.types.Collection, first: int, last: int
) -> tuple[float, float]:
    """Near and far for all frames: of the boxes of everything but the ground, with a margin. Leaves the frame as it is.

    Raises Fault("bad_input") without a camera.
    """
    from .director.build import found

    ground = found(collection).ground
    objects = [obj for obj in collection.objects if obj.type == "MESH" and obj != ground and not obj.hide_render]
    current, depths = (scene.frame_current, scene.frame_subframe), []
    if scene.camera is None:
        raise Fault("bad_input", "The scene has no camera.", "Add one (Add > Camera).")
    step = max(1, (last - first) // _SAMPLES)
    try:
        for frame in sorted({*range(first, last + 1, step), last}):
            scene.frame_set(frame)
            graph = bpy.context.evaluated_depsgraph_get()
            view = scene.camera.evaluated_get(graph).matrix_world.inverted()
            for obj in objects:
                there = view @ obj.evaluated_get(graph).matrix_world
                depths += [-(there @ Vector(corner)).z for corner in obj.bound_box]
    finally:
        scene.frame_set(current[0], subframe=current[1])
    metre = scene.unit_settings.scale_length
    ahead = [depth for depth in depths if depth > scene.camera.data.clip_start] or [1.0]
    return min(ahead) / _MARGIN * metre, max(ahead) * _MARGIN * metre


def control_frames(
    scene: bpy.types.Scene, collection: bpy.types.Collection, folder: Path, first: int, last: int, longest_px: int = 0
) -> ControlFrames:
    """Depth, lines, and a mask of what moves; not yet rendered. Raises Fault."""
    return ControlFrames(scene, folder, first, last, [obj.name for obj in moving(collection)], longest_px)


def render_of(
    scene: bpy.types.Scene, collection: bpy.types.Collection, first: int, last: int, longest_px: int
) -> Render:
    """How each frame is rendered for a model: depths on one scale over the whole clip. Raises Fault."""
    return Render(longest_px=longest_px, depth_range_m=depth_range_m(scene, collection, first, last))


def look_of(words: str, about: str, style_id: str = "") -> tuple[str, Style | None]:
    """The prompt for a film about something, and the style whose parameters it takes: the named one, else the one of
    the gallery that the words are closest to. Raises Fault("bad_request") for a style that is not there.
    """
    styles, _ = read_styles([LIBRARY, own_folder()])
    if style_id and style_id not in styles:
        raise Fault("bad_request", f"There is no style {style_id!r}.", f"There are: {', '.join(styles)}.")
    style = styles[style_id] if style_id else closest(styles.values(), words)
    prompt = ", ".join(filter(None, (about.strip(), words.strip())))
    return (filled(style.prompt, prompt) if style_id and style is not None else prompt), style


def params_of(style: Style | None, info: ModelInfo) -> dict[str, bool | int | float | str]:
    """What of a style the model has."""
    known = {param.key for param in info.params}
    return {key: value for key, value in style.values_for(info.id).items() if key in known} if style else {}
