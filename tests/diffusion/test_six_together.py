"""MV-Adapter at work on tiny weights: LoRAs, other checkpoints, and a reference that is read once, before any noise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Bench
from drawn import apart
from PIL import Image
from safetensors.torch import save_file
from test_adapters import lora
from test_estimates import Room
from test_texture_engines import mesh, picture

from blender_aigc.protocol import Fault
from server.diffusion import tiny
from server.diffusion.sizes import resized
from server.nets.mv_adapter import six_views
from server.texturing.reference import on_plain_ground
from server.texturing.six_together import draw_six, load_adapter, write_tiny

assert mesh  # the fixture


@pytest.fixture(scope="module")
def adapted(weights: Path) -> Path:
    """SDXL's folder with both files of the adapter, a LoRA and a second checkpoint."""
    sdxl = weights / "sdxl"
    write_tiny(sdxl / "mv_adapter")
    (sdxl / "loras").mkdir(exist_ok=True)
    save_file(lora(16, 9), sdxl / "loras" / "chalk.safetensors")
    tiny.sdxl_pipeline(7).save_pretrained(str(sdxl / "other"))
    return sdxl


def six(bench: Bench, mesh: Path, reference: Path | None = None, **options) -> np.ndarray:
    """(6, 64, 64, 3) int. Raises Fault."""
    room = Room(bench, mesh)
    params = bench.runner.registry.models["mv_adapter"].info.check_params({"view_px": "64", "steps": 2, **options})
    job = dataclasses.replace(room.job, params=params, prompt="a marble statue")
    if reference is not None:
        room.context._inputs = {**room.context._inputs, "reference": reference}
    checkpoint = room.studio.open(str(params["checkpoint"]))
    worn = load_adapter(room.studio.library.folder / "mv_adapter", room.studio, checkpoint, reference is not None)
    views = draw_six(job, room.context, room.studio, worn, room.subject, six_views(room.subject.points, 64))
    assert not any("mv" in type(layer).__name__.lower() for layer in checkpoint.parts["unet"].attn_processors.values())
    return np.stack(views).astype(int)


def test_loras_and_other_checkpoints_count(bench: Bench, mesh: Path, adapted: Path) -> None:
    plain = six(bench, mesh)
    assert apart(plain, six(bench, mesh, loras="chalk")).min() > 0
    assert apart(plain, six(bench, mesh, checkpoint="other")).min() > 0
    assert apart(plain, six(bench, mesh)).max() == 0


def test_the_reference_is_read_once_at_time_zero(bench, mesh: Path, adapted: Path, tmp_path: Path, monkeypatch) -> None:
    from diffusers import UNet2DConditionModel

    calls: list[tuple[int, float]] = []
    samples: list[torch.Tensor] = []
    plain = UNet2DConditionModel.forward

    def noted(self, sample, timestep, *rest, **options):  # noqa: ANN001, ANN202
        calls.append((len(sample), float(timestep)))
        samples.append(sample.clone())
        return plain(self, sample, timestep, *rest, **options)

    monkeypatch.setattr(UNet2DConditionModel, "forward", noted)
    red = picture(tmp_path / "red.png", (255, 0, 0))
    six(bench, mesh, red)
    assert calls[0] == (1, 0.0) and [count for count, _ in calls[1:]] == [12, 12]
    assert all(time > 0 for _, time in calls[1:])
    vae = tiny.sdxl_pipeline().vae
    shown = resized(on_plain_ground(np.asarray(Image.open(red))), (64, 64))
    with torch.no_grad():
        latents = vae.encode(torch.from_numpy(shown).permute(2, 0, 1)[None].float() / 127.5 - 1).latent_dist.mode()
    assert torch.allclose(samples[0], latents * vae.config.scaling_factor, atol=1e-4), "the picture without noise"


@pytest.mark.parametrize("with_picture", [False, True])
def test_all_six_look_at_each_other(
    bench, mesh: Path, adapted: Path, tmp_path: Path, monkeypatch, with_picture
) -> None:
    """By either of the files: what one view holds changes the answer for all, and nothing without the prompt."""
    from diffusers import UNet2DConditionModel

    heard: list[set[int]] = []
    plain = UNet2DConditionModel.forward

    def noted(self, sample, *given, **options):  # noqa: ANN001, ANN202
        def ask(rows: torch.Tensor) -> tuple:  # the network empties the lists that it is given
            own = {key: list(value) if isinstance(value, list) else value for key, value in options.items()}
            return plain(self, rows, *given, **own)

        answer = ask(sample)
        if len(sample) == 12:
            other = sample.clone()
            other[9] += 1
            moved = (ask(other)[0] - answer[0]).abs().amax((1, 2, 3))
            heard.append(set((moved > 1e-6).nonzero().flatten().tolist()))
        return answer

    monkeypatch.setattr(UNet2DConditionModel, "forward", noted)
    six(bench, mesh, picture(tmp_path / "red.png", (255, 0, 0)) if with_picture else None)
    assert heard == [set(range(6, 12))] * 2


@pytest.mark.parametrize(("with_picture", "guidance"), [(False, 7.0), (True, 3.0)])
def test_the_call_is_as_published(
    bench, mesh: Path, adapted: Path, tmp_path: Path, monkeypatch, with_picture, guidance
):
    """50 steps, guidance by the kind of the file, noise shifted by 8, six rows of words, geometry of six channels."""
    from diffusers import StableDiffusionXLAdapterPipeline as Pipeline

    calls: list[dict] = []
    ratios: list[float] = []
    plain = Pipeline.__call__

    def noted(self, **call):  # noqa: ANN001, ANN202
        calls.append(call)
        last = float(self.scheduler.alphas_cumprod[-1])
        ratios.append(last / (1 - last))
        return plain(self, **call | {"num_inference_steps": 1})

    monkeypatch.setattr(Pipeline, "__call__", noted)
    reference = picture(tmp_path / "red.png", (255, 0, 0)) if with_picture else None
    six(bench, mesh, reference, steps=0)
    six(bench, mesh, reference, steps=0, negative="blurry")
    first, second = calls
    assert (first["num_inference_steps"], first["guidance_scale"]) == (50, guidance)
    assert first["image"].shape == (6, 6, 64, 64) and len(first["prompt_embeds"]) == 6
    assert not torch.equal(first["negative_prompt_embeds"], second["negative_prompt_embeds"])
    own = float(tiny.sdxl_pipeline().scheduler.alphas_cumprod[-1])
    assert ratios[0] == pytest.approx(own / (1 - own) / 8, rel=0.02)


@pytest.mark.parametrize("with_picture", [False, True])
def test_a_cancel_in_any_phase_leaves_nothing(
    bench: Bench, mesh: Path, adapted: Path, tmp_path: Path, with_picture: bool
) -> None:
    given = {"mesh": mesh} | ({"reference": picture(tmp_path / "red.png", (255, 0, 0))} if with_picture else {})
    options = {"model": "mv_adapter", "task": "texture_mesh", "given": given}
    options |= {"view_px": "64", "texture_px": "256", "steps": 2}
    bench.cancelled_everywhere(7, **options)
    plain, again = six(bench, mesh), six(bench, mesh)
    assert apart(plain, again).max() == 0, "what was cancelled left nothing on the networks either"


def test_a_file_of_another_size_is_refused(bench: Bench, mesh: Path, adapted: Path) -> None:
    file = adapted / "mv_adapter" / "mvadapter_tg2mv_sdxl.safetensors"
    kept = file.read_bytes()
    try:
        save_file({"down_blocks.0.attentions.0.x": torch.zeros(3)}, file)
        with pytest.raises(Fault) as told:
            six(bench, mesh)
    finally:
        file.write_bytes(kept)
    assert told.value.code == "weights_damaged"
