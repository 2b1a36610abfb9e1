"""Maps of a finished texture, larger: all of them alike, nothing bleeds between islands, other files are refused."""

from __future__ import annotations

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_aigc.protocol import Blob, Job
from server.filters.enlarging import enlarged
from server.png import decode_png, encode_png, size_of_png
from server.registry import Registry
from server.upscaling import maps
from server.upscaling.maps import unit_normals
from server.worker import Runner

SIDE = 64
PADDING = 6


def atlas() -> dict[str, np.ndarray]:
    """Two islands, red and blue, each with its padding; a bump in the normals, a slope in the 16-bit height."""
    y, x = np.mgrid[:SIDE, :SIDE]
    left = x < SIDE // 2
    colour = np.where(left[..., None], np.uint8([200, 20, 10]), np.uint8([10, 30, 220]))
    tilt = 0.5 * np.sin(x / 5)
    normal = np.stack([tilt, 0 * tilt, np.sqrt(1 - tilt**2)], -1)
    return {
        "colour": colour.astype(np.uint8),
        "orm": np.stack([x * 3, 255 - y * 3, np.where(left, 0, 255)], -1).astype(np.uint8),
        "normal": np.rint((normal + 1) * 127.5).astype(np.uint8),
        "height": (x * 1000).astype(np.uint16),
        "roughness": (255 - y * 3).astype(np.uint8),
    }


ENDINGS = {"colour": "BaseColor", "orm": "ORM", "normal": "Normal", "height": "Height", "roughness": "Roughness"}


def texture(folder: Path, changed: dict[str, Any] | None = None) -> Path:
    """A material.json with its maps beside it."""
    files = {}
    for key, picture in atlas().items():
        files[key] = f"Box_{ENDINGS[key]}.png"
        (folder / files[key]).write_bytes(encode_png(picture))
    (folder / "uvs_0.npy").write_bytes(b"not looked at")
    one = {"name": "Box", "slots": [0], "tile": 0, "uv": "new", "height_m": 0.1, "maps": files}
    document = {"of_file": False, "objects": [{"name": "Box", "new_uvs": "uvs_0.npy", "sets": [one]}]}
    document |= changed or {}
    (folder / "material.json").write_text(json.dumps(document))
    return folder / "material.json"


def packed(path: Path) -> Path:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        for file in path.parent.iterdir():
            if file.suffix != ".zip":
                archive.write(file, file.name)
    return path.with_suffix(".zip")


def ending(given: Path, folder: Path, model: str = "enlarge", cancel_at: int = 10**9, **params: Any):
    out = folder / str(uuid.uuid4())
    out.mkdir()
    blobs = {"maps": Blob("0" * 64, given.suffix)}
    job = Job(str(uuid.uuid4()), "upscale_texture", model, blobs, params, name="Box")
    sent: list[Any] = []
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > cancel_at

    return Runner(Registry(), "cpu").run(job, out, {"maps": given}, sent.append, cancelled), out


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("scale", [2, 4])
def test_all_maps_grow_alike(tmp_path: Path, scale: int, as_zip: bool) -> None:
    given = texture(tmp_path)
    ended, out = ending(packed(given) if as_zip else given, tmp_path, scale=str(scale))
    assert ended.say == "done", ended.fault
    document = json.loads((out / "material.json").read_text())
    (one,) = document["objects"][0]["sets"]
    assert one["maps"] == {key: f"Box_{end}.png" for key, end in ENDINGS.items()} and one["height_m"] == 0.1
    made = {key: decode_png((out / file).read_bytes()) for key, file in one["maps"].items()}
    given_maps = atlas()
    for key, picture in made.items():
        assert picture.shape[:2] == (SIDE * scale, SIDE * scale) and picture.dtype == given_maps[key].dtype, key
        back = picture.reshape(SIDE, scale, SIDE, scale, -1).mean((1, 3)).reshape(given_maps[key].shape)
        assert np.abs(back - given_maps[key]).mean() < (80 if key == "height" else 1), key
    assert np.array_equal(made["orm"][..., 1], made["roughness"]), "the channels of ORM one by one, as they were"
    length = np.linalg.norm(made["normal"] / 127.5 - 1, axis=-1)
    assert np.abs(length - 1).max() < 0.01
    assert (out / "uvs_0.npy").read_bytes() == b"not looked at"
    assert {a.kind for a in ended.result.artefacts} == {"map", "file", "material"}
    assert ended.result.report["maps"] == len(ENDINGS)


def test_nothing_bleeds_from_one_island_into_the_other(tmp_path: Path) -> None:
    """Where the padding ends two islands meet; within an island not one texel takes anything of the other's colour."""
    ended, out = ending(texture(tmp_path), tmp_path, scale="4")
    assert ended.say == "done", ended.fault
    colour = decode_png((out / "Box_BaseColor.png").read_bytes())
    edge = (SIDE // 2 - PADDING) * 4
    assert (colour[:, :edge] == (200, 20, 10)).all() and (colour[:, -edge:] == (10, 30, 220)).all()


def test_normals_are_unit_again() -> None:
    crooked = np.full((4, 4, 3), 128, np.uint8)
    crooked[..., 0] = 160
    made = unit_normals(crooked.copy()) / 127.5 - 1
    assert np.abs(np.linalg.norm(made, axis=-1) - 1).max() < 0.01
    assert (unit_normals(np.full((2, 2, 3), 128, np.uint8))[..., 2] > 250).all(), "none at all looks outwards"


def test_normals_between_two_slopes_are_unit_too() -> None:
    """What lies between two directions is shorter than either, before it is made a direction again."""
    x = np.arange(64) // 8 % 2
    slopes = np.stack([np.where(x, 0.8, -0.8), 0.0 * x, 0.6 + 0.0 * x], -1)
    picture = np.rint((np.tile(slopes, (64, 1, 1)) + 1) * 127.5).astype(np.uint8)
    short, made = (
        np.linalg.norm(larger / 127.5 - 1, axis=-1)
        for larger in (enlarged(picture, 4, 1.0), maps._larger_map("normal", picture, 4, lambda _: _, lambda: None))
    )
    assert np.abs(short - 1).max() > 0.1 and np.abs(made - 1).max() < 0.01


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"objects": []}, "no maps"),
        ({"objects": 3}, "no finished texture"),
        ({"objects": [{"sets": [{"name": "a", "maps": {"colour": "../secret.png"}}]}]}, "outside"),
        ({"objects": [{"sets": [{"name": "a", "maps": {"colour": "gone.png"}}]}]}, "gone.png"),
        ({"objects": [{"sets": [{"name": "a", "maps": {"colour": "uvs_0.npy"}}]}]}, "colour map"),
    ],
)
def test_what_is_no_texture_is_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    ended, out = ending(texture(tmp_path, changed), tmp_path)
    assert ended.fault.code == "bad_input" and told in ended.fault.message and not list(out.iterdir())


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"PK nothing")
    (tmp_path / "material.json").write_text("[1, 2")
    for name in ("other.zip", "material.json"):
        ended, _ = ending(tmp_path / name, tmp_path)
        assert ended.fault.code == "bad_input"


def test_too_large_is_said_before_anything_is_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.filters.enlarging.LARGEST_RESULT_PX", 150 * 150)
    ended, out = ending(texture(tmp_path), tmp_path, scale="4")
    assert "Scale to 2" in ended.fault.hint and not list(out.iterdir())


def test_cancelled_between_maps(tmp_path: Path) -> None:
    ended, out = ending(texture(tmp_path), tmp_path, cancel_at=4)
    assert ended.say == "cancelled" and not list(out.iterdir())


def square(folder: Path, by: int = 0) -> Path:
    """What a model of `tile_texture` leaves: a square that repeats, with a slanting stripe; moved by `by` px."""
    y, x = np.mgrid[:SIDE, :SIDE]
    stripe = np.roll(((x + 2 * y) % SIDE < 20) * 200, by, 1)
    folder.mkdir()
    (folder / "Oak_Height.png").write_bytes(encode_png((stripe * 200).astype(np.uint16)))
    (folder / "Oak_BaseColor.png").write_bytes(
        encode_png(np.stack([stripe, stripe // 2, 0 * x + 9], -1).astype(np.uint8))
    )
    maps = {"colour": "Oak_BaseColor.png", "height": "Oak_Height.png"}
    tile = {"name": "Oak", "slots": [0], "tile": 0, "uv": "own", "height_m": 0.01, "maps": maps, "width_m": 2.0}
    (folder / "material.json").write_text(json.dumps({"of_file": False, "objects": [], "tile": tile}))
    return folder / "material.json"


@pytest.mark.parametrize("scale", [2, 4])
def test_a_square_that_repeats_has_no_seam_when_it_is_larger(tmp_path: Path, scale: int) -> None:
    """Where its border lies must not matter: moved by some pixels, it becomes the same, moved."""
    made, moved = (ending(square(tmp_path / str(by), by), tmp_path, scale=str(scale)) for by in (0, 25))
    assert made[0].say == "done", made[0].fault
    document = json.loads((made[1] / "material.json").read_text())
    assert document["objects"] == [] and document["tile"]["width_m"] == 2.0
    for file in document["tile"]["maps"].values():
        here, there = (decode_png((out / file).read_bytes()) for _, out in (made, moved))
        assert here.shape[:2] == (SIDE * scale, SIDE * scale)
        assert np.array_equal(np.roll(here, 25 * scale, 1), there), file


def test_what_differs_on_both_sides_of_the_border_fades() -> None:
    """As what a network draws there does; beyond the fading it is left as it is."""
    ramp = np.linspace(0, 100, 2 * (SIDE + 2 * maps._BEYOND_PX))[:, None, None]

    def drawn(picture: np.ndarray) -> np.ndarray:
        return np.rint(picture.repeat(2, 0).repeat(2, 1) + ramp).astype(np.uint8)

    made = maps.repeated(np.full((SIDE, SIDE, 1), 50, np.uint8), 2, drawn).astype(int)
    untouched = drawn(np.full((SIDE + 2 * maps._BEYOND_PX,) * 2 + (1,), 50, np.uint8))
    assert np.abs(made[0, :, 0] - made[-1, :, 0]).max() <= 1 and np.abs(np.diff(made, axis=0)).max() <= 2
    assert (made[SIDE, :, 0] == untouched[2 * maps._BEYOND_PX + SIDE, 0, 0]).all()


def test_colours_are_drawn_by_the_network_and_all_else_is_not(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from server.models.image.upscale import Upscale
    from server.weights import Shelf

    weights, out = tmp_path / "weights", tmp_path / "out"
    out.mkdir()
    Upscale.tiny(weights)
    given = texture(tmp_path)
    params = {"steps": 2, "tile_px": 64, "engine": "sdxl"}
    job = Job(str(uuid.uuid4()), "upscale_texture", "upscale", {"maps": Blob("0" * 64, ".json")}, params, name="Box")
    runner = Runner(Registry(shelf=Shelf([weights], hub_cache=tmp_path / "none")), "cpu")
    ended = runner.run(job, out, {"maps": given}, lambda _: None, lambda: False)
    assert ended.say == "done", ended.fault
    _, plain = ending(given, tmp_path)
    same = {e: (out / f"Box_{e}.png").read_bytes() == (plain / f"Box_{e}.png").read_bytes() for e in ENDINGS.values()}
    assert same == {end: end != "BaseColor" for end in ENDINGS.values()}
    assert decode_png((out / "Box_BaseColor.png").read_bytes()).shape == (2 * SIDE, 2 * SIDE, 3)


# ------------------------------------------------------------------------------------------------------------------ PNG


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3), (9, 4, 4), (1, 1), (33, 64, 3)])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_png_of_ours_is_read_as_it_was(shape: tuple[int, ...], smooth: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if smooth:  # takes the other filters
        picture = (np.cumsum(np.cumsum(picture % 3, 0), 1) % 256).astype(np.uint8)
    assert np.array_equal(decode_png(encode_png(picture)), picture)
    assert size_of_png(encode_png(picture)) == (shape[1], shape[0])
    if len(shape) == 2:
        deep = picture.astype(np.uint16) * 257 + 3
        assert np.array_equal(decode_png(encode_png(deep)), deep)


def test_a_png_of_another_program_goes_through_pillow(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "other"
    folder.mkdir()
    given = texture(folder)
    for key, end in ENDINGS.items():
        image.fromarray(atlas()[key]).save(folder / f"Box_{end}.png")
    ended, out = ending(given, tmp_path)
    assert ended.say == "done", ended.fault
    _, plain = ending(texture(tmp_path), tmp_path)
    for end in ENDINGS.values():
        assert np.array_equal(maps._decoded((out / f"Box_{end}.png").read_bytes(), end),
                              maps._decoded((plain / f"Box_{end}.png").read_bytes(), end))  # fmt: skip


def test_a_damaged_png_is_said() -> None:
    data = encode_png(np.zeros((9, 9, 3), np.uint8))
    for broken in (b"", b"GIF89a" + bytes(40)):
        with pytest.raises(ValueError, match="not a PNG"):
            decode_png(broken)
    with pytest.raises(Exception, match=r"cut short|incomplete|Error"):
        decode_png(data[:-20])
