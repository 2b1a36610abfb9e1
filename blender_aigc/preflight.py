"""What a job will need, said before it runs; and what to change when it was too much. No bpy, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .protocol import ModelInfo

Value = bool | int | float | str

KEPT = 5


@dataclass
class Experience:
    """How long earlier jobs took, by task and model: (pixels, seconds) of the last few; pixels 0: unknown."""

    jobs: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=dict)

    def add(self, task: str, model: str, pixels: int, seconds: float) -> None:
        self.jobs[task, model] = [*self.jobs.get((task, model), []), (pixels, seconds)][-KEPT:]

    def expected_s(self, task: str, model: str, pixels: int) -> float | None:
        """The median of what they took, in proportion to the pixels where these are known."""
        known = self.jobs.get((task, model), [])
        if not known:
            return None
        return median(s * pixels / before if pixels and before else s for before, s in known)


@dataclass(frozen=True)
class Line:
    """What is written above the button. tight: the memory will not do."""

    text: str
    tight: bool = False


def size_px(settings: Any, render: Any) -> tuple[int, int]:
    """(width, height) of what will be sent, pixels; (0, 0) when only the render will tell. settings: `Scene.aigc`."""
    if settings.source == "PICTURE":
        return tuple(settings.image.size) if settings.image is not None else (0, 0)
    width, height = (side * render.resolution_percentage // 100 for side in (render.resolution_x, render.resolution_y))
    if settings.source == "VIEW":
        return 0, 0
    if settings.source == "CAMERA" and settings.longest_px:
        scale = settings.longest_px / max(width, height, 1)
        width, height = round(width * scale), round(height * scale)
    if render.use_border and render.use_crop_to_border:
        width = int(width * (render.border_max_x - render.border_min_x))
        height = int(height * (render.border_max_y - render.border_min_y))
    return width, height


def line(
    info: ModelInfo,
    size: tuple[int, int],
    seconds: float | None,
    free_gb: float,
    translated: Callable[[str], str] = str,
) -> Line | None:
    """The line for a job of `info`; None when there is nothing to say. translated: into the interface's language."""
    parts = [f"{size[0]} x {size[1]} px"] if all(size) else []
    if seconds is not None and seconds < 90:
        parts.append(translated("about {seconds} s").format(seconds=max(1, round(seconds))))
    elif seconds is not None:
        parts.append(translated("about {minutes} min").format(minutes=round(seconds / 60)))
    tight = bool(free_gb) and info.memory_gb > free_gb
    if info.memory_gb >= 0.1:
        sentence = "memory {needed} of {free} GB" if free_gb else "memory {needed} GB"
        parts.append(translated(sentence).format(needed=f"{info.memory_gb:g}", free=f"{free_gb:g}"))
    return Line(", ".join(parts), tight) if parts else None


def smaller(info: ModelInfo, values: Mapping[str, Value], device: str = "") -> dict[str, Value] | None:
    """`values` for the same job with less memory: the next plan for it, else draft quality; None when there is none.

    device: of the server. On a processor all plans are one.
    """
    known = {param.key: param for param in info.params}
    if "memory" in known and device != "cpu":
        plans = [choice.id for choice in known["memory"].choices]
        at = plans.index(str(values.get("memory", plans[0]))) if values.get("memory") in plans else 0
        later = plans[max(at + 1, 2) :]  # "auto" and "all at once" have both been too much
        if later:
            return {**values, "memory": later[0]}
    draft = info.qualities.get("draft", {})
    changed = {**values, **draft}
    return changed if changed != dict(values) else None
