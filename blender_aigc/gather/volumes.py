"""Smoke, fog and clouds are left out of the geometry: the one ray of a pixel may be scattered there, and find nothing.

What is a volume and nothing else has no surface that passes could show. Volume objects and smoke are switched off in
the view layers of the scene's copy. Meshes with a volume's material can be anywhere, also where no object of the scene
stands for them: instances of particles and of geometry nodes, geometry that nodes have made. So they get a
material that lets everything through, and they get it in what Blender has evaluated for this one render: the user's
objects, meshes and node groups are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy

_NAME = "AIGC Nothing"


@dataclass
class Clearing:
    """Leaves volumes out of renders of `scene`, a copy of the user's. found: whether there were any."""

    scene: bpy.types.Scene
    found: bool = False
    _made: list[bpy.types.ID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._nothing = bpy.data.materials.new(_NAME)
        if self._nothing.node_tree is None:  # Blender 4; always there in 5
            self._nothing.use_nodes = True
        tree = self._nothing.node_tree
        tree.nodes.clear()
        out, clear = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeBsdfTransparent")
        tree.links.new(clear.outputs[0], out.inputs["Surface"])
        mesh = bpy.data.meshes.new(_NAME)  # without a face: brings the material into the render
        mesh.materials.append(self._nothing)
        carrier = bpy.data.objects.new(_NAME, mesh)
        self._made += [carrier, mesh, self._nothing]
        self.scene.collection.objects.link(carrier)
        for layer in self.scene.view_layers:
            layer.use_volumes = False

    def remove(self) -> None:
        bpy.data.batch_remove(self._made)
        self._made.clear()

    @contextmanager
    def rendering(self) -> Iterator[None]:
        """While it lasts, renders of the scene show no volumes."""
        bpy.app.handlers.frame_change_post.append(self._evaluated)
        try:
            yield
        finally:
            bpy.app.handlers.frame_change_post.remove(self._evaluated)

    def _evaluated(self, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        """Blender calls this between evaluating a view layer and handing it over to Cycles."""
        if scene != self.scene or depsgraph.mode != "RENDER":
            return
        materials = [one for one in depsgraph.ids if isinstance(one, bpy.types.Material)]
        fogs = {one for one in materials if only_volume(one)}
        self.found |= bool(fogs) or any(isinstance(one, bpy.types.Volume) for one in depsgraph.ids)
        if not fogs:
            return
        nothing = self._nothing.evaluated_get(depsgraph)
        done: set[tuple[int, int]] = set()
        for instance in depsgraph.object_instances:
            obj = instance.object
            slots = getattr(obj.data, "materials", None)
            key = (obj.data.as_pointer(), obj.original.as_pointer()) if slots else (0, 0)
            if not slots or key in done:
                continue
            done.add(key)
            for number, material in enumerate(slots):
                if material in fogs:
                    _lend_user(depsgraph, material)
                    slots[number] = nothing
            for slot in obj.material_slots:
                if slot.link == "OBJECT" and slot.material in fogs:
                    _lend_user(depsgraph, slot.material)
                    slot.material = nothing


def _lend_user(depsgraph: bpy.types.Depsgraph, material: bpy.types.Material) -> None:
    """Evaluated materials have no users; Blender would complain on the console that one is taken away."""
    scene = depsgraph.scene_eval
    scene[f"{_NAME} {len(scene.keys())}"] = material


def is_volume(obj: bpy.types.Object) -> bool:
    """Is it a volume, and nothing else? A mesh whose materials have a volume and no surface, as smoke and fog have."""
    if obj.type == "VOLUME":
        return True
    slots = [slot.material for slot in getattr(obj, "material_slots", ())]
    return bool(slots) and all(material is not None and only_volume(material) for material in slots)


def only_volume(material: bpy.types.Material) -> bool:
    """Has it a volume and no surface? One that lets everything through is none."""
    if material.node_tree is None:
        return False
    output = material.node_tree.get_output_node("CYCLES")
    if output is None or not output.inputs["Volume"].is_linked:
        return False
    links = output.inputs["Surface"].links
    return not links or (
        links[0].from_node.type == "BSDF_TRANSPARENT" and not links[0].from_node.inputs["Color"].is_linked
    )
