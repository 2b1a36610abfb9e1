"""Runs inside the background Blender: `blender -b --python child.py -- FOLDER PART`, or plain Python with bpy.

Reads order.json and scene.blend of FOLDER, simulates PART (solids, liquid, gas), writes the results there. The exit
code is 0 when they are on the disk; else fault.json says why.
"""

import importlib
import os
import sys
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_REPORT_S = 0.2


def main(folder: Path, part: str) -> int:
    """Do the part; the exit code."""
    sys.path.insert(0, str(PACKAGE.parent))
    director = f"{PACKAGE.name}.director"
    order = importlib.import_module(f"{director}.order")
    fault = importlib.import_module(f"{PACKAGE.name}.faults").Fault
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_S or done == total:
            last = time.monotonic()
            order.write_json(folder / order.PROGRESS, {"part": part, "done": done, "total": total})

    try:
        importlib.import_module(f"{director}.simulate").simulate(folder, part, report)
    except fault as error:
        order.write_json(folder / order.FAULT, error.record().__dict__)
        return 3
    except OSError as error:  # a full disk, a folder that is gone or read-only by now
        sentence = "The simulation could not write its results."
        record = fault("disk_full", sentence, "Free some space, or save the file where you may write.", str(error))
        order.write_json(folder / order.FAULT, record.record().__dict__)
        return 4
    return 0


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    code = main(Path(words[0]), words[1])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # bpy's own way out crashes after fluids and in 4.2
