"""Which picture files the shaders of the file want at a frame, and which of them are not there: those render pink."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import bpy

_WITH_SHADERS = (bpy.types.Material, bpy.types.World, bpy.types.Light, bpy.types.NodeTree, bpy.types.Texture)
_FRAME_NUMBER = re.compile(r"\d+(?=\D*$)")
_NAMED = 3
"""So many files of one picture are told by name."""


def missing_textures(frame: int) -> list[str]:
    """A sentence for every picture that shaders use at `frame` and of which a file, a tile or that frame is missing."""
    ours = [image for image in bpy.data.images if image.users and image.packed_file is None and image.filepath]
    absent = {image: _absent(_tiles(image)) for image in ours if image.source in ("FILE", "MOVIE", "TILED")}
    absent = {image: files for image, files in absent.items() if files}
    played = [image for image in ours if image.source == "SEQUENCE"]
    asked = [*absent, *played]
    users = bpy.data.user_map(subset=asked) if asked else {}
    told: list[str] = []
    for image in asked:
        shaders = [user for user in users[image] if isinstance(user, _WITH_SHADERS)]  # no reference picture or brush
        if shaders:
            told += _told(image, absent.get(image) or _absent(_played(image, shaders, frame)))
    return told


def _told(image: bpy.types.Image, absent: list[Path]) -> list[str]:
    if not absent:
        return []
    if image.source in ("FILE", "MOVIE"):
        return [f"{image.name} is missing and renders pink"]
    names = ", ".join(path.name for path in absent[:_NAMED])
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    many = len(absent) > 1
    return [
        f"{names}{more} of {image.name} {'are' if many else 'is'} missing and {'render' if many else 'renders'} pink"
    ]


def _absent(paths: Iterator[Path]) -> list[Path]:
    return [path for path in dict.fromkeys(paths) if not path.is_file()]


def _tiles(image: bpy.types.Image) -> Iterator[Path]:
    """The file of a picture, or one for each of its UDIM tiles."""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if image.source != "TILED":
        yield Path(path)
        return
    for tile in image.tiles:
        row, column = divmod(tile.number - 1001, 10)
        yield Path(path.replace("<UDIM>", str(tile.number)).replace("<UVTILE>", f"u{column + 1}_v{row + 1}"))


def _played(image: bpy.types.Image, shaders: list[bpy.types.ID], frame: int) -> Iterator[Path]:
    """The files of an image sequence that its users show at `frame`: each has a beginning, a length, an offset."""
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    number = _FRAME_NUMBER.search(path.stem)
    for user in _image_users(image, shaders):
        shown = str(_frame_of(user, frame))
        if number is None:
            yield path
        else:
            start, end = number.span()
            yield path.with_name(path.stem[:start] + shown.zfill(end - start) + path.stem[end:] + path.suffix)


def _image_users(image: bpy.types.Image, shaders: list[bpy.types.ID]) -> Iterator[bpy.types.ImageUser]:
    for shader in shaders:
        if isinstance(shader, bpy.types.Texture):
            if isinstance(shader, bpy.types.ImageTexture):
                yield shader.image_user
            continue
        tree = shader if isinstance(shader, bpy.types.NodeTree) else shader.node_tree
        for node in tree.nodes if tree is not None else ():
            if getattr(node, "image", None) == image and hasattr(node, "image_user"):
                yield node.image_user


def _frame_of(user: bpy.types.ImageUser, frame: int) -> int:
    """The number in the file's name that a user of an image sequence shows at a frame of the scene, as Blender does."""
    length = user.frame_duration
    if length == 0:
        return 0
    at = frame - user.frame_start + 1
    at = (at - 1) % length + 1 if user.use_cyclic else min(max(at, 0), length)
    return at + user.frame_offset
