"""What a .safetensors file holds, told by its header alone: damage, or another family, is told before loading.

Format: 8 bytes little-endian length N, N bytes of JSON (name -> dtype, shape, data_offsets), then the data
(safetensors, "Format" in its README). Standard library only.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from blender_aigc.protocol import Fault

AGAIN = "Delete it and download it again, or choose another one."
_LARGEST_HEADER = 100_000_000

_TRANSFORMERS = {
    "flux2": ("double_stream_modulation_img.",),
    "chroma": ("distilled_guidance_layer.",),
    "z_image": ("cap_embedder.",),
    "flux": ("double_blocks.", "single_transformer_blocks."),
}
"""Family -> how the names of its tensors begin; the first that fits."""

Header = dict[str, tuple[int, ...]]
"""Name of a tensor -> its shape."""


def read_header(path: Path) -> Header:
    """Names and shapes in the file at `path`. Raises Fault: weights_missing, weights_damaged (with the file's name)."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            table = json.loads(file.read(length))
        table.pop("__metadata__", None)
        header = {name: tuple(int(side) for side in entry["shape"]) for name, entry in table.items()}
        end = max((int(entry["data_offsets"][1]) for entry in table.values()), default=0)
    except FileNotFoundError:
        raise Fault("weights_missing", f"The file {path.name} is not there.", "Choose another.", str(path)) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LookupError, struct.error) as error:
        raise Fault(
            "weights_damaged", f"The file {path.name} is damaged, or no .safetensors file.", AGAIN, f"{path}: {error}"
        ) from None
    if 8 + length + end != size:
        raise Fault(
            "weights_damaged", f"The file {path.name} is incomplete.", AGAIN, f"{path}: {size} of {8 + length + end} B"
        )
    return header


def read_config(path: Path) -> dict[str, Any]:
    """The settings in the .json file at `path`. Raises Fault: weights_missing, weights_damaged."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault("weights_missing", f"The file {path.name} is missing.", AGAIN, str(path)) from None
    except (OSError, ValueError) as error:
        raise Fault("weights_damaged", f"The file {path.name} is damaged.", AGAIN, f"{path}: {error}") from None
    if not isinstance(config, dict):
        raise Fault("weights_damaged", f"The file {path.name} is damaged.", AGAIN, str(path))
    return config


def family_of(header: Header) -> str:
    """ "sdxl", "sdxl refiner", "sd15", "sd2", "flux", "flux2", "chroma", "z_image", "lora", "controlnet" or "" of a
    single-file checkpoint."""
    keys = header.keys()
    if any(".lora_" in key or "lora_down" in key or "lora_A" in key or "_lora1" in key for key in keys):
        return "lora"
    if any(key.startswith(("control_", "controlnet_", "input_hint_block")) for key in keys):
        return "controlnet"
    for family, words in _TRANSFORMERS.items():
        if any(key.removeprefix("model.diffusion_model.").startswith(words) for key in keys):
            return family
    if "model.diffusion_model.input_blocks.0.0.weight" not in keys:
        return ""
    if any(key.startswith("conditioner.embedders.1.") for key in keys):
        return "sdxl"
    if any(key.startswith("conditioner.embedders.0.model.") for key in keys):
        return "sdxl refiner"
    if any(key.startswith("cond_stage_model.model.") for key in keys):
        return "sd2"
    if any(key.startswith("cond_stage_model.transformer.") for key in keys):
        return "sd15"
    return ""
