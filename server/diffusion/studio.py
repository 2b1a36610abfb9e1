"""What stays loaded from job to job: one checkpoint, its ControlNets, perhaps the refiner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

from . import memory
from .controls import AUTO, Unit, built_in, parse_controls
from .families import REFINER, Family
from .library import Library, pick
from .loading import Checkpoint, load_checkpoint, load_controlnet, stored_bytes
from .variants import sees_masks

if TYPE_CHECKING:
    from torch import dtype

_ALIKE = ("num_layers", "num_single_layers", "guidance_embeds")
"""Of transformers' ControlNets: diffusers adds them block by block, and drops what only one of them has."""


@dataclass
class Studio:
    """The weights of `family` in `library`, for `device`. Everything is loaded when a job asks for it."""

    family: Family
    library: Library
    device: str
    checkpoint: Checkpoint | None = None
    refining: Checkpoint | None = None
    controlnets: dict[Path, Any] = field(default_factory=dict)

    @property
    def precision(self) -> dtype:
        import torch

        return torch.float32 if self.device == "cpu" else getattr(torch, self.family.half)

    def open(self, name: str) -> Checkpoint:
        """The checkpoint called `name`. Raises Fault (see `load_checkpoint`), out_of_memory."""
        path = pick(self.library.checkpoints(), name, f"{self.family.label} checkpoint", str(self.library.folder))
        if self.checkpoint is None or self.checkpoint.path != path:
            self.checkpoint = None  # its memory is wanted first
            self.controlnets.clear()
            self._check_room(path)
            self.checkpoint = load_checkpoint(path, self.family, self.precision, self.library.folder)
        return self.checkpoint

    def refiner(self) -> Checkpoint:
        """Raises Fault("weights_missing") and those of `load_checkpoint`."""
        path = pick(self.library.refiners(), "", "refiner", str(self.library.folder / "refiner"))
        if self.refining is None or self.refining.path != path:
            self.refining = None
            self._check_room(path)
            self.refining = load_checkpoint(path, REFINER, self.precision, self.library.folder / "refiner_config")
        return self.refining

    def units(self, text: str, available: frozenset[str], masked: bool, auto: Mapping[str, float] = AUTO) -> list[Unit]:
        """The controls that `text` asks for; "auto" takes what goes with the open checkpoint, and with the mask.

        available, auto: see `parse_controls`. masked: does a mask say what may change? Raises Fault: see there, and
        bad_request for what the checkpoint cannot.
        """
        assert self.checkpoint is not None
        family, path, automatic = self.checkpoint.family, self.checkpoint.path, text.strip().lower() == "auto"
        if family.needs == "control":
            return [built_in(text, path, available)]
        if family.needs and automatic:
            return []
        units = parse_controls(text, self.library.controlnets(), available, auto)
        if automatic:
            known = [unit for unit in units if not unit.union or unit.kind in family.modes]
            return [unit for unit in known if not masked or sees_masks(unit.path)][: family.controls]
        if len(units) > family.controls:
            hint = "Leave the others out."
            raise Fault("bad_request", f"{family.label} takes {family.controls} control at a time.", hint)
        for unit in units:
            if masked and not sees_masks(unit.path):
                hint = "Take one that can (Z-Image's union 2.0 or later), or leave Controls empty."
                raise Fault("bad_request", f"The ControlNet {unit.name} cannot be told what may change.", hint)
        return units

    def nets(self, units: Sequence[Unit]) -> list[Any]:
        """The ControlNets of `units`, in their order; a union that several units share is there once. Others are let
        go. Raises Fault: see `load_controlnet`; bad_request when a union is mixed with others, or they do not add up.
        """
        assert self.checkpoint is not None
        if self.checkpoint.family.needs:  # the checkpoint itself is its only control
            units = ()
        wanted = dict.fromkeys(unit.path for unit in units)
        self.controlnets = {path: net for path, net in self.controlnets.items() if path in wanted}
        for path in wanted:
            if path not in self.controlnets:
                self._check_room(path)
                self.controlnets[path] = load_controlnet(path, self.checkpoint, self.precision)
        nets = [self.controlnets[unit.path] for unit in units]
        if len({tuple(net.config.get(key) for key in _ALIKE) for net in nets}) > 1:
            hint = "Take one of them, or a ControlNet for everything."
            raise Fault("bad_request", "These ControlNets differ in depth and cannot be added to each other.", hint)
        unions = {type(net).__name__ == "ControlNetUnionModel" for net in nets}
        if len(unions) > 1:
            hint = "Take all controls from the union, or none."
            raise Fault("bad_request", "A ControlNet-Union cannot be mixed with other ControlNets.", hint)
        return list(self.controlnets.values()) if unions == {True} else nets

    def step_aside(self) -> None:
        """What stays on the device between jobs goes to the machine's own memory, so that another network has room."""
        import torch

        if self.device == "cpu":
            return
        parts = self.checkpoint.parts.values() if self.checkpoint is not None else ()
        for part in [*parts, *self.controlnets.values()]:
            if isinstance(part, torch.nn.Module) and not any(tensor.is_meta for tensor in part.parameters()):
                part.to("cpu")
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def _check_room(self, path: Path) -> None:
        """Before gigabytes are read: do they fit into this machine's memory?"""
        free, need = memory.free_bytes("cpu"), stored_bytes(path, self.precision.itemsize)
        if free is not None and need > free:
            raise Fault(
                "out_of_memory",
                f"{path.stem} needs {need / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free.",
                "Close other programs, or choose a smaller checkpoint.",
            )
