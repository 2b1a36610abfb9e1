"""The maps of a finished texture, larger: colours by whatever makes pictures larger, all else without invention.

The input is what texturing has left (texturing/delivery.py): `material.json` with the maps beside it, or a .zip of
both. The result is the same material with larger maps, so that it enters Blender as the texture did.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..filters.enlarging import check_result, enlarged
from ..images import LARGEST_PIXELS
from ..png import decode_png, encode_png, size_of_png

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context

    Larger = Callable[[np.ndarray], np.ndarray]

DESCRIPTION = "material.json"
_LARGEST_FILE = 1 << 30
_FADE_PX = 24
"""On each side of the border of a square that repeats; as far as `enlarged` looks, so that it fades equal things."""
_BEYOND_PX = 2 * _FADE_PX
_AGAIN = "Texture the object again."
_DAMAGED = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


class Texture:
    """A material.json and its files, opened one by one."""

    def __init__(self, path: Path) -> None:
        """Raises Fault("bad_input") for what is no texture of ours."""
        self._path = path
        try:
            document = json.loads(self.read(DESCRIPTION))
            self.repeats = "tile" in document  # tile.py: a square for any object, instead of sets of some
            self.sets = [one for entry in document["objects"] for one in entry["sets"]]
            self.sets += [document["tile"]] if self.repeats else []
            self._extra = [str(entry.get("new_uvs") or "") for entry in document["objects"]]
            names = [*(str(file) for one in self.sets for file in one["maps"].values()), *self._extra]
        except Fault:
            raise
        except _DAMAGED as error:
            raise Fault("bad_input", "This is no finished texture.", "Choose its material.json.", str(error)) from None
        if not self.sets:
            raise Fault("bad_input", "This texture has no maps.", _AGAIN)
        if any(Path(name).name != name or "\\" in name for name in names):
            raise Fault("bad_input", "The texture names a file outside of its folder.", _AGAIN)
        self.document: dict[str, Any] = document

    def read(self, name: str) -> bytes:
        """The bytes of one of its files. Raises Fault("bad_input")."""
        try:
            if self._path.suffix.lower() == ".json":
                return (self._path if name == DESCRIPTION else self._path.parent / name).read_bytes()
            with zipfile.ZipFile(self._path) as archive:
                if archive.getinfo(name).file_size > _LARGEST_FILE:
                    raise Fault("bad_input", f"{name} is too large.", _AGAIN)
                return archive.read(name)
        except _DAMAGED as error:
            hint = "Choose the material.json in the folder of the texture, with its maps beside it."
            raise Fault("bad_input", f"The texture's file {name} cannot be read.", hint, str(error)) from None

    def files(self) -> Iterator[tuple[dict[str, Any], str, str]]:
        """(set, which map, file) of every map, once where objects share it."""
        seen = set[str]()
        for one in self.sets:
            for key, file in one["maps"].items():
                if file not in seen:
                    yield one, key, file
                seen.add(file)

    def extra(self) -> list[str]:
        return [name for name in self._extra if name]


def upscale_maps(job: Job, context: Context, larger: Larger) -> None:
    """Do a job of `upscale_texture`. larger: (H, W, 4) uint8 -> the same `scale` times as large, for base colours.

    One map is in memory at a time. Raises Fault: bad_input, and what `larger` raises.
    """
    scale = int(job.params["scale"])
    texture = Texture(context.input_path("maps"))
    work = list(texture.files())
    for _, key, file in work:  # all of them, before any is worked on
        width, height = _size(texture.read(file), key)
        check_result(width, height, scale)
    sizes, names = set[str](), dict[str, str]()
    for number, (one, key, file) in enumerate(work):
        context.progress(f"Map {number + 1} of {len(work)}", number, len(work))
        picture = _decoded(texture.read(file), key)
        make = functools.partial(_larger_map, key, scale=scale, larger=larger, check=context.check_cancelled)
        made = repeated(picture, scale, make) if texture.repeats else make(picture)
        del picture
        sizes.add(f"{made.shape[1]} x {made.shape[0]}")
        meta = {"width": made.shape[1], "height": made.shape[0], "map": key}
        png = encode_png(made, 2)
        names[file] = context.save_file("map", file, png, f"{one['name']} {key}", meta).file
    for one in texture.sets:
        one["maps"] = {key: names[file] for key, file in one["maps"].items()}
    for name in texture.extra():
        context.save_file("file", name, texture.read(name), name)
    text = json.dumps(texture.document, ensure_ascii=False, separators=(",", ":")).encode()
    objects = {"objects": len(texture.document["objects"])}
    context.save_file("material", DESCRIPTION, text, job.name or "Material", objects)
    notes = "The GLB of the texture keeps its smaller maps" if texture.document.get("of_file") else ""
    context.report(size=", ".join(sorted(sizes)), maps=len(work), scale=scale, notes=notes)


def _larger_map(key: str, picture: np.ndarray, scale: int, larger: Larger, check: Callable[[], None]) -> np.ndarray:
    def tick(_done: int, _total: int) -> None:
        check()

    if key == "colour":
        opaque = picture.shape[2] == 3
        rgba = np.concatenate([picture, np.full_like(picture[..., :1], 255)], 2) if opaque else picture
        made = larger(rgba)
        return np.ascontiguousarray(made[..., :3]) if opaque else made
    if key == "normal":
        return unit_normals(enlarged(picture, scale, 1.0, tick))
    # channels that have nothing to do with each other: roughness has no edge where metal has one
    single = [enlarged(picture[..., n : n + 1], scale, 1.0, tick) for n in range(picture.shape[2])]
    return np.concatenate(single, axis=2) if len(single) > 1 else single[0][..., 0]


def repeated(picture: np.ndarray, scale: int, larger: Larger) -> np.ndarray:
    """(H, W, C) of a square that repeats -> what `larger` makes of it, without a seam: it is shown some of the other
    side beyond each border, and what it makes of both sides there fades from one into the other.
    """
    around = np.pad(picture, ((_BEYOND_PX, _BEYOND_PX), (_BEYOND_PX, _BEYOND_PX), (0, 0)), mode="wrap")
    made = larger(around)
    beyond, fade = _BEYOND_PX * scale, min(_FADE_PX, min(picture.shape[:2]) // 2) * scale
    for _ in range(2):
        inside = made[beyond:-beyond].copy()
        share = ((np.arange(fade) + 0.5) / fade / 2 + 0.5).reshape(-1, *[1] * (made.ndim - 1))
        after, before = made[-beyond:][:fade], made[:beyond][-fade:]
        inside[:fade] = np.rint(share * inside[:fade] + (1 - share) * after)
        inside[-fade:] = np.rint(share[::-1] * inside[-fade:] + (1 - share[::-1]) * before)
        made = inside.swapaxes(0, 1)
    return np.ascontiguousarray(made)


def unit_normals(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 tangent-space normals -> the same directions, of unit length again; in place, row by row."""
    for top in range(0, len(picture), 256):
        part = picture[top : top + 256, :, :3].astype(np.float32) / 127.5 - 1
        length = np.linalg.norm(part, axis=2, keepdims=True)
        part = np.where(length > 0.05, part / np.maximum(length, 0.05), np.float32([0, 0, 1]))
        picture[top : top + 256, :, :3] = np.rint((part + 1) * 127.5)
    return picture


def _size(data: bytes, key: str) -> tuple[int, int]:
    try:
        width, height = size_of_png(data)
    except ValueError as error:
        raise _unreadable(key, error) from None
    if width * height > LARGEST_PIXELS:
        raise Fault("bad_input", f"The {key} map is too large.", "8192 x 8192 px is the limit.")
    return width, height


def _decoded(data: bytes, key: str) -> np.ndarray:
    """(H, W, C) uint8 or uint16. Other programs' PNG files go through Pillow, where that is installed."""
    try:
        picture = decode_png(data)
    except NotImplementedError:
        picture = _by_pillow(data, key)
    except (ValueError, zlib.error) as error:
        raise _unreadable(key, error) from None
    return picture[..., None] if picture.ndim == 2 else picture


def _by_pillow(data: bytes, key: str) -> np.ndarray:
    try:
        from PIL import Image

        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            wide = image.mode.startswith("I;16")
            plain = image if image.mode == "L" else image.convert("RGB")
            return np.asarray(image).astype(np.uint16) if wide else np.asarray(plain)
    except ImportError:
        hint = "Choose a full environment in the preferences."
        raise Fault("not_installed", f"Reading the {key} map needs Pillow.", hint) from None
    except (OSError, ValueError) as error:
        raise _unreadable(key, error) from None


def _unreadable(key: str, error: Exception) -> Fault:
    return Fault("bad_input", f"The {key} map of the texture cannot be read.", _AGAIN, str(error))
