"""What a script or the tab may give for an input of a task, before anything is read or rendered. No numpy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import bpy

from ..protocol import Blob

if TYPE_CHECKING:
    from .render_state import CameraView


MaskOf = Literal["", "selected", "painted", "transparent"]


@dataclass(frozen=True)
class Render:
    """Passes to be rendered now, or a picture in their place.

    combined: the picture among them, see `gather.passes.render_passes`: the scene's own render, a quick one without
    lights, or the render that is there. view: instead of the scene's camera. frame: instead of the current one.
    longest_px: of the picture's longer side, 0: as the scene says. passes: names of `gather.passes.PASSES`; None: those
    that every model can use.
    picture: instead of rendering anything. mask: what may change, of what is white in it: the selected objects, a
    painted picture, or what is transparent. painted: that picture. inverted: everything else. selected: other objects
    than the selected ones. depth_range_m: near and far, the same for all frames of a sequence, for models that are led
    by a picture of the depth; None: each frame has its own.
    """

    combined: Literal["render", "workbench", "last"] = "render"
    view: CameraView | None = None
    frame: int | None = None
    longest_px: int = 0
    passes: frozenset[str] | None = None
    picture: bpy.types.Image | str | Path | None = None
    mask: MaskOf = ""
    painted: bpy.types.Image | str | Path | None = None
    inverted: bool = False
    selected: tuple[bpy.types.Object, ...] | None = None
    depth_range_m: tuple[float, float] | None = None


SELECTED = "."
"""For `Part.faces`: those that are selected in Edit Mode. No vertex group or attribute of the user's is called so."""


@dataclass(frozen=True)
class Part:
    """Objects whose present texture is worked on, instead of a new one.

    faces: which may change: all (""), the `SELECTED` ones, or what a vertex group, an attribute or a material slot of
    this name marks. inverted: all others.
    """

    objects: tuple[bpy.types.Object, ...]
    faces: str = ""
    inverted: bool = False


@dataclass(frozen=True)
class Shape:
    """Objects that are only looked at: their UVs are neither read nor made."""

    objects: tuple[bpy.types.Object, ...]


CAMERA = "aigc_camera"
"""Custom property of a picture that was made from a render: the facts of its camera, JSON as `gather.passes` says."""


@dataclass(frozen=True)
class Atlas:
    """Objects that are to share one set of textures."""

    objects: tuple[bpy.types.Object, ...]


ASK_FOR_CAMERAS = frozenset({"own", "view", "camera", "picture"})
"""Values of a model's parameter `cameras` for which the user's cameras are sent."""


@dataclass(frozen=True)
class Cameras:
    """The user's cameras, and what the 3D viewport shows.

    objects: camera objects; None: the selected ones. around: the objects that are looked at.
    hidden_by_others: whether all else in the scene hides them where it stands in the way.
    picture: the one whose own view is asked for; it is known of pictures with the property `CAMERA`, and of renders.
    """

    objects: tuple[bpy.types.Object, ...] | None = None
    around: tuple[bpy.types.Object, ...] = ()
    hidden_by_others: bool = True
    picture: bpy.types.Image | None = None


Objects = Sequence[bpy.types.Object]
Given = bpy.types.Image | bpy.types.Text | str | Path | Blob | Render | Part | Atlas | Shape | Cameras | Objects
"""A picture or text (datablock or file), any file, the stored file of an earlier job, a render, cameras, or objects of
the scene, a part of them, or those of an atlas.
"""


def completed(
    given: Mapping[str, Given | None],
    params: Mapping[str, object],
    keys: Collection[str],
    hidden_by_others: bool = True,
) -> dict[str, Given | None]:
    """`given` of a task that takes `keys`, completed by what the parameters of its model ask for: the user's cameras,
    one atlas for several objects.
    """
    objects = given.get("mesh")
    if params.get("textures") == "atlas" and isinstance(objects, (list, tuple)) and len(objects) > 1:
        given = {**given, "mesh": Atlas(tuple(objects))}
    cameras = given.get("cameras")
    if "cameras" not in keys or params.get("cameras") not in ASK_FOR_CAMERAS or isinstance(cameras, (str, Path, Blob)):
        return dict(given)
    chosen = cameras.objects if isinstance(cameras, Cameras) else None
    picture = given.get("picture")
    shown = picture if isinstance(picture, bpy.types.Image) else None
    return {**given, "cameras": Cameras(chosen, objects_of(given), hidden_by_others, shown)}


def name_of(given: Mapping[str, Given | None], scene: bpy.types.Scene) -> str:
    """What a result is called when nobody says it: after the first input that has a name; "" when none has."""
    for source in given.values():
        name = _name(source, scene)
        if name:
            return name
    return ""


def _name(source: Given | None, scene: bpy.types.Scene) -> str:
    if isinstance(source, Render):
        return _name(source.picture, scene) or f"{scene.name} Render"
    if isinstance(source, (Part, Atlas, Shape)):
        return _name(source.objects, scene)
    if isinstance(source, (bpy.types.Image, bpy.types.Text)):
        return Path(source.name).stem
    if isinstance(source, (str, Path)):
        return Path(source).stem
    if source is None or isinstance(source, (Blob, Cameras)) or not len(source):
        return ""
    return source[0].name


def objects_of(given: Mapping[str, Given | None]) -> tuple[bpy.types.Object, ...]:
    """The objects among the inputs, to which the result belongs."""
    sources = [source.objects if isinstance(source, (Part, Atlas, Shape)) else source for source in given.values()]
    lists = [source for source in sources if isinstance(source, (list, tuple))]
    return tuple(dict.fromkeys(obj for objects in lists for obj in objects))
