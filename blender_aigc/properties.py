"""What the artist sets: one property group on the scene, and the results list on the window manager.

The results belong to the Blender session, not to the file: undo must not take a line out of the list. No property has
a callback: bpy 4.2 crashes at exit after a class with one was unregistered, and what has none cannot be slow.
"""

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import params
from .protocol import TASKS
from .state import STATE, task_items

_TASK_ITEMS = task_items()

_PLACEMENTS = (
    ("CURSOR", "At 3D Cursor", "Stand the result on the 3D cursor", "CURSOR", 0),
    (
        "REPLACE",
        "Replace Empty",
        "Put the result in the place of the selected empty, with its rotation",
        "EMPTY_AXIS",
        1,
    ),
)

_SOURCES = (
    ("CAMERA", "Render Now", "Render what the camera sees, with all passes", "RENDER_STILL", 0),
    ("VIEW", "Viewport", "Render what the 3D viewport shows, with all passes", "VIEW3D", 3),
    ("LAST", "Last Render", "Take the render that is there; only its passes are rendered", "RENDER_RESULT", 1),
    ("PICTURE", "Picture", "Take a picture, without passes", "IMAGE_DATA", 2),
)

_MASKS = (
    ("ALL", "Everything", "The whole picture may change", "IMAGE_PLANE", 0),
    ("SELECTED", "Selected Objects", "Only the selected objects may change", "RESTRICT_SELECT_OFF", 1),
    ("PAINTED", "Painted Mask", "Only what is white in a picture may change", "BRUSH_DATA", 2),
    ("TRANSPARENT", "Transparent Parts", "Only what is transparent may change", "IMAGE_RGB_ALPHA", 3),
)

_MESH_OF = (
    ("SELECTED", "Selected Objects", "The objects that are selected", "RESTRICT_SELECT_OFF", 0),
    ("CAMERA", "Seen by the Camera", "Every object that the scene's camera sees", "OUTLINER_OB_CAMERA", 1),
    ("VIEW", "Seen in the Viewport", "Every object that the 3D viewport shows", "VIEW3D", 2),
)

_PARTS = (
    ("ALL", "Everything, Anew", "New textures for the whole objects", "OBJECT_DATA", 0),
    (
        "OVER",
        "Everything, from Present",
        "Begin with the present textures; Strength says how far to go",
        "BRUSHES_ALL",
        1,
    ),
    ("SELECTED", "Selected Faces", "Only the faces selected in Edit Mode; the rest stays as it is", "FACESEL", 2),
    (
        "NAMED",
        "Group or Attribute",
        "Only what a vertex group, an attribute or a material slot marks",
        "GROUP_VERTEX",
        3,
    ),
    ("PAINTED", "Painted Mask", "Only what is white in a picture on the UV map of the texture", "BRUSH_DATA", 4),
)


_RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5) else set()
"""A path may begin with //, which older versions let every path do."""


def chosen_model(settings) -> str:
    """Id of the model that Generate would use; "" when none is known."""
    return STATE.model_for(settings.task, settings.model_id)


class AIGC_PG_scene(bpy.types.PropertyGroup):
    """The settings of the AIGC tab, saved with the scene."""

    uid: StringProperty(options={"HIDDEN"}, description="Finds this scene again after undo and reload")
    task: EnumProperty(name="Task", description="What to make", items=_TASK_ITEMS, default="image_to_mesh")
    model_id: StringProperty(name="Model", description="Which model does the work; empty: the first that can run")
    image: PointerProperty(
        name="Picture",
        description="The picture to work from; transparency marks the background",
        type=bpy.types.Image,
    )
    prompt: StringProperty(name="Prompt", description="Say in words what you want")
    prompt_text: PointerProperty(
        name="Prompt Text",
        description="A text with the prompt, instead of the line; lines like '48: a storm' count from that frame on",
        type=bpy.types.Text,
    )
    style: StringProperty(name="Style", description="The look that is chosen; empty: none")
    seed: IntProperty(
        name="Seed",
        description="The same seed and settings give the same result again",
        min=0,
        max=2**31 - 1,
        default=0,
    )
    placement: EnumProperty(name="Place", description="Where the result goes", items=_PLACEMENTS, default="CURSOR")
    source: EnumProperty(name="Source", description="Which render to work from", items=_SOURCES, default="CAMERA")
    longest_px: IntProperty(
        name="Longest Side",
        description="Pixels of the picture's longer side, whatever the scene's resolution is; 0: as the scene says",
        min=0,
        max=8192,
        subtype="PIXEL",
    )
    mask: EnumProperty(name="Change", description="Which part of the picture may change", items=_MASKS, default="ALL")
    mask_image: PointerProperty(
        name="Mask",
        description="White may change; a picture as large as the render, or on the texture's UV map",
        type=bpy.types.Image,
    )
    mask_inverted: BoolProperty(name="Invert", description="Change everything else instead", default=False)
    mesh_of: EnumProperty(name="Objects", description="Which objects to work on", items=_MESH_OF)
    part: EnumProperty(name="Change", description="Which part of the present texture changes", items=_PARTS)
    part_name: StringProperty(
        name="Group", description="Name of a vertex group, an attribute or a material slot of the objects"
    )
    reference: PointerProperty(
        name="Colours", description="A picture whose colours the result takes; may be empty", type=bpy.types.Image
    )
    others_hide: BoolProperty(
        name="Occluded by Others",
        description="From cameras and the current view, objects that are not selected hide what is behind them",
        default=True,
    )
    after_render: BoolProperty(
        name="Run After Render",
        description="Whenever a render is finished (F12), make the picture from it, while Blender stays usable",
        default=False,
    )
    result_name: StringProperty(
        name="Name", description="Name of the new object; empty: the name of the picture or the prompt"
    )
    frames_folder: StringProperty(
        name="Folder",
        description="Where the frames of a sequence are written; what is done there is kept and gone on with",
        subtype="DIR_PATH",
        options={"ANIMATABLE", *_RELATIVE},
        default="//frames/",
    )
    frames_anew: BoolProperty(
        name="Start Over",
        description="Forget the frames that are done in the folder, instead of going on after them",
        default=False,
        options={"SKIP_SAVE"},
    )
    plan: PointerProperty(
        name="Plan", description="The text with the plan that Run carries out; empty: the newest", type=bpy.types.Text
    )
    change_plan: BoolProperty(
        name="Change the Plan",
        description="The sentence changes the plan that is there, instead of making a new one; you see it first",
        default=False,
    )
    built: PointerProperty(type=bpy.types.Collection, description="What the last Run has built")
    replace_run: BoolProperty(
        name="Replace Last Run",
        description="Run takes away what the last Run has built in this scene (undo brings it back)",
        default=True,
    )
    look: StringProperty(
        name="Look", description="How Stylise is to draw the scene, in words: a charcoal drawing, a watercolour"
    )
    set_up_scene: BoolProperty(
        name="Set Up Scene",
        description="The plan's camera, sky, length and render settings become the scene's (undo brings yours back)",
        default=True,
    )
    params: PointerProperty(type=params.AIGC_PG_params)


for _wanted in [wanted for task in TASKS.values() for wanted in task.inputs if wanted.kind == "image"]:
    if _wanted.key not in AIGC_PG_scene.__annotations__:
        AIGC_PG_scene.__annotations__[_wanted.key] = PointerProperty(
            name=_wanted.label, description=_wanted.help, type=bpy.types.Image
        )


class AIGC_PG_result(bpy.types.PropertyGroup):
    """One line of the results list; the result itself is in the state."""

    job_id: StringProperty()


class AIGC_PG_window(bpy.types.PropertyGroup):
    """What belongs to this Blender session."""

    results: CollectionProperty(type=AIGC_PG_result)
    result_index: IntProperty(name="Result", description="The chosen result")
    show_log: BoolProperty(name="Show Log", description="Show the last lines of the server's log", default=False)


_CLASSES = (params.AIGC_PG_params, AIGC_PG_scene, AIGC_PG_result, AIGC_PG_window)


def list_results(window_manager) -> None:
    """Make the list in the window manager the same as the one in the state, newest first."""
    group = window_manager.aigc
    if [line.job_id for line in group.results] == [record.job_id for record in STATE.results]:
        return
    group.results.clear()
    for record in STATE.results:
        line = group.results.add()
        line.job_id = record.job_id
        line.name = record.label
    group.result_index = 0


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.aigc = PointerProperty(type=AIGC_PG_scene)
    bpy.types.WindowManager.aigc = PointerProperty(type=AIGC_PG_window)


def unregister() -> None:
    del bpy.types.WindowManager.aigc
    del bpy.types.Scene.aigc
    params.unregister()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
