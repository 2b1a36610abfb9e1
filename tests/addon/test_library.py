"""The library in Blender: Add operators with their parameters, scatter, the user's own marked things, what is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from blender_aigc import panels_library, thumbnails
from blender_aigc.catalogue import Catalogue, catalogue, describe
from blender_aigc.director.generators.add import MADE_BY, add, scatter
from blender_aigc.gather.own_things import own_things
from blender_aigc.operators_library import operator_id
from blender_aigc.protocol import Fault


def operator_of(generator_id: str):
    return getattr(bpy.ops.aigc, operator_id(generator_id).removeprefix("aigc."))


def counted() -> dict[str, int]:
    return {key: len(getattr(bpy.data, key)) for key in ("objects", "meshes", "materials", "worlds", "collections")}


def test_each_generator_has_an_operator_with_all_its_parameters(addon):
    for info in catalogue().generators:
        shown = operator_of(info.id).get_rna_type().properties
        for param in info.params:
            assert param.key in shown and shown[param.key].description == param.help
            if param.type == "enum":
                assert [item.identifier for item in shown[param.key].enum_items] == [c.id for c in param.choices]
        assert getattr(bpy.types, f"AIGC_OT_add_{info.id}").bl_options == {"REGISTER", "UNDO"}


def test_a_chair_is_added_at_the_cursor_selected_and_can_be_made_again(addon):
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert operator_of("chair")(kind="stool", seat_m=0.6, seed=4, label="Hocker", detail=0.25) == {"FINISHED"}
    (stool,) = bpy.context.selected_objects
    assert stool == bpy.context.active_object and stool.name == "Hocker" and tuple(stool.location) == (1, 2, 3)
    assert stool.dimensions.z == pytest.approx(0.6, abs=0.01)
    recipe = json.loads(stool[MADE_BY])
    assert recipe["generator"] == "chair" and recipe["seed"] == 4 and recipe["values"]["seat_m"] == 0.6
    again = add(bpy.context, recipe["generator"], recipe["values"], recipe["seed"]).root
    one, other = (np.array([v.co for v in obj.data.vertices]) for obj in (stool, again))
    assert np.array_equal(one, other)


def test_one_undo_takes_it_away(addon):
    bpy.ops.ed.undo_push(message="before")
    before = counted()
    operator_of("flag")("EXEC_DEFAULT", True, detail=0.25)
    assert counted()["objects"] == before["objects"] + 2
    bpy.ops.ed.undo()
    assert counted()["objects"] == before["objects"]


def test_a_sky_becomes_the_world(addon):
    operator_of("sky")(sun_elevation_deg=5.0)
    assert bpy.context.scene.world is not None and MADE_BY in bpy.context.scene.world
    assert not bpy.data.objects


def test_a_metre_is_a_metre_in_a_scene_of_centimetres(addon):
    bpy.context.scene.unit_settings.scale_length = 0.01
    operator_of("table")(height_m=0.8, detail=0.25)
    assert bpy.context.active_object.dimensions.z == pytest.approx(80, rel=0.01)


def test_what_cannot_be_made_leaves_the_file_as_it_was(addon, monkeypatch):
    from blender_aigc.director import generators

    monkeypatch.setattr(generators, "MOST_FACES", 10)
    before = counted()
    with pytest.raises(RuntimeError, match="would have"):
        operator_of("ball")()
    with pytest.raises(Fault, match="no generator"):
        add(bpy.context, "submarine")
    assert counted() == before


def ground() -> bpy.types.Object:
    """A square of 10 m whose half at -X is level and whose other half rises at 60 degrees."""
    rise = 5 * np.tan(np.radians(60))
    points = [(-5, -5, 0), (0, -5, 0), (5, -5, rise), (-5, 5, 0), (0, 5, 0), (5, 5, rise)]
    mesh = bpy.data.meshes.new("Ground")
    mesh.from_pydata(points, [], [(0, 1, 4, 3), (1, 2, 5, 4)])
    made = bpy.data.objects.new("Ground", mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def test_scattered_things_stand_on_the_flat_part_and_share_their_mesh(addon):
    rock = add(bpy.context, "rock", {"detail": 0.25}).root
    place, meshes = ground(), len(bpy.data.meshes)
    bpy.context.view_layer.update()
    group = scatter(bpy.context, place, [rock], 300, sizes=(0.5, 2.0), steepest_deg=40)
    bpy.context.view_layer.update()
    assert len(group.objects) == 300 and len(bpy.data.meshes) == meshes
    places = np.array([obj.matrix_world.translation for obj in group.objects])
    assert np.allclose(places[:, 2], 0, atol=1e-5) and places[:, 0].max() <= 1e-5 and np.abs(places).max() <= 5
    quarters = np.histogram2d(places[:, 0], places[:, 1], bins=(2, 2))[0]
    assert quarters.min() > 50, "the ground is not covered evenly"
    sizes = np.array([obj.matrix_world.to_scale()[0] for obj in group.objects])
    assert 0.5 <= sizes.min() < 0.7 and 1.7 < sizes.max() <= 2.0
    again = scatter(bpy.context, place, [rock], 300, sizes=(0.5, 2.0), steepest_deg=40)
    bpy.context.view_layer.update()
    assert np.array_equal(places, [obj.matrix_world.translation for obj in again.objects])


def test_scattered_things_keep_their_children_and_lean_with_the_ground(addon):
    flag = add(bpy.context, "flag", {"detail": 0.25, "pole_m": 1.0, "height_m": 0.4, "width_m": 0.5}).root
    place = ground()
    bpy.context.view_layer.update()
    group = scatter(bpy.context, place, [flag, *flag.children], 40, upright=0.0, steepest_deg=90)
    bpy.context.view_layer.update()
    assert len(group.objects) == 80
    tops = [obj for obj in group.objects if obj.parent is None]
    assert len(tops) == 40 and all(
        child.matrix_world == child.parent.matrix_world for top in tops for child in top.children
    )
    leans = {
        round(float(np.degrees(np.arccos(min(1, obj.matrix_world.to_3x3().col[2].normalized().z))))) for obj in tops
    }
    assert leans == {0, 60}


def test_scatter_says_what_is_missing(addon):
    with pytest.raises(Fault, match="nowhere flat enough"):
        steep = ground()
        steep.rotation_euler.y = np.radians(-90)
        rock = add(bpy.context, "rock", {"detail": 0.25}).root
        bpy.context.view_layer.update()
        scatter(bpy.context, steep, [rock], 10, steepest_deg=10)
    with pytest.raises(Fault, match="Nothing is selected"):
        scatter(bpy.context, rock, [rock], 10)
    empty = bpy.data.objects.new("Empty", None)
    bpy.context.scene.collection.objects.link(empty)
    with pytest.raises(Fault, match="no surface"):
        scatter(bpy.context, empty, [rock], 10)


def test_the_users_own_things_enter_the_catalogue(addon):
    vase = add(bpy.context, "vase", {"detail": 0.25, "height_m": 0.5}, name="Oma's Vase").root
    assert bpy.ops.aigc.mark_own(words="Heirloom, vase ,", about="From grandmother") == {"FINISHED"}
    group = bpy.data.collections.new("Garden")
    bpy.context.scene.collection.children.link(group)
    group.objects.link(ground())
    group.asset_mark()
    bpy.context.view_layer.update()
    garden, own = own_things()
    assert (own.name, own.kind, own.words, own.help) == (
        "Oma's Vase",
        "object",
        ("heirloom", "vase"),
        "From grandmother",
    )
    assert own.size_m[2] == pytest.approx(0.5, abs=0.01) and own.size_m == tuple(
        pytest.approx(length, abs=1e-3) for length in vase.dimensions
    )
    assert (garden.name, garden.kind) == ("Garden", "collection") and garden.size_m[0] == pytest.approx(10)
    whole = Catalogue(catalogue().generators, (garden, own))
    assert whole.find_asset("heirlooms") is own and "Oma's Vase (heirloom, vase): the user's own object" in describe(
        whole
    )
    bpy.context.view_layer.objects.active = vase
    assert bpy.ops.aigc.unmark_own() == {"FINISHED"}
    assert [asset.name for asset in own_things()] == ["Garden"]


def test_plans_place_the_users_own_objects_and_collections(addon):
    """What the director makes of a marked object with children and of a marked collection."""
    from blender_aigc.apply.scene import Made
    from blender_aigc.director.sources import mesh_of
    from blender_aigc.plan import PlanObject

    flag = add(bpy.context, "flag", {"detail": 0.25}, name="Banner").root
    flag.asset_mark()
    group = bpy.data.collections.new("Garden")
    bpy.context.scene.collection.children.link(group)
    for obj in (ground(), add(bpy.context, "ball", {"detail": 0.25}).root):
        group.objects.link(obj)
    group.asset_mark()
    bpy.context.view_layer.update()
    for name, objects in (("Banner", [flag, *flag.children]), ("Garden", list(group.objects))):
        mesh = mesh_of(bpy.context, PlanObject(name="Own", shape="asset", source=name), 0, Made())
        assert len(mesh.polygons) == sum(len(obj.data.polygons) for obj in objects)
    with pytest.raises(Fault, match="no asset 'Gardn'") as told:
        mesh_of(bpy.context, PlanObject(name="Own", shape="asset", source="Gardn"), 0, Made())
    assert "Garden" in told.value.hint


class Paper:
    """Writes down what is drawn; refuses operators, menus and properties that do not exist."""

    def __init__(self, drawn: list) -> None:
        self.drawn = drawn

    def row(self, **_options):
        return Paper(self.drawn)

    column = row

    def separator(self) -> None:
        pass

    def label(self, text: str = "") -> None:
        self.drawn.append(text)

    def prop(self, data, name: str, text: str = "") -> None:
        assert name in data.bl_rna.properties

    def template_icon(self, icon_value: int, scale: float) -> None:
        self.drawn.append(icon_value)

    def operator(self, idname: str, text: str = "", translate: bool = True):
        rna = getattr(bpy.ops.aigc, idname.removeprefix("aigc.")).get_rna_type()
        self.drawn.append(idname)
        made = SimpleNamespace()

        class Properties:
            def __setattr__(self, name: str, value: object) -> None:
                assert name in rna.properties, (idname, name)
                setattr(made, name, value)

        return Properties()

    def menu(self, idname: str, **_options) -> None:
        assert hasattr(bpy.types, idname)
        self.drawn.append(idname)


def test_every_generator_stands_in_the_panel_and_in_the_menu(addon):
    drawn: list = []
    manager = bpy.context.window_manager
    for category, _ in panels_library.CATEGORIES:
        manager.aigc_category = category
        panels_library.AIGC_PT_library.draw(SimpleNamespace(layout=Paper(drawn)), bpy.context)
    buttons = [what for what in drawn if isinstance(what, str) and what.startswith("aigc.add_")]
    assert sorted(buttons) == sorted(operator_id(info.id) for info in catalogue().generators)
    menu: list = []
    panels_library.AIGC_MT_library.draw(SimpleNamespace(layout=Paper(menu)), bpy.context)
    kinds = [what for what in menu if what.startswith("AIGC_MT_kinds_")]
    assert len(kinds) == len(catalogue().generators)
    for info in catalogue().generators:
        inside: list = []
        getattr(bpy.types, panels_library.menu_id(info)).draw(SimpleNamespace(layout=Paper(inside)), bpy.context)
        assert inside == [operator_id(info.id)] * len(info.variants)


def test_every_generator_has_a_small_picture(addon):
    for info in catalogue().generators:
        path: Path = panels_library.PICTURES / f"{info.id}.jpg"
        assert path.is_file() and path.stat().st_size < 8192, f"run: python docs/thumbnails.py {info.id}"
        assert thumbnails._paths[f"generator {info.id}"] == str(path)
        assert path.read_bytes()[:3] == b"\xff\xd8\xff"
    assert {p.stem for p in panels_library.PICTURES.glob("*.jpg")} == {info.id for info in catalogue().generators}
