"""Detached houses: walls with windows and a door, a gable, hip or flat roof, chimney and steps."""

from __future__ import annotations

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant
from .declare import choice, count, metres, switch
from .parts import Look, Parts, srgb
from .shapes.openings import Hole, door, turned, wall, windows
from .shapes.piece import Piece, assembled, face_normals, merged, of_faces
from .shapes.solids import slab

_WALLS = {
    "plaster": Look(srgb("#e2d8c3"), srgb("#d5c9b1"), "noise", 0.5, 0.004, 0.9),
    "brick": Look(srgb("#9c4a33"), srgb("#b9ad9e"), "bricks", 0.25, 0.006, 0.85),
    "wood": Look(srgb("#8b5f3a"), srgb("#6b4626"), "wood", 0.05, 0.004, 0.8),
    "white": Look(srgb("#eceae4"), roughness=0.8),
}
_ROOFS = {"tiles": "#8c4a36", "slate": "#4a4e55", "thatch": "#b39a62"}
INFO = GeneratorInfo(
    "house",
    "House",
    "A house with walls, windows, a door and a roof; its door is at the front",
    "architecture",
    (
        metres("width_m", "Width", "Left to right", 9.0, 3.0, 40.0),
        metres("depth_m", "Depth", "Front to back", 7.0, 3.0, 40.0),
        count("storeys", "Storeys", "Below the roof", 2, 1, 6),
        choice("roof", "Roof", "Its shape", ("gable", "Gable"), ("hip", "Hip"), ("flat", "Flat")),
        choice("covering", "Covering", "What covers the roof", *((key, key.capitalize()) for key in _ROOFS)),
        choice("walls", "Walls", "What the walls are made of", *((key, key.capitalize()) for key in _WALLS)),
        switch("chimney", "Chimney", "With a chimney", True),
    ),
    (
        Variant(("house", "home", "family house"), {}, mass_kg=150_000.0),
        Variant(
            ("cottage", "hut"), {"storeys": 1, "width_m": 6.5, "depth_m": 5.0, "covering": "thatch"}, mass_kg=60_000.0
        ),
        Variant(
            ("cabin", "log cabin"),
            {"storeys": 1, "width_m": 6.0, "depth_m": 5.0, "walls": "wood", "covering": "slate"},
            mass_kg=30_000.0,
        ),
        Variant(
            ("villa", "modern house"),
            {"roof": "flat", "walls": "white", "width_m": 12.0, "depth_m": 9.0, "chimney": False},
            mass_kg=250_000.0,
        ),
        Variant(
            ("brick house", "town house"),
            {"walls": "brick", "storeys": 3, "width_m": 7.0, "covering": "slate"},
            mass_kg=200_000.0,
        ),
        Variant(
            ("barn", "shed"),
            {"storeys": 1, "width_m": 8.0, "depth_m": 11.0, "walls": "wood", "chimney": False},
            mass_kg=40_000.0,
        ),
    ),
)
STOREY = 2.8
THICK = 0.3


def make(values: dict[str, Value], rng: np.random.Generator) -> Parts:
    width, depth, storeys = float(values["width_m"]), float(values["depth_m"]), int(values["storeys"])
    height, plinth = storeys * STOREY, 0.35
    sides = (
        (0, width, 0, -depth / 2),
        (180, width, 0, depth / 2),
        (90, depth, width / 2, 0),
        (-90, depth, -width / 2, 0),
    )
    layers: list[tuple[Piece, str]] = []
    for angle, length, x, y in sides:
        inner = length if angle in (0, 180) else length - 2 * THICK  # the long walls take the corners
        layers += turned(_side(inner, height, storeys, angle == 0), angle, x, y, plinth)
    layers.append(
        (slab((-width / 2 - 0.08, -depth / 2 - 0.08, 0), (width / 2 + 0.08, depth / 2 + 0.08, plinth)), "plinth")
    )
    for step in range(2):
        y = -depth / 2 - 0.08 - 0.32 * (2 - step)
        layers.append((slab((-0.9, y, 0), (0.9, -depth / 2 - 0.08, plinth * (step + 1) / 3)), "plinth"))
    for storey in range(1, storeys):
        z = plinth + storey * STOREY
        layers.append(
            (slab((THICK - width / 2, THICK - depth / 2, z - 0.2), (width / 2 - THICK, depth / 2 - THICK, z)), "trim")
        )
    top = plinth + height
    roof = {"gable": _gable, "hip": _hip, "flat": _flat}[str(values["roof"])]
    layers += roof(width, depth, top)
    if values["chimney"]:
        x, y = 0.27 * width, 0.14 * depth
        peak = top + (0.32 * depth if values["roof"] != "flat" else 0.3)
        layers.append((slab((x - 0.3, y - 0.3, top - 0.3), (x + 0.3, y + 0.3, peak + 0.7)), "chimney"))
        layers.append((slab((x - 0.37, y - 0.37, peak + 0.7), (x + 0.37, y + 0.37, peak + 0.8)), "plinth"))
    roof_colour = srgb(_ROOFS[str(values["covering"])])
    dark = (roof_colour[0] * 0.65, roof_colour[1] * 0.65, roof_colour[2] * 0.65)
    looks = {
        "walls": _WALLS[str(values["walls"])],
        "roof": Look(roof_colour, dark, "bricks" if values["covering"] != "thatch" else "noise", 0.3, 0.02, 0.85),
        "plinth": Look(srgb("#8a867e"), srgb("#77736b"), "noise", 0.3, 0.003, 0.9),
        "chimney": Look(srgb("#9c4a33"), srgb("#b9ad9e"), "bricks", 0.25, 0.006, 0.85),
        "trim": Look(srgb("#cfc9bc"), roughness=0.8),
        "frame": Look(srgb("#f1efe9"), roughness=0.5),
        "pane": Look(srgb("#5e7686"), roughness=0.05, metallic=0.6),
        "door": Look(srgb("#5a3320"), srgb("#452515"), "wood", 0.03, 0.001, 0.5),
        "metal": Look(srgb("#c2a562"), roughness=0.25, metallic=1.0),
    }
    return Parts((assembled("House", layers, closed=True),), looks)


def _side(length: float, height: float, storeys: int, front: bool) -> list[tuple[Piece, str]]:
    """One facade: equal windows on each storey; the front has the door in the middle of the ground floor."""
    number = max(1, round(length / 2.3))
    if front and number % 2 == 0 and length > 4:
        number += 1
    places = (np.arange(number) + 0.5) / number * length - length / 2
    wide = min(1.1, 0.55 * length / number)
    holes, panes, layers = [], [], []
    for storey in range(storeys):
        z = storey * STOREY
        for place in places:
            if front and storey == 0 and abs(place - places[number // 2]) < 1e-9:
                hole = Hole(place - 0.52, 0.0, place + 0.52, 2.15)
                layers += door(hole, 0.12)
            else:
                hole = Hole(place - wide / 2, z + 0.9, place + wide / 2, z + 2.2)
                panes.append(hole)
            holes.append(hole)
    return [(wall(length, height, THICK, holes), "walls"), *windows(panes, 0.12), *layers]


def _gable(width: float, depth: float, top: float) -> list[tuple[Piece, str]]:
    """Ridge along the width; the two ends are filled with triangles of wall."""
    rise, over, thick = 0.38 * depth, 0.45, 0.22
    half, reach = depth / 2, width / 2 + over
    slope = rise / half
    eave = (half + over, top - slope * over)
    outline = np.array(
        [
            (-eave[0], eave[1]),
            (0, top + rise),
            eave,
            (eave[0], eave[1] + thick),
            (0, top + rise + thick * 1.25),
            (-eave[0], eave[1] + thick),
        ]
    )
    faces = [[k, (k + 1) % 6, 6 + (k + 1) % 6, 6 + k] for k in range(6)]
    points = np.array([(x, a, b) for x in (reach, -reach) for a, b in outline])
    caps = [[5, 4, 1, 0], [4, 3, 2, 1], [6, 7, 10, 11], [7, 8, 9, 10]]
    roof = of_faces(points, faces + caps)
    roof = roof if _volume(roof) > 0 else roof.flipped()
    end = np.array([(-half, top), (half, top), (0, top + rise)])
    ends = []
    for x in (-1, 1):
        near = x * width / 2
        far = near - x * THICK
        tips = np.array([(near, a, b) for a, b in end] + [(far, a, b) for a, b in end])
        gable = of_faces(tips, [[0, 1, 2], [5, 4, 3], [0, 3, 4, 1], [1, 4, 5, 2], [2, 5, 3, 0]])
        ends.append(gable if _volume(gable) > 0 else gable.flipped())
    return [(_tiled(roof), "roof"), (merged(ends), "walls")]


def _hip(width: float, depth: float, top: float) -> list[tuple[Piece, str]]:
    """Four slopes; the ridge is as long as the house is longer than deep."""
    over, thick = 0.5, 0.2
    x, y = width / 2 + over, depth / 2 + over
    run = min(x, y)
    rise = 0.6 * run
    ridge = [(x - run, y - run), (run - x, run - y)]
    low = [(-x, -y), (x, -y), (x, y), (-x, y)]
    points = [(a, b, top - 0.05) for a, b in low] + [(a, b, top - 0.05 + thick) for a, b in low]
    a, b = ridge
    if np.allclose(a, b):
        points.append((0, 0, top + thick + rise))
        slopes = [[4, 5, 8], [5, 6, 8], [6, 7, 8], [7, 4, 8]]
    elif x > y:
        points += [(x - run, 0, top + thick + rise), (run - x, 0, top + thick + rise)]
        slopes = [[4, 5, 8, 9], [5, 6, 8], [6, 7, 9, 8], [7, 4, 9]]
    else:
        points += [(0, y - run, top + thick + rise), (0, run - y, top + thick + rise)]
        slopes = [[4, 5, 9], [5, 6, 8, 9], [6, 7, 8], [7, 4, 9, 8]]
    sides = [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [3, 2, 1, 0]]
    return [(_tiled(of_faces(np.array(points, float), sides + slopes)), "roof")]


def _flat(width: float, depth: float, top: float) -> list[tuple[Piece, str]]:
    over = 0.25
    x, y = width / 2 + over, depth / 2 + over
    plate = slab((-x, -y, top), (x, y, top + 0.3), 0.01)
    return [(plate, "trim"), (slab((0.3 - x, 0.3 - y, top + 0.29), (x - 0.3, y - 0.3, top + 0.32)), "plinth")]


def _tiled(roof: Piece) -> Piece:
    """UVs in metres along the eaves and up the slope, so that rows of tiles run level."""
    normal = face_normals(roof)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    level = np.cross([0.0, 0.0, 1.0], normal)
    length = np.linalg.norm(level, axis=1, keepdims=True)
    level = np.where(length > 1e-6, level / np.maximum(length, 1e-9), [1.0, 0.0, 0.0])
    up = np.cross(normal, level)
    points = roof.vertices[roof.corners]
    u = np.einsum("ck,ck->c", points, np.repeat(level, roof.sizes, axis=0))
    v = np.einsum("ck,ck->c", points, np.repeat(up, roof.sizes, axis=0))
    return roof.with_uvs(np.column_stack([u, v]))


def _volume(piece: Piece) -> float:
    """Six times the signed volume."""
    total, starts = 0.0, piece.starts
    points = piece.vertices - piece.vertices.mean(0)
    for start, size in zip(starts, piece.sizes, strict=True):
        face = points[piece.corners[start : start + size]]
        for k in range(1, size - 1):
            total += float(np.dot(face[0], np.cross(face[k], face[k + 1])))
    return total
