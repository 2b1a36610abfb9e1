"""Height maps are kept like all other maps: by parts, by Blend Again, by UDIM tiles and in GLB files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from gltf_reader import Glb, khronos_issues
from made_meshes import NOISE, cube, packed_sides, textured, with_part
from PIL import Image

from blender_aigc.protocol import Fault
from server.geometry.heights import LEAST_M, MIDDLE, as_levels, in_metres, joint_range, ranged
from server.geometry.mesh_input import read_mesh
from server.png import encode_png
from server.texturing.part_of_file import _levels

LEVELS = np.random.default_rng(8).integers(0, 65536, (256, 256, 1), np.uint16)
WITHIN = (slice(171, 256), slice(86, 171))
WITH_HEIGHT = {"maps": {"colour": {"0": 0}, "height": {"0": 1}}}


def heights(out: Path) -> tuple[np.ndarray, float]:
    """Of the only set of a job: its levels and their range."""
    (thing,) = json.loads((out / "material.json").read_text())["objects"]
    (one,) = thing["sets"]
    return np.asarray(Image.open(out / one["maps"]["height"])), one["height_m"]


def outside(levels: np.ndarray) -> np.ndarray:
    """What no part of `SIDE` reaches."""
    return levels[:160]


def test_levels_are_metres_around_the_middle() -> None:
    metres = np.float32([-0.01, -0.002, 0, 0.004, 0.01])
    levels = as_levels(metres, 0.02)
    assert levels.tolist() == [0, 26214, MIDDLE, 45875, 65535]
    assert np.abs(in_metres(levels, 0.02) - metres).max() < 0.02 / 65535
    assert as_levels(np.float32([-1, 1]), 0.02).tolist() == [0, 65535], "cut off beyond the range"
    assert ranged(LEVELS, 0.02, 0.02) is LEVELS
    assert np.abs(in_metres(ranged(LEVELS, 0.02, 0.03), 0.03) - in_metres(LEVELS, 0.02)).max() < 0.03 / 65535


def test_the_range_grows_only_for_what_is_seen() -> None:
    new = as_levels(np.float32([0.001, 0.02]), 0.04)
    assert joint_range(0.01, new, 0.04, np.array([True, False])) == 0.01
    assert joint_range(0.01, new, 0.04, np.array([True, True])) == pytest.approx(0.04, rel=1e-4)
    assert joint_range(0.0, new, 0.04, np.array([False, False])) == 0.0
    assert joint_range(0.0, np.uint16([MIDDLE]), 1e-9, np.array([True])) <= LEAST_M


def test_heights_that_fit_leave_the_rest_its_bytes(tmp_path: Path) -> None:
    mesh = with_part(tmp_path / "cube.npz", pictures=(NOISE, LEVELS), height_m=0.5, **WITH_HEIGHT)
    assert textured(mesh, tmp_path / "out", "brick").say == "done"
    levels, range_m = heights(tmp_path / "out")
    assert range_m == 0.5 and np.array_equal(outside(levels), outside(LEVELS[..., 0]))
    inner = in_metres(levels[200:230, 110:140], range_m)
    assert 0.0005 < np.abs(inner).max() < 0.02, "bricks are some millimetres deep, whatever the range is"


def test_deeper_heights_leave_the_rest_its_metres(tmp_path: Path) -> None:
    mesh = with_part(tmp_path / "cube.npz", pictures=(NOISE, LEVELS), height_m=0.0002, **WITH_HEIGHT)
    assert textured(mesh, tmp_path / "out", "brick").say == "done"
    levels, range_m = heights(tmp_path / "out")
    assert 0.001 < range_m < 0.05
    old, new = (in_metres(outside(values), span) for values, span in ((LEVELS[..., 0], 0.0002), (levels, range_m)))
    assert np.abs(old - new).max() < 0.51 * range_m / 65535
    assert as_levels(np.abs(in_metres(levels[WITHIN], range_m)).max(), range_m) > 65000, "no range is wasted"


def test_heights_go_with_a_texture_to_other_uvs(tmp_path: Path) -> None:
    """Where the present texture repeats, it is carried over texel by texel."""
    ramp = np.broadcast_to(np.linspace(20000, 45000, 256).astype(np.uint16)[:, None, None], (256, 256, 1)).copy()
    uvs = cube(packed_sides()).corner_uvs
    lower = np.float32([0, 1]) + uvs  # one square higher: it repeats, so it is the same place
    mesh = with_part(tmp_path / "cube.npz", pictures=(NOISE, ramp), uvs=lower, height_m=0.1, **WITH_HEIGHT)
    assert textured(mesh, tmp_path / "out", "brick").say == "done"
    levels, range_m = heights(tmp_path / "out")
    rows = slice(100, 150)  # of the upper sides, well within
    assert range_m == pytest.approx(0.1)
    assert np.abs(levels[rows, 20:60].astype(int) - ramp[rows, 20:60, 0]).max() < 200


def test_heights_are_padded_like_colours(tmp_path: Path) -> None:
    """Else filtering would draw a groove along every seam of a displaced surface."""
    mesh = tmp_path / "cube.npz"
    with_part(mesh)
    stored = {key: value for key, value in np.load(mesh).items() if not key.startswith(("change", "p"))}
    facts = json.loads(stored["facts"].tobytes())
    for thing in facts["objects"]:
        del thing["present"]
    np.savez(mesh, **stored | {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)})
    assert textured(mesh, tmp_path / "out", "old brick").say == "done"
    levels, range_m = heights(tmp_path / "out")
    metres = in_metres(levels, range_m)
    border, beyond = metres[10:80, 80], metres[10:80, 82]  # the first chart ends at 256 / 3 * 0.95 = 81.06
    assert np.abs(border).mean() > 0.0003
    assert np.abs(border - beyond).mean() < 0.25 * np.abs(border).mean(), "as beside it, instead of 0"


def tiles_of(out: Path) -> dict[int, dict]:
    (thing,) = json.loads((out / "material.json").read_text())["objects"]
    return {one["tile"]: one for one in thing["sets"]}


def tiled(path: Path, chosen: np.ndarray, **present: object) -> Path:
    """A cube whose upper row of sides lies on tile 1001 and whose lower row on 1002."""
    uvs = packed_sides()
    uvs[3:] += (1, 0)
    return with_part(path, chosen, mesh=cube(uvs), **present)


def test_tiles_of_one_image_stay_together_and_share_a_range(tmp_path: Path) -> None:
    """The tile that does not change comes along, else the new picture of all tiles would be black there."""
    maps = {"colour": {"1001": 0, "1002": 1}, "height": {"1001": 2, "1002": 3}}
    pictures = (NOISE, NOISE[::-1].copy(), LEVELS, LEVELS[::-1].copy())
    chosen = np.repeat(np.arange(6) == 4, 2)
    mesh = tiled(tmp_path / "cube.npz", chosen, pictures=pictures, maps=maps, height_m=0.0002)
    assert textured(mesh, tmp_path / "out", "brick").say == "done"
    tiles = tiles_of(tmp_path / "out")
    assert tiles.keys() == {1001, 1002} and tiles[1001]["height_m"] == tiles[1002]["height_m"] > 0.001
    colour, levels = (
        np.asarray(Image.open(tmp_path / "out" / tiles[1001]["maps"][key])) for key in ("colour", "height")
    )
    assert np.array_equal(colour, NOISE)
    range_m = tiles[1001]["height_m"]
    assert np.abs(in_metres(levels, range_m) - in_metres(LEVELS[..., 0], 0.0002)).max() < 0.51 * range_m / 65535
    changed = np.asarray(Image.open(tmp_path / "out" / tiles[1002]["maps"]["colour"]))
    assert (changed != pictures[1]).any()


def test_new_tiles_share_a_range(tmp_path: Path) -> None:
    mesh = tiled(tmp_path / "cube.npz", np.ones(12, bool))
    assert textured(mesh, tmp_path / "out", "brick").say == "done"
    tiles = tiles_of(tmp_path / "out")
    assert len({one["height_m"] for one in tiles.values()}) == 1 and len(tiles) == 2
    files = {one["maps"]["height"] for one in tiles.values()}
    assert files == {"cube_Height.1001.png", "cube_Height.1002.png"}


@pytest.mark.parametrize(
    ("pictures", "height_m"),
    [
        ((NOISE, LEVELS), 0.0),
        ((NOISE, LEVELS), -1.0),
        ((NOISE, LEVELS), float("nan")),
        ((NOISE, NOISE), 0.1),
        ((LEVELS, LEVELS), 0.1),
    ],
    ids=["no range", "below nothing", "no number", "bytes as heights", "heights as colours"],
)
def test_heights_that_make_no_sense_are_refused(tmp_path: Path, pictures: tuple, height_m: float) -> None:
    with pytest.raises(Fault, match="damaged"):
        read_mesh(with_part(tmp_path / "cube.npz", pictures=pictures, height_m=height_m, **WITH_HEIGHT))


def in_file(path: Path, name: str) -> tuple[np.ndarray, float]:
    """Heights of a material of a GLB."""
    glb = Glb(path)
    material = next(material for material in glb.doc["materials"] if material["name"].startswith(name))
    place = material["extras"]["aigc_height"]
    image = glb.doc["images"][glb.doc["textures"][place["index"]]["source"]]
    return np.asarray(Image.open(io.BytesIO(glb.view(image["bufferView"])))), place["range_m"]


def test_a_glb_carries_them_and_a_part_of_it_keeps_the_others(tmp_path: Path) -> None:
    lines = []
    for number, name in enumerate(("Chest", "Lid")):
        lines += [f"o {name}", *(f"v {x} {y} {z + 2 * number}" for x in (0, 1) for y in (0, 1) for z in (0, 1))]
        sides = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))
        lines += ["f " + " ".join(str(8 * number + corner) for corner in side) for side in sides]
    (tmp_path / "boxes.obj").write_text("\n".join(lines))
    assert textured(tmp_path / "boxes.obj", tmp_path / "one", "oak").say == "done"
    first, second = (tmp_path / folder / "thing.glb" for folder in ("one", "two"))
    written, range_m = in_file(first, "Chest")
    assert written.dtype == np.uint16 and range_m > 0
    assert np.array_equal(written, np.asarray(Image.open(tmp_path / "one" / "Chest_Height.png")))
    assert textured(first, tmp_path / "two", "brick", faces="lid").say == "done"
    kept, kept_m = in_file(second, "Chest")
    assert np.array_equal(kept, written) and kept_m == range_m
    made, made_m = in_file(second, "Lid")
    assert np.abs(in_metres(made, made_m)).max() > 2 * np.abs(in_metres(*in_file(first, "Lid"))).max()
    issues = khronos_issues(first, second)
    assert all((one["numErrors"], one["numWarnings"]) == (0, 0) for one in issues.values()), issues


def test_heights_of_other_programs_are_read_and_damage_is_said() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    buffer = io.BytesIO()
    Image.fromarray(grey).convert("P").save(buffer, "PNG")
    assert np.array_equal(_levels(buffer.getvalue())[..., 0], grey.astype(np.uint16) * 257)
    assert np.array_equal(_levels(encode_png(LEVELS[..., 0])), LEVELS)
    with pytest.raises(Fault, match="heights in the file are damaged"):
        _levels(encode_png(LEVELS[..., 0])[:-600])
