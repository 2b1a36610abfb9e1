"""Named points where a test can kill this process, to prove that nothing acknowledged is lost. Inert otherwise.

`AIGC_CRASH_AT=worker:step_3` kills at every pass; `AIGC_CRASH_AT=worker:step_3@MARKER` only once, and writes the file
MARKER first. The points are listed in docs/server.md.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

ENVIRONMENT_KEY = "AIGC_CRASH_AT"


def crash_point(name: str) -> None:
    """Kill this process, without any clean-up, when the environment asks for it at `name`."""
    wanted, _, marker = os.environ.get(ENVIRONMENT_KEY, "").partition("@")
    if wanted != name:
        return
    if marker:
        path = Path(marker)
        if path.exists():
            return
        path.write_text(name)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
