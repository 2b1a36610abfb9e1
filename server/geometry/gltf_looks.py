"""How the materials of a glTF file look: the pictures in it, undecoded, and their factors. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Look:
    """pictures: "colour", "orm", "normal", "height" -> bytes of a PNG or JPEG. colour: linear factor of the first.
    height_m: range of the heights, which only files of ours say (see `EXTRA`).

    reason: why a picture cannot be used, or "".
    keeps: what else the material says, as it stands in the file: transparency, sides, light of its own. glow: the bytes
    of the picture of that light, where it lies on the first UV map.
    """

    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    colour: tuple[float, ...] = (1.0, 1.0, 1.0)
    roughness: float = 1.0
    metallic: float = 1.0
    reason: str = ""
    keeps: dict[str, Any] = field(default_factory=dict[str, Any])
    glow: bytes = b""
    height_m: float = 0.0


STRENGTH = "KHR_materials_emissive_strength"
EXTRA = "aigc_height"
"""glTF has no heights, but lets a material say more in its extras: {"index": texture, "range_m": metres} of ours."""
_KEPT = ("alphaMode", "alphaCutoff", "doubleSided", "emissiveFactor")


def look_of(doc: dict[str, Any], number: int | None, view: Callable[[int], bytes]) -> Look:
    """Material `number` of a glTF document (2.0, section 3.9). view: the bytes of a buffer view.

    Raises KeyError, IndexError or TypeError for what is damaged.
    """
    if number is None:
        return Look()
    material = doc["materials"][number]
    metal = material.get("pbrMetallicRoughness", {})
    slots = {
        "colour": metal.get("baseColorTexture"),
        "orm": metal.get("metallicRoughnessTexture"),
        "normal": material.get("normalTexture"),
    }
    pictures, reason = {}, ""
    height = material.get("extras", {}).get(EXTRA)
    height_m = float(height["range_m"]) if isinstance(height, dict) else 0.0
    slots["height"] = height if height_m > 0 else None
    for name, slot in slots.items():
        if slot is None:
            continue
        image = doc["images"][doc["textures"][slot["index"]]["source"]]
        if "bufferView" not in image:
            reason = "its pictures are in other files"
        elif slot.get("texCoord", 0) or "KHR_texture_transform" in slot.get("extensions", {}):
            reason = "its pictures are moved or on a second UV map"
        else:
            pictures[name] = view(image["bufferView"])
    keeps = {key: material[key] for key in _KEPT if key in material}
    if STRENGTH in material.get("extensions", {}):
        keeps["extensions"] = {STRENGTH: material["extensions"][STRENGTH]}
    glow, slot = b"", material.get("emissiveTexture")
    if slot is not None and not slot.get("texCoord", 0) and "KHR_texture_transform" not in slot.get("extensions", {}):
        image = doc["images"][doc["textures"][slot["index"]]["source"]]
        glow = view(image["bufferView"]) if "bufferView" in image else b""
    if slot is not None and not glow:  # without its picture all of it would shine
        keeps.pop("emissiveFactor", None)
    colour = tuple(float(value) for value in metal.get("baseColorFactor", (1, 1, 1, 1))[:3])
    numbers = (float(metal.get("roughnessFactor", 1)), float(metal.get("metallicFactor", 1)))
    return Look(pictures, colour, *numbers, reason, keeps, glow, height_m)
