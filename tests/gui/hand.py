"""Mouse, keyboard and eyes for a Blender under a virtual screen: xdotool clicks, ImageMagick sees. No bpy."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

MARKER = (255, 0, 204)
PATIENCE_S = 120.0


class Hand:
    """folder: where inside.py writes; shots: where the pictures go."""

    def __init__(self, folder: Path, shots: Path) -> None:
        self.folder, self.shots = folder, shots

    def state(self) -> dict:
        for _ in range(50):
            try:
                return json.loads((self.folder / "state.json").read_text())
            except (OSError, ValueError):
                time.sleep(0.1)
        return {}

    def wait(self, condition: Callable[[dict], object], what: str, patience_s: float = PATIENCE_S) -> dict:
        """The state in which `condition` holds. Raises TimeoutError that names what was waited for."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            state = self.state()
            if state and condition(state):
                return state
            time.sleep(0.05)
        raise TimeoutError(f"waited in vain for {what}; last seen: {self.state()}")

    def order(self, *words: object) -> None:
        part, target = self.folder / "order.part", self.folder / "order.json"
        part.write_text(json.dumps(words))
        part.replace(target)
        end = time.monotonic() + PATIENCE_S
        while target.exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1.5)

    def move(self, x: int, y: int) -> None:
        subprocess.run(["xdotool", "mousemove", str(x - 2), str(y - 1)], check=True)
        time.sleep(0.15)
        subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
        time.sleep(0.25)

    def click(self, x: int, y: int) -> None:
        self.move(x, y)
        subprocess.run(["xdotool", "click", "1"], check=True)
        time.sleep(0.3)

    def press(self, *keys: str) -> None:
        for key in keys:
            subprocess.run(["xdotool", "key", key], check=True)
            time.sleep(0.3)

    def type(self, text: str) -> None:
        subprocess.run(["xdotool", "type", "--delay", "20", text], check=True)
        time.sleep(0.3)

    def look(self) -> np.ndarray:
        """The screen: (H, W, 3) uint8, row 0 on top."""
        raw = subprocess.run(
            ["import", "-window", "root", "-depth", "8", "ppm:-"], check=True, capture_output=True
        ).stdout
        _, size, _, pixels = raw.split(b"\n", 3)
        columns, rows = (int(number) for number in size.split())
        return np.frombuffer(pixels, np.uint8).reshape(rows, columns, 3)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self.move(*start)
        subprocess.run(["xdotool", "mousedown", "1"], check=True)
        for step in range(1, 11):
            x, y = (a + (b - a) * step // 10 for a, b in zip(start, end, strict=True))
            subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
            time.sleep(0.05)
        subprocess.run(["xdotool", "mouseup", "1"], check=True)
        time.sleep(0.3)

    def shoot(self, name: str, box: tuple[int, int, int, int] | None = None, still: bool = False) -> None:
        """Keep a picture; box: x, y, width, height. still: leave the mouse where it is (a menu would close)."""
        if not still:
            self.move(700, 640)
        crop = ["-crop", "{2}x{3}+{0}+{1}".format(*box), "+repage"] if box else []
        subprocess.run(["import", "-window", "root", *crop, str(self.shots / f"{name}.png")], check=True)

    def find(self, element: str, anywhere: bool = False) -> list[tuple[int, int, int, int]]:
        """Boxes (x, y, width, height) of all elements of one kind in the sidebar, or anywhere, from top to bottom."""
        self.order("mark", element)
        seen = (np.abs(self.look().astype(int) - MARKER) < 40).all(-1)
        self.order("unmark")
        if anywhere:
            return boxes(seen)
        sidebar = self.sidebar()
        inside = np.zeros_like(seen)
        inside[sidebar[1] : sidebar[1] + sidebar[3], sidebar[0] : sidebar[0] + sidebar[2] + 1] = True
        seen &= inside
        return boxes(seen)

    def big_button(self) -> tuple[int, int]:
        """Where the one high button of the tab is: Generate, or Cancel while a job runs, or the fix."""
        found = self.find("wcol_tool")
        return middle(max(found, key=lambda box: box[3]))

    def sidebar(self) -> tuple[int, int, int, int]:
        """x, y, width, height of the sidebar on the screen, row 0 on top."""
        region = next(r for r in self.state()["regions"] if r["type"] == "UI")
        height = self.look().shape[0]
        return region["x"], height - region["y"] - region["height"], region["width"], region["height"]


def boxes(seen: np.ndarray, least: int = 8) -> list[tuple[int, int, int, int]]:
    """Connected blobs of a mask by rows: runs of rows that hold the colour, then runs of columns in each."""
    found = []
    for top, bottom in runs(seen.any(1)):
        for left, right in runs(seen[top:bottom].sum(0) > (bottom - top) * 0.3):
            if right - left >= least and bottom - top >= least:
                found.append((left, top, right - left, bottom - top))
    return found


def runs(line: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def middle(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[0] + box[2] // 2, box[1] + box[3] // 2
