"""How long the planner by rules takes for a prompt, a change, and the longest prompt that is read: processor time.

python benchmarks/planner.py [rounds]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "prompts")]

from prompts import PROMPTS  # noqa: E402

from blender_aigc.catalogue import Asset, OwnThings, catalogue  # noqa: E402
from server.language.edits import edit  # noqa: E402
from server.language.lexicon import lexicon  # noqa: E402
from server.language.read import plan_of  # noqa: E402


def timed_ms(what: Callable[[], object], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        began = time.process_time()
        what()
        found.append(1000 * (time.process_time() - began))
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"lexicon, once:      {timed_ms(lexicon, 1)[0]:8.1f} ms")
    lexicon(still=True)
    each = [
        min(timed_ms(lambda row=row: plan_of(row.text, 0), rounds)) for row in PROMPTS if row.task != "text_to_scene"
    ]
    slowest = max(each)
    print(f"prompts of the table, {len(each)}: median {statistics.median(each):.2f} ms, slowest {slowest:.2f} ms")
    plan = plan_of("A white flag flaps in light wind")
    print(f"a change:           {min(timed_ms(lambda: edit(plan, 'make the wind stronger'), rounds)):8.2f} ms")
    own = tuple(Asset(f"SM_Prop{n}_Zorb", "object", (f"tag{n}",), "A thing", (1.0, 1.0, 1.0)) for n in range(500))
    entries = catalogue().with_own(OwnThings(own))
    first = timed_ms(lambda: plan_of("three zorbs fall", entries=entries), 1)[0]
    print(f"500 own assets:     {first:8.2f} ms, from the second sentence on "
          f"{min(timed_ms(lambda: plan_of('three zorbs fall', entries=entries), rounds)):.2f} ms")  # fmt: skip
    long = " ".join(["Three red wooden cubes fall onto a table."] * 30)
    print(f"240 words:          {min(timed_ms(lambda: plan_of(long), rounds)):8.2f} ms")


if __name__ == "__main__":
    main()
