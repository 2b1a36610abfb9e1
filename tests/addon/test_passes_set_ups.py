"""Whatever the user's render is set up like: the geometry is the same, the picture is what he sees, the file stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from mathutils import Matrix
from scene_state import differences, state_beside_copies
from test_passes import ball, box, scene_of

from blender_aigc.gather.passes import render_passes
from blender_aigc.gather.viewport import render_of_viewport

WANTED = frozenset({"depth", "normal", "object_id", "line", "vector"})
EEVEE = "BLENDER_EEVEE_NEXT" if (4, 2) <= bpy.app.version < (5, 0) else "BLENDER_EEVEE"

SetUp = Callable[[bpy.types.Scene], None]


def eevee(scene: bpy.types.Scene) -> None:
    scene.render.engine = EEVEE


def workbench(scene: bpy.types.Scene) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"


def overscan(scene: bpy.types.Scene) -> None:
    scene.render.engine = EEVEE
    scene.eevee.use_overscan, scene.eevee.overscan_size = True, 20


def stereo(scene: bpy.types.Scene) -> None:
    scene.render.use_multiview = True
    scene.camera.data.stereo.interocular_distance = 2.0


def views_by_suffix(scene: bpy.types.Scene) -> None:
    scene.render.use_multiview, scene.render.views_format = True, "MULTIVIEW"
    scene.render.views.new("thïrd")


def odd_layers(scene: bpy.types.Scene) -> None:
    scene.view_layers[0].name = 'Ébène/1."Combined".R'
    scene.view_layers.new("x" * 63).use = False
    scene.view_layers.new("L0")
    scene.view_layers.new("Depth.Z")


def heavy_cycles(scene: bpy.types.Scene) -> None:
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling, cycles.pixel_filter_type, cycles.filter_width = 64, True, "BOX", 8
    cycles.sample_offset, cycles.time_limit, cycles.use_denoising = 7, 0.01, True
    scene.render.use_persistent_data = scene.render.use_motion_blur = True
    scene.view_layers[0].samples = 32
    scene.view_layers[0].use_pass_ambient_occlusion = scene.view_layers[0].use_pass_cryptomatte_asset = True


def override(scene: bpy.types.Scene) -> None:
    """One material over all: what is where does not change."""
    scene.view_layers[0].material_override = bpy.data.materials.new("Clay")


def other_output(scene: bpy.types.Scene) -> None:
    settings = scene.render.image_settings
    settings.file_format, settings.color_mode = "JPEG", "BW"
    scene.render.use_stamp, scene.render.use_file_extension, scene.render.use_placeholder = True, False, True
    scene.render.use_overwrite = False
    scene.sequence_editor_create()
    scene.render.use_compositing, scene.render.use_freestyle = True, True


def nested_world(scene: bpy.types.Scene) -> None:
    scene.world = bpy.data.worlds.new("Fog everywhere")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    tree = scene.world.node_tree
    output = next(node for node in tree.nodes if node.type == "OUTPUT_WORLD")
    tree.links.new(tree.nodes.new("ShaderNodeVolumeScatter").outputs[0], output.inputs["Volume"])


SET_UPS: list[SetUp] = [eevee, workbench, overscan, stereo, views_by_suffix, odd_layers, heavy_cycles, override]
SET_UPS += [other_output, nested_world]


@pytest.mark.parametrize("set_up", SET_UPS)
def test_the_geometry_is_the_same(set_up: SetUp) -> None:
    scene = scene_of(48, 32)
    ball("Ball")
    box("Box", (2, 1, 0))
    plain = render_passes(scene, WANTED)
    set_up(scene)
    before = state_beside_copies()
    passes = render_passes(scene, WANTED)
    assert differences(before, state_beside_copies()) == []
    for name in WANTED:
        assert np.array_equal(passes[name], plain[name]), name


def test_outside_of_a_border_is_nothing_as_in_the_render() -> None:
    """A border without cropping: the picture keeps its size."""
    scene = scene_of(48, 32)
    ball("Ball", (1, 0, 1))
    whole = render_passes(scene, WANTED)
    scene.render.use_border = True
    scene.render.border_min_x, scene.render.border_max_x = 0.0, 0.5
    passes = render_passes(scene, WANTED | {"combined"})
    assert passes["depth"].shape == (32, 48) and np.isinf(passes["depth"][:, 25:]).all()
    assert np.array_equal(passes["depth"][:, :23], whole["depth"][:, :23])
    assert np.isfinite(passes["depth"]).any() and passes["combined"].shape == (32, 48, 4)


# ---------------------------------------------------------------------------------------------------------- the picture


def looks() -> list[str]:
    """View transforms that this Blender offers, found by trying."""
    offered = ["Standard", "AgX", "Filmic", "Filmic Log", "False Color", "Khronos PBR Neutral", "Raw", "ACES 1.3"]
    settings = bpy.data.scenes[0].view_settings
    found = []
    for name in offered:
        try:
            settings.view_transform = name
        except TypeError:
            continue
        found.append(name)
    settings.view_transform = "AgX"
    return found


def test_the_picture_is_what_the_user_sees(tmp_path: Path) -> None:
    """Through every view transform, with a look, a curve, a gamma and another display."""
    scene = scene_of(40, 30)
    ball("Ball")
    scene.world = bpy.data.worlds.new("Sky")
    scene.world.color = (0.05, 0.3, 0.9)
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0.2))
    bpy.context.object.data.energy = 8
    transforms = looks()
    assert {"Standard", "AgX", "Filmic", "Raw"} <= set(transforms)
    settings = scene.view_settings

    def check(name: str) -> np.ndarray:
        mine = render_passes(scene, frozenset({"combined"}))["combined"]
        scene.render.filepath = str(tmp_path / f"{name}.png")
        bpy.ops.render.render(write_still=True)
        own = bpy.data.images.load(scene.render.filepath)
        own.colorspace_settings.is_data = True
        values = np.empty(len(own.pixels), np.float32)
        own.pixels.foreach_get(values)
        shown = values.reshape(own.size[1], own.size[0], own.channels)[::-1, :, :3] * 255
        assert np.abs(mine[..., :3] - shown).max() <= 2, name
        return mine

    seen = {}
    for name in transforms:
        settings.view_transform = name
        seen[name] = check(name)
    assert len({picture.tobytes() for picture in seen.values()}) == len(transforms)
    settings.view_transform = "AgX"
    settings.look = "AgX - Punchy"
    settings.gamma, settings.use_curve_mapping = 1.4, True
    settings.curve_mapping.curves[3].points.new(0.3, 0.6)
    settings.curve_mapping.update()
    assert not np.array_equal(check("look"), seen["AgX"])


# --------------------------------------------------------------------------------------------------------- the viewport


@pytest.mark.parametrize(
    ("shading", "combined"),
    [("WIREFRAME", "workbench"), ("SOLID", "workbench"), ("MATERIAL", "render"), ("RENDERED", "render")],
)
@pytest.mark.parametrize("perspective", ["PERSP", "ORTHO", "CAMERA"])
def test_every_shading_mode_of_the_viewport_has_its_picture(shading: str, combined: str, perspective: str) -> None:
    scene = scene_of(48, 32)
    ball("Ball")
    graph = bpy.context.evaluated_depsgraph_get()
    camera = scene.camera.evaluated_get(graph)
    window = camera.calc_matrix_camera(graph, x=300, y=200)
    if perspective == "ORTHO":
        window = Matrix(((2 / 9, 0, 0, 0), (0, 2 / 6, 0, 0), (0, 0, -1 / 1000, 0), (0, 0, 0, 1)))
    view3d = SimpleNamespace(
        view_matrix=camera.matrix_world.inverted(), window_matrix=window, view_perspective=perspective
    )
    space = SimpleNamespace(shading=SimpleNamespace(type=shading), region_3d=view3d, clip_start=0.01, clip_end=1000.0)
    area = SimpleNamespace(
        type="VIEW_3D",
        spaces=SimpleNamespace(active=space),
        regions=[SimpleNamespace(type="WINDOW", width=300, height=200)],
    )
    context = SimpleNamespace(area=area, scene=scene, view_layer=bpy.context.view_layer)
    asked = render_of_viewport(context)
    assert asked.combined == combined and (asked.view is None) == (perspective == "CAMERA")
    if combined == "render" or perspective == "CAMERA":
        passes = render_passes(scene, frozenset({"depth"}), asked.view, longest_px=asked.longest_px)
        assert np.isfinite(passes["depth"]).sum() > 50
