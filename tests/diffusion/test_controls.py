"""ControlNets must matter: a random one has no effect at all (its last layers are zeros), so that these are woken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Bench, other_scene, scene

from blender_aigc.protocol import Fault
from server.diffusion.controls import (
    KINDS,
    Unit,
    available_kinds,
    contours,
    control_picture,
    kind_of,
    parse_controls,
    segments,
)
from server.filters.passes import Passes

FOUND = {name: Path(name) for name in ("depth", "my_lineart_v2", "openpose", "xinsir_union", "odd")}
ALL = frozenset(KINDS)

MATTERS = {"depth": "depth", "normal": "normal", "line": "lineart", "pose": "openpose"}


@pytest.mark.parametrize("kind", MATTERS)
def test_another_pass_gives_another_picture(bench: Bench, kind: str) -> None:
    """Everything else is the same: same picture, seed and prompt."""
    controls = f"{MATTERS[kind]}:1.0"
    one = bench.picture(controls=controls)
    other = bench.picture(controls=controls, given={"passes": bench.passes(**{kind: other_scene()[kind]})})
    none = bench.picture()
    assert np.abs(one.astype(int) - other).max() > 3
    assert np.abs(one.astype(int) - none).max() > 3


def test_a_union_looks_at_what_it_is_told_to(bench: Bench) -> None:
    """One network: another pass, and another meaning of the same pass, give another picture."""
    one = bench.picture(controls="union=depth:1.0")
    moved = bench.picture(controls="union=depth:1.0", given={"passes": bench.passes(depth=other_scene()["depth"])})
    meant = bench.picture(controls="union=line:1.0", given={"passes": bench.passes(line=depth_as_line())})
    assert np.abs(one.astype(int) - moved).max() > 0
    assert np.abs(one.astype(int) - meant).max() > 0
    both = bench.picture(controls="union=depth:1.0, union=normal:1.0")
    assert np.abs(one.astype(int) - both).max() > 0


def depth_as_line() -> np.ndarray:
    passes = Passes(scene()["combined"], depth=scene()["depth"])
    return control_picture(passes, "depth")[..., 0]


def test_weight_zero_is_no_control_bit_for_bit(bench: Bench) -> None:
    assert np.array_equal(bench.picture(controls="depth:0, lineart:0"), bench.picture())
    assert np.array_equal(bench.picture(controls="depth:0.7, lineart:0"), bench.picture(controls="depth:0.7"))


def test_each_picture_goes_to_its_own_network(bench: Bench) -> None:
    """Whatever the order in which they are named; and swapping the weights is something else."""
    forth = bench.picture(controls="depth:1.0, lineart:0.2")
    back = bench.picture(controls="lineart:0.2, depth:1.0")
    swapped = bench.picture(controls="depth:0.2, lineart:1.0")
    assert np.abs(forth.astype(int) - back).max() <= 1  # sums of floats in another order
    assert np.abs(forth.astype(int) - swapped).max() > 3


def test_a_control_counts_only_in_its_part_of_the_denoising(bench: Bench) -> None:
    whole, early, none = (
        bench.picture(controls=text, strength=0.9, steps=4) for text in ("depth", "depth:1.0@0-0.4", "")
    )
    assert np.abs(whole.astype(int) - early).max() > 0
    assert not np.array_equal(early, none)


def test_auto_takes_what_is_there(bench: Bench) -> None:
    assert bench.made(controls="auto").result.report["controls"] == (
        "depth (depth): 0.6, lineart (line): 0.4, openpose (pose): 0.8"
    )
    only = {"passes": bench.passes(depth=None, line=None, pose=None)}
    assert bench.made(controls="auto", given=only).result.report["controls"] == "none"


def test_auto_takes_all_from_a_union_where_one_is_needed() -> None:
    """A depth ControlNet of its own beside a union: the two cannot be mixed."""
    found = {name: Path(name) for name in ("depth", "union")}
    units = parse_controls("auto", found, frozenset({"depth", "line"}))
    assert [(unit.name, unit.kind) for unit in units] == [("union", "depth"), ("union", "line")]
    alone = parse_controls("auto", found, frozenset({"depth"}))
    assert [(unit.name, unit.kind) for unit in alone] == [("depth", "depth")]


def test_the_notation() -> None:
    assert parse_controls("depth:0.6, my_lineart_v2 : 0.4@0-0.8".replace(" : ", ":"), FOUND, ALL) == [
        Unit(Path("depth"), "depth", 0.6),
        Unit(Path("my_lineart_v2"), "line", 0.4, 0.0, 0.8),
    ]
    assert parse_controls("line", FOUND, ALL) == [Unit(Path("my_lineart_v2"), "line")]
    assert parse_controls("odd=pose:0.5@0.25-1", FOUND, ALL) == [Unit(Path("odd"), "pose", 0.5, 0.25, 1.0)]
    assert parse_controls("NORMAL", FOUND, ALL) == [Unit(Path("xinsir_union"), "normal")]  # no other is made for it
    assert parse_controls("  ", FOUND, ALL) == []
    assert parse_controls("depth:0", FOUND, ALL) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("depth:much", "bad_request"),
        ("depth:3", "bad_request"),
        ("depth@0.8-0.2", "bad_request"),
        ("depth=smell", "bad_request"),
        (":", "bad_request"),
        ("nothing_like_it:1", "weights_missing"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_controls(text, FOUND, ALL)
    assert caught.value.code == code and caught.value.hint


def test_a_missing_network_or_pass_is_said_with_what_there_is(bench: Bench) -> None:
    fault = bench.fault(controls="depth", given={"passes": bench.passes(depth=None)})
    assert fault.code == "bad_input" and "depth" in fault.message and "line" in fault.hint
    fault = bench.fault(controls="blueprint:1")
    assert fault.code == "weights_missing" and "lineart" in fault.hint
    fault = bench.fault(controls="union=depth, lineart")
    assert fault.code == "bad_request" and "mixed" in fault.message


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("controlnet-depth-sdxl-1.0", "depth"),
        ("control_v11p_sd15_normalbae", "normal"),
        ("control_v11p_sd15_lineart", "line"),
        ("control_v11p_sd15_softedge", "line"),
        ("t2i-canny", "canny"),
        ("thibaud_openpose", "pose"),
        ("control_v11f1e_sd15_tile", "tile"),
        ("control_v11p_sd15_seg", "segment"),
    ],
)
def test_names_of_published_networks_tell_what_they_look_at(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_pictures_of_every_kind() -> None:
    """(H, W, 3) uint8 each, and what they show is in its place."""
    passes = Passes(**scene())
    assert available_kinds(passes) == ALL
    for kind in KINDS:
        picture = control_picture(passes, kind)
        assert picture.shape == (72, 88, 3) and picture.dtype == np.uint8
        assert picture[12:60, 12:60].any(), kind
    depth, normal = control_picture(passes, "depth"), control_picture(passes, "normal")
    assert depth[30, 20, 0] > depth[30, 60, 0] > 0 == depth[5, 5, 0]  # near is white, nothing is black
    assert normal[30, 30, 0] < 127 < normal[30, 30, 1] < normal[30, 30, 2]  # red is left, green up, blue towards us
    assert np.array_equal(control_picture(passes, "line")[..., 0], scene()["line"])


def test_contours_are_thin_and_where_the_edges_are() -> None:
    rgba = np.full((64, 64, 4), 255, np.uint8)
    rgba[20:44, 16:48, :3] = 30
    found = contours(rgba) > 0
    rows, columns = np.nonzero(found)
    assert abs(rows.min() - 19.5) <= 1 and abs(rows.max() - 43.5) <= 1
    assert abs(columns.min() - 15.5) <= 1 and abs(columns.max() - 47.5) <= 1
    assert found[32].sum() == 2 and found[:, 32].sum() == 2  # one pixel wide on each side
    flat = np.full((32, 32, 4), 128, np.uint8)
    assert not contours(flat).any()


def test_segments_have_colours_of_their_own() -> None:
    ids = np.repeat(np.arange(12, dtype=np.int32)[None] * 1000003, 4, 0)
    colours = segments(ids)[0].astype(int)
    assert not colours[0].any()
    apart = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(12, dtype=int)
    assert apart.min() > 20
