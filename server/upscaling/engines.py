"""What can make a picture larger, found in the weights folder: a family with its tile ControlNet, or a published
upscaler in its own layout (upscale/<name>/model_index.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from blender_aigc.protocol import Fault

from ..diffusion.controls import Unit, parse_controls
from ..diffusion.families import SD15, SDXL, Family
from ..diffusion.library import Library
from ..diffusion.samplers import Habit
from ..weights import hub_snapshot

_NO_MAP: tuple[tuple[float, float, float], ...] = ()

X4 = Family(
    "x4",
    "Stable Diffusion x4 Upscaler",
    {("image", ""): "StableDiffusionUpscalePipeline"},
    512 * 512,
    8,
    _NO_MAP,
    (0.0, 0.0, 0.0),
    1024,
    "stabilityai/stable-diffusion-x4-upscaler",
    Habit(30, 7.0),
    encodes=False,
)
X2 = Family(
    "x2",
    "Stable Diffusion x2 Latent Upscaler",
    {("image", ""): "StableDiffusionLatentUpscalePipeline"},
    1024 * 1024,
    64,
    SD15.latent_rgb,
    SD15.latent_bias,
    768,
    "stabilityai/sd-x2-latent-upscaler",
    Habit(20, 1.0),
    encodes=False,
    unguided=0.0,
)


@dataclass(frozen=True)
class Engine:
    """One way to do it. times: how much larger the network itself makes the picture; 1: it refines an enlarged one."""

    family: Family
    library: Library
    times: int = 1

    def tile(self, weight: float) -> list[Unit]:
        """Its tile ControlNet, if there is one."""
        if self.times > 1:
            return []
        return parse_controls("auto", self.library.controlnets(), frozenset({"tile"}), {"tile": weight})


def engines(folder: Path) -> dict[str, Engine]:
    """By id, the one that "auto" takes first: those with a tile ControlNet, then published upscalers, then the rest."""
    families = [Engine(family, Library(folder / family.id)) for family in (SDXL, SD15)]
    families = [engine for engine in families if engine.library.checkpoints()]
    held = [engine for engine in families if engine.tile(1.0)]
    published = [engine for family, times in ((X4, 4), (X2, 2)) for engine in _published(folder, family, times)]
    ordered = [*held, *published, *(engine for engine in families if engine not in held)]
    return {engine.family.id: engine for engine in ordered}


def choose(folder: Path, wanted: str) -> Engine:
    """Raises Fault("weights_missing") with what there is."""
    found = engines(folder)
    if wanted in found:
        return found[wanted]
    if wanted == "auto" and found:
        return next(iter(found.values()))
    there = ", ".join(engine.family.label for engine in found.values()) or "none"
    raise Fault(
        "weights_missing",
        "The weights to make pictures larger with are not there." if wanted == "auto" else f"There is no {wanted}.",
        f"Set Engine to Automatic. There are: {there}." if found else "See docs/upscale.md for where they go.",
        str(folder),
    )


def _published(folder: Path, family: Family, times: int) -> list[Engine]:
    places = [path.parent for path in sorted(folder.glob("upscale/*/model_index.json"))]
    snapshot = hub_snapshot(family.repository)
    for place in [*places, folder, *([snapshot] if snapshot is not None else [])]:
        if _class_of(place) == family.pipelines["image", ""]:
            return [Engine(family, Library(place), times)]
    return []


def _class_of(folder: Path) -> str:
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(index.get("_class_name", "")) if isinstance(index, dict) else ""
