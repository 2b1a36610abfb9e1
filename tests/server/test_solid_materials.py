"""The library of materials, the words that choose from it, and how surfaces are seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_meshes import cube, packed_sides

from server.geometry.exposure import bend, sky_share
from server.geometry.texels import Sheet
from server.geometry.texture_sets import texture_sets
from server.materials.core import Points, Recipe, rgb
from server.materials.library import MATERIALS
from server.materials.names import CHOICES
from server.materials.noise import Space, cells, fbm, perlin
from server.materials.painter import Body, look_at, srgb_bytes
from server.materials.weathering import weathered
from server.materials.words import COLOURS, notes_of, read
from server.texturing.exposures import exposures


def points(count: int = 3000, seed: int = 0, spacing: float = 0.002) -> Points:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(count, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    place = rng.uniform(-1, 1, (3, count)).astype(np.float32)
    others = (
        rng.random(count, np.float32),
        rng.uniform(-0.5, 1, count).astype(np.float32),
        rng.random(count, np.float32),
    )
    return Points(Space(*place, spacing), normal, normal[:, 2].copy(), *others)


@pytest.mark.parametrize("name", MATERIALS)
def test_every_material_is_sound(name: str) -> None:
    """Finite, within range, the same for each point whatever else is computed with it, and no single tone."""
    p, recipe = points(), Recipe(age=0.8, dirt=0.6, seed=3)
    look = weathered(p, recipe, MATERIALS[name], MATERIALS[name].make(p, recipe))
    for field, width in ((look.colour, 3), (look.roughness, 1), (look.metallic, 1), (look.height, 1)):
        assert field.shape == ((len(p), 3) if width == 3 else (len(p),))
        assert field.dtype == np.float32 and np.isfinite(field).all()
    assert look.colour.min() >= 0 and look.colour.max() <= 1
    assert -0.01 <= look.metallic.min() and look.metallic.max() <= 1.01
    assert np.abs(look.height).max() < 0.2
    assert look.colour.std(axis=0).max() > 0.003
    part = slice(100, 400)
    space = Space(p.space.x[part], p.space.y[part], p.space.z[part], p.space.spacing_m)
    few = Points(space, *(getattr(p, key)[part] for key in ("normal", "up", "level", "bend", "sky")), p.grain)
    again = weathered(few, recipe, MATERIALS[name], MATERIALS[name].make(few, recipe))
    assert np.allclose(again.colour, look.colour[part], atol=1e-5)


def lying(count: int = 4000, bend: float = 0.0, sky: float = 1.0) -> Points:
    """Points that all lie alike."""
    return dataclasses.replace(
        points(count), bend=np.full(count, bend, np.float32), sky=np.full(count, sky, np.float32)
    )


def after(p: Points, name: str, **recipe: float):
    """A material after a life, and as it was made."""
    material, wanted = MATERIALS[name], Recipe(**({"age": 0.0, "dirt": 0.0} | recipe))
    return weathered(p, wanted, material, material.make(p, wanted)), material.make(p, wanted)


@pytest.mark.parametrize("name", ["wood", "painted", "brick"])
def test_edges_wear_and_nothing_else_does(name: str) -> None:
    """Lighter, and rubbed off; the older, the more. Flat places and grooves stay bit for bit."""
    worn, new = after(lying(bend=1.0), name, age=0.9)
    assert (worn.colour - new.colour).mean() > 0.02 and (worn.height - new.height).min() < -0.0002
    for flat in (0.0, -1.0):
        kept, new = after(lying(bend=flat), name, age=0.9)
        assert np.array_equal(kept.colour, new.colour) and np.array_equal(kept.height, new.height)
    younger, new = after(lying(bend=1.0), name, age=0.2)
    assert (younger.colour - new.colour).mean() < 0.5 * (worn.colour - new.colour).mean()


@pytest.mark.parametrize("lies", [{"bend": -1.0}, {"sky": 0.3}], ids=["groove", "shelter"])
def test_dirt_sits_in_cavities(lies: dict[str, float]) -> None:
    """Brown and dull, in grooves and where little light comes; the open flat stays nearly as it was."""

    def share(p: Points, dirt: float) -> float:
        dirty, clean = after(p, "ceramic", dirt=dirt)
        assert (dirty.roughness >= clean.roughness - 1e-6).all()
        return float(np.abs(dirty.colour - clean.colour).mean())

    hollow, flat = lying(**lies), lying()
    assert share(hollow, 0.8) > 5 * share(flat, 0.8) and share(hollow, 0.8) > 2 * share(hollow, 0.1) > 0
    assert share(hollow, 0.0) == 0


def test_materials_differ_and_the_panel_lists_them_all() -> None:
    assert [choice.id for choice in CHOICES] == [m.id for m in sorted(MATERIALS.values(), key=lambda m: m.label)]
    p = points(800)
    means = []
    for material in MATERIALS.values():
        look = material.make(p, Recipe())
        means.append([*look.colour.mean(axis=0), look.roughness.mean(), look.metallic.mean(), look.height.std() * 100])
    apart = np.linalg.norm(np.array(means)[:, None] - np.array(means)[None], axis=2) + np.eye(len(means))
    assert apart.min() > 0.02


@pytest.mark.parametrize(
    ("prompt", "material", "ignored"),
    [
        ("old rusty red metal with scratches", "metal", []),
        ("a mossy stone wall", "rock", ["wall"]),
        ("moss", "moss", []),
        ("two-tone blue and white ceramic", "ceramic", []),
        ("golden", "metal", []),
        ("red painted metal", "metal", []),
        ("checkered cloth", "fabric", []),
        ("weathered oak planks", "wood", []),
        ("old planks", "wood", []),
        ("blue and white tiles", "tiles", []),
        ("white tiles with black grout", "tiles", []),
        ("mossy cobblestones", "cobble", []),
        ("rusty scratches on steel", "metal", []),
        ("leathery dragon", "leather", ["dragon"]),
        ("a flying carpet", "carpet", ["flying"]),
        ("bright green", "painted", []),
        ("xyzzy", "plaster", ["xyzzy"]),
        ("Ein Stuhl aus Eiche", "plaster", ["ein", "stuhl", "aus", "eiche"]),
        ("", "plaster", []),
    ],
)
def test_words_choose(prompt: str, material: str, ignored: list[str]) -> None:
    reading = read(prompt)
    assert (reading.material.id, reading.ignored) == (material, ignored)


def test_what_nothing_named_is_said() -> None:
    """Plaster is a guess where nothing says so, and none where a word, a choice or the object's name does."""
    assert notes_of([read("")]) == ["No material is named, so it is plaster."]
    assert notes_of([read("qwertz")]) == ["Not understood: qwertz.", "No material is named, so it is plaster."]
    assert notes_of([read("plaster"), read("", "WoodenTable"), read("", choice="brick"), read("red")]) == []


def test_words_set_the_recipe() -> None:
    worn = read("very old dirty metal without scratches").recipe
    assert worn.age > 0.9 and worn.dirt > 0.7 and not worn.extras.get("scratches")
    assert read("dark red leather").recipe.colours[0] < read("red leather").recipe.colours[0]
    assert read("polished granite").recipe.gloss > 0.5 > read("granite").recipe.gloss
    two = read("wood and metal")
    assert two.second is not None and two.second[0].id == "metal"
    assert read("", "OakTable.001").material.id == "wood"
    assert read("gold", choice="marble").material.id == "marble"
    assert len({read(f"{name} plastic").recipe.colours[0] for name in COLOURS}) >= len(COLOURS) - 2


def test_colours_of_the_library_come_out_as_written() -> None:
    for code in ("#a0522d", "#0a141e", "#ffffff"):
        assert srgb_bytes(np.float32([rgb(code)])).tobytes().hex() == code[1:]


def test_noise_is_noise() -> None:
    """Mean 0, as wide as it says, the same at the same place, other with another seed, smooth between cells."""
    rng = np.random.default_rng(1)
    s = Space(*(rng.uniform(-300, 300, (3, 40000)).astype(np.float32)))
    for noise in (perlin(s, 1), fbm(s, 1)):
        assert abs(noise.mean()) < 0.02 and 0.2 < noise.std() < 0.4 and np.abs(noise).max() < 1.6
    assert abs(np.corrcoef(perlin(s, 1), perlin(s, 2))[0, 1]) < 0.03
    near = perlin(s.moved(1e-3, 0, 0), 1)
    assert np.abs(near - perlin(s, 1)).max() < 0.02
    found = cells(s, 3)
    assert (found.nearest <= found.second).all() and found.nearest.max() < 1.5
    assert np.allclose(np.linalg.norm(found.offset, axis=0), found.nearest, atol=1e-5)
    assert 0.45 < found.number.mean() < 0.55


def test_octaves_that_samples_cannot_carry_are_left_out() -> None:
    rng = np.random.default_rng(1)
    place = rng.uniform(-9, 9, (3, 4000)).astype(np.float32)
    assert np.allclose(fbm(Space(*place, 3.0), 5), 0)
    assert fbm(Space(*place, 0.01), 5).std() > fbm(Space(*place, 0.3), 5).std() > 0.1


def samples(mesh, size: int = 128):
    (group,), _ = texture_sets(mesh, size)
    sheet = Sheet(mesh, group, size)
    texels = sheet.texels(np.flatnonzero(sheet.covered.reshape(-1)))
    area = np.linalg.norm(np.cross(*sheet.axes(texels.face)), axis=1).astype(np.float32)
    return texels.position, texels.normal, area


def test_edges_bend_and_sides_do_not() -> None:
    position, normal, area = samples(cube(packed_sides()))
    value = bend(position, normal, area, 0.1)
    inner = np.sort(np.abs(position), axis=1)[:, 1]  # the second largest coordinate: 1 on an edge
    assert value[inner > 0.985].mean() > 0.6
    assert np.abs(value[inner < 0.7]).max() < 0.01
    assert value.min() > -0.05
    inward = bend(position, -normal, area, 0.1)
    assert inward[inner > 0.985].mean() < -0.6, "seen from within, the same edges are grooves"


def test_the_sky_as_rays_see_it() -> None:
    """Against embree on a bowl: a cube without its top, from inside and outside."""
    trimesh = pytest.importorskip("trimesh")
    pytest.importorskip("embreex")
    mesh = cube(packed_sides())
    keep = np.ones(len(mesh.faces), bool)
    keep[(mesh.corner_normals[:, 0, 2] > 0.5)] = False
    faces = np.concatenate([mesh.faces[keep], mesh.faces[keep][:, ::-1]])
    position, normal, area = samples(mesh)
    outside = normal[:, 2] < 0.5
    position = np.concatenate([position[outside], position[outside] * np.float32(0.97)])
    normal = np.concatenate([normal[outside], -normal[outside]])
    found, _ = sky_share(position, normal, float(np.sqrt(np.median(area))))
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(position), 300, replace=False)
    directions = rng.normal(size=(len(chosen), 256, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    cosine = np.einsum("nrd,nd->nr", directions, normal[chosen])
    directions *= np.sign(cosine)[..., None]
    origins = np.repeat(position[chosen] * 1.0 + normal[chosen] * 1e-3, 256, axis=0)
    walls = trimesh.Trimesh(
        np.concatenate([mesh.vertices, mesh.vertices * 0.97]),
        np.concatenate([faces, faces + len(mesh.vertices)]),
        process=False,
    )
    hit = walls.ray.intersects_any(origins, directions.reshape(-1, 3)).reshape(len(chosen), 256)
    weight = np.abs(cosine)
    exact = ((~hit) * weight).sum(axis=1) / weight.sum(axis=1)
    assert np.abs(found[chosen] - exact).mean() < 0.06
    assert np.corrcoef(found[chosen], exact)[0, 1] > 0.97


def wound_the_other_way(mesh, which: np.ndarray):
    """`mesh` with some faces (F,) bool the other way round, and their normals."""
    turned = np.where(which[:, None], [[2, 1, 0]], [[0, 1, 2]])
    flipped = {
        name: np.take_along_axis(values, turned.reshape(-1, 3, *[1] * (values.ndim - 2)), axis=1)
        for name, values in (
            ("faces", mesh.faces),
            ("corner_normals", mesh.corner_normals),
            ("corner_uvs", mesh.corner_uvs),
        )
    }
    flipped["corner_normals"] = flipped["corner_normals"] * np.where(which, -1, 1).astype(np.float32)[:, None, None]
    return dataclasses.replace(mesh, **flipped)


def lies(mesh):
    (group,), _ = texture_sets(mesh, 128)
    (found,) = exposures(mesh, [group], 128, lambda: None)
    return found


def test_faces_wound_either_way_lie_as_their_neighbours_do() -> None:
    """As importers leave them: every second triangle of a cube looks inwards, and edges and sky stay what they are."""
    mesh = cube(packed_sides())
    right = lies(mesh)
    mixed = lies(wound_the_other_way(mesh, np.arange(len(mesh.faces)) % 2 == 1))
    assert right.sky.mean() > 0.9 and right.bend.max() > 0.7 and (right.side == 1).all()
    assert np.abs(mixed.sky - right.sky).mean() < 0.02 and np.abs(mixed.bend - right.bend).mean() < 0.02
    assert 0.3 < (mixed.side < 0).mean() < 0.7


def test_a_room_seen_from_within_keeps_its_corners() -> None:
    """All normals look inwards because they are meant to: corners are grooves, and not all of it is a hollow."""
    mesh = cube(packed_sides())
    room = lies(wound_the_other_way(mesh, np.ones(len(mesh.faces), bool)))
    assert (room.side == 1).all() and room.bend.min() < -0.7 and room.sky.mean() > 0.9


def test_patterns_turn_with_their_object_and_know_its_scale() -> None:
    """A board keeps its grain however it is turned; half the unit makes everything half as large."""
    rng = np.random.default_rng(2)
    place = rng.uniform(-0.5, 0.5, (500, 3)).astype(np.float32) * (3, 0.5, 0.2)
    normal = np.tile(np.float32([0, 0, 1]), (500, 1))
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float64)
    world = np.eye(4)
    reading = read("oak")
    reading.recipe.age = reading.recipe.dirt = 0
    flat = np.zeros(500, np.float32)
    still = look_at(place.astype(np.float32), normal, flat, flat + 1, Body.of(place, world, 1.0), reading, 0.001)
    world[:3, :3] = turn
    moved = (place @ turn.T).astype(np.float32)
    turned = look_at(moved, normal, flat, flat + 1, Body.of(moved, world, 1.0), reading, 0.001)
    assert np.allclose(still.colour, turned.colour, atol=2e-3)
    twice = look_at(
        (place * 2).astype(np.float32), normal, flat, flat + 1, Body.of(place * 2, np.eye(4), 2.0), reading, 0.002
    )
    assert np.allclose(still.colour, twice.colour, atol=2e-3)
    assert np.allclose(still.height * 2, twice.height, atol=1e-6)


def test_a_side_that_lies_where_boards_meet_is_of_one_of_them() -> None:
    """Rounding puts its points on either side of that plane: they were speckled with two boards, or all gap."""
    rng = np.random.default_rng(4)
    place = rng.uniform(-0.5, 0.5, (2000, 3)).astype(np.float32)
    body = Body(np.zeros(3), np.eye(3, dtype=np.float32), 1.0, -1.0, 1.0, 0)
    flat = np.zeros(len(place), np.float32)
    for axis, plane in ((1, 0.0), (1, 0.24), (2, 0.0), (2, -0.12)):
        for side in (1, -1):
            normal = np.zeros_like(place)
            normal[:, axis] = side

            def seen(depth: np.ndarray, axis: int = axis, normal: np.ndarray = normal) -> np.ndarray:
                lying = place.copy()
                lying[:, axis] = depth
                return look_at(lying, normal, flat, flat + 1, body, read("oak planks"), 0.001).colour

            rounded = seen(np.float32(plane) + rng.uniform(-1e-6, 1e-6, len(place)).astype(np.float32))
            assert np.abs(rounded - seen(flat + plane)).max() < 0.02
            assert rounded.mean() > 0.7 * seen(flat + plane - side * np.float32(0.02)).mean()
