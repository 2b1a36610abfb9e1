"""From a word as written to the forms under which the lexicon may know it: plurals, verb endings, comparatives."""

from __future__ import annotations

from functools import cache

IRREGULAR = {
    **{"leaves": "leaf", "knives": "knife", "shelves": "shelf", "wolves": "wolf", "loaves": "loaf", "feet": "foot"},
    **{"men": "man", "women": "woman", "children": "child", "mice": "mouse", "geese": "goose", "dice": "die"},
    **{"fell": "fall", "fallen": "fall", "threw": "throw", "thrown": "throw", "spun": "spin", "flew": "fly"},
    **{"flown": "fly", "blew": "blow", "blown": "blow", "shot": "shoot", "slid": "slide", "swung": "swing"},
    **{"hung": "hang", "stood": "stand", "lay": "lie", "lying": "lie", "lain": "lie", "sat": "sit", "flung": "fling"},
    **{"struck": "strike", "spilt": "spill", "burnt": "burn", "rose": "rise", "risen": "rise", "ran": "run"},
    **{"dies": "die", "broke": "break", "broken": "break", "shook": "shake", "shaken": "shake", "made": "make"},
    **{"put": "put", "held": "hold", "went": "go", "gone": "go", "came": "come", "seen": "see", "shown": "show"},
    **{"is": "be", "are": "be", "was": "be", "were": "be", "being": "be", "been": "be", "has": "have", "had": "have"},
    **{"better": "good", "worse": "bad", "further": "far", "farther": "far", "less": "less", "frozen": "frozen"},
    **{"bigger": "big", "biggest": "big", "thicker": "thick", "lying": "lie", "dying": "die", "tying": "tie"},
}
_KEEP = {"glass", "grass", "brass", "across", "canvas", "moss", "cactus", "bus", "lens", "series", "this", "less", "as"}


@cache
def forms(word: str) -> tuple[str, ...]:
    """`word` first, then what it may be an inflection of. "dropped" -> ("dropped", "drop", ...)."""
    found = [word]
    if word in IRREGULAR:
        found.append(IRREGULAR[word])
    if word in _KEEP or len(word) < 4:
        return tuple(found) if len(word) < 3 or not word.endswith("s") or word in _KEEP else (*found, word[:-1])
    for ending, bases in (
        ("ies", ("y", "ie")),
        ("es", ("e", "")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
        ("iest", ("y",)),
        ("est", ("", "e")),
        ("ier", ("y",)),
        ("er", ("", "e")),
        ("ily", ("y",)),
        ("ly", ("", "le")),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            stem = word[: -len(ending)]
            found += [stem + base for base in bases]
            if ending[0] in "ei" and len(stem) > 2 and stem[-1] == stem[-2]:
                found.append(stem[:-1])  # dropped, spinning, bigger
    return tuple(dict.fromkeys(found))


def is_comparative(word: str) -> bool:
    """Does `word` end like one of "bigger", "slower", "heavier"?"""
    return word.endswith("er") and len(word) > 4


def distance(one: str, other: str, most: int = 3) -> int:
    """Edits between two words, a swap of neighbours counting as one (Damerau 1964); most + 1 when there are more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if last and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
