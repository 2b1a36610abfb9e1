"""A large picture through networks that see a tile at a time, so that no seam shows and memory stays that of a tile.

At every step of the denoising the predictions of overlapping tiles are averaged, and all tiles are cut from one field
of noise: MultiDiffusion (Bar-Tal et al. 2023, arXiv:2302.08113), here with weights that fall to nothing towards the
border of a tile, and tiles that begin where the picture's own coarse places do. The pipeline, its sampler and its noise
stay as they are; only the networks are called tile by tile.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    Crop = Callable[["Span", "Span"], np.ndarray]


CELL = 8
"""Latents along a side of a place in the coarsest layer of the UNets: 8 of SD 1.5, 4 of SDXL."""


@dataclass(frozen=True)
class Span:
    """Where a tile lies along one side, and how much it counts there: with its neighbours' weights, 1 everywhere."""

    start: int
    stop: int
    weights: np.ndarray


def spans(length: int, side: int, overlap: int, unit: int = 1) -> tuple[Span, ...]:
    """Tiles of `side` that cover `length`, each sharing at least `overlap` with the next.

    unit: pixels of each place: the spans are in pixels then, but begin at whole places.
    """
    side = min(side, length)
    count = 1 + math.ceil(max(0, length - side) / max(1, side - overlap))
    starts = [round(number * (length - side) / max(1, count - 1)) for number in range(count)]
    total = np.zeros(length * unit)
    ramps = []
    for start in starts:
        at, share = np.arange(side * unit) + 0.5, np.ones(side * unit)
        if overlap and start > 0:
            share = np.minimum(share, at / (overlap * unit))
        if overlap and start + side < length:
            share = np.minimum(share, at[::-1] / (overlap * unit))
        ramps.append(np.sin(np.pi / 2 * share) ** 2)
        total[start * unit : (start + side) * unit] += ramps[-1]
    return tuple(
        Span(
            start * unit, (start + side) * unit, (ramp / total[start * unit : (start + side) * unit]).astype("float32")
        )
        for start, ramp in zip(starts, ramps, strict=True)
    )


def in_phase(length: int, side: int, overlap: int) -> tuple[Span, ...]:
    """Tiles as of `spans`, in latents, that begin where the network's coarser layers have a place of their own.

    A UNet halves its picture a few times, and which latents make up a coarse place counts from the tile's corner: a
    tile that begins between two of them is drawn another way than the picture as a whole.
    """
    cell = math.gcd(CELL, length, side)
    return spans(length // cell, side // cell, math.ceil(overlap / cell), cell)


@contextmanager
def in_tiles(
    network: Any,
    rows: Sequence[Span],
    columns: Sequence[Span],
    told: Callable[[int], None],
    controlnet: Any = None,
    control: Crop | None = None,
) -> Iterator[None]:
    """While inside, `network` (a UNet) answers to (B, C, h, w) as the weighted mean of its answers to the tiles.

    controlnet: looks at each tile beside it, with the picture that `control` cuts out for the tile: (h, w, 3) uint8.
    told: called with the number of each tile before it is worked on; what it raises ends the pipeline.
    """
    plain = network.forward

    @functools.wraps(plain)
    def forward(sample: Tensor, *rest: Any, **options: Any) -> Any:
        import torch

        later = options.get("down_block_additional_residuals")
        total = None
        for number, (row, column) in enumerate(itertools.product(rows, columns)):
            told(number)
            part = sample[..., row.start : row.stop, column.start : column.stop]
            if isinstance(later, _Later):
                down, middle = later.of(part, row, column)
                options |= {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            answer = plain(part, *rest, **options)
            own = answer[0].float()
            if total is None:
                total = torch.zeros(*own.shape[:2], *sample.shape[-2:], device=own.device)
                kind = answer[0].dtype
            weights = torch.from_numpy(row.weights[:, None] * column.weights).to(own.device)
            total[..., row.start : row.stop, column.start : column.stop] += own * weights
        assert total is not None
        made = total.to(kind)
        return (made,) if isinstance(answer, tuple) else type(answer)(sample=made)

    with _replaced(network, forward):
        if controlnet is None:
            yield
            return
        assert control is not None
        with _replaced(controlnet, _postponed(controlnet, control)):
            yield


@dataclass(frozen=True)
class _Later:
    """A call of a ControlNet that waits for the tiles."""

    call: Callable[..., Any]
    rest: tuple[Any, ...]
    options: dict[str, Any]
    control: Crop

    def of(self, part: Tensor, row: Span, column: Span) -> tuple[Any, Any]:
        """Its answer to one tile: what is added to the blocks on the way down, and to the middle one."""
        import torch

        crop = torch.from_numpy(np.ascontiguousarray(self.control(row, column))).to(part.device)
        picture = (crop.permute(2, 0, 1)[None].to(part.dtype) / 255).expand(len(part), -1, -1, -1)
        several = isinstance(self.options["controlnet_cond"], list)
        given = {**self.options, "controlnet_cond": [picture] if several else picture, "return_dict": False}
        down, middle = self.call(part, *self.rest, **given)
        return down, middle


def _postponed(controlnet: Any, control: Crop) -> Callable[..., tuple[_Later, _Later]]:
    plain = controlnet.forward

    @functools.wraps(plain)
    def forward(_sample: Tensor, *rest: Any, **options: Any) -> tuple[_Later, _Later]:
        later = _Later(plain, rest, options, control)
        return later, later

    return forward


@contextmanager
def _replaced(network: Any, forward: Callable[..., Any]) -> Iterator[None]:
    outer = vars(network).get("forward")  # a hook that brings the network to the device, say
    network.forward = forward
    try:
        yield
    finally:
        del network.forward
        if outer is not None:
            network.forward = outer


def encoded(vae: Any, picture: np.ndarray, side: int, overlap: int, told: Callable[[int, int], None]) -> Tensor:
    """(H, W, 3) uint8 -> latents (1, C, H / unit, W / unit), as pipelines want them; side, overlap: in latents.

    The most likely latents, so that nothing depends on how the tiles lie. told: (tiles done, all).
    """
    import torch
    from diffusers.utils.torch_utils import get_module_execution_device

    unit = unit_of(vae)
    height, width = picture.shape[0] // unit, picture.shape[1] // unit
    tiles = list(itertools.product(spans(height, side, overlap), spans(width, side, overlap)))
    total = None
    with torch.no_grad(), _precise(vae):
        for number, (row, column) in enumerate(tiles):
            told(number, len(tiles))
            part = picture[row.start * unit : row.stop * unit, column.start * unit : column.stop * unit]
            given = torch.from_numpy(np.ascontiguousarray(part)).to(get_module_execution_device(vae))
            given = (given.permute(2, 0, 1)[None].float() / 127.5 - 1).to(vae.dtype)
            own = vae.encode(given).latent_dist.mode().float()
            if total is None:
                total = torch.zeros(1, own.shape[1], height, width, device=own.device)
            weights = torch.from_numpy(row.weights[:, None] * column.weights).to(own.device)
            total[..., row.start : row.stop, column.start : column.stop] += own * weights
    assert total is not None
    mean, deviation = _statistics(vae, total)
    return (total - mean) * vae.config.scaling_factor / deviation


def decoded(vae: Any, latents: Tensor, side: int, overlap: int, told: Callable[[int, int], None]) -> np.ndarray:
    """Latents (1, C, h, w) -> (h * unit, w * unit, 3) uint8. Besides the result, only a row of tiles is in memory.

    Raises ValueError for values that are not numbers.
    """
    import torch
    from diffusers.utils.torch_utils import get_module_execution_device

    unit = unit_of(vae)
    height, width = latents.shape[-2:]
    rows, columns = (spans(length, side, overlap, unit) for length in (height, width))
    mean, deviation = _statistics(vae, latents)
    latents = latents.float() * deviation / vae.config.scaling_factor + mean
    out = np.empty((height * unit, width * unit, 3), np.uint8)
    band = np.zeros((rows[0].stop, width * unit, 3), np.float32)  # from the first row that is not finished
    done = 0
    with torch.no_grad(), _precise(vae):
        for number, row in enumerate(rows):
            for at, column in enumerate(columns):
                told(number * len(columns) + at, len(rows) * len(columns))
                part = latents[..., row.start // unit : row.stop // unit, column.start // unit : column.stop // unit]
                made = vae.decode(part.to(get_module_execution_device(vae), vae.dtype)).sample[0].float()
                if not bool(made.isfinite().all()):
                    raise ValueError("the decoder's answer is not made of numbers")
                own = ((made / 2 + 0.5).clamp(0, 1) * 255).permute(1, 2, 0).cpu().numpy()
                band[:, column.start : column.stop] += own * (row.weights[:, None] * column.weights)[..., None]
            end = rows[number + 1].start if number + 1 < len(rows) else len(out)
            finished = end - done
            out[done:end] = np.rint(band[:finished])
            band[: len(band) - finished] = band[finished:]
            band[len(band) - finished :] = 0
            done = end
    return out


def unit_of(vae: Any) -> int:
    """Pixels along a side of each latent."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


def _statistics(vae: Any, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """Mean and deviation of the latents of some autoencoders; 0 and 1 of the others."""
    import torch

    mean, deviation = (vae.config.get(name) for name in ("latents_mean", "latents_std"))
    if mean is None or deviation is None:
        return 0.0, 1.0
    return tuple(torch.tensor(values, device=like.device).view(1, -1, 1, 1) for values in (mean, deviation))  # type: ignore[return-value]


@contextmanager
def _precise(vae: Any) -> Iterator[None]:
    """An autoencoder that overflows in half precision works in single, as in the pipelines."""
    import torch

    before = vae.dtype
    upcast = before == torch.float16 and bool(vae.config.get("force_upcast"))
    if upcast:
        vae.to(dtype=torch.float32)
    try:
        yield
    finally:
        if upcast:
            vae.to(dtype=before)
