"""The grammar of settings: camera, light, time, gravity, strength of the wind in numbers."""

from __future__ import annotations

from collections.abc import Sequence

from .items import Item
from .meaning import Scene
from .tables.settings import BEAUFORT, CAMERA_VERBS

_LEADS = {
    "in",
    "at",
    "with",
    "from",
    "for",
    "during",
    "under",
    "by",
    "a",
    "an",
    "the",
    "seen",
    "viewed",
    "shot",
    "filmed",
    "on",
    "as",
    "during the",
}


def take_setting(items: Sequence[Item], at: int, scene: Scene, source_of_motion: bool) -> int:
    """Put the setting that begins at `at` into `scene`; how many items it took, 0 when none begins here.

    source_of_motion: "from above" and the like follow a verb of motion and say where from, not how it is seen.
    """
    start = at
    while at < len(items) and at - start < 3 and items[at].words in _LEADS and not items[at].has("view", "light"):
        at += 1
    if at >= len(items):
        return 0
    item = items[at]
    taken = at + 1 - start
    if item.has("view"):
        if source_of_motion and item.words in (
            "from above",
            "from below",
            "from the side",
            "from the front",
            "from the top",
        ):
            return taken
        return taken if _lens_or_view(items, at, scene) else 0
    if item.has("light") and not _names_something(items, at, start):
        scene.light.update(item.get("light"))
        return taken + (1 if at + 1 < len(items) and items[at + 1].words in ("light", "lighting", "sky") else 0)
    if item.has("gravity"):
        scene.gravity_m_s2 = item.get("gravity")
        return taken
    if item.kind == "quantity":
        return _numbers(items, at, start, scene)
    if item.words in ("force", "beaufort") and at + 1 < len(items) and items[at + 1].kind == "number":
        winds = at + 2 < len(items) and items[at + 2].words in ("wind", "winds", "gale", "storm")
        return _beaufort(items[at + 1].value, at + 2 - start, scene, winds)
    return 0


def _lens_or_view(items: Sequence[Item], at: int, scene: Scene) -> bool:
    key, value = items[at].get("view")
    scene.view[key] = value
    return True


def _names_something(items: Sequence[Item], at: int, start: int) -> bool:
    """ "dark red", "the dramatic ball": an adjective of what follows; and what is a colour's shade."""
    item = items[at]
    if item.has("shade", "size", "material", "colour"):
        return not (at > start and (at + 1 >= len(items) or items[at + 1].kind in ("stop", "comma")))
    return False


def _numbers(items: Sequence[Item], at: int, start: int, scene: Scene) -> int:
    quantity = items[at].quantities[0]
    taken = at + 1 - start
    after = items[at + 1].words if at + 1 < len(items) else ""
    if quantity.dimension == "time":
        scene.seconds = quantity.value
        return taken + (after in ("long",))
    if quantity.dimension == "frames":
        scene.frames = round(quantity.value)
        return taken + (after in ("long",))
    if quantity.dimension == "fps":
        scene.fps = quantity.value
        return taken
    if (
        quantity.dimension == "length"
        and quantity.unit.startswith(("mm", "millim"))
        and after in ("lens", "focal", "camera")
    ):
        scene.view["lens"] = quantity.value * 1000
        return taken + (2 if after == "focal" else 1)
    if quantity.dimension == "beaufort":
        return _beaufort(quantity.value, taken, scene)
    if quantity.dimension == "speed" and _wind_near(items, at):
        scene.wind_m_s = quantity.value
        return taken + (1 if after in ("wind", "winds") else 0)
    return 0


def _beaufort(number: float, taken: int, scene: Scene, winds: bool = False) -> int:
    scene.wind_m_s = BEAUFORT[min(12, max(0, round(number)))]
    return taken + winds


def _wind_near(items: Sequence[Item], at: int) -> bool:
    """Is the speed at `at` that of the wind: "10 m/s wind", "a wind of 10 m/s", "wind blowing at 10 m/s"?"""
    around = [item for item in items[max(0, at - 5) : at + 2] if item.has("noun")]
    nouns = [item.reading("noun").value for item in around]
    return bool(nouns) and nouns[-1].role == "wind"


def camera_clause(items: Sequence[Item], at: int, scene: Scene) -> int:
    """ "the camera orbits around the tower": items taken up to the verb (what follows is its complement), else 0."""
    start = at
    while at < len(items) and items[at].words in ("the", "a", "our", "with", "and", "as"):
        at += 1
    if at >= len(items) or not items[at].has("noun") or items[at].get("noun").role != "camera":
        return 0
    for number in range(at + 1, min(at + 5, len(items))):
        item = items[number]
        if item.kind in ("comma", "stop"):
            break
        if item.has("view"):
            key, value = item.get("view")
            scene.view[key] = value
            return number + 1 - start + _circling(items, number + 1)
        verb = next((r.words for r in item.readings if r.tag == "verb" and r.words in CAMERA_VERBS), "")
        if verb or (item.words.rstrip("s") in CAMERA_VERBS):
            scene.view["move"] = CAMERA_VERBS[verb or item.words.rstrip("s")]
            return number + 1 - start + _circling(items, number + 1)
    return 0


def _circling(items: Sequence[Item], at: int) -> int:
    """The rest of a camera clause: "around the tower", "slowly", up to the end of the clause."""
    taken = 0
    while at + taken < len(items) and items[at + taken].kind not in ("comma", "stop", "and"):
        taken += 1
    return taken
