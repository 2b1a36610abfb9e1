"""The parameters that the diffusion models share. The contract only, so that the list of models costs nothing."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Param

STRENGTH = Param(
    "strength",
    "float",
    "How Much May Change",
    "0 keeps the render; 1 draws anew, led by the controls alone",
    0.6,
    0.0,
    1.0,
    tasks=("render_image",),
)
CONTROLS = Param(
    "controls",
    "text",
    "Controls",
    "ControlNets and their weights, such as depth:0.6, line:0.4@0-0.8; auto takes what is there; empty uses none",
    "auto",
    tasks=("render_image",),
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
    tasks=("render_image",),
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
CHECKPOINT = Param(
    "checkpoint", "text", "Checkpoint", "Name of a file or folder among the weights; empty takes the first", ""
)

SHARED = (STRENGTH, CONTROLS, SIZE, WIDTH, HEIGHT, NEGATIVE, STEPS, GUIDANCE, CHECKPOINT)
