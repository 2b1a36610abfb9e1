"""A walk through the add-on by mouse and keyboard, in a real Blender. Runs under the screen; writes FOLDER/report.json.

    python3 tour.py ZIP FOLDER PICTURE

Nothing is called from Python that an artist would press; the orders to inside.py only prepare what is to be seen.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from hand import Hand, middle

VIEWPORT = (500, 560)


class Tour:
    """Each step notes what it saw; the test judges it."""

    def __init__(self, zipped: Path, folder: Path, picture: Path = Path()) -> None:
        self.zipped, self.folder, self.picture = zipped, folder, picture
        self.seen: dict[str, object] = {}
        shots = folder / "shots"
        shots.mkdir(parents=True, exist_ok=True)
        self.hand = Hand(folder, shots)
        self.home = folder / "Künstler home"
        self.home.mkdir()
        self.blender = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        data = {"HOME": self.home, "BLENDER_USER_RESOURCES": self.home, "AIGC_DATA": self.home / "data"}
        env = {**os.environ, **{key: str(path) for key, path in data.items()}, "LIBGL_ALWAYS_SOFTWARE": "1"}
        inside = Path(__file__).with_name("inside.py")
        command = [
            "blender",
            "--factory-startup",
            "--window-geometry",
            "0",
            "0",
            "1600",
            "900",
            "--python",
            inside,
            "--",
        ]
        log = (self.folder / "blender.log").open("wb")
        return subprocess.Popen([*command, self.zipped, self.folder], env=env, stdout=log, stderr=log)

    def steps(self) -> list[Callable[[], None]]:
        return [self.open_tab, self.try_it_now, self.undo, self.pick_a_picture, self.generate, self.cancel,
                self.edit_mode, self.error, self.search, self.narrow, self.german, self.quit_during_a_job]  # fmt: skip

    def walk(self) -> None:
        """Take all steps; what they saw, and how many seconds each took, is written down also when one fails."""
        try:
            for step in self.steps():
                start = time.monotonic()
                step()
                self.note(f"{step.__name__}_s", round(time.monotonic() - start, 1))
        except Exception as error:
            self.note("stopped", f"{step.__name__}: {error!r}")
            self.hand.shoot("stopped")
            raise
        finally:
            (self.folder / "report.json").write_text(json.dumps(self.seen, indent=1))
            self.blender.kill()

    def note(self, key: str, value: object) -> None:
        self.seen[key] = value

    # -------------------------------------------------------------------------------------------------------- steps

    def open_tab(self) -> None:
        self.hand.wait(lambda s: s, "Blender")
        time.sleep(2)
        self.hand.click(*middle(self.hand.find("tab")[-1]))
        time.sleep(1)
        self.note("buttons_at_first", len(self.hand.find("wcol_tool")))
        self.hand.shoot("1_first_sight")

    def try_it_now(self) -> None:
        self.hand.click(*middle(self.hand.find("wcol_tool")[0]))
        self.note("try_objects", self.hand.wait(lambda s: s["objects"] or s["fault"], "the first mesh")["objects"])
        self.hand.order("frame")
        self.hand.shoot("2_sample")

    def undo(self) -> None:
        self.hand.move(*VIEWPORT)
        self.hand.press("ctrl+z")
        self.note("after_undo", self.hand.wait(lambda s: not s["objects"], "undo")["objects"])
        self.hand.press("ctrl+shift+z")
        self.note("after_redo", self.hand.wait(lambda s: s["objects"], "redo")["objects"])
        self.hand.press("ctrl+z")
        self.hand.wait(lambda s: not s["objects"], "undo")

    def pick_a_picture(self) -> None:
        self.hand.click(*self.hand.big_button())
        time.sleep(2)
        self.hand.shoot("3_file_browser")
        fields = self.hand.find("wcol_text", anywhere=True)
        self.note("file_browser_fields", len(fields))
        top = min((f for f in fields if f[2] > 300), key=lambda f: f[1])
        self.enter(top, str(self.picture.parent))
        self.enter(max(self.hand.find("wcol_text", anywhere=True), key=lambda f: f[1]), self.picture.name)
        time.sleep(1)
        if not self.hand.state()["picture"]:
            cancel = max(self.hand.find("wcol_tool", anywhere=True), key=lambda box: box[1])
            self.hand.click(cancel[0] + cancel[2] + 60, middle(cancel)[1])  # the default button has a colour of its own
        self.note("picture", self.hand.wait(lambda s: s["picture"], "the picture", 20)["picture"])
        time.sleep(2)
        self.hand.shoot("4_ready_to_generate")

    def generate(self) -> None:
        self.hand.order("params", "inflate", {"texture_px": "4096", "faces": 200000})
        self.hand.click(*self.hand.big_button())
        self.hand.wait(lambda s: s["job"] and s["job"]["fraction"], "progress")
        self.hand.shoot("5_progress", still=True)
        state = self.hand.wait(lambda s: s["objects"] or s["fault"], "the mesh")
        self.note("generated", state["objects"])
        self.note("phases", state["phases"])
        self.hand.order("frame")
        time.sleep(1)
        self.hand.shoot("6_result")
        self.hand.move(*VIEWPORT)
        self.hand.press("ctrl+z")
        self.note("generated_after_undo", self.hand.wait(lambda s: not s["objects"], "undo")["objects"])
        self.hand.shoot("7_undone")

    def slow_job(self) -> None:
        self.hand.order("choose", {"task": "echo", "prompt": "hello"})
        self.hand.order("params", "echo", {"steps": 1000, "step_s": 0.1})
        self.hand.click(*self.hand.big_button())
        self.hand.wait(lambda s: s["job"] and s["job"]["fraction"], "progress")

    def cancel(self) -> None:
        self.slow_job()
        self.hand.shoot("8_running")
        self.hand.click(*self.hand.big_button())
        state = self.hand.wait(lambda s: s["job"] is None, "the end of the job", 20)
        self.note("after_cancel", [state["objects"], state["fault"]])

    def edit_mode(self) -> None:
        """The result of a job waits for the end of Edit Mode."""
        self.hand.order("params", "echo", {"steps": 60, "step_s": 0.1})
        self.hand.order("cube")
        self.hand.click(*self.hand.big_button())
        self.hand.move(*VIEWPORT)
        self.hand.press("Tab")
        state = self.hand.wait(lambda s: any(s["waiting"]), "a waiting result")
        self.note("edit_mode", [state["mode"], state["waiting"], state["objects"]])
        self.hand.shoot("9_waits_for_object_mode")
        self.hand.move(*VIEWPORT)
        self.hand.press("Tab")
        self.note("after_edit_mode", self.hand.wait(lambda s: "Echo" in s["objects"], "the result")["objects"])

    def error(self) -> None:
        blank = self.folder / "nothing there.png"
        blank.write_bytes(transparent_png(64))
        self.hand.order("choose", {"task": "image_to_mesh"})
        self.hand.order("picture", str(blank))
        before = self.hand.state()["objects"]
        self.hand.click(*self.hand.big_button())
        state = self.hand.wait(lambda s: s["fault"], "the fault")
        self.note("fault", [state["fault"], state["objects"] == before])
        time.sleep(1)
        self.hand.shoot("10_fault")

    def search(self) -> None:
        """F3 finds what is in a menu."""
        before = len(self.hand.state()["results"])
        self.hand.move(*VIEWPORT)
        self.hand.press("F3")
        time.sleep(1)
        self.hand.type("try it now")
        time.sleep(1)
        self.hand.shoot("11_search", still=True)
        self.hand.press("Return")
        self.hand.wait(lambda s: len(s["results"]) > before, "the result of the searched operator")
        self.note("search", True)

    def narrow(self) -> None:
        """The sidebar, dragged to 220 pixels without its tabs.

        By the upper part of its edge: a sidebar that lies over the view can only be held where it has content.
        """
        for _ in range(3):  # on a busy machine the button may be let go before Blender has seen it
            x, y, width, _ = self.hand.sidebar()
            if width > 240:
                self.hand.drag((x, y + 60), (x + width - 230, y + 60))
                time.sleep(1)
        self.note("narrow_px", self.hand.sidebar()[2])
        self.hand.shoot("12_narrow")

    def german(self) -> None:
        self.hand.order("language", "de_DE")
        time.sleep(2)
        self.hand.shoot("13_german")
        self.hand.order("language", "en_US")

    def quit_during_a_job(self) -> None:
        self.hand.order("picture", str(self.picture))
        self.slow_job()
        self.hand.order("leave")
        self.note("exit_code", self.blender.wait(30))

    # -------------------------------------------------------------------------------------------------------- tools

    def enter(self, field: tuple[int, int, int, int], text: str) -> None:
        x, y = field[0] + 60, field[1] + field[3] // 2
        self.hand.click(x, y)
        self.hand.click(x, y)
        self.hand.press("ctrl+a")
        self.hand.type(text)
        self.hand.press("Return")
        time.sleep(1)


def transparent_png(side: int) -> bytes:
    """A picture with nothing in it."""
    rows = b"".join(b"\0" + b"\0" * 4 * side for _ in range(side))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


if __name__ == "__main__":
    Tour(*(Path(word) for word in sys.argv[1:4])).walk()
