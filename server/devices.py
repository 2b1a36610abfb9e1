"""Which devices a worker may use. Asks torch only where a driver says that it is worth the seconds."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from pathlib import Path


def devices() -> list[str]:
    """["cuda:0", "cuda:1", ...], ["mps"] or ["cpu"]."""
    if importlib.util.find_spec("torch") is None or not _has_driver():
        return ["cpu"]
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        return ["mps"]
    return ["cpu"]


def _has_driver() -> bool:
    """Can this machine have a device that torch uses? CUDA by its driver library, ROCm by its device file, Metal."""
    if sys.platform == "darwin" or Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
