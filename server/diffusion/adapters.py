"""What users add to a checkpoint: LoRAs, an IP-Adapter with its reference picture, learnt words (textual inversion).

Tensors are read by safetensors here and handed over as such, so that no library looks for a pickle beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blender_aigc.protocol import Fault

from .headers import AGAIN, Header, read_header
from .library import pick
from .loading import DAMAGE, Checkpoint, guarded
from .memory import is_out_of_memory

_LORA = re.compile(r"([^:,]+)(?::(-?[0-9.]+))?")


def parse_loras(text: str, found: Mapping[str, Path]) -> list[tuple[Path, float]]:
    """ "name:0.8, other" -> files with weights, in order; weight 0 is left out.

    Raises Fault: bad_request (unreadable), weights_missing (with what there is).
    """
    result: list[tuple[Path, float]] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        match = _LORA.fullmatch(part)
        try:
            weight = float(match[2] or 1.0) if match else float("nan")
        except ValueError:
            weight = float("nan")
        if match is None or not -4 <= weight <= 4:
            hint = "Write name:weight, such as ink:0.8, film:0.5, with weights from -4 to 4."
            raise Fault("bad_request", f"The LoRA {part[:80]!r} cannot be read.", hint)
        path = pick(found, match[1].strip(), "LoRA", "the folder 'loras'")
        if path.is_dir():
            path = next(iter(sorted(path.glob("*.safetensors"))), path)
        if weight != 0:
            result.append((path, weight))
    return result


def set_loras(checkpoint: Checkpoint, loras: Sequence[tuple[Path, float]]) -> None:
    """Make `loras` the ones at work; the networks are as published when there are none.

    Raises Fault: weights_damaged, bad_request (a LoRA of another base model; then none is at work).
    """
    pipeline = checkpoint.simplest()
    if checkpoint.loras == tuple(loras):
        return
    if checkpoint.loras:
        pipeline.unload_lora_weights()
        checkpoint.loras = ()
    names = []
    try:
        for number, (path, _) in enumerate(loras):
            names.append(f"lora_{number}")
            _load_lora(pipeline, path, names[-1], checkpoint)
    except Fault:
        pipeline.unload_lora_weights()
        raise
    if names:
        pipeline.set_adapters(names, [weight for _, weight in loras])
    checkpoint.loras = tuple(loras)


def _load_lora(pipeline: Any, path: Path, name: str, checkpoint: Checkpoint) -> None:
    from safetensors.torch import load_file

    header = read_header(path)
    _check_inputs(header, path, checkpoint)
    other = Fault(
        "bad_request",
        f"The LoRA {path.stem} belongs to another base model than {checkpoint.family.label}.",
        f"Choose a LoRA made for {checkpoint.family.label}.",
        str(path),
    )
    tensors = guarded(lambda: load_file(path), path, "LoRA")
    try:
        pipeline.load_lora_weights(tensors, adapter_name=name)
    except DAMAGE as error:
        if is_out_of_memory(error):
            raise
        other.detail += f": {type(error).__name__}: {error}"[:2000]
        raise other from None
    adapted = {adapter for names in pipeline.get_list_adapters().values() for adapter in names}
    if name not in adapted:  # none of its names was known: the libraries only warn
        raise other


def _check_inputs(header: Header, path: Path, checkpoint: Checkpoint) -> None:
    """FLUX's control LoRAs make the network read a control picture, which is another variant of the whole."""
    inputs = checkpoint.family.inputs
    first = [name for name in header if re.search(r"(x_embedder|img_in).*(lora_A|lora_down)", name)]
    if inputs and any(header[name][-1] > inputs for name in first):
        raise Fault(
            "bad_request",
            f"The LoRA {path.stem} turns {checkpoint.family.label} into another model, which is not done.",
            "Take the whole checkpoint instead, such as FLUX.1 Depth or Canny.",
            str(path),
        )


def set_words(checkpoint: Checkpoint, text: str, found: Mapping[str, Path]) -> list[str]:
    """Teach the text encoders the learnt words of `found` that occur in `text`; the words.

    Raises Fault: weights_damaged, bad_request (made for another base model).
    """
    used = [word for word in found if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    for word in used:
        if word not in checkpoint.words:
            _teach(checkpoint, word, found[word])
            checkpoint.words.add(word)
    return used


def _teach(checkpoint: Checkpoint, word: str, path: Path) -> None:
    """One file: `clip_l` and `clip_g` for SDXL's encoders, or a single tensor (any name, "emb_params") for SD 1.5's."""
    from safetensors.torch import load_file

    read_header(path)
    tensors = guarded(lambda: load_file(path), path, "embedding")
    pipeline = checkpoint.simplest()
    both = checkpoint.parts.get("text_encoder_2") is not None
    wanted = {"clip_l": "", "clip_g": "_2"} if both else {next(iter(tensors), ""): ""}
    for key, suffix in wanted.items():
        tokenizer, encoder = checkpoint.parts[f"tokenizer{suffix}"], checkpoint.parts[f"text_encoder{suffix}"]
        width = encoder.get_input_embeddings().weight.shape[1]
        vectors = tensors.get(key)
        if vectors is None or vectors.shape[-1] != width or vectors.ndim > 2:
            raise Fault(
                "bad_request",
                f"The learnt word {word} belongs to another base model than {checkpoint.family.label}.",
                f"Choose one made for {checkpoint.family.label}.",
                f"{path}: {', '.join(f'{name} {tuple(t.shape)}' for name, t in tensors.items())}",
            )
        pipeline.load_textual_inversion({word: vectors}, token=word, tokenizer=tokenizer, text_encoder=encoder)


def set_reference(checkpoint: Checkpoint, path: Path | None, weight: float) -> None:
    """Switch the IP-Adapter at `path` on, or off for None. weight: how much the reference picture counts.

    Raises Fault: weights_missing (its image encoder), weights_damaged, bad_request (another base model).
    """
    pipeline = checkpoint.simplest()
    if checkpoint.ip_adapter != path:
        if checkpoint.ip_adapter is not None:
            pipeline.unload_ip_adapter()
            checkpoint.ip_adapter = None
            checkpoint.parts["image_encoder"] = checkpoint.parts["feature_extractor"] = None
        if path is not None:
            _load_reference(checkpoint, path)
            checkpoint.ip_adapter = path
    if path is not None:
        checkpoint.simplest().set_ip_adapter_scale(weight)


def _load_reference(checkpoint: Checkpoint, path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import CLIPVisionModelWithProjection

    unet = checkpoint.parts["unet"]
    read_header(path)
    folder = path.parent / "image_encoder"
    if not (folder / "config.json").is_file():
        raise Fault(
            "weights_missing", f"The image encoder of {path.stem} is not there.", f"Put it into {folder}.", str(folder)
        )
    encoder = guarded(
        lambda: CLIPVisionModelWithProjection.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=unet.dtype
        ),
        folder,
        "image encoder",
    )
    checkpoint.parts["image_encoder"] = encoder.to(unet.device).requires_grad_(False).eval()
    tables: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in guarded(lambda: load_file(path), path, "IP-Adapter").items():
        kind, _, rest = name.partition(".")
        if kind in tables:
            tables[kind][rest] = tensor
    pipeline = checkpoint.simplest()
    try:
        if not all(tables.values()):
            raise ValueError("no image_proj and ip_adapter in it")
        pipeline.load_ip_adapter(tables, subfolder="", weight_name="", image_encoder_folder=None)
    except DAMAGE as error:
        pipeline.unload_ip_adapter()
        checkpoint.parts["image_encoder"] = checkpoint.parts["feature_extractor"] = None
        if is_out_of_memory(error):
            raise
        raise Fault(
            "bad_request",
            f"The IP-Adapter {path.stem} belongs to another base model than {checkpoint.family.label}.",
            AGAIN,
            f"{path}: {type(error).__name__}: {error}"[:2000],
        ) from None
    checkpoint.parts["feature_extractor"] = pipeline.feature_extractor
