"""A part of a mesh file whose textures are worked on: the file's own pictures, and the slots that may change."""

from __future__ import annotations

import fnmatch
import tempfile
import zlib
from pathlib import Path

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.gltf_looks import Look
from ..geometry.mesh_input import MeshInput
from ..geometry.part_input import HEIGHT, Part, Present
from ..images import load_image
from ..png import decode_png


def part_of_file(mesh: MeshInput, faces: str) -> Part:
    """All of a file's textures as they are. faces: names of slots or objects that may change, `*` and `?` allowed.

    Raises Fault("bad_input") for names that nothing has, for pictures that cannot be read, and for a file without UVs.
    """
    change = np.zeros((len(mesh.faces), 3), np.uint8)
    wanted = [name.strip().lower() for name in faces.replace(";", ",").split(",") if name.strip()] or ["*"]
    present: dict[tuple[int, int], Present] = {}
    pictures: list[np.ndarray] = []
    known: dict[bytes, int] = {}
    for number, thing in enumerate(mesh.objects):
        mine = mesh.faces_of(number)
        for slot, name in enumerate(thing.slots):
            here = mine[mesh.face_slot[mine] == slot]
            if any(fnmatch.fnmatchcase(other.lower(), one) for one in wanted for other in (name, thing.name)):
                change[here] = 255
            look = mesh.looks.get((number, slot), Look())
            if look.reason:
                raise Fault("bad_input", f"The material {name} cannot be kept: {look.reason}.", "Export it as one GLB.")
            present[number, slot] = _present(look, pictures, known)
    if not change.any():
        names = ", ".join(dict.fromkeys(name for thing in mesh.objects for name in (thing.name, *thing.slots) if name))
        raise Fault("bad_input", f"Nothing in the file is called {faces}.", f"There are: {names}.")
    if pictures and not np.isfinite(mesh.corner_uvs).any():
        raise Fault("bad_input", "The file has no UVs for its pictures.", "Export it with UVs.")
    return Part(change, np.nan_to_num(mesh.corner_uvs), pictures, present)


def _present(look: Look, pictures: list[np.ndarray], known: dict[bytes, int]) -> Present:
    maps: dict[str, dict[int, int]] = {}
    factors = {"colour": look.colour, "orm": (1.0, look.roughness, look.metallic), "normal": (1.0, 1.0, 1.0)}
    for name, data in look.pictures.items():
        key = data + repr(factors.get(name)).encode()
        if key not in known:
            known[key] = len(pictures)
            pictures.append(
                _levels(data) if name == HEIGHT else _scaled(_decoded(data), factors[name], linear=name == "colour")
            )
        maps[name] = {0: known[key]}
    red, green, blue = (round(255 * float(_encoded(np.float64(value)))) for value in look.colour)
    orm = (255, *(round(255 * min(max(value, 0), 1)) for value in (look.roughness, look.metallic)))
    plain = {"colour": (red, green, blue), "orm": orm, "normal": (128, 128, 255)}
    return Present(maps, plain, height_m=look.height_m)


def _levels(data: bytes) -> np.ndarray:
    """(H, W, 1) uint16 of a picture of heights; of one that another program wrote anew with 8 bits, too."""
    try:
        picture = decode_png(data)
    except NotImplementedError:
        picture = _decoded(data)
    except (ValueError, zlib.error) as error:
        hint = "Export it from its source again."
        raise Fault("bad_input", "The heights in the file are damaged.", hint, str(error)) from None
    level = picture if picture.ndim == 2 else picture[..., 0]
    return (level if level.dtype == np.uint16 else level.astype(np.uint16) * 257)[..., None]


def _decoded(data: bytes) -> np.ndarray:
    """(H, W, 3 or 4) uint8; without an alpha that says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(data)
        rgba = load_image(path)
    return rgba if (rgba[..., 3] < 255).any() else np.ascontiguousarray(rgba[..., :3])


def _scaled(picture: np.ndarray, factor: tuple[float, ...], linear: bool) -> np.ndarray:
    """`picture` times a factor for each channel, in linear light for colours; bit for bit where that is 1."""
    if all(value == 1 for value in factor):
        return picture
    levels = np.arange(256) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) if linear else levels
    result = picture.copy()
    for channel, value in enumerate(factor):
        scaled = np.clip(light * value, 0, 1)
        table = np.rint(255 * (_encoded(scaled) if linear else scaled)).astype(np.uint8)
        result[..., channel] = table[picture[..., channel]]
    return result


def _encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
