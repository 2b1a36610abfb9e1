"""Results as light: what a scene's view transform will turn into the colours of the picture again."""

from __future__ import annotations

import bpy

from .scene import JOB, PROVENANCE, UID, Made


def as_light(image: bpy.types.Image, scene: bpy.types.Scene, made: Made) -> tuple[bpy.types.Image, float]:
    """A copy of `image` that is read backwards through the scene's view transform, and the factor for its exposure.

    The render that the result was made from had its view transform (AgX, Filmic ...) on already. Read as plain sRGB,
    the compositor or a material would give it a second one, and the picture would come out pale. Looks are not undone.
    """
    copy = made.keep(image.copy())
    copy.name = f"{image.name} | {scene.view_settings.view_transform}"
    for key in (JOB, PROVENANCE, UID):  # it is not another result
        if key in copy:
            del copy[key]
    known = [item.identifier for item in copy.colorspace_settings.bl_rna.properties["name"].enum_items]
    transform = scene.view_settings.view_transform
    names = (f"{transform} Base sRGB", f"{transform} sRGB", "sRGB")
    copy.colorspace_settings.name = next((name for name in names if name in known), copy.colorspace_settings.name)
    return copy, 2.0**-scene.view_settings.exposure
