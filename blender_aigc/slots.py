"""How each kind of input is chosen: in the tab, and on the command line. One class an input kind; no numpy.

The reading itself is done in gather/inputs.py, which has one function for each kind.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as iface_

from .chosen import MESH_TYPES, MOST_COUNTED, WHOLE_SCENES, all_in_view, chosen, named_objects, selected_surfaces
from .fixit import Problem
from .gather.sources import SELECTED, Cameras, Given, Part, Render
from .plan_text import newest_plan
from .protocol import TASKS, Fault, InputKind, Task, TaskInput
from .slots_picture import ImageSlot, Slot, draw_picture, option
from .state import STATE, Record

if TYPE_CHECKING:
    from bpy.types import Context, UILayout


class PassesSlot(Slot):
    """A render with its passes, made when it is asked for; a picture stands in for it."""

    def given(self, context: Context, wanted: TaskInput) -> Given | None:
        settings = context.scene.aigc
        if settings.source == "PICTURE" and settings.image is None:
            return None
        if settings.source == "LAST":
            return last_render(context)
        source = Render(longest_px=settings.longest_px)
        if settings.source == "PICTURE":
            source = Render(picture=settings.image)
        elif settings.source == "VIEW":
            from .gather.viewport import render_of_viewport

            source = render_of_viewport(context, settings.longest_px)
        return _masked(context, source)

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        settings = context.scene.aigc
        if settings.source == "PICTURE" and settings.image is None:
            return Problem("No picture is chosen.", "", "aigc.choose_picture", "Choose Picture")
        if settings.source in ("CAMERA", "LAST") and context.scene.camera is None:
            return Problem("The scene has no camera.", "", "object.camera_add", "Add Camera")
        if settings.mask == "SELECTED" and settings.source != "PICTURE" and not context.selected_objects:
            return Problem("Nothing is selected to make a mask of.", "Select the objects to change.")
        if settings.mask == "PAINTED" and settings.mask_image is None:
            return Problem("No mask is painted.", "Choose a picture in which white is what may change.")
        return None

    def draw(self, layout: UILayout, context: Context, _wanted: TaskInput) -> None:
        settings = context.scene.aigc
        layout.prop(settings, "source", text="")
        if settings.source == "PICTURE":
            draw_picture(layout, settings)
        elif settings.source != "LAST":
            layout.prop(settings, "longest_px")
        row = layout.row(align=True)
        row.prop(settings, "mask", text="")
        if settings.mask != "ALL":
            row.prop(settings, "mask_inverted", text="", icon="ARROW_LEFTRIGHT")
        if settings.mask == "PAINTED":
            layout.template_ID(settings, "mask_image", new="image.new", open="image.open")
        layout.prop(settings, "after_render")

    def add_options(self, parser: argparse.ArgumentParser, task: Task, wanted: TaskInput) -> None:
        names = [f"--{option(wanted)}"] + ["--image"] * all(other.key != "image" for other in task.inputs)
        help_text = "a picture or a file of passes to work from, instead of a render of the scene's camera"
        add = parser.add_argument
        add(*names[::-1], dest=wanted.key, type=Path, metavar="FILE", help=help_text)
        add("--longest-px", type=int, default=0, metavar="N", help="longer side of the render, instead of the scene's")
        add("--mask-objects", action="append", metavar="PATTERN", help="only these may change; * and ? allowed")
        add("--mask-image", type=Path, metavar="FILE", help="only what is white in this picture may change")

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        picture: Path | None = super().of_options(options, wanted)
        if picture is not None and picture.suffix.lower() == ".npz":
            return picture
        painted = options.mask_image
        if getattr(options, "as_saved", False) and picture is None and painted is None and not options.mask_objects:
            settings = bpy.context.scene.aigc
            if settings.source == "PICTURE" and options.task.id == "render_image":  # sequences are always rendered
                if settings.image is None:
                    raise Fault("bad_input", "No picture is chosen.", "Say --image FILE.")
                return _masked(bpy.context, Render(picture=settings.image))
            return _masked(bpy.context, Render(longest_px=options.longest_px or settings.longest_px))
        objects = named_objects(options.mask_objects, "--mask-objects") if options.mask_objects else None
        mask = "painted" if painted is not None else "selected" if objects else ""
        return Render(longest_px=options.longest_px, picture=picture, mask=mask, painted=painted, selected=objects)


def last_render(context: Context) -> Render:
    """The render that is there, with the mask that the tab says."""
    return _masked(context, Render("last"))


def _masked(context: Context, source: Render) -> Render:
    settings = context.scene.aigc
    mask = "" if settings.mask == "ALL" else settings.mask.lower()
    painted = settings.mask_image if mask == "painted" else None
    return dataclasses.replace(source, mask=mask, painted=painted, inverted=bool(mask) and settings.mask_inverted)


class MeshSlot(Slot):
    """The selected objects that have a surface or all in view, or a part of them whose texture is to change."""

    def given(self, context: Context, _wanted: TaskInput) -> Given | None:
        objects = chosen(context)
        settings = context.scene.aigc
        if settings.part == "ALL" or not objects:
            return objects or None
        faces = {"SELECTED": SELECTED, "NAMED": settings.part_name}.get(settings.part, "")
        return Part(tuple(objects), faces, bool(faces) and settings.mask_inverted)

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        if all_in_view(context):
            if context.scene.aigc.mesh_of == "CAMERA" and context.scene.camera is None:
                return Problem("The scene has no camera.", "", "object.camera_add", "Add Camera")
            return None
        if wanted.required and not selected_surfaces(context):
            return Problem("No mesh is selected.", "Select the objects to work on.")
        return None

    def draw(self, layout: UILayout, context: Context, _wanted: TaskInput) -> None:
        settings = context.scene.aigc
        if settings.task in WHOLE_SCENES:
            layout.prop(settings, "mesh_of", text="")
        if all_in_view(context) and (len(context.view_layer.objects) > MOST_COUNTED or self.problem(context, _wanted)):
            return  # counting would slow the interface down
        objects = chosen(context)
        text = objects[0].name if len(objects) == 1 else iface_("{number} objects").format(number=len(objects))
        layout.label(text=text, icon="OUTLINER_OB_MESH", translate=False)

    def add_options(self, parser: argparse.ArgumentParser, _task: Task, wanted: TaskInput) -> None:
        add = parser.add_mutually_exclusive_group().add_argument
        help_text = "names of objects, * and ? allowed, may be repeated; the file's selected ones when left out"
        add("--objects", dest=f"{wanted.key}_objects", action="append", metavar="PATTERN", help=help_text)
        add("--in-view", action="store_true", help="every object that the scene's camera sees")
        add(f"--{option(wanted)}", dest=wanted.key, type=Path, metavar="FILE", help="a mesh file instead")

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        patterns = getattr(options, f"{wanted.key}_objects", None)
        path = super().of_options(options, wanted)
        if path is not None:
            return path
        if getattr(options, "in_view", False):
            from .gather.in_view import objects_in_view  # imports numpy

            objects = objects_in_view(bpy.context, "CAMERA", MESH_TYPES)
            if not objects:
                raise Fault("bad_input", "The scene's camera sees no object.", "Turn it, or name them by --objects.")
        else:
            objects = list(named_objects(patterns, "--objects")) if patterns else selected_surfaces(bpy.context)
        faces = getattr(options, "faces", "")
        if objects and (faces or getattr(options, "over", False) or getattr(options, "mask", None)):
            return Part(tuple(objects), SELECTED if faces == "selected" else faces)
        return objects or None


class MaskSlot(Slot):
    """Which part of the present texture changes: faces (which travel with the objects) or a painted picture."""

    def given(self, context: Context, _wanted: TaskInput) -> Given | None:
        settings = context.scene.aigc
        return settings.mask_image if settings.part == "PAINTED" else None

    def problem(self, context: Context, _wanted: TaskInput) -> Problem | None:
        settings = context.scene.aigc
        if settings.part == "PAINTED" and settings.mask_image is None:
            return Problem("No mask is painted.", "Choose a picture in which white is what may change.")
        if settings.part == "NAMED" and not settings.part_name:
            return Problem("No group is named.", "Write the name of a vertex group, an attribute or a material slot.")
        return None

    def draw(self, layout: UILayout, context: Context, wanted: TaskInput) -> None:
        settings = context.scene.aigc
        row = layout.row(align=True)
        row.prop(settings, "part", text="")
        if settings.part in ("SELECTED", "NAMED"):
            row.prop(settings, "mask_inverted", text="", icon="ARROW_LEFTRIGHT")
        if settings.part == "NAMED":
            layout.prop(settings, "part_name", text="", placeholder="Name of the group")
        if settings.part == "PAINTED":
            layout.template_ID(settings, "mask_image", new="image.new", open="image.open")

    def add_options(self, parser: argparse.ArgumentParser, task: Task, wanted: TaskInput) -> None:
        super().add_options(parser, task, wanted)
        faces = "only these faces change: selected, or the name of a vertex group, attribute or material slot"
        parser.add_argument("--faces", default="", metavar="NAME", help=faces)
        parser.add_argument("--over", action="store_true", help="begin with the present textures, instead of anew")


class MapsSlot(Slot):
    """A finished texture: the chosen line of the results, else the newest one that has maps."""

    def given(self, context: Context, _wanted: TaskInput) -> Given | None:
        record = texture_of(context)
        return Path(record.status.folder) / "material.json" if record is not None else None

    def problem(self, context: Context, wanted: TaskInput) -> Problem | None:
        if self.given(context, wanted) is None:
            return Problem("There is no texture among the results.", "Texture an object first.")
        return None

    def draw(self, layout: UILayout, context: Context, wanted: TaskInput) -> None:
        record = texture_of(context)
        text = record.label if record is not None else iface_(wanted.label)
        layout.label(text=text, icon="TEXTURE", translate=False)

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        file: Path | None = super().of_options(options, wanted)
        if file is not None and options.out is not None and options.out.resolve() == file.resolve().parent:
            what = "The larger maps would be written over those that they are made from."
            raise Fault("bad_request", what, "Name another folder behind --out.")
        return file


def texture_of(context: Context) -> Record | None:
    """The chosen result if it is a texture, else the newest texture."""
    group = context.window_manager.aigc
    lines = [group.results[group.result_index].job_id] if 0 <= group.result_index < len(group.results) else []
    chosen = [STATE.record(job_id) for job_id in lines]
    for record in [*chosen, *STATE.results]:
        result = record.status.result if record is not None else None
        if result is not None and any(artefact.kind == "material" for artefact in result.artefacts):
            return record
    return None


class StateSlot(Slot):
    """What one frame of a sequence leaves to the next: nobody's choice."""

    def draw(self, layout: UILayout, _context: Context, _wanted: TaskInput) -> None:
        pass

    def add_options(self, parser: argparse.ArgumentParser, _task: Task, _wanted: TaskInput) -> None:
        pass


class PlanSlot(Slot):
    """The plan of the panel, when the sentence is to change it; else a new one is made."""

    def given(self, context: Context, _wanted: TaskInput) -> Given | None:
        settings = context.scene.aigc
        return newest_plan(settings) if settings.change_plan else None

    def draw(self, layout: UILayout, context: Context, _wanted: TaskInput) -> None:
        settings = context.scene.aigc
        text = newest_plan(settings)
        if text is not None:
            layout.prop(settings, "change_plan")


class OwnSlot(Slot):
    """The marked assets and the selection: taken as they are when the sentence is sent. A file stands in for them."""

    def draw(self, layout: UILayout, _context: Context, _wanted: TaskInput) -> None:
        pass


class CamerasSlot(Slot):
    """The selected cameras and the current view, where the model's parameters ask for them (`sources.completed`)."""

    def draw(self, layout: UILayout, context: Context, _wanted: TaskInput) -> None:
        """Beside the parameter that asks for them (panels.py)."""

    def add_options(self, parser: argparse.ArgumentParser, _task: Task, wanted: TaskInput) -> None:
        help_text = "names of cameras, * and ? allowed, for --param cameras=own; or a .json file of cameras"
        parser.add_argument(f"--{option(wanted)}", dest=wanted.key, action="append", metavar="PATTERN", help=help_text)

    def of_options(self, options: argparse.Namespace, wanted: TaskInput) -> Given | None:
        patterns = getattr(options, wanted.key, None)
        if not patterns:
            return None
        if len(patterns) == 1 and Path(patterns[0]).suffix.lower() in (".json", ".npz"):
            return Path(patterns[0])
        cameras = [obj for obj in bpy.context.scene.objects if obj.type == "CAMERA"]
        found = [obj for obj in cameras if any(fnmatch.fnmatchcase(obj.name, pattern) for pattern in patterns)]
        if not found:
            raise Fault("bad_input", f"No camera is called {' or '.join(patterns)}.", "Check the names.")
        return Cameras(tuple(found))


SLOTS: dict[InputKind, Slot] = {
    "image": ImageSlot(),
    "passes": PassesSlot(),
    "mesh": MeshSlot(),
    "mask": MaskSlot(),
    "views": Slot(),
    "motion": Slot(),
    "plan": PlanSlot(),
    "state": StateSlot(),
    "maps": MapsSlot(),
    "own": OwnSlot(),
    "cameras": CamerasSlot(),
}


def inputs_of_tab(context: Context, task: str) -> dict[str, Given]:
    """What the tab says for each input of `task`, by key, without what is not chosen and what its model ignores."""
    ignored = STATE.ignored(task, context.scene.aigc.model_id)
    chosen = {wanted.key: SLOTS[wanted.kind].given(context, wanted) for wanted in TASKS[task].inputs}
    return {key: given for key, given in chosen.items() if given is not None and key not in ignored}


def inputs_of_options(options: argparse.Namespace, task: Task) -> dict[str, Given]:
    """The same of a command line. Raises Fault("bad_input")."""
    chosen = {wanted.key: SLOTS[wanted.kind].of_options(options, wanted) for wanted in task.inputs}
    return {key: given for key, given in chosen.items() if given is not None}


def problem(context: Context, task: str) -> Problem | None:
    """The first thing that the inputs lack, or None."""
    if task not in TASKS:
        return Problem("This file was made with a task that is not known here.", "Choose another task.")
    found = (SLOTS[wanted.kind].problem(context, wanted) for wanted in inputs_of(context, task))
    return next((one for one in found if one is not None), None)


def inputs_of(context: Context, task: str) -> list[TaskInput]:
    """Those of `task`; what the chosen model cannot do without is required."""
    needed = STATE.needed(task, context.scene.aigc.model_id)
    return [
        dataclasses.replace(wanted, required=True) if wanted.key in needed else wanted for wanted in TASKS[task].inputs
    ]
