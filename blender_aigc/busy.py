"""While passes are rendered Blender cannot answer: say so beforehand, and show it on the pointer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
from bpy.app.translations import pgettext_iface as iface_

SENTENCE = "AIGC Studio renders depth, normals and lines; Blender waits for them"


def announce(window: bpy.types.Window) -> None:
    """Write into the status bar what comes next; it is seen once Blender has drawn, so call this a moment before."""
    window.workspace.status_text_set(iface_(SENTENCE))


@contextmanager
def busy(window: bpy.types.Window | None) -> Iterator[None]:
    """The pointer of `window` is an hourglass meanwhile; the status bar is Blender's again afterwards."""
    if window is None or bpy.app.background:
        yield
        return
    window.cursor_modal_set("WAIT")
    try:
        yield
    finally:
        window.cursor_modal_restore()
        window.workspace.status_text_set(None)
