"""What lies in a family's weights folder, by the names that users give in the panel. Opens nothing.

    base/                 the published layout (model_index.json and a folder for each part), or any other name
    *.safetensors         community checkpoints
    refiner/              SDXL's refiner
    controlnets/<name>/   config.json and its weights; or controlnets/<name>.safetensors
    loras/*.safetensors   ip_adapter/*.safetensors with ip_adapter/image_encoder/   embeddings/*.safetensors

The folder may also be a checkpoint in the published layout itself. A name with a slash, "organisation/name", is looked
up in the hub's cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blender_aigc.protocol import Fault

from ..weights import hub_snapshot

REFINER = "refiner"


@dataclass(frozen=True)
class Library:
    """The weights of one family in `folder`."""

    folder: Path

    def checkpoints(self) -> dict[str, Path]:
        """Name -> folder in the published layout, or single file. The first is the default: "base", then by name."""
        found = {path.parent.name: path.parent for path in sorted(self.folder.glob("*/model_index.json"))}
        found |= {path.stem: path for path in sorted(self.folder.glob("*.safetensors"))}
        if (self.folder / "model_index.json").is_file():  # then files beside it are its parts once more
            found = {self.folder.name: self.folder}
        names = [name for name in found if not name.lower().startswith(REFINER)]
        return {name: found[name] for name in sorted(names, key=lambda name: (name != "base", name.lower()))}

    def refiners(self) -> dict[str, Path]:
        """Folders and files whose name starts with "refiner"."""
        found = [*self.folder.glob(f"{REFINER}*/model_index.json"), *self.folder.glob(f"{REFINER}*.safetensors")]
        return {path.stem: path for path in sorted(p.parent if p.name == "model_index.json" else p for p in found)}

    def controlnets(self) -> dict[str, Path]:
        """Folders with a config.json, and single files."""
        place = self.folder / "controlnets"
        found = {path.parent.name: path.parent for path in sorted(place.glob("*/config.json"))}
        return found | {path.stem: path for path in sorted(place.glob("*.safetensors"))}

    def loras(self) -> dict[str, Path]:
        return self._files("loras")

    def embeddings(self) -> dict[str, Path]:
        return self._files("embeddings")

    def ip_adapters(self) -> dict[str, Path]:
        return self._files("ip_adapter")

    def _files(self, kind: str) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.folder / kind).glob("*.safetensors"))}


def named(path: Path) -> str:
    """The name that users know it by; folders may have dots in theirs, as FLUX.1-dev."""
    return path.name.removesuffix(".safetensors")


def pick(found: Mapping[str, Path], name: str, what: str, where: str) -> Path:
    """The one called `name` (its case does not matter; "" the first), or in the hub's cache, "organisation/name".

    what: "checkpoint", "LoRA" ... where: the folder it should lie in. Raises Fault("weights_missing") that lists what
    there is.
    """
    if not name and found:
        return next(iter(found.values()))
    for known, path in found.items():
        if name and known.lower() == name.removesuffix(".safetensors").lower():
            return path
    if name.count("/") == 1 and (snapshot := hub_snapshot(name)) is not None:
        return snapshot
    wanted = f"no {what} called {name[:80]!r}" if name else f"no {what}"
    hint = f"Choose one of: {', '.join(list(found)[:20])}." if found else f"Put one into {where}."
    raise Fault("weights_missing", f"There is {wanted}.", hint)
