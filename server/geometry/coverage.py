"""How much of the surface cameras see, and a small set of cameras that sees nearly all of it. Plain torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .cameras import Camera, directions, framing, view_name
from .mesher import Progress
from .project import ask, eye, point_rows, unhidden
from .raster import Scene, visible
from .threads import in_threads
from .triangles import Triangles

SQUARE = 0.3
"""Cosine of the view angle from which on a view is good enough for a picture."""
_JUDGED = 8192
_SPLATS = 65536
_SPLAT_PX = 80
_CANDIDATES = 192


@dataclass(frozen=True, eq=False)
class Coverage:
    """Shares of the surface to be textured, 0..1: covered by any view, by each view alone (V,), and added by each view
    to those before it (V,).
    """

    covered: float
    alone: np.ndarray
    added: np.ndarray


def surface_samples(scene: Scene, count: int, of: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(position, shading normal, flat normal), (3, count) float32, evenly by area on the faces to be textured, or on
    those of the mask `of` (F,).

    Deterministic: a stratified walk along the summed areas, and a low-discrepancy sequence within each face.
    """
    a, b, c = scene.corners.unbind(1)
    cross = torch.cross(b - a, c - a, dim=0)
    area = cross.square().sum(0).sqrt() * (scene.target if of is None else of)
    sums = torch.cumsum(area.double(), 0)
    steps = (torch.arange(count, device=scene.device).double() + 0.5) * (sums[-1] / count)
    face = torch.searchsorted(sums, steps).clamp_(max=len(sums) - 1)
    number = torch.arange(count, device=scene.device).double()
    r, s = (number * 0.7548776662466927) % 1, (number * 0.5698402909980532) % 1  # Roberts' R2 sequence
    root = r.sqrt()
    weights = torch.stack([1 - root, root * (1 - s), root * s]).float()
    position = (scene.corners[:, :, face] * weights).sum(1)
    normal = torch.nn.functional.normalize((scene.normals[:, :, face] * weights).sum(1), dim=0)
    return position, normal, torch.nn.functional.normalize(cross[:, face], dim=0)


def coverage(
    triangles: Triangles | Scene,
    cameras: Sequence[Camera],
    *,
    device: torch.device | str = "cpu",
    cosine: float = SQUARE,
    size: int = 384,
) -> Coverage:
    """What the cameras see of the surface, with a view angle whose cosine is at least `cosine`; by depth maps of `size`
    pixels at 8192 points of the surface. Either side of a face counts.
    """
    scene = triangles if isinstance(triangles, Scene) else Scene(triangles, device)
    with torch.no_grad():
        position, normal, flat = surface_samples(scene, _JUDGED)

        def one(camera: Camera) -> Tensor:
            small = camera.resized((size, max(1, round(size * camera.size_px[1] / camera.size_px[0]))))
            found = eye(scene, small)
            found.depth = visible(scene, small)[0][None, None]
            facing = torch.sign((flat * _towards(found, position)).sum(0))
            place, depth, seen, seen_flat = ask(found, point_rows(position, normal * facing, flat * facing))
            return unhidden(found, place, depth, seen_flat) & (seen >= cosine)

        _ = scene.groups, scene.planes, scene.reach  # made once, not by each thread
        seen = torch.stack(in_threads(one, list(cameras), scene.device))
    total, before, added = seen.shape[1], torch.zeros_like(seen[0]), []
    for view in seen:
        added.append(float((view & ~before).sum()) / total)
        before |= view
    return Coverage(float(before.sum()) / total, (seen.sum(1) / total).numpy(force=True), np.array(added))


def _towards(found, position: Tensor) -> Tensor:
    place = found.place[:, None]
    return place.expand_as(position) if found.camera.orthographic else place - position


def greedy(
    triangles: Triangles | Scene,
    size: int = 1024,
    *,
    most: int = 8,
    least_gain: float = 0.005,
    front_first: bool = True,
    fov_deg: float | None = 40.0,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> list[Camera]:
    """At most `most` cameras around the object, each the one that adds most to those before it.

    A view is worth the share of the surface that it sees squarely for the first time, and a little for what it sees
    more squarely than the others. Ends when a view would add less than `least_gain` of what can be seen from outside.
    front_first: the first view looks at the front (-Y), which is what a prompt describes.
    Candidates are 192 directions and the six axes; what hides what is judged from 65,536 points of the surface in small
    depth maps, whatever the number of faces.
    """
    scene = triangles if isinstance(triangles, Scene) else Scene(triangles, device)
    with torch.no_grad():
        axes = np.concatenate([np.eye(3), -np.eye(3)])
        ways = np.concatenate([axes, directions(_CANDIDATES)])
        quality = _quality(scene, ways, progress, fov_deg)
        reachable = float((quality.amax(0) > 0).float().mean())
        best, chosen = torch.zeros(quality.shape[1], device=scene.device), []
        while len(chosen) < most:
            new = ((quality > 0) & (best == 0)).float().mean(1)
            gain = new + 0.25 * (quality - best).clamp_min(0).mean(1)
            pick = 4 if front_first and not chosen else int(gain.argmax())
            if chosen and float(new[pick]) < least_gain * reachable:
                break
            best = torch.maximum(best, quality[pick])
            chosen.append(pick)
    points = scene.triangles.points.astype(np.float64)
    return [framing(points, -ways[pick], size, fov_deg=fov_deg, name=view_name(-ways[pick])) for pick in chosen]


def _quality(scene: Scene, ways: np.ndarray, progress: Progress | None, fov_deg: float | None = None) -> Tensor:
    """(D, 8192) float32: the cosine with which a view from each direction sees each sample point, 0 below SQUARE or
    when hidden. fov_deg: of the camera, which frames the object; None is one without perspective.
    """
    splats, _, _ = surface_samples(scene, _SPLATS)
    position, normal, _ = surface_samples(scene, _JUDGED)
    if not scene.target.all():
        others, middles = surface_samples(scene, _SPLATS, ~scene.target)[0], scene.corners[:, :, ~scene.target].mean(1)
        splats = torch.cat([splats, others, middles], dim=1)  # large faces by area, small ones one by one
    scale = _SPLAT_PX / 2.02 / float(position.square().sum(0).max().sqrt().clamp_min(1e-12))
    points = position[:, ::8].T.double().numpy(force=True)  # enough to know how far away the camera stands
    groups = np.array_split(ways, 25)

    def one(group: np.ndarray) -> Tensor:
        return torch.stack(
            [_seen_from(way, splats, position, normal, scale, _eye(points, way, fov_deg)) for way in group]
        )

    def tick(done: int, total: int) -> None:
        if progress:
            progress("cameras", done, total)

    seen = torch.cat(in_threads(one, groups, scene.device, tick))
    # Seen much more from its back, it is wound the wrong way; of what is thin, both sides are seen alike
    turned = seen.sum(0) < -0.2 * seen.abs().sum(0)
    seen = torch.where(turned, -seen, seen)
    return torch.where(seen >= SQUARE, seen, 0)


def _eye(points: np.ndarray, way: np.ndarray, fov_deg: float | None) -> np.ndarray | None:
    """(3,) where the camera stands that frames (N, 3) points from direction `way`; None infinitely far away."""
    return None if fov_deg is None else framing(points, -way, _SPLAT_PX, fov_deg=fov_deg).world_from_camera[:3, 3]


def _seen_from(
    way: np.ndarray, splats: Tensor, position: Tensor, normal: Tensor, scale: float, place: np.ndarray | None
) -> Tensor:
    """Cosines (N,) of the points that are not hidden towards `way`, for a camera at `place`; negative from behind."""
    up = np.eye(3)[int(np.argmin(np.abs(way)))]
    right = np.cross(up, way) / np.linalg.norm(np.cross(up, way))
    axes = torch.tensor(np.stack([right, np.cross(way, right), way]), dtype=torch.float32, device=splats.device) * scale
    cells, height = _cells(axes, splats)
    inside = ((axes[:2] @ splats).abs() < _SPLAT_PX / 2).all(0)  # others may reach far beyond what is to be seen
    height = torch.where(inside, height, -torch.inf)
    top = torch.full((_SPLAT_PX * _SPLAT_PX,), -torch.inf, device=splats.device)
    top.scatter_reduce_(0, cells, height, "amax")
    cosine = (axes[2:] @ normal)[0] / scale
    cells, height = _cells(axes, position)
    # The highest point of a cell of 1 x 1 lies up to this much above others of the same slanted surface.
    slope = 0.75 + 1.2 * (1 - cosine * cosine).clamp_min(0).sqrt() / cosine.abs().clamp_min(SQUARE)
    if place is not None:
        towards = torch.tensor(place, dtype=torch.float32, device=position.device)[:, None] - position
        cosine = (torch.nn.functional.normalize(towards, dim=0) * normal).sum(0)
    return torch.where(top[cells] <= height + slope, cosine, 0)


def _cells(axes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    seen = axes @ points
    cell = (seen[:2] + _SPLAT_PX / 2).clamp_(0, _SPLAT_PX - 1).long()
    return cell[1] * _SPLAT_PX + cell[0], seen[2]
