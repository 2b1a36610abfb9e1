"""What is wrong with a UV map, in words, before anything is painted into it. Plain torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .raster import Scene
from .sheets import sheets_of
from .triangles import Triangles
from .uv_raster import in_texels, uv_raster


@dataclass(frozen=True)
class UvFinding:
    """kind: "missing", "invalid", "zero_area", "outside", "udim", "overlap", "mirrored" or "small".

    share: of the faces' UV area (of the faces themselves for zero_area and mirrored), 0..1. faces: how many.
    fatal: nothing can be painted. message: a sentence for the artist; hint: what helps.
    """

    kind: str
    share: float
    faces: int
    fatal: bool
    message: str
    hint: str = ""


NEW_LAYER = "Choose New UV Layer: it is made beside yours, which stays as it is."


def uv_findings(
    triangles: Triangles | Scene,
    *,
    udim: bool = True,
    layout: str = "shared",
    size: int = 1024,
    device: torch.device | str = "cpu",
) -> list[UvFinding]:
    """All findings about the UV map of the faces to be textured; empty when it is in order.

    An overlap is found where the middle of a face is painted by a face that lies elsewhere on the surface.
    """
    source = triangles.triangles if isinstance(triangles, Scene) else triangles
    if source.corner_uvs is None:
        return [UvFinding("missing", 1.0, len(source.faces), True, "The mesh has no UV map.", NEW_LAYER)]
    uvs = np.asarray(source.corner_uvs, np.float64)[source.target]
    count = len(uvs)
    broken = ~np.isfinite(uvs).all(axis=(1, 2))
    if broken.any():
        text = f"{broken.sum():,} faces have UVs that are not numbers."
        return [UvFinding("invalid", float(broken.mean()), int(broken.sum()), bool(broken.all()), text, NEW_LAYER)]
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    area = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    found = _flat_findings(area, count) + _range_findings(uvs, np.abs(area), udim)
    if any(finding.fatal for finding in found):
        return found
    with torch.no_grad():
        scene = triangles if isinstance(triangles, Scene) else Scene(triangles, device)
        lost = torch.zeros(len(source.faces), dtype=torch.bool, device=scene.device)
        for sheet in sheets_of(source, layout, udim):
            faces = scene.target.nonzero().view(-1) if sheet.faces is None else torch.from_numpy(sheet.faces)
            lost[faces] = _painted_over(scene, faces.to(scene.device), sheet.place, size)
    bad = lost.numpy(force=True)[source.target]
    share = float(np.abs(area)[bad].sum() / max(np.abs(area).sum(), 1e-12))
    if share > 0.005:
        text = f"{share:.0%} of the UV map lies on top of other parts: those places can only show one picture."
        found.append(UvFinding("overlap", share, int(bad.sum()), False, text, NEW_LAYER))
    return found


def _flat_findings(area: np.ndarray, count: int) -> list[UvFinding]:
    """Faces without area in the UV map, mirrored ones, and a map that is too small."""
    found, flat = [], np.abs(area) < 1e-12
    if flat.mean() > 0.001 or flat.all():
        text = (
            "All UVs lie on one spot or line."
            if flat.all()
            else f"{flat.sum():,} faces have no area in the UV map: they take the colour of one spot."
        )
        found.append(UvFinding("zero_area", float(flat.mean()), int(flat.sum()), bool(flat.all()), text, NEW_LAYER))
    mirrored = (area < 0) & ~flat
    if mirrored.any():
        text = f"{mirrored.sum():,} faces are mirrored in the UV map: lettering would be reversed in painting tools."
        found.append(UvFinding("mirrored", float(mirrored.mean()), int(mirrored.sum()), False, text))
    total = float(np.abs(area).sum())
    if not flat.all() and total < 0.02:
        text = f"The UV map uses {total:.1%} of the texture: the result will be coarse."
        found.append(UvFinding("small", 1 - total, count, False, text, NEW_LAYER))
    return found


def _range_findings(uvs: np.ndarray, area: np.ndarray, udim: bool) -> list[UvFinding]:
    """UVs beyond the texture, and faces that lie across the border of two UDIM tiles."""
    low, high = uvs.min(axis=1) + 1e-4, uvs.max(axis=1) - 1e-4
    middle = np.floor(uvs.mean(axis=1))
    across = (np.floor(low) != np.floor(high)).any(axis=1)
    legal = (middle >= 0).all(axis=1) & (middle[:, 0] <= 9) & (middle[:, 1] <= 98)
    outside = ((low < 0) | (high > 1)).any(axis=1) if not udim else (across | ~legal)
    if not outside.any():
        return []
    total = max(float(area.sum()), 1e-12)
    share = float(area[outside].sum()) / total
    number = int(outside.sum())
    if udim and not (middle != 0).any():
        udim = False
    text = (
        f"{number:,} faces lie across the border of two UDIM tiles or outside all tiles: parts of them stay unpainted."
        if udim
        else f"{number:,} faces reach beyond the texture (a repeating layout?): parts of them stay unpainted."
    )
    return [UvFinding("udim" if udim else "outside", share, number, bool(outside.all() and not udim), text, NEW_LAYER)]


def _painted_over(scene: Scene, faces: Tensor, tile: tuple[int, int], size: int) -> Tensor:
    """(K,) bool: the texel at the face's middle shows another place of the surface."""
    texels = uv_raster(scene, size, faces, tile)
    middle = in_texels(scene.uvs[:, :, faces], size, tile).mean(1)
    corners = in_texels(scene.uvs[:, :, faces], size, tile)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    in_uv = (a[0] * b[1] - a[1] * b[0]).abs()
    in_space = scene.corners[:, :, faces]
    turned = [1, 2, 0]
    edges = (in_space[:, turned] - in_space).square().sum(0).sqrt()
    reach = 3 * (edges / (corners[:, turned] - corners).square().sum(0).sqrt().clamp_min(1)).amax(0)
    reach += 1e-4 * scene.reach
    inside = ((middle >= 0) & (middle < size)).all(0) & (in_uv > 1e-6)
    column, row = middle.clamp(0, size - 1).long()
    texel = row * size + column
    shown, _, _, _ = texels.surface(torch.where(texels.face.view(-1)[texel] >= 0, texel, texels.texels[:1]))
    apart = (shown - scene.corners[:, :, faces].mean(1)).square().sum(0).sqrt()
    return inside & (texels.face.view(-1)[texel] >= 0) & (apart > reach)
