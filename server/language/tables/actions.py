"""Verbs, how things are done, and prepositions."""

from __future__ import annotations

from typing import Literal

Action = Literal[
    "fall", "bounce", "spin", "roll", "slide", "throw", "collide", "topple", "flutter", "pour", "fill", "burn", "smoke",
    "explode", "rest", "hang", "float", "wobble", "drape", "blow", "rise", "swing", "scatter", "stack", "surround",
    "inflate", "attract", "repel", "swirl", "melt", "show", "hold", "orbit",
]  # fmt: skip

VERBS: dict[str, Action] = {
    word: action
    for action, words in {
        "fall": "fall,drop,plunge,plummet,tumble,free fall,freefall,land,descend,release,let go,dump,rain down",
        "bounce": "bounce,rebound,hop,bound",
        "spin": "spin,rotate,twirl,whirl,revolve,turn,pirouette",
        "roll": "roll",
        "slide": "slide,glide,skid,slip,drive",
        "throw": "throw,toss,hurl,launch,shoot,fire,kick,fling,fly,lob,pitch,catapult,jump,zoom off,move,travel",
        "collide": "collide,hit,crash,smash,strike,bump,slam,ram,impact,meet,knock,push,break",
        "topple": "topple,knock over,knock down,fall over,tip over,collapse,scatter apart",
        "flutter": "flutter,flap,wave,billow,ripple,sway",
        "blow": "blow",
        "pour": "pour,flow,stream,spill,drip,gush,leak,splash,trickle,squirt,run out",
        "fill": "fill,fill up",
        "burn": "burn,ignite,catch fire",
        "smoke": "smoke,smoulder,smolder,steam",
        "explode": "explode,burst,blow up,detonate",
        "rest": "rest,lie,stand,sit,be,remain,stay,place,put,set,arrange,position,lean,locate,have",
        "hang": "hang,suspend,dangle",
        "float": "float,hover,levitate",
        "wobble": "wobble,jiggle,squash,squish,deform,quiver",
        "drape": "drape,cover,settle",
        "rise": "rise,ascend,climb",
        "swing": "swing",
        "scatter": "scatter,strew,spread",
        "stack": "stack,pile,heap",
        "surround": "surround,encircle",
        "inflate": "inflate",
        "attract": "attract,pull",
        "repel": "repel",
        "swirl": "swirl",
        "melt": "melt",
        "show": "show,see,view,film,shoot from,look,watch,create,make,generate,render,simulate,imagine,add,draw,model",
        "hold": "hold,pin,attach,fix,fasten",
        "orbit": "orbit,circle",
    }.items()
    for word in words.split(",")
}
"""Verb in its base form -> what happens. Inflections are found by words.forms."""

MANNERS: dict[str, tuple[str, float]] = {
    **{word: ("pace", 0.4) for word in ("slowly", "gently", "softly", "lazily", "gradually", "carefully", "calmly")},
    **{word: ("pace", 1.8) for word in ("fast", "quickly", "rapidly", "hard", "strongly", "swiftly", "briskly")},
    **{word: ("pace", 3.0) for word in ("violently", "wildly", "furiously", "powerfully", "vigorously")},
    **{word: ("random", 1.0) for word in ("randomly", "out of control", "uncontrollably", "at random", "chaotically")},
    **{word: ("free", 1.0) for word in ("freely", "straight", "vertically")},
    **{word: ("together", 1.0) for word in ("together", "at once", "simultaneously")},
    **{word: ("sudden", 1.0) for word in ("suddenly",)},
    **{word: ("again", 1.0) for word in ("repeatedly", "again and again", "several times", "high")},
}
"""Adverb -> (kind, factor)."""

DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "forward": (0, -1, 0),
    "forwards": (0, -1, 0),
    "backward": (0, 1, 0),
    "backwards": (0, 1, 0),
    "away": (0, 1, 0),
    "left": (-1, 0, 0),
    "to the left": (-1, 0, 0),
    "leftwards": (-1, 0, 0),
    "right": (1, 0, 0),
    "to the right": (1, 0, 0),
    "rightwards": (1, 0, 0),
    "sideways": (1, 0, 0),
    "up": (0, 0, 1),
    "upward": (0, 0, 1),
    "upwards": (0, 0, 1),
    "into the air": (0, 0, 1),
    "down": (0, 0, -1),
    "downward": (0, 0, -1),
    "downwards": (0, 0, -1),
    "from left to right": (1, 0, 0),
    "from the left": (1, 0, 0),
    "from right to left": (-1, 0, 0),
    "from the right": (-1, 0, 0),
    "towards the camera": (0, -1, 0),
    "toward the camera": (0, -1, 0),
    "at the camera": (0, -1, 0),
    "to the camera": (0, -1, 0),
    "towards us": (0, -1, 0),
    "towards the viewer": (0, -1, 0),
    "away from the camera": (0, 1, 0),
    "from behind": (0, -1, 0),
}
"""Where something goes: x right, y away from the viewer, z up."""

PREPOSITIONS: dict[str, str] = {
    word: relation
    for relation, words in {
        "on": "on,onto,upon,on top of,atop,over the top of,standing on,resting on,lying on",
        "above": "above,over,high above",
        "under": "under,below,beneath,underneath",
        "beside": "beside,next to,near,by,close to,alongside,adjacent to,at",
        "left_of": "left of,to the left of,on the left of,on the left side of",
        "right_of": "right of,to the right of,on the right of,on the right side of",
        "in_front_of": "in front of,before,ahead of",
        "behind": "behind,in back of,at the back of",
        "inside": "in,inside,within,into",
        "around": "around,surrounding,in a circle around,in a ring around",
        "between": "between,in between,amid",
        "against": "against",
        "towards": "towards,toward,to",
        "from": "from,out of,off,off of,away from",
        "down": "down,along,across,through,past,up",
        "with": "with,having,wearing",
        "without": "without,no",
        "of": "of,made of,made from,made out of",
        "for": "for,during,lasting",
    }.items()
    for word in words.split(",")
}
"""Preposition -> relation of the grammar (some of them are the plan's)."""
