"""`python -m blender_aigc [FILE.blend] TASK ...`: the command line in plain Python with the bpy module."""

import os
import sys

import bpy

from .cli import main
from .cli_output import quiet

words = sys.argv[1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
if words and words[0].endswith(".blend"):
    with quiet():
        bpy.ops.wm.open_mainfile(filepath=os.path.abspath(words.pop(0)))  # noqa: PTH100  # a name, not yet a path
code = main(words)
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # past Blender's own clean-up, in which the 4.2 module may crash when all the work is done
