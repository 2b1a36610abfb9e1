"""Nouns. Shapes and generators that carry their own name are not repeated here: the lexicon reads them from the plan.

THINGS maps words to a shape of the plan, with what makes the thing special; sizes in metres, masses in kilograms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "object", "cloth", "surface", "liquid", "gas", "particles", "wind", "camera", "abstract", "parts", "land", "cloud"
]  # fmt: skip
BUILT = frozenset({"object", "cloth", "parts", "land", "cloud"})
"""Roles of what becomes an object of the plan."""


@dataclass(frozen=True)
class Noun:
    """name: in the plan. shape, source: of the plan ("generator" with its id). size_m: 0 keeps the shape's own extent.

    generic: a mere form, whose size follows the surroundings. role: what the thing does in a scene.
    holds: of a generator, whether liquid can be poured in.
    """

    name: str
    shape: str = ""
    source: str = ""
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mass_kg: float = 0.0
    material: str = ""
    color: str = ""
    role: Role = "object"
    generic: bool = False
    settings: tuple[tuple[str, bool | int | float | str], ...] = ()
    bounce: float = 0.0
    holds: bool = False


def _same(size: float) -> tuple[float, float, float]:
    return size, size, size


THINGS: dict[str, Noun] = {
    "ball": Noun("ball", "sphere", size_m=_same(0.3), material="rubber", generic=True),
    "rubber ball": Noun("ball", "sphere", size_m=_same(0.2), material="rubber", bounce=0.85),
    "sphere,orb,globe,bead": Noun("sphere", "sphere", size_m=_same(0.4), generic=True),
    "cube,block": Noun("cube", "cube", size_m=_same(0.4), generic=True),
    "box,carton,package,parcel": Noun("box", "box", generic=True),
    "crate": Noun("crate", "crate"),
    "cylinder": Noun("cylinder", "cylinder", size_m=(0.4, 0.4, 0.5), generic=True),
    "can,tin": Noun("can", "cylinder", size_m=(0.066, 0.066, 0.12), material="metal", mass_kg=0.35),
    "coin": Noun("coin", "cylinder", size_m=(0.025, 0.025, 0.002), material="gold", mass_kg=0.008),
    "log": Noun("log", "cylinder", size_m=(0.25, 0.25, 1.2), material="wood"),
    "column,pillar": Noun("column", "cylinder", size_m=(0.5, 0.5, 3.0), material="marble"),
    "disc,disk,puck": Noun("disc", "cylinder", size_m=(0.3, 0.3, 0.04), generic=True),
    "cone": Noun("cone", "cone", size_m=(0.4, 0.4, 0.5), generic=True),
    "traffic cone": Noun("traffic cone", "cone", size_m=(0.35, 0.35, 0.7), color="orange"),
    "torus,ring,donut,doughnut,hoop": Noun("ring", "torus", size_m=(0.5, 0.5, 0.12), generic=True),
    "tyre,tire": Noun("tyre", "torus", size_m=(0.65, 0.65, 0.2), material="rubber", mass_kg=9.0),
    "pyramid": Noun("pyramid", "pyramid", size_m=(0.5, 0.5, 0.4), generic=True),
    "capsule,pill": Noun("capsule", "capsule", size_m=(0.2, 0.2, 0.5), generic=True),
    "soccer ball,football": Noun("football", "football"),
    "cannonball,cannon ball": Noun("cannonball", "sphere", size_m=_same(0.12), material="iron"),
    "wrecking ball": Noun("wrecking ball", "sphere", size_m=_same(1.0), material="iron"),
    "boulder": Noun("boulder", "sphere", size_m=_same(1.2), material="stone"),
    "stone,rock,pebble": Noun("stone", "sphere", size_m=(0.3, 0.25, 0.2), material="stone", generic=True),
    "golf ball": Noun("golf ball", "sphere", size_m=_same(0.0427), mass_kg=0.046, color="white", bounce=0.8),
    "baseball": Noun("baseball", "sphere", size_m=_same(0.074), mass_kg=0.145, color="white", material="leather"),
    "volleyball": Noun("volleyball", "sphere", size_m=_same(0.21), mass_kg=0.27, color="white", bounce=0.75),
    "snooker ball,billiard ball,pool ball": Noun("pool ball", "sphere", size_m=_same(0.0572), mass_kg=0.17, bounce=0.9),
    "snowball": Noun("snowball", "sphere", size_m=_same(0.1), material="snow"),
    "apple": Noun("apple", "sphere", size_m=_same(0.08), mass_kg=0.18, color="red"),
    "orange,fruit": Noun("orange", "sphere", size_m=_same(0.08), mass_kg=0.2, color="orange"),
    "melon,watermelon": Noun("melon", "sphere", size_m=(0.25, 0.25, 0.3), mass_kg=6.0, color="green"),
    "egg": Noun("egg", "sphere", size_m=(0.045, 0.045, 0.057), mass_kg=0.06, color="cream"),
    "die,dice": Noun("die", "dice", size_m=_same(0.016), color="white"),
    "bubble": Noun("bubble", "balloon", size_m=_same(0.3), color="white", material="glass"),
    "jelly,pudding,jello": Noun("jelly", "cube", size_m=_same(0.3), material="jelly"),
    "mattress,air mattress,gym mat,crash mat": Noun(
        "mattress", "box", size_m=(2.0, 1.4, 0.25), material="foam", color="white"
    ),
    "pillow,cushion": Noun("cushion", "box", size_m=(0.6, 0.5, 0.16), material="foam", color="cream"),
    "sponge": Noun("sponge", "box", size_m=(0.15, 0.1, 0.06), material="foam", color="yellow"),
    "plate,tray": Noun("plate", "cylinder", size_m=(0.27, 0.27, 0.02), material="ceramic"),
    "coffee cup,teacup,cup": Noun("cup", "cup"),
    "mug,coffee mug,beer mug": Noun("mug", "mug"),
    "glass,drinking glass,water glass,tumbler": Noun("glass", "glass"),
    "bowl,dish,basin": Noun("bowl", "bowl"),
    "bucket,pail": Noun("bucket", "bucket"),
    "tank,aquarium,pool,tub,bathtub": Noun("tank", "tank"),
    "pot,vase": Noun("vase", "cup", size_m=(0.18, 0.18, 0.3), material="clay"),
    "table,desk": Noun("table", "table"),
    "chair,stool": Noun("chair", "chair"),
    "shelf,bookshelf,bookcase": Noun("shelf", "shelf"),
    "ramp,slope,incline,wedge,inclined plane,slide": Noun("ramp", "ramp"),
    "stair,staircase,step": Noun("stairs", "stairs"),
    "wall": Noun("wall", "wall"),
    "brick wall": Noun("brick wall", "brick", role="parts"),
    "brick": Noun("brick", "brick"),
    "plank,board,beam": Noun("plank", "plank"),
    "platform,pedestal,podium,stage": Noun("platform", "cylinder", size_m=(1.5, 1.5, 0.2), material="stone"),
    "pole,post,mast,flagpole": Noun("pole", "pole"),
    "domino": Noun("domino", "domino"),
    "bowling pin,skittle,pin": Noun("bowling pin", "bowling_pin"),
    "book": Noun("book", "box", size_m=(0.15, 0.22, 0.03), material="paper", mass_kg=0.5),
    "flag,banner": Noun("flag", "flag", role="cloth"),
    "cape,cloak": Noun("cape", "cape", role="cloth"),
    "curtain,drape": Noun("curtain", "curtain", role="cloth"),
    "tablecloth,cloth,fabric,sheet,handkerchief,scarf,towel,napkin": Noun("cloth", "tablecloth", role="cloth"),
    "trampoline": Noun(
        "trampoline", "tablecloth", size_m=(2.4, 2.4, 0.0), material="rubber", color="blue", role="cloth"
    ),
    "blanket,bedsheet,carpet": Noun("blanket", "blanket", role="cloth"),
    "shirt,t shirt,tshirt,tee shirt,tee,blouse,sweater": Noun("shirt", "shirt", role="cloth"),
    "dress,skirt,gown": Noun("dress", "dress", role="cloth"),
    "sail": Noun("sail", "flag", role="cloth", size_m=(3.0, 0.0, 4.0), color="white"),
    "floor,ground": Noun("ground", role="surface"),
    "air,midair,mid air,space,emptiness,clothesline,washing line,clothes line": Noun("air", role="abstract"),
    "sky": Noun("sky", role="abstract"),
    "scene,view,picture,image,shot,video,animation,background,simulation,world": Noun("scene", role="abstract"),
    "camera,viewer,lens,screen": Noun("camera", role="camera"),
    "selection,selected object,selected objects": Noun("selection", "selected"),
    "wind,breeze,gale,storm,hurricane,gust,draught,draft,airflow,blizzard,tornado,whirlwind": Noun("wind", role="wind"),
    "smoke,steam,fog machine": Noun("smoke", role="gas"),
    "fire,flame,campfire,bonfire,blaze": Noun("fire", role="gas"),
    "rain,raindrop,shower": Noun("rain", role="particles"),
    "snow,snowflake,snowfall": Noun("snow", role="particles"),
    "leaf,autumn leaf,falling leaf": Noun("leaves", role="particles"),
    "dust": Noun("dust", role="particles"),
    "spark,ember": Noun("sparks", role="particles"),
    "side,edge,top,middle,center,centre,front,back": Noun("side", role="abstract"),
    "gravity": Noun("gravity", role="abstract"),
    "liquid,fluid": Noun("liquid", role="liquid"),
}
"""Keys: synonyms, the first one the usual."""

SURFACES = {
    "grass": "grass",
    "lawn": "grass",
    "meadow": "grass",
    "sand": "sand",
    "beach": "sand",
    "ice": "ice",
    "pavement": "concrete",
    "parquet": "wood",
}
"""Nouns that, after "on", name what the ground is made of."""

COLLECTIVES = {
    "row": "row",
    "line": "row",
    "queue": "row",
    "series": "row",
    "column": "stack",
    "stack": "stack",
    "tower": "stack",
    "pile": "pile",
    "heap": "pile",
    "mound": "pile",
    "ring": "circle",
    "circle": "circle",
    "grid": "grid",
    "array": "grid",
    "pyramid": "pyramid",
    "wall": "wall",
    "group": "scatter",
    "cluster": "scatter",
    "set": "scatter",
    "bunch": "scatter",
    "crowd": "scatter",
    "swarm": "scatter",
    "field": "scatter",
    "forest": "scatter",
    "cloud": "scatter",
    "rack": "triangle",
    "triangle": "triangle",
}
"""Before "of": how its things are arranged."""

COLLECTIVE_COUNTS = {
    "row": 8,
    "line": 8,
    "stack": 5,
    "tower": 6,
    "pile": 12,
    "heap": 12,
    "ring": 8,
    "circle": 8,
    "grid": 9,
    "pyramid": 10,
    "wall": 24,
    "rack": 10,
    "triangle": 10,
    "forest": 20,
    "field": 20,
    "cloud": 20,
    "swarm": 30,
    "crowd": 20,
}
"""How many are meant when nobody says it."""

PAIRS_WITH_POLE = frozenset({"flag"})
