"""View Coverage: how much of the objects a set of views sees, before anything is drawn. No weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...texturing import knobs

CAMERAS = replace(knobs.CAMERAS, choices=(*knobs.CAMERAS.choices, knobs.PICTURE_VIEW))

if TYPE_CHECKING:
    from ...context import Context


class ViewCoverage:
    info = ModelInfo(
        id="view_coverage",
        task="view_coverage",
        label="View Coverage",
        help="How much of the surface the chosen views see squarely enough for a picture",
        params=(CAMERAS, knobs.VIEWS, knobs.VIEW_PX),
        procedural=True,
        source="Greedy set cover over depth maps of surface samples; the rasteriser is ours",
        requires=("torch",),
        memory_gb=0.5,
    )
    weights = None

    def __init__(self) -> None:
        self.device = "cpu"

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """Small pictures of many points: a second on a processor."""

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input for a mesh or cameras that cannot be used."""
        from ...geometry.coverage import coverage
        from ...texturing.rigs import cameras_of
        from ...texturing.subject import shape_of

        subject = shape_of(context)
        cameras = cameras_of(job, context, subject, self.device)
        context.progress("Looking")
        seen = coverage(subject.scene(self.device), cameras)
        pages = [
            {**camera.meta(), "sees": round(float(alone), 4), "adds": round(float(added), 4)}
            for camera, alone, added in zip(cameras, seen.alone, seen.added, strict=True)
        ]
        document = {"selected": pages, "covered": round(seen.covered, 4)}
        text = json.dumps(document, indent=1).encode()
        context.save_file("file", "cameras.json", text, "Cameras", {"views": len(cameras)})
        each = ", ".join(
            f"{camera.name} {added:.0%}" for camera, added in zip(cameras, seen.added, strict=True) if added > 0
        )
        if len(cameras) == 1:
            notes = f"The view {cameras[0].name} sees {seen.covered:.1%} of the surface."
        else:
            notes = f"{len(cameras)} views see {seen.covered:.1%} of the surface" + (f" ({each})." if each else ".")
        context.report(coverage=round(seen.covered, 4), views=len(cameras), notes=notes)


MODEL = ViewCoverage
