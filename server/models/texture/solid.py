"""Solid: procedural materials in space, chosen by the words of the prompt, painted into all maps. No download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Choice, Job, ModelInfo, Param

from ...materials.names import CHOICES
from ...texturing.knobs import FACES, SEPARATE, SOFT_PX, TEXTURES, UV

if TYPE_CHECKING:
    import numpy as np

    from ...context import Context

_PARAMS = (
    Param(
        "texture_px",
        "enum",
        "Texture Size",
        "Pixels of each side of the textures",
        "2048",
        choices=tuple(Choice(str(px), f"{px} px") for px in (256, 512, 1024, 2048, 4096, 8192)),
    ),
    TEXTURES,
    Param(
        "material",
        "enum",
        "Material",
        "What it is made of; by the words of the prompt, or always the same",
        "auto",
        choices=(Choice("auto", "By the Prompt", "The first material that the prompt names"), *CHOICES),
    ),
    Param(
        "scale", "float", "Pattern Size", "Twice the size makes rings, bricks and grains twice as large", 1.0, 0.02, 50
    ),
    Param("wear", "float", "Wear", "Rubbed edges and flaking; half is what the words say", 0.5, 0.0, 1.0),
    Param("dirt", "float", "Dirt", "Grime in hollows and under ledges; half is what the words say", 0.5, 0.0, 1.0),
    Param("relief", "float", "Relief", "How strongly the normal map bends the light", 1.0, 0.0, 4.0),
    Param(
        "units",
        "enum",
        "Unit",
        "What the pattern's size is measured by",
        "auto",
        choices=(
            Choice("auto", "Automatic", "Metres, unless the object is very small or very large"),
            Choice("metres", "Metres", "A brick is 21 cm long, however large the object is"),
            Choice("object", "The Object", "As if the largest side were two metres long"),
        ),
        advanced=True,
    ),
    UV,
    SEPARATE,
    SOFT_PX,
    FACES,
)
_METRES = (0.05, 60.0)
"""Objects between these sizes are taken to be modelled in metres."""


class Solid:
    info = ModelInfo(
        id="solid",
        task="texture_mesh",
        label="Solid Materials",
        help="Wood, stone, metal, cloth, skin and forty more, painted into all maps with worn edges and dirt",
        params=_PARAMS,
        procedural=True,
        source="Solid textures (Peachey 1985; Perlin 1985; Worley 1996), bend after Pottmann et al. 2009",
        ignores=("reference", "picture"),
        memory_gb=0.8,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Read, judge the UVs, look how the surface lies, paint, write.

        Raises Fault: bad_input for a mesh that cannot be textured, out_of_memory for maps that would not fit.
        """
        from ...geometry.mesh_input import read_mesh
        from ...materials.painter import BYTES_PER_TEXEL
        from ...texturing.delivery import Delivery, check_room
        from ...texturing.exposures import exposures
        from ...texturing.layout import sets_for
        from ...texturing.wishes import orders

        size = int(job.params["texture_px"])
        context.progress("Reading the mesh")
        mesh = read_mesh(context.input_path("mesh"))
        sets, notes, part = sets_for(job, context, mesh, size)
        size = size if part is None else part.size
        check_room(sets, size, BYTES_PER_TEXEL)
        wanted = orders(mesh, sets, job.prompt, str(job.params["material"]), job.seed)
        context.progress("Looking at edges and hollows")
        exposed = exposures(mesh, sets, size, context.check_cancelled)
        delivery = Delivery(context, mesh, bool(job.params["separate"]))
        for number, (group, order, exposure) in enumerate(zip(sets, wanted, exposed, strict=True)):
            if part is not None and part.skips(number):
                continue
            maps = _painted(job, context, mesh, group, order, exposure, (number, len(sets), size))
            if part is not None:
                maps = part.joined(number, maps)
            context.progress("Saving", number, len(sets), group.name)
            delivery.add(group if part is None else part.group(number), maps, context.check_cancelled)
        delivery.close(job.name)
        context.progress("Saving", len(sets), len(sets))
        context.report(**_facts(wanted, sets, notes))


def _painted(job, context, mesh, group, order, exposure, place):  # noqa: ANN001, ANN202, PLR0913
    from ...geometry.texels import Sheet
    from ...materials.painter import Body, paint

    number, total, size = place
    for reading in order.readings:
        for recipe in [reading.recipe, *([reading.second[1]] if reading.second else [])]:
            recipe.age = min(1.0, recipe.age * 2 * float(job.params["wear"]))
            recipe.dirt = min(1.0, recipe.dirt * 2 * float(job.params["dirt"]))
    sheet = Sheet(mesh, group, size, context.check_cancelled)
    bodies = {}
    for owner in group.owners:
        own = mesh.vertices[mesh.faces[mesh.faces_of(owner)].reshape(-1)]
        bodies[owner] = Body.of(own, mesh.objects[owner].world_from_object, _scale(job, own))
    what = " + ".join(dict.fromkeys(reading.material.label for reading in order.readings))

    def advance(share: float, colours: np.ndarray | None) -> None:
        stride = max(1, size // 256)
        preview = None if colours is None else colours[::stride, ::stride]
        step = round((number + share) * 100)
        context.progress("Painting", step, 100 * total, f"{group.name}: {what}", preview)

    return paint(sheet, exposure, bodies, order, float(job.params["relief"]), context.check_cancelled, advance)


def _scale(job: Job, vertices: np.ndarray) -> float:
    """How much larger the pattern is than in metres."""
    extent = float((vertices.max(axis=0) - vertices.min(axis=0)).max()) or 1.0
    units = job.params["units"]
    by_object = units == "object" or (units == "auto" and not _METRES[0] <= extent <= _METRES[1])
    return float(job.params["scale"]) * (extent / 2 if by_object else 1.0)


def _facts(wanted: list, sets: list, notes: list[str]) -> dict[str, bool | int | float | str]:
    from ...materials.words import notes_of

    materials = dict.fromkeys(reading.material.label for order in wanted for reading in order.readings)
    ignored = dict.fromkeys(word for order in wanted for reading in order.readings for word in reading.ignored)
    notes = [*notes_of(reading for order in wanted for reading in order.readings), *(f"{note}." for note in notes)]
    return {
        "material": ", ".join(materials),
        "textures": len(sets),
        "ignored": ", ".join(ignored),
        "new_uvs": ", ".join(group.name for group in sets if group.uv == "new"),
        "notes": " ".join(notes),
    }


MODEL = Solid
