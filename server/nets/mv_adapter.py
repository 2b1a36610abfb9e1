"""MV-Adapter: six orthographic views of one object drawn together by SDXL, led by its geometry.

Paper: Huang et al., "MV-Adapter: Multi-view Consistent Image Generation Made Easy" (ICCV 2025, arXiv:2412.03632).
Reference: huanngzh/MV-Adapter at 4277e00 (Apache-2.0); its published files `mvadapter_tg2mv_sdxl.safetensors` (text)
and `mvadapter_ig2mv_sdxl.safetensors` (text and a reference picture) load with their own keys.

Views, in this order: front, left side (+X), back, right side (-X), top, bottom; see `six_views`. Beside every
self-attention of the UNet stands a second one, with weights of its own, across the views (section 4.2): the four sides
attend along rows, since equal heights of an object lie in equal rows; front, back, top and bottom along columns, the
front mirrored, since a column then runs around the object. A third one reads a reference picture. The geometry, world
positions and normals, enters through a T2I-Adapter (section 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from diffusers import T2IAdapter
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention as attention

from ..geometry.cameras import Camera, six_axes
from ..geometry.raster import Maps

VIEWS = 6
SIDES, COLUMN = (0, 1, 2, 3), (0, 2, 4, 5)
HALF = 0.55
"""Half the width of a view, in units in which the longest side of the object is 1."""


@dataclass
class Looking:
    """What all layers share while the UNet runs.

    scale, reference_scale: of the two attentions. keep: layers put their input into `kept` and do nothing else new
    (the pass over the reference picture). kept: layer -> (1, tokens, width).
    """

    scale: float = 1.0
    reference_scale: float = 1.0
    keep: bool = False
    kept: dict[str, Tensor] = field(default_factory=dict)


class _Branch(nn.Module):
    """Projections of one attention beside the layer's own, named as in the published files."""

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        for name in ("q", "k", "v"):
            self.add_module(f"to_{name}_{kind}", nn.Linear(width, width, bias=False))
        self.add_module(f"to_out_{kind}", nn.ModuleList([nn.Linear(width, width), nn.Dropout(0.0)]))

    def project(self, name: str, tokens: Tensor) -> Tensor:
        return self.get_submodule(f"to_{name}_{self.kind}")(tokens)

    def out(self, tokens: Tensor) -> Tensor:
        return self.get_submodule(f"to_out_{self.kind}.0")(tokens)


class MultiViewAttention(nn.Module):
    """An attention processor of diffusers for (k * 6, tokens, width); tokens are a square picture, row by row."""

    def __init__(self, width: int, name: str, looking: Looking, reference: bool) -> None:
        super().__init__()
        self.name, self.looking = name, looking
        self.mv = _Branch(width, "mv")
        self.ref = _Branch(width, "ref") if reference else None

    def forward(self, attn: Any, hidden_states: Tensor, *_rest: Any, **_options: Any) -> Tensor:
        tokens, looking = hidden_states, self.looking
        own = _merged(
            attention(*(_heads(project(tokens), attn.heads) for project in (attn.to_q, attn.to_k, attn.to_v)))
        )
        result = attn.to_out[1](attn.to_out[0](own))
        if looking.keep:
            looking.kept[self.name] = tokens
        else:
            result = result + looking.scale * self.mv.out(self._across(tokens, attn.heads))
            if self.ref is not None and looking.kept:
                result = result + looking.reference_scale * self.ref.out(self._reference(tokens, attn.heads))
        if attn.residual_connection:
            result = result + hidden_states
        return result / attn.rescale_output_factor

    def _across(self, tokens: Tensor, heads: int) -> Tensor:
        """(k * 6, n, width) -> the same: rows over the sides, columns over front, back, top and bottom."""
        side = round(tokens.shape[1] ** 0.5)

        def square(name: str) -> Tensor:  # (k, 6, rows, columns, heads, c)
            return (
                self.mv.project(name, tokens)
                .unflatten(0, (-1, VIEWS))
                .unflatten(2, (side, side))
                .unflatten(-1, (heads, -1))
            )

        pictures = [square(name) for name in "qkv"]
        rows = _along([picture[:, SIDES] for picture in pictures])
        columns = _along([_front_mirrored(picture[:, COLUMN]).transpose(2, 3) for picture in pictures])
        columns = _front_mirrored(columns.transpose(2, 3))
        both = [(rows[:, 0] + columns[:, 0]) / 2, rows[:, 1], (rows[:, 2] + columns[:, 1]) / 2, rows[:, 3]]
        return torch.stack([*both, columns[:, 2], columns[:, 3]], dim=1).flatten(0, 1).flatten(1, 2).flatten(2)

    def _reference(self, tokens: Tensor, heads: int) -> Tensor:
        """Attention to the reference; without the prompt (the first half of the batch) to zeros."""
        assert self.ref is not None
        seen = self.looking.kept[self.name].expand(len(tokens), -1, -1)
        if len(tokens) == 2 * VIEWS:
            seen = torch.cat([torch.zeros_like(seen[:VIEWS]), seen[VIEWS:]])
        query = _heads(self.ref.project("q", tokens), heads)
        return _merged(attention(query, *(_heads(self.ref.project(name, seen), heads) for name in "kv")))


def _heads(tokens: Tensor, heads: int) -> Tensor:
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merged(tokens: Tensor) -> Tensor:
    return tokens.transpose(1, 2).flatten(2)


def _along(pictures: Sequence[Tensor]) -> Tensor:
    """Attention within each line across views: query, key, value (k, views, lines, places, heads, c) -> the same."""
    views, lines = pictures[0].shape[1:3]
    flat = [picture.transpose(1, 2).flatten(2, 3).flatten(0, 1).transpose(1, 2) for picture in pictures]
    found = attention(*flat).transpose(1, 2)  # (k * lines, views * places, heads, c)
    return found.unflatten(0, (-1, lines)).unflatten(2, (views, -1)).transpose(1, 2)


def _front_mirrored(pictures: Tensor) -> Tensor:
    """(k, views, rows, columns, ...) with the first view turned round, left to right."""
    return torch.cat([pictures[:, :1].flip(3), pictures[:, 1:]], dim=1)


class MVAdapter(nn.Module):
    """All that a published file holds, for a UNet of SDXL's kind.

    layers: of each self-attention processor of the UNet, by diffusers' name ("down_blocks.1....attn1.processor").
    encoder: T2IAdapter, (6, 6, H, W) in 0..1, positions then normals -> four tables of features.
    """

    def __init__(self, unet: Any, reference: bool) -> None:
        super().__init__()
        self.looking, self.reference = Looking(), reference
        names = [name for name in unet.attn_processors if name.endswith("attn1.processor")]
        self.layers = {
            name: MultiViewAttention(
                unet.get_submodule(name.removesuffix(".processor")).to_q.in_features, name, self.looking, reference
            )
            for name in names
        }
        self._kept_here = nn.ModuleList(self.layers.values())  # so that .to() reaches them
        channels = unet.config.block_out_channels
        self.encoder = T2IAdapter(
            in_channels=6,
            channels=[*channels, *[channels[-1]] * (4 - len(channels))],
            num_res_blocks=2,
            downscale_factor=16,
            adapter_type="full_adapter_xl",
        )

    def published(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """(our name, published key, shape) of every tensor."""
        place = {id(layer): number for number, layer in enumerate(self._kept_here)}
        for name, layer in self.layers.items():
            for key, tensor in layer.state_dict().items():
                yield (
                    f"_kept_here.{place[id(layer)]}.{key}",
                    f"{name}.{key.split('.', 1)[1]}",
                    tuple(tensor.shape),
                )
        for key, tensor in self.encoder.state_dict().items():
            yield f"encoder.{key}", key, tuple(tensor.shape)

    @contextmanager
    def worn_by(self, unet: Any) -> Iterator[None]:
        """While inside, `unet` draws six views together; afterwards its processors are those from before."""
        before = unet.attn_processors
        modules = {name: unet.get_submodule(name.removesuffix(".processor")) for name in self.layers}
        for name, layer in self.layers.items():
            modules[name].set_processor(layer)
        try:
            yield
        finally:
            for name, module in modules.items():
                module.set_processor(before[name])
            self.looking.kept.clear()


def six_views(points: np.ndarray, size: int) -> list[Camera]:
    """The views that the adapter was trained on: orthographic, at one scale, the object's longest side 1 / 1.1 of them.

    points: (N, 3) world positions of the object, metres, Blender's frame. Top and bottom stand on their heads compared
    with `six_axes`.
    """
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    focal = size / (2 * HALF * max(float((high - low).max()), 1e-9))
    cameras = []
    for number, camera in enumerate(six_axes(points, size)):
        pose = camera.world_from_camera.copy()
        if number >= 4:
            pose[:3, :2] *= -1
        pose[:3, 3] = (low + high) / 2 - pose[:3, 2] * float(np.linalg.norm(high - low))
        cameras.append(replace(camera, world_from_camera=pose, focal_px=(focal, focal), centre_px=(size / 2, size / 2)))
    return cameras


def geometry(maps: Sequence[Maps], points: np.ndarray) -> Tensor:
    """(6, 6, H, W) in 0..1 of what `six_views` see: positions about the object's middle, its longest side 1, and
    normals; 0.5 on the background.
    """
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    size = max(float((high - low).max()), 1e-9)
    found = []
    for seen in maps:
        middle = torch.tensor((low + high) / 2 - seen.origin, dtype=torch.float32, device=seen.depth.device)
        place = ((seen.position - middle) / size) * seen.mask[..., None]
        found.append(torch.cat([(place + 0.5).clamp(0, 1), seen.normal / 2 + 0.5], dim=-1).permute(2, 0, 1))
    return torch.stack(found)


def shifted_betas(alphas_cumprod: Tensor, scale: float = 8.0) -> np.ndarray:
    """The noise schedule with its signal to noise divided by up to `scale`, more the noisier (section 4.4).

    Early steps decide what the views agree on, so more of them are spent there. (T,) cumulative alphas -> (T,) betas.
    """
    cumulative = alphas_cumprod.double()
    share = torch.arange(len(cumulative), dtype=torch.float64) / (len(cumulative) - 1)
    ratio = cumulative / (1 - cumulative) / scale**share
    kept = ratio / (1 + ratio)
    return (1 - kept / torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])).float().numpy()
