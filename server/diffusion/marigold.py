"""Marigold's checkpoints: what a picture tells about a surface's colour without light, its roughness, metal, normals.

Ke et al., "Marigold: Affordable Adaptation of Diffusion-Based Image Generators for Image Analysis" (arXiv:2505.09358).
The pipelines are diffusers' own. Their folders lie in `marigold/`, beside the family's folder or in it, with
"appearance", "lighting" or "normals" in their names, or in the hub's cache as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

from ..weights import hub_snapshot
from .families import SD15, Family
from .samplers import Habit

if TYPE_CHECKING:
    from .loading import Checkpoint


def _family(kind: str, label: str, pipeline: str, published: str) -> Family:
    return Family(
        kind,
        label,
        {("text", ""): pipeline},
        768 * 768,
        8,
        SD15.latent_rgb,
        SD15.latent_bias,
        1024,
        published,
        Habit(4, 1.0),
    )


KINDS = {
    "appearance": _family(
        "appearance", "Marigold Appearance", "MarigoldIntrinsicsPipeline", "prs-eth/marigold-iid-appearance-v1-1"
    ),
    "lighting": _family(
        "lighting", "Marigold Lighting", "MarigoldIntrinsicsPipeline", "prs-eth/marigold-iid-lighting-v1-1"
    ),
    "normals": _family("normals", "Marigold Normals", "MarigoldNormalsPipeline", "prs-eth/marigold-normals-v1-1"),
}
"""Albedo, roughness and metal; albedo, shading and residual; normals."""


def find(kind: str, folder: Path) -> Path:
    """The checkpoint of `kind` for a family in `folder`. Raises Fault("weights_missing")."""
    family = KINDS[kind]
    places = [folder / "marigold", folder.parent / "marigold", folder.parent]
    for place in places:
        for found in sorted(place.glob("*/model_index.json")):
            if kind in found.parent.name.lower() and (place.name == "marigold" or "marigold" in found.parent.name):
                return found.parent
    cached = hub_snapshot(family.repository)
    if cached is not None and (cached / "model_index.json").is_file():
        return cached
    raise Fault(
        "weights_missing",
        f"{family.label} is not on this machine.",
        f"Put {family.repository} into the folder marigold beside {folder.name}, or set Maps From to Numbers.",
        "; ".join(str(place) for place in places),
    )


def channels_of(checkpoint: Checkpoint, names: Sequence[str]) -> dict[str, tuple[int, int | None, bool]]:
    """Where the answers stand: name -> (which picture, which channel or None for all three, is it linear light?).

    Raises Fault("weights_damaged") for a checkpoint that does not tell of all `names`.
    """
    told: dict[str, Any] = checkpoint.options.get("target_properties") or {}
    found: dict[str, tuple[int, int | None, bool]] = {}
    for number, target in enumerate(told.get("target_names", ())):
        own = told.get(target, {})
        found[target] = (number, None, own.get("prediction_space") == "linear")
        for channel, part in enumerate(own.get("sub_target_names") or ()):
            if part is not None:
                found[part] = (number, channel, True)
    missing = [name for name in names if name not in found]
    if missing:
        raise Fault(
            "weights_damaged",
            f"{checkpoint.path.name} tells nothing of {missing[0]}.",
            f"Put {checkpoint.family.repository} in its place.",
            f"{checkpoint.path}: target_properties {told}",
        )
    return found
