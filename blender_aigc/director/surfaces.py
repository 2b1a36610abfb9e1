"""The surface of a liquid, frame by frame while it is computed, and as an Alembic file when it is done."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..faults import Fault

_MOST_BYTES = 1_000_000_000
_BYTES_PER_VERTEX = 100
"""Of a mesh of quads with its edges, and of what Blender keeps about it."""


class Surfaces:
    """What `domain` looked like in each frame, so that the export needs not have Blender read its cache again.

    Reading every frame again was half of the export, 3 % of a bake of 48 cells. The meshes of a long, fine bake do not
    fit into memory: then none is kept, and the cache is read, which does not count there.
    """

    def __init__(self, domain: bpy.types.Object) -> None:
        self._domain = domain
        self._meshes: list[bpy.types.Mesh] = []
        self._bytes = 0
        self._fits = True

    def keep(self, graph: bpy.types.Depsgraph) -> None:
        """To be called once a frame, from frame 1 on, when it has been evaluated."""
        if not self._fits:
            return
        mesh = bpy.data.meshes.new_from_object(self._domain.evaluated_get(graph))
        self._meshes.append(mesh)
        self._bytes += _BYTES_PER_VERTEX * len(mesh.vertices)
        if self._bytes > _MOST_BYTES:
            self._fits = False
            bpy.data.batch_remove(self._meshes)
            self._meshes = []

    def export(self, scene: bpy.types.Scene, path: Path) -> None:
        """Frames 1 to the last of `scene` as an Alembic file, whole or not at all.

        Raises Fault("bad_request") when this Blender cannot write such files.
        """
        if not self._meshes:
            _export(scene, self._domain, path)
            return
        alone = bpy.data.scenes.new("Surface")  # in which nothing else is evaluated
        alone.render.fps, alone.render.fps_base = scene.render.fps, scene.render.fps_base
        alone.frame_end = scene.frame_end
        shown = bpy.data.objects.new("Surface", self._meshes[0])
        shown.matrix_world = self._domain.matrix_world
        alone.collection.objects.link(shown)
        still = shown.modifiers.new("Moves", "WAVE")  # of what has no modifier the exporter writes the first frame only
        still.show_render = still.show_viewport = False
        name = self._meshes[0].name  # by another name it were another mesh in the file

        def show(now: bpy.types.Scene, *_: object) -> None:
            mesh = self._meshes[min(max(now.frame_current, 1), len(self._meshes)) - 1]
            shown.data.name = "before"
            shown.data, mesh.name = mesh, name

        bpy.app.handlers.frame_change_pre.append(show)
        try:
            with bpy.context.temp_override(scene=alone, view_layer=alone.view_layers[0]):
                _export(alone, shown, path)
        finally:
            bpy.app.handlers.frame_change_pre.remove(show)


def _export(scene: bpy.types.Scene, surface: bpy.types.Object, path: Path) -> None:
    """Only the surface: coordinates of textures would take half of the time, and normals of a smooth surface are not
    written, which makes the file a third.
    """
    for obj in bpy.context.view_layer.objects:
        obj.select_set(False)
    surface.select_set(True)  # also where the view layer does not list it yet
    bpy.context.view_layer.objects.active = surface
    part = path.with_suffix(".part.abc")
    try:
        bpy.ops.wm.alembic_export(
            filepath=str(part),
            start=1,
            end=scene.frame_end,
            selected=True,
            as_background_job=False,
            evaluation_mode="RENDER",
            uvs=False,
            orcos=False,
            vcolors=False,
            export_hair=False,
            export_particles=False,
            export_custom_properties=False,
        )
    except AttributeError:
        hint = "Use a Blender from blender.org."
        raise Fault("bad_request", "This Blender cannot write Alembic files.", hint) from None
    part.replace(path)
