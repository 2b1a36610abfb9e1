"""The small reader of Blender's pass files, and line art of hand-made passes. No render."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from blender_aigc.gather.exr import ExrError, read_exr
from blender_aigc.gather.lines import line_art
from blender_aigc.gather.pass_values import ids_of, manifest


def exr_bytes(channels: dict[str, np.ndarray], compression: int = 0, version: int = 2, kind: int = 2) -> bytes:
    """An EXR file as its layout document describes it, written here without the reader's code."""
    names = sorted(channels)
    height, width = channels[names[0]].shape
    listing = b"".join(n.encode() + b"\0" + struct.pack("<iIii", kind, 0, 1, 1) for n in names) + b"\0"
    attributes = [
        (b"channels", b"chlist", listing),
        (b"compression", b"compression", bytes([compression])),
        (b"dataWindow", b"box2i", struct.pack("<4i", 0, 0, width - 1, height - 1)),
        (b"Title", b"string", "Ä".encode()),
    ]
    head = struct.pack("<II", 20000630, version)
    for name, type_, value in attributes:
        head += name + b"\0" + type_ + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    lines = [
        struct.pack("<ii", y, 4 * width * len(names)) + b"".join(channels[n][y].astype("<f4").tobytes() for n in names)
        for y in range(height)
    ]
    offsets = np.cumsum([len(head) + 8 * height, *(len(line) for line in lines[:-1])])
    return head + offsets.astype("<u8").tobytes() + b"".join(lines)


CHANNELS = {
    "L0.Depth.Z": np.arange(12, dtype=np.float32).reshape(3, 4),
    "L0.Normal.X": np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32),
}


def test_channels_and_texts_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(exr_bytes(CHANNELS))
    channels, texts = read_exr(path)
    assert texts == {"Title": "Ä"}
    assert set(channels) == set(CHANNELS)
    assert all(np.array_equal(channels[name], CHANNELS[name]) for name in CHANNELS)


@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short(tmp_path: Path, part: float) -> None:
    data = exr_bytes(CHANNELS)
    path = tmp_path / "a.exr"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ExrError):
        read_exr(path)


@pytest.mark.parametrize("change", [{"compression": 3}, {"version": 0x1002}, {"version": 0x202}, {"kind": 1}])
def test_what_is_not_read_is_said(tmp_path: Path, change: dict[str, int]) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(exr_bytes(CHANNELS, **change))
    with pytest.raises(ExrError):
        read_exr(path)


def plane(height: int = 40, width: int = 60, slope: float = 0.02) -> dict[str, np.ndarray]:
    """A plane seen at an angle, in perspective: 1 / depth is linear in the picture."""
    inverse = 0.05 + slope * np.arange(height, dtype=np.float32)[:, None] * np.ones(width, np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    normal[..., 1] = 1
    ids = np.ones((height, width), np.int32)
    return {"depth": 1 / inverse, "normal": normal, "object_id": ids, "material_id": ids.copy()}


def test_a_plane_has_no_lines_however_steep() -> None:
    assert not line_art(**plane()).any()
    assert not line_art(**plane(slope=0.5)).any()
    flat = plane()
    flat["depth"] = 3 + np.arange(40, dtype=np.float32)[:, None] * np.ones(60, np.float32)
    assert not line_art(**flat, perspective=False).any()


def test_every_kind_of_line() -> None:
    things, material = plane(), plane()
    things["object_id"][:, 30:] = 2  # side by side, of one material
    material["material_id"][:, 30:] = 2
    crease = plane()
    crease["normal"][:, 30:] = (1, 0, 0)
    step = plane()
    step["depth"][:, 30:] *= 0.9
    for case in (things, material, crease, step):
        lines = line_art(**case)
        assert (lines[2:-2, 29:31].max(axis=1) == 255).all()
        assert not lines[:, :29].any() and not lines[:, 31:].any()
    soft = plane()
    soft["normal"][:, 30:] = (np.sin(np.radians(35)), np.cos(np.radians(35)), 0)
    assert 50 < line_art(**soft).max() < 220
    smooth = plane()
    smooth["normal"][:, 30:] = (np.sin(np.radians(20)), np.cos(np.radians(20)), 0)
    assert not line_art(**smooth).any()


def test_the_silhouette_is_drawn_on_the_object_not_on_the_background() -> None:
    case = plane()
    outside = np.ones((40, 60), bool)
    outside[10:30, 20:40] = False
    case["depth"][outside], case["normal"][outside] = np.inf, 0
    case["object_id"][outside] = case["material_id"][outside] = 0
    for perspective in (True, False):
        lines = line_art(**case, perspective=perspective)
        assert not lines[outside].any()
        assert (lines[10, 20:40] == 255).all() and (lines[29, 20:40] == 255).all()
        assert (lines[10:30, 20] == 255).all() and (lines[10:30, 39] == 255).all()


def test_ids_of_cryptomatte_hashes() -> None:
    texts = {
        "cryptomatte/1/name": "L0.CryptoObject",
        "cryptomatte/1/manifest": '{"B":"80bb1009","A \\"x":"000000ff","say "hi", twice":"11112222"}',
        "cryptomatte/2/name": "L0.CryptoMaterial",
        "cryptomatte/2/manifest": '{"Lack":"01020304"}',
    }
    names = manifest(texts, "CryptoObject")
    # an exponent of 0 or 255 is not a usable float: its lowest bit is flipped (0x803b1009 <-> 0x80bb1009)
    assert names == {0x80BB1009: "B", 0x8000FF: 'A \\"x', 0x11112222: 'say "hi", twice'}
    bits = np.array([[0, 0x80BB1009, 0x80BB1009], [0x11112222, 0x55555555, 0x80BB1009]], np.uint32)
    ids, table = ids_of(bits.view(np.float32), np.ones((2, 3), bool), names)
    assert table == ["", "#55555555", "B", 'say "hi", twice']
    assert ids.tolist() == [[0, 2, 2], [3, 1, 2]] and ids.dtype == np.int32
    full, table = ids_of(bits[1:, :1].view(np.float32), np.ones((1, 1), bool), names)
    assert table == ["", 'say "hi", twice'] and full.tolist() == [[1]]
