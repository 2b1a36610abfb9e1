"""How the materials of a glTF file look: the pictures in it, undecoded, and their factors. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Look:
    """pictures: "colour", "orm", "normal" -> bytes of a PNG or JPEG. colour: linear factor of the first.

    reason: why a picture cannot be used, or "".
    """

    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    colour: tuple[float, ...] = (1.0, 1.0, 1.0)
    roughness: float = 1.0
    metallic: float = 1.0
    reason: str = ""


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
    colour = tuple(float(value) for value in metal.get("baseColorFactor", (1, 1, 1, 1))[:3])
    return Look(pictures, colour, float(metal.get("roughnessFactor", 1)), float(metal.get("metallicFactor", 1)), reason)
