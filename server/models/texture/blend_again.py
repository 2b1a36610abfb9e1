"""The views of a finished texture, put together anew: other weights, borders and light; nothing is drawn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Fault, Job, ModelInfo, Param

from ...texturing import knobs

if TYPE_CHECKING:
    from ...context import Context

SHARPNESS = Param(
    "sharpness",
    "int",
    "Sharpness",
    "How much the view that sees a place squarest counts for its details; low blends broadly",
    8,
    1,
    32,
)
BORDER = Param(
    "border_px",
    "int",
    "Border",
    "Pixels at the outlines of the views that are not used; more, where the background bleeds in",
    6,
    0,
    64,
    unit="px",
)
EVEN = Param("even_out", "bool", "Even Out Light", "Bring the views to one brightness and tint", True)
FILL = Param(
    "fill",
    "enum",
    "Fill",
    "What no view sees takes",
    "surface",
    choices=(
        Choice("surface", "From the Surface", "The colours of the surface nearby"),
        Choice("plane", "From the Texture", "The colours around it in the texture; quicker"),
        Choice("none", "Nothing", "It stays black, so that it can be seen"),
    ),
)
VIEWS = Param(
    "view_weights",
    "text",
    "Weights",
    "Of single views, such as back: 0, top: 2; all others count 1, 0 leaves one out",
    "",
)
WIDE = Param("wide", "int", "Softness", "The same as Sharpness for colours over wide areas", 2, 0, 16, advanced=True)


class BlendAgain:
    info = ModelInfo(
        id="blend_again",
        task="blend_texture",
        label="Blend Views",
        help="Blends the kept views of a texture with other weights, borders and light; takes seconds",
        params=(SHARPNESS, BORDER, EVEN, FILL, VIEWS, WIDE, knobs.TEXTURE_PX, *knobs.MATERIAL),
        procedural=True,
        source="Burt and Adelson 1983, two bands",
        requires=("torch",),
        memory_gb=1.5,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        self.device = device

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input for views of another mesh, bad_request for weights of views that are not there."""
        from ...geometry.view_bake import bake_views, reblend
        from ...texturing.estimates import Estimates
        from ...texturing.from_views import deliver_baked, told_by
        from ...texturing.in_turn import as_drawn
        from ...texturing.stored_views import read_stored
        from ...texturing.subject import subject_of

        params = job.params
        subject = subject_of(job, context)
        context.progress("Reading the views")
        subject = as_drawn(job, context, subject)
        stored = read_stored(context.input_path("views"), subject.triangles)
        estimates = Estimates(**stored.read) if stored.read else None
        scale = stored.cameras[0].size_px[0] / 1024
        border = round(int(params["border_px"]) * scale) or min(1, int(params["border_px"]))
        options = dataclasses.replace(
            stored.options,
            high_power=int(params["sharpness"]),
            low_power=int(params["wide"]),
            erosion_px=border,
            gains=bool(params["even_out"]),
            fill=str(params["fill"]),
            view_weights=weights_of(str(params["view_weights"]), [camera.name for camera in stored.cameras]),
        )
        same = options.erosion_px == stored.options.erosion_px and subject.size == stored.texture_px
        given = (subject.triangles, stored.cameras, stored.views)
        if same:
            baked = reblend(*given, stored.baked, options, told_by(context), device=self.device)
        else:  # other borders and sizes need to look again at what hides what
            baked = bake_views(*given, subject.size, options, told_by(context), device=self.device)
        stored = dataclasses.replace(stored, baked=baked, options=options)
        deliver_baked(job, context, subject, stored, self.device, estimates)


def weights_of(text: str, names: list[str]) -> tuple[float, ...] | None:
    """ "back: 0, top: 2" -> one factor for each view; None where all count alike. Raises Fault("bad_request")."""
    result = dict.fromkeys(names, 1.0)
    for piece in text.replace(";", ",").split(","):
        name, colon, value = (part.strip() for part in piece.partition(":"))
        if not name:
            continue
        known = next((other for other in names if other.lower() == name.lower()), None)
        try:
            weight = float(value)
        except ValueError:
            weight = -1.0
        if known is None or not colon or not 0 <= weight <= 100:
            offered = ", ".join(dict.fromkeys(names))
            raise Fault(
                "bad_request",
                f"The weight {piece.strip()!r} cannot be used.",
                f"Write a view and a number from 0 to 100, such as {names[0]}: 0.5. There are: {offered}.",
            )
        result[known] = weight
    if not any(result.values()):
        raise Fault("bad_request", "All views are left out.", "Let at least one of them count.")
    return None if set(result.values()) == {1.0} else tuple(result[name] for name in names)


MODEL = BlendAgain
