"""Prompts of any length with weights, as the embeddings that pipelines take.

"(word:1.3)" counts more, "[word]" and "(word:0.7)" less; "(word)" is 1.1, "\\(" a plain parenthesis, BREAK starts a
new part: the notation of the community (A1111's wiki, "Attention/emphasis"). Text encoders read 75 tokens at a time;
longer prompts are read in parts and the parts laid behind each other. A weight moves a token's embedding away from what
an empty prompt has in its place, so that weight 1 changes nothing: a short prompt without weights gives, bit for bit,
what the pipeline would make of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blender_aigc.protocol import Fault

if TYPE_CHECKING:
    from torch import Tensor

MOST_PARTS = 40
"""Parts of 75 tokens; more is surely a file by mistake (10,000 letters of English are about 33)."""

_TOKEN = re.compile(r"\\[\\()\[\]]|\(|\[|:\s*([0-9]*\.?[0-9]+)\s*\)|\)|\]|\bBREAK\b|[^\\()\[\]:B]+|.", re.DOTALL)
_UP = 1.1

Fragment = tuple[str, float]
"""Words and how much they count; ("BREAK", -1) starts a new part."""

BREAK: Fragment = ("BREAK", -1.0)


@dataclass(frozen=True)
class Encoder:
    """A text encoder with its tokenizer."""

    tokenizer: Any
    network: Any


def encode(
    parts: dict[str, Any], prompt: str, negative: str, clip_skip: int, guided: bool, zero_negative: bool
) -> dict[str, Tensor]:
    """The arguments of a pipeline's call that stand for `prompt` and `negative`: prompt_embeds (1, 77 n, C) and so on.

    parts: a checkpoint's. clip_skip: layers to leave out, besides those that the family always does. guided: will there
    be guidance? zero_negative: no negative prompt is zeros instead of the empty prompt (SDXL's base).
    Pooled embeddings are given where the family has them (two encoders, or the refiner's one).
    Raises Fault("bad_request") for a prompt that is longer than any encoder should see.
    """
    import torch

    encoders = [
        Encoder(parts[f"tokenizer{number}"], parts[f"text_encoder{number}"])
        for number in ("", "_2")
        if parts.get(f"text_encoder{number}") is not None
    ]
    pooled = parts.get("text_encoder_2") is not None
    with torch.no_grad():
        wanted = [_parts(encoder, fragments(prompt)) for encoder in encoders]
        avoided = [_parts(encoder, fragments(negative)) for encoder in encoders]
        length = max(map(len, [*wanted, *(avoided if guided else [])]))
        if length > MOST_PARTS:
            raise Fault("bad_request", f"The prompt is too long: {length * 75} tokens.", "Shorten it.")
        embeds, pool = _encoded(encoders, wanted, length, clip_skip, pooled)
        result = {"prompt_embeds": embeds}
        if pooled:
            result["pooled_prompt_embeds"] = pool
        if not guided:
            return result
        if zero_negative and not negative:
            embeds, pool = torch.zeros_like(embeds), torch.zeros_like(pool)
        else:
            # pipelines skip layers of the prompt only
            embeds, pool = _encoded(encoders, avoided, length, 0, pooled)
        result["negative_prompt_embeds"] = embeds
        if pooled:
            result["negative_pooled_prompt_embeds"] = pool
    return result


def fragments(text: str) -> list[Fragment]:
    """`text` without its notation, piece by piece with the weight of each. What cannot be read counts as words."""
    result: list[Fragment] = []
    round_at: list[int] = []
    square_at: list[int] = []

    def scale(start: int, factor: float) -> None:
        result[start:] = [(words, weight * factor if weight >= 0 else weight) for words, weight in result[start:]]

    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.startswith("\\") and len(token) == 2:
            result.append((token[1], 1.0))
        elif token == "(":
            round_at.append(len(result))
        elif token == "[":
            square_at.append(len(result))
        elif match.group(1) is not None and round_at:
            scale(round_at.pop(), float(match.group(1)))
        elif token == ")" and round_at:
            scale(round_at.pop(), _UP)
        elif token == "]" and square_at:
            scale(square_at.pop(), 1 / _UP)
        elif token == "BREAK":
            result.append(BREAK)
        else:
            result.append((token, 1.0))
    for start in round_at:  # never closed
        scale(start, _UP)
    for start in square_at:
        scale(start, 1 / _UP)
    return _merged(result)


def _merged(pieces: Sequence[Fragment]) -> list[Fragment]:
    """Neighbours of the same weight as one, so that plain text is tokenized in one go."""
    result: list[Fragment] = []
    for words, weight in pieces:
        if result and result[-1][1] == weight and weight >= 0:
            result[-1] = result[-1][0] + words, weight
        else:
            result.append((words, weight))
    return result


def _parts(encoder: Encoder, pieces: Sequence[Fragment]) -> list[tuple[list[int], list[float]]]:
    """Token ids and weights, at most 75 a part; cut behind a comma where one is near."""
    tokenizer = encoder.tokenizer
    room = tokenizer.model_max_length - 2
    comma = tokenizer(",", add_special_tokens=False).input_ids[-1:]
    parts: list[tuple[list[int], list[float]]] = [([], [])]
    for words, weight in pieces:
        if (words, weight) == BREAK:
            parts.append(([], []))
            continue
        for token in tokenizer(_expanded(words, tokenizer), add_special_tokens=False, truncation=False).input_ids:
            ids, weights = parts[-1]
            if len(ids) == room:
                cut = next((i + 1 for i in range(room - 1, room - 21, -1) if ids[i : i + 1] == comma), room)
                parts.append((ids[cut:], weights[cut:]))
                del ids[cut:], weights[cut:]
                ids, weights = parts[-1]
            ids.append(token)
            weights.append(weight)
    return parts


def _expanded(words: str, tokenizer: Any) -> str:
    """A learnt word of several vectors is written "word word_1 word_2" (textual inversion as diffusers stores it)."""
    known = tokenizer.added_tokens_encoder
    for word in set(tokenizer.tokenize(words)):
        count = 1
        while f"{word}_{count}" in known:
            count += 1
        if word in known and count > 1:
            words = words.replace(word, " ".join([word, *(f"{word}_{number}" for number in range(1, count))]))
    return words


def _encoded(
    encoders: Sequence[Encoder],
    parts: Sequence[list[tuple[list[int], list[float]]]],
    length: int,
    clip_skip: int,
    pooled: bool,
) -> tuple[Tensor, Tensor]:
    """(1, 77 length, C) of all encoders side by side, and what the last one pooled of the first part (1, P)."""
    import torch

    columns, pool = [], torch.zeros(0)
    for encoder, own in zip(encoders, parts, strict=True):
        rows = []
        for number in range(length):
            ids, weights = own[number] if number < len(own) else ([], [])
            embedded, given = _layer(encoder, ids, clip_skip, pooled)
            if any(weight != 1 for weight in weights):
                empty, _ = _layer(encoder, [], clip_skip, pooled)
                factor = torch.ones(embedded.shape[1], device=embedded.device, dtype=embedded.dtype)
                factor[1 : 1 + len(weights)] = torch.tensor(weights, device=embedded.device, dtype=embedded.dtype)
                embedded = torch.where(factor[:, None] == 1, embedded, empty + (embedded - empty) * factor[:, None])
            rows.append(embedded)
            if number == 0:
                pool = given
        columns.append(torch.cat(rows, dim=1) if length > 1 else rows[0])
    return torch.concat(columns, dim=-1) if pooled else columns[0], pool


def _layer(encoder: Encoder, ids: list[int], clip_skip: int, pooled: bool) -> tuple[Tensor, Tensor]:
    """One part through one encoder: the chosen layer (1, 77, C), and its first output (pooled, or the last layer)."""
    import torch
    from diffusers.utils.torch_utils import get_module_execution_device

    tokenizer, network = encoder.tokenizer, encoder.network
    filled = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
    filled += [tokenizer.pad_token_id] * (tokenizer.model_max_length - len(filled))
    output = network(torch.tensor([filled], device=get_module_execution_device(network)), output_hidden_states=True)
    if pooled:  # SDXL always leaves the last layer out, and its norm
        return output.hidden_states[-(clip_skip + 2)], output[0]
    if clip_skip == 0:
        return output[0], output[0]
    final = getattr(network, "text_model", network).final_layer_norm  # transformers 5 has one level less
    return final(output.hidden_states[-(clip_skip + 1)]), output[0]
