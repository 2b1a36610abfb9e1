"""Samplers by the names that artists know, and the settings of checkpoints that were distilled to few steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blender_aigc.protocol import Choice

SAMPLERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "euler": ("Euler", "EulerDiscreteScheduler", {}),
    "euler_a": ("Euler Ancestral", "EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPM++ 2M", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpmpp_2m_karras": (
        "DPM++ 2M Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_2m_sde": (
        "DPM++ 2M SDE Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "unipc": ("UniPC", "UniPCMultistepScheduler", {}),
    "heun": ("Heun", "HeunDiscreteScheduler", {}),
    "ddim": ("DDIM", "DDIMScheduler", {}),
    "lcm": ("LCM", "LCMScheduler", {}),
    "tcd": ("TCD", "TCDScheduler", {}),
}
"""Id -> (label, class in diffusers, options over the checkpoint's own)."""

CHOICES = (
    Choice("auto", "Checkpoint's Own", "The one that the checkpoint was published with, or distilled for"),
    *(Choice(key, label, "") for key, (label, _, _) in SAMPLERS.items()),
)


@dataclass(frozen=True)
class Habit:
    """What suits a checkpoint: steps, guidance, and a sampler of the table ("" its own) with options."""

    steps: int = 30
    guidance: float = 5.0
    sampler: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def few_steps(self) -> bool:
        return self.steps < 12


_TRAILING = (("timestep_spacing", "trailing"),)
DISTILLED: tuple[tuple[str, Habit], ...] = (
    # word in the name -> as its authors run it (model cards of ByteDance/SDXL-Lightning, ByteDance/Hyper-SD,
    # stabilityai/sdxl-turbo, latent-consistency/lcm-lora-sdxl, tianweiy/DMD2)
    ("lightning", Habit(4, 1.0, "euler", _TRAILING)),
    ("hyper", Habit(8, 1.0, "ddim", _TRAILING)),
    ("turbo", Habit(4, 1.0, "euler_a", _TRAILING)),
    ("dmd2", Habit(4, 1.0, "lcm")),
    ("lcm", Habit(6, 1.0, "lcm")),
)


def habit_of(names: Sequence[str], usual: Habit, distilled: Sequence[tuple[str, Habit]] = DISTILLED) -> Habit:
    """What suits the checkpoint and the LoRAs called `names`; `usual` when none of them was distilled.

    distilled: words in such names, the family's. A number of steps in the name counts: "sdxl_lightning_8step".
    """
    for name in names:
        for word, habit in distilled:
            if word in name.lower():
                steps = re.search(r"(\d+)[ _-]?steps?", name.lower())
                count = int(steps.group(1)) if steps and 1 <= int(steps.group(1)) <= 50 else habit.steps
                return Habit(count, habit.guidance, habit.sampler, habit.options)
    return usual


def scheduler_for(published: Any, sampler: str, habit: Habit) -> Any:
    """A fresh scheduler: `sampler` of the table, or for "auto" what `habit` wants or the published one.

    published: the checkpoint's own scheduler; its noise schedule and kind of prediction are kept.
    """
    import diffusers

    options: dict[str, Any] = {}
    if sampler == "auto":
        options = dict(habit.options)
        sampler = habit.sampler
    if not sampler:
        return type(published).from_config(published.config)
    _, made, own = SAMPLERS[sampler]
    return getattr(diffusers, made).from_config(published.config, **{**own, **options})
