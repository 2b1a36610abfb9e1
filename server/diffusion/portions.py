"""Many views through a network a few at a time: the same answers in less memory.

Where the answer to one picture depends on the others (diffusion/attention.py), portions go in lockstep: each in a
thread of its own, only one of which runs at a time. At every layer that looks at others they hand over what they have
and wait for the rest. So what a layer needs for a moment is that of one portion; what is kept for later, of all.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_here = threading.local()


class Portion:
    """The one that this thread takes through the network. first: its first row in the whole batch."""

    def __init__(self, number: int, first: int, round_: _Round) -> None:
        self.number, self.first, self._round = number, first, round_

    def joined(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The rows of all portions, from those of each (rows, ...). All must ask equally often."""
        import torch

        given = self._round.exchange(self.number, list(tensors))
        return [torch.cat(same) for same in zip(*given, strict=True)]


def current() -> Portion | None:
    """The portion that goes in lockstep with others just now; None while a batch is whole."""
    return getattr(_here, "portion", None)


@contextmanager
def in_portions(network: Any, most: Callable[[], int], lockstep: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """While inside, `network.forward` takes batches apart into portions of `most` and joins the answers.

    Tensors whose first side is the batch are cut, wherever they stand in lists and tables; others are given whole.
    most: asked at every call; 0 changes nothing. lockstep: also asked; do layers look at the other portions now?
    """
    plain = network.forward

    @functools.wraps(plain)
    def forward(sample: Any, *rest: Any, **options: Any) -> Any:
        batch, portion = len(sample), most()
        if portion < 1 or batch <= portion:
            return plain(sample, *rest, **options)

        def one(first: int) -> Any:
            part = slice(first, first + portion)
            return plain(*_part((sample, *rest), batch, part), **_part(options, batch, part))

        firsts = range(0, batch, portion)
        return _joined(_Round(len(firsts)).run(one, firsts, sample.device) if lockstep() else [one(n) for n in firsts])

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


class _Stopped(BaseException):
    """Another portion has failed."""


class _Round:
    """Threads that take turns: 0, 1, ... and round again, each until it hands over or is done."""

    def __init__(self, count: int) -> None:
        self.count, self.turn, self.failed = count, 0, False
        self.changed = threading.Condition()
        self.given: list[Any] = [None] * count
        self.all_given: list[Any] = []

    def run(self, work: Callable[[int], Any], firsts: Sequence[int], device: Any) -> list[Any]:
        """`work(first)` of all, in order; what one of them raises is raised here."""
        import torch

        inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()  # both are a thread's own

        def one(number: int, first: int) -> Any:
            done = False
            try:
                self._wait(number)
                _here.portion = Portion(number, first, self)
                on_card = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
                with on_card, torch.inference_mode(inference), torch.set_grad_enabled(gradients):
                    answer = work(first)
                done = True
                return answer
            finally:
                _here.portion = None
                self._pass_on(number, failed=not done)

        with ThreadPoolExecutor(self.count) as pool:
            running = [pool.submit(one, *pair) for pair in enumerate(firsts)]
        errors = [future.exception() for future in running]
        for error in sorted(filter(None, errors), key=lambda error: isinstance(error, _Stopped)):
            raise error
        return [future.result() for future in running]

    def exchange(self, number: int, given: Any) -> list[Any]:
        """What all have given, once it is this one's turn again."""
        self.given[number] = given
        if number == self.count - 1:  # by now all others have taken what was given the last time
            self.all_given = list(self.given)
        self._pass_on(number)
        self._wait(number)
        return self.all_given

    def _wait(self, number: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.turn == number or self.failed)
            if self.failed:
                raise _Stopped

    def _pass_on(self, number: int, failed: bool = False) -> None:
        with self.changed:
            self.failed |= failed
            self.turn = (number + 1) % self.count if self.turn == number else self.turn
            self.changed.notify_all()
