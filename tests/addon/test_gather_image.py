"""Pictures as Blender decodes them: exact values, all kinds of files, the user's own untouched, bad files refused."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from scene_state import differences, scene_state

from blender_aigc.gather.image import MAX_PIXELS, image_blob, image_pixels
from blender_aigc.gather.picture_files import PictureFile, inspect
from blender_aigc.protocol import Fault

TOP, BOTTOM = (200, 40, 60), (30, 90, 180)
"""The two colours of the files below, 8 x 8 pixels each, made with Pillow."""

CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAIBgYHBgUIBwcHCQkICgwUDQwLCwwZEhMPFB0aHx4dGhwcICQuJyAiLCMcHCg3KSwwMTQ0NB8nOT04MjwuMzQy"
    "/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAQGB//EABwQAAEEAwEAAAAAAAAAAAAAAAAXZaTiFWSj4f/aAA4EQwBNAFkASwAA"
    "PwASzsEyhAYHZ5+h02do1jfz/9k="
)
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB"
    "YUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAI"
    "AAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAf/xAAXEAEAAwAAAAAAAAAAAAAAAAAAFGKh/8QAFQEBAQAAAAAAAAAAAAAAAAAABQ"
    "f/xAAeEQAABAcAAAAAAAAAAAAAAAAAAqLSAwUGFhdTVP/aAAwDAQACEQMRAD8Ah8+mgLHaMk0KO4E5KqvsRDYP/9k="
)
GIF_OF_TWO_FRAMES = base64.b64decode(
    "R0lGODlhCAAIAIEAAMgoPB5atAAAAAAAACH5BAAKAAAALAAAAAAIAAgAAAgVAAEIHEiwoMGDBAMoXMiwocOHDAMCACH5BAEKAAIALAAAAAAIAAgAgeGlSzfX"
    "wwAAAAAAAAgVAAMIHEiwoMGDBAEoXMiwocOHDAMCADs="
)
WEBP = {
    "lossless": base64.b64decode("UklGRiQAAABXRUJQVlA4TBcAAAAvB8ABAA9wFJlbIZ8Hb/5DC/Mf0f+ABwA="),
    "lossy": base64.b64decode(
        "UklGRlIAAABXRUJQVlA4IEYAAACQAgCdASoIAAgAAUAmJagCdLoBJgP4Bcf92AA5AAD+8OvMwCm1ovjKi4g3h6pzg3/9Js+SR+VjG6Lmy08cboubL92W8AAA"
    ),
    "extended": base64.b64decode(
        "UklGRnYAAABXRUJQVlA4WAoAAAAQAAAABwAABwAAQUxQSAoAAAABB1DAiAhERP8DVlA4IEYAAACQAgCdASoIAAgAAUAmJagCdLoBJgP4Bcf92AA5AAD+8OvM"
        "wCm1ovjKi4g3h6pzg3/9Js+SR+VjG6Lmy08cboubL92W8AAA"
    ),
}


def png(pixels: np.ndarray, palette: np.ndarray | None = None, size: tuple[int, int] | None = None) -> bytes:
    """A PNG of (H, W, C) uint8 or uint16, of (H, W) indices into `palette`; `size` is a lie in its header."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = 3 if palette is not None else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    depth = pixels.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, kind, 0, 0, 0)
    colours = chunk(b"PLTE", palette.tobytes()) if palette is not None else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + colours
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def pixels() -> np.ndarray:
    """(9, 12, 4) uint8: every row and column differs, colours hide behind full transparency."""
    rng = np.random.default_rng(7)
    values = rng.integers(0, 256, (9, 12, 4), np.uint8)
    values[:, :4, 3], values[:, 4:8, 3] = 0, 255
    return values


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refusal(source: object) -> Fault:
    """The Fault for `source`; and nothing has changed by it."""
    before = scene_state()
    with pytest.raises(Fault) as caught:
        image_pixels(source)  # type: ignore[arg-type]
    assert differences(before, scene_state()) == []
    assert caught.value.code == "bad_input" and caught.value.hint
    return caught.value


# ----------------------------------------------------------------------------------------------------- exact values


def test_the_values_of_the_file_arrive_unchanged(tmp_path: Path, pixels: np.ndarray) -> None:
    path = written(tmp_path, "Ünï çødé.png", png(pixels))
    before = scene_state()
    for source in (path, str(path)):
        assert np.array_equal(image_pixels(source), pixels)
    assert differences(before, scene_state()) == []


def test_sixteen_bits_are_rounded_and_stay_straight(tmp_path: Path, pixels: np.ndarray) -> None:
    deep = pixels.astype(np.uint16) * 257
    deep[..., :3] += np.where(pixels[..., :3] < 255, 100, 0).astype(np.uint16)  # less than half a step
    assert np.array_equal(image_pixels(written(tmp_path, "deep.png", png(deep))), pixels)


def test_fewer_channels_are_filled_up(tmp_path: Path, pixels: np.ndarray) -> None:
    gray = np.repeat(pixels[..., :1], 3, axis=2)
    rgb = image_pixels(written(tmp_path, "rgb.png", png(pixels[..., :3])))
    assert np.array_equal(rgb[..., :3], pixels[..., :3]) and (rgb[..., 3] == 255).all()
    one = image_pixels(written(tmp_path, "gray.png", png(pixels[..., :1])))
    assert np.array_equal(one[..., :3], gray) and (one[..., 3] == 255).all()
    two = image_pixels(written(tmp_path, "gray_alpha.png", png(pixels[..., [0, 3]])))
    assert np.array_equal(two[..., :3], gray) and np.array_equal(two[..., 3], pixels[..., 3])


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    palette = np.array([[1, 2, 3], [250, 128, 7], [0, 255, 99]], np.uint8)
    indices = np.arange(8 * 10, dtype=np.uint8).reshape(8, 10) % 3
    read = image_pixels(written(tmp_path, "palette.png", png(indices, palette)))
    assert np.array_equal(read[..., :3], palette[indices])


@pytest.mark.parametrize(
    ("name", "data", "tolerance"),
    [("cmyk.jpg", CMYK_JPEG, 8), ("plain.jpg", JPEG, 8), ("animated.gif", GIF_OF_TWO_FRAMES, 2)]
    + [(f"{kind}.webp", data, 0 if kind == "lossless" else 30) for kind, data in WEBP.items()],
)
def test_other_kinds_of_files(tmp_path: Path, name: str, data: bytes, tolerance: int) -> None:
    read = image_pixels(written(tmp_path, name, data)).astype(int)
    assert read.shape == (8, 8, 4)
    assert np.abs(read[0, :, :3] - TOP).max() <= tolerance and np.abs(read[-1, :, :3] - BOTTOM).max() <= tolerance
    assert (read[..., 3] == (128 if name == "extended.webp" else 255)).all()


@pytest.mark.parametrize(("kind", "suffix"), [("BMP", "bmp"), ("TARGA", "tga"), ("TIFF", "tif"), ("PNG", "png")])
def test_what_blender_saves_comes_back(tmp_path: Path, kind: str, suffix: str, pixels: np.ndarray) -> None:
    pixels[..., 3] = 255
    image = bpy.data.images.new("made", 12, 9, alpha=True)
    image.pixels.foreach_set((pixels[::-1] / 255).astype(np.float32).ravel())
    image.file_format, image.filepath_raw = kind, str(tmp_path / f"file.{suffix}")
    image.save()
    assert np.array_equal(image_pixels(tmp_path / f"file.{suffix}"), pixels)


def test_light_is_encoded_and_associated_alpha_undone(tmp_path: Path) -> None:
    light = np.zeros((8, 8, 4), np.float32)
    light[:4] = (0.1070, 0.0, 0.25, 0.5)  # 0.214 linear, half covered
    light[4:] = (3.0, 0.0030, 1.0, 1.0)
    image = bpy.data.images.new("light", 8, 8, alpha=True, float_buffer=True)
    image.pixels.foreach_set(light[::-1].ravel())
    settings = bpy.context.scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
    expected_top, expected_bottom = (127, 0, 188, 128), (255, 10, 255, 255)
    direct = image_pixels(image)
    image.save_render(str(tmp_path / "light.exr"))
    for read in (direct, image_pixels(tmp_path / "light.exr")):
        assert np.abs(read[0, 0].astype(int) - expected_top).max() <= 1
        assert np.abs(read[-1, 0].astype(int) - expected_bottom).max() <= 1


def photograph(orientation: int, order: str) -> bytes:
    """The sample JPEG with the mark of a camera that was held in one of the eight ways."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + mark + directory
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + JPEG[2:]


@pytest.mark.parametrize("order", "<>")
def test_photographs_are_turned_upright(tmp_path: Path, order: str) -> None:
    """Exif 2.32, tag 0x0112: what row 0 and column 0 of the file are in the upright picture, for each of the eight."""
    lying = image_pixels(written(tmp_path, "1.jpg", JPEG))
    assert not np.array_equal(lying, lying[::-1]) and not np.array_equal(lying, lying[:, ::-1])
    upright = {
        1: lying,
        2: lying[:, ::-1],
        3: np.rot90(lying, 2),
        4: lying[::-1],
        5: lying.swapaxes(0, 1),
        6: np.rot90(lying, -1),
        7: np.rot90(lying, 2).swapaxes(0, 1),
        8: np.rot90(lying, 1),
    }
    for orientation, expected in upright.items():
        path = written(tmp_path, f"{orientation}{ord(order)}.jpg", photograph(orientation, order))
        assert np.array_equal(image_pixels(path), expected), orientation


def test_the_blob_is_an_array_file(tmp_path: Path, pixels: np.ndarray) -> None:
    data, suffix = image_blob(written(tmp_path, "a.png", png(pixels)))
    read = np.load(io.BytesIO(data), allow_pickle=False)
    assert suffix == ".npy" and read.dtype == np.uint8 and np.array_equal(read, pixels)


# ------------------------------------------------------------------------------------------------ the user's own images


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("space", "alpha"), [("sRGB", "STRAIGHT"), ("Non-Color", "NONE"), ("sRGB", "PREMUL")])
def test_settings_for_showing_an_image_do_not_matter(
    tmp_path: Path, pixels: np.ndarray, deep: bool, packed: bool, space: str, alpha: str
) -> None:
    data = png(pixels.astype(np.uint16) * 257 if deep else pixels)
    image = bpy.data.images.load(str(written(tmp_path, "mine.png", data)))
    image.colorspace_settings.name, image.alpha_mode = space, alpha
    if packed:
        image.pack()
        (tmp_path / "mine.png").unlink()
    before = scene_state()
    assert np.array_equal(image_pixels(image), pixels)
    assert differences(before, scene_state()) == []
    assert not image.is_dirty


def test_generated_and_painted_images_are_read_from_memory(tmp_path: Path, pixels: np.ndarray) -> None:
    generated = bpy.data.images.new("generated", 16, 16)
    generated.generated_color = (1.0, 0.5, 0.0, 1.0)
    assert np.abs(image_pixels(generated)[3, 3].astype(int) - (255, 128, 0, 255)).max() <= 1
    painted = bpy.data.images.load(str(written(tmp_path, "mine.png", png(pixels))))
    values = np.empty(9 * 12 * 4, np.float32)
    painted.pixels.foreach_get(values)
    painted.pixels.foreach_set(1 - values)
    before = scene_state()
    assert painted.is_dirty and np.array_equal(image_pixels(painted), 255 - pixels)
    assert painted.is_dirty and differences(before, scene_state()) == []


def test_an_animated_image_gives_its_first_frame(tmp_path: Path) -> None:
    image = bpy.data.images.load(str(written(tmp_path, "a.gif", GIF_OF_TWO_FRAMES)))
    assert np.abs(image_pixels(image)[0, 0, :3].astype(int) - TOP).max() <= 2


def test_the_last_render_can_be_used(tmp_path: Path) -> None:
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.film_transparent = 24, 16, True
    scene.world = bpy.data.worlds.new("world")
    bpy.ops.render.render()
    before = scene_state()
    read = image_pixels(bpy.data.images["Render Result"])
    assert read.shape == (16, 24, 4) and (read[..., 3] == 0).all()
    assert differences(before, scene_state()) == []


def test_a_picture_of_several_tiles_is_refused() -> None:
    image = bpy.data.images.new("tiles", 32, 32, tiled=True)
    image.source = "TILED"
    assert "UDIM" in refusal(image).message


# ----------------------------------------------------------------------------------------------------------- bad files


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    assert "nothing.png" in refusal(tmp_path / "nothing.png").message
    assert "cannot be read" in refusal(tmp_path).message
    assert "cannot be read" in refusal("null\0character").message
    for name, data in (("text.png", b"hello"), ("empty.png", b""), ("noise.jpg", bytes(range(256)) * 40)):
        refusal(written(tmp_path, name, data))


def test_a_missing_file_of_an_image_of_the_scene(tmp_path: Path, pixels: np.ndarray) -> None:
    path = written(tmp_path, "mine.png", png(pixels))
    image = bpy.data.images.load(str(path))
    path.unlink()
    assert "mine.png" in refusal(image).message


def test_truncated_files_are_never_half_a_picture(tmp_path: Path, pixels: np.ndarray) -> None:
    files = {"a.png": png(pixels), "b.jpg": JPEG, "c.webp": WEBP["lossy"]}
    for name, whole in files.items():
        assert image_pixels(written(tmp_path, name, whole)).shape[2] == 4
        for length in sorted({8, 20, 33, len(whole) // 2, len(whole) - 12, len(whole) - 2}):
            refusal(written(tmp_path, name, whole[:length]))


def test_sizes_out_of_bounds(tmp_path: Path) -> None:
    assert "1 x 1" in refusal(written(tmp_path, "dot.png", png(np.zeros((1, 1, 4), np.uint8)))).message
    assert "300 x 7" in refusal(written(tmp_path, "line.png", png(np.zeros((7, 300, 4), np.uint8)))).message
    small = png(np.zeros((8, 8, 3), np.uint8), size=(20000, 20000))
    huge = refusal(written(tmp_path, "huge.png", small))
    assert "20000 x 20000" in huge.message and "Scale it down" in huge.hint
    assert 20000 * 20000 > MAX_PIXELS


def test_headers_tell_the_size_without_decoding() -> None:
    eight = {"jpg": JPEG, "cmyk": CMYK_JPEG, "gif": GIF_OF_TWO_FRAMES} | WEBP
    eight["png"] = png(np.zeros((8, 8, 3), np.uint8))
    eight["bmp"] = b"BM" + bytes(12) + struct.pack("<Iii", 40, 8, -8)
    eight["old bmp"] = b"BM" + bytes(12) + struct.pack("<IHH", 12, 8, 8)
    for order, mark in (("<", b"II*\0"), (">", b"MM\0*")):
        tags = struct.pack(f"{order}HHIHH", 256, 3, 1, 8, 0) + struct.pack(f"{order}HHII", 257, 4, 1, 8)
        eight[f"tiff {order}"] = mark + struct.pack(f"{order}IH", 8, 2) + tags
    for name, data in eight.items():
        assert inspect(io.BytesIO(data)) == PictureFile(8, 8), name
    assert inspect(io.BytesIO(b"hello")) == PictureFile()


def test_no_header_can_hang_or_break_the_reader() -> None:
    rng = np.random.default_rng(3)
    starts = [png(np.zeros((8, 8, 3), np.uint8)), JPEG, WEBP["extended"], GIF_OF_TWO_FRAMES, b"II*\0" + bytes(60)]
    for start in starts:
        for _ in range(200):
            data = bytearray(start)
            for place in rng.integers(4, len(data), 4):
                data[place] = rng.integers(0, 256)
            assert isinstance(inspect(io.BytesIO(bytes(data[: rng.integers(4, len(data) + 1)]))), PictureFile)
