"""The last leg of every engine that draws views: baked, freed of light, completed to a full material, delivered."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.bake import fill_around
from ..geometry.texels import Sheet, tangent_normals
from ..materials.painter import Maps
from ..png import encode_png
from .debug_views import debug_views
from .delight import delit, mixed
from .delivery import Delivery
from .estimates import baked_estimates
from .exposures import exposures
from .in_turn import scene_of
from .stored_views import StoredViews, fingerprint, stored_bytes

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..geometry.cameras import Camera
    from ..geometry.mesher import Progress
    from ..geometry.texture_sets import TextureSet
    from ..geometry.view_bake import BakedSheet
    from .estimates import Estimates, Found
    from .subject import Subject

STATE_FILE = "views.npz"
"""Of kind "state": what stored_views.py reads, to blend these views again."""
EROSION_PX, FEATHER_PX = 6, 6
"""Of generated pictures: an 8 px cell of the autoencoder mixes object and background (facts of 1024 px views)."""

SURE = (0.1, 0.45)
"""A view that is drawn again begins and ends to count over the present texture at these squarenesses (see blend.py)."""


def deliver_views(
    job: Job,
    context: Context,
    subject: Subject,
    cameras: Sequence[Camera],
    views: Sequence[np.ndarray],
    device: str,
    estimates: Estimates | None = None,
) -> None:
    """Bakes `views`, one (H, W, 3 or 4) uint8 sRGB for each camera, and saves all maps. Raises Fault.

    estimates: what was read out of the views (estimates.py); without it numbers of the panel stand in for it.
    """
    from ..geometry.blend import BakeOptions
    from ..geometry.view_bake import bake_views

    if subject.part is None and job.params.get("unseen") == "keep":
        hint = "Set Unseen to Fill, or work on the present texture of the objects."
        raise Fault("bad_request", "There is no present texture to keep.", hint)
    scale = min(cameras[0].size_px) / 1024
    options = BakeOptions(
        erosion_px=max(1, round(EROSION_PX * scale)), feather_px=max(1, round(FEATHER_PX * scale)), udim=True
    )
    baked = bake_views(subject.triangles, cameras, views, subject.size, options, told_by(context), device=device)
    deliver_baked(job, context, subject, StoredViews(list(cameras), list(views), baked, options, ""), device, estimates)


def told_by(context: Context) -> Progress:
    """Progress of a bake, in words for the panel."""
    phases = {"depth": "Looking from all sides", "bake": "Baking", "fill": "Filling what no view sees"}
    return lambda phase, step=0, total=0: context.progress(phases.get(phase, phase), step, total)


def deliver_baked(
    job: Job,
    context: Context,
    subject: Subject,
    made: StoredViews,
    device: str,
    estimates: Estimates | None = None,
) -> None:
    """Saves all maps of what was baked, and the views with which it can be blended again. Raises Fault.

    made: without a fingerprint and names, which are those of `subject`.
    """
    size, part, cameras, baked, options = subject.size, subject.part, made.cameras, made.baked, made.options
    keeps = bool(job.params.get("only_views", "")) or job.params.get("unseen") == "keep"
    sheets = {sheet.sheet.tile - 1001: sheet for sheet in baked.sheets}
    found = baked_estimates(estimates, subject.triangles, cameras, baked, options, context, device)
    exposed = exposures(subject.mesh, subject.sets, size, context.check_cancelled)
    delivery, said = Delivery(context, subject.mesh, bool(job.params.get("separate"))), list(subject.notes)
    for number, (group, exposure) in enumerate(zip(subject.sets, exposed, strict=True)):
        context.progress("Saving", number, len(subject.sets), group.name)
        if number not in sheets or (part is not None and part.skips(number)):
            continue
        if not any((sheets[tile].weight > 0).any() for tile in _tiles(subject, number) if tile in sheets):
            said.append(f"No view sees {group.name}: it stays as it is")
            continue
        sheet = Sheet(subject.mesh, group, size, context.check_cancelled)
        hidden = [] if subject.mesh.of_file else _unseen(sheet, group, sheets[number])
        said += [f"No view sees {subject.mesh.objects[owner].name}: it stays as it is" for owner in hidden]
        maps = _maps(job, sheet, sheets[number], found[number], exposure.sky)
        if part is not None:
            sure = _sure(sheets[number]) if keeps else None
            maps = part.joined(number, maps, _without(hidden, sheet, sure))
            group = part.group(number)  # those that no view sees stay on the atlas
        elif hidden:
            owners = {owner: slots for owner, slots in group.owners.items() if owner not in hidden}
            group = dataclasses.replace(group, owners=owners)
        delivery.add(group, maps, context.check_cancelled, debug_views(sheets[number]))
    delivery.close(job.name)
    for camera, view in zip(cameras, made.views, strict=True):
        png = encode_png(np.ascontiguousarray(view[..., :3]))
        context.save_file("file", f"view_{camera.name.replace(' ', '_')}.png", png, f"{camera.name} view")
    names = [group.name for group in subject.sets]
    notes = {"scene": scene_of(subject), "prompt": job.prompt}
    notes |= {key: job.params[key] for key in ("objects", "cameras") if key in job.params}
    seen = dataclasses.replace(baked, signs=baked.signs[: len(subject.plain.faces)])
    read = estimates.stored() if estimates is not None else {}
    kept = dataclasses.replace(
        made, baked=seen, mesh=fingerprint(subject.plain), names=names, notes=notes | made.notes, read=read
    )
    meta = {"views": len(cameras), "names": ", ".join(dict.fromkeys(camera.name for camera in cameras))}
    context.save_file("state", STATE_FILE, stored_bytes(kept, context.check_cancelled), "Views", meta)
    context.report(views=len(cameras), seen=f"{baked.coverage:.1%}", notes=" ".join(f"{note}." for note in said))


def _tiles(subject: Subject, number: int) -> list[int]:
    """The sets that make one picture with this one: the UDIM tiles of an object, of which a texture needs all."""
    group = subject.sets[number]
    return [n for n, one in enumerate(subject.sets) if group.same_material(one)]


def _sure(baked: BakedSheet) -> np.ndarray:
    """(S, S) float32 0..1: where some view saw enough to put its picture over what was there, with soft borders."""
    return np.clip((np.sqrt(baked.weight) - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)


def _unseen(sheet: Sheet, group: TextureSet, baked: BakedSheet) -> list[int]:
    """Numbers of the objects of an atlas that no view sees."""
    if len(group.owners) == 1:
        return []
    seen = sheet.owner[(baked.weight > 0) & sheet.covered]
    some = np.unique(sheet.objects(seen))
    return [owner for owner in group.owners if owner not in some]


def _without(hidden: Sequence[int], sheet: Sheet, sure: np.ndarray | None) -> np.ndarray | None:
    """`sure` (S, S), with 0 on these objects of the sheet."""
    if not hidden:
        return sure
    sure = np.ones(sheet.owner.shape, np.float32) if sure is None else sure
    index = np.flatnonzero(sheet.covered.reshape(-1))
    lost = np.isin(sheet.objects(sheet.owner.reshape(-1)[index]), hidden)
    sure.reshape(-1)[index[lost]] = 0
    return sure


def _maps(job: Job, sheet: Sheet, baked: BakedSheet, found: Found, sky: np.ndarray) -> Maps:
    """A full material around the baked colours: what a picture does not tell is a number in the panel."""
    size, params = sheet.size, job.params
    strength = float(params["delight"])
    if found.albedo is None:
        colour = delit(baked.texture, sheet, strength)
    else:
        colour = mixed(baked.texture, found.albedo, strength)
    orm = np.empty((size, size, 3), np.uint8)
    rows = (np.arange(size) * sky.shape[0] // size).clip(0, sky.shape[0] - 1)
    orm[..., 0] = np.rint(255 * np.clip(sky[rows][:, rows], 0, 1))
    orm[..., 1] = round(255 * float(params["roughness"]))
    orm[..., 2] = round(255 * float(params["metallic"]))
    if found.material is not None:
        orm[..., 1:] = found.material[..., :2]
    height = _fine_structure(colour)
    height_m = float(params["relief"]) * 8 * sheet.texel_m()
    bumps = _normals(height * height_m, sheet.texel_m()) if found.bend is None else bent(found.bend, sheet)
    return Maps(colour, orm, bumps, _levels(height), max(height_m, 1e-6), sheet.covered)


def _fine_structure(colour: np.ndarray) -> np.ndarray:
    """(S, S) float32 in -0.5..0.5: brightness without its wide part. Dark lines in a texture are mostly grooves."""
    grey = colour.astype(np.float32) @ np.float32([0.299, 0.587, 0.114]) / 255
    wide, reach = grey, max(1, len(grey) // 64)
    for axis in (0, 1, 0, 1):  # two box filters, nearly a Gaussian
        padded = np.pad(wide, [(reach, reach) if axis == n else (0, 0) for n in (0, 1)], mode="edge")
        total = np.cumsum(padded, axis=axis, dtype=np.float64)
        ahead = np.take(total, range(2 * reach, padded.shape[axis]), axis)
        behind = np.take(total, range(padded.shape[axis] - 2 * reach), axis)
        wide = ((ahead - behind) / (2 * reach)).astype(np.float32)
    return np.clip(grey - wide, -0.5, 0.5)


def _normals(height_m: np.ndarray, texel_m: float) -> np.ndarray:
    """(S, S, 3) uint8, OpenGL convention: green looks up the texture."""
    down, right = np.gradient(height_m / max(texel_m, 1e-9))
    normal = np.stack([-right, down, np.ones_like(right)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.rint(127.5 + 127.5 * normal).clip(0, 255).astype(np.uint8)


def bent(bend: np.ndarray, sheet: Sheet) -> np.ndarray:
    """(S, S, 3) uint8 changes of the normal in the world (`Estimates.bend`) -> a normal map, OpenGL convention."""
    result = np.full(bend.shape, (128, 128, 255), np.uint8)
    index = np.flatnonzero(sheet.covered.reshape(-1))
    for first in range(0, len(index), 1 << 18):
        part = index[first : first + (1 << 18)]
        texels = sheet.texels(part)
        change = bend.reshape(-1, 3)[part].astype(np.float32) / 127.5 - 1
        change[np.abs(change) < 1 / 127] = 0  # half a level is rounding
        normal = tangent_normals(texels.normal, -change, *sheet.axes(texels.face))
        result.reshape(-1, 3)[part] = np.rint(127.5 + 127.5 * normal).clip(0, 255)
    return fill_around(result, sheet.covered)


def _levels(height: np.ndarray) -> np.ndarray:
    return np.rint((height + 0.5) * 65535).clip(0, 65535).astype(np.uint16)
