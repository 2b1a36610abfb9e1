"""The arrays of an uncompressed .npz file, without numpy's copies on the way. Pickled content is never read.

np.load reads a file within the archive in pieces of 256 KB and copies each twice; here an array is the memory that the
disk was read into. Checksums are compared as there.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, lengths of the name and of the extra field: APPNOTE.TXT of PKWARE, 4.3.7."""
_SIGNATURE = b"PK\x03\x04"

_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_LONGEST_HEAD = 1 << 16
_READERS_AT_ONCE = 2
_unbuffered = io.FileIO  # a test puts one here that reads less than it was asked for


def read_npz(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Those of `names` that the file holds, writable.

    Raises for a damaged one what np.load raises: OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error,
    struct.error.
    """
    with zipfile.ZipFile(path) as archive, ThreadPoolExecutor(_READERS_AT_ONCE) as threads:
        there = {entry.filename: entry for entry in archive.infolist()}
        entries = {name: there[f"{name}.npy"] for name in names if f"{name}.npy" in there}
        work = {name: threads.submit(_array, path, archive, entry) for name, entry in entries.items()}
        return {name: done.result() for name, done in work.items()}


def _array(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        with archive.open(entry) as file:
            return npy.read_array(file, allow_pickle=False)
    content = _content(path, entry)
    head = io.BytesIO(content[:_LONGEST_HEAD])
    version = npy.read_magic(head)
    if version not in _READERS:  # 3.0: names of fields that are not Latin
        return npy.read_array(io.BytesIO(content), allow_pickle=False)
    shape, columns_first, dtype = _READERS[version](head)
    if dtype.hasobject:
        raise ValueError(f"{entry.filename} is pickled")
    try:
        return np.ndarray(shape, dtype, content, head.tell(), order="F" if columns_first else "C")
    except TypeError as error:  # "buffer is too small for requested array"
        raise ValueError(f"{entry.filename}: {error}") from None


def _content(path: Path, entry: zipfile.ZipInfo) -> memoryview:
    """The bytes of a file that is stored as it is, in memory of their own. Raises OSError, BadZipFile, struct.error."""
    with _unbuffered(path) as file:
        if entry.file_size > file.seek(0, io.SEEK_END):
            raise zipfile.BadZipFile(f"{entry.filename} is larger than the file that holds it")
        content = np.empty(entry.file_size, np.uint8).data
        file.seek(entry.header_offset)
        mark, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        file.seek(name + extra, io.SEEK_CUR)
        left = content
        while mark == _SIGNATURE and left and (count := file.readinto(left)):
            left = left[count:]
    if left or zlib.crc32(content) != entry.CRC:
        raise zipfile.BadZipFile(f"{entry.filename} is damaged")
    return content
