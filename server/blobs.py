"""Inputs on their way in: streamed to the disk, and kept only when the content is what the name says."""

from __future__ import annotations

import errno
import hashlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from blender_aigc.protocol import Blob, Fault

from .guard import refusal


def parse_name(name: str) -> Blob:
    """`<sha256><suffix>` as a Blob. Raises Fault("bad_request"); nothing else can become a path."""
    return Blob(name[:64], name[64:])


async def store_blob(folder: Path, blob: Blob, body: AsyncIterator[bytes], largest: int) -> None:
    """Write `body` to the file of `blob`. Raises Refusal 413 or 409 (another hash), Fault disk_full.

    The disk is not waited for, nor does Blender's side wait when it writes the file itself: an input can be sent again.
    """
    digest, size = hashlib.sha256(), 0
    part = folder / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:
            async for chunk in body:
                size += len(chunk)
                if size > largest:
                    raise refusal(413, f"The file is larger than {largest} bytes.", "Use a smaller one.")
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != blob.sha256:
                raise refusal(409, "The file changed on its way.", "Try again.")
        part.replace(folder / blob.file_name)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        message = "There is no room left on the disk." if full else "The data folder cannot be written to."
        raise Fault("disk_full", message, "Free some disk space, try again.", str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def sweep_parts(folder: Path) -> None:
    """Remove what an upload left behind when the server was killed."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
