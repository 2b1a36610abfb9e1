"""Where everything stands: copies of an object among themselves, and objects in relation to each other. No bpy.

Boxes are axis-aligned, world frame, metres. Things that are placed by a relation never overlap: a spot that is taken is
left for the nearest free one, on a spiral. Only `at` is taken at its word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..faults import Fault
from ..plan import Plan, PlanObject

GAP_M = 0.0005
"""Left between what rests on each other, so that solvers start without contact forces."""

_ABOVE_M = 2.0
_TRIES = 400


@dataclass(frozen=True)
class Surroundings:
    """What can be asked about the mesh of a placed object; rays start in world coordinates.

    top: highest z inside a rectangle (low xy, high xy) or None. floor: z of the inner floor and inner radius of a
    hollow. headroom: free height above the ground under the middle.
    """

    top: Callable[[np.ndarray, np.ndarray], float | None]
    floor: Callable[[], tuple[float, float]]
    headroom: Callable[[], float]


@dataclass
class Group:
    """All copies of one object. low, high: bounds of one copy about its origin. yaw_deg: extra turn of each copy.

    origins: (N, 3) world positions of the copies' origins, once placed.
    """

    thing: PlanObject
    low: np.ndarray
    high: np.ndarray
    origins: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    yaw_deg: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def extent(self) -> np.ndarray:
        return self.high - self.low

    def boxes(self, origins: np.ndarray | None = None) -> np.ndarray:
        """(N, 6) low and high corner of every copy, however it is turned."""
        origins = self.origins if origins is None else origins
        low, high = self.low.copy(), self.high.copy()
        if np.any(self.yaw_deg):
            reach = float(np.hypot(*np.maximum(np.abs(low), np.abs(high))[:2]))
            low[:2], high[:2] = -reach, reach
        return np.concatenate([origins + low, origins + high], 1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        boxes = self.boxes()
        return boxes[:, :3].min(0), boxes[:, 3:].max(0)


def solve(
    plan: Plan, groups: dict[str, Group], look: Callable[[Group], Surroundings], taken: np.ndarray | None = None
) -> None:
    """Fills `origins` and `yaw_deg` of every group. look: surroundings of a group that is placed.

    taken: (N, 6) boxes that were there before. Raises Fault("bad_input") when a relation cannot be met.
    """
    placed: list[np.ndarray] = [taken] if taken is not None and len(taken) else []
    done: set[str] = set()
    waiting = sorted(range(len(plan.objects)), key=lambda i: plan.objects[i].place.relation != "at")
    while waiting:
        ready = [i for i in waiting if not plan.objects[i].place.target or plan.objects[i].place.target in done]
        for index in ready:
            thing = plan.objects[index]
            group = groups[thing.name]
            rng = np.random.default_rng([plan.seed, index])
            _place(plan, group, groups, look, placed, rng)
            placed.append(group.boxes())
            done.add(thing.name)
        waiting = [i for i in waiting if i not in ready]


def _place(
    plan: Plan,
    group: Group,
    groups: dict[str, Group],
    look: Callable[[Group], Surroundings],
    placed: list[np.ndarray],
    rng: np.random.Generator,
) -> None:
    thing, place = group.thing, group.thing.place
    target = groups.get(place.target)
    sight = look(target) if target is not None else None
    low, high = target.bounds() if target is not None else (np.zeros(3), np.zeros(3))
    offset = np.array(place.offset_m)
    radius = _room(thing, group, low, high, sight)
    layout, group.yaw_deg = copies(thing, group, radius, rng)
    base = layout[:, 2].min() + group.low[2]  # height of the lowest point of the group about its origin
    middle = _middle(group, layout)
    others = np.concatenate(placed) if placed else np.zeros((0, 6))
    if place.relation == "at":
        group.origins = layout + offset - [middle[0], middle[1], base]
        return
    if place.relation == "around" and (target is not None or thing.count > 1):
        middle, base = np.zeros(2), group.low[2]
        spots = [np.array([*(low[:2] + high[:2]) / 2, low[2] + GAP_M - base])]
        for wider in range(60):  # until no copy meets anything
            layout = _ring(group, low, high, place.distance_m, target is not None, wider)
            if not overlapping(group.boxes(layout + spots[0] + offset), others):
                break
    else:
        spots = list(_spots(group, layout, place.relation, low, high, target, sight, place.distance_m))
    mine = place.target if place.relation in ("on", "inside", "under", "above") else ""  # rays know its shape
    if mine:
        others = np.concatenate([np.zeros((0, 6)), *(g.boxes() for g in groups.values() if _apart(g, group, target))])
    for spot in spots:
        origins = layout + spot + offset - [middle[0], middle[1], 0.0]
        if not overlapping(group.boxes(origins), others):
            group.origins = origins
            return
    if place.relation in ("inside", "under"):
        raise Fault(
            "bad_input",
            f"{thing.count} of {thing.name!r} do not fit {place.relation} {place.target!r}.",
            "Make them smaller or fewer.",
        )
    group.origins = layout + spots[-1] + offset - [middle[0], middle[1], 0.0]
    while overlapping(group.boxes(), others):  # nothing is free near by: go up until something is
        group.origins = group.origins + [0.0, 0.0, max(0.1 * group.extent[2], 0.05)]


def _apart(other: Group, group: Group, target: Group | None) -> bool:
    return other is not group and other is not target and len(other.origins) > 0


def _middle(group: Group, layout: np.ndarray) -> np.ndarray:
    """Of the group in x and y, about the origin of the layout."""
    boxes = group.boxes(layout)
    return (boxes[:, :2].min(0) + boxes[:, 3:5].max(0)) / 2


def _room(
    thing: PlanObject, group: Group, low: np.ndarray, high: np.ndarray, sight: Surroundings | None
) -> float | None:
    """Radius that the target offers to copies; None: as much as they want."""
    if thing.place.relation == "inside" and sight is not None:
        return sight.floor()[1] * 0.92
    if thing.place.relation == "on" and sight is not None:
        return float(min(high[:2] - low[:2])) / 2 * 0.9
    return None


def _spots(
    group: Group,
    layout: np.ndarray,
    relation: str,
    low: np.ndarray,
    high: np.ndarray,
    target: Group | None,
    sight: Surroundings | None,
    distance_m: float | None,
) -> Iterator[np.ndarray]:
    """Positions for the middle of the group's base (z for its origin), the best first."""
    boxes = group.boxes(layout)
    extent = boxes[:, 3:].max(0) - boxes[:, :3].min(0)
    lift = -boxes[:, 2].min() + GAP_M
    centre = (low + high) / 2
    if relation in ("left_of", "right_of", "in_front_of", "behind", "beside", "around"):
        gap = distance_m if distance_m is not None else 0.15 * float(extent[:2].max())
        yield from _sides(relation, low, high, extent, gap, lift)
        return
    if relation == "inside" and sight is not None:
        floor, radius = sight.floor()
        if np.hypot(*extent[:2]) / 2 > radius * 1.45:
            return
        yield np.array([centre[0], centre[1], floor + lift])
        return
    if relation == "under" and sight is not None:
        if extent[2] < sight.headroom():
            yield np.array([centre[0], centre[1], max(low[2], 0.0) + lift])
        elif low[2] - (distance_m or 0.0) - extent[2] >= 0:
            yield np.array([centre[0], centre[1], low[2] - (distance_m or 0.0) - extent[2] + lift - 2 * GAP_M])
        return
    step = max(0.35 * float(extent[:2].max()), 0.01)
    nothing_met = target is not None and relation == "on"
    if target is not None and relation == "on" and target.thing.shape in ("ramp", "stairs"):
        centre = centre + [0.0, 0.5 * (high[1] - low[1]) - 0.55 * extent[1], 0.0]
    for x, y in _spiral(step, _TRIES):
        spot = np.array([centre[0] + x, centre[1] + y, 0.0])
        half = extent[:2] / 2
        if (
            target is not None
            and relation == "on"
            and np.any(np.abs(spot[:2] - (low + high)[:2] / 2) > (high - low)[:2] / 2)
        ):
            continue
        top = high[2]
        if sight is not None and relation == "on":
            found = sight.top(spot[:2] - half, spot[:2] + half)
            if found is None:
                continue
            top = found
        spot[2] = top + lift
        if relation == "above":
            spot[2] += (_ABOVE_M if distance_m is None else distance_m) - GAP_M
        nothing_met = False
        yield spot
    if nothing_met:  # what spans thin supports, as a board on posts, lies on the highest
        yield np.array([centre[0], centre[1], high[2] + lift])


def _sides(
    relation: str, low: np.ndarray, high: np.ndarray, extent: np.ndarray, gap: float, lift: float
) -> Iterator[np.ndarray]:
    ways = {"right_of": (1, 0), "left_of": (-1, 0), "in_front_of": (0, -1), "behind": (0, 1)}
    if relation in ("beside", "around"):
        ways = {name: ways[name] for name in ("right_of", "left_of", "behind", "in_front_of")}
    else:
        ways = {relation: ways[relation]}
    reach = (high - low) / 2 + extent / 2 + gap
    centre = (low + high) / 2
    for further in range(60):
        for x, y in ways.values():
            away = 1.0 + 0.5 * further * extent[:2] / np.maximum(reach[:2], 1e-6)
            yield np.array([centre[0] + x * reach[0] * away[0], centre[1] + y * reach[1] * away[1], low[2] + lift])


def _spiral(step: float, count: int) -> Iterator[tuple[float, float]]:
    """Points of a sunflower about (0, 0), about `step` apart in the middle and sparser outside, the middle first."""
    for i in range(count):
        radius, turn = step * np.sqrt(i) * (1 + i / 40), i * 2.399963
        yield float(radius * np.cos(turn)), float(radius * np.sin(turn))


def overlapping(mine: np.ndarray, others: np.ndarray) -> bool:
    """Does any box (N, 6) reach into any of the others (M, 6)?"""
    if not len(others):
        return False
    slack = 1e-6
    apart = (mine[:, None, :3] >= others[None, :, 3:] - slack) | (mine[:, None, 3:] <= others[None, :, :3] + slack)
    return bool((~apart.any(-1)).any())


# ----------------------------------------------------------------------------------------------- copies of one object


def copies(
    thing: PlanObject, group: Group, room: float | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) positions of the copies' origins about the group's, and (N,) extra turns in degrees."""
    count, extent = thing.count, group.extent
    still = np.zeros(count)
    if count == 1:
        return np.zeros((1, 3)), still
    arrange = (
        "heap" if thing.place.relation == "inside" and thing.arrange in ("row", "grid", "scatter") else thing.arrange
    )
    active = thing.rigid is not None and thing.rigid.type == "active"
    along = 1 if active and extent[1] < 0.5 * extent[0] else 0
    gap = thing.spacing_m
    if arrange == "row":
        default = 0.45 * extent[2] if active and extent[along] < 0.5 * extent[2] else 0.25 * extent[along] + 0.02
        offsets = np.zeros((count, 3))
        offsets[:, along] = np.arange(count) * (extent[along] + (default if gap is None else gap))
        return offsets, still
    if arrange in ("scatter", "heap"):
        return _loose(thing, group, room, rng, layered=arrange == "heap")
    if arrange == "circle":
        between = float(np.hypot(*extent[:2])) + (0.2 * extent[0] if gap is None else gap)
        radius = thing.spread_m or between / (2 * np.sin(np.pi / count))
        turns = 2 * np.pi * np.arange(count) / count
        return np.stack([radius * np.cos(turns), radius * np.sin(turns), np.zeros(count)], 1), still
    return _ordered(arrange, count, extent, gap), still


def _ordered(arrange: str, count: int, extent: np.ndarray, gap: float | None) -> np.ndarray:
    if arrange == "stack":
        return np.arange(count)[:, None] * np.array([0.0, 0.0, extent[2] + (GAP_M if gap is None else gap)])
    if arrange == "grid":
        columns = int(np.ceil(np.sqrt(count)))
        step = extent[:2] + (0.25 * extent[:2].max() if gap is None else gap)
        at = np.arange(count)
        return np.stack([at % columns * step[0], at // columns * step[1], np.zeros(count)], 1)
    step = np.array([extent[0] + (2 * GAP_M if gap is None else gap), extent[2] + GAP_M])
    offsets: list[tuple[float, float, float]] = []
    columns = int(np.ceil(np.sqrt(1.6 * count * step[1] / step[0])))
    row, width = 0, columns
    if arrange == "pyramid":
        width = int(np.ceil((np.sqrt(8 * count + 1) - 1) / 2))
    while len(offsets) < count:
        shift = (0.5 * row if arrange == "pyramid" else 0.5 * (row % 2)) * step[0]
        offsets += [(shift + i * step[0], 0.0, row * step[1]) for i in range(min(width, count - len(offsets)))]
        row += 1
        width = max(1, width - 1) if arrange == "pyramid" else max(1, columns - row % 2)  # nothing hangs over
    return np.array(offsets)


def _loose(
    thing: PlanObject, group: Group, room: float | None, rng: np.random.Generator, layered: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Scatter on a disc (by throwing darts), or a heap of loose layers that fall onto each other."""
    count, extent = thing.count, group.extent
    diameter = float(np.hypot(*extent[:2])) if not _is_round(thing) else float(extent[:2].max())
    apart = diameter * 1.08 + (thing.spacing_m or 0.0)
    radius = thing.spread_m or (min(room, 0.75 * apart * np.sqrt(count)) if room else (1.5 if layered else 2.2) * apart)
    if not thing.spread_m and not room and not layered:
        radius = 1.1 * apart * np.sqrt(count)
    reach = max((room if room is not None and thing.spread_m is None else radius) - diameter / 2, 0.0)
    found = np.zeros((0, 3))
    layer = np.zeros((0, 2))
    height, tries = 0.0, 0
    while len(found) < count:
        turn, far = rng.uniform(0, 2 * np.pi), reach * np.sqrt(rng.uniform())
        dart = np.array([far * np.cos(turn), far * np.sin(turn)])
        tries += 1
        if len(layer) and np.min(np.hypot(*(layer - dart).T)) < apart:
            if tries > 60 and layered:
                height, layer, tries = height + extent[2] * 1.06, np.zeros((0, 2)), 0
            elif tries > 400:
                reach, tries = reach * 1.2 + 0.1 * apart, 0
            continue
        layer, tries = np.vstack([layer, dart]), 0
        found = np.vstack([found, [*dart, height]])
    yaw = np.zeros(count) if _is_round(thing) else rng.uniform(-180, 180, count)
    return found, yaw


def _is_round(thing: PlanObject) -> bool:
    from ..plan import SHAPES

    return thing.shape in SHAPES and SHAPES[thing.shape].collision == "sphere"


def _ring(
    group: Group, low: np.ndarray, high: np.ndarray, distance_m: float | None, about_target: bool, wider: int
) -> np.ndarray:
    """Copies on a circle about the middle of the target, wide enough that they do not touch each other."""
    count, extent = group.thing.count, group.extent
    half = float(np.hypot(*extent[:2])) / 2
    inner = float(np.hypot(*(high - low)[:2])) / 2 if about_target else 0.0
    gap = distance_m if distance_m is not None else 0.3 * half
    radius = max(inner + gap + half, 2.1 * half / (2 * np.sin(np.pi / max(count, 2))) if count > 1 else 0.0)
    radius += 0.5 * half * wider
    turns = 2 * np.pi * np.arange(count) / count - np.pi / 2
    return np.stack([radius * np.cos(turns), radius * np.sin(turns), np.zeros(count)], 1)
