"""Tiling Materials: words to a square of wood, stone, brick ... that repeats without a seam. No network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

from ...texturing.tile_knobs import RELIEF, SIZE, WIDTH

if TYPE_CHECKING:
    from ...context import Context


class Tiling:
    info = ModelInfo(
        id="tiling",
        task="tile_texture",
        label="Tiling Materials",
        help="Wood, stone, brick, metal, cloth and more as a square that repeats without a seam, with all PBR maps",
        params=(SIZE, WIDTH, RELIEF),
        procedural=True,
        source="Solid textures (Peachey 1985; Perlin 1985; Worley 1996), image quilting (Efros and Freeman 2001)",
        memory_gb=0.6,
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """numpy is all it needs, and `run` has it."""

    def run(self, job: Job, context: Context) -> None:
        """Read the words, paint, join, write. Raises Fault("disk_full")."""
        from ...materials.tiling import BAND, joined, maps_of, plane, repeats
        from ...materials.words import notes_of, read, seed_of
        from ...texturing.tile import deliver, wrap_difference

        size, width_m = int(job.params["texture_px"]), float(job.params["width_m"])
        reading = read(job.prompt, "", "auto", seed_of("", job.seed))
        side = size + size // BAND

        def advance(share: float) -> None:
            context.progress("Painting", round(100 * share), 100, reading.material.label)

        context.progress("Painting", 0, 100, reading.material.label)
        across, down = repeats(reading, width_m, context.check_cancelled)
        texel_m = across / size, down / size
        layers = plane(reading, side, texel_m, context.check_cancelled, advance)
        context.progress("Joining", preview=layers.colour[:: max(1, size // 256), :: max(1, size // 256)])
        maps = maps_of(joined(layers, size), texel_m, float(job.params["relief"]), context.check_cancelled)
        context.progress("Saving", preview=maps.colour[:: max(1, size // 256), :: max(1, size // 256)])
        deliver(context, job.name or reading.material.label, maps, across)
        ignored = ", ".join(dict.fromkeys(reading.ignored))
        seam = round(wrap_difference(maps.colour), 3)
        facts = {
            "material": reading.material.label,
            "ignored": ignored,
            "notes": " ".join(notes_of([reading])),
            "seam": seam,
        }
        context.report(**facts, size_m=f"{across:.3f} x {down:.3f}")


MODEL = Tiling
