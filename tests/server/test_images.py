"""Pictures as people have them: every kind of file, and every kind of broken file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from blender_aigc.protocol import Fault
from server import images
from server.images import load_image

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed in this environment")
ImageCms = pytest.importorskip("PIL.ImageCms", reason="Pillow lacks LittleCMS here")

RED_TOP_BLUE_BOTTOM = np.zeros((16, 24, 4), np.uint8)
RED_TOP_BLUE_BOTTOM[:8] = (200, 10, 20, 255)
RED_TOP_BLUE_BOTTOM[8:] = (10, 20, 200, 128)


def fault_of(path: Path) -> Fault:
    with pytest.raises(Fault) as caught:
        load_image(path)
    assert caught.value.message and caught.value.hint, "an artist needs a sentence and a cure"
    return caught.value


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def rgba() -> Image.Image:
    return Image.fromarray(RED_TOP_BLUE_BOTTOM, "RGBA")


# ------------------------------------------------------------------------------------------------ what must be readable


def test_png_with_alpha_arrives_unchanged(tmp_path: Path) -> None:
    read = load_image(save(rgba(), tmp_path / "Stuhl \u6905\u5b50.png"))
    assert read.dtype == np.uint8 and read.flags.c_contiguous and read.flags.writeable
    assert np.array_equal(read, RED_TOP_BLUE_BOTTOM)


def test_rgb_becomes_opaque(tmp_path: Path) -> None:
    read = load_image(save(rgba().convert("RGB"), tmp_path / "a.bmp"))
    assert np.array_equal(read[..., :3], RED_TOP_BLUE_BOTTOM[..., :3]) and (read[..., 3] == 255).all()


@pytest.mark.parametrize("index_kind", ["one transparent colour", "alpha per colour"])
def test_palette_with_transparency(tmp_path: Path, index_kind: str) -> None:
    picture = Image.fromarray(np.repeat(np.array([[0], [1]], np.uint8), 8, axis=0).repeat(20, axis=1), "P")
    picture.putpalette([255, 0, 0, 0, 255, 0])
    transparency = 0 if index_kind.startswith("one") else bytes([0, 100])
    read = load_image(save(picture, tmp_path / "p.png", transparency=transparency))
    assert (read[0, :, 3] == 0).all() and tuple(read[8, 0, :3]) == (0, 255, 0)
    assert read[8, 0, 3] == (255 if index_kind.startswith("one") else 100)


def test_16_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(10, axis=0)
    read = load_image(save(Image.fromarray(ramp), tmp_path / "deep.png"))
    assert np.array_equal(read[0, :, 0], np.arange(256)), "not clipped to white, not wrapped"


def test_16_bit_rgba_png(tmp_path: Path) -> None:
    pixels = (RED_TOP_BLUE_BOTTOM.astype(np.uint16) * 257).astype(">u2")
    path = tmp_path / "deep.png"
    path.write_bytes(png_of(pixels, bit_depth=16, colour_type=6))
    assert np.array_equal(load_image(path), RED_TOP_BLUE_BOTTOM)


def test_cmyk_jpeg(tmp_path: Path) -> None:
    read = load_image(save(Image.new("CMYK", (32, 16), (0, 255, 255, 0)), tmp_path / "print.jpg", quality=95))
    assert read[0, 0, 0] > 220 and read[0, 0, 1] < 60 and read[0, 0, 2] < 60, "red ink pair must read as red"


def test_grey_and_alpha(tmp_path: Path) -> None:
    picture = Image.new("LA", (16, 16), (90, 70))
    assert (load_image(save(picture, tmp_path / "la.png")) == (90, 90, 90, 70)).all()


def test_float_tiff(tmp_path: Path) -> None:
    picture = Image.fromarray(np.full((9, 9), 0.5, np.float32))
    assert (load_image(save(picture, tmp_path / "float.tif"))[..., :3] == 128).all()


def test_animated_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    path = save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert (load_image(path) == (255, 0, 0, 255)).all()


def test_phone_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held a quarter turn to the left
    path = save(rgba().convert("RGB"), tmp_path / "phone.jpg", exif=exif, quality=95)
    read = load_image(path)
    assert read.shape == (24, 16, 4)
    assert read[12, 14, 0] > 150 and read[12, 2, 2] > 150, "the red top comes to lie on the right"


def test_colour_profile_is_taken_to_srgb(tmp_path: Path) -> None:
    """In L*a*b* D50 terms nothing changes; as raw numbers a wide-gamut green must become another sRGB triple."""
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    same = save(rgba().convert("RGB"), tmp_path / "same.png", icc_profile=linear.tobytes())
    assert np.abs(load_image(same)[..., :3].astype(int) - RED_TOP_BLUE_BOTTOM[..., :3]).max() <= 1
    xyz = save(rgba().convert("RGB"), tmp_path / "odd.png", icc_profile=b"this is no profile")
    assert np.array_equal(load_image(xyz)[..., :3], RED_TOP_BLUE_BOTTOM[..., :3]), "a broken profile is ignored"


def test_wide_gamut_profile_changes_the_numbers_and_keeps_alpha(tmp_path: Path) -> None:
    path = save(rgba(), tmp_path / "wide.png", icc_profile=gamma_one_profile())
    read = load_image(path)
    assert np.array_equal(read[..., 3], RED_TOP_BLUE_BOTTOM[..., 3])
    assert read[0, 0, 0] > 215, "200/255 in linear light is brighter than 200 in sRGB"


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_npy_of_every_accepted_kind(tmp_path: Path, channels: int, dtype: type) -> None:
    pixels = RED_TOP_BLUE_BOTTOM[..., :channels]
    whole = {np.uint8: pixels, np.uint16: pixels.astype(np.uint16) * 257, np.float32: pixels / np.float32(255)}[dtype]
    np.save(tmp_path / "a.npy", whole[..., 0] if channels == 1 else whole)
    read = load_image(tmp_path / "a.npy")
    assert read.dtype == np.uint8 and read.shape == (16, 24, 4)
    assert np.array_equal(read[..., :channels], pixels)


def test_npy_needs_no_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.importlib.util, "find_spec", lambda name: None)
    np.save(tmp_path / "a.npy", RED_TOP_BLUE_BOTTOM)
    assert np.array_equal(load_image(tmp_path / "a.npy"), RED_TOP_BLUE_BOTTOM)
    fault = fault_of(save(rgba(), tmp_path / "a.png"))
    assert fault.code == "not_installed" and "Pillow" in fault.message and "pillow" in fault.hint


# ------------------------------------------------------------------------------------------------- what must be refused


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "gone.png").code == "bad_input"
    assert fault_of(tmp_path).code == "bad_input"


@pytest.mark.parametrize("content", [b"", b"hello, I am a text file", b"%PDF-1.4 ...", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert fault_of(path).code == "bad_input"


def test_postscript_is_never_opened(tmp_path: Path) -> None:
    """Pillow would start Ghostscript on it."""
    path = tmp_path / "harmless.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n")
    assert "not a picture" in fault_of(path).message


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".gif"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(Image.fromarray(noise), tmp_path / f"whole{suffix}")
    whole = path.read_bytes()
    assert load_image(path).shape == (64, 64, 4)
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert fault_of(path).code == "bad_input"


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    fault = fault_of(save(Image.new("RGB", size), tmp_path / "dot.png"))
    assert fault.code == "bad_input" and "too small" in fault.message


@pytest.mark.parametrize("side", [8200, 20000])
def test_too_large_is_refused_by_the_header_alone(tmp_path: Path, side: int) -> None:
    """The file holds no pixels at all, so whoever decodes before checking reports damage instead of size."""
    path = tmp_path / "huge.png"
    path.write_bytes(png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0), start=True))
    path.write_bytes(path.read_bytes() + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""))
    fault = fault_of(path)
    assert fault.code == "bad_input" and "too large" in fault.message and "megapixels" in fault.hint


def test_fully_transparent(tmp_path: Path) -> None:
    fault = fault_of(save(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), tmp_path / "ghost.png"))
    assert fault.code == "bad_input" and "transparent" in fault.message


def test_npy_of_the_wrong_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for array in (np.zeros(100, np.uint8), np.zeros((20, 20, 2), np.uint8), np.zeros((20, 20, 4), np.int64)):
        np.save(path, array)
        assert "not a picture" in fault_of(path).message
    np.save(path, np.full((20, 20, 4), np.nan, np.float32))
    assert "NaN" in fault_of(path).message
    np.save(path, np.zeros((4, 4, 4), np.uint8))
    assert "too small" in fault_of(path).message
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    assert fault_of(path).code == "bad_input"


def test_npy_with_a_lying_header(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, RED_TOP_BLUE_BOTTOM)
    honest = path.read_bytes()
    path.write_bytes(honest.replace(b"(16, 24, 4)", b"(16, 99, 4)"))
    assert "damaged" in fault_of(path).message
    path.write_bytes(honest[:60])
    assert "damaged" in fault_of(path).message


# ---------------------------------------------------------------------------------------------------------- file makers


def png_chunk(kind: bytes, data: bytes, start: bool = False) -> bytes:
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" if start else b"") + chunk


def png_of(pixels: np.ndarray, bit_depth: int, colour_type: int) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return png_chunk(b"IHDR", header, start=True) + body


def gamma_one_profile() -> bytes:
    """A minimal ICC v2 RGB profile: sRGB's primaries (adapted to D50), but linear light."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    text = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + bytes(78 + 5)
    tags = [
        (b"desc", text),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.4361, 0.2225, 0.0139)),
        (b"gXYZ", xyz(0.3851, 0.7169, 0.0971)),
        (b"bXYZ", xyz(0.1431, 0.0606, 0.7141)),
        *[(name, b"curv\0\0\0\0" + struct.pack(">I", 0)) for name in (b"rTRC", b"gTRC", b"bTRC")],
    ]
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
