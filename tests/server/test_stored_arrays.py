"""Arrays packed by Blender's side and read by the server's, against numpy's own np.savez and np.load."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from blender_aigc.packing import packed
from server import stored_arrays
from server.stored_arrays import read_npz

DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile)


def some_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "rows": rng.random((30, 20, 3), np.float32),
        "columns": np.asfortranarray(rng.random((30, 20))),
        "slices": rng.integers(0, 99, (40, 40), np.int32)[::2, 1::3],
        "turned": rng.random((6, 5, 4), np.float32).transpose(2, 0, 1),
        "one": np.array(7.5),
        "none": np.zeros((0, 4), np.float32),
        "words": np.array(["grüß", "dich"]),
        "big_endian": np.arange(9, dtype=">i4"),
        "rounds": np.array([(1, 2.5)], [("id", np.int32), ("x", np.float64)]),
        "meta": np.frombuffer('{"name": "é"}'.encode(), np.uint8),
    }


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())


def test_what_is_packed_is_what_numpy_reads() -> None:
    given = some_arrays()
    with np.load(io.BytesIO(packed(given)), allow_pickle=False) as read:
        assert read.files == list(given)
        assert all(same(read[name], array) for name, array in given.items())


def test_packing_gives_the_bytes_of_savez() -> None:
    """The hash of the same passes stays what it was, so that what is stored is found again."""
    rows = {name: np.ascontiguousarray(array) for name, array in some_arrays().items()}
    buffer = io.BytesIO()
    np.savez(buffer, **rows)
    assert bytes(packed(rows)) == buffer.getvalue()


def test_nothing_is_pickled() -> None:
    with pytest.raises(ValueError, match="odd"):
        packed({"odd": np.array([{}], object)})


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed], ids=["stored", "compressed"])
def test_what_numpy_writes_is_read(write, tmp_path: Path) -> None:
    given = some_arrays()
    write(tmp_path / "a.npz", **given)
    read = read_npz(tmp_path / "a.npz", [*given, "absent"])
    assert list(read) == list(given)
    assert all(same(read[name], array) for name, array in given.items())


def test_only_what_is_wanted_is_read_and_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "a b ü.npz").write_bytes(packed(some_arrays()))
    read = read_npz(tmp_path / "a b ü.npz", ["turned", "rows"])
    assert set(read) == {"rows", "turned"}
    read["rows"][...] = 0
    assert all(array.flags.writeable and array.flags.aligned for array in read.values())


def test_a_changed_byte_is_noticed_wherever_it_lies(tmp_path: Path) -> None:
    """In the array, in its description, in the names before it: every local header and its content."""
    given = {"rows": np.arange(60, dtype=np.int32)}
    whole, path = bytes(packed(given)), tmp_path / "a.npz"
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entry = archive.infolist()[0]
    start = whole.index(b"\x93NUMPY")
    for place in (0, *range(start, start + entry.file_size)):
        changed = bytearray(whole)
        changed[place] ^= 64
        path.write_bytes(changed)
        with pytest.raises(DAMAGE):
            read_npz(path, given)


def test_a_file_that_is_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    whole = bytes(packed({"rows": np.arange(40, dtype=np.int32)}))
    for length in range(len(whole)):
        (tmp_path / "a.npz").write_bytes(whole[:length])
        with pytest.raises(DAMAGE):
            read_npz(tmp_path / "a.npz", ["rows"])


def lying(path: Path, header: bytes, content: bytes = b"") -> Path:
    """An archive whose checksums are right, and whose array says something else about itself."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content)
    return path


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99,)}\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4,)}\n",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n",
        b"{'descr': '<f4', 'fortran_order': False}\n",
        b"__import__('os').getcwd()\n",
        b"",
    ],
    ids=["more than there is", "less than nothing", "pickled", "no shape", "code", "nothing"],
)
def test_an_array_that_lies_about_itself_is_refused(header: bytes, tmp_path: Path) -> None:
    with pytest.raises(DAMAGE):
        read_npz(lying(tmp_path / "a.npz", header, bytes(64)), ["rows"])


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("rows.npy", b"hello")
        archive.writestr("other.npy", b"")
    for name in ("rows", "other"):
        with pytest.raises(DAMAGE):
            read_npz(tmp_path / "a.npz", [name])


def test_an_entry_that_says_it_is_larger_than_its_file_takes_no_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("rows.npy", b"short")
        archive.getinfo("rows.npy").file_size = archive.getinfo("rows.npy").compress_size = 1 << 50
    with pytest.raises(zipfile.BadZipFile, match="larger than the file"):
        read_npz(tmp_path / "a.npz", ["rows"])


@pytest.mark.skipif(sys.platform == "win32", reason="a hole takes its room there")
def test_a_file_behind_four_gigabytes_is_found(tmp_path: Path) -> None:
    """Offsets that need zip64, in a file that takes no room on the disk: a hole of 4.5 GB lies before the archive."""
    given = some_arrays()
    path = tmp_path / "far.npz"
    hole = (9 << 29) + 12345
    with path.open("wb") as file:
        file.truncate(hole)
        file.seek(hole)
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in given.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
    assert path.stat().st_size > 1 << 32
    read = read_npz(path, given)
    assert all(same(read[name], array) for name, array in given.items())


def test_reads_that_bring_less_than_asked_for_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read of more than 2 GB returns less on Linux; here no read returns more than 100 bytes."""

    class Slow(io.FileIO):
        def readinto(self, buffer) -> int:
            return super().readinto(memoryview(buffer)[:100])

    given = {"rows": np.arange(5000)}
    (tmp_path / "a.npz").write_bytes(packed(given))
    monkeypatch.setattr(stored_arrays, "_unbuffered", Slow)
    assert same(read_npz(tmp_path / "a.npz", given)["rows"], given["rows"])
