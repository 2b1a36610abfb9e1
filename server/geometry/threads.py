"""Several cores at once, for work that is made of many small tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import torch

Tick = Callable[[int, int], None]

_WORKERS: ContextVar[int] = ContextVar("workers", default=0)


@contextmanager
def one_thread_each():
    """Inside, torch's own threads rest and `in_threads` uses as many workers as they were.

    Steps of 30,000 numbers are too small to be shared out, and OpenMP's threads burn the processor while they wait.
    """
    threads = torch.get_num_threads()
    token = _WORKERS.set(threads)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _WORKERS.reset(token)


@contextmanager
def all_threads():
    """Inside `one_thread_each`, for a step that the calling thread does alone on large tensors: torch's own threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(_WORKERS.get(), before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_threads(work, items: Sequence, device: torch.device, tick: Tick | None = None) -> list:
    """[work(item) for item in items]. On a CPU one thread works on each item, which is what small tensors want.

    tick: called as tick(done, total) by the calling thread after each item, in order; what it raises ends the work.
    """
    workers = _WORKERS.get() or torch.get_num_threads()
    results = []

    def alone(item):
        with torch.no_grad():  # which is set thread by thread
            return work(item)

    def gather(found) -> list:
        for result in found:
            results.append(result)
            if tick:
                tick(len(results), len(items))
        return results

    if device.type != "cpu" or workers < 2 or len(items) < 2:
        return gather(map(alone, items))
    with nullcontext() if _WORKERS.get() else one_thread_each():
        pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        try:
            return gather(pool.map(alone, items))
        finally:
            pool.shutdown(cancel_futures=True)
