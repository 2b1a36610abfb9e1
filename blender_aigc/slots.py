"""How each kind of input is chosen: in the tab, and on the command line. One class an input kind; no numpy.

The reading itself is done in gather/inputs.py, which has one function for each kind.
"""

from __future__ import annotations

import argparse
import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .fixit import Problem
from .gather.sources import Given, Render
from .protocol import TASKS, Fault, InputKind, Task, TaskInput
from .state import STATE

if TYPE_CHECKING:
    from bpy.types import Context, UILayout

MESH_TYPES = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META"})
"""Objects that have a surface, after their modifiers."""


class Slot:
    """A kind that can only be given as a file, on the command line."""

    def given(self, _context: Context, _wanted: TaskInput) -> Given | None:
        """What the tab says; None when nothing is chosen."""
        return None

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        """What is missing in the tab, before Generate can be pressed."""
        if wanted.required and self.given(context, wanted) is None:
            return Problem(iface_("The tab cannot choose this yet: {what}.").format(what=iface_(wanted.label)))
        return None

    def draw(self, layout: UILayout, _context: Context, wanted: TaskInput) -> None:
        layout.label(text=wanted.label)

    def add_options(self, parser: argparse.ArgumentParser, _task: Task, wanted: TaskInput) -> None:
        parser.add_argument(
            f"--{option(wanted)}",
            dest=wanted.key,
            type=Path,
            metavar="FILE",
            required=wanted.required,
            help=wanted.help,
        )

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        return getattr(options, wanted.key, None)


class ImageSlot(Slot):
    """A picture: an image datablock, or a file."""

    def given(self, context: Context, wanted: TaskInput) -> Given | None:
        return getattr(context.scene.aigc, wanted.key, None)

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        if wanted.required and self.given(context, wanted) is None:
            return Problem("No picture is chosen.", "", "aigc.choose_picture", "Choose Picture")
        return None

    def draw(self, layout: UILayout, context: Context, wanted: TaskInput) -> None:
        if wanted.key == "image":
            draw_picture(layout, context.scene.aigc)
            return
        row = layout.split(factor=0.45, align=True)
        row.label(text=wanted.label)
        row.template_ID(context.scene.aigc, wanted.key, open="image.open")


class PassesSlot(Slot):
    """A render with its passes, made when it is asked for; a picture stands in for it."""

    def given(self, context: Context, wanted: TaskInput) -> Given | None:
        settings = context.scene.aigc
        if settings.source == "PICTURE":
            return settings.image
        return Render(combined="last" if settings.source == "LAST" else "render")

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        settings = context.scene.aigc
        if settings.source == "PICTURE":
            return ImageSlot().problem(context, TaskInput("image", "image", wanted.label, wanted.help, wanted.required))
        if context.scene.camera is None:
            return Problem("The scene has no camera.", "", "object.camera_add", "Add Camera")
        return None

    def draw(self, layout: UILayout, context: Context, _wanted: TaskInput) -> None:
        settings = context.scene.aigc
        layout.prop(settings, "source", text="")
        if settings.source == "PICTURE":
            draw_picture(layout, settings)
        layout.prop(settings, "after_render")

    def add_options(self, parser: argparse.ArgumentParser, task: Task, wanted: TaskInput) -> None:
        names = [f"--{option(wanted)}"] + ["--image"] * all(other.key != "image" for other in task.inputs)
        help_text = "a picture or a file of passes to work from, instead of a render of the scene's camera"
        parser.add_argument(*names[::-1], dest=wanted.key, type=Path, metavar="FILE", help=help_text)


class MeshSlot(Slot):
    """The selected objects that have a surface."""

    def given(self, context: Context, _wanted: TaskInput) -> Given | None:
        return [obj for obj in context.selected_objects if obj.type in MESH_TYPES] or None

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        if wanted.required and self.given(context, wanted) is None:
            return Problem("No mesh is selected.", "Select the objects to work on.")
        return None

    def draw(self, layout: UILayout, context: Context, wanted: TaskInput) -> None:
        objects = self.given(context, wanted) or []
        text = objects[0].name if len(objects) == 1 else iface_("{number} objects").format(number=len(objects))
        layout.label(text=text, icon="OUTLINER_OB_MESH", translate=False)

    def add_options(self, parser: argparse.ArgumentParser, _task: Task, wanted: TaskInput) -> None:
        add = parser.add_mutually_exclusive_group().add_argument
        help_text = "names of objects, * and ? allowed, may be repeated; the file's selected ones when left out"
        add("--objects", dest=f"{wanted.key}_objects", action="append", metavar="PATTERN", help=help_text)
        add(f"--{option(wanted)}", dest=wanted.key, type=Path, metavar="FILE", help="a mesh file instead")

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        patterns = getattr(options, f"{wanted.key}_objects", None)
        if not patterns:
            return super().of_options(options, wanted) or self.given(bpy.context, wanted)
        surfaces = [obj for obj in bpy.context.scene.objects if obj.type in MESH_TYPES]
        found = [obj for obj in surfaces if any(fnmatch.fnmatchcase(obj.name, pattern) for pattern in patterns)]
        if not found:
            raise Fault("bad_input", f"No mesh is called {' or '.join(patterns)}.", "Check the names behind --objects.")
        return found


SLOTS: dict[InputKind, Slot] = {
    "image": ImageSlot(),
    "passes": PassesSlot(),
    "mesh": MeshSlot(),
    "views": Slot(),
    "motion": Slot(),
}


def option(wanted: TaskInput) -> str:
    return wanted.key.replace("_", "-")


def inputs_of_tab(context: Context, task: str) -> dict[str, Given]:
    """What the tab says for each input of `task`, by key, without those for which nothing is chosen."""
    chosen = {wanted.key: SLOTS[wanted.kind].given(context, wanted) for wanted in TASKS[task].inputs}
    return {key: given for key, given in chosen.items() if given is not None}


def inputs_of_options(options: argparse.Namespace, task: Task) -> dict[str, Given]:
    """The same of a command line. Raises Fault("bad_input")."""
    chosen = {wanted.key: SLOTS[wanted.kind].of_options(options, wanted) for wanted in task.inputs}
    return {key: given for key, given in chosen.items() if given is not None}


def problem(context: Context, task: str) -> Problem | None:
    """The first thing that the inputs lack, or None."""
    if task not in TASKS:
        return Problem("This file was made with a task that is not known here.", "Choose another task.")
    found = (SLOTS[wanted.kind].problem(context, wanted) for wanted in TASKS[task].inputs)
    return next((one for one in found if one is not None), None)


def draw_picture(column: UILayout, settings) -> None:
    if settings.image is not None and STATE.running_job() is None:  # else its preview takes the space
        column.box().template_icon(icon_value=column.icon(settings.image), scale=4.0)
    column.template_ID(settings, "image", open="aigc.choose_picture")
