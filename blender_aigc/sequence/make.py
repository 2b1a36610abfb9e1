"""A whole sequence from a script: from the range of frames to the files, blocking. For the tab see operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..gather.image import image_blob
from ..gather.sources import Render
from ..over_time import Moment, over_time
from ..protocol import Blob, Fault, ModelInfo
from .plan import check_range
from .run import Order, Run

if TYPE_CHECKING:
    from ..session import Session

PAUSE_S = 0.05


def order_of(
    scene: bpy.types.Scene,
    session: Session,
    info: ModelInfo,
    *,
    frames: tuple[int, int] | None = None,
    params: Mapping[str, bool | int | float | str] | None = None,
    reference: bpy.types.Image | str | Path | Blob | None = None,
    prompt: str = "",
    seed: int | None = None,
    name: str = "",
    render: Render | None = None,
    as_in_tab: bool = False,
) -> Order:
    """What to make. frames: first and last, default the scene's. Raises Fault for what is wrong with it.

    as_in_tab: parameters and seed as the tab says at each frame, where `params` and `seed` do not say otherwise.
    """
    first, last = frames or (scene.frame_start, scene.frame_end)
    given, moments = dict(params or {}), {}
    if as_in_tab:
        check_range(first, last)
        info.check_params(given)
        with over_time(scene, info) as settings_at:
            frames_that_differ = range(first, last + 1) if settings_at.changes else (first,)
            moments = {frame: settings_at.at(frame) for frame in frames_that_differ}
        moments = {
            frame: Moment({**one.params, **given}, one.seed if seed is None else seed) for frame, one in moments.items()
        }
        given, seed = moments[first].params, moments[first].seed
    checked = info.check_params(given)
    inputs: dict[str, Blob] = {}
    if reference is not None:
        inputs["reference"] = reference if isinstance(reference, Blob) else session.put_blob(*image_blob(reference))
    title = file_name(name or scene.name)
    return Order(info.id, prompt, checked, seed or 0, title, inputs, first, last, render or Render(), moments)


def file_name(name: str) -> str:
    """`name` as the beginning of a file's name on every system."""
    return bpy.path.clean_name(name, replace="_").strip("._ ")[:60] or "frame"


def output_folder(text: str | Path) -> Path:
    """The folder that the user wrote. Raises Fault("bad_input") for one beside a file that is not saved yet."""
    if str(text).startswith("//") and not bpy.data.filepath:
        raise Fault(
            "bad_input",
            "The folder for the frames is meant beside the Blender file, which is not saved yet.",
            "Save the file, or choose another folder.",
        )
    if not str(text).strip():
        raise Fault("bad_input", "No folder is chosen for the frames.", "Choose one.")
    return Path(bpy.path.abspath(str(text))).absolute()


def make(session: Session, run: Run, progress: Callable[[Run], None] | None = None) -> Run:
    """Carry out `run` to its end. Ctrl+C and whatever `progress` raises stop it. Raises Fault."""
    others = []
    try:
        while not run.finished:
            others += [status for status in session.pump() if not run.take(status)]
            if progress is not None:
                progress(run)
            if not run.step() and not run.finished:
                session.rest(PAUSE_S)
    finally:
        if not run.finished:
            run.cancel()
            others += [status for status in session.pump() if not run.take(status)]
        session.give_back(others)
    if run.fault is not None:
        raise run.fault
    return run
