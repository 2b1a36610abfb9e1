"""AIGC Studio: generate meshes, pictures and more inside Blender, with a local inference server.

The package itself imports nothing from bpy, because the server and plain Python read `protocol.py` from it; everything
that Blender needs is imported by `register`.
"""

import atexit
import importlib

_PARTS = (
    "translations",
    "preferences",
    "properties",
    "thumbnails",
    "operators",
    "operators_command",
    "operators_sequence",
    "operators_upscale",
    "operators_styles",
    "operators_plan",
    "operators_film",
    "operators_library",
    "views_check",
    "panels",
    "panels_library",
    "panels_render",
    "panels_plan",
    "watch",
    "after_render",
    "physics",
    "cli",
)


def register() -> None:
    """Called by Blender when the add-on is enabled. A part that fails takes back those before it."""
    done: list[str] = []
    try:
        for part in _PARTS:
            importlib.import_module(f".{part}", __package__).register()
            done.append(part)
    finally:
        if len(done) < len(_PARTS):
            _unregister(done)
    atexit.register(unregister)


def unregister() -> None:
    """Called by Blender when the add-on is disabled, and at the end of a Python that uses bpy as a module.

    At that end Blender 4.2 crashes and 4.5 hangs when it still holds a class, a handler or a timer of ours.
    """
    atexit.unregister(unregister)
    _unregister(list(_PARTS))


def _unregister(parts: list[str]) -> None:
    for part in reversed(parts):
        importlib.import_module(f".{part}", __package__).unregister()
