"""Many views through a network a few at a time: the same answers in less memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def in_portions(network: Any, most: Callable[[], int]) -> Iterator[None]:
    """While inside, `network.forward` takes batches apart into portions of `most` and joins the answers.

    Tensors whose first side is the batch are cut, wherever they stand in lists and tables; others are given whole.
    most: asked at every call; 0 changes nothing, as it must be while the answer to one picture depends on the others.
    """
    plain = network.forward

    @functools.wraps(plain)
    def forward(sample: Any, *rest: Any, **options: Any) -> Any:
        batch, portion = len(sample), most()
        if portion < 1 or batch <= portion:
            return plain(sample, *rest, **options)
        answers = []
        for first in range(0, batch, portion):
            part = slice(first, first + portion)
            answers.append(plain(*_part((sample, *rest), batch, part), **_part(options, batch, part)))
        return _joined(answers)

    outer = vars(network).get("forward")  # a hook that brings the network to the device, say
    network.forward = forward
    try:
        yield
    finally:
        del network.forward
        if outer is not None:
            network.forward = outer


def _part(value: Any, batch: int, part: slice) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return value[part] if value.ndim and len(value) == batch else value
    if isinstance(value, dict):
        return {key: _part(inner, batch, part) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_part(inner, batch, part) for inner in value)
    return value


def _joined(answers: list[Any]) -> Any:
    import torch

    first = answers[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(answers)
    if isinstance(first, (list, tuple)) and type(first) in (list, tuple):
        return type(first)(_joined(list(same)) for same in zip(*answers, strict=True))
    if isinstance(first, dict):  # diffusers' outputs are tables, too
        return type(first)(**{key: _joined([answer[key] for answer in answers]) for key in first})
    return first
