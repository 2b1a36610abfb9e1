"""The interface in other languages. The source language is English; Blender shows an entry when it has one."""

import bpy

LANGUAGES: dict[str, dict[tuple[str, str], str]] = {}


def register() -> None:
    bpy.app.translations.register(__package__, LANGUAGES)


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
