"""`python -m blender_aigc [FILE.blend] TASK ...`: the command line in plain Python with the bpy module."""

import os
import sys

import bpy

from .cli import main, tell_fault
from .cli_output import quiet
from .protocol import Fault

words = sys.argv[1:]
code = 0
bpy.ops.wm.read_factory_settings(use_empty=True)
if words and words[0].endswith(".blend"):
    name = words.pop(0)
    try:
        with quiet():
            bpy.ops.wm.open_mainfile(filepath=os.path.abspath(name))  # noqa: PTH100  # a name, not yet a path
    except RuntimeError as error:
        tell_fault(Fault("bad_input", f"{name} cannot be opened as a Blender file.", "Check its name.", str(error)))
        code = 1
code = code or main(words)
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # past Blender's own clean-up, in which the 4.2 module may crash when all the work is done
