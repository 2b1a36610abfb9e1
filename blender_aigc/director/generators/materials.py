"""A `Look` as a Blender material: Principled BSDF, so that Cycles, EEVEE, Solid view and exporters agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from .parts import Look

Keep = Callable[[Any], Any]


def material(name: str, look: Look, keep: Keep = lambda block: block) -> bpy.types.Material:
    """A new material; `keep` is told of it before anything can fail, so that the caller can take it back."""
    made = keep(bpy.data.materials.new(name))
    if made.node_tree is None:
        made.use_nodes = True  # always so from 5.0 on, where setting it only warns
    made.diffuse_color = (*look.colour, 1.0 if look.transmission < 0.5 else 0.35)
    made.roughness, made.metallic = look.roughness, look.metallic
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    output = _node(nodes, "ShaderNodeOutputMaterial", 600, 300)
    shader = _node(nodes, "ShaderNodeBsdfPrincipled", 300, 300)
    values = {
        "Base Color": (*look.colour, 1.0),
        "Roughness": look.roughness,
        "Metallic": look.metallic,
        "Transmission Weight": look.transmission,
        "Emission Color": (*look.colour, 1.0),
        "Emission Strength": look.emission,
    }
    for socket, value in values.items():
        shader.inputs[socket].default_value = value
    if look.transmission:
        shader.inputs["IOR"].default_value = 1.33 if look.roughness < 0.03 else 1.45
    colour, height = _PATTERNS[look.pattern](nodes, links, look)
    if colour is not None:
        links.new(colour, shader.inputs["Base Color"])
    if height is not None and look.bump_m > 0:
        bump = _node(nodes, "ShaderNodeBump", 60, -100)
        bump.inputs["Distance"].default_value = look.bump_m
        links.new(height, bump.inputs["Height"])
        links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    surface = shader.outputs["BSDF"]
    links.new(_leaf(nodes, links, look, surface, colour) if look.leaf else surface, output.inputs["Surface"])
    return made


def _node(nodes, kind: str, x: float, y: float):
    node = nodes.new(kind)
    node.location = (x, y)
    return node


def _leaf(nodes, links, look: Look, surface, colour):
    """A third of the light goes through a leaf, and comes out yellower."""
    through, mix = _node(nodes, "ShaderNodeBsdfTranslucent", 300, -250), _node(nodes, "ShaderNodeMixShader", 460, 300)
    through.inputs["Color"].default_value = (*look.colour, 1.0)
    if colour is not None:
        links.new(colour, through.inputs["Color"])
    mix.inputs[0].default_value = 0.35
    links.new(surface, mix.inputs[1])
    links.new(through.outputs[0], mix.inputs[2])
    return mix.outputs[0]


def _plain(_nodes, _links, _look: Look) -> tuple:
    return None, None


def _ramp(nodes, links, look: Look, value):
    """`value` 0 .. 1 becomes a colour between the look's two."""
    ramp = _node(nodes, "ShaderNodeValToRGB", 0, 300)
    low, high = ramp.color_ramp.elements
    low.position, high.position = 0.35, 0.65
    low.color, high.color = (*look.colour, 1.0), (*(look.second or look.colour), 1.0)
    links.new(value, ramp.inputs[0])
    return ramp.outputs[0]


def _noise(nodes, links, look: Look) -> tuple:
    """Clouds of the two colours, in object space: no seams."""
    place, noise = _node(nodes, "ShaderNodeTexCoord", -500, 200), _node(nodes, "ShaderNodeTexNoise", -250, 200)
    noise.inputs["Scale"].default_value = 1 / look.scale_m
    noise.inputs["Detail"].default_value = 5.0
    links.new(place.outputs["Object"], noise.inputs["Vector"])
    return _ramp(nodes, links, look, noise.outputs[0]), noise.outputs[0]


def _wood(nodes, links, look: Look) -> tuple:
    """Noise stretched twenty times along V, as boards are cut along the trunk."""
    place, mapping = _node(nodes, "ShaderNodeTexCoord", -700, 200), _node(nodes, "ShaderNodeMapping", -500, 200)
    noise = _node(nodes, "ShaderNodeTexNoise", -250, 200)
    mapping.inputs["Scale"].default_value = (1 / look.scale_m, 1 / (20 * look.scale_m), 1.0)
    noise.inputs["Scale"].default_value = 1.0
    noise.inputs["Detail"].default_value = 4.0
    noise.inputs["Distortion"].default_value = 0.6
    links.new(place.outputs["UV"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], noise.inputs["Vector"])
    return _ramp(nodes, links, look, noise.outputs[0]), noise.outputs[0]


def _bricks(nodes, links, look: Look) -> tuple:
    """Bricks 2.9 times as wide as high (240 x 71 mm with the joint), `scale_m` wide."""
    place, brick = _node(nodes, "ShaderNodeTexCoord", -700, 200), _node(nodes, "ShaderNodeTexBrick", -250, 200)
    brick.inputs["Scale"].default_value = 1.0
    brick.inputs["Brick Width"].default_value = look.scale_m
    brick.inputs["Row Height"].default_value = look.scale_m / 2.9
    brick.inputs["Mortar Size"].default_value = look.scale_m / 24
    brick.inputs["Color1"].default_value = (*look.colour, 1.0)
    brick.inputs["Color2"].default_value = (*(channel * 0.72 for channel in look.colour), 1.0)
    brick.inputs["Mortar"].default_value = (*(look.second or (0.5, 0.5, 0.5)), 1.0)
    links.new(place.outputs["UV"], brick.inputs["Vector"])
    invert = _node(nodes, "ShaderNodeInvert", -60, -100)
    links.new(brick.outputs["Fac"], invert.inputs["Color"])
    return brick.outputs["Color"], invert.outputs["Color"]


def _weave(nodes, links, look: Look) -> tuple:
    """Threads that cross, `scale_m` apart, in the plane of the UVs."""
    place = _node(nodes, "ShaderNodeTexCoord", -900, 200)
    waves = []
    for row, direction in enumerate(("X", "Y")):
        wave = _node(nodes, "ShaderNodeTexWave", -550, 300 - 300 * row)
        wave.bands_direction = direction
        wave.inputs["Scale"].default_value = 0.314 / look.scale_m
        wave.inputs["Distortion"].default_value = 0.5
        links.new(place.outputs["UV"], wave.inputs["Vector"])
        waves.append(wave.outputs["Fac"])
    both = _node(nodes, "ShaderNodeMath", -250, 200)
    both.operation = "MAXIMUM"
    links.new(waves[0], both.inputs[0])
    links.new(waves[1], both.inputs[1])
    return _ramp(nodes, links, look, both.outputs[0]), both.outputs[0]


def _colours(nodes, _links, _look: Look) -> tuple:
    """The colours that the mesh brings."""
    own = _node(nodes, "ShaderNodeVertexColor", -250, 200)
    own.layer_name = "Color"
    return own.outputs["Color"], None


_PATTERNS = {
    "plain": _plain,
    "noise": _noise,
    "wood": _wood,
    "bricks": _bricks,
    "weave": _weave,
    "colours": _colours,
}
