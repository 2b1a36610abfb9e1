"""Read a picture from a file the user chose. numpy; Pillow only where a file needs it, imported then."""

from __future__ import annotations

import importlib.util
import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from PIL import Image

SMALLEST_PX = 8
LARGEST_PIXELS = 8192 * 8192

# Listed, because some that Pillow also knows start other programs (EPS runs Ghostscript).
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "DIB", "TGA", "JPEG2000", "PPM", "ICO", "DDS")

_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
_OTHER_HINT = "Choose another picture."


def load_image(path: Path) -> np.ndarray:
    """(H, W, 4) uint8, sRGB, straight alpha, row 0 on top, from a .npy array or any usual picture file.

    .npy: (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or floating point 0..1 (Blender's side sends uint8 RGBA).
    Other files go through Pillow: first frame, turned upright by its EXIF tag, colours taken to sRGB by its profile.
    Raises Fault("bad_input") for what is no usable picture, Fault("not_installed") when Pillow is needed but absent.
    """
    if not path.is_file():
        raise Fault("bad_input", "The picture is not there.", "Choose the picture again.", detail=str(path))
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise Fault("bad_input", "The picture cannot be opened.", "Check its permissions.", str(error)) from None
    try:
        image = _from_npy(path) if start.startswith(b"\x93NUMPY") else _from_picture(path)
    except MemoryError:
        raise Fault("out_of_memory", "There is not enough memory for this picture.", "Make it smaller.") from None
    if not image[..., 3].any():
        raise Fault("bad_input", "The picture is fully transparent.", _OTHER_HINT)
    return image


def _check_size(width: int, height: int) -> None:
    """Called with what the file's header says, before anything is decoded."""
    if min(width, height) < SMALLEST_PX:
        raise Fault(
            "bad_input",
            f"The picture is too small: {width} x {height} px.",
            f"Use {SMALLEST_PX} x {SMALLEST_PX} or more.",
        )
    if width * height > LARGEST_PIXELS:
        raise Fault(
            "bad_input",
            f"The picture is too large: {width} x {height} px.",
            f"Scale it down to {LARGEST_PIXELS // 2**20} megapixels or less, such as 8192 x 8192.",
        )


def _from_npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGED as error:
        raise Fault("bad_input", "The picture is damaged or incomplete.", _OTHER_HINT, str(error)) from None
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise Fault("bad_input", "This array is not a picture.", _OTHER_HINT, f"shape {array.shape}")
    _check_size(array.shape[1], array.shape[0])
    return _rgba(_bytes(np.asarray(array)))


def _bytes(array: np.ndarray) -> np.ndarray:
    """uint8 from uint8, uint16 (full range) or floating point (0..1; values beyond are clipped)."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return ((array.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if array.dtype.kind != "f":
        raise Fault("bad_input", "This array is not a picture.", _OTHER_HINT, f"dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise Fault("bad_input", "The picture has invalid pixels (NaN or infinite).", "Save it again without them.")
    return np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)


def _rgba(array: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8, contiguous, from grey, RGB or RGBA uint8."""
    if array.ndim == 2:
        array = array[..., None].repeat(3, axis=2)
    if array.shape[2] == 3:
        array = np.concatenate([array, np.full_like(array[..., :1], 255)], axis=2)
    return np.ascontiguousarray(array)


def _from_picture(path: Path) -> np.ndarray:
    if importlib.util.find_spec("PIL") is None:
        raise Fault(
            "not_installed",
            f"Reading {path.suffix or 'this kind of'} files needs Pillow, which is not installed here.",
            "Choose the picture inside Blender, or install the package 'pillow' for the server.",
        )
    from PIL import Image, ImageOps

    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        hint = f"Scale it down to {LARGEST_PIXELS // 2**20} megapixels or less, such as 8192 x 8192."
        raise Fault("bad_input", "The picture is too large.", hint, str(error)) from None
    except _DAMAGED as error:
        raise Fault("bad_input", "This file is not a picture.", "Choose a PNG or JPEG file.", str(error)) from None
    with picture:
        _check_size(*picture.size)
        try:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
        except _DAMAGED as error:
            raise Fault("bad_input", "The picture is damaged or incomplete.", _OTHER_HINT, str(error)) from None
        return _decoded(upright)


def _decoded(picture: Image.Image) -> np.ndarray:
    """Any of Pillow's modes as (H, W, 4) uint8 sRGB."""
    if picture.mode.startswith("I;16"):
        return _rgba(_bytes(np.asarray(picture).astype(np.uint16)))
    if picture.mode in ("I", "F"):
        array = np.asarray(picture).astype(np.float32)
        if not np.isfinite(array).all():
            raise Fault("bad_input", "The picture has invalid pixels (NaN or infinite).", "Save it again without them.")
        # Such files do not say what white is: 1.0, 8 bits or 16 bits, whichever the brightest pixel needs.
        white = next((value for value in (1.0, 255.0) if array.max() <= value), 65535.0)
        return _rgba(_bytes(array / (white if picture.mode == "F" else 65535.0)))
    rgba = picture.convert("RGBA")
    profile = picture.info.get("icc_profile")
    if profile:
        converted = _through_profile(picture, profile)
        if converted is not None:
            converted.putalpha(rgba.getchannel("A"))
            rgba = converted
    return np.array(rgba)


def _through_profile(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture's colours in sRGB by its ICC profile, mode "RGB"; None when the profile cannot be used."""
    from PIL import ImageCms

    if picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
