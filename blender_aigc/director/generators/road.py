"""Roads, paths and railway tracks along a gentle curve. Lane 3.5 m, gauge 1.435 m."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import DETAIL, choice, count, degrees, metres, segments
from .parts import Look, Parts, srgb
from .shapes.noise import Noise
from .shapes.piece import Piece, aimed, assembled, merged
from .shapes.solids import box, loft

INFO = GeneratorInfo(
    "road",
    "Road",
    "A stretch of road with markings and kerbs, a path or a railway; it runs to the back",
    "ground",
    (
        choice(
            "kind",
            "Kind",
            "What it is",
            ("road", "Road"),
            ("street", "Street with pavements"),
            ("path", "Footpath"),
            ("rail", "Railway"),
        ),
        metres("length_m", "Length", "Along the middle", 30.0, 1.0, 2000.0),
        count("lanes", "Lanes", "Of a road", 2, 1, 8),
        degrees("curve_deg", "Curve", "Turn from its start to its end; above 0 to the left", 0.0, -270.0, 270.0),
        DETAIL,
    ),
    (
        Variant(("road", "highway"), {}),
        Variant(("street", "city street"), {"kind": "street"}),
        Variant(("path", "footpath", "trail"), {"kind": "path", "length_m": 15.0, "curve_deg": 50.0}),
        Variant(("railway", "rail track", "railroad", "train track"), {"kind": "rail"}),
        Variant(("curved road", "bend"), {"curve_deg": 70.0}),
    ),
    role="ground",
)


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    kind, length, turn = str(values["kind"]), float(values["length_m"]), np.radians(float(values["curve_deg"]))
    detail = float(values["detail"])
    steps = max(segments(24, detail, 4), round(abs(np.degrees(turn)) / 4), round(length / 20))
    line = _Line(length, turn)
    half = {"road": 1.75 * int(values["lanes"]), "street": 1.75 * int(values["lanes"]), "path": 0.8, "rail": 1.9}[kind]
    looks = {
        "asphalt": Look(srgb("#3c3d3f"), srgb("#4a4b4d"), "noise", 0.3, 0.001, 0.9),
        "paint": Look(srgb("#e9e7df"), roughness=0.7),
        "kerb": Look(srgb("#a7a39a"), srgb("#98948a"), "noise", 0.1, 0.001, 0.85),
        "pavement": Look(srgb("#918d85"), srgb("#6d6a63"), "bricks", 0.6, 0.002, 0.9),
        "gravel": Look(srgb("#a8977a"), srgb("#85765c"), "noise", 0.05, 0.01, 0.95),
        "steel": Look(srgb("#7d7a76"), roughness=0.35, metallic=1.0),
        "tie": Look(srgb("#5b4734"), srgb("#463627"), "wood", 0.03, 0.002, 0.85),
        "ballast": Look(srgb("#77726a"), srgb("#55514b"), "noise", 0.07, 0.02, 0.95),
    }
    if kind == "path":
        return Parts((assembled("Road", _path(line, half, steps, rng), closed=True),), looks)
    if kind == "rail":
        return Parts((assembled("Road", _rail(line, half, steps), closed=True),), looks)
    layers = [
        (line.swept([(-half, -0.3), (half, -0.3), (half, 0.0), (0, 0.02 * half), (-half, 0.0)], steps), "asphalt")
    ]
    layers += _markings(line, half, int(values["lanes"]), steps)
    if kind == "street":
        for s in (-1, 1):
            near, far = sorted((s * half, s * (half + 0.15)))
            layers.append((line.swept([(near, -0.3), (far, -0.3), (far, 0.14), (near, 0.12)], steps), "kerb"))
            near, far = sorted((s * (half + 0.15), s * (half + 2.2)))
            layers.append((line.swept([(near, -0.3), (far, -0.3), (far, 0.14), (near, 0.14)], steps), "pavement"))
    return Parts((assembled("Road", layers, closed=True),), looks)


class _Line:
    """An arc (or a straight line) on the ground along +Y, its middle at the origin."""

    def __init__(self, length: float, turn: float) -> None:
        self.length, self.turn = length, turn

    def at(self, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 2) and directions (N, 2) at distances -length / 2 .. length / 2."""
        angle = self.turn * along / self.length
        way = np.column_stack([-np.sin(angle), np.cos(angle)])
        if abs(self.turn) < 1e-6:
            return np.column_stack([0 * along, along]), way
        radius = self.length / self.turn
        return np.column_stack([radius * (np.cos(angle) - 1), radius * np.sin(angle)]), way

    def swept(self, section, steps: int, start: float = -0.5, stop: float = 0.5) -> Piece:
        """The section (x, z), against the clock seen from the start, along a stretch in shares of the length."""
        along = np.linspace(start, stop, max(2, round(steps * (stop - start)) + 1)) * self.length
        place, way = self.at(along)
        right = np.column_stack([way[:, 1], -way[:, 0]])
        section = np.asarray(section, float)[::-1]
        rings = np.zeros((len(along), len(section), 3))
        rings[..., :2] = place[:, None] + right[:, None] * section[None, :, :1]
        rings[..., 2] = section[:, 1]
        made = loft(rings, smooth=False)
        return made


def _markings(line: _Line, half: float, lanes: int, steps: int) -> list[tuple[Piece, str]]:
    """Lines at both sides, dashes of 3 m between lanes."""
    pieces = []
    for s in (-1, 1):
        x = s * (half - 0.25)
        z = 0.02 * half * (1 - abs(x) / half)
        pieces.append(
            line.swept(
                [(x - 0.06, z - 0.01), (x + 0.06, z - 0.01), (x + 0.06, z + 0.006), (x - 0.06, z + 0.006)], steps
            )
        )
    number = max(1, round(line.length / 9))
    for lane in range(1, lanes):
        x = -half + lane * 2 * half / lanes
        z = 0.02 * half * (1 - abs(x) / half)
        for k in range(number):
            start = (k + 0.33) / number - 0.5
            section = [(x - 0.06, z - 0.01), (x + 0.06, z - 0.01), (x + 0.06, z + 0.006), (x - 0.06, z + 0.006)]
            pieces.append(line.swept(section, steps, start, start + 0.34 / number))
    return [(merged(pieces), "paint")]


def _path(line: _Line, half: float, steps: int, rng) -> list[tuple[Piece, str]]:
    noise = Noise(rng)
    body = line.swept(
        [(-half, -0.1), (half, -0.1), (half, 0.0), (0.5 * half, 0.04), (-0.5 * half, 0.04), (-half, 0.0)], 3 * steps
    )
    shift = 0.16 * half * noise(body.vertices * (0.8, 0.8, 0.0))
    return [(body.warped(body.vertices + np.column_stack([shift, 0 * shift, 0 * shift])), "gravel")]


def _rail(line: _Line, half: float, steps: int) -> list[tuple[Piece, str]]:
    layers = [(line.swept([(-half, -0.3), (half, -0.3), (0.75 * half, 0.0), (-0.75 * half, 0.0)], steps), "ballast")]
    number = max(2, round(line.length / 0.65))
    along = (np.arange(number) + 0.5) / number * line.length - line.length / 2
    place, way = line.at(along)
    points = np.column_stack([place, np.full(number, 0.05)])
    ties = box(2.5, 0.15, 0.24, 0.01).copied(aimed(points, np.column_stack([way, 0 * along])))
    layers.append((ties, "tie"))
    for s in (-1, 1):
        x = s * 1.5 / 2
        section = [
            (-0.07, 0.0),
            (0.07, 0.0),
            (0.07, 0.015),
            (0.01, 0.03),
            (0.01, 0.12),
            (0.036, 0.13),
            (0.036, 0.16),
            (-0.036, 0.16),
            (-0.036, 0.13),
            (-0.01, 0.12),
            (-0.01, 0.03),
            (-0.07, 0.015),
        ]
        layers.append((line.swept([(x + a, 0.12 + b) for a, b in section], steps), "steel"))
    return layers
