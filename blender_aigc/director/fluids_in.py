"""Liquid surfaces and smoke of a bake as objects of the scene."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ..apply.scene import Made
from ..plan import PlanObject
from . import materials, order
from .build import Built

FLUID = "aigc_fluid"
"""Custom property of what a bake brought in: "liquid" or "gas"; the next bake takes it away."""


def bring_in(context: bpy.types.Context, built: Built, folder: Path, first: int) -> None:
    """Adds what liquid and gas left in `folder`. first: scene frame of the plan's frame 1."""
    for obj in [obj for obj in built.collection.objects if FLUID in obj]:
        bpy.data.objects.remove(obj)
    liquid = next((thing for thing in built.plan.objects if thing.liquid), None)
    if liquid is not None and (folder / "liquid.abc").exists():
        _liquid(context, built, folder / "liquid.abc", liquid, first)
    gas = next((thing for thing in built.plan.objects if thing.gas), None)
    frames = sorted((folder / "gas_cache" / "data").glob("*.vdb"))
    if gas is not None and frames:
        domain = json.loads((folder / order.domain_name("gas")).read_text(encoding="utf-8"))
        _gas(built, frames, gas, first, domain["corner_m"])


def _liquid(context: bpy.types.Context, built: Built, path: Path, thing: PlanObject, first: int) -> None:
    layer = context.view_layer
    active, selected = layer.objects.active, [obj for obj in layer.objects if obj.select_get()]
    before = set(bpy.data.objects)
    bpy.ops.wm.alembic_import(filepath=str(path), set_frame_range=False, as_background_job=False)
    for obj in set(bpy.data.objects) - before:
        obj.name = thing.name + " surface"
        for home in list(obj.users_collection):
            home.objects.unlink(obj)
        built.collection.objects.link(obj)
        obj[FLUID] = "liquid"
        obj.data.materials.clear()
        obj.data.materials.append(materials.material_of(thing, Made(), thing.name))
        for modifier in obj.modifiers:
            if modifier.type == "MESH_SEQUENCE_CACHE":
                modifier.cache_file.frame_offset = float(first - 1)
    for obj in layer.objects:
        obj.select_set(obj in selected)
    layer.objects.active = active


def _gas(built: Built, frames: list[Path], thing: PlanObject, first: int, corner_m: list[float]) -> None:
    data = bpy.data.volumes.new(thing.name + " smoke")
    data.filepath = str(frames[0])
    data.is_sequence = True
    data.frame_duration, data.frame_start = len(frames), first
    obj = bpy.data.objects.new(data.name, data)
    obj.location = corner_m  # the files begin at the lower corner of the domain
    obj[FLUID] = "gas"
    built.collection.objects.link(obj)
    material = bpy.data.materials.new(data.name)
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree = material.node_tree
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    for node in [node for node in tree.nodes if node != output]:
        tree.nodes.remove(node)
    shader = tree.nodes.new("ShaderNodeVolumePrincipled")
    shader.inputs["Color"].default_value = materials.linear(thing.gas.color or "grey")
    shader.inputs["Density"].default_value = 0.0 if thing.gas.type == "fire" else 15.0
    shader.inputs["Blackbody Intensity"].default_value = 0.0 if thing.gas.type == "smoke" else 1.0
    tree.links.new(shader.outputs[0], output.inputs["Volume"])
    data.materials.append(material)
