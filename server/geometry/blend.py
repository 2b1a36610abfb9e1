"""How much each view counts at each texel, and the sum of all: gains, cosine weights, two bands. Plain torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from .project import Eye, ask, point_rows, unhidden
from .uv_raster import TexelMap

RUN = 64
"""Neighbouring texels that are kept or dropped together for a view: few enough that a run is seen as a whole or not at
all, many enough to be copied as one piece."""
RUNS_AT_ONCE = {"cpu": 1024, "cuda": 65536}
NONE = 255
"""Winner where no view sees the texel."""


@dataclass(frozen=True)
class BakeOptions:
    """cut_deg: views that see a texel more slanted than this do not count. low_power, high_power: exponents of the
    cosine for the wide and the fine structure. erosion_px, feather_px: pixels at silhouettes that are not used, and
    over which trust then rises; 2 for renders, 4 to 8 for generated pictures. gains: bring the views to one brightness.
    view_weights: one factor for each view, or None. fill: what no camera sees takes the colours of the "surface"
    nearby, of the "plane" around it in the texture, or "none" (stays black).
    layout: "shared" texture or one for each object ("object"). udim: UVs beyond 0..1 are UDIM tiles.
    encoding: "srgb" for colours, "data" for normals, roughness and the like.
    """

    cut_deg: float = 78.0
    low_power: int = 2
    high_power: int = 8
    erosion_px: int = 2
    feather_px: int = 4
    gains: bool = True
    view_weights: tuple[float, ...] | None = None
    fill: str = "surface"
    layout: str = "shared"
    udim: bool = True
    encoding: str = "srgb"


@dataclass(eq=False)
class Look:
    """A camera and its picture: colour (1, 4, H, W) float32 linear and alpha, low band, weight, mask (H, W) uint8."""

    eye: Eye
    colour: Tensor
    weight: float
    mask: Tensor
    low: Tensor | None = None


@dataclass(eq=False)
class Blend:
    """colour (3, N) float32 linear, weight (N,) float32, winner (N,) uint8."""

    colour: Tensor
    weight: Tensor
    winner: Tensor


def blended(texels: TexelMap, part: Tensor, looks: list[Look], options, alpha: Tensor, stored: bool) -> Blend:
    """Blends all views at the texels `part`; fills `alpha` (V, N) uint8, or with `stored` reads it."""
    count = len(part)
    runs = -(-count // RUN)
    full = torch.cat([part, part[-1:].expand(runs * RUN - count)])
    position, normal, flat, _ = texels.surface(full)
    points = point_rows(position, normal, flat).view(-1, runs, RUN)
    wanted = _may_face(points, looks, options)
    sums = torch.zeros(8, runs, RUN, device=part.device)  # wide rgb and weight, fine rgb and weight
    rank = torch.zeros(runs, RUN, device=part.device)
    winner = torch.full((runs, RUN), NONE, dtype=torch.uint8, device=part.device)
    cache = torch.zeros(runs * RUN, dtype=torch.uint8, device=part.device)
    for number, (look, active) in enumerate(zip(looks, wanted, strict=True)):
        if not len(active) or not look.weight:
            continue
        own = points.index_select(1, active).flatten(1)
        seen = ask(look.eye, own)
        if stored:
            cache[:count] = alpha[number]
            given = cache.view(runs, RUN).index_select(0, active)
            hit = _any(given)
        else:
            given = unhidden(look.eye, seen[0], seen[1], seen[3]).logical_and_(seen[2] > 0).view(-1, RUN)
            hit = _any(given)
        if not hit.all():  # whole runs that something hides
            kept = torch.nonzero(hit).view(-1)
            if not len(kept):
                continue
            active, given = active.index_select(0, kept), given.index_select(0, kept)
            place = seen[0].view(2, -1, RUN).index_select(1, kept).flatten(1)
            cosine = seen[2].view(-1, RUN).index_select(0, kept).view(-1)
        else:
            place, cosine = seen[0], seen[2]
        terms, used = _view_terms(look, place, cosine, options, given.view(-1), stored)
        if not stored:
            cache.zero_()
            cache.view(runs, RUN).index_copy_(0, active, used.view(-1, RUN))
            alpha[number] = cache[:count]
        terms = terms.view(9, -1, RUN)
        best = rank.index_select(0, active)
        better = terms[8] > best
        names = winner.index_select(0, active).masked_fill_(better, number)
        winner.index_copy_(0, active, names)
        rank.index_copy_(0, active, torch.maximum(best, terms[8]))
        sums.index_add_(1, active, terms[:8])
    sums = sums.flatten(1)[:, :count]
    colour = sums[:3] / sums[3].clamp_min(1e-12) + sums[4:7] / sums[7].clamp_min(1e-12)
    return Blend(colour, sums[3], winner.view(-1)[:count])


def _any(marks: Tensor) -> Tensor:
    """(R,) bool: which rows of (R, RUN) bytes hold one that is set; eight are looked at at once."""
    return (marks.view(torch.int64) != 0).any(1)


def _view_terms(
    look: Look, place: Tensor, cosine: Tensor, options: BakeOptions, given: Tensor, stored: bool
) -> tuple[Tensor, Tensor]:
    """((9, N) float32: weighted wide rgb, its weight, weighted fine rgb, its weight, rank; (N,) uint8 alpha).

    given: (N,) bool whether the point is seen, or with `stored` its uint8 alpha.
    """
    grid = place.T[None, None]
    colour = grid_sample(look.colour, grid, align_corners=False).view(4, -1)
    if not stored:
        given = colour[3].mul(255).add_(0.5).mul_(given).to(torch.uint8)
    low = grid_sample(look.low, grid, align_corners=False).view(4, -1)
    # Beside silhouettes there is no wide structure: there all of the colour counts as wide.
    sure = low[3].mul(2).sub_(1).clamp_min_(0).div_(low[3].clamp_min(1e-6))
    low = torch.addcmul(colour[:3] * (1 - low[3] * sure), low[:3], sure)
    cut = float(np.cos(np.radians(options.cut_deg)))
    slant = cosine.sub_(cut).mul_(1 / (1 - cut)).clamp_(0)
    trust = given.float().mul_(look.weight / 255)
    terms = torch.empty(9, len(cosine), device=place.device)
    torch.mul(_power(slant, options.low_power), trust, out=terms[3])
    torch.mul(_power(slant, options.high_power), trust, out=terms[7])
    terms[7].add_(terms[3], alpha=1e-6)  # so that the fine band has a weight wherever the wide one has
    torch.mul(low, terms[3], out=terms[:3])
    torch.mul(colour[:3].sub_(low), terms[7], out=terms[4:7])
    torch.mul(slant, trust, out=terms[8])
    return terms, given


def _power(base: Tensor, exponent: int) -> Tensor:
    """base ** exponent by squaring: pow costs ten times as much."""
    result = None
    while exponent:
        if exponent & 1:
            result = base if result is None else result * base
        exponent >>= 1
        base = base * base if exponent else base
    return torch.ones_like(base) if result is None else result


def _may_face(points: Tensor, looks: list[Look], options: BakeOptions) -> list[Tensor]:
    """For each view the numbers of the (…, R, RUN) runs in which some texel can face it within the cut angle."""
    low, high = points[3:6].amin(2), points[3:6].amax(2)
    middle = points[:3].mean(2)
    reach = (points[:3] - middle[..., None]).square().sum(0).amax(1).sqrt()
    offset = points[9].amin(1)
    cut = float(np.cos(np.radians(options.cut_deg)))
    result = []
    for look in looks:
        place = look.eye.place[:, None]
        most = torch.maximum(low * place, high * place).sum(0)
        if look.eye.camera.orthographic:
            wanted = most > cut
        else:
            distance = ((place - middle).square().sum(0).sqrt() - reach).clamp_min(0)
            wanted = most - offset > cut * distance
        result.append(torch.nonzero(wanted).view(-1))
    return result


def matched_gains(maps: list[TexelMap], looks: list[Look], options: BakeOptions, old, samples: int = 8192) -> Tensor:
    """(V, 3) float32 gains that bring the views' linear colours together where they overlap.

    Least squares of log(gain_i c_i) - log(gain_j c_j) over all pairs of views of a texel, weighted by both cosines; a
    view without overlap keeps 1. Gains stay within 1.5 times either way.
    """
    logs, weights = [], []
    total = sum(len(texels.texels) for texels in maps)
    if not total:
        return torch.ones(len(looks), 3)
    for texels, sheet in zip(maps, old, strict=True):
        every = max(1, total // samples)
        part = texels.texels[::every]
        position, normal, flat, _ = texels.surface(part)
        points = point_rows(position, normal, flat)
        rows, trusts = [], []
        for number, look in enumerate(looks):
            place, depth, cosine, flat_cosine = ask(look.eye, points)
            colour = grid_sample(look.colour, place.T[None, None], align_corners=False).view(4, -1)
            if sheet is None:
                used = colour[3] * unhidden(look.eye, place, depth, flat_cosine)
            else:
                used = torch.from_numpy(sheet.alpha[number, ::every]).to(colour.device).float() / 255
            bright = (colour[:3].amin(0) > 0.01) & (colour[:3].amax(0) < 0.98)
            rows.append(colour[:3].clamp_min(1e-3).log())
            trusts.append((used > 0.5) * bright * (cosine - 0.3).clamp_min(0))
        logs.append(torch.stack(rows))
        weights.append(torch.stack(trusts))
    log, weight = torch.cat(logs, dim=2).double(), torch.cat(weights, dim=1).double()
    both = weight @ weight.T
    matrix = torch.diag(both.sum(1)) - both
    matrix += torch.eye(len(looks), device=log.device) * (1e-3 * matrix.diagonal().mean() + 1e-9)
    gains = []
    for channel in range(3):
        heavy = log[:, channel] * weight
        right = -((heavy @ weight.T).sum(1) - (weight @ heavy.T).sum(1))
        gains.append(torch.linalg.solve(matrix, right))
    found = torch.stack(gains, dim=1)
    return found.clamp(-np.log(1.5), np.log(1.5)).exp().float()
