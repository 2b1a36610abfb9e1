"""A picture of the scene or of the disk as pixels for the server, decoded by Blender, so that all its formats work.

Blender's own reading is used raw: on a private copy without colour management and without alpha association, so that
the values are those of the file, whatever the user's settings for showing the image are. The user's images, and the
file on disk, are only read.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..faults import Fault
from .picture_files import PictureFile, inspect

MAX_PIXELS = 8192 * 8192
MIN_SIDE_PX = 8

LINEAR_FORMATS = {"OPEN_EXR", "OPEN_EXR_MULTILAYER", "HDR"}


def image_blob(source: bpy.types.Image | str | Path) -> tuple[bytes, str]:
    """`image_pixels(source)` as the bytes of a .npy file, and their suffix ".npy"."""
    buffer = io.BytesIO()
    np.save(buffer, image_pixels(source), allow_pickle=False)
    return buffer.getvalue(), ".npy"


def image_pixels(source: bpy.types.Image | str | Path) -> np.ndarray:
    """Pixels of an image datablock, of the render result or of a file.

    Returns (H, W, 4) uint8: sRGB-encoded colour as in the file, straight alpha, row 0 on top,
    photographs upright. Linear pictures (EXR,
    HDR, float buffers) are clipped to 0..1 and encoded. Of an animated GIF and a movie, the first frame.
    Raises Fault("bad_input") for a file that is missing, not a picture, cut short, too small or too large.
    """
    if not isinstance(source, bpy.types.Image):
        return _of_file(Path(bpy.path.abspath(str(source))))
    if source.type == "RENDER_RESULT":
        return _of_render(source)
    if source.packed_file is not None and not source.is_dirty:
        with io.BytesIO(source.packed_file.data) as file:
            header = inspect(file)
        _check(header, source.name)
        with _private(source.copy()) as image:
            return _upright(_decoded(image, source.name), header.orientation)
    if source.source in ("GENERATED", "VIEWER") or source.is_dirty:
        return _straight(source, source.name, _is_linear(source))  # lives in memory only; reading does not change it
    if source.source == "TILED":
        raise Fault("bad_input", f"{source.name} has several tiles (UDIM).", "Choose a picture with a single tile.")
    return _of_file(Path(bpy.path.abspath(source.filepath_from_user(), library=source.library)))


def image_levels(source: bpy.types.Image | Path) -> np.ndarray:
    """(H, W, 1) uint16, row 0 on top: the first channel of a picture that is data, such as heights, as it stands in
    the file. Raises Fault("bad_input") like `image_pixels`.
    """
    if isinstance(source, bpy.types.Image):
        if source.is_dirty or source.source == "GENERATED":  # lives in memory only
            return _levels(source)
        with _private(source.copy()) as image:
            image.colorspace_settings.is_data = True
            return _levels(image)
    try:
        image = bpy.data.images.load(str(source), check_existing=False)
    except RuntimeError as error:
        raise Fault(
            "bad_input", f"The picture {source.name} cannot be read.", "Check that the file exists.", str(error)
        ) from None
    with _private(image):
        image.colorspace_settings.is_data = True
        return _levels(image)


def _levels(image: bpy.types.Image) -> np.ndarray:
    first = np.nan_to_num(_raw(image, image.name)[..., :1])
    return np.rint(np.clip(first, 0, 1) * np.float32(65535)).astype(np.uint16)


def _of_file(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            header = inspect(file)
        _check(header, path.name)
        image = bpy.data.images.load(str(path), check_existing=False)
    except (OSError, RuntimeError, ValueError) as error:  # ValueError: a null character in the path
        raise Fault(
            "bad_input", f"The picture {path.name} cannot be read.", "Check that the file exists.", str(error)
        ) from None
    with _private(image):
        return _upright(_decoded(image, path.name), header.orientation)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels turned as the camera was held (Exif 2.32, tag 0x0112). Blender itself shows such photographs lying."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _of_render(image: bpy.types.Image) -> np.ndarray:
    """The last render as the artist sees it. Its pixels are not to be had in memory, so it goes through a file."""
    try:
        with _png_settings(bpy.context.scene.render.image_settings), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "render.png"
            image.save_render(str(path))
            return _of_file(path)
    except RuntimeError as error:
        raise Fault("bad_input", "There is no render to use.", "Render an image first.", str(error)) from None


@contextmanager
def _png_settings(settings: bpy.types.ImageFormatSettings) -> Iterator[None]:
    """The scene's output format for the moment of writing one PNG; a copy of the scene would not have the render."""
    names = ("media_type", "file_format", "color_mode", "color_depth", "compression")  # each decides about the next
    before = [(name, getattr(settings, name)) for name in names if hasattr(settings, name)]
    ours = {"media_type": "IMAGE", "file_format": "PNG", "color_mode": "RGBA", "color_depth": "8", "compression": 0}
    try:
        for name, _ in before:
            setattr(settings, name, ours[name])
        yield
    finally:
        for name, value in before:
            setattr(settings, name, value)


def _check(picture: PictureFile, name: str) -> None:
    """Refuse what the header already rules out, before minutes are spent on decoding it."""
    if picture.width_px * picture.height_px > MAX_PIXELS:
        raise _too_large(name, picture.width_px, picture.height_px)
    if not picture.whole:
        raise Fault("bad_input", f"The picture {name} is cut short.", "Save or download it again.")


def _too_large(name: str, width: int, height: int) -> Fault:
    return Fault(
        "bad_input",
        f"The picture {name} is too large: {width} x {height} pixels.",
        "Scale it down; 8192 x 8192 is the limit, and 2048 x 2048 is plenty.",
    )


@contextmanager
def _private(image: bpy.types.Image) -> Iterator[bpy.types.Image]:
    try:
        yield image
    finally:
        bpy.data.images.remove(image)


def _decoded(image: bpy.types.Image, name: str) -> np.ndarray:
    """Pixels of a private copy of a file's image, whose settings we may change."""
    if image.size[0] == 0:  # asking for the size decodes it
        raise Fault("bad_input", f"{name} is not a picture.", "Choose a PNG, JPEG, WebP, TIFF or EXR file.")
    linear = _is_linear(image)
    image.colorspace_settings.is_data = True
    image.alpha_mode = "PREMUL" if linear else "CHANNEL_PACKED"
    return _straight(image, name, linear)


def _is_linear(image: bpy.types.Image) -> bool:
    """Are the values light, not sRGB? Byte buffers never are; 16-bit PNG and TIFF files are float buffers of sRGB."""
    space = image.colorspace_settings.name if image.is_float else "sRGB"
    return not space.startswith("sRGB") and (image.file_format in LINEAR_FORMATS or space.startswith("Linear"))


def _raw(image: bpy.types.Image, name: str) -> np.ndarray:
    """(H, W, C) float32 as Blender holds them, row 0 on top."""
    width, height = image.size
    if min(width, height) == 0:
        raise Fault("bad_input", f"{name} has no pixels.", "Choose another picture.")
    if width * height > MAX_PIXELS:
        raise _too_large(name, width, height)
    if min(width, height) < MIN_SIDE_PX:
        raise Fault("bad_input", f"The picture {name} is only {width} x {height} pixels.", "Choose a larger picture.")
    values = np.empty(width * height * image.channels, np.float32)
    if len(image.pixels) != values.size:
        raise Fault("bad_input", f"The pixels of {name} cannot be read.", "Save it as a file and choose that.")
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)[::-1]  # Blender's row 0 is at the bottom


def _straight(image: bpy.types.Image, name: str, linear: bool) -> np.ndarray:
    pixels = _raw(image, name)
    if linear:
        pixels = _encoded(pixels)
    result = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    channels = min(pixels.shape[2], 4)
    with np.errstate(invalid="ignore"):
        levels = np.nan_to_num(np.clip(pixels[..., :channels], 0.0, 1.0)) * np.float32(255) + np.float32(0.5)
    if channels < 3:  # gray, or gray and alpha
        result[..., :3] = levels[..., :1].astype(np.uint8)
    else:
        result[..., :channels] = levels.astype(np.uint8)
    if channels == 2:
        result[..., 3] = levels[..., 1].astype(np.uint8)
    return result


def _encoded(pixels: np.ndarray) -> np.ndarray:
    """Linear light with associated alpha as sRGB (IEC 61966-2-1) with straight alpha; channels beyond RGBA dropped."""
    pixels = np.nan_to_num(pixels[..., :4].astype(np.float32))
    colour = pixels[..., :3]
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3:]
        colour = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    colour = np.clip(colour, 0.0, 1.0)
    curve = np.where(colour <= 0.0031308, colour * 12.92, 1.055 * np.power(colour, 1 / 2.4) - 0.055)
    return np.concatenate([curve.astype(np.float32), pixels[..., 3:]], axis=-1)
