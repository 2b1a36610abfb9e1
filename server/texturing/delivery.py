"""Finished maps leave as files with names that engines like, a description that Blender reads, and a GLB. numpy only.

Every engine that textures meshes ends here:

    <set>_BaseColor.png  sRGB          <set>_Normal.png     OpenGL, tangent space, Non-Color
    <set>_ORM.png        Non-Color     <set>_Height.png     16 bits, 0.5 is the surface, Non-Color
    <set>_Roughness.png, <set>_Metallic.png, <set>_AO.png   the channels of ORM one by one, where they are wanted

`material.json`, the artefact of kind "material", says which object and slot takes which:

    {"of_file": bool, "objects": [{..facts of the input.., "new_uvs": file or "", "sets": [
        {"name", "slots": [..], "tile": 0 or 1001.., "uv", "height_m", "roughness", "metallic", "viewport": [r, g, b],
         "maps": {"colour": file, "orm": file, "normal": file, "height": file},
         "debug": {} or {"coverage": file, "winner": file, "seams": file}}]}]}

Objects that share an atlas each name it, with the same files. Of work on a part of a texture, sets without a change are
left out. UDIM tiles of one material have one range of heights.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blender_aigc.protocol import Fault, encode

from ..geometry.heights import ranged
from ..geometry.mesh_input import MeshInput
from ..geometry.texture_sets import TextureSet
from ..png import decode_png, encode_png, size_of_png

if TYPE_CHECKING:
    from ..context import Context
    from ..materials.painter import Maps

MATERIAL_FILE = "material.json"
_ENDINGS = {"colour": "BaseColor", "orm": "ORM", "normal": "Normal", "height": "Height"}
_ENDINGS |= {"ao": "AO", "roughness": "Roughness", "metallic": "Metallic"}


@dataclass
class Delivery:
    """Collects the sets of a job as they are finished, and closes with the description."""

    context: Context
    mesh: MeshInput
    separate: bool = False
    _sets: dict[int, list[dict[str, Any]]] = field(default_factory=dict[int, list[dict[str, Any]]])
    _pictures: list[tuple[TextureSet, dict[str, bytes], float]] = field(default_factory=list[Any])
    _waiting: dict[tuple[Any, ...], list[tuple[str, str, bytes, dict[str, Any]]]] = field(
        default_factory=dict[Any, Any]
    )

    def add(
        self,
        group: TextureSet,
        maps: Maps,
        check: Callable[[], None],
        debug: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes the maps of one set. debug: pictures of how they came about. Raises Fault("disk_full")."""
        pictures = {"colour": maps.colour, "orm": maps.orm, "normal": maps.normal}
        if maps.height is not None:
            pictures["height"] = maps.height
        if self.separate:
            single = (np.ascontiguousarray(maps.orm[..., n]) for n in range(3))
            pictures |= dict(zip(("ao", "roughness", "metallic"), single, strict=True))
        files, kept = {}, {}
        base, _, tile = group.name.rpartition(".") if group.tile else (group.name, "", "")
        for key, picture in pictures.items():
            check()
            png = encode_png(picture, 2)
            called = f"{base}_{_ENDINGS[key]}.{tile}.png" if tile else f"{base}_{_ENDINGS[key]}.png"
            if key in ("colour", "orm", "normal", "height"):
                kept[key] = png
            if key == "height" and tile:
                continue  # until the range of all tiles is known
            files[key] = self._save_map(group.name, key, called, png)
        shown = {}
        for key, picture in (debug or {}).items():
            check()
            called = f"{base}_{key.title()}.{tile}.png" if tile else f"{base}_{key.title()}.png"
            label = f"{group.name} {key}"
            shown[key] = self.context.save_file("file", called, encode_png(picture, 2), label, {"debug": key}).file
        if self.mesh.of_file:
            self._pictures.append((group, kept, maps.height_m))
        facts = {"tile": group.tile, "uv": group.uv, "height_m": maps.height_m, "maps": files, "debug": shown}
        facts |= _means(maps)
        if tile and "height" in kept:
            waiting = self._waiting.setdefault((base, *group.owners), [])
            waiting.append((group.name, f"{base}_Height.{tile}.png", kept["height"], facts))
        for number, slots in group.owners.items():
            self._sets.setdefault(number, []).append({"name": group.name, "slots": list(slots), "facts": facts})

    def _save_map(self, name: str, key: str, called: str, png: bytes) -> str:
        """The file's name."""
        width, height = size_of_png(png)
        meta = {"width": width, "height": height, "map": key}
        return self.context.save_file("map", called, png, f"{name} {_ENDINGS[key]}", meta).file

    def _save_heights_of_tiles(self) -> None:
        """One image has one range: the largest of its tiles."""
        for tiles in self._waiting.values():
            range_m = max(facts["height_m"] for *_, facts in tiles)
            for name, called, png, facts in tiles:
                self.context.check_cancelled()
                if facts["height_m"] != range_m:
                    png = encode_png(ranged(decode_png(png), facts["height_m"], range_m), 2)
                facts["height_m"] = range_m
                facts["maps"]["height"] = self._save_map(name, "height", called, png)

    def close(self, name: str) -> None:
        """Writes the description, the UVs that Blender made, and the GLB of a job that began with a file."""
        self._save_heights_of_tiles()
        objects = []
        for number, thing in enumerate(self.mesh.objects):
            new_uvs = ""
            if thing.new_uvs is not None:
                buffer = io.BytesIO()
                np.save(buffer, thing.new_uvs, allow_pickle=False)
                artefact = self.context.save_file("file", f"uvs_{number}.npy", buffer.getvalue(), f"{thing.name} UVs")
                new_uvs = artefact.file
            facts = {key: value for key, value in thing.facts.items() if key != "world_from_object"}
            plain = {"name": thing.name, "slots": list(thing.slots), "new_uvs": new_uvs}
            sets = [{"name": one["name"], "slots": one["slots"], **one["facts"]} for one in self._sets.get(number, [])]
            objects.append({**facts, **plain, "sets": sets})
        document = {"of_file": self.mesh.of_file, "objects": objects}
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        self.context.save_file("material", MATERIAL_FILE, text, name or "Material", {"objects": len(objects)})
        if self.mesh.of_file:
            self._save_glb(name)

    def _kept(self, group: TextureSet) -> tuple[dict[str, Any], bytes]:
        """What a file's material says beside our maps, where a part of its texture was changed; see `Look`."""
        looks = [self.mesh.looks[pair] for pair in group.pairs if pair in self.mesh.looks]
        if self.mesh.part is None or not looks:
            return {}, b""
        keeps, glow = dict(looks[0].keeps), looks[0].glow
        if glow and group.uv != "own":  # its picture lies on UVs that are not there any more
            return {key: value for key, value in keeps.items() if key not in ("emissiveFactor", "extensions")}, b""
        return keeps, glow

    def _save_glb(self, name: str) -> None:
        from ..textured_glb import Pictures, Surface, Thing, build_textured_glb

        things = [Thing(thing.name) for thing in self.mesh.objects]
        pictures = []
        for number, (group, png, height_m) in enumerate(self._pictures):
            owner = self.mesh.face_object[group.faces]
            for own in group.owners:
                mine = owner == own
                things[own].surfaces.append(Surface(group.faces[mine], group.uvs[mine], number))
            kept, glow = self._kept(group)
            maps = (png["colour"], png["orm"], png["normal"], png.get("height", b""))
            pictures.append(Pictures(group.name, *maps, height_m, kept, glow))
        provenance = json.loads(encode(self.context.provenance))
        filled = [thing for thing in things if thing.surfaces]
        pieces = build_textured_glb(self.mesh, filled, pictures, provenance)
        meta = {"faces": len(self.mesh.faces), "objects": len(filled)}
        self.context.save_file("file", f"{name or 'textured'}.glb", pieces, name or "textured", meta)


def _means(maps: Maps) -> dict[str, Any]:
    """What views without textures show: mean colour (linear), roughness and metal of the covered texels."""
    rows, columns = np.nonzero(maps.covered)
    step = max(1, len(rows) // 20000)
    rows, columns = rows[::step], columns[::step]
    if not len(rows):
        return {"viewport": [0.8, 0.8, 0.8], "roughness": 0.5, "metallic": 0.0}
    colour = maps.colour[rows, columns, :3].astype(np.float32) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4).mean(axis=0)
    height, width = maps.colour.shape[:2]
    orm = maps.orm[rows * len(maps.orm) // height, columns * maps.orm.shape[1] // width].mean(axis=0) / 255
    return {
        "viewport": [round(float(c), 4) for c in linear],
        "roughness": round(float(orm[1]), 4),
        "metallic": round(float(orm[2]), 4),
    }


FACE_BYTES = 650
"""Per face of a mesh that is looked at from views (measured with 5 million)."""
BAKE_BYTES, KEPT_BYTES = 130, 40
"""Per texel of a texture that is baked from views: while it is worked on, and until all of them are saved."""


def check_room(
    sets: Sequence[TextureSet], texture_px: int, bytes_per_texel: int, kept_bytes: int = 0, bytes_per_face: int = 64
) -> None:
    """Raises Fault("out_of_memory") with the next smaller size that fits, before anything is made.

    bytes_per_texel: of the texture that is worked on. kept_bytes: of each that waits until all are done.
    """
    faces = bytes_per_face * sum(len(group.faces) for group in sets)

    def needed(px: int) -> int:
        waiting = kept_bytes * (len(sets) - 1)
        return px * px * (bytes_per_texel + waiting) + (300 << 20) + faces

    free = free_bytes()
    if free is None or needed(texture_px) <= 0.9 * free:
        return
    fitting = [px for px in (4096, 2048, 1024, 512, 256) if px < texture_px and needed(px) <= 0.9 * free]
    several = f" of {len(sets)} objects and slots" if len(sets) > 1 and kept_bytes else ""
    raise Fault(
        "out_of_memory",
        f"Textures of {texture_px} px{several} need {needed(texture_px) / 1e9:.1f} GB of memory; "
        f"{free / 1e9:.1f} GB are free.",
        f"Choose a Texture Size of {fitting[0]} px." if fitting else "Close other programs, or use a smaller mesh.",
    )


def free_bytes() -> int | None:
    """Memory that this process can still have; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)
