"""Where the weights of a model lie on this machine, and whether they are the ones that the model means.

Order of look-up: the folders that were given (`--weights DIR`, the user's own first, then the studio's), then the local
cache of the Hugging Face hub. Nothing is downloaded here. Standard library only: the list of models asks this module.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blender_aigc.protocol import Fault


@dataclass(frozen=True)
class Weights:
    """What a model needs on disk.

    repository: "organisation/name" on the hub. revision: full commit id, so that an update upstream changes nothing.
    files:   path inside the repository -> sha256 of the content, or "" where it is not known.
    one_of:  for a family of interchangeable checkpoints: patterns of which a folder must match one. Which files a job
             really read, the model says then (`Context.used_weights`).
    licence: SPDX id or short name. bytes: size of the download.
    folder: its name among the weights where that is not the model's id: models that share their weights.
    optional: the model works without them, too, and says itself what it cannot do then.
    """

    repository: str
    revision: str
    files: dict[str, str] = field(default_factory=dict[str, str])
    licence: str = ""
    bytes: int = 0
    one_of: tuple[str, ...] = ()
    folder: str = ""
    optional: bool = False

    def lie_in(self, folder: Path) -> bool:
        """Does `folder` hold all of it? Opens nothing."""
        if not all((folder / name).is_file() for name in self.files):
            return False
        return not self.one_of or any(next(folder.glob(pattern), None) is not None for pattern in self.one_of)


@dataclass(frozen=True)
class Found:
    """A folder with all files of a model.

    sha256: one hash over them, for the provenance. published: they are the very files of the known revision.
    """

    folder: Path
    sha256: str
    published: bool = True


class Shelf:
    """The places where weights may lie."""

    def __init__(self, folders: Sequence[Path] = (), hub_cache: Path | None = None) -> None:
        self.folders = tuple(Path(folder) for folder in folders)
        self.hub_cache = hub_cache if hub_cache is not None else _hub_cache()

    def find(self, model_id: str, weights: Weights) -> Path:
        """The first folder that holds every file of `weights`. Reads nothing. Raises Fault("weights_missing")."""
        places = self.places(model_id, weights)
        for place in places:
            if weights.lie_in(place):
                return place
        size = f" ({weights.bytes / 1e9:.1f} GB)" if weights.bytes else ""
        raise Fault(
            "weights_missing",
            f"The weights of {model_id}{size} are not on this machine.",
            "Name the folder that holds them in the preferences, or with --weights.",
            f"{', '.join(weights.files) or ' or '.join(weights.one_of)} "
            f"of {weights.repository}@{weights.revision[:12]}; looked in: " + "; ".join(str(place) for place in places),
        )

    def places(self, model_id: str, weights: Weights) -> list[Path]:
        """Every folder that is looked at, in order."""
        name = weights.repository.replace("/", "--")
        given = [
            place for folder in self.folders for place in (folder / (weights.folder or model_id), folder / name, folder)
        ]
        return [*given, self.hub_cache / f"models--{name}" / "snapshots" / weights.revision]

    def verify(self, model_id: str, weights: Weights) -> Found:
        """`find`, then every file's hash against the known one. Reads everything once per process.

        A folder that the user named may hold other weights than the published ones (fine-tuned, say): they are used,
        but the result does not claim the published revision. In the hub's cache another hash means damage.
        Raises Fault: weights_missing, weights_damaged.
        """
        folder = self.find(model_id, weights)
        if weights.one_of:
            return Found(folder, "", False)
        hashes = {name: file_sha256(folder / name) for name in sorted(weights.files)}
        others = [name for name, wanted in weights.files.items() if wanted and hashes[name] != wanted]
        if others and folder == self.places(model_id, weights)[-1]:
            raise Fault(
                "weights_damaged",
                f"The file {others[0]} of {model_id} is damaged.",
                "Delete it and download it again.",
                f"{folder / others[0]}: sha256 {hashes[others[0]]} instead of {weights.files[others[0]]}",
            )
        return Found(folder, _combined(hashes), not others)


def sha256_of(paths: Iterable[Path]) -> str:
    """One hash over the content of `paths`, whatever their order. Each file is read once per process."""
    return _combined({str(number): digest for number, digest in enumerate(sorted(map(file_sha256, set(paths))))})


def file_sha256(path: Path) -> str:
    """Of the content, remembered as long as size and time stay. Raises Fault("weights_damaged") when unreadable."""
    try:
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if key not in _hashed:
            with path.open("rb") as file:
                _hashed[key] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Fault(
            "weights_damaged", f"The file {path.name} cannot be read.", "Check the disk.", f"{path}: {error}"
        ) from None
    return _hashed[key]


def hub_snapshot(repository: str, hub_cache: Path | None = None) -> Path | None:
    """The folder of "organisation/name" in the local cache of the hub, as its main branch was last seen, or None."""
    folder = (hub_cache or _hub_cache()) / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / revision
    return snapshot if revision and snapshot.is_dir() else None


def _combined(hashes: dict[str, str]) -> str:
    """The only hash, or one over the listing."""
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    listing = "\n".join(f"{digest}  {name}" for name, digest in hashes.items())
    return hashlib.sha256(listing.encode()).hexdigest()


_hashed: dict[tuple[str, int, int], str] = {}


def _hub_cache() -> Path:
    """Where huggingface_hub keeps its files, by its own environment variables."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(home) / "hub"
