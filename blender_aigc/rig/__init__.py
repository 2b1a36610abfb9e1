"""Armatures: which bone is which part of a body, whatever it is called. No bpy."""
