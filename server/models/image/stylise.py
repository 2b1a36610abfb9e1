"""Stylise: a render as oil paint, pencil, ink, watercolour or cel, led by its passes. No network, no download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Job, ModelInfo, Param

from ...sequence.params import SEQUENCE_PARAMS

if TYPE_CHECKING:
    from ...context import Context

_PARAMS = (
    Param(
        "style",
        "enum",
        "Style",
        "What the picture should look like",
        "painting",
        choices=(
            Choice("painting", "Oil Painting", "Brush marks that follow the forms, with thick paint"),
            Choice("pencil", "Pencil", "Graphite hatching along the surfaces, on grainy paper"),
            Choice("ink", "Pen and Ink", "Outlines and crossed hatching in black"),
            Choice("watercolour", "Watercolour", "Flat washes with dark rims on rough paper"),
            Choice("cel", "Cel Shading", "Few flat tones for each material, with outlines"),
            Choice("palette", "Colours Only", "The colours of the reference picture, or few flat colours without one"),
        ),
    ),
    Param("strength", "float", "How Much May Change", "0 keeps the render, 1 shows the style alone", 1.0, 0.0, 1.0),
    Param("detail", "float", "Detail", "Small marks and many lines, or broad ones and few", 0.5, 0.0, 1.0),
    Param("line_px", "float", "Line Width", "Width of outlines; 0 draws none", 1.5, 0.0, 20.0, unit="px"),
    Param("colours", "int", "Colours", "Tones of each material, or colours of the palette", 5, 2, 32),
    Param("texture", "float", "Paper and Paint", "How much paper, grain, wobble and brush are seen", 0.6, 0.0, 1.0),
    Param("tint", "float", "Tint of Lines", "Pencil and ink in the colours of the things; 0 is black", 0.0, 0.0, 1.0),
    *SEQUENCE_PARAMS,
)


class Stylise:
    info = ModelInfo(
        id="stylise",
        task="render_image",
        also=("render_sequence",),
        label="Stylise",
        help="Turns a render into a painting, a drawing, a watercolour or a cel in seconds, without any download",
        params=_PARAMS,
        procedural=True,
        source="Anisotropic Kuwahara (Kyprianidis et al. 2009), painterly layers (Hertzmann 1998), watercolour "
        "(Bousseau et al. 2006), hatching along curvature (Hertzmann and Zorin 2000), Sinkhorn palettes (Cuturi 2013)",
        memory_gb=1.2,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Read, draw, save. Raises Fault("bad_input") when the passes are damaged or do not fit each other."""
        import numpy as np

        from ...filters.look import Look, Step
        from ...filters.passes import read_passes
        from ...filters.stylised import missing, steps_of, stylised
        from ...sequence.between import carry_between
        from ...sequence.past import begin

        look = Look.from_params(job.params, job.seed)
        total = steps_of(look.style) + 2
        done = 0

        def step(message: str, picture: np.ndarray | None) -> None:
            nonlocal done
            done = min(done + 1, total - 1)
            context.progress(message, done, total, preview=None if picture is None else _preview(picture))

        context.progress("Reading the passes", 0, total)
        passes = read_passes(context.input_path("passes"))
        past = begin(context, passes)
        if past is not None and past.between:
            carry_between(past)
            return
        reference = context.input_image("reference") if context.has_input("reference") else None
        strength = float(job.params["strength"])

        def draw(canvas: np.ndarray | None, say: Step) -> np.ndarray:
            return stylised(passes, look, strength, reference, say, context.check_cancelled, canvas)

        picture = draw(past.canvas if past is not None else None, step)
        if past is not None:
            picture = past.finish(picture, single=lambda: draw(None, lambda *_: None))
        context.progress("Saving", total - 1, total, preview=picture)
        context.save_image(picture, job.name or look.style)
        context.progress("Saving", total, total)
        absent = missing(passes, look.style)
        notes = [*passes.notes, *([f"without {', '.join(absent)}"] if absent else [])]
        context.report(
            style=look.style,
            size=f"{picture.shape[1]} x {picture.shape[0]}",
            passes=", ".join(passes.given) or "none",
            notes="; ".join(notes),
        )


def _preview(picture):  # noqa: ANN001, ANN202 (numpy is imported by `run`, not by the registry)
    """(H, W, 3) 0..1 -> (h, w, 3) uint8, at most 512 px wide or high."""
    stride = max(1, -(-max(picture.shape[:2]) // 512))
    return (picture[::stride, ::stride].clip(0, 1) * 255).astype("uint8")


MODEL = Stylise
