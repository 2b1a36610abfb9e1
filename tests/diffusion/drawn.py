"""Views of a mesh by the texturing engines without the bake around them: a second each, not five."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from conftest import Bench

from blender_aigc.protocol import Blob, Job, Provenance
from server.context import Context
from server.diffusion.families import FLUX, SDXL, Z_IMAGE
from server.diffusion.library import Library
from server.diffusion.studio import Studio
from server.geometry.cameras import Camera
from server.texturing.drawn_together import draw_together
from server.texturing.one_by_one import draw_one_by_one
from server.texturing.reference import given_reference
from server.texturing.rigs import rig
from server.texturing.subject import Subject, subject_of

ENGINES = {"sdxl_sync": draw_together}
FAMILIES = {"sequential_flux": (FLUX, "flux"), "sequential_z_image": (Z_IMAGE, "z_image")}
MADE_BY = Provenance("", "texture_mesh", "", "", "", "", 1, {}, {}, "")
_studios: dict[Path, Studio] = {}


def drawn(bench: Bench, mesh: Path, model: str = "sdxl_sync", reference: Path | None = None, **options) -> np.ndarray:
    """(N, 64, 64, 3) int: the six views of `axes`. Raises Fault, as the engine does."""
    return np.stack([view[..., :3] for view in whole(bench, mesh, model, reference, **options)[0]]).astype(int)


def whole(
    bench: Bench, mesh: Path, model: str, reference: Path | None = None, **options
) -> tuple[list[np.ndarray], Subject, Sequence[Camera]]:
    """The views as the engine leaves them, and what was drawn from where."""
    usual = {"view_px": "64", "texture_px": "256", "cameras": "axes", "steps": 2, "controls": ""}
    prompt = options.pop("prompt", "a marble statue")
    params = bench.runner.registry.models[model].info.check_params(usual | options)
    given = {"mesh": mesh} | ({"reference": reference} if reference else {})
    blobs = {key: Blob("0" * 64, path.suffix) for key, path in given.items()}
    job = Job(str(uuid.uuid4()), "texture_mesh", model, blobs, params, prompt, 1, "made")
    folder = bench.folder / job.id
    folder.mkdir()
    context = Context(job, folder, "cpu", given, MADE_BY, lambda _report: None, lambda: False)
    family, place = FAMILIES.get(model, (SDXL, "sdxl"))
    folder = bench.weights / place
    studio = _studios.setdefault(folder, Studio(family, Library(folder), "cpu"))
    subject = subject_of(job, context)
    cameras = rig(str(params["cameras"]), subject, 64)
    views = ENGINES.get(model, draw_one_by_one)(job, context, studio, subject, cameras, given_reference(job, context))
    return views, subject, cameras


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) the largest difference in each view."""
    return np.abs(one - other).max(axis=(1, 2, 3))
