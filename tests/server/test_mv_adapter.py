"""MV-Adapter: its attention against a plain reading of the paper, its keys, its cameras, its noise."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
trimesh = pytest.importorskip("trimesh")

from server.checkpoints import fill  # noqa: E402
from server.diffusion import tiny  # noqa: E402
from server.geometry.raster import render_maps  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402
from server.nets.mv_adapter import MVAdapter, geometry, shifted_betas, six_views  # noqa: E402


@pytest.fixture(scope="module")
def unet():
    return tiny.sdxl_pipeline(0).unet.requires_grad_(False)


@pytest.fixture(scope="module")
def adapter(unet) -> MVAdapter:
    torch.manual_seed(1)
    return MVAdapter(unet, reference=True).requires_grad_(False).eval()


def line_by_line(layer, attn, tokens: torch.Tensor) -> torch.Tensor:
    """The published rule, one line, head and view at a time. tokens (6, n, width) -> what is added to the layer."""
    side, heads = round(tokens.shape[1] ** 0.5), attn.heads
    q, k, v = (layer.mv.project(name, tokens).view(6, side, side, heads, -1) for name in "qkv")
    mirrored = [torch.cat([x[:1].flip(2), x[1:]]) for x in (q, k, v)]
    rows, columns = torch.zeros_like(q), torch.zeros_like(q)
    width = q.shape[-1] ** 0.5
    for line in range(side):
        for head in range(heads):
            keys = torch.cat([k[view, line, :, head] for view in (0, 1, 2, 3)])
            values = torch.cat([v[view, line, :, head] for view in (0, 1, 2, 3)])
            for view in (0, 1, 2, 3):
                rows[view, line, :, head] = torch.softmax(q[view, line, :, head] @ keys.T / width, -1) @ values
            keys = torch.cat([mirrored[1][view, :, line, head] for view in (0, 2, 4, 5)])
            values = torch.cat([mirrored[2][view, :, line, head] for view in (0, 2, 4, 5)])
            for view in (0, 2, 4, 5):
                seen = torch.softmax(mirrored[0][view, :, line, head] @ keys.T / width, -1) @ values
                columns[view, :, side - 1 - line if view == 0 else line, head] = seen
    both = [(rows[0] + columns[0]) / 2, rows[1], (rows[2] + columns[2]) / 2, rows[3], columns[4], columns[5]]
    return layer.mv.out(torch.stack(both).reshape(6, side * side, -1))


def test_attention_across_views_is_the_published_one(unet, adapter: MVAdapter) -> None:
    name, layer = next(iter(adapter.layers.items()))
    attn = unet.get_submodule(name.removesuffix(".processor"))
    tokens = torch.randn(6, 25, attn.to_q.in_features, generator=torch.Generator().manual_seed(2))
    plain = attn(tokens)
    with adapter.worn_by(unet):
        found = attn(tokens)
        adapter.looking.scale = 0.0
        assert torch.allclose(attn(tokens), plain, atol=1e-6), "with weight 0 it is not there"
        adapter.looking.scale = 1.0
    assert torch.allclose(found, plain + line_by_line(layer, attn, tokens), atol=1e-5)
    assert torch.equal(attn(tokens), plain), "the UNet's own processors are put back"


def test_the_reference_is_read_where_the_prompt_is(unet, adapter: MVAdapter) -> None:
    name, layer = next(iter(adapter.layers.items()))
    attn = unet.get_submodule(name.removesuffix(".processor"))
    chance = torch.Generator().manual_seed(3)
    tokens = torch.randn(12, 16, attn.to_q.in_features, generator=chance)
    picture = torch.randn(1, 16, attn.to_q.in_features, generator=chance)
    with adapter.worn_by(unet):
        without = attn(tokens)
        adapter.looking.kept[name] = picture
        read = attn(tokens)
        adapter.looking.kept[name] = picture + 1
        other = attn(tokens)
    assert torch.equal(read[:6], other[:6]) and (read[6:] - other[6:]).abs().max() > 1e-4
    assert torch.allclose(read[:6], without[:6] + layer.ref.out(torch.zeros_like(tokens[:6])), atol=1e-6)


def wave(shape: tuple[int, ...], k: float) -> torch.Tensor:
    """Numbers that everybody can make again."""
    numbers = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    return torch.sin(numbers * 0.7 * k + k).reshape(shape).float()


PUBLISHED = {  # (picture, token) -> what huanngzh/MV-Adapter at 4277e00 answers (DecoupledMVRowColSelfAttnProcessor2_0)
    (0, 0): [0.40450, -0.04281, -0.81701, -0.61425, 0.41095, 0.21166, -0.40174, 0.19864],
    (0, 5): [0.51666, -0.00205, -0.79785, -0.56814, 0.38757, 0.15841, -0.42441, 0.11295],
    (1, 4): [0.82516, -0.30788, -0.72314, -0.29995, 0.02616, 0.11353, -0.19943, -0.29212],
    (2, 7): [0.73686, 0.00028, -0.82215, -0.43607, 0.31416, 0.02947, -0.38402, -0.03172],
    (4, 2): [0.74509, -0.13494, -0.90836, -0.34640, 0.27261, 0.01360, -0.21231, 0.01942],
    (5, 8): [0.48525, -0.23206, -0.67817, -0.52913, 0.19561, 0.30496, -0.31389, -0.03792],
    (6, 0): [0.79706, -0.28351, -0.96694, -0.19380, 0.26040, -0.00711, -0.08202, 0.01657],
    (9, 3): [0.33718, -0.18541, -0.75985, -0.67359, 0.44831, 0.37472, -0.60949, -0.02994],
    (11, 8): [0.33315, 0.06322, -0.59466, -0.74936, 0.30498, 0.29365, -0.52686, 0.12316],
}


def test_a_layer_answers_with_the_published_numbers() -> None:
    """Both attentions at once, with guidance: numbers that the published source gave for the same weights and input."""
    from server.nets.mv_adapter import Looking, MultiViewAttention

    attn = diffusers.models.attention_processor.Attention(query_dim=8, heads=2, dim_head=4)
    layer = MultiViewAttention(8, "x", Looking(), reference=True)
    own = {key.split(".", 1)[1]: tensor for key, tensor in layer.named_parameters()}  # as the files call them
    named = [*sorted(attn.named_parameters()), *sorted(own.items())]
    with torch.no_grad():
        for k, (_, tensor) in enumerate(named, 1):
            tensor.copy_(wave(tuple(tensor.shape), k) / 2)
        layer.looking.kept["x"] = wave((1, 9, 8), 1.9)
        found = layer(attn, wave((12, 9, 8), 3.3))
    for place, numbers in PUBLISHED.items():
        assert torch.allclose(found[place], torch.tensor(numbers), atol=2e-5), place


def test_published_keys(unet, adapter: MVAdapter) -> None:
    keys = {key: shape for _, key, shape in adapter.published()}
    layers = [name for name in unet.attn_processors if name.endswith("attn1.processor")]
    wanted = {
        f"{layer}.to_{part}"
        for layer in layers
        for kind in ("mv", "ref")
        for part in (
            f"q_{kind}.weight",
            f"k_{kind}.weight",
            f"v_{kind}.weight",
            f"out_{kind}.0.weight",
            f"out_{kind}.0.bias",
        )
    }
    encoder = set(adapter.encoder.state_dict())
    assert set(keys) == wanted | encoder
    assert "adapter.conv_in.weight" in encoder and keys["adapter.conv_in.weight"][1] == 6 * 16 * 16
    made = MVAdapter(unet, reference=True)
    tensors = {key: torch.randn(shape) for key, shape in keys.items()}
    fill(made, tensors, made.published(), "cpu", __import__("pathlib").Path("x.safetensors"))
    assert all(torch.equal(made.state_dict()[ours], tensors[key]) for ours, key, _ in made.published())


def test_the_published_size() -> None:
    """81.24 M in the encoder, as the published file has (facts: counted there)."""
    with torch.device("meta"):
        encoder = diffusers.T2IAdapter(
            in_channels=6, channels=[320, 640, 1280, 1280], num_res_blocks=2, downscale_factor=16,
            adapter_type="full_adapter_xl",
        )  # fmt: skip
    assert round(sum(p.numel() for p in encoder.parameters()) / 1e4) == 8124


def test_views_and_their_geometry() -> None:
    """An L-shaped thing of known places: what each view shows, and which way is up."""
    box = trimesh.creation.box((1.0, 0.5, 2.0))
    knob = trimesh.creation.box((0.2, 0.2, 0.2))
    knob.apply_translation((0.4, -0.35, 0.9))  # at the front (-Y), on the object's left (+X), high
    made = trimesh.util.concatenate([box, knob])
    points = np.asarray(made.vertices, np.float32) + (10, 20, 30)
    cameras = six_views(points, 110)
    flat = np.repeat(np.asarray(made.face_normals, np.float32)[:, None], 3, axis=1)
    maps = render_maps(Triangles(points, np.asarray(made.faces, np.int32), corner_normals=flat), cameras)
    assert [camera.name for camera in cameras] == ["front", "left", "back", "right", "top", "bottom"]
    found = geometry(maps, points)
    assert found.shape == (6, 6, 110, 110)
    front = maps[0].mask
    assert front.any(1).sum() in range(99, 102), "the longest side, 2 m of height, is 1 / 1.1 of the view"
    places = found[0, :3, front]
    assert places[2].max() - places[2].min() > 0.97, "the longest side is 1"
    assert torch.allclose(torch.stack([places[0].min(), places[0].max()]), torch.tensor([0.25, 0.75]), atol=0.02)
    normals = found[:, 3:]
    at = lambda view, colour: torch.isclose(normals[view].permute(1, 2, 0), torch.tensor(colour), atol=1e-3).all(-1)  # noqa: E731
    assert at(0, (0.5, 0.0, 0.5)).sum() > 4000, "the front looks along -Y"
    assert at(1, (1.0, 0.5, 0.5)).sum() > 2000 and at(3, (0.0, 0.5, 0.5)).sum() > 2000
    high = found[4, 1][maps[4].mask]  # y of what the top view sees
    rows = maps[4].mask.nonzero()[:, 0]
    assert high[rows == rows.min()].mean() < high[rows == rows.max()].mean(), "the front is at the top of the top view"
    right = found[4, 0]
    columns = maps[4].mask.nonzero()
    assert right[tuple(columns[columns[:, 1] == columns[:, 1].min()].T)].mean() > 0.7, "+X is at its left"
    rows = maps[5].mask.nonzero()[:, 0]
    low = found[5, 1][maps[5].mask]
    assert low[rows == rows.min()].mean() > low[rows == rows.max()].mean(), "the back is at the top of the bottom view"


def test_shifted_noise_keeps_its_clean_end() -> None:
    scheduler = diffusers.DDPMScheduler(**tiny._noise())
    shifted = diffusers.DDPMScheduler.from_config(
        scheduler.config, trained_betas=shifted_betas(scheduler.alphas_cumprod)
    )
    ratio = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    moved = shifted.alphas_cumprod / (1 - shifted.alphas_cumprod)
    assert float(ratio[0] / moved[0]) == pytest.approx(1, rel=1e-2)
    assert float(ratio[-1] / moved[-1]) == pytest.approx(8, rel=1e-2)
    assert float(ratio[500] / moved[500]) == pytest.approx(8 ** (500 / 999), rel=1e-2)
