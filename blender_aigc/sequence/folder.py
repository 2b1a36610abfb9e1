"""The folder of a sequence: the frames, and a page that says which are done and with which settings. No bpy.

    NAME_0001.png ...           the frames
    sequence.json               settings, provenance, and for every done frame its file, hash and flicker
    .sequence/0024.npz          what a frame leaves to the next (server/sequence/state.py)

Everything is written under another name and renamed, the page last, so that a process that is killed at any moment
leaves either a frame that is done or none: the same command goes on with the next one.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..protocol import VERSION, Fault

PAGE = "sequence.json"
STATES = ".sequence"
FORMAT = 1


class Folder:
    """`path` with the frames of one sequence. Raises Fault when it cannot be used; see `__init__`.

    settings: everything that makes a frame what it is, as plain JSON.
    """

    def __init__(self, path: Path, name: str, settings: Mapping[str, Any], start_over: bool = False) -> None:
        """Open or make the folder. start_over: forget what is done there.

        Raises Fault: "disk_full" when nothing can be written there; "bad_request" when it holds a sequence that was
        made with other settings, and what differs.
        """
        self.path = path
        self.name = name
        self.settings = json.loads(json.dumps(dict(settings)))
        self._states: dict[str, dict[str, str]] = {}
        self._frames: dict[str, dict[str, Any]] = {}
        self._provenance: dict[str, Any] = {}
        self._make()
        page = None
        try:
            page = self._read()
        except Fault:
            if not start_over:
                raise
        if start_over or page is None or not (page["frames"] or page["states"]):  # nothing is done that could be lost
            self._forget(page)
            self._write()
            return
        if page.get("settings") != self.settings:
            raise Fault(
                "bad_request",
                f"The folder holds a sequence that was made with other settings ({_difference(page, self.settings)}).",
                "Choose another folder, or start over.",
                str(path),
            )
        self._frames, self._states = page["frames"], page["states"]
        self._provenance = page.get("provenance", {})
        self._sweep()

    # ------------------------------------------------------------------------------------------------ what is there

    def done(self, frame: int) -> bool:
        """Is the frame finished and its file there, whole? By its size: hashing thousands of frames takes minutes."""
        entry = self._frames.get(str(frame))
        return entry is not None and _size(self.path / entry["file"]) == entry["bytes"]

    def check_changes(self, frame: int, changes: Mapping[str, Any]) -> None:
        """Raises Fault("bad_request") when a done frame was made with other keyframed values than those of now."""
        then, now = self._frames[str(frame)].get("changes", {}), json.loads(json.dumps(dict(changes)))
        different = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
        if different:
            raise Fault(
                "bad_request",
                f"The folder holds a sequence with other keyframes (frame {frame}: {', '.join(different[:3])}).",
                "Choose another folder, or start over.",
                str(self.path),
            )

    def file(self, frame: int) -> Path:
        return self.path / f"{self.name}_{frame:04d}.png"

    def state(self, frame: int) -> Path | None:
        """What this frame has left to others, or None when it is not there (any more)."""
        entry = self._states.get(str(frame))
        if entry is None or _hash(self.path / entry["file"]) != entry["sha256"]:
            return None
        return self.path / entry["file"]

    @property
    def provenance(self) -> dict[str, Any]:
        """Of the first frame that was made."""
        return self._provenance

    def flicker(self) -> dict[str, float]:
        """Means over the frames: "flicker", and "flicker_single" with "flicker_of_same", the sequence's own over the
        same pairs of frames that were also made by themselves.
        """
        all_of = [entry for entry in self._frames.values() if "flicker" in entry]
        both = [entry for entry in all_of if "flicker_single" in entry]
        figures: dict[str, float] = {}
        for key, entries, name in (
            ("flicker", all_of, "flicker"),
            ("flicker_single", both, "flicker_single"),
            ("flicker_of_same", both, "flicker"),
        ):
            if entries:
                figures[key] = statistics.fmean(entry[name] for entry in entries)
        return figures

    # ---------------------------------------------------------------------------------------------- what is written

    def keep(
        self, frame: int, picture: Path | None, state: Path | None, facts: Mapping[str, Any], provenance: dict[str, Any]
    ) -> None:
        """A frame is finished: take its files over and note it. Raises Fault("disk_full").

        picture: None when only a state was made, for an in-between that is not finished yet.
        """
        with _space(self.path):
            if state is not None:
                target = self.path / STATES / f"{frame:04d}.npz"
                _take(state, target)
                self._states[str(frame)] = {"file": f"{STATES}/{target.name}", "sha256": _hash(target)}
            if picture is not None:
                _take(picture, self.file(frame))
                made = self.file(frame)
                entry = {"file": made.name, "bytes": _size(made), "sha256": _hash(made)}
                self._frames[str(frame)] = {**entry, **facts}
                self._provenance = self._provenance or provenance
            self._write()

    def drop_states(self, keep: Iterable[int]) -> None:
        """Remove what was left by all other frames: nothing will ask for it."""
        kept = {str(frame) for frame in keep}
        gone = {frame: entry for frame, entry in self._states.items() if frame not in kept}
        if gone:
            self._states = {frame: entry for frame, entry in self._states.items() if frame in kept}
            with _space(self.path):
                self._write()  # before the files: a page that names a file that is gone would be a lie
        for entry in gone.values():
            with contextlib.suppress(OSError):
                (self.path / entry["file"]).unlink()

    # ------------------------------------------------------------------------------------------------------- private

    def _make(self) -> None:
        try:
            (self.path / STATES).mkdir(parents=True, exist_ok=True)
            probe = self.path / STATES / f".{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise Fault(
                "disk_full",
                f"Nothing can be written into the folder {self.path.name}.",
                "Choose another folder for the frames.",
                str(error),
            ) from None

    def _read(self) -> dict[str, Any] | None:
        try:
            page = json.loads((self.path / PAGE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            if any(self.path.glob(f"{glob.escape(self.name)}_[0-9]*.png")):
                raise Fault(
                    "bad_request",
                    "The folder holds pictures of the same name that are no sequence of ours.",
                    "Choose another folder, or start over.",
                    str(self.path),
                ) from None
            return None
        except (OSError, ValueError) as error:
            page = error
        known = isinstance(page, dict) and page.get("format") == FORMAT
        if not known or not all(isinstance(page.get(key), dict) for key in ("settings", "frames", "states")):
            raise Fault(
                "bad_input",
                f"The page {PAGE} in the folder cannot be read.",
                "Choose another folder, or start over.",
                str(page)[:500],
            )
        return page

    def _forget(self, page: dict[str, Any] | None) -> None:
        """Also the pictures: those of a longer sequence would stay behind the new ones."""
        files = [entry.get("file", "") for key in ("frames", "states") for entry in (page or {}).get(key, {}).values()]
        for file in files:
            if file and (self.path / file).resolve().is_relative_to(self.path.resolve()):
                with contextlib.suppress(OSError):
                    (self.path / file).unlink()

    def _sweep(self) -> None:
        """Remove states and halves that no page names: of a process that was killed between page and file."""
        named = {self.path / entry["file"] for entry in self._states.values()}
        left = [*(self.path / STATES).glob("*.npz"), *(self.path / STATES).glob(".*.npz.part")]
        left += self.path.glob(f".{glob.escape(self.name)}_[0-9]*.png.part")
        for file in left:
            if file not in named:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _write(self) -> None:
        page = {
            "product": "AIGC Studio",
            "version": VERSION,
            "format": FORMAT,
            "settings": self.settings,
            "provenance": self._provenance,
            **self.flicker(),
            "frames": self._frames,
            "states": self._states,
        }
        part = self.path / f"{PAGE}.part"
        with _space(self.path):
            with part.open("w", encoding="utf-8") as file:
                json.dump(page, file, indent=1, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / PAGE)


def _take(source: Path, target: Path) -> None:
    """Move a file into the folder, whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, part)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    with contextlib.suppress(OSError):  # it may belong to another user's server
        source.unlink()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


@contextlib.contextmanager
def _space(path: Path):
    try:
        yield
    except OSError as error:
        raise Fault(
            "disk_full",
            f"A frame could not be written into the folder {path.name}.",
            "Free some space and render again: the frames that are done are kept.",
            str(error),
        ) from None


def _difference(page: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The first few settings that are not as they were, in words."""
    then, now = _flat(page["settings"]), _flat(settings)
    changed = [key for key in (*now, *(key for key in then if key not in now)) if then.get(key) != now.get(key)]
    words = [f"{key} was {json.dumps(then.get(key), ensure_ascii=False)[:40]}" for key in changed[:3]]
    return ", ".join(words) + (" ..." if len(changed) > 3 else "")


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in settings.items():
        out.update(_flat(value) if isinstance(value, dict) else {key: value})
    return out
