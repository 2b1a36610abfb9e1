"""Pictures of an object become its texture: visibility, weights, gains, two bands, fill. Plain torch, CPU or CUDA.

Each texel is projected into each view. A view counts as far as it sees the texel (depth test), squarely (cosine) and
away from silhouettes (alpha). Views are brought to one brightness first; then wide structure is blended broadly and
fine structure narrowly (Burt and Adelson, "A Multiresolution Spline", ACM TOG 2(4), 1983, with two bands), so that
neither steps nor ghosts show. All sums are in linear light. Blending on the surface makes both sides of a UV seam
agree by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from blender_aigc.protocol import Fault

from .blend import NONE, RUN, RUNS_AT_ONCE, BakeOptions, Look, blended, matched_gains
from .cameras import Camera, check_all
from .facing import outward_signs, votes
from .fill import nearest_on_surface, pull_push
from .mesher import Progress
from .project import as_bytes, eye, linear_table, low_band, silhouette_alpha
from .raster import Scene, visible
from .sheets import Sheet, sheets_of
from .threads import all_threads, in_threads, one_thread_each
from .triangles import Triangles
from .uv_raster import TexelMap, uv_raster


@dataclass(eq=False)
class BakedSheet:
    """One texture. Row 0 is v = 1.

    texture (S, S, 3) uint8; weight (S, S) float32, the views' summed weights (0: filled, not seen);
    winner (S, S) uint8, the view that counts most, NONE without; covered (S, S) bool: texels of the object.
    texels (N,) int32 the covered ones as row * S + column; alpha (V, N) uint8: how far each view may be used there
    (0: hidden). `reblend` starts from the last two.
    """

    sheet: Sheet
    texture: np.ndarray
    weight: np.ndarray
    winner: np.ndarray
    covered: np.ndarray
    texels: np.ndarray
    alpha: np.ndarray

    @property
    def seen(self) -> float:
        """Share of the object's texels that some view sees."""
        return float((self.weight[self.covered] > 0).mean()) if self.covered.any() else 0.0


@dataclass(eq=False)
class Baked:
    """What `bake_views` returns: one sheet for each texture; gains (V, 3) float32, linear factors applied to views;
    signs (F,) int8, -1 for faces that were found to be turned inside out; masks: for each view (H, W) uint8, how far
    its pixels may be used (0 at silhouettes).
    """

    sheets: list[BakedSheet]
    gains: np.ndarray
    signs: np.ndarray
    masks: list[np.ndarray]

    @property
    def texture(self) -> np.ndarray:
        """(S, S, 3) uint8 of the only sheet, or of the first."""
        return self.sheets[0].texture

    @property
    def weight(self) -> np.ndarray:
        return self.sheets[0].weight

    @property
    def winner(self) -> np.ndarray:
        return self.sheets[0].winner

    @property
    def coverage(self) -> float:
        """Share of all texels of the objects that some view sees, 0..1."""
        total = sum(int(sheet.covered.sum()) for sheet in self.sheets)
        return sum(sheet.seen * int(sheet.covered.sum()) for sheet in self.sheets) / max(total, 1)


def bake_views(
    triangles: Triangles | Scene,
    cameras: Sequence[Camera],
    views: Sequence[np.ndarray],
    texture_px: int,
    options: BakeOptions | None = None,
    progress: Progress | None = None,
    *,
    device: torch.device | str = "cpu",
) -> Baked:
    """Textures of `texture_px` pixels a side from N pictures.

    views: (H, W, 3 or 4) uint8, sRGB (see `BakeOptions.encoding`), or float in 0..1, H and W those of the camera; a
    fourth channel says how far a pixel may be used.
    progress: called as progress("depth" | "bake" | "fill", step, total); what it raises ends the work within a step.
    Raises Fault("bad_request") for views that do not fit the cameras, Fault("bad_input") for NaN and for a mesh without
    usable UVs, Fault("empty_result") when no camera sees anything.
    """
    return _bake(triangles, cameras, views, texture_px, options or BakeOptions(), progress, device, None)


def reblend(
    triangles: Triangles | Scene,
    cameras: Sequence[Camera],
    views: Sequence[np.ndarray],
    baked: Baked,
    options: BakeOptions | None = None,
    progress: Progress | None = None,
    *,
    device: torch.device | str = "cpu",
) -> Baked:
    """`bake_views` again from stored visibility: other exponents, view weights or repainted views, no depth test.

    triangles, cameras: those of the bake. With the same views and options the result is the same, bit for bit.
    """
    size = len(baked.sheets[0].texture)
    return _bake(triangles, cameras, views, size, options or BakeOptions(), progress, device, baked)


def _bake(triangles, cameras, views, texture_px, options, progress, device, stored: Baked | None) -> Baked:
    cameras = list(cameras)
    check_all(cameras)
    if len(views) != len(cameras):
        raise Fault("bad_request", f"There are {len(views)} pictures for {len(cameras)} cameras.")
    scene = triangles if isinstance(triangles, Scene) else Scene(triangles, device)
    sheets = sheets_of(scene.triangles, options.layout, options.udim)
    tick = _Ticks(progress)
    with torch.no_grad(), one_thread_each():
        maps, looks, total = _looks(scene, sheets, texture_px, cameras, views, options, stored, tick)
        signs = outward_signs(scene, total) if stored is None else torch.from_numpy(stored.signs).to(scene.device)
        for texels in maps:
            texels.turn(signs)
        tick("bake", 0, 1)
        gains = torch.ones(len(cameras), 3, device=scene.device)
        old = [None] * len(sheets) if stored is None else stored.sheets
        if options.gains and len(cameras) > 1:
            gains = matched_gains(maps, looks, options, old)
        in_threads(_levelled, list(zip(looks, gains, strict=True)), scene.device)
        result = [_sheet(scene, *item, looks, options, tick) for item in zip(sheets, maps, old, strict=True)]
    if not any((sheet.winner != NONE).any() for sheet in result):
        raise Fault(
            "empty_result",
            "No camera sees the selected objects.",
            "Turn the cameras towards the object, or choose another set of views.",
        )
    masks = [look.mask.cpu().numpy() for look in looks]
    return Baked(result, gains.cpu().numpy(), signs.to(torch.int8).cpu().numpy(), masks)


class _Ticks:
    """Counts steps for the caller's progress; a cancel that it raises passes through."""

    def __init__(self, progress: Progress | None):
        self._progress = progress

    def __call__(self, phase: str, step: int, total: int) -> None:
        if self._progress:
            self._progress(phase, step, total)


def _levelled(item: tuple[Look, Tensor]) -> None:
    """Applies a view's gain (3,), and makes its low band."""
    look, gain = item
    if (gain != 1).any():
        look.colour[0, :3] *= gain[:, None, None]
    look.low = low_band(look.colour)


def _looks(
    scene: Scene, sheets, texture_px: int, cameras, views, options: BakeOptions, stored: Baked | None, tick: _Ticks
) -> tuple[list[TexelMap], list[Look], Tensor]:
    """Texel maps of the sheets, cameras with their pictures, and the sum of `votes`. One pool of threads makes all;
    the maps come first, as they take longest.
    """
    table = linear_table(options.encoding, scene.device)
    several = len(np.unique(scene.triangles.face_object)) > 1
    weights = options.view_weights or (1.0,) * len(cameras)
    if len(weights) != len(cameras):
        raise Fault("bad_request", f"There are {len(weights)} weights for {len(cameras)} views.")

    masks = [None] * len(cameras) if stored is None else stored.masks

    def one(item: Sheet | tuple[Camera, np.ndarray, float, np.ndarray | None]) -> TexelMap | tuple[Look, Tensor]:
        if isinstance(item, Sheet):
            return _sheet_map(scene, item, texture_px)
        camera, view, weight, mask = item
        found, seen = eye(scene, camera), torch.zeros(1, device=scene.device)
        colour, own_alpha = _decoded(camera, view, table, scene.device)
        if mask is None:
            depth, face = visible(scene, camera)
            objects = scene.face_object[face.clamp_min(0)] if several else None
            mask = silhouette_alpha(camera, depth, objects, options.erosion_px, options.feather_px)
            found.depth, seen = depth[None, None], votes(scene, camera, face)
        else:
            mask = torch.from_numpy(mask).to(scene.device)
        torch.mul(mask, 1 / 255, out=colour[0, 3])
        if own_alpha is not None:
            colour[0, 3] *= own_alpha
        return Look(found, colour, weight, mask), seen

    _ = scene.groups, scene.planes, scene.reach  # made once, not by each thread
    items = [*sheets, *zip(cameras, views, weights, masks, strict=True)]
    found = in_threads(one, items, scene.device, lambda done, total: tick("depth", done, total))
    maps, found = found[: len(sheets)], found[len(sheets) :]
    looks, total = [look for look, _ in found], torch.zeros(scene.corners.shape[2], device=scene.device)
    for _, seen in found:
        total += seen
    return maps, looks, total


def _decoded(camera: Camera, view: np.ndarray, table: Tensor, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """((1, 4, H, W) float32 linear with room for alpha, own alpha (H, W) or None) of a picture."""
    width, height = camera.size_px
    if view.ndim != 3 or view.shape[:2] != (height, width) or view.shape[2] not in (3, 4):
        raise Fault("bad_request", f"A view of {view.shape} does not fit a camera of {width} x {height} pixels.")
    if view.dtype != np.uint8:
        if not np.isfinite(view).all():
            raise Fault(
                "bad_input",
                f'The picture of the view "{camera.name}" contains invalid numbers (NaN).',
                "Generate the view again with another seed or in full precision.",
            )
        view = (np.clip(view, 0, 1) * 255 + 0.5).astype(np.uint8)
    byte = torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1))).to(device)
    colour = torch.empty(1, 4, height, width, device=device)
    colour[0, :3] = table.index_select(0, byte[:3].reshape(-1).int()).view(3, height, width)
    return colour, byte[3].float().div_(255) if len(byte) == 4 else None


def _sheet_map(scene: Scene, sheet: Sheet, size: int) -> TexelMap:
    faces = None if sheet.faces is None else torch.from_numpy(sheet.faces).to(scene.device)
    return uv_raster(scene, size, faces, sheet.place)


def _sheet(scene: Scene, sheet: Sheet, texels: TexelMap, old: BakedSheet | None, looks, options, tick) -> BakedSheet:
    """Blends, fills and packs one texture."""
    size = texels.size
    texture, weight, winner, alpha = _painted(texels, old, looks, options, tick)
    covered = texels.face.view(-1) >= 0
    owners = _by_object(scene, texels)
    known = _fill_hidden(owners, texels, texture, weight, scene.reach, options, tick)
    if options.fill != "none":
        with all_threads():
            _fill_cells(owners, size, texture, known)
            pull_push(texture.view(size, size, 3), known.view(size, size))
    found = (texture.view(size, size, 3), weight.view(size, size), winner.view(size, size), covered.view(size, size))
    return BakedSheet(sheet, *(t.cpu().numpy() for t in (*found, texels.texels.int(), alpha)))


def _painted(texels: TexelMap, old: BakedSheet | None, looks, options, tick) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of a texture as the views paint it: colour (S * S, 3) uint8, weight (S * S,) float32, winner (S * S,) uint8, and
    alpha (V, N) uint8.
    """
    device, count = texels.face.device, len(texels.texels)
    packed = torch.zeros(
        texels.size**2, 4, dtype=torch.uint8, device=device
    )  # colour and winner, written as one number
    packed[:, 3] = NONE
    weight = torch.zeros(texels.size**2, device=device)
    if old is None:
        alpha = torch.zeros(len(looks), count, dtype=torch.uint8, device=device)
    else:
        alpha = torch.from_numpy(old.alpha).to(device)
    step = RUN * RUNS_AT_ONCE[device.type]

    def one(first: int) -> None:
        part = texels.texels[first : first + step]
        blend = blended(texels, part, looks, options, alpha[:, first : first + step], old is not None)
        four = torch.cat([as_bytes(blend.colour, options.encoding), blend.winner[None]]).T.contiguous()
        packed.view(torch.int32).view(-1).index_copy_(0, part, four.view(torch.int32).view(-1))
        weight.index_copy_(0, part, blend.weight)

    in_threads(one, range(0, count, step), device, lambda done, total: tick("bake", done, total))
    return packed[:, :3].contiguous(), weight, packed[:, 3].contiguous(), alpha


def _fill_hidden(owners, texels: TexelMap, texture: Tensor, weight: Tensor, radius: float, options, tick) -> Tensor:
    """(S * S,) bool: the texels that have a colour, after those that no view sees took one from the surface nearby."""
    known = weight > 0
    seen = known[texels.texels]
    if options.fill != "surface" or seen.all() or not seen.any():
        return known
    table = linear_table(options.encoding, texture.device)
    for number, own in enumerate(owners):  # never from another one
        tick("fill", number, len(owners))
        seen = known[own]
        source, hidden = own[seen], own[~seen]
        if not len(hidden) or not len(source):
            continue
        source = source[:: max(1, len(source) // 200_000)]
        position, normal, _, _ = texels.surface(source)
        colour = table[texture[source].long()]
        filled = nearest_on_surface(
            (position, normal, colour),
            texels.surface(hidden)[:2],
            radius,
            check=lambda number=number: tick("fill", number, len(owners)),
        )
        texture[hidden] = as_bytes(filled, options.encoding)
        known[hidden] = True
    tick("fill", 1, 1)
    return known


def _fill_cells(owners: Sequence[Tensor], size: int, texture: Tensor, known: Tensor) -> None:
    """Fills what is still unknown of each object of an atlas, and the gaps between its charts, from its own colours:
    within the rectangle that holds it, which is its alone (atlas.py).
    """
    picture, mask = texture.view(size, size, 3), known.view(size, size)
    for own in owners if len(owners) > 1 else ():
        rows, columns = torch.div(own, size, rounding_mode="floor"), own % size
        cell = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
        if known[own].any():
            part, there = picture[cell].contiguous(), mask[cell].contiguous()
            pull_push(part, there)
            picture[cell], mask[cell] = part, True


def _by_object(scene: Scene, texels: TexelMap) -> list[Tensor]:
    """The covered texels, for each object apart."""
    if len(np.unique(scene.triangles.face_object)) == 1:
        return [texels.texels]
    owner = scene.face_object[texels.face.view(-1)[texels.texels].long()]
    counts = torch.bincount(owner)
    counts = counts[counts > 0].tolist()
    return list(texels.texels[torch.argsort(owner, stable=True)].split(counts)) if len(counts) > 1 else [texels.texels]
