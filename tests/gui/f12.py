"""F12 by keyboard, in a real Blender. Runs under the screen; writes FOLDER/report.json.

    python3 f12.py ZIP FOLDER

The orders to inside.py only prepare the scene and lay out the screen; what the test is about is clicked and pressed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hand import MARKER, boxes, middle
from tour import VIEWPORT, Tour


class F12(Tour):
    def steps(self) -> list[Callable[[], None]]:
        return [self.prepare, self.switch_on, self.render, self.flip, self.compare, self.animation, self.render_again,
                self.gallery, self.button, self.quality]  # fmt: skip

    def prepare(self) -> None:
        state = self.hand.wait(lambda s: s, "Blender")
        time.sleep(2)
        self.note("session_before", state["session"])
        self.hand.order("still_life")
        self.hand.shoot("1_before")

    def switch_on(self) -> None:
        """The only click: the box in the header of Properties > Render > AIGC Studio. Freestyle's is the last one."""
        area = next(a for a in self.hand.state()["areas"] if a["type"] == "PROPERTIES")
        height = self.hand.look().shape[0]
        self.hand.move(area["x"] + area["width"] // 2, height - area["y"] - area["height"] // 2)
        for _ in range(60):
            subprocess.run(["xdotool", "click", "5"], check=True)
        time.sleep(2)
        self.hand.shoot("2_panel")
        self.hand.order("mark", "wcol_option")
        marked = (abs(self.hand.look().astype(int) - MARKER) < 40).all(-1)
        self.hand.order("unmark")
        marked[: height - area["y"] - area["height"]] = marked[:, : area["x"]] = False
        self.box = middle(sorted(boxes(marked), key=lambda box: box[1])[-2])
        self.hand.click(*self.box)
        self.note("after_render", self.hand.wait(lambda s: s["after_render"], "the check box", 10)["after_render"])
        self.hand.shoot("2_switched_on")

    def render(self) -> None:
        self.hand.move(*VIEWPORT)
        self.hand.press("F12")
        state = self.hand.wait(lambda s: s["shown"] == ["Scene Render"] or s["fault"], "the picture")
        time.sleep(2)
        self.note("results", state["results"])
        self.note("fault", state["fault"])
        self.note("announced", "announced" in state["phases"])
        self.note("shown", state["shown"])
        self.hand.shoot("3_after_f12")

    def flip(self) -> None:
        self.hand.order("call", "flip")
        self.note("flipped", self.hand.state()["shown"])
        self.hand.shoot("4_flipped")
        self.hand.order("call", "flip")
        self.note("flipped_back", self.hand.state()["shown"])

    def compare(self) -> None:
        area = next(a for a in self.hand.state()["areas"] if a["type"] == "IMAGE_EDITOR")
        height = self.hand.look().shape[0]
        y = height - area["y"] - area["height"] // 2
        splits = []
        self.hand.order("call", "compare")
        for share in (0.42, 0.58):
            self.hand.move(area["x"] + round(area["width"] * share), y)
            time.sleep(1.5)
            splits.append(self.hand.state()["split"])
            self.hand.shoot(f"5_compare_{round(share * 100)}", still=True)
        subprocess.run(["xdotool", "click", "1"], check=True)
        self.note("compared", self.hand.state()["shown"])
        self.note("splits", splits)

    def animation(self) -> None:
        """Ctrl F12: frames into a folder. They are no picture to be made anew, and that is said."""
        folder = self.folder / "frames out"
        self.hand.order("frames_into", str(folder), 1, 3)
        self.hand.move(*VIEWPORT)
        self.hand.press("ctrl+F12")
        state = self.hand.wait(lambda s: s["fault"], "what is said about the animation")
        time.sleep(2)
        self.note("animated", sorted(path.name for path in folder.iterdir()))
        self.note("told", state["fault"])
        self.note("results_of_animation", self.hand.state()["results"])
        self.hand.shoot("6_animation")

    def render_again(self) -> None:
        """And the next F12 is followed by its picture as before."""
        self.hand.move(*VIEWPORT)
        self.hand.press("F12")
        state = self.hand.wait(lambda s: len(s["results"]) == 2, "the second picture")
        self.note("fault_again", state["fault"])

    def button(self) -> None:
        """Without the box: the button renders as F12 does, Blender answers meanwhile, Esc ends it; and once more."""
        self.hand.press("Escape")
        self.hand.order("choose", {"after_render": False})
        self.hand.order("samples", 20000, 100)
        self.press_button()
        first = self.hand.wait(lambda s: s["rendering"], "the render of the button")["beats"]
        time.sleep(3)
        state = self.hand.state()
        self.note("beats_while_rendering", state["beats"] - first if state["rendering"] else 0)
        self.hand.shoot("7_button", still=True)
        self.hand.move(*VIEWPORT)
        self.hand.press("Escape")
        self.hand.wait(lambda s: not s["rendering"], "the end by Esc", 20)
        time.sleep(3)
        self.note("results_after_esc", len(self.hand.state()["results"]))
        self.hand.order("samples", 4, 50)
        self.press_button()
        state = self.hand.wait(lambda s: len(s["results"]) == 3, "the picture of the button")
        self.note("fault_of_button", state["fault"])
        self.hand.order("samples", 8, 100)

    def press_button(self) -> None:
        """The high one; it moves when the lines above it change."""
        self.hand.click(*middle(max(self.in_properties("wcol_tool"), key=lambda box: box[3])))

    def quality(self) -> None:
        """Draft, Good, Best of a model whose weights are not there: they can be set before."""
        self.hand.press("Escape")
        self.hand.order("choose", {"model_id": "sdxl"})
        time.sleep(2)
        found = self.in_properties("wcol_tool")
        buttons = next(
            row for y in sorted({box[1] for box in found}) if len(row := [b for b in found if b[1] == y]) == 3
        )
        self.note("size_at_first", self.hand.state()["size"])
        for box, level in zip(buttons, ("draft", "good", "best"), strict=True):
            self.hand.click(*middle(box))
            time.sleep(1)
            self.note(level, self.hand.state()["size"])
            self.hand.shoot(f"8_{level}")
        self.hand.press("ctrl+z")
        time.sleep(1)
        self.note("undone", self.hand.state()["size"])

    def in_properties(self, element: str) -> list[tuple[int, int, int, int]]:
        """Boxes of the elements of one kind in the render properties."""
        area = next(a for a in self.hand.state()["areas"] if a["type"] == "PROPERTIES")
        self.hand.order("mark", element)
        screen = self.hand.look()
        self.hand.order("unmark")
        marked = (abs(screen.astype(int) - MARKER) < 40).all(-1)
        marked[: len(screen) - area["y"] - area["height"]] = marked[:, : area["x"]] = False
        return boxes(marked)

    def gallery(self) -> None:
        """For the eye: the opened panel, and the styles with their pictures."""
        self.hand.click(self.box[0] + 60, self.box[1])
        for _ in range(60):
            subprocess.run(["xdotool", "click", "5"], check=True)
        time.sleep(2)
        self.hand.shoot("6_panel")
        self.hand.order("gallery")
        time.sleep(3)
        self.hand.shoot("7_styles", still=True)


if __name__ == "__main__":
    F12(*map(Path, sys.argv[1:3])).walk()
