"""FLUX.1's files: folders, single transformers, ControlNets, LoRAs; what does not fit is named before it is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Bench
from flux_files import write_original
from safetensors.torch import load_file, save_file

from blender_aigc.protocol import Fault
from server.diffusion import tiny, tiny_flux
from server.diffusion.families import FLUX, FLUX_CONTROL, FLUX_FILL, SDXL, Z_IMAGE
from server.diffusion.library import Library
from server.diffusion.loading import load_checkpoint, load_controlnet, stored_bytes
from server.diffusion.memory import choose, need_of

FLOAT = torch.float32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """[schnell] as base, so that what single files say of themselves must count."""
    made = tmp_path_factory.mktemp("flux_files") / "flux"
    tiny_flux.write_flux(made)
    return made


@pytest.fixture(scope="module")
def bench(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(folder.parent, tmp_path_factory.mktemp("bench"))


def fault(path: Path, **options: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        load_checkpoint(path, FLUX, FLOAT, **options)
    assert path.name in caught.value.message + caught.value.detail or "base" in caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("kind", "family"), [("FluxPipeline", FLUX), ("FluxControlPipeline", FLUX_CONTROL), ("FluxFillPipeline", FLUX_FILL)]
)
@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_one_file_says_itself_what_it_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, family: Any, layout: str
) -> None:
    """Guided or not, what it reads, how deep it is: none of it is the base's beside it."""
    network = tiny_flux.flux_pipeline(8, kind, guided=True, num_layers=1).transformer
    path = tmp_path / "mine.safetensors"
    if layout == "original":
        write_original(network, path, monkeypatch)
    else:
        save_file(network.state_dict(), path)
    found = load_checkpoint(path, FLUX, FLOAT, folder)
    assert found.family == family and "Non-Commercial" in found.licence and found.files[0] == path
    assert found.files[1:] and all("transformer" not in file.parts for file in found.files[1:])
    ours = found.parts["transformer"].state_dict()
    assert ours.keys() == network.state_dict().keys()
    assert all(torch.equal(ours[key], value) for key, value in network.state_dict().items())
    assert found.parts["transformer"].config.guidance_embeds is True


def test_half_precision_files_and_their_pictures(bench: Bench, folder: Path) -> None:
    plain = bench.picture(model="flux", strength=1.0)
    own = load_file(folder / "base" / "transformer" / "diffusion_pytorch_model.safetensors")
    save_file({key: value.to(torch.float8_e4m3fn) for key, value in own.items()}, folder / "small.safetensors")
    small = bench.made(model="flux", strength=1.0, checkpoint="small")
    assert 0 < np.abs(small.pictures[0].astype(int) - plain).mean() < 12
    assert small.result.provenance.weights_sha256 != bench.made(model="flux").result.provenance.weights_sha256
    assert "Apache" in small.result.provenance.licence and small.result.report["steps"] == 3


def test_files_that_are_something_else_are_told(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    tables: dict[str, dict[str, torch.Tensor]] = {
        "packed": {"double_blocks.0.img_mod.lin.weight": torch.zeros(4), "a.scale_weight": torch.zeros(1)},
        "LoRA": {"double_blocks.0.img_attn.proj.lora_A.weight": torch.zeros(4, 4)},
        "ControlNet": {"controlnet_blocks.0.weight": torch.zeros(4), "double_blocks.0.a": torch.zeros(1)},
        "chroma": {"distilled_guidance_layer.a": torch.zeros(4), "double_blocks.0.a": torch.zeros(1)},
        "flux2": {"double_stream_modulation_img.lin.weight": torch.zeros(4), "double_blocks.0.a": torch.zeros(1)},
        "lacks": {"double_blocks.0.a": torch.zeros(1)},
        "96": {"img_in.weight": torch.zeros(4, 96), "final_layer.linear.weight": torch.zeros(64, 4)},
    }
    tables["96"]["double_blocks.0.a"] = torch.zeros(1)
    for word, table in tables.items():
        save_file(table, path)
        found = fault(path, settings=folder)
        assert found.code == "weights_damaged" and word in found.message, word
    save_file({"double_blocks.0.a": torch.zeros(1)}, path)
    found = fault(path)
    assert found.code == "weights_missing" and "text encoders" in found.message and FLUX.repository in found.hint


@pytest.mark.parametrize(
    ("broken", "code", "word"),
    [
        ("text_encoder_2", "weights_missing", "text_encoder_2"),
        ("config", "weights_missing", "config.json"),
        ("inputs", "weights_damaged", "96"),
        ("kontext", "weights_damaged", "FluxKontextPipeline"),
        ("cut", "weights_damaged", "incomplete"),
    ],
)
def test_broken_folders_are_named(folder: Path, tmp_path: Path, broken: str, code: str, word: str) -> None:
    path = tmp_path / "own"
    shutil.copytree(folder / "base", path)
    config = path / "transformer" / "config.json"
    if broken == "text_encoder_2":
        shutil.rmtree(path / broken)
    elif broken == "config":
        config.unlink()
    elif broken == "inputs":
        config.write_text(json.dumps({**json.loads(config.read_text()), "in_channels": 96}))
    elif broken == "kontext":
        index = json.loads((path / "model_index.json").read_text())
        (path / "model_index.json").write_text(json.dumps({**index, "_class_name": "FluxKontextPipeline"}))
    else:
        file = path / "text_encoder_2" / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(Fault) as caught:
        load_checkpoint(path, FLUX, FLOAT)
    assert caught.value.code == code and word in caught.value.message + caught.value.hint


def test_a_repository_with_its_weights_twice(folder: Path, tmp_path: Path) -> None:
    """As published: the parts in folders, and the network and decoder once more beside them."""
    shutil.copytree(folder / "base", tmp_path / "FLUX.1-schnell")
    save_file({"decoder.conv_in.weight": torch.zeros(9)}, tmp_path / "FLUX.1-schnell" / "ae.safetensors")
    library = Library(tmp_path / "FLUX.1-schnell")
    assert library.checkpoints() == {"FLUX.1-schnell": tmp_path / "FLUX.1-schnell"}
    parts = load_checkpoint(library.folder, FLUX, FLOAT).parts.values()
    numbers = sum(t.numel() for part in parts if hasattr(part, "parameters") for t in part.parameters())
    assert stored_bytes(library.folder, 2) == pytest.approx(2 * numbers, rel=0.02)


def test_controlnets_that_do_not_fit_are_said(bench: Bench, folder: Path, weights: Path) -> None:
    place = folder / "controlnets"
    tiny.sdxl_controlnet().save_pretrained(str(place / "sdxl_depth"))
    tiny_flux.flux_controlnet(3, joint_attention_dim=40).save_pretrained(str(place / "other_depth"))
    for name in ("sdxl_depth", "other_depth"):
        found = bench.fault(model="flux", controls=name)
        assert found.code == "bad_request" and "another base model" in found.message and name in found.message
    tiny_flux.flux_controlnet(4, num_single_layers=2).save_pretrained(str(place / "deep_normal"))
    found = bench.fault(model="flux", controls="depth, deep_normal")
    assert found.code == "bad_request" and "depth" in found.message
    one, two = (bench.picture(model="flux", controls=text) for text in ("deep_normal", "depth"))
    assert not np.array_equal(one, two)
    with pytest.raises(Fault) as caught:
        sdxl = load_checkpoint(weights / "sdxl" / "base", SDXL, FLOAT)
        load_controlnet(place / "depth", sdxl, FLOAT)
    assert caught.value.code == "bad_request" and "another base model" in caught.value.message


def test_a_controlnet_may_be_one_file(bench: Bench, folder: Path) -> None:
    place = folder / "controlnets"
    for name, net in (("my_depth", tiny_flux.flux_controlnet(5)), ("union", tiny_flux.flux_controlnet(6, modes=5))):
        net.save_pretrained(str(place / f"{name}_folder"))
        shutil.copy(place / f"{name}_folder" / "diffusion_pytorch_model.safetensors", place / f"{name}.safetensors")
        made = bench.picture(model="flux", controls=f"{name}=depth", strength=1.0)
        assert np.array_equal(made, bench.picture(model="flux", controls=f"{name}_folder=depth", strength=1.0))
    save_file({"controlnet_blocks.0.weight": torch.zeros(4)}, place / "theirs.safetensors")
    found = bench.fault(model="flux", controls="theirs=depth")
    assert found.code == "weights_damaged" and "theirs" in found.message and "config.json" in found.hint


def lora(width: int, inputs: int = 64, seed: int = 0) -> dict[str, torch.Tensor]:
    """On the attention of the first block, or with other `inputs` on the first layer."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {}
    for name in ("to_q", "to_k", "to_v"):
        tensors[f"transformer.transformer_blocks.0.attn.{name}.lora_A.weight"] = torch.randn(2, width, generator=draw)
        tensors[f"transformer.transformer_blocks.0.attn.{name}.lora_B.weight"] = torch.randn(width, 2, generator=draw)
    if inputs != 64:
        tensors["transformer.x_embedder.lora_A.weight"] = torch.randn(2, inputs, generator=draw)
        tensors["transformer.x_embedder.lora_B.weight"] = torch.randn(width, 2, generator=draw)
    return tensors


def test_loras_count_by_their_weight_and_leave_no_trace(bench: Bench, folder: Path) -> None:
    import diffusers

    (folder / "loras").mkdir()
    save_file(lora(32), folder / "loras" / "ink.safetensors")
    save_file(lora(48), folder / "loras" / "wider.safetensors")
    save_file(lora(32, 128), folder / "loras" / "depth_control.safetensors")
    pipeline = diffusers.FluxPipeline.from_pretrained(str(folder / "base"))
    pipeline.load_lora_weights(str(folder / "loras"), weight_name="ink.safetensors", adapter_name="a")
    pipeline.set_adapters(["a"], [0.8])
    generator = torch.Generator("cpu").manual_seed(1)
    call: dict[str, Any] = {"width": 64, "height": 64, "num_inference_steps": 3, "max_sequence_length": 256}
    wanted = np.asarray(pipeline(prompt="a house", guidance_scale=1.0, generator=generator, **call).images[0])
    options: dict[str, Any] = {"model": "flux", "task": "text_to_image", "width": 64, "height": 64}
    plain = bench.picture(**options)
    assert np.array_equal(bench.picture(**options, loras="ink:0.8")[..., :3], wanted)
    assert not np.array_equal(plain[..., :3], wanted) and np.array_equal(bench.picture(**options), plain)
    for name, word in (("wider", "another base model"), ("depth_control", "another model")):
        found = bench.fault(**options, loras=f"ink:0.5, {name}")
        assert found.code == "bad_request" and word in found.message and name in found.message
        assert np.array_equal(bench.picture(**options), plain)


def test_plans_for_cards_of_every_size() -> None:
    """Networks of the published sizes, without their numbers: layer by layer fits into 6 GB, all at once into 80."""
    import diffusers

    with torch.device("meta"):
        transformer = diffusers.FluxTransformer2DModel(guidance_embeds=True).to(torch.bfloat16)
        controlnet = diffusers.FluxControlNetModel(num_layers=5, num_single_layers=10).to(torch.bfloat16)
        z_image = diffusers.ZImageTransformer2DModel().to(torch.bfloat16)
    need = need_of({"transformer": transformer}, FLUX.area_px, half=True)
    assert need.parts["transformer"] == pytest.approx(2 * 11.9e9, rel=0.01)
    plans = [choose("auto", need, int(gb * 1e9), "cuda:0") for gb in (80, 24, 6)]
    assert plans == ["device", "layers", "layers"]
    with pytest.raises(Fault) as caught:
        choose("auto", need, 3 * 10**9, "cuda:0")
    assert caught.value.code == "out_of_memory" and "Draft" in caught.value.hint
    both = need_of({"transformer": transformer, "controlnet": controlnet, "text_encoder": controlnet}, 10**6, half=True)
    assert both.under("parts") == both.parts["transformer"] + both.parts["controlnet"] + both.working
    small = need_of({"transformer": z_image}, Z_IMAGE.area_px, half=True)
    assert [choose("auto", small, int(gb * 1e9), "cuda:0") for gb in (24, 16, 6)] == ["device", "layers", "layers"]
