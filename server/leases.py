"""Who wants the server to live. Standard library only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from blender_aigc.protocol import Lease

STARTER = "starter"
"""The first lease, of whoever started the server, until the first real one comes."""


class Leases:
    """The leases in force. A lease ends by its time, by `release`, or with its process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # monotonic, so that a corrected wall clock ends nothing
        self._held: dict[str, tuple[Lease, float, str]] = {}

    def renew(self, lease: Lease) -> None:
        if lease.client != STARTER:
            self._held.pop(STARTER, None)
        self._held[lease.client] = (lease, self._clock() + lease.seconds, birth(lease.pid) if lease.pid else "")

    def release(self, client: str) -> bool:
        return self._held.pop(client, None) is not None

    def count(self) -> int:
        """Leases in force now; drops the others."""
        now_s = self._clock()
        for client, (lease, until_s, born) in list(self._held.items()):
            if now_s >= until_s or (lease.pid and (not born or birth(lease.pid) != born)):
                del self._held[client]
        return len(self._held)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def birth(pid: int) -> str:
        """A word for the process with this id, another when the id was given to a new process; "" when it is dead."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = wintypes.HANDLE
        handle = kernel.OpenProcess(0x1000 | 0x100000, False, pid)  # QUERY_LIMITED_INFORMATION | SYNCHRONIZE
        if not handle:
            return "alive" if ctypes.get_last_error() == 5 else ""  # 5: access denied, so it exists
        try:
            if kernel.WaitForSingleObject(wintypes.HANDLE(handle), 0) == 0:
                return ""
            times = [wintypes.FILETIME() for _ in range(4)]
            kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(moment) for moment in times))
            return f"{times[0].dwHighDateTime}:{times[0].dwLowDateTime}"
        finally:
            kernel.CloseHandle(wintypes.HANDLE(handle))
else:

    def birth(pid: int) -> str:
        """A word for the process with this id, another when the id was given to a new process; "" when it is dead."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except (PermissionError, OverflowError):
            pass
        try:
            # state and start time come after the name in brackets, which may hold anything
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return "alive"
        return "" if fields[0] in "ZX" else fields[19]
