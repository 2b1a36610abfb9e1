"""The table of prompts: what each sentence must become as a plan, and how it must move once it is baked.

The first thirteen are those of GPT4Motion (arXiv 2311.12631, its project page). Plans are tested in tests/server,
motion in tests/addon, both from this one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """objects: name -> "shape" or "3 x shape" with " @relation target". has: paths into the plan -> value or test.

    An object's path begins with its name ("ball.rigid.bounce"), others with the plan's key ("camera.view") or "wind".
    motion: what is measured on the baked scene, "property:object": a function of tests/addon/measured.py or
    measured_fluids.py.
    """

    text: str
    objects: dict[str, str]
    has: dict[str, object]
    motion: tuple[str, ...] = ()
    task: str = "text_to_physics"


def about(value: float, share: float = 0.02) -> Callable[[float], bool]:
    """Within `share` of `value`."""
    return lambda given: abs(given - value) <= share * abs(value) + 1e-9


def over(value: float) -> Callable[[float], bool]:
    return lambda given: given is not None and given > value


def under(value: float) -> Callable[[float], bool]:
    return lambda given: given is not None and given < value


def given(value: object) -> bool:
    """Something is said there."""
    return value is not None and value != ""


PAPER = (
    Prompt(
        "A basketball free falls in the air",
        {"basketball": "basketball @above"},
        {"basketball.rigid": given, "basketball.place.distance_m": over(0.5)},
        ("falls:basketball", "bounces_lower:basketball", "above_floor:basketball"),
    ),
    Prompt(
        "A basketball spins out of control in the air and falls",
        {"basketball": "basketball @above"},
        {"basketball.rigid.random_spin_deg_s": over(100)},
        ("spins:basketball", "falls:basketball", "above_floor:basketball"),
    ),
    Prompt(
        "Four basketballs spin randomly in the air and fall",
        {"basketball": "4 x basketball @above"},
        {"basketball.rigid.random_spin_deg_s": over(100), "basketball.arrange": "scatter"},
        ("spins:basketball", "falls:basketball", "apart:basketball", "above_floor:basketball"),
    ),
    Prompt(
        "A basketball is thrown towards the camera",
        {"basketball": "basketball @above"},
        {"basketball.rigid.velocity_m_s.1": under(-3)},
        ("comes_closer:basketball", "above_floor:basketball"),
    ),
    Prompt(
        "A white flag flaps in light wind",
        {"flag": "flag @above"},
        {"flag.cloth.pin": "left", "flag.material.color": "white", "wind.speed_m_s": about(2.4)},
        ("waves:flag",),
    ),
    Prompt(
        "A white flag flaps in normal wind",
        {"flag": "flag @above"},
        {"flag.cloth.pin": "left", "wind.speed_m_s": about(8.0)},
        ("waves_more:flag",),
    ),
    Prompt(
        "A white flag flaps in the strong wind",
        {"flag": "flag @above"},
        {"flag.cloth.pin": "left", "wind.speed_m_s": about(18.0)},
        ("waves_more:flag",),
    ),
    Prompt(
        "A white T-shirt flutters in light wind",
        {"shirt": "shirt @above"},
        {"shirt.cloth.pin": "shoulders", "shirt.cloth.self_collision": True, "wind.speed_m_s": about(2.4)},
        ("waves:shirt",),
    ),
    Prompt(
        "A white T-shirt flutters in normal wind",
        {"shirt": "shirt @above"},
        {"wind.speed_m_s": about(8.0)},
        ("waves_more:shirt",),
    ),
    Prompt(
        "A white T-shirt flutters in the strong wind",
        {"shirt": "shirt @above"},
        {"wind.speed_m_s": about(18.0)},
        ("waves_more:shirt",),
    ),
    Prompt(
        "Water flows into a white mug on a table, top-down view",
        {"mug": "mug @on table", "table": "table", "water source": "sphere @above mug"},
        {"water source.liquid.substance": "water", "water source.liquid.stop_frame": over(5), "camera.view": "top"},
        ("fills:mug",),
    ),
    Prompt(
        "Viscous water flows into a white mug on a table, top-down view",
        {"mug": "mug @on table", "table": "table", "water source": "sphere @above mug"},
        {"water source.liquid.viscosity_m2_s": about(0.01)},
        ("fills:mug",),
    ),
    Prompt(
        "Very viscous water flows into a white mug on a table, top-down view",
        {"mug": "mug @on table", "table": "table", "water source": "sphere @above mug"},
        {"water source.liquid.viscosity_m2_s": about(0.035)},
        ("fills:mug",),
    ),
)

RIGID = (
    Prompt(
        "A basketball is dropped from 2 m onto a concrete floor and bounces",
        {"basketball": "basketball @above"},
        {"basketball.place.distance_m": about(2.0), "world.ground": "concrete"},
        ("falls:basketball", "bounces_lower:basketball", "above_floor:basketball"),
    ),
    Prompt(
        "A tennis ball, a basketball and a bowling ball fall from 3 metres",
        {"tennis ball": "tennis_ball @above", "basketball": "basketball @above", "bowling ball": "bowling_ball @above"},
        {f"{name}.place.distance_m": about(3.0) for name in ("tennis ball", "basketball", "bowling ball")},
        ("falls:tennis ball", "falls:basketball", "falls:bowling ball"),
    ),
    Prompt(
        "Three red wooden cubes fall onto a glass table",
        {"cube": "3 x cube @above table", "table": "table"},
        {
            "cube.material.name": "wood",
            "cube.material.color": "red",
            "table.material.name": "glass",
            "cube.rigid": given,
        },
        ("falls:cube", "apart:cube", "above_floor:cube", "still:table"),
    ),
    Prompt(
        "A heavy steel ball of 30 cm rolls down a ramp",
        {"ball": "sphere @on ramp", "ramp": "ramp"},
        {"ball.size_m.0": about(0.3), "ball.material.name": "steel", "ball.rigid.mass_kg": over(111)},
        ("comes_closer:ball", "descends:ball", "turns:ball"),
    ),
    Prompt(
        "A ball rolls down a ramp and knocks over ten dominoes",
        {"ball": "sphere @on ramp", "ramp": "ramp", "domino": "10 x domino @in_front_of ramp"},
        {"ball.rigid": given, "domino.rigid": given},
        ("descends:ball",),
    ),
    Prompt(
        "A row of twelve dominoes topples",
        {"domino": "12 x domino", "push": "sphere @in_front_of domino"},
        {"domino.arrange": "row", "domino.rigid": given, "notes": lambda notes: "push" in notes},
        ("topples:domino",),
    ),
    Prompt(
        "A bowling ball rolls towards ten bowling pins",
        {"bowling ball": "bowling_ball @left_of bowling pin", "bowling pin": "10 x bowling_pin"},
        {"bowling ball.rigid.velocity_m_s.0": over(1), "bowling pin.rigid": given},
        ("rolls:bowling ball", "pushes:bowling pin"),
    ),
    Prompt(
        "Two balls collide at 3 m/s",
        {"ball": "sphere @left_of second ball", "second ball": "sphere"},
        {"ball.rigid.velocity_m_s.0": about(3.0), "second ball.rigid.velocity_m_s.0": about(-3.0)},
        ("rebounds:ball",),
    ),
    Prompt(
        "A red ball hits a blue cube",
        {"ball": "sphere @left_of cube", "cube": "cube"},
        {
            "ball.material.color": "red",
            "cube.material.color": "blue",
            "ball.rigid.velocity_m_s.0": over(1),
            "cube.rigid": given,
        },
        ("pushes:cube",),
    ),
    Prompt(
        "A cannonball crashes into a brick wall",
        {"cannonball": "sphere @left_of brick wall", "brick wall": "24 x brick"},
        {
            "brick wall.arrange": "wall",
            "brick wall.rigid": given,
            "cannonball.material.name": "iron",
        },
        ("pushes:brick wall",),
    ),
    Prompt(
        "A stack of six crates collapses",
        {"crate": "6 x crate", "push": "sphere @left_of crate"},
        {"crate.arrange": "stack", "crate.rigid": given},
        ("descends:crate",),
    ),
    Prompt(
        "A pyramid of ten cans is hit by a tennis ball",
        {"can": "10 x cylinder", "tennis ball": "tennis_ball @left_of can"},
        {"can.arrange": "pyramid", "can.rigid": given, "tennis ball.rigid.velocity_m_s.0": over(1)},
        ("pushes:can",),
    ),
    Prompt(
        "A tower of eight wooden blocks is struck by a wrecking ball",
        {"cube": "8 x cube", "wrecking ball": "sphere @left_of cube"},
        {"cube.arrange": "stack", "cube.material.name": "wood", "wrecking ball.material.name": "iron"},
        ("pushes:cube",),
    ),
    Prompt(
        "Five marbles fall into a bowl",
        {"marble": "5 x marble @above bowl", "bowl": "bowl"},
        {"marble.rigid": given, "marble.arrange": "heap"},
        ("ends_inside:marble:bowl",),
    ),
    Prompt(
        "A dozen tennis balls rain down into a wooden crate",
        {"tennis ball": "12 x tennis_ball @above crate", "crate": "crate"},
        {"tennis ball.arrange": "heap", "crate.material.name": "wood"},
        ("ends_inside:tennis ball:crate",),
    ),
    Prompt(
        "The moon: a rock falls from 5 m",
        {"rock": "rock @above"},
        {"world.gravity_m_s2": about(1.62), "rock.place.distance_m": about(5.0)},
        ("falls:rock",),
    ),
    Prompt(
        "A basketball bounces on the moon for 6 seconds at 30 fps",
        {"basketball": "basketball @above"},
        {"world.gravity_m_s2": about(1.62), "timing.frames": 180, "timing.fps": 30},
        ("falls:basketball", "bounces_lower:basketball"),
    ),
    Prompt(
        "A beach ball blows away in a strong breeze",
        {"beach ball": "beach_ball"},
        {"beach ball.rigid": given, "wind.speed_m_s": about(12.3), "wind.direction_deg": about(90.0)},
        ("moves:beach ball",),
    ),
    Prompt(
        "A gold coin spins on the table",
        {"coin": "cylinder @on table", "table": "table"},
        {"coin.material.name": "gold", "coin.rigid.spin_deg_s.2": over(100)},
        ("turns:coin",),
    ),
    Prompt(
        "A ball is thrown over a wall",
        {"ball": "sphere @left_of wall", "wall": "wall"},
        {"ball.rigid.velocity_m_s.2": over(5), "ball.rigid.velocity_m_s.0": over(1)},
        ("passes:ball:wall",),
    ),
    Prompt(
        "A football is kicked at 20 m/s to the right",
        {"football": "football @above"},
        {"football.rigid.velocity_m_s.0": about(20.0)},
        ("goes_right:football",),
    ),
    Prompt(
        "A rubber ball with a radius of 10 cm bounces",
        {"ball": "sphere @above"},
        {"ball.size_m.2": about(0.2), "ball.rigid.bounce": over(0.7)},
        ("falls:ball", "bounces_lower:ball"),
    ),
    Prompt(
        "20 dice tumble onto a table",
        {"die": "20 x dice @above table", "table": "table"},
        {"die.arrange": "heap", "die.rigid": given},
        ("descends:die", "apart:die"),
    ),
    Prompt(
        "A ping pong ball falls into a glass",
        {"ping pong ball": "ping_pong_ball @above glass", "glass": "glass"},
        {"ping pong ball.rigid": given},
        ("ends_inside:ping pong ball:glass",),
    ),
    Prompt(
        "A large ball and a small ball fall off a table",
        {"ball": "sphere @on table", "ball 2": "sphere @on table", "table": "table"},
        {"ball.rigid.velocity_m_s.0": over(0.5)},
        ("descends:ball",),
    ),
    Prompt(
        "A box slides down a slippery ramp",
        {"box": "box @on ramp", "ramp": "ramp"},
        {"box.rigid": given, "ramp.rigid.type": "passive", "ramp.rigid.friction": under(0.1)},
        ("descends:box", "comes_closer:box"),
    ),
    Prompt(
        "a spinning basketball falls",
        {"basketball": "basketball @above"},
        {"basketball.rigid.spin_deg_s.2": over(100)},
        ("spins:basketball", "falls:basketball"),
    ),
    Prompt(
        "A basketball, made of rubber, 24 cm wide, weighing 600 g, drops from a height of 1.5 metres, seen from the "
        "side with an 85 mm lens",
        {"basketball": "basketball @above"},
        {
            "basketball.rigid.mass_kg": about(0.6),
            "basketball.place.distance_m": about(1.5),
            "basketball.material.name": "rubber",
            "basketball.size_m.0": about(0.24),
            "camera.view": "side",
            "camera.lens_mm": about(85.0),
            "notes": "",
        },
        ("falls:basketball",),
    ),
    Prompt(
        "There is a cup on the table. A ball falls into the cup.",
        {"cup": "cup @on table", "table": "table", "ball": "sphere @above cup"},
        {"ball.size_m.0": under(0.09)},
        ("ends_inside:ball:cup",),
    ),
    Prompt(
        "A red ball and a blue ball roll towards each other and collide",
        {"ball": "sphere @left_of blue ball", "blue ball": "sphere"},
        {"ball.rigid.velocity_m_s.0": over(0), "blue ball.rigid.velocity_m_s.0": under(0)},
        ("rebounds:ball",),
    ),
    Prompt(
        "two small red balls and a big blue one fall",
        {"ball": "2 x sphere @above", "blue ball": "sphere @above"},
        {"ball.size_m.0": about(0.15), "blue ball.size_m.0": about(0.54)},
        ("falls:ball", "falls:blue ball"),
    ),
    Prompt(
        "A ball falls onto the floor and then rolls to the left",
        {"ball": "sphere @above"},
        {"ball.rigid.velocity_m_s.0": under(0)},
        ("goes_left:ball",),
    ),
)

SOFT_AND_WET = (
    Prompt(
        "A red silk curtain blows in a storm, close-up, slow motion",
        {"curtain": "curtain @above"},
        {
            "curtain.cloth.fabric": "silk",
            "curtain.cloth.pin": "top",
            "curtain.material.color": "red",
            "wind.speed_m_s": about(26.4),
            "camera.framing": "close",
            "camera.target": "curtain",
            "timing.speed": about(0.25),
        },
        ("waves:curtain",),
    ),
    Prompt(
        "A blue dress flutters in a gentle breeze at sunset",
        {"dress": "dress @above"},
        {"dress.cloth.pin": "shoulders", "wind.speed_m_s": about(4.4), "light.setup": "sunset", "world.sky": "sunset"},
        ("waves:dress",),
    ),
    Prompt(
        "A tablecloth falls onto a sphere",
        {"cloth": "tablecloth @above sphere", "sphere": "sphere"},
        {"cloth.cloth.pin": "none"},
        ("descends:cloth", "outside:cloth:sphere"),
    ),
    Prompt(
        "A silk cloth drapes over a chair",
        {"cloth": "tablecloth @above chair", "chair": "chair"},
        {"cloth.cloth.fabric": "silk", "cloth.place.distance_m": under(1.0)},
        ("descends:cloth",),
    ),
    Prompt(
        "A black cape waves in a 15 m/s wind from the left",
        {"cape": "cape @above"},
        {"cape.cloth.pin": "shoulders", "wind.speed_m_s": about(15.0), "wind.direction_deg": about(0.0)},
        ("waves:cape",),
    ),
    Prompt("Two flags in force 8 wind", {"flag": "2 x flag @above"}, {"wind.speed_m_s": about(18.9)}, ("waves:flag",)),
    Prompt(
        "A hurricane blows a flag on a pole",
        {"flag": "flag @right_of pole", "pole": "pole"},
        {"wind.speed_m_s": about(35.0), "flag.cloth.pin": "left"},
        ("waves:flag",),
    ),
    Prompt(
        "A jelly cube drops on the floor and wobbles",
        {"cube": "cube @above"},
        {"cube.soft": given, "cube.rigid": None, "cube.material.name": "jelly"},
        ("descends:cube", "above_floor:cube"),
    ),
    Prompt(
        "Drop a bowling ball from 1 m on a jelly cube, low angle",
        {"bowling ball": "bowling_ball @above cube", "cube": "cube"},
        {"cube.soft": given, "bowling ball.place.distance_m": about(1.0), "camera.view": "low"},
        ("falls:bowling ball", "held_by:bowling ball:cube"),
    ),
    Prompt(
        "A bowling ball falls onto a trampoline",
        {
            "bowling ball": "bowling_ball @above trampoline",
            "trampoline leg": "4 x cylinder",
            "trampoline": "tablecloth @on trampoline leg",
        },
        {"trampoline.cloth.pin": "all_corners"},
        ("falls:bowling ball", "held_by:bowling ball:trampoline"),
    ),
    Prompt(
        "A cannonball drops onto a mattress",
        {"cannonball": "sphere @above mattress", "mattress": "box"},
        {"mattress.soft": None, "mattress.material.name": "foam"},
        ("falls:cannonball", "still:mattress"),
    ),
    Prompt(
        "Pour honey into a glass on a round table from 20 cm above",
        {"glass": "glass @on round table", "round table": "table", "honey source": "sphere @above glass"},
        {
            "honey source.liquid.substance": "honey",
            "honey source.place.distance_m": about(0.2),
            "round table.shape": "generator",
        },
        ("fills:glass",),
    ),
    Prompt(
        "Milk is poured into a bowl",
        {"bowl": "bowl", "milk source": "sphere @above bowl"},
        {"milk source.liquid.substance": "milk"},
        ("fills:bowl",),
    ),
    Prompt(
        "A glass of water stands on a table",
        {"glass": "glass @on table", "table": "table", "water in glass": "cylinder @inside glass"},
        {"water in glass.liquid.role": "volume"},
        ("keeps:water in glass", "stays_in:glass"),
    ),
    Prompt(
        "A cube of water splashes into a tank",
        {"cube": "cube @above tank", "tank": "tank"},
        {"cube.liquid.role": "volume", "cube.liquid.substance": "water"},
        ("drops:cube", "stays_in:tank"),
    ),
    Prompt(
        "Honey drips onto the floor",
        {"honey source": "sphere @above"},
        {"honey source.liquid.substance": "honey", "honey source.liquid.role": "inflow"},
        ("reaches_floor:honey source", "spreads:honey source"),
    ),
    Prompt(
        "Lava flows down the stairs",
        {"lava source": "sphere @above stairs", "stairs": "stairs"},
        {"lava source.liquid.substance": "lava"},
        ("flows_down:stairs",),
    ),
    Prompt(
        "Ice cubes fall into a glass of water",
        {"cube": "3 x cube @above glass", "glass": "glass", "water in glass": "cylinder @inside glass"},
        {"cube.material.name": "ice"},
        ("ends_inside:cube:glass", "stays_in:glass"),
    ),
    Prompt("Smoke rises from a bucket", {"bucket": "bucket"}, {"bucket.gas.type": "smoke"}, ("rises:bucket",)),
    Prompt(
        "A campfire burns on the grass at night",
        {"fire": "cylinder"},
        {"fire.gas.type": "fire", "world.ground": "grass", "light.setup": "night"},
        ("rises:fire",),
    ),
    Prompt(
        "A burning ball rolls across the floor",
        {"ball": "sphere"},
        {"ball.gas.type": "fire", "ball.rigid.velocity_m_s.0": over(0.5)},
        ("rolls:ball", "trails:ball"),
    ),
)

STILL = (
    Prompt(
        "Ten spheres scattered around a tall cone at noon",
        {"sphere": "10 x sphere @around cone", "cone": "cone"},
        {"cone.size_m.2": about(0.9), "light.elevation_deg": over(70)},
        (),
        "text_to_scene",
    ),
    Prompt(
        "The camera orbits around a golden torus on a marble pedestal",
        {"ring": "torus @on platform", "platform": "cylinder"},
        {"camera.move": "orbit", "ring.material.name": "gold", "platform.material.name": "marble"},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A red sphere above a blue cylinder next to a green cone",
        {"sphere": "sphere @above cylinder", "cylinder": "cylinder @beside cone", "cone": "cone"},
        {},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A table with four chairs around it",
        {"table": "table", "chair": "4 x chair @around table"},
        {"chair.arrange": "circle"},
        (),
        "text_to_scene",
    ),
    Prompt(
        "Three cubes and two spheres on a table",
        {"cube": "3 x cube @on table", "sphere": "2 x sphere @on table", "table": "table"},
        {},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A cube between two cylinders, eye level",
        {"cube": "cube", "left cylinder": "cylinder @left_of cube", "right cylinder": "cylinder @right_of cube"},
        {"camera.view": "front"},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A chair behind a table and a crate to the left of the table, overcast, wide shot",
        {"chair": "chair @behind table", "table": "table", "crate": "crate @left_of table"},
        {"light.setup": "overcast", "camera.framing": "wide"},
        (),
        "text_to_scene",
    ),
)

LAND = (
    Prompt(
        "A house between two pine trees on a hill at dawn, wide shot",
        {
            "house": "house @on terrain",
            "left pine": "tree @left_of house",
            "right pine": "tree @right_of house",
            "terrain": "terrain",
        },
        {"camera.framing": "wide", "light.setup": "sunset", "world.sky": "sunset"},
        (),
        "text_to_scene",
    ),
    Prompt(
        "Three rocks and a tree in the grass",
        {"rock": "3 x rock", "tree": "tree"},
        {"world.ground": "grass"},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A desk with a desk lamp on it and a chair in front of it",
        {"desk": "table", "desk lamp": "lamp @on desk", "chair": "chair @in_front_of desk"},
        {},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A treasure chest between two barrels",
        {"chest": "crate", "left barrel": "barrel @left_of chest", "right barrel": "barrel @right_of chest"},
        {},
        (),
        "text_to_scene",
    ),
    Prompt(
        "A road and a forest of thirty fir trees at sunrise",
        {"road": "road", "fir": "30 x tree"},
        {"fir.arrange": "scatter", "light.setup": "sunset"},
        (),
        "text_to_scene",
    ),
)

PROMPTS = (*PAPER, *RIGID, *SOFT_AND_WET, *STILL, *LAND)
