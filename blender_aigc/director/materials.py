"""Materials of a plan as node trees of Principled BSDF."""

from __future__ import annotations

import bpy

from ..apply.scene import Made
from ..plan import COLORS, LIQUIDS, MATERIALS, SHAPES, PlanObject
from ..plan import Material as Asked
from ..plan.words import Material as Known


def linear(color: str) -> tuple[float, float, float, float]:
    """A colour word or #rrggbb (sRGB) as linear RGBA."""
    code = COLORS.get(color, color)
    channels = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return r, g, b, 1.0


def substance(thing: PlanObject) -> tuple[str, Known]:
    """The named material that an object is made of."""
    asked = thing.material.name if thing.material is not None else ""
    shape = SHAPES.get(thing.shape)
    name = asked or (shape.material if shape is not None else "plastic")
    return name, MATERIALS[name]


def material_of(thing: PlanObject, made: Made, label: str) -> bpy.types.Material | None:
    """The material of `thing`, new in the file; None for what brings its own (asset, generator, selection)."""
    if thing.material is None and thing.shape in ("asset", "generator", "selected") and thing.liquid is None:
        return None
    if thing.liquid is not None:
        return liquid_material(thing.liquid.substance, made)
    name, known = substance(thing)
    asked = thing.material or Asked()
    own = SHAPES[thing.shape].color if thing.shape in SHAPES and not asked.name else ""
    look = {
        "color": asked.color or own or known.color,
        "roughness": known.roughness if asked.roughness is None else asked.roughness,
        "metallic": known.metallic if asked.metallic is None else asked.metallic,
        "transmission": known.transmission if asked.transmission is None else asked.transmission,
        "ior": known.ior,
        "glow": asked.glow or known.emission,
    }
    block = _principled(f"{label} {name}", made, **look)
    if thing.shape == "basketball" and name == "basketball":
        _seams(block)
    return block


def liquid_material(substance_name: str, made: Made) -> bpy.types.Material:
    liquid = LIQUIDS[substance_name]
    look = {"color": liquid.color, "roughness": liquid.roughness, "transmission": liquid.transmission}
    return _principled(substance_name, made, ior=1.333, glow=liquid.emission, **look)


def ground_material(ground: str, made: Made) -> bpy.types.Material:
    if ground == "floor":
        return _principled("floor", made, color="#566270", roughness=0.7)
    known = MATERIALS[ground]
    return _principled(ground, made, color=known.color, roughness=known.roughness, transmission=0.0)


def _principled(
    name: str,
    made: Made,
    color: str,
    roughness: float = 0.5,
    metallic: float = 0.0,
    transmission: float = 0.0,
    ior: float = 1.45,
    glow: float = 0.0,
) -> bpy.types.Material:
    block = made.keep(bpy.data.materials.new(name))
    if bpy.app.version < (5, 0):
        block.use_nodes = True
    tree = block.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    values = {
        "Base Color": linear(color),
        "Roughness": roughness,
        "Metallic": metallic,
        "Transmission Weight": transmission,
        "IOR": ior,
        "Emission Color": linear(color),
        "Emission Strength": glow,
    }
    for socket, value in values.items():
        shader.inputs[socket].default_value = value
    block.diffuse_color = (*linear(color)[:3], 1.0 - 0.75 * transmission)
    block.roughness, block.metallic = roughness, metallic
    return block


def _seams(block: bpy.types.Material) -> None:
    """The dark lines of a basketball: three great circles' worth of distance to planes, in the object's own frame."""
    tree = block.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(coordinates.outputs["Generated"], split.inputs[0])

    def math(operation: str, *inputs: object) -> bpy.types.NodeSocket:
        node = tree.nodes.new("ShaderNodeMath")
        node.operation = operation
        for socket, given in zip(node.inputs, inputs, strict=False):
            if isinstance(given, (int, float)):
                socket.default_value = given
            else:
                tree.links.new(given, socket)
        return node.outputs[0]

    x, y, z = (math("ABSOLUTE", math("SUBTRACT", split.outputs[axis], 0.5)) for axis in "XYZ")
    bent = math("ABSOLUTE", math("SUBTRACT", math("ADD", y, math("MULTIPLY", math("MULTIPLY", x, x), -0.7)), 0.27))
    nearest = math("MINIMUM", math("MINIMUM", x, z), bent)
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    color = next(s for s in mix.inputs if s.name == "A" and s.type == "RGBA")
    dark = next(s for s in mix.inputs if s.name == "B" and s.type == "RGBA")
    color.default_value = shader.inputs["Base Color"].default_value
    dark.default_value = (0.01, 0.01, 0.01, 1.0)
    tree.links.new(math("LESS_THAN", nearest, 0.012), mix.inputs[0])
    tree.links.new(next(s for s in mix.outputs if s.type == "RGBA"), shader.inputs["Base Color"])
