"""Carries a validated plan out with Blender: builds, simulates in a Blender of its own, brings the motion back.

build.carry_out puts the objects of a plan into a collection; bake.Bake runs the physics in a background Blender;
motion.apply_motion writes what it found as keyframes and mesh caches. Nothing in a plan is ever executed.
"""
