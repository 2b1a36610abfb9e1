"""Views that look at each other while they are drawn: self-attention over neighbours, without any training.

For the first part of the run each view's self-attention also reads the keys and values of the views beside it in the
ring, and, averaged one to one with that, those of the first view alone (Liu et al., SyncMVD, section 3.4; its source at
commit 04d7c4e). Later steps work on details, which each view then draws for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .portions import current

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Sight:
    """What the views may look at now. views: how many stand one after the other in a batch (guidance doubles it).

    neighbours: of each view, itself included, the views whose keys and values it reads. reference: it also looks at the
    first view.
    """

    views: int
    neighbours: tuple[tuple[int, ...], ...]
    active: bool = True
    reference: bool = True

    @classmethod
    def ring(cls, views: int) -> Sight:
        """Each view sees itself and the two beside it; of fewer than three, all of them."""
        return cls(views, tuple(tuple(sorted({(n - 1) % views, n, (n + 1) % views})) for n in range(views)))


@contextmanager
def looking_around(unet: Any, sight: Sight) -> Iterator[None]:
    """While inside, the self-attention of `unet` is `sight`'s; afterwards its processors are those from before."""
    before = unet.attn_processors
    own = {
        name: _Around(sight, kept) if name.endswith("attn1.processor") else kept  # attn2 reads the text
        for name, kept in before.items()
    }
    unet.set_attn_processor(own)
    try:
        yield
    finally:
        unet.set_attn_processor(before)


class _Around:
    """A self-attention processor of diffusers: (B, tokens, width) in and out, B = k * views."""

    def __init__(self, sight: Sight, plain: Any) -> None:
        self.sight, self.plain = sight, plain

    def __call__(self, attn: Any, hidden_states: Tensor, *rest: Any, **options: Any) -> Tensor:
        views, portion = self.sight.views, current()
        whole = portion is None and len(hidden_states) % views
        if not self.sight.active or views < 2 or hidden_states.ndim != 3 or whole:
            return self.plain(attn, hidden_states, *rest, **options)
        import torch
        from torch.nn.functional import scaled_dot_product_attention as attention

        def heads(tokens: Tensor) -> Tensor:
            return tokens.unflatten(-1, (attn.heads, -1)).transpose(-3, -2)

        query, key, value = (heads(project(hidden_states)) for project in (attn.to_q, attn.to_k, attn.to_v))
        first = 0
        if portion is not None:
            first = portion.first
            key, value = portion.joined((key, value))
        found = torch.empty_like(query)
        for view, near in enumerate(self.sight.neighbours):
            rows = [row for row in range(first, first + len(query)) if row % views == view]
            if not rows:
                continue
            mine = [row - first for row in rows]
            around = [
                torch.cat([kept[[row - view + n for row in rows]] for n in near], dim=-2) for kept in (key, value)
            ]
            own = attention(query[mine], *around)
            if self.sight.reference:
                front = [row - view for row in rows]
                own = (own + attention(query[mine], key[front], value[front])) / 2
            found[mine] = own
        result = found.transpose(-3, -2).flatten(-2)
        result = attn.to_out[1](attn.to_out[0](result.to(hidden_states.dtype)))
        if attn.residual_connection:
            result = result + hidden_states
        return result / attn.rescale_output_factor
