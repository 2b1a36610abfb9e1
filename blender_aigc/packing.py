"""Arrays as the bytes of an uncompressed .npz file, as np.savez would write it, without its copies. No bpy."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy


def packed(arrays: Mapping[str, np.ndarray]) -> memoryview:
    """`arrays` by name as a file for np.load. Raises ValueError for an array of Python objects: it would be pickled.

    np.savez copies each array before it gives it away, and a buffer that grows in steps is copied many times.
    """
    buffer = io.BytesIO()
    buffer.seek(sum(array.nbytes for array in arrays.values()) + 1024 * (len(arrays) + 1))
    buffer.write(b"\0")  # all of the memory at once
    buffer.seek(0)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise ValueError(f"{name} holds Python objects")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                rows = np.asarray(array, order="C")
                npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(rows))
                file.write(rows.reshape(-1).view(np.uint8).data)
    buffer.truncate()
    return buffer.getbuffer().toreadonly()
