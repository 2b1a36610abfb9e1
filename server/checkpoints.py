"""Published weights into our networks: safe to open, strict about names and shapes, without a second copy in memory.

A `.ckpt` is a zip of a pickle and raw numbers. Pickles can run programs, so this file opens them in one way only: by
torch's restricted reader, which knows tensors and containers and refuses everything else. Torch is imported inside.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor, nn

AGAIN = "Delete it and download it again, or choose another weights folder."

_DAMAGE = (
    *(RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError),
    *(EOFError, OSError, MemoryError, struct.error),
)
"""What torch's reader raises for files with wrong bytes in them (found by trying)."""


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a flat `.ckpt`, on the CPU, mapped from the file: nothing is read before it is used.

    Raises Fault: weights_missing (no such file), weights_damaged (truncated, not a checkpoint, or a program in it).
    """
    import torch

    if not path.is_file():
        raise Fault(
            "weights_missing", f"The file {path.name} is not in the weights folder.", "Choose its folder.", str(path)
        )
    try:
        with zipfile.ZipFile(path):  # its directory is at the end, so this also finds a file that was cut short
            tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnpicklingError as error:
        if "GLOBAL" in str(error):
            message = f"The file {path.name} holds more than weights, so it was not opened: it could run a program."
        else:
            message = f"The file {path.name} is damaged."
        raise Fault("weights_damaged", message, AGAIN, f"{path}: {_first_line(error)}") from None
    except zipfile.BadZipFile as error:
        message = f"The file {path.name} is incomplete, or it is no checkpoint."
        raise Fault("weights_damaged", message, AGAIN, f"{path}: {_first_line(error)}") from None
    except _DAMAGE as error:
        message = f"The file {path.name} is damaged."
        raise Fault("weights_damaged", message, AGAIN, f"{path}: {_first_line(error)}") from None
    if not isinstance(tensors, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in tensors.items()
    ):
        raise Fault(
            "weights_damaged",
            f"The file {path.name} is not laid out as expected.",
            AGAIN,
            f"{path}: not a flat table of tensors",
        )
    return tensors


def fill(
    network: nn.Module,
    tensors: dict[str, Tensor],
    layout: Iterable[tuple[str, str, tuple[int, ...]]],
    device: str,
    source: Path,
) -> None:
    """Make `tensors` the weights of `network`, which may have been built on the meta device (then nothing is copied).

    layout: (name in the network, key in the file, shape) of every tensor. All keys must be there and no others; weights
    that are stored in half precision become float32.
    Raises Fault("weights_damaged") that names the first keys which do not fit.
    """
    import torch

    wanted = {key: (name, shape) for name, key, shape in layout}
    problems = [
        *_listed("missing", [key for key in wanted if key not in tensors]),
        *_listed("unknown", [key for key in tensors if key not in wanted]),
        *_listed(
            "of another shape",
            [
                f"{key} {tuple(tensors[key].shape)} instead of {shape}"
                for key, (_, shape) in wanted.items()
                if key in tensors and tuple(tensors[key].shape) != shape
            ],
        ),
        *_listed("not numbers", [key for key in wanted if key in tensors and not tensors[key].is_floating_point()]),
    ]
    if problems:
        raise Fault(
            "weights_damaged",
            f"The file {source.name} belongs to another model.",
            "Choose the folder with this model's own files.",
            f"{source}: {'; '.join(problems)}",
        )
    state = {name: tensors[key].to(device, torch.float32) for key, (name, _) in wanted.items()}
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False).eval()


def _listed(what: str, keys: list[str], most: int = 4) -> list[str]:
    if not keys:
        return []
    return [f"{len(keys)} {what}: {', '.join(keys[:most])}{', ...' if len(keys) > most else ''}"]


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
