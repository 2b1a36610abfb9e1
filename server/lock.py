"""A lock that the operating system drops when its holder dies, however it dies. Standard library only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30
    """Byte that is locked: beyond the text, because Windows bars others from reading what is locked."""

    def _acquire(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _acquire(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Exclusive hold on `path`, whose text is the holder's process id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free. Raises OSError when the file cannot be made."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)  # not inheritable: a child must not keep the lock
        try:
            _acquire(handle)
        except OSError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return True

    def holder(self) -> int:
        """Process id written by the one who holds the lock; 0 when unknown."""
        try:
            return int(self.path.read_text() or 0)
        except (OSError, ValueError):
            return 0

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
