"""How a picture is chosen in the tab and on the command line, and what all kinds of input have in common. No numpy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .fixit import Problem
from .gather.sources import Given
from .protocol import Task, TaskInput
from .state import STATE, Record

if TYPE_CHECKING:
    from bpy.types import Context, UILayout

PUT_ON = "picture"
"""Key of the picture that becomes the texture, as against one whose look is taken."""


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
    """A picture: an image datablock, or a file. One to be put onto objects is the newest that a render became, unless
    another is chosen.
    """

    def given(self, context: Context, wanted: TaskInput) -> Given | None:
        own = getattr(context.scene.aigc, wanted.key, None)
        if own is not None or wanted.key != PUT_ON:
            return own
        from .apply.show import image_of

        pictures = (image_of(record.job_id) for record in of_renders())
        return next((image for image in pictures if image is not None), None)

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        if not wanted.required or getattr(context.scene.aigc, wanted.key, None) is not None:
            return None
        choose = ("aigc.choose_picture", "Choose Picture", {"key": wanted.key})
        if wanted.key != PUT_ON:
            return Problem("No picture is chosen.", "", *choose)
        if of_renders():
            return None
        hint = "Choose a render or another picture of this view, or make one with Render to Picture."
        return Problem("There is no picture to put onto the objects.", hint, *choose)

    def draw(self, layout: UILayout, context: Context, wanted: TaskInput) -> None:
        if wanted.key == "image":
            draw_picture(layout, context.scene.aigc)
            if context.scene.aigc.task != "upscale_image":
                return
            row = layout.row(align=True)
            row.operator("aigc.use_picture", text="Last Render", icon="RENDER_RESULT").what = "RENDER"
            row.operator("aigc.use_picture", text="Last Result", icon="IMAGE_DATA").what = "RESULT"
            return
        filled = getattr(context.scene.aigc, wanted.key) is not None
        row = layout.column(align=True) if filled else layout.split(factor=0.45, align=True)
        row.label(text=wanted.label)  # above a picture: beside its name are buttons that leave the name no room
        row.template_ID(context.scene.aigc, wanted.key, open="image.open")
        if wanted.key == PUT_ON and not filled:
            newest = of_renders()
            if newest:
                layout.label(text=newest[0].label, icon="IMAGE_DATA", translate=False)
            made = layout.operator("aigc.use_picture", text="Last Render", icon="RENDER_RESULT")
            made.what, made.key = "RENDER", wanted.key

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        chosen = super().of_options(options, wanted)
        if chosen is None and getattr(options, "as_saved", False):
            return self.given(bpy.context, wanted)
        return chosen


def of_renders() -> list[Record]:
    """Results that are pictures made from renders with all passes, newest first."""
    found = [record for record in STATE.results if record.status.result is not None]
    given = [record.status.result.job.inputs.get("passes") for record in found]
    return [record for record, blob in zip(found, given, strict=True) if blob is not None and blob.suffix == ".npz"]


def option(wanted: TaskInput) -> str:
    return wanted.key.replace("_", "-")


def draw_picture(column: UILayout, settings) -> None:
    if settings.image is not None and STATE.running_job() is None:  # else its preview takes the space
        column.box().template_icon(icon_value=column.icon(settings.image), scale=4.0)
    column.template_ID(settings, "image", open="aigc.choose_picture")
