"""The tab's settings as a command line, for a farm or another machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import bpy

from .protocol import Fault

SEQUENCE, PICTURE = "render_sequence", "render_image"


def command_of(scene: bpy.types.Scene) -> list[str]:
    """The words that render, from the file as it is saved, what the tab says. Raises Fault("bad_input")."""
    file = bpy.data.filepath
    if not file:
        raise Fault("bad_input", "The file is not saved yet.", "Save it: the command renders what is saved.")
    words = [bpy.app.binary_path or "blender", "-b", file, "-c", "aigc"]
    if scene.aigc.task == SEQUENCE:
        from .sequence.make import output_folder

        folder = output_folder(scene.aigc.frames_folder)
        frames = f"{scene.frame_start}-{scene.frame_end}"
        return [*words, "render-sequence", "--as-saved", "--frames", frames, "--out", str(folder)]
    picture = Path(file).with_name(f"{Path(file).stem}_aigc.png")
    return [*words, "render", "--as-saved", "--save-as", str(picture)]


def as_text(words: Sequence[str]) -> str:
    """One line for the shell of this system."""
    import shlex
    import subprocess

    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


class AIGC_OT_copy_command(bpy.types.Operator):
    bl_idname = "aigc.copy_command"
    bl_label = "Copy Command Line"
    bl_description = "Copy the command that makes this without a window, from the file as it is saved, for a farm"

    @classmethod
    def poll(cls, context) -> bool:
        return context.scene.aigc.task in (SEQUENCE, PICTURE)

    def execute(self, context) -> set[str]:
        from .operators import refuse

        try:
            text = as_text(command_of(context.scene))
        except Fault as fault:
            return refuse(self, fault)
        context.window_manager.clipboard = text
        unsaved = " It renders the file as it was saved last." if bpy.data.is_dirty else ""
        self.report({"INFO"}, f"Copied: {text}{unsaved}")
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(AIGC_OT_copy_command)


def unregister() -> None:
    bpy.utils.unregister_class(AIGC_OT_copy_command)
