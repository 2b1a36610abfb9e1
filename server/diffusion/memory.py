"""How the networks share the device's memory: all at once, each in its turn, or layer by layer.

The estimates are for choosing and for sentences, not for accounting: weights are counted, the working memory beside
them is a rule of thumb that nobody has measured here.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from blender_aigc.protocol import Choice, Fault

Plan = Literal["device", "parts", "layers"]
PLANS: tuple[Plan, ...] = ("device", "parts", "layers")
CHOICES = (
    Choice("auto", "By What Is Free", "The fastest way that fits"),
    Choice("device", "All at Once", "All networks stay on the device: fastest"),
    Choice("parts", "Parts in Turn", "Each network comes to the device when it is needed: about half the memory"),
    Choice("layers", "Layer by Layer", "For the smallest cards: many times slower"),
)
_LABELS = {choice.id: choice.label for choice in CHOICES}

WORKING_GB = 4.0
"""Beside the weights, per megapixel, in half precision."""

LAYERS_GB = 0.8
_SIGNS = ("outofmemory", "out of memory", "alloc", "paging file")
"""Of torch, of the system, and of Windows (error 1455) when a file is mapped."""

TILED_PIXELS = 1_600_000
"""From this size on, the decoder works in tiles, so that its memory stops growing."""


@dataclass(frozen=True)
class Need:
    """What a job needs, in bytes. parts: of each network."""

    parts: Mapping[str, int]
    working: int

    def under(self, plan: Plan) -> int:
        """On the device."""
        beside = self.parts.get("controlnet", 0)  # it and the network work in turn, step by step, so both stay
        largest = max((size for name, size in self.parts.items() if name != "controlnet"), default=0)
        weights = {"device": sum(self.parts.values()), "parts": largest + beside}
        return int(weights.get(plan, LAYERS_GB * 1e9)) + self.working


def need_of(networks: Mapping[str, Any], pixels: int, half: bool) -> Need:
    """Of loaded `networks` at a working size of `pixels`."""
    sizes = {
        name: sum(tensor.numel() * tensor.element_size() for tensor in (*part.parameters(), *part.buffers()))
        for name, part in networks.items()
        if hasattr(part, "parameters")
    }
    return Need(sizes, int(min(pixels, 4 * TILED_PIXELS) / 1e6 * WORKING_GB * 1e9 * (1 if half else 2)))


def choose(wanted: str, need: Need, free: int | None, device: str) -> Plan:
    """The plan for a job: `wanted`, or for "auto" the first that fits into `free` bytes (None: nobody knows).

    On a processor there is only one plan. Raises Fault("out_of_memory") with what would fit.
    """
    if wanted != "auto":
        return next(plan for plan in PLANS if plan == wanted) if device != "cpu" else "device"
    offered = PLANS[:1] if device == "cpu" else PLANS
    for plan in offered:
        if free is None or need.under(plan) <= free:
            return plan
    raise Fault(
        "out_of_memory",
        f"This needs about {need.under(offered[-1]) / 1e9:.1f} GB of memory; {(free or 0) / 1e9:.1f} GB are free.",
        "Set Working Size to Draft, or close other programs.",
    )


def smaller(plan: Plan, device: str, error: BaseException) -> Fault:
    """The Fault for running out of memory under `plan`, with the next smaller one as its cure."""
    rest = PLANS[PLANS.index(plan) + 1 :] if device != "cpu" else ()
    hint = f"Set Memory to {_LABELS[rest[0]]}." if rest else "Set Working Size to Draft, or close other programs."
    return Fault("out_of_memory", "The model ran out of memory.", hint, f"{type(error).__name__}: {error}"[:2000])


def is_out_of_memory(error: BaseException | None) -> bool:
    """Also when a library has put its own sentence around it, as diffusers does where files are mapped."""
    while error is not None:
        words = f"{type(error).__name__} {error}".lower()
        if isinstance(error, MemoryError) or any(sign in words for sign in _SIGNS):
            return True
        error = error.__cause__ or error.__context__
    return False


def place(pipeline: Any, plan: Plan, device: str) -> None:
    """Bring the networks of `pipeline` to where `plan` wants them."""
    if device == "cpu":  # where they were loaded
        return
    if plan == "device":
        pipeline.remove_all_hooks()
        pipeline.to(device)
    elif plan == "parts":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def free_bytes(device: str) -> int | None:
    """Memory that can be had on `device`; None where the system does not tell."""
    if device.startswith("cuda"):
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if sys.platform == "win32":
        return _windows()
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def _windows() -> int | None:
    """GlobalMemoryStatusEx: a structure of two 32-bit and seven 64-bit numbers, the third of these free memory."""
    table = (ctypes.c_uint64 * 8)()
    ctypes.cast(table, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(table)
    called = ctypes.windll.kernel32.GlobalMemoryStatusEx(table)  # type: ignore[attr-defined]
    return int(table[2]) if called else None
