"""TripoSR against numbers that the published implementation made (tests/parity/triposr), array by array."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from server.geometry.foreground import over_grey, square_cut_out  # noqa: E402
from server.nets.triposr import TripoSR, TripoSRConfig, orbit_rays, published_shapes, resize  # noqa: E402

PARITY = Path(__file__).parents[1] / "parity"
FOLDER = PARITY / "triposr"
FIXTURE = json.loads((FOLDER / "fixture.json").read_text())
INPUTS = np.load(FOLDER / "inputs.npz")
OUTPUTS = np.load(FOLDER / "outputs.npz")


def parity_weights():
    spec = importlib.util.spec_from_file_location("parity_weights", PARITY / "parity_weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def network() -> TripoSR:
    network = TripoSR(TripoSRConfig.from_published(FIXTURE["config"]))
    published = parity_weights().state_dict(json.loads((FOLDER / "keys.json").read_text()), FIXTURE["seed"])
    assert {key: list(array.shape) for key, array in published.items()} == {
        key: list(shape) for _, key, shape in published_shapes(network)
    }
    for key, values in FIXTURE["weight_probe"]["first_values"].items():
        assert published[key].ravel()[:3].tolist() == values
    network.load_state_dict({name: torch.from_numpy(published[key]) for name, key, _ in published_shapes(network)})
    return network.eval()


@pytest.fixture(scope="module")
def found(network: TripoSR) -> dict[str, np.ndarray]:
    """Every array of outputs.npz as our code makes it."""
    arrays: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        image = torch.from_numpy(INPUTS["image"].astype(np.float32) / 255).permute(2, 0, 1)[None]
        size = network.config.cond_image_size
        encoder = network.image_tokenizer["model"]
        arrays["cond_image_tensor"] = resize(image, size)[:, :, ::4, ::4]
        arrays["pos_embed"] = encoder.embeddings.positions(size // 16)
        arrays["pos_embed_512"] = encoder.embeddings.positions(32)
        arrays["vit_tokens"] = encoder(resize(image, size))
        arrays["scene_codes"] = network(resize(image, size))
        planes = arrays["scene_codes"][0]
        density, arrays["color"] = network.query(planes, torch.from_numpy(INPUTS["points"]))
        arrays["density"] = density[:, None]
        side = torch.linspace(-network.config.radius, network.config.radius, 12)
        grid = torch.cartesian_prod(side, side, side)
        arrays["density_grid"] = network.query(planes, grid)[0].view(12, 12, 12)
        arrays["render_rgb"] = torch.stack(
            [network.render(planes, *orbit_rays(azimuth, 12, 12)).view(12, 12, 3) for azimuth in (0, 90, 180, 270)]
        )
    return {name: array.numpy() for name, array in arrays.items()} | preprocessed()


def preprocessed() -> dict[str, np.ndarray]:
    cut_out = square_cut_out(INPUTS["rgba"], FIXTURE["config"]["fixture"]["foreground_ratio"])
    rgb = over_grey(cut_out)
    tensor = resize(torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1)[None], 512)[0]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = (tensor - mean[:, None, None]) / std[:, None, None]
    return {
        "pre_foreground_rgba": cut_out,
        "pre_composite_rgb": rgb,
        "pre_512_mean": tensor.mean((1, 2)).numpy(),
        "pre_512_std": tensor.std((1, 2), unbiased=False).numpy(),
        "pre_512_norm_mean": normal.mean((1, 2)).numpy(),
        "pre_512_norm_std": normal.std((1, 2), unbiased=False).numpy(),
        "pre_512_pool32": torch.nn.functional.avg_pool2d(tensor[None], 16)[0].numpy(),
        "pre_512_rows": tensor[:, [0, 100, 255, 256, 411, 511]].numpy(),
    }


@pytest.mark.parametrize("name", FIXTURE["outputs"])
def test_equals_the_reference(name: str, found: dict[str, np.ndarray]) -> None:
    ours, theirs, record = found[name], OUTPUTS[name], FIXTURE["outputs"][name]
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    error = np.abs(ours.astype(np.float64) - theirs)
    assert error.max() <= record["atol"], f"largest error {error.max():.2g}, allowed {record['atol']:.2g}"
    if "rms_atol" in record:
        rms = float(np.sqrt((error**2).mean()))
        assert rms <= record["rms_atol"], f"rms error {rms:.2g}, allowed {record['rms_atol']:.2g}"


def test_every_array_of_the_fixture_is_compared(found: dict[str, np.ndarray]) -> None:
    assert set(found) == set(FIXTURE["outputs"]) == set(OUTPUTS.files)
