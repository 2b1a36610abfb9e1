"""Geometry that generators are put together from. numpy only, no bpy."""
