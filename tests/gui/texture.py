"""A cube becomes wood by the mouse, then its upper side gold, in a real Blender. Writes FOLDER/report.json.

    python3 texture.py ZIP FOLDER

The orders to inside.py only choose the task and the view; the words are typed, and the buttons are pressed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from hand import middle
from tour import VIEWPORT, Tour


class Texture(Tour):
    def steps(self) -> list[Callable[[], None]]:
        return [self.prepare, self.texture, self.undo, self.part, self.look, self.end]

    def prepare(self) -> None:
        self.hand.wait(lambda s: s, "Blender")
        time.sleep(2)
        self.hand.order("cube")
        self.hand.order("choose", {"task": "texture_mesh"})
        self.hand.order("frame", 35, 1.6)
        self.hand.click(*middle(self.hand.find("tab")[-1]))
        time.sleep(1)
        self.hand.shoot("1_before")

    def words(self, text: str) -> None:
        """Into the prompt, the first text field of the tab."""
        self.enter(self.hand.find("wcol_text")[0], text)

    def texture(self) -> None:
        """The first press starts the server, the second makes the texture."""
        self.hand.click(*self.hand.big_button())
        self.hand.wait(lambda s: s["session"] == "ready" and "solid" in s["models"], "the server")
        self.words("weathered oak planks")
        self.hand.click(*self.hand.big_button())
        state = self.hand.wait(lambda s: s["results"] or s["fault"], "the texture")
        self.note("fault", state["fault"])
        self.note("materials", self.hand.wait(lambda s: s["materials"]["Cube"], "the material")["materials"])
        time.sleep(2)
        self.hand.shoot("2_textured")

    def undo(self) -> None:
        self.hand.move(*VIEWPORT)
        self.hand.press("ctrl+z")
        self.note("undone", self.hand.wait(lambda s: not s["materials"]["Cube"], "undo", 20)["materials"])
        self.hand.shoot("3_undone")
        self.hand.press("ctrl+shift+z")
        self.note("redone", self.hand.wait(lambda s: s["materials"]["Cube"], "redo", 20)["materials"])

    def part(self) -> None:
        """Only the upper side."""
        self.hand.order("select_top")
        self.hand.order("choose", {"part": "SELECTED"})
        self.words("gold")
        self.hand.shoot("4_part")
        before = self.hand.state()
        self.hand.click(*self.hand.big_button())
        done = self.hand.wait(lambda s: len(s["results"]) > len(before["results"]) or s["fault"], "the part")
        self.note("part_fault", done["fault"])
        changed = self.hand.wait(lambda s: s["materials"] != before["materials"], "the other material")
        self.note("part", changed["materials"])
        time.sleep(2)
        self.hand.shoot("5_gold_on_top")

    def look(self) -> None:
        self.hand.order("shading", "MATERIAL")
        told = self.folder / "state.json"
        time.sleep(5)  # shaders are compiled in software: for a while Blender does not answer
        before, end = told.stat().st_mtime, time.monotonic() + 90
        while told.stat().st_mtime == before and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(5)
        self.hand.shoot("6_material_preview")
        self.hand.order("shading", "SOLID")

    def end(self) -> None:
        """Nothing is left running."""
        state = self.hand.state()
        self.note("end", [state["job"], state["fault"], state["mode"]])


if __name__ == "__main__":
    Texture(*(Path(word) for word in sys.argv[1:3])).walk()
