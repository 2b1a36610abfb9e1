"""What the product does: one row a task. Part of the contract (see protocol.py). Standard library only, no bpy."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

InputKind = Literal["image", "mesh", "views", "motion", "passes", "state", "plan", "maps", "own", "mask", "cameras"]
ArtefactKind = Literal["mesh", "image", "text", "plan", "state", "material", "map", "file"]


@dataclass(frozen=True)
class TaskInput:
    """One thing a task needs besides the prompt. `key` names it in `Job.inputs`."""

    key: str
    kind: InputKind
    label: str
    help: str
    required: bool = True


@dataclass(frozen=True)
class Task:
    """One row of the product: what goes in, what comes out.

    from_words: nothing but the prompt says what to make, so that it must not be empty.
    only_looks: it says something about its inputs, in the report; nothing of it enters the scene or the results list.
    of_result: it works on what another task made, and is offered with that result instead of in the list of tasks.
    """

    id: str
    label: str
    help: str
    inputs: tuple[TaskInput, ...]
    outputs: tuple[ArtefactKind, ...]
    prompt: bool = False
    from_words: bool = False
    only_looks: bool = False
    of_result: bool = False


_IMAGE = TaskInput("image", "image", "Picture", "The picture to work from; transparency marks the background")
_PLAN = TaskInput("plan", "plan", "Plan", "A plan that the prompt changes, instead of a new one", required=False)
_OWN = TaskInput(
    "own",
    "own",
    "Own Things",
    "The assets that you marked and what is selected: sentences may name them",
    required=False,
)
_MASK = TaskInput(
    "mask", "mask", "Change", "A picture on the texture's UV map, white where it may change", required=False
)
_CAMERAS = TaskInput(
    "cameras", "cameras", "Cameras", "Cameras to draw from; with them, what hides the objects", required=False
)

TASKS: dict[str, Task] = {
    task.id: task
    for task in (
        Task(
            "image_to_mesh", "Picture to Mesh", "Turn a picture of an object into a textured mesh", (_IMAGE,), ("mesh",)
        ),
        Task(
            "render_image",
            "Render to Picture",
            "Turn a render into a picture of another kind, led by its passes",
            (
                TaskInput("passes", "passes", "Render", "The render with its passes; a plain picture will do"),
                TaskInput("reference", "image", "Colours", "A picture whose colours to take", required=False),
            ),
            ("image",),
            prompt=True,
        ),
        Task(
            "render_sequence",
            "Render to Sequence",
            "Turn a range of frames into a sequence of another kind that does not flicker, led by its passes",
            (
                TaskInput("passes", "passes", "Render", "One frame with its passes, motion vectors among them"),
                TaskInput("reference", "image", "Colours", "A picture whose colours to take", required=False),
                TaskInput("before", "state", "Frame Before", "What the frame before has left", required=False),
                TaskInput("ahead", "state", "Frame Ahead", "What a frame ahead has left, to fill up", required=False),
            ),
            ("image", "state"),
            prompt=True,
        ),
        Task(
            "text_to_image",
            "Words to Picture",
            "Make a picture from words alone",
            (TaskInput("reference", "image", "Reference", "A picture whose look to take", required=False),),
            ("image",),
            prompt=True,
            from_words=True,
        ),
        Task(
            "upscale_image",
            "Upscale Picture",
            "Make a picture two or four times larger, with finer detail",
            (dataclasses.replace(_IMAGE, help="The picture to make larger; its transparency is kept"),),
            ("image",),
            prompt=True,
        ),
        Task(
            "texture_mesh",
            "Texture Objects",
            "Give the selected objects a material with textures, from words",
            (
                TaskInput("mesh", "mesh", "Objects", "The objects to texture, with their modifiers"),
                TaskInput("reference", "image", "Reference", "A picture whose look to take", required=False),
                _MASK,
                _CAMERAS,
                TaskInput(
                    "picture",
                    "image",
                    "Picture",
                    "The objects as their view shows them, to be put onto them",
                    required=False,
                ),
            ),
            ("material", "map", "file", "state"),
            prompt=True,
        ),
        Task(
            "view_coverage",
            "Check Views",
            "Say how much of the selected objects the chosen views see, before anything is drawn",
            (TaskInput("mesh", "mesh", "Objects", "The objects to look at, with their modifiers"), _CAMERAS),
            ("file",),
            only_looks=True,
        ),
        Task(
            "blend_texture",
            "Blend Texture Again",
            "Put the views of a texture together anew, without drawing them again",
            (
                TaskInput("mesh", "mesh", "Objects", "The objects, as they were when they were textured"),
                TaskInput("views", "views", "Views", "The file views.npz of the texture's result"),
                _MASK,
                _CAMERAS,
            ),
            ("material", "map", "file", "state"),
            of_result=True,
        ),
        Task(
            "tile_texture",
            "Words to Tiling Material",
            "Make a material from words whose maps repeat without a seam, for the selected objects or for later",
            (),
            ("material", "map"),
            prompt=True,
            from_words=True,
        ),
        Task(
            "upscale_texture",
            "Upscale Texture",
            "Make the maps of a finished texture two or four times larger",
            (TaskInput("maps", "maps", "Texture", "A finished texture: its material.json, with the maps beside it"),),
            ("material", "map", "file"),
            prompt=True,
        ),
        Task(
            "text_to_physics",
            "Text to Physics",
            "Turn a sentence into a scene that moves: things that fall, roll, collide, wave and flow",
            (_PLAN, _OWN),
            ("plan",),
            prompt=True,
            from_words=True,
        ),
        Task(
            "text_to_scene",
            "Text to Scene",
            "Turn a sentence into a scene of procedural models, arranged as it says",
            (_PLAN, _OWN),
            ("plan",),
            prompt=True,
            from_words=True,
        ),
        Task(
            "echo",
            "Self-Test",
            "Send a message (and a picture, if there is one) through the whole chain and back",
            (dataclasses.replace(_IMAGE, required=False),),
            ("text", "image", "mesh"),
            prompt=True,
        ),
    )
}
