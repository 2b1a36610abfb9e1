"""From surface points to pictures: where a camera shows them, whether it sees them, and how well. Plain torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, grid_sample

from .cameras import Camera
from .raster import Scene

BIAS_PX = 0.7
"""Depth tolerance in widths of a pixel, divided by the cosine; rays agree on 99.8 % of the texels."""
STEP_PX = 8.0
"""Steps in depth of more widths of a pixel than this, between neighbours, are silhouettes."""
LOW_BAND = 4
"""Pixels of a view in one of its low band's."""
POINT_ROWS = 12


@dataclass(eq=False)
class Eye:
    """One camera, ready to be asked about points.

    rows (6, POINT_ROWS) and shift (6, 1) float32 take what `point_rows` returns to: x w, y w in -1..1 across the
    picture, w (depth in metres), squared distance, and shading and flat normal times the vector to the camera.
    depth (1, 1, H, W) float32; alpha (H, W) float32: 1 where a pixel may be used, falling to 0 at silhouettes.
    """

    camera: Camera
    rows: Tensor
    shift: Tensor
    place: Tensor
    depth: Tensor | None = None
    alpha: Tensor | None = None


def eye(scene: Scene, camera: Camera) -> Eye:
    """The camera about the scene's origin, without its depth and alpha yet."""
    (width, height), rows = camera.size_px, camera.rows(scene.origin)
    matrix, shift = np.zeros((6, POINT_ROWS)), np.zeros(6)
    homogeneous = np.array([0, 0, 0, 1.0]) if camera.orthographic else rows[2]
    for n, (row, size) in enumerate(((rows[0], width), (rows[1], height))):
        full = 2 * row / size - homogeneous
        matrix[n, :3], shift[n] = full[:3], full[3]
    matrix[2, :3], shift[2] = rows[2, :3], rows[2, 3]
    if camera.orthographic:
        place = -camera.forward
        shift[3] = 1.0
    else:
        place = camera.position - scene.origin
        matrix[3, :3], matrix[3, 11], shift[3] = -2 * place, 1, place @ place
        matrix[4, 9] = matrix[5, 10] = -1
    matrix[4, 3:6] = matrix[5, 6:9] = place

    def tensor(values: np.ndarray) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=scene.device)

    return Eye(camera, tensor(matrix), tensor(shift[:, None]), tensor(place))


def point_rows(position: Tensor, normal: Tensor, flat: Tensor) -> Tensor:
    """(POINT_ROWS, N) float32 of (3, N) positions, shading normals and flat normals: what `ask` multiplies."""
    dots = torch.stack([(normal * position).sum(0), (flat * position).sum(0), position.square().sum(0)])
    return torch.cat([position, normal, flat, dots])


def ask(eye_: Eye, points: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of (POINT_ROWS, N) points: place in the picture (2, N) in -1..1, depth (N,) in metres, cosine of the view angle
    to the shading normal (N,) and to the flat normal (N,).
    """
    seen = torch.addmm(eye_.shift, eye_.rows, points)
    if eye_.camera.orthographic:
        return seen[:2], seen[2], seen[4], seen[5]
    inverse = seen[3].clamp_min_(1e-20).rsqrt_()
    place = seen[:2].mul_(seen[2].reciprocal())
    return place, seen[2], seen[4].mul_(inverse), seen[5].mul_(inverse)


def unhidden(eye_: Eye, place: Tensor, depth: Tensor, flat_cosine: Tensor) -> Tensor:
    """(N,) bool: in front of the camera, in its picture, facing it, and not behind the depth map by more than a slanted
    surface is within a pixel.
    """
    nearest = grid_sample(eye_.depth, place.T[None, None], mode="nearest", align_corners=False).view(-1)
    tolerance = BIAS_PX * eye_.camera.footprint()
    behind = (depth - nearest).mul_(flat_cosine)
    seen = behind <= (tolerance if eye_.camera.orthographic else depth * tolerance)
    return seen.logical_and_(flat_cosine > 0.02).logical_and_(depth > eye_.camera.near_m)


def silhouette_alpha(camera: Camera, depth: Tensor, objects: Tensor | None, erosion_px: int, feather_px: int) -> Tensor:
    """(H, W) uint8: 0 on the background and within `erosion_px` of a step in depth or a border between objects, then
    rising to 255 over `feather_px` more pixels. objects: (H, W) int32 ids, or None for a single object.
    """
    edge = torch.zeros(depth.shape, dtype=torch.bool, device=depth.device)
    limit = STEP_PX * camera.footprint()
    for here, there in (
        ((slice(None, -1),), (slice(1, None),)),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        a, b = depth[here], depth[there]
        step = (a - b).abs_() > (limit if camera.orthographic else torch.minimum(a, b).mul_(limit))
        if objects is not None:
            step |= objects[here] != objects[there]
        edge[here] |= step
        edge[there] |= step
    edge |= torch.isinf(depth)
    for _ in range(max(erosion_px - 1, 0)):
        edge = _grown(edge)
    level = (~edge).to(torch.uint8)
    total = level.clone() if feather_px else level
    for _ in range(feather_px):
        edge = _grown(edge)
        total += ~edge
    levels = torch.linspace(0, 255, feather_px + 2, device=depth.device).round().to(torch.uint8)
    return levels.index_select(0, total.view(-1).int()).view(total.shape)


def _grown(mask: Tensor) -> Tensor:
    """A bool mask dilated by one pixel in eight directions."""
    wide = mask.clone()
    wide[:, 1:] |= mask[:, :-1]
    wide[:, :-1] |= mask[:, 1:]
    high = wide.clone()
    high[1:] |= wide[:-1]
    high[:-1] |= wide[1:]
    return high


def low_band(colour: Tensor) -> Tensor:
    """(1, 4, H, W) colour and alpha -> (1, 4, H / LOW_BAND, W / LOW_BAND) smoothed colour and whether it may be used.

    A cell that touches a silhouette is not used, and as silhouettes are two pixels wide, no cell that is used has a
    neighbour on another surface: colours of one surface never reach another. Colour is 0 where it is not used.
    """
    height, width = colour.shape[2:]
    even = height % LOW_BAND == width % LOW_BAND == 0
    cells = (-(-height // LOW_BAND), -(-width // LOW_BAND))
    usable = (colour[:, 3:] > 0).float()
    share = avg_pool2d(usable, LOW_BAND) if even else adaptive_avg_pool2d(usable, cells)
    whole = (share > 0.999).float()
    small = avg_pool2d(colour[:, :3], LOW_BAND) if even else adaptive_avg_pool2d(colour[:, :3], cells)
    smooth = avg_pool2d(torch.cat([small * whole, whole], dim=1), 3, 1, 1)
    return torch.cat([smooth[:, :3] / smooth[:, 3:].clamp_min(1e-6) * whole, whole], dim=1)


def linear_table(encoding: str, device: torch.device) -> Tensor:
    """(256,) float32: what a byte stands for, in linear light; encoding "srgb" or "data"."""
    value = torch.arange(256, device=device) / 255.0
    if encoding == "data":
        return value
    return torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def as_bytes(linear: Tensor, encoding: str) -> Tensor:
    """Linear 0..1 -> uint8, encoded, rounded."""
    value = linear.clamp(0, 1)
    if encoding != "data":
        value = torch.where(value <= 0.0031308, value * 12.92, 1.055 * value.pow(1 / 2.4) - 0.055)
    return value.mul_(255).add_(0.5).to(torch.uint8)
