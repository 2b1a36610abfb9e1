"""`python -m blender_aigc TASK ...`: the command line in plain Python with the bpy module."""

import os
import sys

import bpy

from .cli import main

bpy.ops.wm.read_factory_settings(use_empty=True)
code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # past Blender's own clean-up, in which the 4.2 module may crash when all the work is done
