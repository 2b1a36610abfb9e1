"""Every generator of the catalogue, with its defaults, its variants, at the ends of its parameters, and by chance."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from judges import areas, judge, open_edges, same, shells, volume

from blender_aigc.catalogue import GeneratorInfo, catalogue
from blender_aigc.director.generators import generate
from blender_aigc.director.generators.parts import Part
from blender_aigc.protocol import Fault

INFOS = catalogue().generators
VARIANTS = [(info, number) for info in INFOS for number in range(len(info.variants))]
MOST_BY_DEFAULT = 150_000
"""Faces: more would make a plan of many things slow."""


def coarse(info: GeneratorInfo, **values: object) -> dict:
    """`values` at the lowest detail, where there is one."""
    return {"detail": 0.25, **values} if any(p.key == "detail" for p in info.params) else values


def named(value: object) -> str:
    return value.id if isinstance(value, GeneratorInfo) else str(value)


@pytest.mark.parametrize(("info", "number"), VARIANTS, ids=named)
def test_each_variant_is_sound_and_as_large_as_it_says(info: GeneratorInfo, number: int) -> None:
    variant = info.variants[number]
    made = generate(info.id, variant.params)
    if number == 0:
        judge(made)  # the others coarse, below
    size = np.ptp(made.bounds(), axis=0)
    assert np.allclose(size, variant.size_m, rtol=0.06, atol=1e-6)
    assert made.faces() <= MOST_BY_DEFAULT
    assert (variant.mass_kg > 0) == (info.role in ("object", "cloth"))


@pytest.mark.parametrize("info", INFOS, ids=named)
def test_the_same_seed_gives_the_same_thing(info: GeneratorInfo) -> None:
    values = coarse(info)
    first = generate(info.id, values, 7)
    assert same(first, generate(info.id, values, 7))


@pytest.mark.parametrize("info", INFOS, ids=named)
def test_it_stands_on_the_ground_around_the_origin(info: GeneratorInfo) -> None:
    for variant in info.variants:
        made = generate(info.id, coarse(info, **variant.params))
        judge(made)
        if info.role != "object":
            continue
        low, high = made.bounds()
        size = high - low
        sinks = 0.15 if info.category in ("plants", "ground") else 0.004  # roots and buried stones; slanting legs
        assert -sinks * size[2] - 1e-6 <= low[2] <= 0.012 * size[2] + 1e-6, (variant.words, low[2])
        assert (np.abs((low + high) / 2)[:2] <= 0.5 * size[:2] + 1e-6).all(), "the origin is not under the thing"


def ends(info: GeneratorInfo) -> list[dict]:
    """Each numeric parameter alone at its lowest and highest value, each choice, at a coarse detail."""
    cases = []
    for param in info.params:
        if param.key == "detail":
            cases += [{"detail": param.minimum}]
        elif param.choices:
            cases += [{param.key: choice.id} for choice in param.choices]
        elif param.type == "bool":
            cases += [{param.key: value} for value in (False, True)]
        elif param.type in ("int", "float"):
            numbers = (param.minimum, param.maximum)
            cases += [{param.key: int(n) if param.type == "int" else float(n)} for n in numbers]
    return cases


@pytest.mark.parametrize("info", INFOS, ids=named)
def test_it_holds_at_the_ends_of_its_parameters(info: GeneratorInfo) -> None:
    for case in ends(info):
        try:
            judge(generate(info.id, coarse(info, **case)))
        except AssertionError as error:
            raise AssertionError(f"{info.id} with {case}: {error}") from None
        except Fault as fault:
            assert fault.code == "out_of_memory", (case, fault)


@pytest.mark.parametrize("info", INFOS, ids=named)
def test_it_holds_by_chance(info: GeneratorInfo) -> None:
    """Parameters drawn at random: what a language model will one day ask for."""
    rng = np.random.default_rng(5)
    for seed in range(2):
        values = coarse(info)
        for param in info.params:
            if param.choices:
                values[param.key] = str(rng.choice([choice.id for choice in param.choices]))
            elif param.type == "bool":
                values[param.key] = bool(rng.integers(2))
            elif param.type in ("int", "float") and param.key != "detail":
                low, high = param.minimum, param.maximum
                value = low + (high - low) * rng.random() ** 3
                values[param.key] = round(value) if param.type == "int" else float(value)
        try:
            judge(generate(info.id, values, seed))
        except AssertionError as error:
            raise AssertionError(f"{info.id} with {values}: {error}") from None
        except Fault as fault:
            assert fault.code == "out_of_memory", (values, fault)


@pytest.mark.parametrize("info", INFOS, ids=named)
def test_detail_changes_the_number_of_faces(info: GeneratorInfo) -> None:
    if coarse(info):
        faces = ([generate(info.id, {**v.params, "detail": d}).faces() for d in (0.25, 0.8)] for v in info.variants)
        assert any(low < high for low, high in faces)


@pytest.mark.parametrize("info", [i for i in INFOS if i.role == "cloth"], ids=named)
def test_cloth_is_ready_for_physics(info: GeneratorInfo) -> None:
    """Quads of about one size, one layer, pinned somewhere and free elsewhere, not one vertex twice."""
    for variant in info.variants:
        cloth = generate(info.id, variant.params).parts[0]
        assert (cloth.sizes == 4).all() and not cloth.closed
        assert 400 <= cloth.faces <= 12_000
        pins = cloth.groups["pin"]
        assert 0 < (pins > 0).mean() < 0.3
        assert len(np.unique(np.round(cloth.vertices, 5), axis=0)) == len(cloth.vertices), "a seam is not sewn"
        sizes = areas(cloth)
        assert np.percentile(sizes, 95) < 12 * np.percentile(sizes, 5)


@pytest.mark.parametrize("info", [i for i in INFOS if i.holds], ids=named)
def test_vessels_hold_what_is_poured_in(info: GeneratorInfo) -> None:
    """From a point above the floor of the inside: wall on all four sides and below, open above."""
    for variant in info.variants:
        if variant.params.get("closed"):
            continue
        part = generate(info.id, variant.params).parts[0]
        assert part.closed
        low, high = part.vertices.min(0), part.vertices.max(0)
        centre = np.array([0.0007, 0.0011, low[2] + 0.75 * (high[2] - low[2])])
        for direction in ((0, 0, -1), (0.2, 1, 0), (0.2, -1, 0), (0, 0.9, -0.4)):
            assert hits(part, centre, np.array(direction, float)) >= 2, (variant.words, direction)
        assert hits(part, centre, np.array([0.01, 0.02, 1.0])) == 0 or "teapot" in variant.words


def hits(part: Part, origin: np.ndarray, direction: np.ndarray) -> int:
    """How often a ray goes through the mesh (Moeller and Trumbore 1997, over all triangles)."""
    first = np.repeat(part.corners[np.concatenate([[0], np.cumsum(part.sizes)[:-1]])], part.sizes)
    following = np.roll(part.corners, -1)
    last = np.zeros(len(part.corners), bool)
    last[np.cumsum(part.sizes) - 1] = True
    keep = ~last & (part.corners != first)
    a, b, c = (part.vertices[i[keep]].astype(float) for i in (first, part.corners, following))
    e1, e2 = b - a, c - a
    p = np.cross(direction, e2)
    det = np.einsum("ij,ij->i", e1, p)
    ok = np.abs(det) > 1e-18
    inverse = 1 / np.where(ok, det, 1)
    t0 = origin - a
    u = np.einsum("ij,ij->i", t0, p) * inverse
    q = np.cross(t0, e1)
    v = (q @ direction) * inverse
    t = np.einsum("ij,ij->i", e2, q) * inverse
    return int((ok & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)).sum())


def test_every_shell_faces_outwards() -> None:
    """A chair is many closed pieces; one that is inside out would not show in the sum of the volumes."""
    for info in INFOS:
        for part in generate(info.id, coarse(info)).parts:
            if part.closed:
                label = shells(part)
                for shell in np.unique(label)[:25]:
                    faces = label[part.corners[np.concatenate([[0], np.cumsum(part.sizes)[:-1]])]] == shell
                    assert volume(only(part, faces)) > 0, (info.id, part.name)


def only(part: Part, faces: np.ndarray) -> Part:
    from dataclasses import replace

    middle = part.vertices.astype(float).mean(0)
    return replace(
        part,
        vertices=part.vertices - middle,
        corners=part.corners[np.repeat(faces, part.sizes)],
        sizes=part.sizes[faces],
    )


def test_too_fine_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("blender_aigc.director.generators"), "MOST_FACES", 100)
    with pytest.raises(Fault, match="would have [0-9,]+ faces") as told:
        generate("ball")
    assert told.value.code == "out_of_memory" and "Detail" in told.value.hint


def test_the_judges_see_what_is_wrong() -> None:
    from dataclasses import replace

    ball = generate("ball", {"detail": 0.25})
    (part,) = ball.parts
    torn = replace(
        part,
        corners=part.corners[4:],
        sizes=part.sizes[1:],
        uvs=part.uvs[4:],
        slots=part.slots[1:],
        smooth=part.smooth[1:],
    )
    assert open_edges(part) == 0 and open_edges(torn) == 4
    for broken in (
        torn,
        replace(part, vertices=part.vertices * np.float32(np.nan)),
        replace(part, vertices=part.vertices * np.float32([1, 1, 0])),
        replace(part, vertices=part.vertices * np.float32([1, 1, -1])),
        replace(part, looks=("unheard of",)),
    ):
        with pytest.raises(AssertionError):
            judge(replace(ball, parts=(broken,)))
