"""Oil paint: an edge-preserving abstraction, covered with brush marks from coarse to fine, lit from the side.

Sources: generalised Kuwahara filter with eight sectors, stretched along the structure tensor (Papari, Petkov and
Campisi 2007; Kyprianidis, Kang and Doellner 2009, "Image and Video Abstraction by Anisotropic Kuwahara Filtering");
the sector weights are Gaussians around the sectors' centres, so that one blur serves all of them. Brush marks in layers
that only go where the layer before is not good enough (Hertzmann 1998, "Painterly Rendering with Curved Brush Strokes
of Multiple Sizes"), lit by their relief (Hertzmann 2002, "Fast Paint Texture").
"""

from __future__ import annotations

import numpy as np

from .colour import oklab_from_srgb, srgb_from_oklab
from .fields import directions, gaussian, gradient, in_bands, lattice, structure_tensor
from .look import Look, Step, Subject
from .strokes import LooseMarks, Marks, brushes, lay, local_mean, scatter

_JITTER = (0.10, 0.075, 0.05)
"""How far the colours of the marks of each layer differ: the ground is laid in loosely, what is put on it is meant."""


def abstraction(subject: Subject, radius_px: float) -> np.ndarray:
    """(H, W, 3): anisotropic Kuwahara of the picture; object and material borders stay as sharp as they are."""
    rgb, (height, width) = subject.rgb, subject.shape
    angle, coherence, _ = directions(structure_tensor(rgb, max(1.0, 0.6 * radius_px)))
    sigma = max(0.5, radius_px / 2.4)
    mean = gaussian(rgb, sigma)
    spread = gaussian((rgb * rgb).sum(-1), sigma) - (mean * mean).sum(-1)
    border = subject.borders(sigma)
    if border is not None:
        spread = spread + 0.5 * border  # a sector that touches another object is a bad one
    table = np.concatenate([mean, np.maximum(spread, 0)[..., None]], axis=-1).reshape(-1, 4)
    regions = None if subject.regions is None else subject.regions.ravel()
    out = np.empty((height, width, 3), np.float32)

    def band(rows: slice) -> None:
        subject.check()
        stretch = 1 + np.float32(0.9) * coherence[rows]
        along, across = np.float32(0.62 * radius_px) * stretch, np.float32(0.62 * radius_px) / stretch
        cosine, sine = -np.sin(angle[rows]), np.cos(angle[rows])  # along the edge
        ys = np.arange(rows.start, rows.stop, dtype=np.int32)[:, None]
        xs = np.arange(width, dtype=np.int32)[None]
        total = np.zeros((ys.size * width, 3), np.float32)
        weights = np.zeros(ys.size * width, np.float32)
        for sector in range(8):
            u, v = along * np.float32(np.cos(sector * np.pi / 4)), across * np.float32(np.sin(sector * np.pi / 4))
            x = np.clip(xs + np.rint(u * cosine - v * sine).astype(np.int32), 0, width - 1)
            y = np.clip(ys + np.rint(u * sine + v * cosine).astype(np.int32), 0, height - 1)
            place = (y * np.int32(width) + x).ravel()
            sample = table[place]
            worth = np.square(np.square(np.float32(0.01) / (sample[:, 3] + np.float32(2e-4))))
            if regions is not None:
                worth *= np.where(
                    regions[place] == regions[rows.start * width : rows.stop * width], 1, np.float32(1e-6)
                )
            total += sample[:, :3] * worth[:, None]
            weights += worth
        out[rows] = (total / weights[:, None]).reshape(ys.size, width, 3)

    in_bands(height, band)
    return out


def painted(subject: Subject, look: Look, step: Step) -> np.ndarray:
    """(H, W, 3) 0..1."""
    unit = subject.unit_px
    radius = (9.0 - 5.5 * look.detail) * unit
    step("Abstracting", None)
    base = abstraction(subject, max(radius, 1.0))
    if look.texture <= 0:
        return base
    base = _rich(base, look.texture)
    canvas, relief = base.copy(), np.zeros(subject.shape, np.float32)
    angle = _brush_direction(subject, base)
    atlas = brushes(look.seed)
    cells = [cell * unit * (1.25 - 0.5 * look.detail) for cell in (30.0, 15.0, 7.5)]
    for number, cell in enumerate(cells):
        step(f"Painting layer {number + 1} of {len(cells)}", canvas)
        if subject.canvas.moves:
            loose = _loose_marks(subject, base, canvas, angle, max(cell, 3.0), number, look)
            scatter(canvas, relief, loose, atlas, subject.regions, _order(look.seed + number), subject.check)
            continue
        marks = _marks(subject, base, canvas, angle, max(cell, 3.0), number, look)
        _paint(subject, canvas, relief, marks, atlas, look.seed + number)
    step("Lighting the paint", canvas)
    return _lit(canvas, relief, look, unit)


def _rich(base: np.ndarray, texture: float) -> np.ndarray:
    """Pigments out of the tube: more colour, and half tones that lie further apart than those of a render."""
    lab = oklab_from_srgb(base)
    light = lab[..., 0]
    lab[..., 0] = light + np.float32(0.35 * texture) * light * (1 - light) * (2 * light - 1)
    lab[..., 1:] *= np.float32(1 + 0.35 * texture)
    return srgb_from_oklab(lab)


def _brush_direction(subject: Subject, base: np.ndarray) -> np.ndarray:
    """(H, W) angle of the brush: along edges and around forms; where nothing leads it, in slow swirls."""
    unit = max(subject.unit_px, 0.25)
    tensor = structure_tensor(base, 7 * unit)
    if subject.passes.normal is not None:
        tensor = tensor + 0.05 * structure_tensor(subject.passes.normal, 7 * unit)
    swirl = 0.9 + 1.6 * subject.canvas.clouds(420 * unit, 77, 2)
    weight = np.float32(4e-6)
    tensor = tensor + weight * np.stack([np.cos(swirl) ** 2, np.sin(swirl) ** 2, np.cos(swirl) * np.sin(swirl)], -1)
    return directions(tensor)[0] + np.float32(np.pi / 2)


def _marks(
    subject: Subject, base: np.ndarray, canvas: np.ndarray, angle: np.ndarray, cell: float, number: int, look: Look
) -> Marks:
    height, width = subject.shape
    seed = look.seed * 7 + number * 131
    rows, columns = np.arange(-1, int(height / cell) + 2), np.arange(-1, int(width / cell) + 2)
    key_x, key_y = np.meshgrid(columns, rows)

    def random(k: int) -> np.ndarray:
        return lattice(key_x, key_y, seed + k)

    x = (key_x + 0.5 + 0.6 * (random(0) - 0.5)).astype(np.float32) * cell - 0.5
    y = (key_y + 0.5 + 0.6 * (random(1) - 0.5)).astype(np.float32) * cell - 0.5
    column = np.clip(np.rint(x), 0, width - 1).astype(np.int32)
    row = np.clip(np.rint(y), 0, height - 1).astype(np.int32)
    turn = angle[row, column] + 0.5 * (random(2) - 0.5)
    colour = local_mean(base, x, y) if subject.regions is None else base[row, column]
    jitter = _JITTER[number] * look.texture
    colour = colour * (1 + jitter * 2 * (random(3) - 0.5))[..., None]
    colour = colour + jitter * np.stack([random(4) - 0.5, random(5) - 0.5, random(6) - 0.5], axis=-1)
    long = cell * (1.0 + 0.35 * random(7))
    wide = cell * (0.42 + 0.16 * random(8))
    table = np.concatenate(
        [np.stack([x, y, np.cos(turn), np.sin(turn), 1 / long, 1 / wide], axis=-1), np.clip(colour, 0, 1)], axis=-1
    ).astype(np.float32)
    brush = (random(9) * 15.99).astype(np.int32)
    if number:
        error = gaussian(np.abs(canvas - base).sum(-1), 0.5 * cell)
        brush = np.where(error[row, column] > (0.16 - 0.13 * look.detail) * (0.6 + 0.8 * random(10)), brush, -1)
    region = None if subject.regions is None else subject.regions[row, column]
    return Marks(cell, table, region, brush)


def _order(seed: int) -> np.ndarray:
    """In which order the nine classes of marks are laid."""
    return np.argsort(lattice(np.arange(9), np.arange(9), seed))


def _loose_marks(
    subject: Subject, base: np.ndarray, canvas: np.ndarray, angle: np.ndarray, cell: float, number: int, look: Look
) -> LooseMarks:
    """The marks of `_marks`, but each where the moving canvas has taken it."""
    height, width = subject.shape
    seed = look.seed * 7 + number * 131
    start = subject.canvas.seeds(cell, seed, cell)
    column = np.clip(np.rint(start.x), 0, width - 1).astype(np.int32)
    row = np.clip(np.rint(start.y), 0, height - 1).astype(np.int32)
    if number:
        error = gaussian(np.abs(canvas - base).sum(-1), 0.5 * cell)
        keep = error[row, column] > (0.16 - 0.13 * look.detail) * (0.6 + 0.8 * start.random(seed + 10))
        start, row, column = start.where(keep), row[keep], column[keep]
    turn = angle[row, column] + 0.5 * (start.random(seed + 2) - 0.5)
    jitter = _JITTER[number] * look.texture
    colour = base[row, column] * (1 + jitter * 2 * (start.random(seed + 3) - 0.5))[:, None]
    colour = colour + jitter * np.stack([start.random(seed + k) - 0.5 for k in (4, 5, 6)], axis=-1)
    long, wide = cell * (1.0 + 0.35 * start.random(seed + 7)), cell * (0.42 + 0.16 * start.random(seed + 8))
    table = np.stack([start.x, start.y, np.cos(turn), np.sin(turn), 1 / long, 1 / wide], axis=-1)
    return LooseMarks(
        reach_px=1.35 * cell,
        table=np.concatenate([table, np.clip(colour, 0, 1)], axis=-1).astype(np.float32),
        region=None if subject.regions is None else subject.regions[row, column],
        brush=(start.random(seed + 9) * 15.99).astype(np.int32),
        kind=((start.key[:, 1] % 3) * 3 + start.key[:, 0] % 3).astype(np.int32),
    )


def _paint(
    subject: Subject, canvas: np.ndarray, relief: np.ndarray, marks: Marks, atlas: np.ndarray, seed: int
) -> None:
    order = _order(seed)

    def band(rows: slice) -> None:
        subject.check()
        regions = None if subject.regions is None else subject.regions[rows]
        lay(canvas[rows], relief[rows], marks, atlas, regions, order, rows.start)

    in_bands(subject.shape[0], band)


def _lit(canvas: np.ndarray, relief: np.ndarray, look: Look, unit: float) -> np.ndarray:
    """Light from the upper left over the ridges of paint."""
    height = gaussian(relief, 0.55 * max(unit, 0.6))
    dx, dy = gradient(height)
    slope = -(dx + dy) * np.float32(0.7)
    shade = np.clip(slope * (0.5 * look.texture), -0.14, 0.2)
    shade = shade * (1.15 - 0.6 * canvas.mean(-1))  # white paint throws hardly any shadow on itself
    return np.clip(canvas * (1 + 0.9 * shade[..., None]) + 0.25 * np.maximum(shade, 0)[..., None], 0, 1)
