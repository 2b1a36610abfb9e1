"""Checkpoints into diffusers' own classes, offline and without pickle: the published layout, or a .safetensors file.

Whatever is wrong with the files is said by their names before the libraries see them, as far as headers and configs
tell.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

from ..weights import hub_snapshot
from .families import Control, Family, Mode
from .headers import AGAIN, Header, family_of, read_config, read_header
from .library import named
from .memory import is_out_of_memory
from .samplers import Habit
from .variants import controlnet_of, network_of, variant_of

if TYPE_CHECKING:
    from torch import dtype

DAMAGE = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError, OSError, EOFError)
"""What the libraries raise for files that are not what they seem (memory has its own way)."""

_NO_WEIGHTS = ("tokenizer", "scheduler", "low_res_scheduler", "feature_extractor", "image_processor")


@dataclass
class Checkpoint:
    """The parts of a base model, ready to be put together to any pipeline of its family.

    parts:   the constructor's arguments: networks, tokenizers, scheduler. options: its plain values.
    files:   what was read.
    loras, words, ip_adapter: what was added to it (see adapters.py).
    """

    path: Path
    family: Family
    parts: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    loras: tuple[tuple[Path, float], ...] = ()
    words: set[str] = field(default_factory=set)
    ip_adapter: Path | None = None

    @property
    def scheduler(self) -> Any:
        return self.parts["scheduler"]

    @property
    def habit(self) -> Habit:
        """What suits it, as far as its network tells: without an input for guidance it was distilled to few steps."""
        guided = getattr(self.parts[self.family.network].config, "guidance_embeds", None)
        return self.family.plain if guided is False and self.family.plain is not None else self.family.habit

    @property
    def licence(self) -> str:
        """Of what its network descends from; "" where the family has only one."""
        guided = bool(getattr(self.parts[self.family.network].config, "guidance_embeds", None))
        return self.family.licences[guided]

    def simplest(self) -> Any:
        """A pipeline for what all of the family's have in common: adding LoRAs, say."""
        mode, _ = next(iter(self.family.pipelines))
        return self.pipeline(mode)

    def pipeline(self, mode: Mode, controlnets: Sequence[Any] = (), **others: Any) -> Any:
        """A pipeline over the same networks. Costs nothing: no weight is copied.

        controlnets: one or several ControlNets, or one ControlNet-Union. others: parts to take instead.
        Raises Fault("bad_request") when the family has no such pipeline.
        """
        import diffusers

        kind: Control = "" if not controlnets else "union" if _is_union(controlnets[0]) else "controlnet"
        if (mode, kind) not in self.family.pipelines:
            what = "ControlNet-Union" if kind == "union" else "ControlNet"
            raise Fault("bad_request", f"{self.family.label} takes no {what}.", "Leave Controls empty.")
        made = getattr(diffusers, self.family.pipelines[mode, kind])
        known = inspect.signature(made).parameters
        given = {**self.parts, **self.options, **others}
        if controlnets:
            given["controlnet"] = controlnets[0] if len(controlnets) == 1 else list(controlnets)
        pipeline = made(**{name: value for name, value in given.items() if name in known})
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def quiet() -> None:
    """Offline, and without the libraries' progress bars: the log is for people."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()


def load_checkpoint(path: Path, family: Family, precision: dtype, settings: Path | None = None) -> Checkpoint:
    """The base model at `path`, on the CPU, as `precision`.

    settings: folder with the configs and tokenizers of the published base, which a single file needs.
    Of transformers a single file is the network alone, and `settings` the folder of a whole checkpoint.
    The result's family is the variant that the files belong to.
    Raises Fault: weights_missing, weights_damaged (incomplete, damaged, another family).
    """
    quiet()
    if path.is_dir():
        _check_class(path, family)
        return _assembled(path, path, variant_of(path, family), precision)
    folder = path.parent if settings is None else settings
    if family.network != "unet":
        around = settings_of(family, folder)
        network, family = _network_alone(path, family, around, precision)
        return _assembled(path, around, family, precision, network)
    _check_file(path, family)
    config = str(settings_of(family, folder))
    load = _loader(_class_of(family).from_single_file, path, config=config, **_options(family, precision))
    return _checked(guarded(load, path, family.label), path, family, (path,))


def _class_of(family: Family) -> Any:
    import diffusers

    return getattr(diffusers, next(iter(family.pipelines.values())))


def _options(family: Family, precision: dtype) -> dict[str, Any]:
    known = inspect.signature(_class_of(family)).parameters
    own = {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in known else {}
    return {"dtype": precision, "local_files_only": True, **own}


def _assembled(path: Path, around: Path, family: Family, precision: dtype, network: Any = None) -> Checkpoint:
    """The checkpoint in the folder `around`, with `network`, if given, from `path` in the place of its own."""
    variant, files = _check_folder(around, family, family.network if network is not None else "")
    given = {} if network is None else {family.network: network}
    options = {"use_safetensors": True, "variant": variant, **given, **_options(family, precision)}
    load = _loader(_class_of(family).from_pretrained, around, **options)
    own = () if network is None else (path,)
    return _checked(guarded(load, around, family.label), path, family, (*own, *files))


def _network_alone(path: Path, family: Family, around: Path, precision: dtype) -> tuple[Any, Family]:
    """The transformer that `path` holds, and which variant it is. around: a whole checkpoint, for what it shares."""
    import diffusers

    family, options = network_of(_check_file(path, family), family, path)
    index = read_config(around / "model_index.json")
    _, name = index.get(family.network) or ("", "")
    if not hasattr(diffusers, str(name)):
        raise Fault("weights_damaged", f"The file model_index.json of {around.name} is damaged.", AGAIN, str(around))
    config = str(around / family.network)
    load = _loader(getattr(diffusers, name).from_single_file, path, config=config, dtype=precision, **options)
    return guarded(load, path, family.label), family


def _checked(pipeline: Any, path: Path, family: Family, files: tuple[Path, ...]) -> Checkpoint:
    """What was loaded, as parts. Raises Fault("weights_damaged") when a part is incomplete."""
    signature = inspect.signature(type(pipeline)).parameters
    options = {
        name: value for name, value in pipeline.config.items() if name in signature and name not in pipeline.components
    }
    for name, part in pipeline.components.items():
        if hasattr(part, "requires_grad_"):
            part.requires_grad_(False).eval()
            _check_complete(part, name, path)
    return Checkpoint(path, family, dict(pipeline.components), options, files)


def load_controlnet(path: Path, checkpoint: Checkpoint, precision: dtype) -> Any:
    """The ControlNet or ControlNet-Union at `path`, on the CPU, as `precision`.

    Raises Fault: weights_missing, weights_damaged, bad_request (made for another base model).
    """
    import diffusers

    quiet()
    common: dict[str, Any] = {"dtype": precision, "local_files_only": True}
    if path.is_dir():
        config = read_config(path / "config.json")
        union = config.get("_class_name") == "ControlNetUnionModel" or "num_control_type" in config
        made = diffusers.ControlNetUnionModel if union else getattr(diffusers, checkpoint.family.controlnet)
        if config.get("_class_name", made.__name__) != made.__name__:
            raise _of_another_base(path, checkpoint, f"it is a {config['_class_name']}")
        variant = _variant(path)
        for file in weight_files(path, variant):
            read_header(file)
        network = guarded(_loader(made.from_pretrained, path, use_safetensors=True, variant=variant, **common), path)
    else:
        header = read_header(path)
        union = any(name.startswith(("task_embedding", "control_add_embedding")) for name in header)
        made = diffusers.ControlNetUnionModel if union else getattr(diffusers, checkpoint.family.controlnet)
        base = checkpoint.parts[checkpoint.family.network].config
        if checkpoint.family.network == "unet":
            load = _loader(made.from_single_file, path, **common)
        else:
            load = partial(_controlnet_alone, path, made, controlnet_of(header, base, path), precision)
        network = guarded(load, path)
    _check_complete(network, "ControlNet", path)
    _check_base(network, checkpoint, path)
    return network.requires_grad_(False).eval()


def _controlnet_alone(path: Path, made: Any, options: dict[str, Any], precision: dtype) -> Any:
    """A transformer's ControlNet from one file; what the file lacks stays on the meta device."""
    from accelerate import init_empty_weights
    from safetensors.torch import load_file

    tensors = load_file(path)
    first = tensors.get("control_noise_refiner.0.before_proj.weight")
    if first is not None and not first.any():  # Z-Image's 2.0 was published with a refiner that it does not use
        options["add_control_noise_refiner"] = "control_layers"
    with init_empty_weights():
        network = made(**options)
    network.load_state_dict({name: tensor.to(precision) for name, tensor in tensors.items()}, strict=False, assign=True)
    return network


def settings_of(family: Family, folder: Path) -> Path:
    """Where the small files of the published base lie: `config/` or `base/` in `folder`, or the hub's cache.

    A single transformer needs whole text encoders from there. Raises Fault("weights_missing").
    """
    for place in (folder / "config", folder / "base", hub_snapshot(family.repository)):
        if place is not None and (place / "model_index.json").is_file():
            return place
    if family.network != "unet":
        raise Fault(
            "weights_missing",
            f"A single file holds only the network; the text encoders of {family.label} are missing.",
            f"Put {family.repository}, or another in its layout, into the folder 'base' beside it.",
            str(folder),
        )
    raise Fault(
        "weights_missing",
        f"A single file holds no tokenizers and settings; those of {family.label} are missing.",
        f"Put the small files (.json, .txt) of {family.repository} into the folder 'config' beside it.",
        str(folder),
    )


def weight_files(folder: Path, variant: str | None = None) -> tuple[Path, ...]:
    """The .safetensors files below `folder` (published layout) that loading `variant` ("fp16" or None) reads."""
    return tuple(
        path
        for path in sorted(folder.rglob("*.safetensors"))
        if path.parent in (folder, *(f for f in folder.iterdir() if f.is_dir()))
        and (".fp16." in path.name) == (variant == "fp16")
    )


def stored_bytes(path: Path, itemsize: int) -> int:
    """What the weights at `path` take once they are loaded with `itemsize` bytes a number. Raises Fault (damaged)."""
    whole = (path / "model_index.json").is_file()  # beside it often lies the same once more, as one file
    files = (
        [path] if path.is_file() else [file for file in path.rglob("*.safetensors") if file.parent != path or not whole]
    )
    read = (file for file in files if (".fp16." in file.name) == (_variant(file.parent) == "fp16"))
    return sum(math.prod(shape) for file in read for shape in read_header(file).values()) * itemsize


def _check_folder(path: Path, family: Family, without: str = "") -> tuple[str | None, tuple[Path, ...]]:
    """The variant to load and its files, of all parts but `without`.

    Raises Fault when a part is missing, damaged or of another family.
    """
    index = _check_class(path, family)
    files: list[Path] = []
    variant = _variant(path / family.network)
    for part, kind in index.items():
        if not isinstance(kind, list) or not kind or kind[0] is None or part in ("safety_checker", without):
            continue
        if not (path / part).is_dir():
            raise Fault("weights_missing", f"The part {part} of {path.name} is not there.", AGAIN, str(path / part))
        if part.startswith(_NO_WEIGHTS):
            continue
        own = weight_files(path / part, variant) or weight_files(path / part)
        if not own:
            hint = "Only .safetensors files are read; download those."
            raise Fault("weights_missing", f"The part {part} of {path.name} has no weights.", hint, str(path / part))
        for file in own:
            read_header(file)
        files += own
    return variant, tuple(files)


def _check_class(path: Path, family: Family) -> dict[str, Any]:
    """The table of parts in `path`. Raises Fault when it is that of another family."""
    index = read_config(path / "model_index.json")
    known = {name.partition("Pipeline")[0] for name in (*family.pipelines.values(), *family.siblings)}
    if str(index.get("_class_name", "")).partition("Pipeline")[0] not in known:
        raise _another(path, family, str(index.get("_class_name", "something else")))
    return index


def _check_file(path: Path, family: Family) -> Header:
    header = read_header(path)
    found = family_of(header)
    if found != family.id:
        raise _another(
            path, family, {"": "something else", "lora": "a LoRA", "controlnet": "a ControlNet"}.get(found, found)
        )
    return header


def _another(path: Path, family: Family, found: str) -> Fault:
    return Fault(
        "weights_damaged",
        f"{path.name} is no {family.label} checkpoint: it holds {found}.",
        "Choose another checkpoint, or put it where it belongs.",
        str(path),
    )


def _check_base(network: Any, checkpoint: Checkpoint, path: Path) -> None:
    """A ControlNet adds to what the base's blocks give, so that widths and text must agree."""
    base = checkpoint.parts[checkpoint.family.network].config
    other = [key for key in checkpoint.family.fits if _plain(network.config.get(key)) != _plain(base.get(key))]
    if other:
        detail = "; ".join(f"{key}: {network.config.get(key)} instead of {base.get(key)}" for key in other)
        raise _of_another_base(path, checkpoint, detail)


def _of_another_base(path: Path, checkpoint: Checkpoint, detail: str) -> Fault:
    return Fault(
        "bad_request",
        f"The ControlNet {named(path)} belongs to another base model than {checkpoint.family.label}.",
        f"Choose a ControlNet made for {checkpoint.family.label}.",
        f"{path}: {detail}",
    )


def _check_complete(network: Any, name: str, path: Path) -> None:
    """The libraries leave what a file does not hold on the meta device, without a word."""
    empty = [key for key, tensor in network.state_dict().items() if tensor.is_meta][:4]
    if empty:
        raise Fault(
            "weights_damaged",
            f"{path.name} lacks weights of the part {name}.",
            AGAIN,
            f"{path}: {', '.join(empty)}",
        )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _is_union(network: Any) -> bool:
    return type(network).__name__ == "ControlNetUnionModel"


def _variant(folder: Path) -> str | None:
    """ "fp16" when the folder has only that."""
    names = [path.name for path in folder.glob("*.safetensors")]
    return "fp16" if names and all(".fp16." in name for name in names) else None


def _loader(load: Callable[..., Any], path: Path, **options: Any) -> Callable[[], Any]:
    return lambda: load(
        str(path), **{key: value for key, value in options.items() if value is not None or key == "safety_checker"}
    )


def guarded(load: Callable[[], Any], path: Path, label: str = "ControlNet") -> Any:
    """What `load` returns; a library's complaint about files as a Fault."""
    from diffusers.loaders.single_file_utils import SingleFileComponentError
    from safetensors import SafetensorError

    try:
        return load()
    except (*DAMAGE, MemoryError, SafetensorError, SingleFileComponentError) as error:
        if is_out_of_memory(error):
            hint = "Close other programs, or choose a smaller checkpoint."
            detail = f"{path}: {type(error).__name__}: {error}"[:2000]
            raise Fault("out_of_memory", f"There is not enough memory to load {path.stem}.", hint, detail) from None
        raise Fault(
            "weights_damaged",
            f"{path.name} could not be loaded as {label}: its files are damaged, or belong to another model.",
            AGAIN,
            f"{path}: {type(error).__name__}: {error}"[:2000],
        ) from None
