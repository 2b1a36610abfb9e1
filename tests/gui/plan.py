"""From a sentence to a scene that moves, by mouse and keyboard, in a real Blender. Writes FOLDER/report.json.

    python3 plan.py ZIP FOLDER

The orders to inside.py only choose the task and look at the scene; what the test is about is clicked and typed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from hand import middle
from tour import VIEWPORT, Tour

FIRST = "Three red wooden cubes fall onto a glass table"
SECOND = "twice as many cubes, on the moon"


class PlanTour(Tour):
    def steps(self) -> list[Callable[[], None]]:
        return [self.open_tab, self.start_server, self.generate, self.edit_text, self.run, self.bake, self.play,
                self.film, self.change, self.discard, self.apply, self.run_again, self.undo]  # fmt: skip

    # -------------------------------------------------------------------------------------------------------- steps

    def start_server(self) -> None:
        self.hand.order("choose", {"task": "text_to_physics"})
        self.hand.shoot("2_task")
        self.hand.click(*self.hand.big_button())
        self.hand.wait(lambda s: s["session"] == "ready" and s["models"], "the server")
        time.sleep(1)

    def generate(self) -> None:
        self.sentence(FIRST)
        self.hand.shoot("3_prompt")
        self.hand.click(*self.hand.big_button())
        state = self.hand.wait(lambda s: s["plan"] or s["fault"], "the plan")
        self.note("plan", [thing["name"] for thing in state["plan"]["objects"]])
        time.sleep(1)
        self.hand.shoot("4_plan")

    def edit_text(self) -> None:
        """The button beside the plan's name opens it as text; Run takes what stands there."""
        boxes = self.hand.find("wcol_tool")
        generate = max(boxes, key=lambda box: box[3])
        self.hand.click(*middle(next(box for box in boxes if box[1] > generate[1] + generate[3])))
        state = self.hand.wait(lambda s: s["text_editors"], "the text editor")
        self.note("text_editors", state["text_editors"])
        time.sleep(1)
        self.hand.shoot("5_text")

    def run(self) -> None:
        self.press("run")
        state = self.hand.wait(lambda s: s["built"] or s["fault"], "the scene")
        self.note("run", [state["built"], len(state["objects"]), state["fault"]])
        self.hand.order("through_camera")
        self.hand.shoot("6_run")

    def bake(self) -> None:
        self.press("bake")
        self.hand.wait(lambda s: s["bake"] is not None or s["moving"] or s["fault"], "the bake")
        self.hand.shoot("7_bake", still=True)
        state = self.hand.wait(lambda s: s["moving"] or s["fault"], "the motion")
        self.note("bake", [state["moving"], state["fault"]])

    def play(self) -> None:
        self.hand.move(*VIEWPORT)
        self.hand.press("space")
        state = self.hand.wait(lambda s: s["frame"] > 20, "the motion to play")
        self.hand.press("space")
        self.note("played_to", state["frame"])
        self.hand.shoot("8_play")

    def film(self) -> None:
        """The folded part below Run and Bake: Stylise draws the frames, Control Frames writes depth, lines and mask."""
        frames = self.folder / "frames"
        self.hand.order("choose", {"frames_folder": f"{frames}/", "look": "charcoal drawing", "longest_px": 160})
        self.hand.order("range", 1, 3)
        x, y, _, height = next(box for box in self.hand.find("wcol_tool") if 29 <= box[3] <= 34)
        self.hand.click(x + 60, y + height + 17)
        time.sleep(1)
        self.hand.shoot("8b_film")
        self.press("apply")  # the left one of its row
        state = self.hand.wait(lambda s: s["sequence"] == [3, 3, True] or s["fault"], "the drawn frames")
        self.note("film", [state["sequence"], state["fault"], sorted(p.name for p in frames.glob("*.png"))])
        self.press("discard")  # the right one
        page = frames / "control" / "control.json"
        self.hand.wait(lambda s: page.exists() or s["fault"], "the control frames")
        self.note("control", [len(list(page.parent.rglob("*.png"))), self.hand.state()["fault"]])
        self.hand.shoot("8c_film_done")
        self.hand.click(x + 60, y + height + 17)

    def change(self) -> None:
        self.hand.order("choose", {"change_plan": True})
        self.sentence(SECOND)
        self.hand.click(*self.hand.big_button())
        state = self.hand.wait(lambda s: s["proposal"] or s["fault"], "the proposal")
        self.note("proposed", [state["proposal"], self.cubes(state)])
        time.sleep(1)
        self.hand.shoot("9_changes")

    def discard(self) -> None:
        self.press("discard")
        state = self.hand.wait(lambda s: not s["proposal"], "the end of the proposal", 20)
        self.note("discarded", self.cubes(state))

    def apply(self) -> None:
        self.hand.click(*self.hand.big_button())
        self.hand.wait(lambda s: s["proposal"] or s["fault"], "the proposal")
        time.sleep(1)
        self.press("apply")
        self.note("applied", self.cubes(self.hand.wait(lambda s: not s["proposal"], "the changed plan", 20)))
        self.hand.shoot("10_applied")

    def run_again(self) -> None:
        self.press("run")
        state = self.hand.wait(lambda s: not s["moving"] or s["fault"], "the new scene")
        self.note("run_again", [state["built"], len(state["objects"]), state["fault"]])
        self.hand.order("through_camera")
        self.hand.shoot("11_run_again")

    def undo(self) -> None:
        self.hand.move(*VIEWPORT)
        self.hand.press("ctrl+z")
        self.note("undone", self.hand.wait(lambda s: s["moving"], "the last run to come back", 20)["moving"])
        for _ in range(6):
            self.hand.press("ctrl+z")
            time.sleep(0.5)
            if not self.hand.state()["objects"]:
                break
        self.note("undone_all", self.hand.state()["objects"])
        self.hand.shoot("12_undone")

    # -------------------------------------------------------------------------------------------------------- tools

    def sentence(self, text: str) -> None:
        """Typed into the first text field of the tab."""
        self.enter(self.hand.find("wcol_text")[0], text)

    def press(self, name: str) -> None:
        """Run, Bake, Apply, Discard: found by the heights of their rows."""
        low, high, number = {"run": (29, 34, 0), "bake": (29, 34, 1), "apply": (25, 28, 0), "discard": (25, 28, 1)}[
            name
        ]
        found = [box for box in self.hand.find("wcol_tool") if low <= box[3] <= high]
        self.note(f"boxes_{name}", found)
        self.hand.click(*middle(found[number]))

    @staticmethod
    def cubes(state: dict) -> int:
        return next(thing.get("count", 1) for thing in state["plan"]["objects"] if thing["name"] == "cube")


if __name__ == "__main__":
    PlanTour(*map(Path, sys.argv[1:3])).walk()
