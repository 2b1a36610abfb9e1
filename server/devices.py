"""Which devices a worker may use. Asks torch only where a driver says that it is worth the seconds."""

from __future__ import annotations

import contextlib
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


def free_gb(device: str) -> float:
    """Free memory of a device in 1e9 bytes, without torch: the server's front process asks. 0 when nobody knows."""
    if device.startswith("cuda"):
        return _nvidia_free(int(device.partition(":")[2] or 0)) / 1e9
    from .diffusion.memory import free_bytes

    return (free_bytes("cpu") or 0) / 1e9


class _NvmlMemory(ctypes.Structure):
    """nvmlMemory_t of NVIDIA's management library: three numbers of bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _nvidia_free(index: int) -> int:
    """By the driver's management library (NVML), which counts what all programs use; 0 where there is none."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        handle, memory = ctypes.c_void_p(), _NvmlMemory()
        calls = (
            lambda: library.nvmlInit_v2(),
            lambda: library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)),
            lambda: library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)),
        )
        if all(call() == 0 for call in calls):
            return int(memory.free)
    return 0
