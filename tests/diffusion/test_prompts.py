"""Weights, long prompts, learnt words: what the text encoders are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from blender_aigc.protocol import Fault
from server.diffusion.families import SDXL
from server.diffusion.loading import Checkpoint, load_checkpoint
from server.diffusion.prompts import BREAK, MOST_PARTS, encode, fragments


@pytest.fixture(scope="module")
def checkpoint(weights: Path) -> Checkpoint:
    return load_checkpoint(weights / "sdxl" / "base", SDXL, torch.float32)


def near(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(words, round(weight, 4)) for words, weight in pieces]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a red house", [("a red house", 1.0)]),
        ("a (red:1.3) house", [("a ", 1.0), ("red", 1.3), (" house", 1.0)]),
        ("a (red) [house]", [("a ", 1.0), ("red", 1.1), (" ", 1.0), ("house", 0.9091)]),
        ("((red)) house", [("red", 1.21), (" house", 1.0)]),
        ("(a (red:2) house:0.5)", [("a ", 0.5), ("red", 1.0), (" house", 0.5)]),
        (r"a \(red\) house", [("a (red) house", 1.0)]),
        ("one BREAK two", [("one ", 1.0), BREAK, (" two", 1.0)]),
        ("BREAKFAST at (never closed", [("BREAKFAST at ", 1.0), ("never closed", 1.1)]),
        ("time: 12:30) and ]", [("time: 12:30) and ]", 1.0)]),
        ("(red:.5)", [("red", 0.5)]),
        ("", []),
    ],
)
def test_the_notation(text: str, wanted: list[tuple[str, float]]) -> None:
    assert near(fragments(text)) == wanted


def words(checkpoint: Checkpoint, prompt: str, negative: str = "", **options: Any) -> dict[str, torch.Tensor]:
    options = {"clip_skip": 0, "guided": True, "zero_negative": False, **options}
    return encode(checkpoint.parts, prompt, negative, **options)


def theirs(checkpoint: Checkpoint, prompt: str, negative: str | None, clip_skip: int | None) -> list[torch.Tensor]:
    """The same from the pipeline's own encoder."""
    with torch.no_grad():
        return list(
            checkpoint.pipeline("text").encode_prompt(prompt=prompt, negative_prompt=negative, clip_skip=clip_skip)
        )


@pytest.mark.parametrize(("negative", "clip_skip"), [("blurry, grey", 0), ("", 0), ("blurry", 1)])
def test_plain_prompts_are_encoded_as_the_pipeline_does(checkpoint: Checkpoint, negative: str, clip_skip: int) -> None:
    """Bit for bit, with what SDXL does for an empty negative prompt."""
    made = words(checkpoint, "a house, by the sea", negative, clip_skip=clip_skip, zero_negative=True)
    wanted = theirs(checkpoint, "a house, by the sea", negative or None, clip_skip or None)
    keys = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    for key, tensor in zip(keys, wanted, strict=True):
        assert torch.equal(made[key], tensor), key


def test_a_weight_moves_only_its_own_word(checkpoint: Checkpoint) -> None:
    """Away from the empty prompt for more than 1, and for 0 to it."""
    plain, strong, none, empty = (
        words(checkpoint, text)["prompt_embeds"] for text in ("a red hat", "a (red:1.5) hat", "a (red:0) hat", "")
    )
    tokens = checkpoint.parts["tokenizer"]
    start = 1 + len(tokens("a ", add_special_tokens=False).input_ids)
    end = start + len(tokens("red", add_special_tokens=False).input_ids)
    assert torch.equal(plain[:, :start], strong[:, :start]) and torch.equal(plain[:, end:], strong[:, end:])
    torch.testing.assert_close(strong[:, start:end] - empty[:, start:end], 1.5 * (plain - empty)[:, start:end])
    torch.testing.assert_close(none[:, start:end], empty[:, start:end])


def test_long_prompts_are_read_in_parts(checkpoint: Checkpoint) -> None:
    """Each part as if it stood alone, cut behind a comma; the shorter of the two is filled up."""
    first, second = "a" * 70 + ",", "b" * 30
    made = words(checkpoint, first + second, "grey")
    assert made["prompt_embeds"].shape[1] == made["negative_prompt_embeds"].shape[1] == 2 * 77
    one, two = (words(checkpoint, text) for text in (first, second))
    assert torch.equal(made["prompt_embeds"][:, :77], one["prompt_embeds"])
    assert torch.equal(made["pooled_prompt_embeds"], one["pooled_prompt_embeds"])
    letters = checkpoint.parts["tokenizer"]
    inner, alone = (letters(text, add_special_tokens=False).input_ids for text in (first + second, second))
    assert inner[-len(alone) :] == alone
    assert torch.equal(made["prompt_embeds"][:, 77:], two["prompt_embeds"])
    empty = words(checkpoint, "")["prompt_embeds"]
    assert torch.equal(made["negative_prompt_embeds"][:, 77:], empty)


def test_a_break_begins_a_new_part(checkpoint: Checkpoint) -> None:
    assert words(checkpoint, "one BREAK two BREAK three")["prompt_embeds"].shape[1] == 3 * 77


def test_a_prompt_without_end_is_refused(checkpoint: Checkpoint) -> None:
    length = MOST_PARTS * 75
    assert words(checkpoint, "a" * length, guided=False)["prompt_embeds"].shape[1] == MOST_PARTS * 77
    with pytest.raises(Fault, match="too long"):
        words(checkpoint, "a" * (length + 1))
