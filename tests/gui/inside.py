"""Runs in the real Blender of the tour: installs the zip, and tells four times a second what is to be seen.

Called as `blender --python inside.py -- ZIP FOLDER`. Writes FOLDER/state.json, and carries out the few orders that a
hand cannot give (they come in FOLDER/order.json): what the tour tests is done with the mouse and the keyboard.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path

import bpy
from mathutils import Euler

ZIPPED, FOLDER = sys.argv[-2:]
MODULE = "bl_ext.user_default.blender_aigc"
MARKER = (1.0, 0.0, 0.8)
_kept: list[tuple] = []
_phases: list[str] = []
_beats = itertools.count()
"""How often the state was written down: while Blender answers, ten times a second."""


def main() -> None:
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.use_preferences_save = False
    preferences.system.viewport_aa = "OFF"  # drawn in software here: each of its samples takes half a second
    preferences.view.filebrowser_display_type = "SCREEN"  # without a window manager a second window gets no keys
    bpy.ops.extensions.package_install_files(filepath=ZIPPED, repo="user_default", enable_on_install=True)
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.show_region_ui = True
            area.spaces.active.shading.color_type = "TEXTURE"
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    bpy.ops.ed.undo_push(message="An empty scene")
    bpy.app.timers.register(tell, first_interval=0.5, persistent=True)
    from importlib import import_module

    import_module(MODULE + ".watch").EVERY_TICK.append(note)


def note() -> None:
    """What lasts for one heartbeat only."""
    from importlib import import_module

    if import_module(MODULE + ".state").STATE.announced and "announced" not in _phases:
        _phases.append("announced")


def tell() -> float:
    """Carry out an order, if there is one, and write down what is."""
    order = Path(FOLDER) / "order.json"
    if order.exists():
        words = json.loads(order.read_text())
        order.unlink()
        ORDERS[words[0]](*words[1:])
    part = Path(FOLDER) / "state.part"
    part.write_text(json.dumps(state()))
    part.replace(Path(FOLDER) / "state.json")
    return 0.1


def state() -> dict[str, object]:
    from importlib import import_module

    known = import_module(MODULE + ".state").STATE
    job = known.running_job()
    settings = bpy.context.scene.aigc
    if job is not None and job.phase not in _phases:
        _phases.append(job.phase)
    return {
        "phases": _phases,
        "objects": sorted(obj.name for obj in bpy.data.objects),
        "materials": {
            obj.name: [s.material and s.material.name for s in obj.material_slots] for obj in bpy.data.objects
        },
        "mode": bpy.context.mode,
        "picture": settings.image.name if settings.image else "",
        "session": known.session.state if known.session else "",
        "models": sorted(known.models),
        "job": {"state": job.state, "phase": job.phase, "fraction": job.fraction} if job else None,
        "waiting": list(known.waiting.values()),
        "results": [record.label for record in known.results],
        "fault": known.fault.message if known.fault else "",
        "timer": bpy.app.timers.is_registered(import_module(MODULE + ".watch").tick),
        "after_render": settings.after_render,
        "rendering": bool(known.rendering),
        "beats": next(_beats),
        "shown": [space.image.name for space in image_editors() if space.image is not None],
        "split": split(),
        "size": getattr(getattr(settings.params, "sdxl", None), "size", ""),
        "plan": plan(),
        "proposal": bool(known.proposal),
        "built": settings.built.name if settings.built else "",
        "bake": known.bake.fraction if known.bake is not None else None,
        "moving": [obj.name for obj in bpy.data.objects if obj.animation_data and obj.animation_data.action],
        "frame": bpy.context.scene.frame_current,
        "sequence": [known.sequence.done, known.sequence.total, known.sequence.told] if known.sequence else None,
        "text_editors": [
            a.spaces.active.text.name for a in areas() if a.type == "TEXT_EDITOR" and a.spaces.active.text
        ],
        "areas": [
            {"type": area.type, "x": area.x, "y": area.y, "width": area.width, "height": area.height}
            for area in bpy.context.window_manager.windows[0].screen.areas
        ],
        "regions": [
            {"type": region.type, "x": region.x, "y": region.y, "width": region.width, "height": region.height}
            for area in bpy.context.window_manager.windows[0].screen.areas
            if area.type == "VIEW_3D"
            for region in area.regions
        ],
    }


def areas() -> list:
    return list(bpy.context.window_manager.windows[0].screen.areas)


def plan() -> dict | None:
    """The plan that the panel shows, as it can be read."""
    text = bpy.context.scene.aigc.plan
    try:
        return json.loads(text.as_string()) if text is not None else None
    except ValueError:
        return None


def image_editors() -> list:
    areas = bpy.context.window_manager.windows[0].screen.areas
    return [area.spaces.active for area in areas if area.type == "IMAGE_EDITOR"]


def split() -> float:
    """Where the compared picture is split, a part of its width, by its white line; 0 when there is none."""
    image = next((image for image in bpy.data.images if image.name.endswith("| Compare")), None)
    if image is None:
        return 0.0
    width, height = image.size
    pixels = image.pixels[:]
    rows = [4 * y * width for y in range(0, height, 9)]
    white = [x for x in range(width) if all(min(pixels[row + 4 * x : row + 4 * x + 3]) > 0.99 for row in rows)]
    return sum(white) / len(white) / width if white else 0.0


def still_life() -> None:
    """A few things before a camera, an Image Editor above the viewport, the render properties at the right."""
    meshes, colours = bpy.ops.mesh, ((0.75, 0.2, 0.08), (0.1, 0.3, 0.7), (0.9, 0.6, 0.1), (0.45, 0.5, 0.35))
    meshes.primitive_monkey_add(location=(-1.3, 0, 1))
    bpy.context.object.modifiers.new("Smooth", "SUBSURF").render_levels = 2
    meshes.primitive_torus_add(location=(1.5, 0, 0.5), rotation=(0.5, 0, 0.4), major_segments=64, minor_segments=24)
    meshes.primitive_cone_add(location=(0.3, 1.5, 1), vertices=64)
    meshes.primitive_plane_add(size=60)
    for obj, colour in zip(bpy.context.scene.objects, colours, strict=True):
        obj.data.shade_smooth()
        material = bpy.data.materials.new(obj.name)
        material.use_nodes = True
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)
        obj.data.materials.append(material)
    bpy.context.scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.4, 0.6, 0.95, 1)
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.3, 0))
    bpy.context.object.data.energy = 3
    bpy.ops.object.camera_add(location=(0, -7, 2.5), rotation=(math.radians(77), 0, 0))
    scene = bpy.context.scene
    scene.camera = bpy.context.object
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 24, False
    scene.render.resolution_x, scene.render.resolution_y = 480, 270
    scene.view_settings.view_transform = "Standard"
    bpy.context.preferences.view.render_display_type = "NONE"
    bpy.context.window_manager.windows[0].workspace = bpy.data.workspaces["Layout"]
    largest = max(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.width * area.height)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=largest):
        bpy.ops.screen.area_split(direction="HORIZONTAL", factor=0.5)
    views = [a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == "VIEW_3D"]
    max(views, key=lambda area: area.y).type = "IMAGE_EDITOR"
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "PROPERTIES":
            area.spaces.active.context = "RENDER"
    redraw()


def call(name: str) -> None:
    """An operator of the Image Editor, invoked there: with a pointer it may go on by itself."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "IMAGE_EDITOR")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        getattr(bpy.ops.aigc, name)("INVOKE_DEFAULT")


def gallery() -> None:
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.call_panel(name="AIGC_PT_styles", keep_open=True)


def mark(element: str) -> None:
    """Paint a kind of interface element ("wcol_tool", "tab") in one colour, so that the tour can find it."""
    theme = bpy.context.preferences.themes[0]
    if element == "tab":
        _paint(theme.view_3d.space, tab_inactive=MARKER)
    else:
        marked = (*MARKER, 1.0)
        _paint(getattr(theme.user_interface, element), inner=marked, inner_sel=marked, shadetop=0, shadedown=0)
    redraw()


def _paint(colours, **values) -> None:
    for key, value in values.items():
        old = getattr(colours, key)
        _kept.append((colours, key, old if isinstance(old, int) else tuple(old)))
        setattr(colours, key, value)


def redraw() -> None:
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()


def unmark() -> None:
    while _kept:
        setattr(*_kept.pop())
    redraw()


def choose(**values: object) -> None:
    for key, value in values.items():
        setattr(bpy.context.scene.aigc, key, value)


def frame(from_above_deg: float = 15, farther: float = 1) -> None:
    """Look at what is there, from the front and a little from above."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    area.spaces.active.region_3d.view_rotation = Euler(
        (math.radians(90 - from_above_deg), 0, math.radians(25))
    ).to_quaternion()
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.view_all()
    if farther != 1:
        area.spaces.active.region_3d.view_distance *= farther
    redraw()


def span(first: int, last: int) -> None:
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = first, last


def frames_into(folder: str, first: int, last: int) -> None:
    """What Ctrl F12 renders, and where to."""
    scene = bpy.context.scene
    span(first, last)
    scene.render.filepath = folder.rstrip("/") + "/"
    scene.render.image_settings.file_format = "PNG"


def samples(count: int, percent: int) -> None:
    """How long a render takes."""
    bpy.context.scene.cycles.samples, bpy.context.scene.render.resolution_percentage = count, percent


def through_camera() -> None:
    area = next(area for area in areas() if area.type == "VIEW_3D")
    area.spaces.active.region_3d.view_perspective = "CAMERA"
    redraw()


def language(name: str) -> None:
    view = bpy.context.preferences.view
    view.language = name
    view.use_translate_interface = view.use_translate_tooltips = True


def picture(path: str) -> None:
    bpy.ops.aigc.choose_picture(filepath=path)


def params(model: str, values: dict[str, object]) -> None:
    for key, value in values.items():
        setattr(getattr(bpy.context.scene.aigc.params, model), key, value)


def cube() -> None:
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="cube")


def shading(kind: str) -> None:
    """ "SOLID" or "MATERIAL" in the 3D viewport, without its overlays."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.shading.type = kind
            area.spaces.active.overlay.show_overlays = kind == "SOLID"
    redraw()


def select_top() -> None:
    """The upper face of the active mesh, as if it had been clicked in Edit Mode."""
    polygons = bpy.context.object.data.polygons
    for block in (polygons, bpy.context.object.data.edges, bpy.context.object.data.vertices):
        block.foreach_set("select", [False] * len(block))
    for polygon in polygons:
        polygon.select = polygon.normal.z > 0.5
    bpy.ops.ed.undo_push(message="select")


def leave() -> None:
    bpy.ops.wm.quit_blender()


ORDERS = {"mark": mark, "unmark": unmark, "choose": lambda values: choose(**values), "frame": frame,
          "language": language, "picture": picture, "params": params, "leave": leave, "cube": cube,
          "still_life": still_life, "call": call, "gallery": gallery, "shading": shading, "select_top": select_top,
          "through_camera": through_camera, "range": span, "frames_into": frames_into, "samples": samples}  # fmt: skip

main()
