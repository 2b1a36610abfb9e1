"""Small pictures in the panel. Only the timer calls `load`; `icon`, for drawing, is a look-up."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

_collection: bpy.utils.previews.ImagePreviewCollection | None = None
_paths: dict[str, str] = {}


def load(key: str, path: Path) -> None:
    """Show the picture file at `path` under `key`; a newer file replaces the older one."""
    if _collection is None or _paths.get(key) == str(path) or not path.is_file():
        return
    if key in _collection:
        del _collection[key]
    # Blender reads the file when it is first shown, in a thread of its own; asking for its size here would read it now.
    _collection.load(key, str(path), "IMAGE")
    _paths[key] = str(path)


def icon(key: str) -> int:
    """Icon number for the layout; 0 when there is no picture."""
    if _collection is None or key not in _collection:
        return 0
    return _collection[key].icon_id


def forget(key: str) -> None:
    """Free the picture of `key`."""
    if _collection is not None and _paths.pop(key, None) is not None:
        del _collection[key]


def register() -> None:
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    global _collection
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
    _collection = None
    _paths.clear()
