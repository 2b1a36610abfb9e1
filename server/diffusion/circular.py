"""Networks that see a picture as a torus: what leaves at one side comes in at the other, so that the result tiles.

Every convolution pads with the opposite border instead of zeros, in the denoiser and in the decoder; attention looks at
all places alike and needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def circular(*networks: Any) -> Iterator[None]:
    """While inside, all 2-D convolutions of `networks` pad circularly; afterwards as before."""
    import torch

    convolutions = [
        module
        for network in networks
        for module in network.modules()
        if isinstance(module, torch.nn.Conv2d) and any(side != 0 for side in module.padding)
    ]
    before = [module.padding_mode for module in convolutions]
    try:
        for module in convolutions:
            module.padding_mode = "circular"
        yield
    finally:
        for module, mode in zip(convolutions, before, strict=True):
            module.padding_mode = mode
