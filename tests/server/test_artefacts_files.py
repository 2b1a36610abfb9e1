"""PNG files, and files that are there whole or not at all: judged by Pillow and by a real full or read-only disk."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_aigc.protocol import Fault
from server.artefacts import atomic_write, encode_png, write_glb, write_image, write_text
from server.geometry.frames import BLENDER
from server.geometry.mesh import Mesh

ROOT = Path(__file__).parents[2]
TRIANGLE = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))


def decoded(png: bytes) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(png)))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([None, 1, 3, 4]),
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
)
def test_every_size_and_channel_count(height: int, width: int, channels: int | None, seed: int, level: int) -> None:
    shape = (height, width) if channels is None else (height, width, channels)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    assert (decoded(encode_png(pixels, level)).reshape(shape) == pixels).all()


def test_pictures_longer_than_a_band_and_of_every_kind() -> None:
    """Gradients, flat areas and noise, over several of the bands in which rows are filtered."""
    y, x = np.mgrid[0:1200, 0:1500]
    smooth = np.stack((x % 256, y % 256, (x + y) // 12 % 256), -1).astype(np.uint8)
    smooth[400:500] = 7
    smooth[900:, :300] = np.random.default_rng(0).integers(0, 256, (300, 300, 3))
    png = encode_png(smooth)
    assert (decoded(png) == smooth).all()
    assert len(png) < smooth.nbytes / 10  # the filters are worth their name
    assert (decoded(encode_png(smooth[::2, ::-1])) == smooth[::2, ::-1]).all()  # any memory layout


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="PNG"):
        encode_png(array)


def test_artefacts_say_what_lies_on_the_disk(tmp_path: Path) -> None:
    for artefact in (
        write_glb([TRIANGLE], tmp_path / "a.glb", None, BLENDER, name="x"),
        write_image(np.zeros((2, 3, 4), np.uint8), tmp_path / "a.png", "x"),
        write_text("Gr\u00fc\u00dfe", tmp_path / "a.txt", "x"),
    ):
        data = (tmp_path / artefact.file).read_bytes()
        assert artefact.sha256 == hashlib.sha256(data).hexdigest() and artefact.bytes == len(data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.glb", "a.png", "a.txt"]


# ------------------------------------------------------------------------------------------------- whole or not at all


def test_what_was_there_is_replaced_only_by_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    atomic_write(path, b"old")

    def pieces():
        yield b"new"
        assert path.read_bytes() == b"old"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        atomic_write(path, pieces())
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    atomic_write(path, [b"new", memoryview(b"er")])
    assert path.read_bytes() == b"newer" and list(tmp_path.iterdir()) == [path]


def test_the_disk_has_it_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut can leave the name with nothing behind it."""
    order: list[str] = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), sync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("rename"), rename(self, to))[1])
    atomic_write(tmp_path / "a.bin", b"x")
    assert order[:2] == ["sync", "rename"]


@pytest.mark.parametrize("where", ["write", "sync", "rename"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "bad_request"),
        (errno.EACCES, "bad_request"),
        (errno.EIO, "internal"),
    ],
)
def test_every_way_in_which_a_disk_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, where: str
) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def pieces():
        yield b"some"
        if where == "write":
            refuse()

    if where == "sync":
        monkeypatch.setattr(os, "fsync", refuse)
    elif where == "rename":
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(Fault) as caught:
        atomic_write(tmp_path / "a.bin", pieces())
    assert caught.value.code == code and caught.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"old"


def test_impossible_places(tmp_path: Path) -> None:
    for path in (tmp_path / "gone" / "a.glb", tmp_path / ("a" * 300)):
        with pytest.raises(Fault) as caught:
            atomic_write(path, b"x")
        assert caught.value.code == "bad_request" and caught.value.hint
    (tmp_path / "folder").mkdir()
    with pytest.raises(Fault):
        atomic_write(tmp_path / "folder", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


_CHILD = """
import os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from pathlib import Path
from blender_aigc.protocol import Fault
from server.artefacts import write_image
os.chdir(sys.argv[2])
noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
if sys.argv[3] == "read-only" and os.geteuid() == 0:
    os.setuid(65534)  # permissions do not stop root
if sys.argv[3] == "full":
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_image(noise, Path("a.png"), "a")
    sys.stdout.write("written")
except Fault as fault:
    sys.stdout.write(fault.code)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and limits")
@pytest.mark.parametrize(
    ("trouble", "mode", "answer"),
    [("none", 0o777, "written"), ("read-only", 0o555, "bad_request"), ("full", 0o777, "disk_full")],
)
def test_a_real_disk_that_says_no(tmp_path: Path, trouble: str, mode: int, answer: str) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    folder.chmod(mode)
    run = subprocess.run(
        [sys.executable, "-c", _CHILD, ROOT, folder, trouble], capture_output=True, text=True, timeout=60
    )
    folder.chmod(0o777)
    assert run.stdout == answer, run.stderr
    assert [path.name for path in folder.iterdir()] == (["a.png"] if answer == "written" else [])
