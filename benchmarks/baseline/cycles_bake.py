"""Blender's side of benchmarks/view_bake.py: the same views projected in a material and baked by Cycles (EMIT, one
sample, margin 16, cos^4 weights as there; no visibility at all). Talks over its standard streams, one line each way.

    python benchmarks/baseline/cycles_bake.py FOLDER LEVEL      (a Python that has bpy; started by view_bake.py)

Writes FOLDER/mesh.npz (the monkey, subdivided LEVEL times), prints "ready"; then for each line "bake SIZE" it reads
FOLDER/cameras.npz and FOLDER/view_N.png and prints wall and processor seconds of bpy.ops.object.bake.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import bpy
import numpy as np


def build(level: int) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add()
    thing = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.smart_project(angle_limit=1.15, island_margin=0.01)
    bpy.ops.object.mode_set(mode="OBJECT")
    thing.modifiers.new("Smooth", "SUBSURF").levels = level
    bpy.ops.object.modifier_apply(modifier="Smooth")
    bpy.ops.object.shade_smooth()
    bpy.ops.object.modifier_add(type="TRIANGULATE")
    bpy.ops.object.modifier_apply(modifier="Triangulate")
    return thing


def export(thing: bpy.types.Object, path: Path) -> None:
    mesh = thing.data
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, vertices = np.empty(count * 3, np.int32), np.empty(count * 3, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("vertices", vertices)
    positions = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", positions)
    uvs, normals = np.empty(len(mesh.loops) * 2, np.float32), np.empty(len(mesh.loops) * 3, np.float32)
    mesh.uv_layers.active.data.foreach_get("uv", uvs)
    mesh.corner_normals.foreach_get("vector", normals)
    np.savez(
        path,
        positions=positions.reshape(-1, 3),
        faces=vertices.reshape(-1, 3),
        corner_uvs=uvs.reshape(-1, 2)[loops].reshape(-1, 3, 2),
        corner_normals=normals.reshape(-1, 3)[loops].reshape(-1, 3, 3),
    )


class Nodes:
    """A material's node tree, written as arithmetic."""

    def __init__(self, material: bpy.types.Material):
        material.use_nodes = True
        self.tree = material.node_tree
        self.tree.nodes.clear()

    def add(self, kind: str, *inputs, output: int = 0, **settings):
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for number, value in enumerate(inputs):
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[number])
            elif value is not None:
                node.inputs[number].default_value = value
        return node.outputs[output]

    def math(self, operation: str, *inputs):
        return self.add("ShaderNodeMath", *inputs, operation=operation)

    def vector(self, operation: str, *inputs, output: int = 0):
        return self.add("ShaderNodeVectorMath", *inputs, operation=operation, output=output)


def material(folder: Path, thing: bpy.types.Object) -> bpy.types.Node:
    """Gives `thing` the projection of all views; returns the node whose image is baked into."""
    data = np.load(folder / "cameras.npz")
    surface = bpy.data.materials.new("views")
    thing.data.materials.clear()
    thing.data.materials.append(surface)
    nodes = Nodes(surface)
    geometry = nodes.tree.nodes.new("ShaderNodeNewGeometry")
    position, normal = geometry.outputs["Position"], geometry.outputs["Normal"]
    total_colour = total_weight = None
    for number, (rows, place) in enumerate(zip(data["rows"], data["places"], strict=True)):
        dots = []
        for row in rows:  # picture coordinates 0..1, v upwards, times depth; and depth
            dot = nodes.vector("DOT_PRODUCT", position, tuple(row[:3]), output=1)
            dots.append(nodes.math("ADD", dot, float(row[3])))
        u, v = (nodes.math("DIVIDE", dot, dots[2]) for dot in dots[:2])
        uv = nodes.add("ShaderNodeCombineXYZ", u, v)
        image = bpy.data.images.load(str(folder / f"view_{number}.png"))
        colour = nodes.add("ShaderNodeTexImage", uv, image=image, extension="CLIP")
        way = nodes.vector("NORMALIZE", nodes.vector("SUBTRACT", tuple(place), position))
        cosine = nodes.math("MAXIMUM", nodes.vector("DOT_PRODUCT", normal, way, output=1), 0.0)
        weight = nodes.math("POWER", cosine, 4.0)
        scaled = nodes.add("ShaderNodeVectorMath", colour, operation="SCALE")
        scale = scaled.node.inputs["Scale"]
        nodes.tree.links.new(weight, scale)
        total_colour = scaled if total_colour is None else nodes.vector("ADD", total_colour, scaled)
        total_weight = weight if total_weight is None else nodes.math("ADD", total_weight, weight)
    mean = nodes.add("ShaderNodeVectorMath", total_colour, operation="SCALE")
    nodes.tree.links.new(nodes.math("DIVIDE", 1.0, total_weight), mean.node.inputs["Scale"])
    emission = nodes.add("ShaderNodeEmission", mean)
    nodes.tree.links.new(emission, nodes.tree.nodes.new("ShaderNodeOutputMaterial").inputs[0])
    target = nodes.tree.nodes.new("ShaderNodeTexImage")
    nodes.tree.nodes.active = target
    return target


def main() -> None:
    folder, level = Path(sys.argv[1]), int(sys.argv[2])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Blender prints about its bakes
    thing = build(level)
    export(thing, folder / "mesh.npz")
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 1, "CPU"
    scene.render.bake.margin = 16
    target = None
    replies.write("ready\n")
    replies.flush()
    for line in sys.stdin:
        target = target or material(folder, thing)
        size = int(line.split()[1])
        target.image = bpy.data.images.new("baked", size, size)
        wall, busy = time.perf_counter(), time.process_time()
        bpy.ops.object.bake(type="EMIT")
        replies.write(f"{time.perf_counter() - wall} {time.process_time() - busy}\n")
        replies.flush()
        target.image.filepath_raw, target.image.file_format = str(folder / f"cycles_{size}.png"), "PNG"
        target.image.save()
    os._exit(0)


if __name__ == "__main__":
    main()
