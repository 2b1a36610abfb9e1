"""`tiling`: squares of material that repeat without a seam in all maps; one that is only cut off fails the test."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_aigc.protocol import Job
from server.materials.tiling import BAND, Layers, best_cut, joined, maps_of, plane, repeats
from server.materials.words import read
from server.png import decode_png
from server.registry import Registry
from server.texturing.tile import wrap_difference
from server.worker import Runner

SIZE = 128
WORDS = ["red brick wall", "old oak planks", "white marble", "rusty iron", "grey concrete", "green linen"]


def layers_of(prompt: str, size: int = SIZE, fit: bool = True) -> Layers:
    reading, side = read(prompt, "", "auto", 3), size + size // BAND
    across, down = repeats(reading, 1.0, lambda: None) if fit else (1.0, 1.0)
    return plane(reading, side, (across / size, down / size), lambda: None, lambda _: None)


@pytest.mark.parametrize("prompt", WORDS)
def test_the_sides_go_on_in_each_other(prompt: str) -> None:
    """The step over the border is no larger than steps inside, in every map."""
    maps = maps_of(joined(layers_of(prompt), SIZE), (1 / SIZE, 1 / SIZE), 1.0)
    for picture in (maps.colour, maps.orm, maps.normal, maps.height):
        assert picture.shape[:2] == (SIZE, SIZE)
        if np.ptp(picture) > 8:
            assert wrap_difference(picture) < 1.1
    length = np.linalg.norm(maps.normal / 127.5 - 1, axis=-1)
    assert np.abs(length - 1).max() < 0.02 and maps.normal[..., 2].min() > 127


def test_a_square_that_is_only_cut_off_does_not() -> None:
    found = {}
    for prompt in WORDS:
        plain = layers_of(prompt, fit=False)
        found[prompt] = wrap_difference(plain.colour[:SIZE, :SIZE])
    assert sum(ratio > 1.15 for ratio in found.values()) >= 4, found


def test_rows_of_bricks_fit_in() -> None:
    """A whole number of courses: a square of the width as asked would cut them through."""
    reading = read("red brick wall", "", "auto", 3)
    across, down = repeats(reading, 1.0, lambda: None)
    assert 0.9 < across < 1.1 and 0.9 < down < 1.1

    def away(width: float, height: float) -> float:
        side = SIZE + SIZE // BAND
        made = plane(reading, side, (width / SIZE, height / SIZE), lambda: None, lambda _: None).height
        two = made[SIZE:] - made[: SIZE // BAND], made[:, SIZE:] - made[:, : SIZE // BAND]
        return float(sum(np.abs(apart).mean() for apart in two))

    assert away(across, down) < 0.6 * max(away(across * 1.04, down * 1.04), away(1.0, 1.0))


@pytest.mark.parametrize("words", ["wooden {}", "dark oak {}", "old pine {}", "blue wooden {}"])
def test_planks_are_about_as_light_as_their_wood(words: str) -> None:
    """Whatever the seed; the square lies where boards meet, and only the gaps between them are dark."""
    for seed in range(12):
        boards, whole = (
            plane(read(words.format(kind), "", "auto", seed), 64, (0.015,) * 2, lambda: None, lambda _: None)
            for kind in ("planks", "beam")
        )
        light, wood = luminance(boards.colour), luminance(whole.colour)
        assert light.mean() > 0.7 * wood.mean(), seed
        assert (light < 0.5 * wood.mean()).mean() > 0.03, f"seed {seed}: no gaps"


def luminance(colour: np.ndarray) -> np.ndarray:
    """(.., 3) uint8 sRGB -> (..) linear, roughly."""
    return (colour / 255.0) ** 2.2 @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("seed", range(4))
def test_tiles_of_two_colours_are_a_chessboard_that_closes(seed: int) -> None:
    """Half of it blue, half white, and over the border it alternates as it does inside."""
    reading = read("blue and white tiles", "", "auto", seed)
    across, down = repeats(reading, 1.0, lambda: None)
    texel_m = across / SIZE, down / SIZE
    made = joined(plane(reading, SIZE + SIZE // BAND, texel_m, lambda: None, lambda _: None), SIZE)
    red, _, blue = np.moveaxis(made.colour.astype(int), -1, 0)
    one, other = blue - red > 60, red > 150
    assert min(one.mean(), other.mean()) > 0.35
    tile = SIZE // 8
    for axis in (0, 1):
        assert (np.roll(other, tile, axis) & one).sum() > 0.85 * one.sum()
        assert (np.roll(other, 2 * tile, axis) & one).sum() < 0.02 * one.sum()


def test_the_second_colour_is_that_of_the_grout_where_it_is_named() -> None:
    colours = layers_of("white tiles with black grout").colour.max(-1)
    assert 0.03 < (colours < 60).mean() < 0.2 and (colours > 180).mean() > 0.75


def test_inside_it_is_the_material_as_it_was() -> None:
    plain = layers_of("red brick wall")
    made = joined(plain, SIZE)
    band = SIZE // BAND
    assert np.array_equal(made.colour[band:, band:], plain.colour[band:SIZE, band:SIZE])
    assert np.array_equal(made.height[band:, band:], plain.height[band:SIZE, band:SIZE])


def test_the_cheapest_cut_is_found() -> None:
    """Through the only gap, one row at a step; closed, it ends where it begins."""
    costs = np.full((9, 20), 10.0)
    gap = np.clip(np.arange(20) - 6, 0, 8)
    costs[gap, np.arange(20)] = 0
    assert np.array_equal(best_cut(costs, closed=False), gap)
    closed = best_cut(costs, closed=True)
    assert closed[0] == closed[-1] and np.abs(np.diff(closed)).max() <= 1


def test_hollows_are_darker() -> None:
    y, x = np.mgrid[:64, :64]
    height = np.where((x - 32) ** 2 + (y - 32) ** 2 < 64, -0.05, 0.0).astype(np.float32)
    flat = np.zeros((64, 64), np.float32)
    layers = Layers(np.zeros((64, 64, 3), np.uint8), flat + 0.5, flat, height)
    maps = maps_of(layers, (0.01, 0.01), 1.0)
    assert maps.orm[32, 32, 0] < 240 and maps.orm[2, 2, 0] > 250
    assert np.array_equal(np.roll(maps.orm, 20, 1), maps_of(
        Layers(np.zeros((64, 64, 3), np.uint8), flat + 0.5, flat, np.roll(height, 20, 1)), (0.01, 0.01), 1.0
    ).orm)  # fmt: skip
    assert maps.normal[32, 24, 0] > 128 + 40 and maps.normal[32, 40, 0] < 128 - 40, "the slopes look into the hollow"
    assert maps.normal[24, 32, 1] < 128 - 40 and maps.normal[40, 32, 1] > 128 + 40, "green is the texture's top"
    mild, even = (maps_of(layers, (0.01, 0.01), relief).normal.astype(int) for relief in (0.2, 0.0))
    assert 128 + 20 < mild[32, 24, 0] < maps.normal[32, 24, 0] - 20 and (even == (128, 128, 255)).all()


# ------------------------------------------------------------------------------------------------------------ the model


def ending(folder: Path, prompt: str, cancel_at: int = 10**9, **params: Any):
    out = folder / str(uuid.uuid4())
    out.mkdir()
    job = Job(str(uuid.uuid4()), "tile_texture", "tiling", {}, {"texture_px": "512", **params}, prompt, 1, "Wall")
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > cancel_at

    return Runner(Registry(), "cpu").run(job, out, {}, lambda _: None, cancelled), out


def run_telling(out: Path, sent: list[Any], cancel_in: str = ""):
    out.mkdir()
    job = Job(str(uuid.uuid4()), "tile_texture", "tiling", {}, {"texture_px": "512"}, "brick", 1, "Wall")
    return Runner(Registry(), "cpu").run(
        job, out, {}, sent.append, lambda: cancel_in in [report.phase for report in sent]
    )


def test_the_model_writes_a_material(tmp_path: Path) -> None:
    ended, out = ending(tmp_path, "mossy red brick with glitter", width_m=3.0)
    assert ended.say == "done", ended.fault
    tile = json.loads((out / "material.json").read_text())["tile"]
    assert abs(tile["width_m"] - 3.0) < 0.25 and set(tile["maps"]) == {"colour", "orm", "normal", "height"}
    colour = decode_png((out / tile["maps"]["colour"]).read_bytes())
    assert colour.shape == (512, 512, 3) and wrap_difference(colour) < 1.1
    assert ended.result.report["ignored"] == "glitter" and ended.result.report["seam"] < 1.1
    again, same = ending(tmp_path, "mossy red brick with glitter", width_m=3.0)
    assert (
        again.say == "done" and (same / "Wall_BaseColor.png").read_bytes() == (out / "Wall_BaseColor.png").read_bytes()
    )


def test_cancelled_while_it_paints(tmp_path: Path) -> None:
    ended, out = ending(tmp_path, "brick", cancel_at=4)
    assert ended.say == "cancelled" and not list(out.iterdir())


def test_cancelled_in_every_phase_it_leaves_nothing(tmp_path: Path) -> None:
    sent: list[Any] = []
    assert run_telling(tmp_path / "whole", sent).say == "done"
    phases = list(dict.fromkeys([report.phase for report in sent]))
    assert phases == ["Loading", "Painting", "Joining", "Saving"]
    for phase in phases:
        sent = []
        ended = run_telling(tmp_path / phase, sent, phase)
        assert ended.say == "cancelled" and [report.phase for report in sent].count(phase) == 1, (phase, ended)
        assert not list((tmp_path / phase).iterdir()), phase


def test_a_cancel_while_maps_are_made_is_heard_between_them() -> None:
    flat = np.zeros((64, 64), np.float32)
    layers = Layers(np.zeros((64, 64, 3), np.uint8), flat, flat, flat)
    asked: list[int] = []
    maps_of(layers, (0.01, 0.01), 1.0, lambda: asked.append(1))
    assert len(asked) >= 4
