"""The parameters that the models of `upscale_image` share. The contract only."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Job, Param

from ..diffusion.knobs import CHECKPOINT, GUIDANCE, LORAS, MEMORY, NEGATIVE, SAMPLER, STEPS

SCALE = Param(
    "scale",
    "enum",
    "Scale",
    "How many times as wide and as high",
    "2",
    choices=(Choice("2", "2x", "Four times as many pixels"), Choice("4", "4x", "Sixteen times as many pixels")),
)

_ENGINE = Param(
    "engine",
    "enum",
    "Engine",
    "Which of the weights draw; those with a tile ControlNet hold best to the picture",
    "auto",
    choices=(
        Choice("auto", "Automatic", "SDXL or SD 1.5 with their tile ControlNet, else a published upscaler"),
        Choice("sdxl", "SDXL", "With a tile ControlNet where there is one"),
        Choice("sd15", "Stable Diffusion 1.5", "With a tile ControlNet where there is one; smaller, faster"),
        Choice("x4", "x4 Upscaler", "Stability AI's network that draws four times as large"),
        Choice("x2", "x2 Latent Upscaler", "Stability AI's network that doubles latents"),
    ),
)
_STRENGTH = Param(
    "strength",
    "float",
    "New Detail",
    "How much may be drawn anew; 0 only enlarges, above 0.5 things change",
    0.35,
    0,
    1,
)
_CONTROL = Param(
    "control", "float", "Hold to Picture", "Weight of the tile ControlNet, which keeps things what they are", 0.8, 0, 2
)
_KEEP = Param("keep_colours", "bool", "Keep Colours", "Colours at large stay those of the picture", True)
_TILE = Param(
    "tile_px",
    "int",
    "Tile",
    "Side of the tiles in which it works; 0 is what the model was trained on, smaller ones take less memory",
    0,
    0,
    2048,
    advanced=True,
    unit="px",
)
_OVERLAP = Param(
    "overlap", "float", "Overlap", "Share of a tile that it has in common with the next", 0.25, 0.05, 0.5, advanced=True
)
DRAWN = (
    *(SCALE, _STRENGTH, _CONTROL, _ENGINE, NEGATIVE, STEPS, GUIDANCE, CHECKPOINT, LORAS, _KEEP),
    *(SAMPLER, _TILE, _OVERLAP, MEMORY),
)
"""Of the models that draw with networks."""


def larger_name(job: Job) -> str:
    """What the larger picture is called: never as the smaller one, beside which its file may be laid."""
    return f"{job.name or 'Picture'} {job.params['scale']}x"
