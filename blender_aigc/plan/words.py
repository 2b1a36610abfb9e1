"""The words of the plan and the physical numbers behind them. Standard library only, no bpy.

Sizes in metres, densities in kg/m3, `bounce` is the coefficient of restitution against a hard floor (0 stays, 1 comes
back as high), `friction` the coefficient of dry friction. The numbers are handbook values, rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

Collision = str
"""sphere, box, cylinder, cone, capsule, hull or mesh."""


@dataclass(frozen=True)
class Material:
    """Looks (sRGB hex colour, the rest 0..1) and substance. emission: W/m2 at strength 1."""

    color: str
    roughness: float = 0.5
    metallic: float = 0.0
    transmission: float = 0.0
    density: float = 1000.0
    bounce: float = 0.4
    friction: float = 0.5
    ior: float = 1.45
    emission: float = 0.0


MATERIALS: dict[str, Material] = {
    "plastic": Material("#c8c8c8", 0.35, density=950, bounce=0.5, friction=0.4),
    "rubber": Material("#2b2b2b", 0.8, density=1100, bounce=0.75, friction=0.9),
    "wood": Material("#a06a3c", 0.6, density=650, bounce=0.4, friction=0.5),
    "metal": Material("#b8bcc0", 0.3, 1.0, density=7800, bounce=0.3, friction=0.4),
    "steel": Material("#9ea4aa", 0.2, 1.0, density=7850, bounce=0.4, friction=0.4),
    "iron": Material("#5a5a5c", 0.5, 1.0, density=7800, bounce=0.3, friction=0.5),
    "gold": Material("#e6b422", 0.15, 1.0, density=19300, bounce=0.2, friction=0.4),
    "silver": Material("#d9dbdd", 0.15, 1.0, density=10500, bounce=0.25, friction=0.4),
    "copper": Material("#b8703a", 0.25, 1.0, density=8900, bounce=0.25, friction=0.4),
    "chrome": Material("#e8ecef", 0.03, 1.0, density=7200, bounce=0.35, friction=0.3),
    "glass": Material("#f4fbff", 0.02, 0.0, 1.0, density=2500, bounce=0.5, friction=0.3, ior=1.5),
    "crystal": Material("#e8f4ff", 0.0, 0.0, 1.0, density=2650, bounce=0.5, friction=0.3, ior=1.55),
    "ice": Material("#d8eefa", 0.1, 0.0, 0.85, density=917, bounce=0.3, friction=0.05, ior=1.31),
    "water": Material("#dff2fb", 0.02, 0.0, 1.0, density=1000, bounce=0.0, friction=0.0, ior=1.333),
    "stone": Material("#8d8a85", 0.85, density=2600, bounce=0.25, friction=0.7),
    "marble": Material("#ece8e1", 0.2, density=2700, bounce=0.35, friction=0.4),
    "concrete": Material("#9a9a96", 0.9, density=2400, bounce=0.2, friction=0.8),
    "brick": Material("#9c4a34", 0.85, density=1900, bounce=0.2, friction=0.7),
    "ceramic": Material("#f2efe8", 0.25, density=2400, bounce=0.4, friction=0.4),
    "clay": Material("#a5633f", 0.9, density=1900, bounce=0.1, friction=0.7),
    "paper": Material("#f5f3ec", 0.9, density=800, bounce=0.1, friction=0.5),
    "cardboard": Material("#b98f5e", 0.9, density=200, bounce=0.2, friction=0.5),
    "foam": Material("#ecd98a", 0.95, density=40, bounce=0.4, friction=0.8),
    "cork": Material("#b88a5a", 0.9, density=200, bounce=0.5, friction=0.7),
    "wax": Material("#f0e2b8", 0.4, density=900, bounce=0.2, friction=0.4),
    "jelly": Material("#d0314a", 0.1, 0.0, 0.7, density=1050, bounce=0.6, friction=0.3, ior=1.35),
    "leather": Material("#6b432a", 0.6, density=900, bounce=0.4, friction=0.6),
    "fabric": Material("#d8d5cf", 0.9, density=500, bounce=0.1, friction=0.7),
    "basketball": Material("#d2691e", 0.75, density=85, bounce=0.8, friction=0.7),
    "sand": Material("#d9c08a", 1.0, density=1600, bounce=0.05, friction=0.8),
    "grass": Material("#4f7a2f", 1.0, density=500, bounce=0.2, friction=0.8),
    "earth": Material("#6a4a30", 1.0, density=1500, bounce=0.1, friction=0.8),
    "snow": Material("#f4f8fc", 0.9, density=300, bounce=0.05, friction=0.3),
    "asphalt": Material("#3a3a3c", 0.95, density=2300, bounce=0.3, friction=0.9),
    "lamp": Material("#ffe2b0", 0.5, density=900, emission=12.0),
}

COLORS: dict[str, str] = {
    "white": "#f2f2f2", "black": "#101010", "grey": "#7f7f7f", "gray": "#7f7f7f", "red": "#c8201e",
    "green": "#2e8b3d", "blue": "#1f4fc4", "yellow": "#f0c419", "orange": "#e8731a", "purple": "#6f2da8",
    "pink": "#f0719c", "brown": "#6b3f22", "cyan": "#1fb6c9", "magenta": "#c71f86", "turquoise": "#2bb8a8",
    "beige": "#dcc9a3", "cream": "#f4ead0", "navy": "#16264f", "maroon": "#6a1322", "olive": "#6b6b1f",
    "lime": "#8ccf2a", "teal": "#14777a", "violet": "#7f4fc9", "gold": "#e6b422", "silver": "#c4c7ca",
}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A primitive in its natural size: extents x, y, z in metres.

    mass_kg: of the real thing, None where it follows from volume and material. hollow: it has an inside that other
    objects can lie in. cloth: a sheet or garment, which moves as cloth unless told otherwise. color: sRGB of the thing
    as long as neither a colour nor a material is asked for, empty: its material's.
    """

    size_m: tuple[float, float, float]
    help: str
    material: str = "plastic"
    collision: Collision = "hull"
    mass_kg: float | None = None
    hollow: bool = False
    cloth: bool = False
    color: str = ""


SHAPES: dict[str, Shape] = {
    "cube": Shape((1, 1, 1), "a cube", collision="box", color="#2f6f9f"),
    "box": Shape((0.4, 0.3, 0.3), "a closed box", "cardboard", "box"),
    "sphere": Shape((1, 1, 1), "a round ball of any material", collision="sphere", color="#c8452f"),
    "cylinder": Shape((1, 1, 1), "an upright cylinder", collision="cylinder", color="#3f8a63"),
    "cone": Shape((1, 1, 1), "an upright cone", collision="cone", color="#dd9a2b"),
    "torus": Shape((1, 1, 0.25), "a ring lying flat", collision="mesh", color="#7d559c"),
    "plane": Shape((2, 2, 0), "a flat rectangle, lying", collision="mesh"),
    "pyramid": Shape((1, 1, 0.8), "a four-sided pyramid", color="#dd9a2b"),
    "capsule": Shape((0.5, 0.5, 1.5), "an upright cylinder with round ends", collision="capsule", color="#2f8f8f"),
    "basketball": Shape((0.24, 0.24, 0.24), "a basketball", "basketball", "sphere", 0.62),
    "football": Shape((0.22, 0.22, 0.22), "a football (soccer ball)", "leather", "sphere", 0.43, color="#f1efe9"),
    "tennis_ball": Shape((0.067, 0.067, 0.067), "a tennis ball", "rubber", "sphere", 0.058, color="#c5d63a"),
    "ping_pong_ball": Shape((0.04, 0.04, 0.04), "a table-tennis ball", "plastic", "sphere", 0.0027, color="#f5f0e2"),
    "bowling_ball": Shape((0.216, 0.216, 0.216), "a bowling ball", "plastic", "sphere", 6.8, color="#1d2f5f"),
    "beach_ball": Shape((0.4, 0.4, 0.4), "a light inflated ball", "plastic", "sphere", 0.12, color="#e2573b"),
    "marble": Shape((0.016, 0.016, 0.016), "a glass marble", "glass", "sphere", 0.0054),
    "balloon": Shape((0.3, 0.3, 0.36), "a balloon; as cloth it is held by its pressure", "rubber", "hull", 0.004,
                     color="#c62b33"),
    "bowling_pin": Shape((0.12, 0.12, 0.38), "a bowling pin", "wood", "hull", 1.5, color="#f3eee2"),
    "dice": Shape((0.016, 0.016, 0.016), "a die", "plastic", "box", 0.005, color="#efe8d8"),
    "domino": Shape((0.024, 0.008, 0.048), "a domino tile standing on its end", "plastic", "box", 0.012,
                    color="#e9dfc6"),
    "brick": Shape((0.215, 0.1025, 0.065), "a brick", "brick", "box", 2.7),
    "plank": Shape((2.0, 0.2, 0.03), "a plank lying flat", "wood", "box"),
    "pole": Shape((0.06, 0.06, 3.0), "an upright pole", "metal", "cylinder"),
    "ramp": Shape((1.0, 2.0, 0.6), "a wedge, low in front, high at the back", "wood", "mesh"),
    "stairs": Shape((1.2, 1.8, 1.0), "five steps going up towards the back", "concrete", "mesh"),
    "wall": Shape((3.0, 0.2, 2.0), "a plain wall", "concrete", "box"),
    "table": Shape((1.4, 0.8, 0.74), "a table with four legs", "wood", "mesh"),
    "chair": Shape((0.45, 0.5, 0.9), "a chair", "wood", "mesh", 5.0),
    "shelf": Shape((0.8, 0.3, 1.8), "a shelf with four boards", "wood", "mesh"),
    "cup": Shape((0.09, 0.09, 0.1), "a cup without a handle, open above", "ceramic", "mesh", 0.25, hollow=True),
    "mug": Shape((0.12, 0.085, 0.1), "a mug with a handle, open above", "ceramic", "mesh", 0.35, hollow=True),
    "glass": Shape((0.075, 0.075, 0.13), "a drinking glass, open above", "glass", "mesh", 0.25, hollow=True),
    "bowl": Shape((0.3, 0.3, 0.13), "a bowl, open above", "ceramic", "mesh", 0.6, hollow=True),
    "bucket": Shape((0.3, 0.3, 0.3), "a bucket, open above", "metal", "mesh", 0.9, hollow=True),
    "crate": Shape((0.6, 0.4, 0.35), "a crate, open above", "wood", "mesh", 4.0, hollow=True),
    "tank": Shape((1.0, 0.6, 0.6), "a glass tank, open above", "glass", "mesh", 20.0, hollow=True),
    "flag": Shape((1.5, 0.0, 1.0), "a flag, upright, to be pinned on its left side", "fabric", cloth=True,
                  color="#b3262b"),
    "cape": Shape((1.2, 0.1, 1.5), "a cape hanging from the shoulders", "fabric", cloth=True, color="#74202f"),
    "curtain": Shape((2.0, 0.1, 2.2), "a curtain hanging in folds", "fabric", cloth=True, color="#7f95a3"),
    "tablecloth": Shape((1.6, 1.6, 0.0), "a square cloth, lying", "fabric", cloth=True, color="#e6dcc6"),
    "blanket": Shape((2.0, 1.6, 0.0), "a large cloth, lying", "fabric", cloth=True, color="#4f7383"),
    "shirt": Shape((0.95, 0.26, 0.7), "a T-shirt, upright, its front to the front view", "fabric", cloth=True,
                   color="#2f6496"),
    "dress": Shape((0.6, 0.45, 1.05), "a sleeveless dress, upright", "fabric", cloth=True, color="#a63a52"),
}  # fmt: skip
OTHER_SHAPES = {
    "generator": "a procedural model of the catalogue, named by `source`, set by `settings`",
    "asset": "a model of the user's own catalogue, named by `source`",
    "selected": "the objects that the user has selected",
}


@dataclass(frozen=True)
class Fabric:
    """Blender's cloth settings. mass: kg per vertex at 1600 vertices; stiffness and damping in Blender's units."""

    mass: float
    tension: float
    shear: float
    bending: float
    damping: float
    quality: int
    friction: float = 5.0


FABRICS: dict[str, Fabric] = {
    "silk": Fabric(0.15, 5.0, 5.0, 0.05, 2.0, 6),
    "cotton": Fabric(0.3, 15.0, 15.0, 0.5, 5.0, 6),
    "wool": Fabric(0.45, 15.0, 15.0, 2.0, 8.0, 6),
    "denim": Fabric(1.0, 40.0, 40.0, 10.0, 25.0, 12),
    "leather": Fabric(0.4, 80.0, 80.0, 150.0, 25.0, 15),
    "rubber": Fabric(3.0, 15.0, 15.0, 25.0, 25.0, 10),
    "paper": Fabric(0.2, 80.0, 80.0, 60.0, 10.0, 12),
}


@dataclass(frozen=True)
class Liquid:
    """viscosity: kinematic, m2/s at room temperature. color, transmission: looks. material: or a named material."""

    viscosity: float
    color: str
    transmission: float = 1.0
    roughness: float = 0.02
    emission: float = 0.0


LIQUIDS: dict[str, Liquid] = {
    "water": Liquid(1.0e-6, "#cfeaf7"),
    "milk": Liquid(2.0e-6, "#fbf8f0", 0.0, 0.2),
    "juice": Liquid(2.0e-6, "#f0a020", 0.7),
    "coffee": Liquid(1.2e-6, "#2a1408", 0.2, 0.05),
    "wine": Liquid(1.5e-6, "#5c0f1e", 0.8),
    "blood": Liquid(4.0e-6, "#7a0a0a", 0.1, 0.1),
    "oil": Liquid(8.0e-5, "#d8b040", 0.8),
    "paint": Liquid(1.0e-3, "#2060d0", 0.0, 0.3),
    "syrup": Liquid(2.0e-3, "#7a3c10", 0.6),
    "honey": Liquid(1.0e-2, "#d98a10", 0.7),
    "chocolate": Liquid(1.2e-2, "#3c1e10", 0.0, 0.25),
    "lava": Liquid(2.0e-2, "#ff4a10", 0.0, 0.8, 20.0),
    "slime": Liquid(3.5e-2, "#5fc23a", 0.4, 0.1),
}

WINDS: dict[str, float] = {"none": 0.0, "light": 2.0, "moderate": 10.0, "strong": 20.0, "storm": 30.0}
"""Wind words -> speed in m/s."""
