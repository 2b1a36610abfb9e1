"""What a texture was made from, kept with it: drawn views, their cameras, and what each of them sees of each texel.

With it the views can be blended again, one of them drawn anew or a part repainted, without drawing the others again and
without looking for what hides what. One .npz file without pickle, deflated:

  view_<v>     (H, W, 3 or 4) uint8   as drawn, sRGB; a fourth channel says how far a pixel may be used
  mask_<v>     (H, W) uint8           0 at silhouettes and off the objects, 255 where a pixel may be used
  albedo_<v>, material_<v>, bend_<v>   (H, W, 3 or 4) uint8   what was read out of them, where it was (estimates.py)
  signs        (F,) int8              -1 for faces that were found to be turned inside out
  gains        (V, 3) float32         linear factors that brought the views to one brightness
  texels_<s>   (N,) int32             of texture s: row * size + column of each texel of the objects
  alpha_<s>    (V, N) uint8           how far each view may be used there, 0: it does not see it
  winner_<s>   (N,) uint8             the view that counts most, 255: none
  weight_<s>   (N,) float16           sum of the views' weights, 0: seen by none
  colour_<s>   (N, 3) uint8           the blended colours, sRGB, before light is taken out
  meta         (B,) uint8             JSON, see `StoredViews`; cameras as `Camera.meta` writes them
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.cameras import Camera, from_meta

if TYPE_CHECKING:
    from ..geometry.blend import BakeOptions
    from ..geometry.triangles import Triangles
    from ..geometry.view_bake import Baked

FORMAT = 1
READ = ("albedo", "material", "bend")
_DAMAGED = (OSError, ValueError, EOFError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error)
_HINT = "Texture the object again."


@dataclass(eq=False)
class StoredViews:
    """See the module's docstring.

    options: those of the bake. mesh: `fingerprint` of the triangles. names: of the texture sets, by sheet number.
    notes: what the engine wants to find again, such as the words of each view; JSON. read: what was read out of the
    views, for each kind of `READ` a picture a view.
    """

    cameras: list[Camera]
    views: list[np.ndarray]
    baked: Baked
    options: BakeOptions
    mesh: str
    names: list[str] = field(default_factory=list[str])
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    read: dict[str, list[np.ndarray]] = field(default_factory=dict[str, list[np.ndarray]])

    @property
    def texture_px(self) -> int:
        return len(self.baked.sheets[0].texture)


def fingerprint(triangles: Triangles) -> str:
    """Of everything that decides which texel shows what: 64 hex digits. Stored visibility holds for no other mesh."""
    digest = hashlib.sha256()
    for array in (triangles.positions, triangles.faces, triangles.corner_uvs, triangles.face_object, triangles.target):
        if array is not None:
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1))
    return digest.hexdigest()


def stored_bytes(stored: StoredViews, check: Callable[[], None]) -> bytes:
    """The file. check: called between arrays; what it raises ends the work."""
    baked = stored.baked
    arrays: dict[str, np.ndarray] = {"signs": baked.signs, "gains": baked.gains}
    for number, (view, mask) in enumerate(zip(stored.views, baked.masks, strict=True)):
        arrays |= {f"view_{number}": view, f"mask_{number}": mask}
        arrays |= {f"{kind}_{number}": pictures[number] for kind, pictures in stored.read.items()}
    for number, sheet in enumerate(baked.sheets):
        weight = sheet.weight.reshape(-1)[sheet.texels]
        least = np.float32(np.finfo(np.float16).tiny)  # what is seen a little stays seen
        arrays |= {
            f"texels_{number}": sheet.texels,
            f"alpha_{number}": sheet.alpha,
            f"winner_{number}": sheet.winner.reshape(-1)[sheet.texels],
            f"weight_{number}": np.where(weight > 0, weight.clip(least, 6e4), 0).astype(np.float16),
            f"colour_{number}": sheet.texture.reshape(-1, 3)[sheet.texels],
        }
    meta = {
        "format": FORMAT,
        "cameras": [camera.meta() for camera in stored.cameras],
        "options": asdict(stored.options),
        "texture_px": stored.texture_px,
        "sheets": [[sheet.sheet.object, sheet.sheet.tile] for sheet in baked.sheets],
        "mesh": stored.mesh,
        "names": stored.names,
        "notes": stored.notes,
    }
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:  # savez_compressed takes 6
        for name, array in arrays.items():
            check()
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def notes_of(path: Path) -> dict[str, Any]:
    """The notes in a file of kept views, without reading the views. Raises Fault("bad_input")."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(json.loads(archive["meta"].tobytes())["notes"])
    except _DAMAGED as error:
        raise Fault("bad_input", "The kept views are damaged.", _HINT, f"{type(error).__name__}: {error}") from None


def read_stored(path: Path, triangles: Triangles) -> StoredViews:
    """The file of a bake of `triangles`; its `baked` is ready for `view_bake.reblend`.

    Raises Fault("bad_input") for a file that is damaged, and for one that was made of another mesh.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            if meta["format"] != FORMAT:
                raise Fault("bad_input", "These views were kept by another version of the server.", _HINT)
            if meta["mesh"] != fingerprint(triangles):
                raise Fault(
                    "bad_input",
                    "The shape or the UVs of the objects have changed since their views were drawn.",
                    "Undo that change, or texture the object again.",
                )
            return _read(archive, meta, triangles)
    except _DAMAGED as error:
        raise Fault("bad_input", "The kept views are damaged.", _HINT, f"{type(error).__name__}: {error}") from None


def _read(archive: Any, meta: dict[str, Any], triangles: Triangles) -> StoredViews:
    from ..geometry.blend import BakeOptions
    from ..geometry.sheets import sheets_of
    from ..geometry.view_bake import Baked

    options = dict(meta["options"])
    weights = options.pop("view_weights")
    options = BakeOptions(**options, view_weights=None if weights is None else tuple(weights))
    cameras = [from_meta(page) for page in meta["cameras"]]
    sheets = sheets_of(triangles, options.layout, options.udim)
    if [[sheet.object, sheet.tile] for sheet in sheets] != meta["sheets"]:
        raise ValueError("its textures are not those of the mesh")
    views, masks = ([archive[f"{kind}_{n}"] for n in range(len(cameras))] for kind in ("view", "mask"))
    for camera, view, mask in zip(cameras, views, masks, strict=True):
        size = camera.size_px[::-1]
        if view.dtype != np.uint8 or view.shape[:2] != size or mask.dtype != np.uint8 or mask.shape != size:
            raise ValueError(f"a view of {view.shape} with a mask of {mask.shape}")
    baked = Baked(
        [_sheet(archive, number, sheet, meta, options, len(cameras)) for number, sheet in enumerate(sheets)],
        archive["gains"].astype(np.float32),
        archive["signs"].astype(np.int8),
        masks,
    )
    if baked.gains.shape != (len(cameras), 3) or baked.signs.shape != (len(triangles.faces),):
        raise ValueError(f"gains {baked.gains.shape}, signs {baked.signs.shape}")
    read: dict[str, list[np.ndarray]] = {}
    for kind in READ:
        if f"{kind}_0" in archive.files:
            read[kind] = [archive[f"{kind}_{n}"] for n in range(len(cameras))]
            for picture, view in zip(read[kind], views, strict=True):
                if picture.dtype != np.uint8 or picture.shape != view.shape:
                    raise ValueError(f"{kind} of {picture.shape} for a view of {view.shape}")
    return StoredViews(cameras, views, baked, options, meta["mesh"], list(meta["names"]), dict(meta["notes"]), read)


def _sheet(archive: Any, number: int, sheet: Any, meta: dict[str, Any], options: BakeOptions, views: int) -> Any:
    """One texture with all of its maps, padded as it was."""
    import torch

    from ..geometry.blend import NONE
    from ..geometry.fill import pull_push
    from ..geometry.view_bake import BakedSheet

    size = int(meta["texture_px"])
    texels, alpha = archive[f"texels_{number}"], archive[f"alpha_{number}"]
    count = len(texels)
    given = {name: archive[f"{name}_{number}"] for name in ("winner", "weight", "colour")}
    shapes = {"winner": (count,), "weight": (count,), "colour": (count, 3)}
    if alpha.shape != (views, count) or any(given[name].shape != shape for name, shape in shapes.items()):
        raise ValueError(f"texture {number}: {count} texels, alpha {alpha.shape}")
    if (
        alpha.dtype != np.uint8
        or texels.dtype != np.int32
        or (count and not 0 <= texels.min() <= texels.max() < size**2)
    ):
        raise ValueError(f"texture {number}: texels beyond {size} px")
    texture, weight = np.zeros((size * size, 3), np.uint8), np.zeros(size * size, np.float32)
    winner, covered = np.full(size * size, NONE, np.uint8), np.zeros(size * size, bool)
    texture[texels], weight[texels], winner[texels] = given["colour"], given["weight"], given["winner"]
    covered[texels] = True
    square = (size, size)
    texture, covered = texture.reshape(size, size, 3), covered.reshape(square)
    if options.fill == "surface":
        pull_push(torch.from_numpy(texture), torch.from_numpy(covered))
    return BakedSheet(sheet, texture, weight.reshape(square), winner.reshape(square), covered, texels, alpha)
