"""A job of the engines that draw one view after the other, whatever the family: drawn, estimated, baked, delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .estimates import read_views
from .from_views import deliver_views
from .in_turn import draw_in_turn
from .one_by_one import draw_one_by_one
from .reference import given_reference
from .rigs import cameras_of
from .subject import Subject, subject_of

if TYPE_CHECKING:
    import numpy as np

    from blender_aigc.protocol import Job

    from ..context import Context
    from ..diffusion.studio import Studio
    from ..geometry.cameras import Camera


def texture_view_by_view(job: Job, context: Context, studio: Studio) -> None:
    """Do `job`; saves its textures through `context`. Raises Fault."""
    subject = subject_of(job, context)
    looks = studio.family.encodes  # only Stable Diffusion's have IP-Adapters here
    reference = given_reference(job, context)
    if reference is not None and not looks:
        reference = None
        context.report(reference=f"{studio.family.label} does not look at reference pictures")

    def draw(order: Job, part: Subject, cameras: Sequence[Camera], look: np.ndarray | None) -> list[np.ndarray]:
        return draw_one_by_one(order, context, studio, part, cameras, look)

    drawn = draw_in_turn(
        job,
        subject,
        lambda order, part: cameras_of(order, context, part, studio.device),
        draw,
        reference,
        style=looks and bool(studio.library.ip_adapters()),
    )
    estimates = read_views(job, context, studio, drawn.subject, drawn.cameras, drawn.views)
    deliver_views(job, context, drawn.subject, drawn.cameras, drawn.views, studio.device, estimates)
