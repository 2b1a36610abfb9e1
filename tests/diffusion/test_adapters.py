"""LoRAs, reference pictures, learnt words: they have an effect, in their measure, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Bench, scene
from safetensors.torch import save_file

from server.diffusion import tiny
from server.diffusion.adapters import parse_loras

ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn1"


def lora(width: int, seed: int, rank: int = 2, part: str = f"unet.{ATTENTION}") -> dict[str, torch.Tensor]:
    """A LoRA on the queries and keys of one attention, in diffusers' layout."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {}
    for name in ("to_q", "to_k", "to_v"):
        tensors[f"{part}.{name}.lora_A.weight"] = torch.randn(rank, width, generator=draw)
        tensors[f"{part}.{name}.lora_B.weight"] = torch.randn(width, rank, generator=draw)
    return tensors


@pytest.fixture(scope="module")
def folder(weights: Path) -> Path:
    sdxl = weights / "sdxl"
    for kind in ("loras", "embeddings"):
        (sdxl / kind).mkdir(exist_ok=True)
    save_file(lora(16, 0), sdxl / "loras" / "ink.safetensors")
    save_file(lora(16, 1), sdxl / "loras" / "film.v2.safetensors")
    kohya = {
        key.replace("unet.", "lora_unet_")
        .replace(".", "_")
        .replace("_lora_A_weight", ".lora_down.weight")
        .replace("_lora_B_weight", ".lora_up.weight"): value
        for key, value in lora(16, 0).items()
    }
    kohya |= {key.replace("lora_down.weight", "alpha"): torch.tensor(2.0) for key in kohya if "lora_down" in key}
    save_file(kohya, sdxl / "loras" / "kohya.safetensors")
    save_file(lora(24, 2), sdxl / "loras" / "wider.safetensors")
    save_file(lora(16, 2, part="unet.nothing.of.this.name"), sdxl / "loras" / "stranger.safetensors")
    (sdxl / "loras" / "cut.safetensors").write_bytes((sdxl / "loras" / "ink.safetensors").read_bytes()[:-40])
    draw = torch.Generator().manual_seed(5)
    both = {"clip_l": torch.randn(2, 32, generator=draw), "clip_g": torch.randn(2, 48, generator=draw)}
    save_file(both, sdxl / "embeddings" / "moebius.safetensors")
    save_file({"emb_params": torch.randn(1, 32, generator=draw)}, sdxl / "embeddings" / "oldword.safetensors")
    return sdxl


def test_loras_count_by_their_weight_and_leave_no_trace(bench: Bench, folder: Path) -> None:
    plain = bench.picture()
    half, whole = bench.picture(loras="ink:0.5"), bench.picture(loras="ink")
    assert not np.array_equal(plain, half) and not np.array_equal(half, whole)
    assert np.array_equal(bench.picture(loras="ink:0"), plain)
    two = bench.picture(loras="ink:0.5, film.v2:0.7")
    assert not np.array_equal(two, half)
    assert (
        np.array_equal(bench.picture(loras="film.v2:0.7, ink:0.5"), two)
        or np.abs(bench.picture(loras="film.v2:0.7, ink:0.5").astype(int) - two).max() <= 1
    )
    assert np.array_equal(bench.picture(), plain), "the networks are as published again"


def test_a_lora_is_what_diffusers_makes_of_it(bench: Bench, folder: Path) -> None:
    """And the files of other trainers mean the same."""
    import diffusers

    pipeline = diffusers.StableDiffusionXLPipeline.from_pretrained(str(folder / "base"))
    pipeline.load_lora_weights(str(folder / "loras"), weight_name="ink.safetensors", adapter_name="a")
    pipeline.set_adapters(["a"], [0.8])
    generator = torch.Generator("cpu").manual_seed(1)
    call: dict[str, Any] = {"width": 64, "height": 64, "num_inference_steps": 3, "guidance_scale": 5.0}
    wanted = np.asarray(pipeline(prompt="a house", generator=generator, **call).images[0])
    options: dict[str, Any] = {"task": "text_to_image", "width": 64, "height": 64}
    assert np.array_equal(bench.picture(**options, loras="ink:0.8")[..., :3], wanted)
    assert np.array_equal(bench.picture(**options, loras="kohya:0.8")[..., :3], wanted)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("wider", "bad_request", "another base model"),
        ("stranger", "bad_request", "another base model"),
        ("cut", "weights_damaged", "incomplete"),
    ],
)
def test_a_lora_that_does_not_fit_is_said_and_changes_nothing(
    bench: Bench, folder: Path, name: str, code: str, words: str
) -> None:
    plain = bench.picture()
    fault = bench.fault(loras=f"ink:0.5, {name}:1")
    assert fault.code == code and words in fault.message
    assert np.array_equal(bench.picture(), plain)


def test_names_with_dots_and_spaces() -> None:
    found = {"film.v2": Path("a"), "my style": Path("b")}
    assert parse_loras(" film.v2:0.5 ,my style:-1,", found) == [(Path("a"), 0.5), (Path("b"), -1.0)]
    assert parse_loras("", found) == []


def test_the_reference_counts_by_its_weight(bench: Bench, folder: Path, tmp_path: Path) -> None:
    """Another reference is another picture; weight 0 is none, bit for bit."""
    draw = np.random.default_rng(0)
    for name in ("one", "two"):
        np.save(tmp_path / f"{name}.npy", draw.integers(0, 256, (50, 40, 3), np.uint8))
    pictures = {
        (name, weight): bench.picture(
            given={"passes": bench.passes(), "reference": tmp_path / f"{name}.npy"}, reference_weight=weight
        )
        for name, weight in (("one", 1.0), ("two", 1.0), ("one", 0.3), ("one", 0.0))
    }
    plain = bench.picture()
    assert np.array_equal(pictures["one", 0.0], plain)
    others = [pictures["one", 1.0], pictures["two", 1.0], pictures["one", 0.3], plain]
    assert all(not np.array_equal(a, b) for i, a in enumerate(others) for b in others[:i])


def test_a_reference_without_an_adapter_is_said(bench: Bench, tmp_path: Path) -> None:
    from conftest import Bench as Other

    tiny.sdxl_pipeline().save_pretrained(str(tmp_path / "sdxl" / "base"))
    np.save(tmp_path / "look.npy", scene()["combined"])
    other = Other(tmp_path, tmp_path)
    fault = other.fault(given={"passes": other.passes(), "reference": tmp_path / "look.npy"})
    assert fault.code == "weights_missing" and "IP-Adapter" in fault.message
    assert "ip_adapter" in fault.hint


def test_a_learnt_word_means_something_where_it_stands(bench: Bench, folder: Path) -> None:
    """In the prompt or in what to avoid; as part of another word it is only letters."""
    made = bench.picture(prompt="a house by moebius")
    reports = bench.made(prompt="a house by moebius").result.provenance.weights_sha256
    assert reports != bench.made(prompt="a house by someone").result.provenance.weights_sha256
    parts = bench.runner._loaded["sdxl"][0].studio.checkpoint.parts
    for encoder in ("", "_2"):  # both of SDXL's, and both vectors of the word
        known = parts[f"tokenizer{encoder}"].added_tokens_encoder
        ids = parts[f"tokenizer{encoder}"]("moebius moebius_1", add_special_tokens=False).input_ids
        assert ids == [known["moebius"], known["moebius_1"]]
        weights = parts[f"text_encoder{encoder}"].get_input_embeddings().weight
        for token in ids:
            with torch.no_grad():
                kept = weights[token].clone()
                weights[token] = -10 * kept
                other = bench.picture(prompt="a house by moebius")
                weights[token] = kept
            assert not np.array_equal(made, other), (encoder, token)
    assert np.array_equal(bench.picture(prompt="a house by moebius"), made)


def test_a_word_of_another_base_is_said(bench: Bench, folder: Path) -> None:
    fault = bench.fault(prompt="a house by oldword")
    assert fault.code == "bad_request" and "another base model" in fault.message
