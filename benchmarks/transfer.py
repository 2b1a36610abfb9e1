"""What it costs to send the passes of a picture to the server and to get them back, against bare files.

    python benchmarks/transfer.py

The set: picture, depth, normals, ids and lines of 1024 x 1024. On one machine it travels as a file of the data folder,
by hash; to another one by HTTP, here over loopback to a real server process. Milliseconds, of the best round and of the
median, and the ratios of the best ones to three bare ways of writing a file and reading it:

    arrays   np.savez and np.load of the same arrays
    checked  the same bytes, with the SHA-256 made when they are written and compared when they are read
    plain    the same bytes, and nothing else
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from blender_aigc.client import Client
from blender_aigc.environment import builtin_environment
from blender_aigc.packing import packed
from blender_aigc.protocol import Blob
from blender_aigc.session import Session
from server.filters.passes import read_passes

SIDE = 1024
ROUNDS = 25
BARE = ("arrays", "checked", "plain")


def passes(seed: int) -> dict[str, np.ndarray]:
    """The arrays of gather/passes.py, another set each time: what is stored already is not sent again."""
    rng = np.random.default_rng(seed)
    return {
        "combined": rng.integers(1, 256, (SIDE, SIDE, 4), np.uint8),
        "depth": rng.random((SIDE, SIDE), np.float32) + 1,
        "normal": rng.random((SIDE, SIDE, 3), np.float32),
        "object_id": rng.integers(0, 9, (SIDE, SIDE), np.int32),
        "line": rng.integers(0, 256, (SIDE, SIDE), np.uint8),
    }


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        session = Session(folder / "data", builtin_environment())
        ends.callback(session.close, stop_idle=True)
        session.ensure_started()
        while session.state != "ready":
            session.pump()
            time.sleep(0.02)
        client = Client(session._server.hello)  # noqa: SLF001
        ends.callback(client.close)
        for number in range(ROUNDS):
            one_round(number, folder, session, client, rows)
        size = len(packed(passes(0))) / 1e6
    rows["HTTP, there and back"] = [sum(pair) for pair in zip(rows["HTTP, there"], rows["HTTP, back"], strict=True)]
    sys.stdout.write(f"the set: {size:.1f} MB; best and median of {ROUNDS} rounds; the best to those of {BARE}\n")
    for what, spent in rows.items():
        ratios = "  ".join(f"{min(spent) / min(rows[bare]):5.2f}" for bare in BARE)
        sys.stdout.write(f"{what:22} {min(spent):7.1f} {statistics.median(spent):7.1f} ms   {ratios}\n")


def one_round(number: int, folder: Path, session: Session, client: Client, rows: dict[str, list[float]]) -> None:
    def note(what: str, work: Callable[[], object]) -> None:
        rows.setdefault(what, []).append(timed(work))

    given = passes(number)
    data = packed(given)
    plain, loaded = folder / "plain.bin", folder / "plain.npz"
    stored: list[Blob] = []

    def bare_plain() -> None:
        plain.write_bytes(data)
        plain.read_bytes()

    def bare_checked() -> None:
        name = hashlib.sha256(data).digest()
        plain.write_bytes(data)
        assert hashlib.sha256(plain.read_bytes()).digest() == name

    def bare_arrays() -> None:
        np.savez(loaded, **given)
        with np.load(loaded) as archive:
            assert all(archive[name].size for name in archive.files)

    def one_machine() -> None:
        blob = session.put_blob(packed(given), ".npz")
        read_passes(session.blob_folder() / blob.file_name)
        stored.append(blob)

    def there() -> None:
        stored.append(client.put_blob(data, ".bin"))

    def back() -> None:
        client.save_blob(stored[-1], folder / "back.bin")

    note("plain", bare_plain)
    plain.unlink()
    note("checked", bare_checked)
    note("arrays", bare_arrays)
    note("one machine", one_machine)
    note("HTTP, there", there)
    note("HTTP, back", back)
    plain.unlink()  # all of them alike: a disk that is behind with its writing makes every next write slower
    loaded.unlink()
    (folder / "back.bin").unlink()
    for blob in stored:
        session.drop_blob(blob)


main()
