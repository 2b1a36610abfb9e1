"""Inputs on their way in: streamed to the disk under the SHA-256 of what came, which may be asked for."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from blender_aigc.protocol import Blob, Fault

from .guard import refusal

BATCH_BYTES = 1 << 20
"""So much goes to the thread at once: a trip there and back costs as much as hashing some 100 KB."""


def parse_name(name: str) -> Blob:
    """`<sha256><suffix>` as a Blob. Raises Fault("bad_request"); nothing else can become a path."""
    return Blob(name[:64], name[64:])


async def store_blob(
    folder: Path, suffix: str, body: AsyncIterator[bytes], largest: int, sha256: str | None = None
) -> Blob:
    """Write `body` into the store. sha256: what its hash must be, where that is known.

    Raises Refusal 413 or 409 (another hash), Fault bad_request (the suffix, nothing in it) or disk_full.

    The disk is not waited for, nor does Blender's side wait when it writes the file itself: an input can be sent again.
    """
    Blob("0" * 64, suffix)  # refuses a suffix before anything is written
    part = folder / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            blob = Blob(await _written(file, body, largest), suffix)
            if not file.tell():
                raise Fault("bad_request", "The file is empty.", "Send its content as the body.")
        if sha256 not in (None, blob.sha256):
            raise refusal(409, "The file changed on its way.", "Try again.")
        part.replace(folder / blob.file_name)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        message = "There is no room left on the disk." if full else "The data folder cannot be written to."
        raise Fault("disk_full", message, "Free some disk space, try again.", str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return blob


async def _written(file: BinaryIO, body: AsyncIterator[bytes], largest: int) -> str:
    """The SHA-256 of what was written. A thread hashes and writes one batch while the next one comes in."""
    digest, size, filled = hashlib.sha256(), 0, 0
    batch, other = memoryview(bytearray(BATCH_BYTES)), memoryview(bytearray(BATCH_BYTES))

    def keep(batch: memoryview) -> None:
        digest.update(batch)
        file.write(batch)

    busy: asyncio.Future[None] | None = None
    try:
        async for chunk in body:
            size += len(chunk)
            if size > largest:
                raise refusal(413, f"The file is larger than {largest} bytes.", "Use a smaller one.")
            while chunk:
                taken = min(len(chunk), BATCH_BYTES - filled)
                batch[filled : filled + taken] = chunk[:taken]
                filled, chunk = filled + taken, chunk[taken:]
                if filled == BATCH_BYTES:
                    if busy is not None:
                        await busy
                    busy = asyncio.get_running_loop().run_in_executor(None, keep, batch)
                    batch, other, filled = other, batch, 0
        if busy is not None:
            await busy
    finally:
        if busy is not None:  # also of an upload that broke off: nobody may close the file under the thread
            await asyncio.wait([busy])
    keep(batch[:filled])
    return digest.hexdigest()


def sweep_parts(folder: Path) -> None:
    """Remove what an upload left behind when the server was killed."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
