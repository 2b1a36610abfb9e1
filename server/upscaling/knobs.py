"""The parameters that the models of `upscale_image` share. The contract only."""

from __future__ import annotations

from blender_aigc.protocol import Choice, Job, Param

SCALE = Param(
    "scale",
    "enum",
    "Scale",
    "How many times as wide and as high",
    "2",
    choices=(Choice("2", "2x", "Four times as many pixels"), Choice("4", "4x", "Sixteen times as many pixels")),
)


def larger_name(job: Job) -> str:
    """What the larger picture is called: never as the smaller one, beside which its file may be laid."""
    return f"{job.name or 'Picture'} {job.params['scale']}x"
