"""Plans in the add-on: from the text that the user sees to objects that move. For buttons, scripts and the CLI."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from . import preferences, watch
from .plan import Plan, load
from .protocol import Fault
from .state import STATE

PLAN_SUFFIX = ".json"


def plan_of(text: bpy.types.Text | None) -> Plan:
    """The checked plan in a text. Raises Fault that names what is wrong and where."""
    if text is None:
        raise Fault("bad_input", "There is no plan yet.", "Write a sentence and press Generate.")
    return read_plan(text.as_string())


def read_plan(text: str | bytes) -> Plan:
    """Checked against the catalogue and the assets of this file. Raises Fault that names what is wrong and where."""
    marked = [block.name for group in (bpy.data.objects, bpy.data.collections) for block in group if block.asset_data]
    return load(text, parameters(), marked)


def parameters() -> dict:
    """Generator id -> its parameters, for the checks."""
    from .catalogue import catalogue

    return {info.id: info.params for info in catalogue().generators}


def collection_of(context: bpy.types.Context) -> bpy.types.Collection:
    """The plan's collection that is meant: of the active object, else what the last Run has built. Raises Fault."""
    from .director.build import PLAN

    candidates = [c for c in bpy.data.collections if PLAN in c and c.library is None]
    if context.object is not None:
        own = [c for c in candidates if context.object.name in c.objects]
        candidates = own or candidates
    if not candidates:
        raise Fault("bad_input", "No plan has been run in this file.", "Press Run.")
    last = context.scene.aigc.built if hasattr(context.scene, "aigc") else None
    return last if last in candidates else candidates[-1]


def about(collection: bpy.types.Collection) -> str:
    """What the scene of a plan shows, in words: the sentence that it was made from."""
    from .director.build import found

    return found(collection).plan.title.partition(";")[0].strip()


def run(context: bpy.types.Context, plan: Plan, staged: bool = True):
    """Build `plan` into the scene; the director's `Built`. Raises Fault and leaves the scene as it was.

    It stands at the 3D cursor; a plan about selected objects where they are, and they are hidden: its copies move.
    """
    from .director.build import carry_out

    own = [thing for thing in plan.objects if thing.shape == "selected"]
    names = {thing.source for thing in own if thing.source}
    originals = [obj for obj in context.scene.objects if obj.name in names]
    originals += context.selected_objects if any(not thing.source for thing in own) else []
    location = (0.0, 0.0, 0.0) if names else tuple(context.scene.cursor.location)
    built = carry_out(context, plan, staged=staged, location=location)
    for obj in originals:
        obj.hide_render = True
        if obj.name in context.view_layer.objects:
            obj.hide_set(True)
    return built


def replace(settings, collection: bpy.types.Collection) -> None:
    """Take away what the last Run of this scene built, which `collection` now stands for. `settings` is `Scene.aigc`.

    What the user has also put into a collection of his own stays.
    """
    from .director.build import PLAN

    last = settings.built
    settings.built = collection
    if last is None or last == collection or PLAN not in last:
        return
    for obj in [obj for obj in last.objects if set(obj.users_collection) == {last}]:
        data = obj.data
        bpy.data.objects.remove(obj)
        if data is not None and data.users == 0:
            bpy.data.batch_remove([data])
    if not last.children:
        bpy.data.collections.remove(last)
    collection.name = _free(collection.name, bpy.data.collections)
    for obj in collection.objects:
        obj.name = _free(obj.name, bpy.data.objects)


def _free(name: str, taken) -> str:
    """`name` without the number that Blender gave it because of what is gone now."""
    plain = re.sub(r"\.\d{3,}$", "", name)
    return plain if plain not in taken else name


def new_bake(
    context: bpy.types.Context, collection: bpy.types.Collection, staged: bool = True, file: Path | None = None
):
    """A bake of the plan in `collection`, not yet started. file: see `cache_home`. Raises Fault."""
    from .director.bake import Bake, cache_home
    from .director.build import found

    return Bake(context, found(collection), cache_home(preferences.data_path(), file), staged)


def apply(context: bpy.types.Context, collection: bpy.types.Collection, folder: Path) -> None:
    """Bring the motion in `folder` onto the objects. Raises Fault."""
    from .director.build import found
    from .director.motion import apply_motion

    apply_motion(context, found(collection), folder)


# -------------------------------------------------------------------------------------------------------- the timer


def look() -> None:
    """Called by the timer: how far is the bake? When it has ended its result enters the scene as one undo step."""
    bake = STATE.bake
    if bake is None or not bake.poll():
        return
    if bake.state == "done":
        _place(bake)
        return
    STATE.bake = None
    if bake.fault is not None:
        STATE.show(bake.fault)


def _place(bake) -> None:
    windows = bpy.context.window_manager.windows
    window = next(
        (w for w in windows if w.view_layer.objects.active is None or w.view_layer.objects.active.mode == "OBJECT"),
        None,
    )
    if window is None:
        return  # until the user is back in Object Mode
    with bpy.context.temp_override(window=window):
        bpy.ops.aigc.bake_apply("EXEC_DEFAULT", True, folder=str(bake.folder), collection=bake.collection)
    STATE.bake = None


def register() -> None:
    watch.EVERY_TICK.append(look)


def unregister() -> None:
    if STATE.bake is not None:
        STATE.bake.cancel()
        STATE.bake = None
    if look in watch.EVERY_TICK:
        watch.EVERY_TICK.remove(look)
