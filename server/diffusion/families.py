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
