"""All materials by their ids."""

from __future__ import annotations

from . import cloth, ground, made, metal, organic, stone, wood
from .core import Material

MATERIALS: dict[str, Material] = {
    material.id: material for room in (wood, stone, made, metal, cloth, ground, organic) for material in room.MATERIALS
}
