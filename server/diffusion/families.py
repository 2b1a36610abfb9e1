"""The families of checkpoints that share networks, ControlNets and LoRAs. Facts only: nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .controls import KINDS
from .samplers import DISTILLED, Habit

Mode = Literal["text", "image", "inpaint"]
"""From words alone, from a picture, or only where a mask is white."""

Control = Literal["", "controlnet", "union"]


@dataclass(frozen=True)
class Family:
    """What must be known about a family before anything of it is loaded.

    pipelines:  (mode, control) -> name of the class in diffusers.
    area_px:    the number of pixels that it was trained on.
    multiple:   width and height must be divisible by it.
    latent_rgb: of each latent channel, its share in red, green and blue of the picture, from -1 to 1; `latent_bias` is
                added. Fitted by others and widely used for previews (ComfyUI, latent_formats).
    habit:      steps and guidance that suit its usual checkpoints.
    network:    the part that denoises. half: the precision for graphics cards.
    encodes:    prompts go through our own encoding (prompts.py); else the pipeline reads them as text.
    unguided:   the guidance that means none.
    controlnet: class of its ControlNets; `controls`: how many at once; `fits`: settings that they share with the base.
    context:    width of the text that published networks of the family attend to; tells single files apart.
    repository: of the published base, whose small files (configs, tokenizers) single files need.
    modes: kind of picture -> its number among those that a ControlNet for everything was trained on.
    distilled: words in names of checkpoints and LoRAs -> habits of those.

    Of transformers that follow a straight line from noise to picture:
    inputs: numbers that the network reads for each place; tells the variants of a family apart. 0 is not looked at.
    variants: families of checkpoints that lie in the same folder but want other pipelines.
    needs: "control" for a network that always reads a control picture, "mask" for one that fills masks.
    plain: habit of checkpoints without an input for guidance; None: there is no such difference.
    packed: latents are rows of 2 x 2. longest: tokens of prompt that the pipelines read, of `reader`, a tokenizer.
    licences: of a network (without, with) an input for guidance.
    guidance_inside: guidance is an input of the network, so that what to avoid needs a second pass.
    plain_longest: tokens that checkpoints without an input for guidance were trained on.
    siblings: pipelines of the variants; all that is not the network is the same in them.
    """

    id: str
    label: str
    pipelines: dict[tuple[Mode, Control], str]
    area_px: int
    multiple: int
    latent_rgb: tuple[tuple[float, float, float], ...]
    latent_bias: tuple[float, float, float]
    context: int
    repository: str
    habit: Habit = Habit(30, 5.0)
    network: str = "unet"
    half: str = "float16"
    encodes: bool = True
    unguided: float = 1.0
    controlnet: str = "ControlNetModel"
    controls: int = 64
    fits: tuple[str, ...] = (
        "block_out_channels",
        "cross_attention_dim",
        "addition_embed_type",
        "projection_class_embeddings_input_dim",
    )
    modes: Mapping[str, int] = field(default_factory=lambda: {kind: mode for kind, (_, mode) in KINDS.items()})
    distilled: tuple[tuple[str, Habit], ...] = DISTILLED
    inputs: int = 0
    variants: tuple[Family, ...] = ()
    needs: Literal["", "control", "mask"] = ""
    plain: Habit | None = None
    packed: bool = False
    longest: int = 0
    reader: str = "tokenizer"
    licences: tuple[str, str] = ("", "")
    siblings: tuple[str, ...] = ()
    guidance_inside: bool = False
    plain_longest: int = 0


SDXL = Family(
    "sdxl",
    "SDXL",
    {
        ("text", ""): "StableDiffusionXLPipeline",
        ("image", ""): "StableDiffusionXLImg2ImgPipeline",
        ("inpaint", ""): "StableDiffusionXLInpaintPipeline",
        ("text", "controlnet"): "StableDiffusionXLControlNetPipeline",
        ("image", "controlnet"): "StableDiffusionXLControlNetImg2ImgPipeline",
        ("inpaint", "controlnet"): "StableDiffusionXLControlNetInpaintPipeline",
        ("text", "union"): "StableDiffusionXLControlNetUnionPipeline",
        ("image", "union"): "StableDiffusionXLControlNetUnionImg2ImgPipeline",
        ("inpaint", "union"): "StableDiffusionXLControlNetUnionInpaintPipeline",
    },
    1024 * 1024,
    8,
    ((0.3651, 0.4232, 0.4341), (-0.2533, -0.0042, 0.1068), (0.1076, 0.1111, -0.0362), (-0.3165, -0.2492, -0.2188)),
    (0.1084, -0.0175, -0.0011),
    2048,
    "stabilityai/stable-diffusion-xl-base-1.0",
)

SD15 = Family(
    "sd15",
    "Stable Diffusion 1.5",
    {
        ("text", ""): "StableDiffusionPipeline",
        ("image", ""): "StableDiffusionImg2ImgPipeline",
        ("inpaint", ""): "StableDiffusionInpaintPipeline",
        ("text", "controlnet"): "StableDiffusionControlNetPipeline",
        ("image", "controlnet"): "StableDiffusionControlNetImg2ImgPipeline",
        ("inpaint", "controlnet"): "StableDiffusionControlNetInpaintPipeline",
    },
    512 * 512,
    8,
    ((0.3512, 0.2297, 0.3227), (0.3250, 0.4974, 0.2350), (-0.2829, 0.1762, 0.2721), (-0.2120, -0.2616, -0.7177)),
    (0.0, 0.0, 0.0),
    768,
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    Habit(25, 7.0),
)

REFINER = Family(
    "sdxl refiner",
    "SDXL Refiner",
    {("image", ""): "StableDiffusionXLImg2ImgPipeline"},
    SDXL.area_px,
    SDXL.multiple,
    SDXL.latent_rgb,
    SDXL.latent_bias,
    1280,
    "stabilityai/stable-diffusion-xl-refiner-1.0",
)

_FLUX_RGB = (
    *((-0.0404, 0.0159, 0.0609), (0.0043, 0.0298, 0.0850), (0.0328, -0.0749, -0.0503), (-0.0245, 0.0085, 0.0549)),
    *((0.0966, 0.0894, 0.0530), (0.0035, 0.0399, 0.0123), (0.0583, 0.1184, 0.1262), (-0.0191, -0.0206, -0.0306)),
    *((-0.0324, 0.0055, 0.1001), (0.0955, 0.0659, -0.0545), (-0.0504, 0.0231, -0.0013), (0.0500, -0.0008, -0.0088)),
    *((0.0982, 0.0941, 0.0976), (-0.1233, -0.0280, -0.0897), (-0.0005, -0.0530, -0.0020), (-0.1273, -0.0932, -0.0680)),
)
"""Of the autoencoder that Flux and Z-Image share."""

Z_IMAGE = Family(
    "z_image",
    "Z-Image",
    {
        ("text", ""): "ZImagePipeline",
        ("image", ""): "ZImageImg2ImgPipeline",
        ("inpaint", ""): "ZImageInpaintPipeline",
        ("text", "controlnet"): "ZImageControlNetPipeline",
        ("image", "controlnet"): "ZImageControlNetPipeline",
        ("inpaint", "controlnet"): "ZImageControlNetInpaintPipeline",
    },
    1024 * 1024,
    16,
    _FLUX_RGB,
    (0.0, 0.0, 0.0),
    2560,
    "Tongyi-MAI/Z-Image-Turbo",
    Habit(9, 1.0),  # the last of the nine does nothing, says the model's card
    network="transformer",
    half="bfloat16",
    encodes=False,
    unguided=0.0,
    controlnet="ZImageControlNetModel",
    controls=1,
    fits=("dim", "n_heads", "n_refiner_layers"),
    distilled=(),
    longest=512,
)

_FLUX = Family(
    "flux",
    "FLUX.1",
    {
        ("text", ""): "FluxPipeline",
        ("image", ""): "FluxImg2ImgPipeline",
        ("inpaint", ""): "FluxInpaintPipeline",
        ("text", "controlnet"): "FluxControlNetPipeline",
        ("image", "controlnet"): "FluxControlNetImg2ImgPipeline",
        ("inpaint", "controlnet"): "FluxControlNetInpaintPipeline",
    },
    1024 * 1024,
    16,
    _FLUX_RGB,
    (0.0, 0.0, 0.0),
    4096,
    "black-forest-labs/FLUX.1-schnell",
    Habit(28, 3.5),
    network="transformer",
    half="bfloat16",
    encodes=False,
    controlnet="FluxControlNetModel",
    fits=("num_attention_heads", "attention_head_dim", "joint_attention_dim", "pooled_projection_dim", "in_channels"),
    # of InstantX's and Shakker-Labs' unions for FLUX.1 [dev]
    modes={"canny": 0, "line": 0, "tile": 1, "depth": 2, "pose": 4},
    # as their authors run them (ByteDance/Hyper-SD, alimama-creative/FLUX.1-Turbo-Alpha)
    distilled=(("hyper", Habit(8, 3.5)), ("turbo", Habit(8, 3.5)), ("schnell", Habit(4, 1.0))),
    inputs=64,
    plain=Habit(4, 1.0),
    packed=True,
    longest=512,
    reader="tokenizer_2",
    licences=("Apache-2.0", "FLUX.1 [dev] Non-Commercial"),
    guidance_inside=True,
    plain_longest=256,
    siblings=("FluxPipeline", "FluxControlPipeline", "FluxFillPipeline"),
)
"""[schnell], without guidance, and [dev], which takes it as an input."""

FLUX_CONTROL = replace(
    _FLUX,
    label="FLUX.1 Control",
    pipelines={
        ("text", ""): "FluxControlPipeline",
        ("image", ""): "FluxControlImg2ImgPipeline",
        ("inpaint", ""): "FluxControlInpaintPipeline",
    },
    habit=Habit(30, 10.0),
    plain=None,
    inputs=128,
    needs="control",
)
"""[dev] Depth and Canny: the control picture's latents lie beside those of the picture."""

FLUX_FILL = replace(
    _FLUX,
    label="FLUX.1 Fill",
    pipelines={("inpaint", ""): "FluxFillPipeline"},
    habit=Habit(50, 30.0),
    plain=None,
    inputs=384,
    needs="mask",
)
"""[dev] Fill: it sees what is around the mask, and the mask."""

FLUX = replace(_FLUX, variants=(FLUX_CONTROL, FLUX_FILL))
