"""One job of a diffusion model: from parameters and passes to pictures of the render's own size."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .controls import Unit, available_kinds, control_picture, on_grey, parse_controls
from .library import Library, pick
from .loading import Checkpoint, load_checkpoint, load_controlnet
from .sizes import Fit, fit
from .steps import rgb_preview, watched

if TYPE_CHECKING:
    import numpy as np
    from torch import dtype

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..filters.passes import Passes
    from .families import Family, Mode


@dataclass
class Studio:
    """What stays loaded from job to job: one checkpoint, and the ControlNets of the last job."""

    family: Family
    library: Library
    device: str
    checkpoint: Checkpoint | None = None
    controlnets: dict[Path, Any] = field(default_factory=dict)

    @property
    def precision(self) -> dtype:
        import torch

        return torch.float32 if self.device == "cpu" else torch.float16

    def open(self, name: str) -> Checkpoint:
        """The checkpoint called `name`, on the device. Raises Fault (see `load_checkpoint`)."""
        path = pick(self.library.checkpoints(), name, f"{self.family.label} checkpoint", str(self.library.folder))
        if self.checkpoint is None or self.checkpoint.path != path:
            self.checkpoint = None
            self.controlnets.clear()
            made = load_checkpoint(path, self.family, self.precision, self.library.folder)
            for part in made.parts.values():
                if hasattr(part, "to"):
                    part.to(self.device)
            self.checkpoint = made
        return self.checkpoint

    def nets(self, units: list[Unit]) -> list[Any]:
        """The ControlNets of `units`, on the device; others are let go."""
        assert self.checkpoint is not None
        wanted = {unit.path for unit in units}
        self.controlnets = {path: net for path, net in self.controlnets.items() if path in wanted}
        for path in wanted - self.controlnets.keys():
            self.controlnets[path] = load_controlnet(path, self.checkpoint, self.precision).to(self.device)
        return [self.controlnets[unit.path] for unit in units]


def draw(job: Job, context: Context, studio: Studio) -> None:
    """Do `job`; saves its pictures through `context`. Raises Fault."""
    from ..filters.passes import read_passes

    checkpoint = studio.open(str(job.params["checkpoint"]))
    passes = read_passes(context.input_path("passes")) if context.has_input("passes") else None
    fitted = _fit(job, passes, studio.family)
    units: list[Unit] = []
    if passes is not None:
        units = parse_controls(str(job.params["controls"]), studio.library.controlnets(), available_kinds(passes))
    mode: Mode = "image" if passes is not None and float(job.params["strength"]) < 1 else "text"
    pipeline = checkpoint.pipeline(mode, studio.nets(units))
    call = _call(job, passes, fitted, units, mode)
    steps = int(job.params["steps"]) or 30

    def told(step: int, preview: np.ndarray | None) -> None:
        total = getattr(pipeline, "num_timesteps", None) or steps
        context.progress("Denoising", step, total, preview=preview)

    with watched(pipeline.scheduler, told, rgb_preview(studio.family)):
        made = pipeline(**call).images[0]
    picture = _bytes(made)
    context.save_image(fitted.back(picture), job.name)
    context.used_weights([*checkpoint.files, *(file for unit in units for file in _files(unit.path))])
    context.report(size=f"{fitted.size[0]} x {fitted.size[1]}", worked_at=f"{fitted.padded[0]} x {fitted.padded[1]}")


def _fit(job: Job, passes: Passes | None, family: Family) -> Fit:
    if passes is None:
        return fit(int(job.params["width"]), int(job.params["height"]), 0, family.multiple)
    area = {"draft": family.area_px // 4, "model": family.area_px, "camera": 0}[str(job.params["size"])]
    return fit(passes.shape[1], passes.shape[0], area, family.multiple)


def _call(job: Job, passes: Passes | None, fitted: Fit, units: list[Unit], mode: Mode) -> dict[str, Any]:
    """The arguments of the pipeline's call."""
    import torch
    from PIL import Image

    call: dict[str, Any] = {
        "prompt": job.prompt,
        "negative_prompt": str(job.params["negative"]) or None,
        "num_inference_steps": int(job.params["steps"]) or 30,
        "guidance_scale": float(job.params["guidance"]) or 5.0,
        "generator": torch.Generator("cpu").manual_seed(job.seed),
        "output_type": "np",
    }
    if mode == "image" and passes is not None:
        call |= {
            "image": Image.fromarray(fitted.into(on_grey(passes.combined))),
            "strength": float(job.params["strength"]),
        }
    else:
        call |= {"width": fitted.padded[0], "height": fitted.padded[1]}
    if units and passes is not None:
        pictures = [Image.fromarray(fitted.into(control_picture(passes, unit.kind))) for unit in units]
        call |= {
            ("control_image" if mode == "image" else "image"): pictures if len(units) > 1 else pictures[0],
            "controlnet_conditioning_scale": [u.weight for u in units] if len(units) > 1 else units[0].weight,
            "control_guidance_start": [u.start for u in units] if len(units) > 1 else units[0].start,
            "control_guidance_end": [u.end for u in units] if len(units) > 1 else units[0].end,
        }
    return call


def _bytes(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) 0..1 -> uint8, rounded as diffusers does."""
    return (picture * 255).round().astype("uint8")


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
