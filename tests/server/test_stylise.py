"""The filters of `stylise`: they change what they should, and nothing moves; judged by measuring their pictures."""

from __future__ import annotations

import itertools
import json
import uuid
from pathlib import Path

import numpy as np
import pytest

from blender_aigc.protocol import Blob, Fault, Job
from server.filters.canvas import Canvas
from server.filters.colour import lightness, oklab_from_srgb, srgb_from_oklab
from server.filters.drawing import hatching_direction
from server.filters.fields import gaussian, lattice, noise
from server.filters.look import Look, Subject
from server.filters.palette import clustered, recoloured
from server.filters.passes import Passes, read_passes
from server.filters.stylised import stylised
from server.pipe import Report
from server.registry import Registry
from server.worker import Runner

STYLES = ("painting", "pencil", "ink", "watercolour", "cel", "palette")
REGISTRY = Registry()


def ball(height: int = 96, width: int = 144, centre: float = 0.0) -> Passes:
    """A lit ball before a wall, with exact passes. centre: of the ball, px to the right of the picture's middle."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = 0.36 * height
    u, v = (x - (width - 1) / 2 - centre) / radius, ((height - 1) / 2 - y) / radius
    inside = u * u + v * v < 1
    z = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    normal = np.where(inside[..., None], np.stack([u, v, z], -1), np.float32([0, 0, 1])).astype(np.float32)
    light = np.clip(0.25 + 0.75 * (0.7 * z + 0.6 * v), 0.05, 1)
    colour = np.where(inside[..., None], light[..., None] * [0.95, 0.45, 0.25], [0.45, 0.6, 0.7])
    combined = np.full((height, width, 4), 255, np.uint8)
    combined[..., :3] = np.rint(colour * 255)
    depth = np.where(inside, 5 - z, 8).astype(np.float32)
    ids = np.where(inside, 2, 1).astype(np.int32)
    return Passes(combined, depth=depth, normal=normal, object_id=ids, material_id=ids)


def draw(passes: Passes, strength: float = 1.0, reference: np.ndarray | None = None, **look: object) -> np.ndarray:
    return stylised(passes, Look(**look), strength, reference, lambda *_: None, lambda: None)


def mirrored(passes: Passes) -> Passes:
    flip = {name: getattr(passes, name)[:, ::-1].copy() for name in ("combined", *passes.given)}
    if "normal" in flip:
        flip["normal"][..., 0] *= -1
    return Passes(**flip)


def shift_px(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """(x, y) by which `after` lies beside `before`: least squares on gradients (Lucas and Kanade 1981)."""
    a, b = gaussian(before, 2.0), gaussian(after, 2.0)
    gain, offset = np.polyfit(a.ravel(), b.ravel(), 1)
    a = a * gain + offset
    gy, gx = np.gradient((a + b) / 2)
    system = np.stack([gx.ravel(), gy.ravel()], -1)
    x, y = np.linalg.lstsq(system, (a - b).ravel(), rcond=None)[0]
    return float(x), float(y)


# ------------------------------------------------------------------------------------------------ what holds for all


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_gives_the_same_picture_and_another_one_another(style: str) -> None:
    passes = ball()
    first = draw(passes, style=style, seed=3)
    assert (draw(passes, style=style, seed=3) == first).all()
    other = draw(passes, style=style, seed=4)
    assert (other != first).any() == (style in ("painting", "pencil", "ink", "watercolour"))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3), (33, 65), (97, 40)], ids=str)
def test_every_size_stays_as_it_is(style: str, size: tuple[int, int]) -> None:
    """Odd sizes, lines and single pixels too; with passes and without."""
    passes = ball(*size)
    assert draw(passes, style=style).shape == (*size, 4)
    assert draw(Passes(passes.combined), style=style).shape == (*size, 4)


@pytest.mark.parametrize("style", STYLES)
def test_strength_zero_is_the_picture_and_more_changes_more(style: str) -> None:
    passes = ball()
    assert (draw(passes, 0.0, style=style) == passes.combined).all()
    change = [np.abs(draw(passes, s, style=style).astype(int) - passes.combined).mean() for s in (0.3, 0.6, 1.0)]
    assert 0.2 < change[0] < change[1] < change[2]


def test_only_what_is_masked_changes() -> None:
    """Grey parts of the mask change by their share."""
    passes = ball()
    everywhere = draw(passes, style="ink").astype(int)
    passes.mask = np.tile(np.linspace(0, 255, 144).round().astype(np.uint8), (96, 1))
    before, after = passes.combined.astype(int), draw(passes, style="ink").astype(int)
    share = passes.mask[..., None] / 255
    assert np.abs(after - (before + (everywhere - before) * share))[..., :3].max() <= 1
    assert (after[:, 0] == before[:, 0]).all() and (everywhere[:, -1] == after[:, -1]).all()


@pytest.mark.parametrize("style", STYLES)
def test_alpha_is_kept_bit_for_bit(style: str) -> None:
    passes = ball()
    passes.combined[..., 3] = (np.arange(144) * 255 // 143)[None]
    passes.combined[:8] = (1, 2, 3, 0)
    made = draw(passes, style=style)
    assert (made[..., 3] == passes.combined[..., 3]).all()
    assert (made[:8] == passes.combined[:8]).all()


@pytest.mark.parametrize("style", STYLES)
def test_what_is_hidden_does_not_bleed_into_what_is_seen(style: str) -> None:
    """Renderers leave black under transparency; its colour must not matter."""
    black, white = ball(), ball()
    for passes, colour in ((black, 0), (white, 255)):
        away = passes.object_id == 1
        passes.combined[away] = (colour, colour, colour, 0)
    seen = black.combined[..., 3] > 0
    assert (draw(black, style=style)[seen] == draw(white, style=style)[seen]).all()


@pytest.mark.parametrize("style", ["painting", "watercolour", "cel", "palette"])
@pytest.mark.parametrize("width", [144, 145])
def test_a_mirrored_scene_gives_the_mirrored_picture(style: str, width: int) -> None:
    """Without paper and brush there is no left and right in these filters: not even half a pixel of shift."""
    passes = ball(width=width)
    made, other = draw(passes, style=style, texture=0.0), draw(mirrored(passes), style=style, texture=0.0)
    difference = np.abs(made.astype(int) - other[:, ::-1])
    if style == "cel":  # a rim has no side, but a percentile may round
        assert (difference > 2).mean() < 0.002
    else:
        assert difference.max() <= 2


@pytest.mark.parametrize("style", STYLES)
def test_nothing_moves(style: str) -> None:
    """Less than 0.05 px, against the mirrored picture of the mirrored scene: a shift would show twice.

    Hatching slants by intention, so pencil and ink are judged by their outlines.
    """
    passes = ball(240, 360)
    if style in ("pencil", "ink"):
        passes.combined[..., :3] = 200
    made = lightness(draw(passes, style=style, texture=0.0)[..., :3] / 255.0)
    back = lightness(draw(mirrored(passes), style=style, texture=0.0)[..., :3] / 255.0)
    x, y = shift_px(back[:, ::-1], made)
    assert abs(x) / 2 < 0.05 and abs(y) / 2 < 0.05
    moved, _ = shift_px(made[:, :-1], made[:, 1:])
    assert moved == pytest.approx(-1, abs=0.3), "the measure itself must see a pixel"


@pytest.mark.parametrize("style", ["pencil", "ink", "cel", "watercolour"])
@pytest.mark.parametrize("size", [(240, 360), (241, 361)], ids=str)
def test_the_outline_lies_where_the_thing_is(style: str, size: tuple[int, int]) -> None:
    """The middle of all the ink of a circle's outline is the circle's centre, to 0.05 px, in x and in y."""
    passes = ball(*size)
    passes.combined[..., :3], passes.normal = 200, None  # no rim light
    made = lightness(draw(passes, style=style, texture=0.0, line_px=3.0)[..., :3] / 255.0)
    ink = np.clip(np.median(made) - made - 0.1, 0, None)
    y, x = np.mgrid[: size[0], : size[1]]
    assert (x * ink).sum() / ink.sum() == pytest.approx((size[1] - 1) / 2, abs=0.05)
    assert (y * ink).sum() / ink.sum() == pytest.approx((size[0] - 1) / 2, abs=0.05)


@pytest.mark.parametrize("style", STYLES)
def test_without_passes_it_works_and_with_them_it_is_another_picture(style: str) -> None:
    passes = ball()
    plain = draw(Passes(passes.combined), style=style, line_px=2.0)
    assert np.ptp(plain[..., :3].astype(int)) > 60
    assert (plain != draw(passes, style=style, line_px=2.0)).any() == (style != "palette")


def test_cancelling_is_noticed_between_and_within_the_steps() -> None:
    class Stop(BaseException):
        pass

    for style in STYLES[:5]:
        calls = 0

        def check() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise Stop

        with pytest.raises(Stop):
            stylised(ball(), Look(style), 1.0, None, lambda *_: check(), check)
        assert calls == 3


# ------------------------------------------------------------------------------------------------- what each one does


def test_lines_run_where_depth_and_ids_jump_though_the_colours_are_equal() -> None:
    """Grey on grey: no filter that sees only the picture can draw this circle."""
    passes = ball()
    passes.combined[..., :3] = 128
    made = draw(passes, style="cel", line_px=2.0)[..., :3].mean(-1)
    ring = (np.abs(passes.object_id - np.roll(passes.object_id, 1, 1)) > 0) & (passes.object_id > 0)
    away = gaussian(ring.astype(np.float32), 4.0) < 0.001
    assert made[ring].mean() < 0.5 * made[away].mean()
    assert draw(Passes(passes.combined), style="cel", line_px=2.0)[..., :3].std() < 1


def test_a_wider_line_is_wider() -> None:
    passes = ball(240, 360)
    passes.combined[..., :3] = 200
    dark = [(draw(passes, style="cel", line_px=w)[..., 0] < 120).sum() / (2 * np.pi * 0.36 * 240) for w in (2, 4, 8)]
    assert dark[0] == pytest.approx(2, abs=1.2) and dark[1] == pytest.approx(4, abs=1.6)
    assert dark[2] == pytest.approx(8, abs=2.5) and dark[0] < dark[1] < dark[2]
    assert (draw(passes, style="cel", line_px=0.0)[..., 0] > 150).all()


def speckled(side: int, share: float, long_px: int) -> Passes:
    """A wall with a shallow depth of bits of `side` px, `long_px` wide, over a `share` of it: leaves, or shingles."""
    rows, columns = np.mgrid[:240, :360]
    near = lattice(columns // long_px, rows // side, 5) < share
    depth = np.where(near, 4.0, 5.0).astype(np.float32)
    grey = np.full((240, 360, 4), (150, 150, 150, 255), np.uint8)
    ids = np.ones((240, 360), np.int32)
    facing = np.broadcast_to(np.float32([0, 0, 1]), (240, 360, 3)).copy()
    return Passes(grey, depth=depth, normal=facing, object_id=ids, material_id=ids)


def test_leaves_are_not_drawn_one_by_one() -> None:
    """Bits of 3 px would be black with lines from end to end; the one border across the whole picture stays."""
    passes = speckled(3, 0.5, 3)
    passes.object_id[:, 180:] = 2
    passes.depth[:, 174:186] = 5
    made = draw(passes, style="cel", line_px=1.5)[..., 0] / 255.0
    assert made[20:-20, 20:160].mean() > 0.55 * made.max()
    assert (made[20:-20, 178:182].min(axis=1) < 0.35).all()


def test_dashes_among_dashes_are_left_out_and_a_single_one_is_not() -> None:
    rows, columns = np.mgrid[:240, :360]
    passes = speckled(240, 0.0, 360)
    passes.line = np.where((rows % 7 == 0) & ((columns + rows) % 9 < 4), 255, 0).astype(np.uint8)
    made = draw(passes, style="cel", line_px=1.5)[..., 0]
    assert (made[20:-20, 20:-20] < 90).mean() < 0.002
    passes.line[:] = 0
    passes.line[120, 180:184] = 255
    assert draw(passes, style="cel", line_px=1.5)[118:123, 178:186, 0].min() < 90


def test_hatching_on_shingles_keeps_the_slant_of_the_hand() -> None:
    """Normals that jump every way say nothing of how the surface bends; those of corrugated iron do."""
    passes = speckled(3, 0.5, 3)
    tilt = np.stack([lattice(*np.indices((240, 360)) // 3, seed) - 0.5 for seed in (1, 2)], axis=-1)
    passes.normal[..., :2] = tilt
    angle = hatching_direction(Subject(passes, passes.combined[..., :3] / np.float32(255), lambda: None))
    assert np.abs(np.sin(angle + np.pi / 4)).mean() < 0.25
    passes.normal[..., 0], passes.normal[..., 1] = np.sin(np.arange(360) / 8), 0
    angle = hatching_direction(Subject(passes, passes.combined[..., :3] / np.float32(255), lambda: None))
    assert np.abs(np.sin(angle))[:, 40:-40].mean() < 0.05


@pytest.mark.parametrize("style", ["pencil", "ink"])
def test_darker_means_more_strokes(style: str) -> None:
    """The lower, shaded part of the ball has more ink on it than the lit part."""
    made = lightness(draw(ball(240, 360), style=style, line_px=0.0)[..., :3] / 255.0)
    assert made[60:90, 150:210].mean() > made[180:196, 150:210].mean() + 0.15


def sky_and_ground(*greys: float, up: bool = False) -> Passes:
    """Bands of even light, one above the other, without any shade: each a thing of its own. up: lying on the ground."""
    combined = np.full((60 * len(greys), 240, 4), 255, np.uint8)
    ids = np.repeat(np.arange(len(greys), dtype=np.int32) + 1, 60)[:, None].repeat(240, 1)
    combined[..., :3] = np.rint(np.float32(greys) * 255)[ids - 1][..., None]
    facing = np.float32([0, 1, 0] if up else [0, 0, 1])
    normal = np.broadcast_to(facing, (*ids.shape, 3)).astype(np.float32)
    return Passes(combined, depth=np.full(ids.shape, 5, np.float32), normal=normal, object_id=ids, material_id=ids)


def test_ink_hatches_what_is_dark_in_itself_and_leaves_the_brightest_to_the_paper() -> None:
    """A sky and a ground in full light have no shade: how dark they are themselves is what is drawn."""
    made = lightness(draw(sky_and_ground(0.9, 0.7, 0.55, 0.3), style="ink", line_px=0.0)[..., :3] / 255.0)
    share = [float((made[60 * band + 12 : 60 * band + 48] < 0.5).mean()) for band in range(4)]
    assert share[0] == 0 and 0.03 < share[1] < share[2] < share[3] < 0.7
    beside = made[114:126]
    assert (beside > 0.7).mean() > 0.9, "a little paper sets one from the other"


def test_ink_strokes_lie_flat_on_the_ground_and_in_the_sky_and_slant_elsewhere() -> None:
    """Steps from row to row against those from column to column: along the horizon there are hardly any of these."""
    ratios, inked = [], []
    sky = sky_and_ground(0.9, 0.5)
    sky.depth[:], sky.normal[:] = np.inf, 0
    for passes in (sky_and_ground(0.9, 0.5, up=True), sky, sky_and_ground(0.9, 0.5)):
        made = lightness(draw(passes, style="ink", line_px=0.0)[72:108, ..., :3] / 255.0)
        ratios.append(np.abs(np.diff(made, axis=1)).mean() / np.abs(np.diff(made, axis=0)).mean())
        inked.append((made < 0.5).mean())
    assert 0.02 < inked[1] < 0.8 * inked[0], "a sky is air"
    assert max(ratios[:2]) < 0.4 and 0.7 < ratios[2] < 1.4


@pytest.mark.parametrize("style", ["pencil", "ink"])
def test_what_is_closed_in_gets_more_strokes(style: str) -> None:
    """Where the pass of ambient occlusion is dark, though the picture is evenly lit."""
    passes = sky_and_ground(0.9, 0.75)
    passes.ao = np.ones(passes.shape, np.float32)
    plain = draw(passes, style=style, line_px=0.0)
    passes.ao[72:108, :120] = 0
    made = draw(passes, style=style, line_px=0.0)
    darker = lightness(plain[72:108, :, :3] / 255.0) - lightness(made[72:108, :, :3] / 255.0)
    assert darker[:, 12:100].mean() > 0.03 > 0.003 > np.abs(darker[:, 150:]).mean()


def bent(down: bool) -> Passes:
    """An evenly grey band whose normals turn from left to right, or (down) from top to bottom."""
    passes = sky_and_ground(0.9, 0.5)
    turn = np.linspace(-1.2, 1.2, 60 if down else 240, dtype=np.float32)
    turn = np.broadcast_to(turn[:, None] if down else turn[None], (60, 240))
    side = np.zeros_like(turn)
    passes.normal[60:] = np.stack([side if down else np.sin(turn), np.sin(turn) if down else side, np.cos(turn)], -1)
    return passes


@pytest.mark.parametrize("style", ["pencil", "ink"])
def test_strokes_run_the_way_a_surface_bends(style: str) -> None:
    """Around a column, and over a log: steps from column to column against those from row to row."""
    ratios = []
    for down in (False, True):
        made = lightness(draw(bent(down), style=style, line_px=0.0, texture=0.0)[72:108, 40:200, :3] / 255.0)
        ratios.append(float(np.abs(np.diff(made, axis=1)).mean() / np.abs(np.diff(made, axis=0)).mean()))
    assert ratios[0] < 0.85 and ratios[1] > 1.33, ratios


@pytest.mark.parametrize("style", ["pencil", "ink"])
def test_tinted_marks_have_the_colour_of_the_thing(style: str) -> None:
    passes = ball()
    plain, tinted = (
        oklab_from_srgb(draw(passes, style=style, tint=tint)[..., :3].astype(np.float32) / 255) for tint in (0.0, 1.0)
    )
    on_ball = passes.object_id == 2
    more = tinted[on_ball][:, 1].mean() - plain[on_ball][:, 1].mean()
    assert more > 0.005, more  # towards red


def test_a_wash_gathers_at_its_rim_and_comes_in_steps() -> None:
    """Without paper and brush: darker where two washes meet than within them; a slope of light in few tones."""
    made = lightness(draw(sky_and_ground(0.85, 0.8), style="watercolour", line_px=0.0, texture=0.0)[..., :3] / 255.0)
    rim, within = made[58:62, 20:-20].mean(), made[np.r_[25:35, 85:95], 20:-20].mean()
    assert rim < within - 0.008, (rim, within)
    passes = sky_and_ground(0.5)
    passes.combined[..., :3] = np.linspace(60, 230, 240).round().astype(np.uint8)[None, :, None]
    made = lightness(draw(passes, style="watercolour", line_px=0.0, texture=0.0, colours=3)[..., :3] / 255.0)
    steps = np.diff(made[30, 20:-20])
    resting = float((np.abs(steps) < 0.6 * abs(steps.mean())).mean())
    assert resting > 0.35, resting


def test_paint_has_marks_and_relief() -> None:
    """On an even grey: marks of slightly other tones, and highlights where the light catches their ridges."""
    passes = sky_and_ground(0.5)
    flat, made = (lightness(draw(passes, style="painting", texture=x)[..., :3] / 255.0) for x in (0.0, 1.0))
    spread, crest = float(made.std()), float(np.percentile(made, 99.5) - np.median(made))
    assert flat.std() < 0.005 < 0.01 < spread and crest > 0.05, (flat.std(), spread, crest)


def test_cel_shading_lights_the_rim_by_the_normals() -> None:
    passes = ball(240, 360)
    with_them = lightness(draw(passes, style="cel", line_px=0.0)[..., :3] / 255.0)
    on_ball, up = passes.object_id == 2, passes.normal[..., 1]
    rim = on_ball & (passes.normal[..., 2] < 0.3) & (up > 0.5) & (up < 0.9)
    middle = on_ball & (passes.normal[..., 2] > 0.9)
    passes.normal = None
    brighter = with_them - lightness(draw(passes, style="cel", line_px=0.0)[..., :3] / 255.0)
    assert brighter[rim].mean() > 0.04 and np.abs(brighter[middle]).max() < 0.01, brighter[rim].mean()


def test_each_material_has_tones_of_its_own() -> None:
    """A dark one and a light one: with three tones for the whole picture each would be flat."""
    passes = sky_and_ground(0.2, 0.8)
    slope = np.linspace(-0.12, 0.12, 240)[None, :, None]
    passes.combined[:60, :, :3], passes.combined[60:, :, :3] = (
        np.rint(255 * (level + slope)).repeat(60, 0) for level in (0.2, 0.8)
    )
    made = draw(passes, style="cel", line_px=0.0, colours=3)[..., 0].astype(int)
    tones = [np.ptp(made[row, 20:-20]) for row in (30, 90)]
    assert min(tones) > 20, tones


@pytest.mark.parametrize("fact", ["line", "depth", "normal", "object_id", "material_id"])
def test_each_pass_alone_draws_its_lines(fact: str) -> None:
    """On even grey, with nothing else to tell: a line pass, a step, a crease, a border of things or of materials."""
    shape, right = (96, 144), np.s_[:, 72:]
    array = {
        "line": np.zeros(shape, np.uint8),
        "depth": np.full(shape, 5, np.float32),
        "normal": np.broadcast_to(np.float32([0, 0, 1]), (*shape, 3)).copy(),
    }.get(fact, np.ones(shape, np.int32))
    if fact == "line":
        array[:, 71:73] = 255
    else:
        array[right] = {"depth": 7, "normal": (1, 0, 0)}.get(fact, 2)
    made = draw(Passes(np.full((*shape, 4), (150, 150, 150, 255), np.uint8), **{fact: array}), style="cel", line_px=3.0)
    light = lightness(made[..., :3] / 255.0)[48]
    assert light[69:75].min() < 0.6 * light[20] and max(np.ptp(light[10:60]), np.ptp(light[84:134])) < 0.06, light[
        66:78
    ]


def test_cel_shading_has_few_tones() -> None:
    """Lightness on the ball: nearly all pixels share a handful of values."""
    passes = ball(240, 360)
    made = draw(passes, style="cel", line_px=0.0, colours=3)
    on_ball = passes.object_id == 2
    on_ball &= passes.normal[..., 2] > 0.75  # inside of the rim
    values, counts = np.unique(made[on_ball][:, 0], return_counts=True)
    assert np.sort(counts)[::-1][:6].sum() > 0.85 * counts.sum() and len(values) > 1
    smooth = np.unique(passes.combined[on_ball][:, 0], return_counts=True)[1]
    assert np.sort(smooth)[::-1][:6].sum() < 0.5 * smooth.sum(), "the test must be able to fail"


def slope_of_light() -> Passes:
    """From nearly black to nearly white, left to right, with nothing known about it."""
    combined = np.full((60, 360, 4), 255, np.uint8)
    combined[..., :3] = np.linspace(20, 240, 360).round().astype(np.uint8)[None, :, None]
    return Passes(combined)


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_colours_is_the_number_of_tones(count: int) -> None:
    """Of cel shading, flat ones; of watercolour, washes that begin with a rise, the first perhaps at the very edge."""
    made = draw(slope_of_light(), style="cel", line_px=0.0, colours=count)[30, :, 0]
    assert (np.unique(made, return_counts=True)[1] > 10).sum() == count
    washes = draw(slope_of_light(), style="watercolour", line_px=0.0, texture=0.0, colours=count)
    slope = np.diff(gaussian(lightness(washes[..., :3] / 255.0), 2.0)[30])
    rises = int((np.diff((slope > 1.3 * slope.mean()).astype(int)) == 1).sum())
    assert count - 1 <= rises <= count


def test_a_palette_of_more_colours_is_nearer_to_the_picture() -> None:
    passes = slope_of_light()
    passes.combined[..., 0] = np.linspace(30, 220, 60).round().astype(np.uint8)[:, None]
    made = [draw(passes, style="palette", colours=count).astype(int) for count in (2, 5, 12, 32)]
    apart = [float(np.abs(picture - passes.combined).mean()) for picture in made]
    assert all(more < 0.8 * fewer for fewer, more in itertools.pairwise(apart)), apart


@pytest.mark.parametrize("style", ["pencil", "ink", "watercolour"])
def test_the_grain_of_the_paper_is_seen(style: str) -> None:
    """Where nothing is drawn its heights catch the light; pencil, ink and pigment gather on them. None without it."""
    passes = sky_and_ground(0.95, 0.4)
    size, seed = {"pencil": (2.2, 3), "ink": (1.8, 11), "watercolour": (2.4, 3)}[style]
    unit = Subject(passes, passes.combined[..., :3] / np.float32(255), lambda: None).unit_px
    heights = Canvas(passes.shape).paper(max(size * max(unit, 0.3), 1.6), seed)
    light = heights - np.roll(heights, 1, axis=1) if style == "watercolour" else heights  # lit from the side
    without, made = (
        lightness(draw(passes, style=style, texture=t, line_px=0.0, seed=3)[..., :3] / 255.0) for t in (0.0, 1.0)
    )
    drawn = np.zeros(passes.shape, bool)
    drawn[70:110, 10:-10] = True
    if style == "ink":  # it spreads from the edges of its lines
        drawn &= (without > 0.3) & (without < 0.8)

    def follows(picture: np.ndarray, paper: np.ndarray, where: object) -> float:
        fine = [(field - gaussian(field, 6.0))[where].ravel() for field in (picture, paper)]
        return float(np.corrcoef(*fine)[0, 1])

    bare = np.s_[10:50, 10:-10]
    change = made - without
    assert follows(change, light, bare) > 0.8 and follows(change, heights, drawn) < -0.6
    assert abs(follows(without, light, bare)) < 0.1


def test_cel_shading_leaves_the_gradient_of_a_sky() -> None:
    """Where no surface is, there is no form to shade: three broad bands of blue were no sky."""
    passes = ball(240, 360)
    wall = passes.object_id == 1
    passes.combined[..., :3] = np.where(
        wall[..., None], np.linspace(80, 220, 240)[:, None, None], passes.combined[..., :3]
    )
    as_wall = draw(passes, style="cel", line_px=0.0)[:, 4, 0].astype(int)
    passes.depth[wall], passes.object_id[wall], passes.material_id[wall] = np.inf, 0, 0
    as_sky = draw(passes, style="cel", line_px=0.0)[:, 4, 0].astype(int)
    assert np.diff(as_sky).max() < 4 and np.diff(as_wall).max() > 8


def test_paint_has_more_colour_than_the_render_and_its_ground_more_play() -> None:
    passes = ball(240, 360)
    made = [oklab_from_srgb(draw(passes, style="painting", texture=t)[..., :3] / 255.0) for t in (0.0, 0.8)]
    inside = gaussian((passes.object_id == 2).astype(np.float32), 3) > 0.99
    chroma = [float(np.hypot(lab[inside][:, 1], lab[inside][:, 2]).mean()) for lab in made]
    assert 1.1 < chroma[1] / chroma[0] < 1.5
    assert made[1][..., 1:][~inside].std() > made[0][..., 1:][~inside].std()


def test_painting_flattens_texture_and_keeps_borders() -> None:
    passes = ball(240, 360)
    rng = np.random.default_rng(1)
    noisy = passes.combined[..., :3] + rng.normal(0, 18, (240, 360, 1))
    passes.combined[..., :3] = np.clip(noisy, 0, 255)
    made = draw(passes, style="painting", texture=0.0)[..., :3].astype(float)
    wall = passes.object_id == 1
    assert made[wall].std(0).mean() < 0.4 * passes.combined[..., :3][wall].std(0).mean()
    row = np.abs(np.diff(made[120, :, 2]))  # the border of the ball at its middle height is as sharp as it was
    assert row.max() > 60


def test_few_colours_tell_hues_apart_before_tones() -> None:
    """A sky and a lawn, as light as each other and pale, beside many greys: neither becomes the other's colour."""
    sky, lawn = srgb_from_oklab(np.float32([[0.72, -0.01, -0.05], [0.72, -0.04, 0.05]]))
    picture = np.repeat(np.linspace(0.1, 0.95, 60, dtype=np.float32)[None, :, None], 60, 0).repeat(3, 2)
    picture[:20], picture[20:40] = sky, lawn
    made = oklab_from_srgb(recoloured(picture, None, 5))
    assert np.abs(made[10, 10, 1:] - made[30, 30, 1:]).sum() > 0.1, made[[10, 30], [10, 30]]
    assert np.abs(made[[10, 30], [10, 30]] - oklab_from_srgb(np.stack([sky, lawn]))).max() < 0.03


def test_the_palette_of_the_reference_is_taken() -> None:
    """Reds and yellows become the blues of the reference; lightness keeps its order."""
    y, x = np.mgrid[:64, :64] / 63.0
    source = np.stack([0.4 + 0.6 * x, 0.2 + 0.6 * y, 0.1 + 0 * x], -1).astype(np.float32)
    blue = np.stack([0.1 + 0.2 * x, 0.2 + 0.4 * x, 0.4 + 0.6 * x], -1).reshape(-1, 3).astype(np.float32)
    made = recoloured(source, blue, 5)
    assert (oklab_from_srgb(made)[..., 2] < 0).mean() > 0.9
    before, after = lightness(source).ravel(), lightness(made).ravel()
    assert np.corrcoef(before, after)[0, 1] > 0.8
    assert np.abs(np.diff(lightness(made), axis=1)).max() < 0.15, "a gradient stays a gradient"


def test_colour_conversion_is_its_own_inverse() -> None:
    colours = np.random.default_rng(0).random((500, 3)).astype(np.float32)
    assert np.abs(srgb_from_oklab(oklab_from_srgb(colours)) - colours).max() < 0.004
    white = oklab_from_srgb(np.ones(3, np.float32))
    assert white == pytest.approx([1, 0, 0], abs=1e-3)


def test_clusters_find_separate_colours() -> None:
    three = np.float32([[0.2, 0.1, 0], [0.5, -0.1, 0.1], [0.9, 0, -0.1]])
    centres, shares = clustered(np.repeat(three, [10, 20, 70], axis=0), 3)
    order = np.argsort(centres[:, 0])
    assert centres[order] == pytest.approx(three, abs=1e-4)
    assert shares[order] == pytest.approx([0.1, 0.2, 0.7])


def test_noise_belongs_to_places_not_to_the_size_of_the_picture() -> None:
    """What a sequence or a cropped render needs."""
    assert (noise((40, 60), 5.0, 1)[:20, :30] == noise((20, 30), 5.0, 1)).all()
    values = lattice(np.arange(200)[None], np.arange(200)[:, None], 7)
    assert abs(values.mean() - 0.5) < 0.01 and abs(values.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]) < 0.02


# ------------------------------------------------------------------------------------------------------- reading passes


def saved(folder: Path, passes: Passes, **other: object) -> Path:
    arrays = {name: getattr(passes, name) for name in ("combined", *passes.given)} | other
    np.savez(folder / "p.npz", **{k: v for k, v in arrays.items() if v is not None})
    return folder / "p.npz"


def test_passes_survive_the_file(tmp_path: Path) -> None:
    meta = np.frombuffer(json.dumps({"frame": 7}).encode(), np.uint8)
    passes = read_passes(saved(tmp_path, ball(), meta=meta))
    assert passes.meta == {"frame": 7} and passes.notes == []
    assert set(passes.given) == {"depth", "normal", "object_id", "material_id"}
    assert (passes.normal == ball().normal).all()


@pytest.mark.parametrize("style", STYLES)
def test_nan_and_infinity_do_no_harm(style: str, tmp_path: Path) -> None:
    """A hole in depth, a wild normal, a background at infinity: a note, and a picture without a hole."""
    passes = ball()
    passes.depth[10:14, 10:14], passes.depth[passes.object_id == 1] = np.nan, np.inf
    passes.depth[20, 20], passes.normal[30, 30] = -np.inf, np.nan
    read = read_passes(saved(tmp_path, passes))
    assert len(read.notes) == 2
    made = draw(read, style=style)
    assert np.abs(made.astype(int) - draw(ball(), style=style)).mean() < 12


@pytest.mark.parametrize(
    "other",
    [
        {"combined": None},
        {"combined": np.zeros((96, 144), np.uint8)},
        {"combined": np.zeros((96, 144, 4), np.uint8)},
        {"combined": np.zeros((0, 144, 4), np.uint8)},
        {"combined": np.ones((96, 144, 4), np.float32)},
        {"depth": np.ones((96, 143), np.float32)},
        {"depth": np.ones((96, 144, 1), np.float32)},
        {"normal": np.ones((96, 144, 2), np.float32)},
        {"object_id": np.ones((96, 144), np.float32)},
        {"line": np.ones((96, 144), np.uint16)},
        {"uv": np.ones((96, 144, 1), np.float32)},
        {"depth": np.array([["x"]], object)},
    ],
    ids=lambda other: f"{next(iter(other))} {getattr(next(iter(other.values())), 'shape', 'absent')}",
)
def test_passes_that_do_not_fit_are_refused(other: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Among them a pickled array, which is not unpickled."""
    with pytest.raises(Fault) as caught:
        read_passes(saved(tmp_path, ball(), **other))
    assert caught.value.code == "bad_input"


def test_a_damaged_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    data = saved(tmp_path, ball()).read_bytes()
    damaged = bytearray(data)
    damaged[2000] ^= 255
    for part in (data[:10], data[: len(data) // 2], data[:-30], b"PK\x03\x04" + bytes(500), bytes(damaged)):
        (tmp_path / "cut.npz").write_bytes(part)
        with pytest.raises(Fault) as caught:
            read_passes(tmp_path / "cut.npz")
        assert caught.value.code == "bad_input"
    with pytest.raises(Fault):
        read_passes(tmp_path / "absent.npz")


# ----------------------------------------------------------------------------------------------------------- as a job


def test_as_a_job_it_tells_what_it_does(tmp_path: Path) -> None:
    """Steps that only go up, a preview, a report that names what was missing."""
    passes = ball()
    path = saved(tmp_path, Passes(passes.combined, depth=passes.depth))
    out = tmp_path / "out"
    out.mkdir()
    job = Job(
        str(uuid.uuid4()), "render_image", "stylise", {"passes": Blob("0" * 64, ".npz")}, {"style": "ink"}, name="Scene"
    )
    reports: list[Report] = []
    ending = Runner(REGISTRY, "cpu").run(job, out, {"passes": path}, reports.append, lambda: False)
    assert ending.say == "done", ending.fault
    (artefact,) = ending.result.artefacts
    assert (artefact.kind, artefact.meta) == ("image", {"width": 144, "height": 96})
    assert ending.result.report["passes"] == "depth"
    assert "normal" in str(ending.result.report["notes"])
    steps = [report.step for report in reports if report.total]
    assert steps == sorted(steps) and reports[-1].step == reports[-1].total
    assert any(report.preview for report in reports)
