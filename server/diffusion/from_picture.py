"""A picture to begin from, for pipelines that begin from noise alone: Z-Image's with a ControlNet.

Their calls take latents and the noise levels of the steps. Both are made as the family's own pipeline from a picture
makes them, so that a ControlNet without effect leaves that pipeline's answer, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .orders import takes

if TYPE_CHECKING:
    from .loading import Checkpoint
    from .orders import Order


def must_begin(pipeline: Any, order: Order) -> bool:
    """Does `order` want to begin from its picture, and `pipeline` does not know how?"""
    return order.mode != "text" and order.strength < 1 and not takes(pipeline, "strength")


def begun(checkpoint: Checkpoint, pipeline: Any, order: Order, generator: Any) -> dict[str, Any]:
    """Arguments of the call of `pipeline`: latents (1, C, h, w) between picture and noise, and the steps that are left.

    Changes the state of the pipeline's scheduler, which its call sets anew.
    """
    import torch
    from diffusers.pipelines.z_image.pipeline_z_image_img2img import calculate_shift, get_default_z_image_sigmas
    from PIL import Image

    assert order.canvas is not None
    image = Image.fromarray(order.fitted.into(order.canvas.picture()))
    own = checkpoint.pipeline("image", scheduler=pipeline.scheduler)
    scheduler, device = pipeline.scheduler, pipeline._execution_device
    left = min(order.steps * order.strength, order.steps)  # counted as diffusers does
    sigmas = get_default_z_image_sigmas(order.steps)[int(max(order.steps - left, 0)) :]
    width, height = order.fitted.padded
    known = ("base_image_seq_len", 256), ("max_image_seq_len", 4096), ("base_shift", 0.5), ("max_shift", 1.15)
    mu = calculate_shift(width * height // 256, *(scheduler.config.get(key, usual) for key, usual in known))
    scheduler.set_timesteps(sigmas=sigmas, mu=mu, device=device)
    with torch.no_grad():
        latents = own.prepare_latents(
            own.image_processor.preprocess(image).float(),
            scheduler.timesteps[:1],
            1,
            own.transformer.in_channels,
            height,
            width,
            own.vae.dtype,
            device,
            generator,
        )
    return {"latents": latents.float(), "sigmas": sigmas}
