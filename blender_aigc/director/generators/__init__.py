"""The procedural library: one file a generator, each with its `INFO` and a `make`. numpy only, except build.py.

To add one: copy a file that resembles it, change `INFO` (the catalogue's page about the fields is `catalogue.py`) and
`make(values, rng) -> Parts`, run `python docs/generators.py`, which writes the catalogue and its page.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...catalogue import GeneratorInfo, Value, Variant, catalogue
from ...protocol import Fault
from .parts import Parts

_NOT_GENERATORS = frozenset({"add", "build", "declare", "materials", "parts", "shapes"})
MOST_FACES = 4_000_000
"""A thing that would be finer is refused: Blender would stand still."""


def generate(generator_id: str, values: Mapping[str, Value] | None = None, seed: int = 0) -> Parts:
    """The thing, as arrays. The same id, values and seed give the same arrays.

    values: those that differ from the defaults. Raises Fault: bad_request for an unknown generator, an unknown or
    impossible value; out_of_memory when it would have more than MOST_FACES faces.
    """
    info = catalogue().generator(generator_id)
    return _made(info, info.check_params(values or {}), seed)


def _made(info: GeneratorInfo, values: dict[str, Value], seed: int) -> Parts:
    module = importlib.import_module(f".{info.id}", __package__)
    made = module.make(values, np.random.default_rng([seed, zlib.crc32(info.id.encode())]))
    if made.faces() > MOST_FACES:
        raise Fault("out_of_memory", f"This {info.label} would have {made.faces():,} faces.", "Lower its Detail.")
    return made


def declared(measured: bool = True) -> tuple[GeneratorInfo, ...]:
    """The `INFO` of every generator file, sorted by id; the sizes of the variants are measured (seed 0), or zeros.

    For the script that writes the catalogue, and its test.
    """
    names = sorted({module.name for module in pkgutil.iter_modules(__path__)} - _NOT_GENERATORS)
    infos = tuple(importlib.import_module(f".{name}", __package__).INFO for name in names)
    if not measured:
        return infos
    return tuple(replace(info, variants=tuple(_measured(info, v) for v in info.variants)) for info in infos)


def _measured(info: GeneratorInfo, variant: Variant) -> Variant:
    low, high = _made(info, info.check_params(variant.params), 0).bounds()
    return replace(variant, size_m=tuple(float(f"{length:.2g}") for length in high - low))
