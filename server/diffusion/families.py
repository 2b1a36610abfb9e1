"""The families of checkpoints that share networks, ControlNets and LoRAs. Facts only: nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .samplers import Habit

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
)
