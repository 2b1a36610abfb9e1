"""A model's description becomes Blender properties that keep their values."""

from __future__ import annotations

import dataclasses

import bpy
import pytest

from blender_aigc import params
from blender_aigc.protocol import Choice, ModelInfo, Param

CHOICES = (Choice("a", "First", "The first"), Choice("b", "Second", "The second"), Choice("c", "Third", "The third"))
SIZE = Param("size_px", "int", "Size", "How big", 512, 64, 4096, unit="px")
DEPTH = Param("depth", "float", "Depth", "How deep", 0.1, 0.1, 0.7)
SMOOTH = Param("smooth", "bool", "Smooth", "Whether it is smooth", True, advanced=True)
STYLE = Param("style", "enum", "Style", "Which style", "b", choices=CHOICES)
TITLE = Param("title", "text", "Title", "What it is called", "untitled")
MODEL = ModelInfo("probe", "echo", "Probe", "A model for this test", (SIZE, DEPTH, SMOOTH, STYLE, TITLE))


@pytest.fixture
def container(addon):
    params.update({MODEL.id: MODEL})
    return bpy.context.scene.aigc.params


def rna(container, key):
    return container.probe.bl_rna.properties[key]


def test_defaults_are_the_models(container):
    """Untouched properties give exactly what the contract says, in the contract's types."""
    values = params.values(container, MODEL)
    assert values == {param.key: param.default for param in MODEL.params}
    assert {key: type(value) for key, value in values.items()} == {p.key: type(p.default) for p in MODEL.params}
    assert MODEL.check_params(values) == values


def test_description_range_and_unit_reach_blender(container):
    """What the server says about a parameter is what the artist reads and can set."""
    size = rna(container, "size_px")
    assert (size.name, size.description, size.hard_min, size.hard_max) == ("Size (px)", "How big", 64, 4096)
    container.probe.size_px = 9999
    assert container.probe.size_px == 4096
    assert [item.description for item in rna(container, "style").enum_items] == [c.help for c in CHOICES]


def test_bounds_survive_32_bit_floats(container):
    """0.1 and 0.7 are not 32-bit numbers: rounding must not push a value at its limit out of the range."""
    for wanted in (0.1, 0.7):
        container.probe.depth = wanted
        assert params.values(container, MODEL)["depth"] == wanted
    assert MODEL.check_params(params.values(container, MODEL))


def test_reordered_choices_keep_their_meaning(container):
    """Blender stores a number; it is made from the id, so a new order does not change what was chosen."""
    container.probe.style = "c"
    turned = dataclasses.replace(STYLE, choices=CHOICES[::-1])
    assert params.update({"probe": dataclasses.replace(MODEL, params=(turned,))})
    assert container.probe.style == "c"


def test_removed_choice_becomes_the_default(container):
    """A file may hold a choice that the model no longer offers."""
    container.probe.style = "c"
    info = dataclasses.replace(MODEL, params=(dataclasses.replace(STYLE, choices=CHOICES[:2]),))
    params.update({"probe": info})
    assert params.values(container, info) == {"style": "b"}


def test_values_survive_a_save_while_the_server_is_off(container, tmp_path):
    """Saved, loaded without the model being known, saved again, and found when the model is back."""
    import blender_aigc

    container.probe.size_px = 777
    container.probe.style = "a"
    path = str(tmp_path / "kept values ä.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    blender_aigc.unregister()
    blender_aigc.register()
    bpy.ops.wm.open_mainfile(filepath=path)
    assert not hasattr(bpy.context.scene.aigc.params, "probe")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    params.update({MODEL.id: MODEL})
    values = params.values(bpy.context.scene.aigc.params, MODEL)
    assert (values["size_px"], values["style"]) == (777, "a")


def test_update_rebuilds_only_what_changed(container):
    """A second look at the same models costs nothing and invalidates nothing."""
    before = type(container.probe)
    assert not params.update({MODEL.id: MODEL})
    assert type(container.probe) is before
    assert params.update({MODEL.id: dataclasses.replace(MODEL, params=(SIZE,))})
    assert not hasattr(container.probe, "depth")


def test_assign_puts_earlier_values_back(container):
    """Run Again with its settings: unknown keys of an older version are left out."""
    params.assign(container, MODEL, {"size_px": 128, "style": "a", "gone": 1})
    assert params.values(container, MODEL)["size_px"] == 128
    assert params.values(container, MODEL)["style"] == "a"


def test_a_model_without_parameters(addon):
    """Nothing to draw, nothing to send."""
    bare = ModelInfo("bare", "echo", "Bare", "")
    assert not params.update({"bare": bare})
    assert params.values(bpy.context.scene.aigc.params, bare) == {}
