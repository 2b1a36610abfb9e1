"""The parameters that the diffusion models share. The contract only, so that the list of models costs nothing."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Param

from .memory import CHOICES as PLANS
from .samplers import CHOICES as SAMPLERS

_OF_RENDERS = ("render_image", "render_sequence")

STRENGTH = Param(
    "strength",
    "float",
    "How Much May Change",
    "0 keeps the render; 1 draws anew, led by the controls alone",
    0.6,
    0.0,
    1.0,
    tasks=_OF_RENDERS,
)
CONTROLS = Param(
    "controls",
    "text",
    "Controls",
    "ControlNets and their weights, such as depth:0.6, line:0.4@0-0.8; auto takes what is there; empty uses none",
    "auto",
    tasks=_OF_RENDERS,
)
SIZE = Param(
    "size",
    "enum",
    "Working Size",
    "How large the model works; the result always has the render's own size",
    "model",
    choices=(
        Choice("draft", "Draft", "A quarter of the pixels that the model was trained on: fast and rough"),
        Choice("model", "Model's Own", "As many pixels as the model was trained on: its best composition"),
        Choice("camera", "Render's Own", "Every pixel of the render: most detail, most memory"),
    ),
    tasks=_OF_RENDERS,
)
WIDTH = Param("width", "int", "Width", "Of the picture", 1024, 16, 8192, unit="px", tasks=("text_to_image",))
HEIGHT = Param("height", "int", "Height", "Of the picture", 1024, 16, 8192, unit="px", tasks=("text_to_image",))
NEGATIVE = Param("negative", "text", "Avoid", "What should not be in the picture", "")
STEPS = Param("steps", "int", "Steps", "Steps of denoising; 0 takes what suits the checkpoint", 0, 0, 200)
GUIDANCE = Param(
    "guidance",
    "float",
    "Prompt Strength",
    "How closely to follow the prompt; 0 takes what suits the checkpoint, 1 is without guidance and twice as fast",
    0.0,
    0.0,
    30.0,
)
AVOID_SCALE = Param(
    "avoid_scale",
    "float",
    "Avoid Strength",
    "Above 1, what to avoid is left out, which takes twice as long; at 1 it is not read",
    1.0,
    1.0,
    10.0,
    advanced=True,
)
CHECKPOINT = Param(
    "checkpoint", "text", "Checkpoint", "Name of a file or folder among the weights; empty takes the first", ""
)

SOFT = Param(
    "soft_px",
    "float",
    "Soft Border",
    "Transition between what the mask lets change and the render",
    8.0,
    0.0,
    256.0,
    advanced=True,
    unit="px",
    tasks=_OF_RENDERS,
)
EXTEND = Param(
    "extend",
    "text",
    "Extend",
    "Draw beyond the frame: pixels on all sides, or left 256, right 128",
    "",
    advanced=True,
    tasks=_OF_RENDERS,
)
LORAS = Param("loras", "text", "LoRAs", "Names and weights from the folder loras, such as ink:0.8, film:0.5", "")
REFERENCE = Param(
    "reference_weight",
    "float",
    "Reference",
    "How much the look of the reference picture counts (IP-Adapter)",
    0.6,
    0.0,
    1.0,
)
SAMPLER = Param("sampler", "enum", "Sampler", "How noise becomes the picture", "auto", choices=SAMPLERS, advanced=True)
REFINER = Param("refiner", "bool", "Refiner", "Let the refiner do the last part: finer detail, more time", False)
REFINER_AT = Param(
    "refiner_at",
    "float",
    "Refiner From",
    "Share of the denoising after which the refiner takes over",
    0.8,
    0.1,
    0.99,
    advanced=True,
)
IMAGES = Param("images", "int", "Pictures", "How many, each with the next seed", 1, 1, 16)
SEEDS = Param("seeds", "text", "Seeds", "These instead: numbers, such as 3, 17, 40", "", advanced=True)
VARIATION = Param(
    "variation",
    "float",
    "Variation",
    "How far the further pictures lie from the first; 0 takes each seed as it is",
    0.0,
    0.0,
    1.0,
    advanced=True,
)
CLIP_SKIP = Param(
    "clip_skip",
    "int",
    "Layers to Skip",
    "Last layers of the text encoder to leave out; 1 for many anime checkpoints",
    0,
    0,
    4,
    advanced=True,
)
MEMORY = Param(
    "memory", "enum", "Memory", "How the networks share the graphics card", "auto", choices=PLANS, advanced=True
)

FLOW = (
    *(STRENGTH, CONTROLS, SIZE, WIDTH, HEIGHT, NEGATIVE, IMAGES, STEPS, GUIDANCE, CHECKPOINT, LORAS),
    *(SOFT, EXTEND, SEEDS, VARIATION, MEMORY),
)
"""Of models that follow a straight line from noise to picture: no samplers, no layers to skip."""

SHARED = (
    *(STRENGTH, CONTROLS, SIZE, WIDTH, HEIGHT, NEGATIVE, IMAGES, STEPS, GUIDANCE, CHECKPOINT, LORAS, REFERENCE),
    *(SAMPLER, SOFT, EXTEND, SEEDS, VARIATION, CLIP_SKIP, MEMORY),
)
"""Of every model whose pipelines are Stable Diffusion's."""

QUALITIES: dict[str, dict[str, bool | int | float | str]] = {
    "draft": {"size": "draft"},
    "good": {"size": "model"},
    "best": {"size": "camera"},
}
