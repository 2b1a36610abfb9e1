"""Files as users have them: whole and broken, of this family and of others, one file or many."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Bench
from ldm import write_single_file
from safetensors.torch import load_file, save_file

from blender_aigc.protocol import Fault
from server.diffusion import tiny
from server.diffusion.families import SD15, SDXL, Family
from server.diffusion.headers import family_of, read_header
from server.diffusion.library import Library, pick
from server.diffusion.loading import load_checkpoint, load_controlnet
from server.diffusion.memory import is_out_of_memory
from server.weights import hub_snapshot

FLOAT = torch.float32


@pytest.fixture
def base(weights: Path, tmp_path: Path) -> Path:
    """A copy of the base that may be broken."""
    return Path(shutil.copytree(weights / "sdxl" / "base", tmp_path / "base"))


def fault(path: Path, family: Family = SDXL, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        load_checkpoint(path, family, FLOAT, **options)
    assert caught.value.hint and path.parent.name in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("model_index.json", "weights_missing"),
        ("unet", "weights_missing"),
        ("unet/diffusion_pytorch_model.safetensors", "weights_missing"),
        ("text_encoder_2/model.safetensors", "weights_missing"),
        ("vae/config.json", "weights_damaged"),
        ("tokenizer", "weights_missing"),
    ],
)
def test_a_missing_part_is_named(base: Path, part: str, code: str) -> None:
    gone = base / part
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert fault(base).code == code


@pytest.mark.parametrize("part", ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"])
def test_a_file_that_was_cut_short_is_named(base: Path, part: str) -> None:
    path = base / f"{part}.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    found = fault(base)
    assert found.code == "weights_damaged" and path.name in found.message and "incomplete" in found.message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not at all", b"\xff" * 64, b"\x10\0\0\0\0\0\0\0not a json text"])
def test_what_is_no_safetensors_file_is_said(base: Path, content: bytes) -> None:
    (base / "vae/diffusion_pytorch_model.safetensors").write_bytes(content)
    assert fault(base).code == "weights_damaged"


def test_pickled_weights_are_not_opened(base: Path) -> None:
    """A folder with .bin files alone has no weights, as far as we are concerned."""
    for path in base.rglob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    found = fault(base)
    assert found.code == "weights_missing" and ".safetensors" in found.hint


def test_networks_of_other_sizes_are_said(base: Path) -> None:
    config = json.loads((base / "unet/config.json").read_text())
    (base / "unet/config.json").write_text(json.dumps({**config, "block_out_channels": [8, 24]}))
    assert fault(base).code == "weights_damaged"


def test_another_family_is_said(base: Path, tmp_path: Path) -> None:
    found = fault(base, SD15)
    assert found.code == "weights_damaged" and "no Stable Diffusion 1.5 checkpoint" in found.message
    write_single_file(tiny.sd15_pipeline(), tmp_path / "base_old.safetensors")
    found = fault(tmp_path / "base_old.safetensors")
    assert found.code == "weights_damaged" and "sd15" in found.message


def test_half_precision_variants_are_found(base: Path) -> None:
    """Folders that hold only *.fp16.safetensors, as many downloads do; the files that count are those."""
    for path in base.rglob("*.safetensors"):
        half = {key: value.half() for key, value in load_file(path).items()}
        save_file(half, path.with_suffix(".fp16.safetensors"), {"format": "pt"})
        path.unlink()
    loaded = load_checkpoint(base, SDXL, FLOAT)
    assert len(loaded.files) == 4 and all(".fp16." in path.name for path in loaded.files)
    assert loaded.parts["unet"].dtype == FLOAT


@pytest.mark.parametrize("family", [SDXL, SD15], ids=lambda family: family.id)
def test_single_files_hold_the_same_networks(family: Family, weights: Path, tmp_path: Path) -> None:
    """Every tensor of every network, from the names of the original authors; offline, with the base's small files."""
    pipeline = tiny.sdxl_pipeline(4) if family is SDXL else tiny.sd15_pipeline(4)
    config = tmp_path / "config"
    pipeline.save_pretrained(str(config))
    for path in config.rglob("*.safetensors"):
        path.unlink()
    write_single_file(pipeline, tmp_path / "community.safetensors")
    assert family_of(read_header(tmp_path / "community.safetensors")) == family.id
    loaded = load_checkpoint(tmp_path / "community.safetensors", family, FLOAT, tmp_path)
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if getattr(pipeline, name, None) is None:
            continue
        wanted, got = getattr(pipeline, name).state_dict(), loaded.parts[name].state_dict()
        assert wanted.keys() == got.keys(), name
        assert all(torch.equal(wanted[key], got[key]) for key in wanted), name


def test_a_single_file_draws_in_the_whole_chain(bench: Bench, weights: Path) -> None:
    """Put beside the base, called by its name; the base's small files serve it."""
    path = weights / "sdxl" / "Community Mix v3.safetensors"
    write_single_file(tiny.sdxl_pipeline(0), path, torch.float32)
    try:
        assert list(Library(weights / "sdxl").checkpoints()) == ["base", "Community Mix v3"]
        one = bench.made(checkpoint="community mix V3", controls="depth:0.5")
        two = bench.made(controls="depth:0.5")
        assert np.array_equal(one.pictures[0], two.pictures[0]), "the same weights in another layout"
        assert one.result.provenance.weights_sha256 != two.result.provenance.weights_sha256
    finally:
        path.unlink()
    assert "base" in bench.fault(checkpoint="community mix V3").hint


def test_a_single_file_that_lacks_a_network_is_said(tmp_path: Path) -> None:
    """Many files on the net hold a UNet alone, or were cut together wrongly."""
    pipeline = tiny.sdxl_pipeline(4)
    pipeline.save_pretrained(str(tmp_path / "config"))
    write_single_file(pipeline, tmp_path / "whole.safetensors")
    table = load_file(tmp_path / "whole.safetensors")
    partly = {key: value for key, value in table.items() if "transformer.resblocks.1." not in key}
    save_file(partly, tmp_path / "partly.safetensors")
    assert fault(tmp_path / "partly.safetensors", settings=tmp_path).code == "weights_damaged"
    partly = {key: value for key, value in table.items() if "first_stage" not in key}
    save_file(partly, tmp_path / "no_decoder.safetensors")
    assert fault(tmp_path / "no_decoder.safetensors", settings=tmp_path).code == "weights_damaged"


def test_a_single_file_without_small_files_says_which(tmp_path: Path) -> None:
    write_single_file(tiny.sdxl_pipeline(4), tmp_path / "alone.safetensors")
    found = fault(tmp_path / "alone.safetensors")
    assert found.code == "weights_missing" and SDXL.repository in found.hint and "config" in found.hint


@pytest.mark.parametrize("broken", ["missing", "damaged", "config", "other"])
def test_broken_controlnets_are_named(weights: Path, tmp_path: Path, broken: str) -> None:
    checkpoint = load_checkpoint(weights / "sdxl" / "base", SDXL, FLOAT)
    path = tmp_path / "thicklines"
    (tiny.sd15_controlnet() if broken == "other" else tiny.sdxl_controlnet()).save_pretrained(str(path))
    file = path / "diffusion_pytorch_model.safetensors"
    if broken == "missing":
        file.unlink()
    elif broken == "damaged":
        file.write_bytes(file.read_bytes()[:1000])
    elif broken == "config":
        (path / "config.json").write_text("{")
    with pytest.raises(Fault) as caught:
        load_controlnet(path, checkpoint, FLOAT)
    assert caught.value.code == ("bad_request" if broken == "other" else "weights_damaged")
    if broken == "other":
        assert "another base model" in caught.value.message and "thicklines" in caught.value.message


def test_kinds_of_files_are_told_apart() -> None:
    first = "model.diffusion_model.input_blocks.0.0.weight"
    names = {
        "sdxl": [first, "conditioner.embedders.1.model.ln_final.weight"],
        "sdxl refiner": [first, "conditioner.embedders.0.model.ln_final.weight"],
        "sd2": [first, "cond_stage_model.model.ln_final.weight"],
        "flux": ["double_blocks.0.img_attn.qkv.weight"],
        "lora": ["lora_unet_down_blocks_0.lora_down.weight"],
        "controlnet": ["control_model.input_hint_block.0.weight"],
        "": ["something.else"],
    }
    for family, keys in names.items():
        assert family_of({key: (1,) for key in keys}) == family


def test_the_library_lists_what_lies_where(weights: Path, tmp_path: Path) -> None:
    library = Library(weights / "sdxl")
    assert list(library.checkpoints())[0] == "base" and list(library.refiners()) == ["refiner"]
    assert set(library.controlnets()) == {"depth", "normal", "lineart", "openpose", "union"}
    assert list(library.ip_adapters()) == ["ip_adapter"]
    alone = Library(weights / "sdxl" / "base")
    assert list(alone.checkpoints()) == ["base"], "the folder may be the checkpoint itself"
    assert Library(tmp_path / "nowhere").checkpoints() == {}
    with pytest.raises(Fault) as caught:
        pick({}, "", "LoRA", "the folder 'loras'")
    assert caught.value.code == "weights_missing" and "loras" in caught.value.hint


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="takes memory from a process in Linux' way")
def test_too_little_memory_is_not_called_damage(weights: Path) -> None:
    """Whole files that cannot be mapped: nobody is to download them again."""
    import resource

    folder = weights / "sdxl" / "base"
    load_checkpoint(folder, SDXL, FLOAT)  # what is imported meanwhile does not count
    pages, kept = int(Path("/proc/self/statm").read_text().split()[0]), resource.getrlimit(resource.RLIMIT_AS)
    said = []
    for more in range(0, 3_000_000, 250_000):
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, kept[1]))
        try:
            load_checkpoint(folder, SDXL, FLOAT)
        except Fault as error:
            said.append((error.code, error.message))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, kept)
    assert set(said) == {("out_of_memory", "There is not enough memory to load base.")}


def test_a_library_s_sentence_around_it_is_seen_through() -> None:
    try:
        try:
            raise OSError("The paging file is too small for this operation to complete. (os error 1455)")
        except OSError as error:
            raise OSError("Unable to load weights from checkpoint file") from error
    except OSError as error:
        assert is_out_of_memory(error) and not is_out_of_memory(OSError("no such file"))


def test_names_with_a_slash_come_from_the_hub_s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--org--depth-net" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    assert hub_snapshot("org/depth-net") is None
    (tmp_path / "models--org--depth-net" / "refs").mkdir()
    (tmp_path / "models--org--depth-net" / "refs" / "main").write_text("abc\n")
    assert pick({}, "org/depth-net", "ControlNet", "x") == snapshot
    with pytest.raises(Fault):
        pick({}, "org/another", "ControlNet", "x")
