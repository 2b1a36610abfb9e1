"""Adjectives: size, substance, behaviour, fabric; and what contradicts what."""

from __future__ import annotations

SIZES: dict[str, tuple[float, float, float]] = {
    "microscopic": (0.05, 0.05, 0.05),
    "tiny": (0.3, 0.3, 0.3),
    "mini": (0.4, 0.4, 0.4),
    "miniature": (0.3, 0.3, 0.3),
    "small": (0.5, 0.5, 0.5),
    "little": (0.5, 0.5, 0.5),
    "short": (1.0, 1.0, 0.5),
    "low": (1.0, 1.0, 0.5),
    "medium": (1.0, 1.0, 1.0),
    "big": (1.8, 1.8, 1.8),
    "large": (1.8, 1.8, 1.8),
    "huge": (3.0, 3.0, 3.0),
    "enormous": (4.0, 4.0, 4.0),
    "giant": (4.0, 4.0, 4.0),
    "gigantic": (5.0, 5.0, 5.0),
    "tall": (1.0, 1.0, 1.8),
    "high": (1.0, 1.0, 1.8),
    "long": (1.8, 1.0, 1.0),
    "wide": (1.8, 1.0, 1.0),
    "broad": (1.8, 1.0, 1.0),
    "narrow": (0.5, 1.0, 1.0),
    "flat": (1.0, 1.0, 0.25),
    "slim": (0.5, 0.5, 1.0),
    "slender": (0.5, 0.5, 1.2),
    "steep": (1.0, 1.0, 1.8),
    "shallow": (1.0, 1.0, 0.5),
}
"""Factors on x, y, z of the natural size."""

QUALITIES: dict[str, str] = {
    **dict.fromkeys(("heavy", "massive", "leaden", "solid"), "heavy"),
    **dict.fromkeys(("lightweight", "featherlight"), "light"),
    **dict.fromkeys(("weightless", "massless"), "weightless"),
    **dict.fromkeys(("bouncy", "springy", "elastic"), "bouncy"),
    **dict.fromkeys(("slippery", "frictionless", "smooth", "oily", "greasy"), "slippery"),
    **dict.fromkeys(("rough", "sticky"), "rough"),
    **dict.fromkeys(("soft", "squishy", "wobbly", "jiggly", "deformable", "gelatinous"), "soft"),
    **dict.fromkeys(("hard", "rigid"), "hard"),
    **dict.fromkeys(("static", "fixed", "immovable", "motionless", "still", "stationary"), "fixed"),
    **dict.fromkeys(("inflated", "puffy"), "inflated"),
    **dict.fromkeys(("stiff", "starched"), "stiff"),
    **dict.fromkeys(("pinned",), "pinned"),
    **dict.fromkeys(("loose", "unpinned", "free"), "loose"),
    **dict.fromkeys(("torn", "ripped"), "torn"),
    **dict.fromkeys(("empty",), "empty"),
    **dict.fromkeys(("full", "filled"), "full"),
    **dict.fromkeys(("hot", "burning", "flaming"), "burning"),
    **dict.fromkeys(("glowing", "luminous"), "glowing"),
}

CONTRADICTIONS: tuple[tuple[str, str], ...] = (
    ("heavy", "weightless"),
    ("heavy", "light"),
    ("soft", "hard"),
    ("bouncy", "fixed"),
    ("slippery", "rough"),
    ("empty", "full"),
    ("pinned", "loose"),
    ("thin liquid", "thick liquid"),
)
"""Qualities that one thing cannot have at the same time."""
SIZE_CONTRADICTIONS: tuple[frozenset[str], frozenset[str]] = (
    frozenset({"tiny", "small", "little", "mini", "miniature", "microscopic"}),
    frozenset({"big", "large", "huge", "giant", "enormous", "gigantic"}),
)
TALL_SHORT = (frozenset({"tall", "high"}), frozenset({"short", "low"}))
WIDE_NARROW = (frozenset({"wide", "broad"}), frozenset({"narrow"}))

MATERIALS: dict[str, str] = {
    "wooden": "wood",
    "oak": "wood",
    "timber": "wood",
    "metallic": "metal",
    "golden": "gold",
    "silvery": "silver",
    "brass": "copper",
    "bronze": "copper",
    "aluminium": "metal",
    "aluminum": "metal",
    "lead": "iron",
    "glassy": "glass",
    "icy": "ice",
    "granite": "stone",
    "stony": "stone",
    "porcelain": "ceramic",
    "cement": "concrete",
    "styrofoam": "foam",
    "polystyrene": "foam",
    "vinyl": "plastic",
    "textile": "fabric",
    "gelatin": "jelly",
    "terracotta": "clay",
}
"""Words for a material of the plan other than its own name."""

FABRICS: dict[str, str] = {
    "silky": "silk",
    "satin": "silk",
    "linen": "cotton",
    "canvas": "denim",
    "jeans": "denim",
    "woollen": "wool",
    "woolen": "wool",
    "felt": "wool",
    "velvet": "wool",
    "nylon": "silk",
    "polyester": "cotton",
}

LIQUIDS: dict[str, str] = {
    "tea": "coffee",
    "beer": "juice",
    "lemonade": "juice",
    "cream": "milk",
    "olive oil": "oil",
    "maple syrup": "syrup",
    "molasses": "honey",
    "treacle": "honey",
    "caramel": "honey",
    "magma": "lava",
    "mud": "chocolate",
    "ketchup": "chocolate",
    "goo": "slime",
    "glue": "slime",
    "gel": "slime",
}

VISCOSITIES: dict[str, float] = {
    "runny": 1.0e-6,
    "watery": 1.0e-6,
    "thin": 1.0e-6,
    "viscous": 1.0e-2,
    "thick": 1.0e-2,
    "syrupy": 2.0e-3,
    "gooey": 3.5e-2,
}
"""Kinematic viscosity in m2/s of what an adjective calls a liquid; "very" makes a viscous one 3.5e-2."""

COLOURS: dict[str, str] = {
    "crimson": "#a3142a",
    "scarlet": "#d8261c",
    "ruby": "#9b1030",
    "amber": "#e89a10",
    "ochre": "#c2802a",
    "tan": "#c9a678",
    "khaki": "#b5a66e",
    "ivory": "#f6f0dd",
    "charcoal": "#303236",
    "indigo": "#35208a",
    "lavender": "#b49fe0",
    "lilac": "#b88fd8",
    "mint": "#9fe0bd",
    "emerald": "#118a55",
    "aqua": "#38cfd0",
    "azure": "#2f7fe0",
    "salmon": "#f08a78",
    "coral": "#f2705a",
    "peach": "#f6be98",
    "rose": "#e0557f",
    "plum": "#6a2a5e",
    "burgundy": "#5e1224",
}
SHADES: dict[str, tuple[float, float]] = {
    "dark": (0.45, 0.0),
    "deep": (0.6, 0.0),
    "light": (1.0, 0.5),
    "pale": (1.0, 0.6),
    "bright": (1.15, 0.0),
}
"""Before a colour: factor on sRGB, then share of white."""
