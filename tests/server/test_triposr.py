"""TripoSR as a user meets it: through the runner and the command line, with small random weights in the real layout."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
yaml = pytest.importorskip("yaml")
trimesh = pytest.importorskip("trimesh")

from blender_aigc.protocol import Blob, Fault, Job  # noqa: E402
from server.geometry.foreground import square_cut_out  # noqa: E402
from server.models.mesh.triposr import TripoSR, _with_alpha  # noqa: E402
from server.nets.triposr import TripoSR as Network  # noqa: E402
from server.nets.triposr import TripoSRConfig, published_shapes  # noqa: E402
from server.pipe import Report  # noqa: E402
from server.png import encode_png  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402

ROOT = Path(__file__).parents[2]
SMALL = {"resolution": 32, "faces": 400, "texture_px": "512"}

PUBLISHED_CONFIG = """
cond_image_size: 512
image_tokenizer_cls: tsr.models.tokenizers.image.DINOSingleImageTokenizer
image_tokenizer:
  pretrained_model_name_or_path: "facebook/dino-vitb16"
tokenizer_cls: tsr.models.tokenizers.triplane.Triplane1DTokenizer
tokenizer: {plane_size: 32, num_channels: 1024}
backbone_cls: tsr.models.transformer.transformer_1d.Transformer1D
backbone:
  in_channels: ${tokenizer.num_channels}
  num_attention_heads: 16
  attention_head_dim: 64
  num_layers: 16
  cross_attention_dim: 768
post_processor_cls: tsr.models.network_utils.TriplaneUpsampleNetwork
post_processor: {in_channels: 1024, out_channels: 40}
decoder_cls: tsr.models.network_utils.NeRFMLP
decoder: {in_channels: 120, n_neurons: 64, n_hidden_layers: 9, activation: silu}
renderer_cls: tsr.models.nerf_renderer.TriplaneNeRFRenderer
renderer: {radius: 0.87, feature_reduction: concat, density_activation: exp, density_bias: -1.0,
  num_samples_per_ray: 128}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    TripoSR.tiny(folder)
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red and green disc on transparency."""
    y, x = np.mgrid[:120, :160]
    rgba = np.zeros((120, 160, 4), np.uint8)
    rgba[(x - 80) ** 2 + (y - 60) ** 2 < 45**2] = (200, 40, 30, 255)
    rgba[..., 1] = np.where(x > 80, 180, 40)
    path = tmp_path_factory.mktemp("pictures") / "disc.png"
    path.write_bytes(encode_png(rgba))
    return path


def job(params: dict[str, object] | None = None, seed: int = 0) -> Job:
    blob = Blob("0" * 64, ".png")
    return Job(str(uuid.uuid4()), "image_to_mesh", "triposr", {"image": blob}, SMALL | (params or {}), seed=seed)


def do(weights: Path, picture: Path, out: Path, params: dict[str, object] | None = None, cancel_at=None):
    """Run one job in this process: how it ended, and every progress report."""
    reports: list[Report] = []
    out.mkdir(exist_ok=True)
    runner = Runner(Registry(shelf=Shelf([weights])), "cpu")
    ending = runner.run(
        job(params), out, {"image": picture}, reports.append, lambda: cancel_at is not None and cancel_at(reports)
    )
    return ending, reports


def changed(source: Path, folder: Path, change) -> Path:
    """A copy of the weights in `source` whose tensors went through `change`."""
    folder.mkdir()
    (folder / "config.yaml").write_bytes((source / "config.yaml").read_bytes())
    tensors = torch.load(source / "model.ckpt", weights_only=True)
    change(tensors)
    torch.save(tensors, folder / "model.ckpt")
    return folder


# ----------------------------------------------------------------------------------------------------- the whole way


def run_cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", "run", "image_to_mesh", "--model", "triposr", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_from_the_command_line(tiny: Path, picture: Path, tmp_path: Path) -> None:
    params = [text for key, value in SMALL.items() for text in ("--param", f"{key}={value}")]
    done = run_cli("--weights", tiny, "--image", picture, "--out", tmp_path, "--param", "height_m=2", *params)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["provenance"]["weights_sha256"]
    assert result["provenance"]["revision"] == ""  # these are not the published weights
    assert result["provenance"]["licence"] == "MIT"
    assert result["provenance"]["params"]["resolution"] == 32
    scene = trimesh.load(tmp_path / result["artefacts"][0]["file"])
    assert scene.extents[1] == pytest.approx(2, abs=1e-3)  # glTF is Y-up
    (mesh,) = scene.geometry.values()
    assert 0 < len(mesh.faces) <= 440
    assert mesh.visual.material.baseColorTexture.size == (512, 512)
    assert "Imagining the object" in done.stderr


def test_weights_that_are_not_there(picture: Path, tmp_path: Path) -> None:
    done = run_cli("--weights", tmp_path / "none", "--image", picture, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "weights_missing"
    assert not (tmp_path / "out").exists()


def test_same_job_same_result(tiny: Path, picture: Path, tmp_path: Path) -> None:
    first, _ = do(tiny, picture, tmp_path / "a")
    second, _ = do(tiny, picture, tmp_path / "b")
    assert (first.say, second.say) == ("done", "done")
    a, b = (
        trimesh.load(tmp_path / name / ending.result.artefacts[0].file)
        for name, ending in (("a", first), ("b", second))
    )
    (mesh_a,), (mesh_b,) = a.geometry.values(), b.geometry.values()
    assert np.array_equal(mesh_a.vertices, mesh_b.vertices)
    assert np.array_equal(
        np.asarray(mesh_a.visual.material.baseColorTexture), np.asarray(mesh_b.visual.material.baseColorTexture)
    )


def test_the_picture_matters(tiny: Path, picture: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.npy"
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[10:90, 40:60] = (20, 60, 250, 255)
    np.save(other, rgba)
    endings = [do(tiny, path, tmp_path / path.stem)[0] for path in (picture, other)]
    hashes = {ending.result.artefacts[0].sha256 for ending in endings}
    assert len(hashes) == 2


def test_progress_counts_every_block_and_shows_pictures(tiny: Path, picture: Path, tmp_path: Path) -> None:
    ending, reports = do(tiny, picture, tmp_path / "out")
    assert ending.say == "done"
    phases = list(dict.fromkeys(report.phase for report in reports))
    assert phases[:4] == ["Loading", "Looking at the picture", "Imagining the object", "Previewing"]
    assert {report.total for report in reports if report.phase == "Imagining the object"} == {4}
    assert any(report.preview for report in reports)


@pytest.mark.parametrize(
    "phase", ["Loading", "Looking at the picture", "Imagining the object", "Previewing", "surface"]
)
def test_cancel_in_every_phase(tiny: Path, picture: Path, tmp_path: Path, phase: str) -> None:
    ending, reports = do(
        tiny, picture, tmp_path / "out", cancel_at=lambda reports: any(report.phase == phase for report in reports)
    )
    assert ending.say == "cancelled"
    assert reports[-1].phase == phase
    assert list((tmp_path / "out").iterdir()) == []


def test_a_cancel_waits_for_one_block(tiny: Path) -> None:
    """The blocks after the one that was running are not run, and the hooks are gone afterwards."""
    from server.models.mesh.triposr import _counted

    class Cancelled(BaseException):
        pass

    class Context:
        def progress(self, phase: str, step: int, total: int) -> None:
            if step == 2:
                raise Cancelled

    model = TripoSR()
    model.load(tiny, "cpu")
    ran: list[int] = []
    steps = model.network.steps
    for number, module in enumerate(steps):
        module.register_forward_hook(lambda module, inputs, output, number=number: ran.append(number))
    with torch.inference_mode():
        with pytest.raises(Cancelled), _counted(steps, Context()):
            model.network(torch.zeros(1, 3, 64, 64))
        assert ran == [0, 1]
        model.network(torch.zeros(1, 3, 64, 64))
    assert ran == [0, 1, 0, 1, 2, 3]


# --------------------------------------------------------------------------------------------------------- bad weights


def refused(folder: Path) -> Fault:
    with pytest.raises(Fault) as caught:
        TripoSR().load(folder, "cpu")
    return caught.value


def test_a_truncated_checkpoint(tiny: Path, tmp_path: Path) -> None:
    folder = changed(tiny, tmp_path / "weights", lambda tensors: None)
    content = (folder / "model.ckpt").read_bytes()
    (folder / "model.ckpt").write_bytes(content[: len(content) * 2 // 3])
    assert refused(folder).code == "weights_damaged"


def test_the_checkpoint_of_another_model(tiny: Path, tmp_path: Path) -> None:
    def other(tensors: dict) -> None:
        tensors.clear()
        tensors["lrm_generator.encoder.model.weight"] = torch.ones(3)

    fault = refused(changed(tiny, tmp_path / "weights", other))
    assert fault.code == "weights_damaged"
    assert "another model" in fault.message
    assert "image_tokenizer.model.embeddings.cls_token" in fault.detail
    assert "lrm_generator.encoder.model.weight" in fault.detail


def test_one_key_too_few_one_too_many_one_too_wide(tiny: Path, tmp_path: Path) -> None:
    def spoil(tensors: dict) -> None:
        del tensors["backbone.norm.bias"]
        tensors["backbone.norm.bais"] = torch.ones(64)
        tensors["tokenizer.embeddings"] = torch.ones(3, 64, 9, 9)

    detail = refused(changed(tiny, tmp_path / "weights", spoil)).detail
    assert "1 missing: backbone.norm.bias" in detail
    assert "1 unknown: backbone.norm.bais" in detail
    assert "tokenizer.embeddings (3, 64, 9, 9) instead of (3, 64, 8, 8)" in detail


def test_a_program_instead_of_weights(tiny: Path, picture: Path, tmp_path: Path) -> None:
    trace = tmp_path / "it_ran"

    class Payload:
        def __reduce__(self):
            return os.system, (f'echo x > "{trace}"',)

    folder = changed(tiny, tmp_path / "weights", lambda tensors: tensors.update({"backbone.norm.bias": Payload()}))
    done = run_cli("--weights", folder, "--image", picture, "--out", tmp_path / "out")
    assert done.returncode == 1
    fault = json.loads(done.stdout)
    assert fault["code"] == "weights_damaged"
    assert "could run a program" in fault["message"]
    assert not trace.exists()


@pytest.mark.parametrize(
    "key",
    [
        "image_tokenizer.model.encoder.layer.0.intermediate.dense.bias",
        "backbone.proj_out.weight",
        "decoder.layers.2.weight",
        "decoder.layers.6.bias",
    ],
)
def test_weights_that_are_not_numbers(tiny: Path, picture: Path, tmp_path: Path, key: str) -> None:
    folder = changed(tiny, tmp_path / "weights", lambda tensors: tensors[key].fill_(math.nan))
    ending, _ = do(folder, picture, tmp_path / "out")
    assert ending.say == "failed"
    assert ending.fault.code == "weights_damaged"
    assert "not numbers" in ending.fault.message
    assert list((tmp_path / "out").iterdir()) == []


def test_a_repaired_file_is_read_without_a_restart(tiny: Path, picture: Path, tmp_path: Path) -> None:
    folder = changed(tiny, tmp_path / "weights", lambda tensors: tensors["backbone.proj_out.bias"].fill_(math.nan))
    runner = Runner(Registry(shelf=Shelf([folder])), "cpu")
    says = []
    for name in ("first", "second"):
        out = tmp_path / name
        out.mkdir()
        says.append(runner.run(job(), out, {"image": picture}, lambda report: None, lambda: False).say)
        replacement = tmp_path / "replacement.ckpt"  # as a download does it: the file in use is not written into
        replacement.write_bytes((tiny / "model.ckpt").read_bytes())
        replacement.replace(folder / "model.ckpt")
    assert says == ["failed", "done"]


def test_no_surface(tiny: Path, picture: Path, tmp_path: Path) -> None:
    folder = changed(tiny, tmp_path / "weights", lambda tensors: tensors["decoder.layers.6.bias"].fill_(-30))
    ending, _ = do(folder, picture, tmp_path / "out")
    assert ending.fault.code == "empty_result"
    assert ending.fault.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cond_image_size: [", "ParserError"),
        ("just words", "TypeError"),
        ("cond_image_size: 512", "'backbone'"),
        (PUBLISHED_CONFIG.replace("silu", "relu"), "decoder.activation is 'relu'"),
        (PUBLISHED_CONFIG.replace("${tokenizer.num_channels}", "512"), "backbone.in_channels is 512"),
        (PUBLISHED_CONFIG.replace("dino-vitb16", "dinov2-base"), "not a known encoder"),
        ("!!python/object/apply:os.system ['true']", "ConstructorError"),
    ],
)
def test_a_config_of_something_else(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    fault = refused(tmp_path)
    assert fault.code == "weights_damaged"
    assert said in fault.detail


# ---------------------------------------------------------------------------------------------------- published layout


def test_the_published_config_gives_the_published_layout() -> None:
    config = TripoSRConfig.from_published(yaml.safe_load(PUBLISHED_CONFIG))
    assert config == TripoSRConfig()
    with torch.device("meta"):
        layout = {key: shape for _, key, shape in published_shapes(Network(config))}
    assert len(layout) == 549
    assert sum(math.prod(shape) for shape in layout.values()) == 419_275_628
    assert layout["tokenizer.embeddings"] == (3, 1024, 32, 32)
    assert layout["image_tokenizer.model.encoder.layer.11.attention.attention.query.weight"] == (768, 768)
    assert layout["backbone.transformer_blocks.15.attn2.to_k.weight"] == (1024, 768)
    assert layout["backbone.transformer_blocks.0.ff.net.0.proj.weight"] == (8192, 1024)
    assert layout["post_processor.upsample.weight"] == (1024, 40, 2, 2)
    assert layout["decoder.layers.18.weight"] == (4, 64)


# ------------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("pixels", [[], [(3, 4)], [(3, 4), (3, 9)], [(3, 4), (8, 4)]])
def test_no_object_to_frame(pixels: list[tuple[int, int]]) -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    for y, x in pixels:
        rgba[y, x] = 255
    with pytest.raises(Fault) as caught:
        square_cut_out(rgba, 0.85)
    assert caught.value.code == "bad_input"


@pytest.mark.parametrize("shape", [(200, 300), (1400, 2701)])
def test_an_opaque_picture_gets_its_alpha_from_a_plain_background(shape: tuple[int, int]) -> None:
    height, width = shape
    y, x = np.mgrid[:height, :width]
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
    rgba = np.where(disc[..., None], np.uint8([180, 40, 30, 255]), np.uint8([235, 235, 230, 255]))
    found = _with_alpha(rgba, 0.5)
    assert found.shape == rgba.shape
    assert np.array_equal(found[..., :3], rgba[..., :3])
    inside = found[..., 3] > 127
    assert (inside & disc).sum() / (inside | disc).sum() > 0.97


def test_real_alpha_is_taken_as_it_is() -> None:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[16:48, 16:48] = (10, 20, 30, 255)
    rgba[10, 10] = (0, 0, 0, 3)
    assert np.array_equal(_with_alpha(rgba, 0.5), rgba)
