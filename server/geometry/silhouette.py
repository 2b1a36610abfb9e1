"""Cut the object out of a picture: by its alpha, or against a plain background found from the border. numpy only.

The background method is our own combination of known parts: a robust polynomial model of the border's colours
(iteratively reweighted least squares), a flood from the border in Oklab distance, and alpha in a narrow band by
projection on the line between local background and local foreground colour (the compositing equation of Porter and
Duff, 1984, solved for alpha as in blue-screen matting: Smith and Blinn, SIGGRAPH 1996).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blender_aigc.protocol import Fault

from . import pixels

WORKING_PX = 1280
"""Longest side on which silhouettes are found; larger pictures are averaged down by a whole factor first."""

_HINT = "Use a picture with a transparent or plain background, or change Background Tolerance."


@dataclass(frozen=True)
class Cutout:
    """Where the object is.

    coverage: (h, w) float32 in 0..1, the share of each working pixel that the object covers; 0.5 is the contour.
    factor:   picture pixels per working pixel, along each axis.
    source:   "alpha" or "background".
    """

    coverage: np.ndarray
    factor: int
    source: str

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(len(y), len(x)) float32 coverage at picture positions (pixel centres lie at .5), 0 outside the picture."""
        wide = np.pad(self.coverage, 1)
        columns = np.clip(x / self.factor + 0.5, 0, wide.shape[1] - 1.001)
        rows = np.clip(y / self.factor + 0.5, 0, wide.shape[0] - 1.001)
        left, top = columns.astype(int), rows.astype(int)
        u, v = (columns - left).astype(np.float32), (rows - top).astype(np.float32)[:, None]
        across = wide[:, left] * (1 - u) + wide[:, left + 1] * u
        return across[top] * (1 - v) + across[top + 1] * v

    def with_alpha(self, rgba: np.ndarray) -> np.ndarray:
        """The picture (H, W, 4) uint8 with the found silhouette as its alpha; its own alpha where that decided."""
        if self.source == "alpha":
            return rgba
        height, width = rgba.shape[:2]
        alpha = self.at(np.arange(width) + 0.5, np.arange(height) + 0.5)
        return np.concatenate([rgba[..., :3], np.rint(255 * alpha).astype(np.uint8)[..., None]], axis=2)

    def preview(self, rgba: np.ndarray) -> np.ndarray:
        """(h, w, 4) uint8, at most 256 px a side: the picture (H, W, 4) as it was cut out."""
        factor = -(-max(self.coverage.shape) // 256)
        alpha = pixels.shrink(self.coverage, factor)
        colour = pixels.shrink(rgba[..., :3], self.factor * factor)[: alpha.shape[0], : alpha.shape[1]]
        return np.rint(np.concatenate([colour, 255 * alpha[..., None]], axis=2)).astype(np.uint8)


def cut_out(
    rgba: np.ndarray,
    tolerance: float = 0.5,
    open_holes: bool = True,
    smallest_share: float = 0.001,
    check: Callable[[], None] = lambda: None,
) -> Cutout:
    """The silhouette of the object in a (H, W, 4) uint8 picture, sRGB, straight alpha.

    Alpha decides where it says anything (1 % of the picture or more is transparent), else the background's colour.
    tolerance 0..1: how far a colour may lie from the background's and still belong to it; 0.5 suits most pictures.
    open_holes: enclosed areas that show the background are openings. smallest_share: of the object's area; smaller
    specks are dropped. check is called now and then, to raise when the job is cancelled.
    Raises Fault("bad_input") when no foreground is found.
    """
    factor = max(1, -(-max(rgba.shape[:2]) // WORKING_PX))
    alpha = pixels.shrink(rgba[..., 3], factor) / 255
    if np.mean(alpha < 0.5) >= 0.01:
        coverage, source = alpha, "alpha"
    else:
        rgb = pixels.shrink(rgba[..., :3], factor)
        coverage, source = _against_background(rgb, tolerance, open_holes, check), "background"
    area = float(coverage.sum())
    if area < max(16, 2e-4 * coverage.size):
        raise Fault("bad_input", "No foreground was found in this picture.", _HINT)
    solid = pixels.without_specks(coverage >= 0.5, smallest_share * area)
    if not solid.any():
        raise Fault("bad_input", "No foreground was found in this picture.", _HINT)
    return Cutout(np.where(pixels.widest(solid, 2), coverage, 0).astype(np.float32), factor, source)


def _against_background(rgb: np.ndarray, tolerance: float, open_holes: bool, check: Callable[[], None]) -> np.ndarray:
    """Coverage (h, w) of the object in a picture (h, w, 3), 0..255 float32, without alpha."""
    lab = pixels.oklab(pixels.blur(rgb, 0.6))
    border = _border(lab.shape[:2])
    model = _background_model(lab, border)
    distance = _distance(lab, model)
    limit = _limit(distance[border], tolerance)
    if np.mean(distance[border] < limit) < 0.5:
        raise Fault("bad_input", "No foreground was found in this picture: its background is not plain.", _HINT)
    background = pixels.touching_border(distance < limit)
    # Once more with all that is background by now: bends of a vignette show in the middle, not at the border.
    model = _background_model(lab, background)
    distance = _distance(lab, model)
    limit = _limit(distance[background & border], tolerance)
    check()
    near = _near_background(lab, model, limit)
    background = pixels.touching_border(near)
    if open_holes:
        background |= _openings(distance, near & ~background, limit)
    least = max(8.0, 1e-5 * background.size)
    object_mask = ~pixels.without_specks(background, least)
    object_mask = pixels.without_specks(object_mask, least)
    if not 2e-4 < object_mask.mean() < 0.995:
        raise Fault("bad_input", "No foreground was found in this picture.", _HINT)
    check()
    object_mask = _without_halo(lab, model, object_mask, limit)
    check()
    return _soft_edge(rgb, object_mask)


def _border(shape: tuple[int, int]) -> np.ndarray:
    width = max(2, round(0.02 * min(shape)))
    border = np.ones(shape, bool)
    border[width:-width, width:-width] = False
    return border


def _basis(shape: tuple[int, int]) -> np.ndarray:
    y, x = np.meshgrid(*(np.linspace(-1, 1, size, dtype=np.float32) for size in shape), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _background_model(lab: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(h, w, 3) smooth background colour: a quadratic through the pixels in `where`, robust against an object there."""
    rows, columns = np.nonzero(where)
    step = max(1, len(rows) // 20000)
    rows, columns = rows[::step], columns[::step]
    basis, colour = _basis(lab.shape[:2]), lab[rows, columns]
    a = basis[rows, columns]
    centre = np.median(colour, axis=0)
    residual = np.linalg.norm(colour - centre, axis=1)
    # Held lightly to a constant colour, or an object on the border would bend the surface through the middle.
    ridge = np.diag(np.array([0, 1, 1, 1, 1, 1], np.float32) * 1e-3 * len(rows))
    for _ in range(8):
        scale = max(1.4826 * float(np.median(residual)), 0.004)
        weight = (1 / (1 + (residual / (2 * scale)) ** 2) ** 2)[:, None]
        heavy = weight * a
        fit = np.linalg.solve(np.einsum("ni,nj->ij", a, heavy) + ridge, np.einsum("ni,nj->ij", heavy, colour - centre))
        residual = np.linalg.norm(a @ fit + centre - colour, axis=1)
    return (basis @ fit + centre).astype(np.float32)


def _distance(lab: np.ndarray, model: np.ndarray) -> np.ndarray:
    difference = lab - model
    return np.sqrt(np.einsum("...i,...i", difference, difference))


def _limit(distances: np.ndarray, tolerance: float) -> float:
    """The distance up to which a colour counts as background: the wanted one, and beyond the background's noise.

    distances: those of the background's pixels on the border.
    """
    noise = float(np.median(distances)) if distances.size else 0.0
    return 0.1 * tolerance**2 + 0.005 + min(8 * tolerance * noise, 0.08)


def _near_background(lab: np.ndarray, model: np.ndarray, limit: float) -> np.ndarray:
    """Mask of background colours, soft shadows included: darker, of the background's hue and without sharp edges."""
    difference = lab - model
    distance = np.sqrt(np.einsum("...i,...i", difference, difference))
    smooth = pixels.blur(lab[..., 0], 1.0)
    slope = np.hypot(*np.gradient(smooth)) * max(lab.shape[:2]) / 512
    darker = difference[..., 0]
    shadow = (darker < 0) & (darker > -7 * limit) & (np.hypot(difference[..., 1], difference[..., 2]) < 0.5 * limit)
    flat = pixels.widest(slope, 1) < 0.01
    return (distance < limit) | (shadow & flat)


def _openings(distance: np.ndarray, enclosed: np.ndarray, limit: float) -> np.ndarray:
    """Those enclosed parts of background colour that are large and even enough to be seen through."""
    labels, count = pixels.components(enclosed)
    size = np.bincount(labels.ravel(), minlength=count + 1)
    mean = np.bincount(labels.ravel(), weights=distance.ravel(), minlength=count + 1) / np.maximum(size, 1)
    keep = (size > max(30, 3e-4 * distance.size)) & (mean < 0.6 * limit)
    keep[0] = False
    return keep[labels]


def _without_halo(lab: np.ndarray, model: np.ndarray, mask: np.ndarray, limit: float) -> np.ndarray:
    """The mask without the dark or light fringe that an earlier cut-out left around the object.

    In a narrow band inside the contour, a pixel on the line from the background's colour to black or white goes when
    the object's own colour, taken from further inside, is further away from it than that line is.
    """
    reach = max(2, round(0.007 * max(mask.shape)))
    inside = pixels.erode(mask, reach)
    band = mask & ~inside & pixels.widest(inside, 3 * reach)  # parts too thin to have an inside stay as they are
    if not band.any() or not inside.any():
        return mask
    own = pixels.pull_push(lab, inside.astype(np.float32))
    difference = lab - model
    to_line = np.sqrt(np.square(difference) @ np.array([0.0625, 1, 1], np.float32))
    fringe = band & (to_line < 0.6 * _distance(lab, own)) & (to_line < 1.5 * limit)
    return mask & ~pixels.reached_from(~mask, fringe)


def _soft_edge(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Coverage (h, w) float32 from a hard mask: alpha from the colours where they tell, else the softened mask."""
    inside, outside = pixels.erode(mask, 4), ~pixels.widest(mask, 2)
    soft = pixels.blur(mask.astype(np.float32), 0.8)
    if not inside.any():
        return soft
    colour = rgb / 255
    front = pixels.pull_push(colour, inside.astype(np.float32))
    back = pixels.pull_push(colour, outside.astype(np.float32))
    contrast = front - back
    power = (contrast**2).sum(axis=-1)
    alpha = ((colour - back) * contrast).sum(axis=-1) / np.maximum(power, 1e-6)
    # A colour off the line between the two is the object's own: a stripe along its edge, not a mixture.
    off_line = np.linalg.norm(colour - back - alpha[..., None] * contrast, axis=-1)
    trust = np.clip((np.sqrt(power) - 0.12) / 0.12, 0, 1) * np.clip((0.15 - off_line) / 0.1, 0, 1)
    trust = np.where(alpha > -0.1, trust, 0) * pixels.widest(inside, 6)
    coverage = soft + (np.clip(alpha, 0, 1) - soft) * trust
    return np.where(inside, 1, np.where(outside, 0, coverage)).astype(np.float32)
