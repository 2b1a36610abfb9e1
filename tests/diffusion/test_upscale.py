"""`upscale`: by tiles without seams, held by its ControlNet, nothing moved; the published upscalers; refusals."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from PIL import Image  # noqa: E402

from blender_aigc.protocol import Blob, Fault, Job, Result  # noqa: E402
from server.diffusion.tiny import sd15_controlnet, sd15_pipeline, sdxl_controlnet, sdxl_pipeline  # noqa: E402
from server.filters.enlarging import enlarged  # noqa: E402
from server.models.image.upscale import Upscale  # noqa: E402
from server.pipe import Report  # noqa: E402
from server.registry import Registry  # noqa: E402
from server.upscaling import drawn  # noqa: E402
from server.upscaling.engines import engines  # noqa: E402
from server.upscaling.finish import padded, with_colours_of  # noqa: E402
from server.upscaling.tiles import Span, decoded, encoded, in_phase, in_tiles, spans  # noqa: E402
from server.weights import Shelf  # noqa: E402
from server.worker import Runner  # noqa: E402

WIDTH, HEIGHT = 88, 56


@dataclass
class Made:
    picture: np.ndarray
    result: Result
    reports: list[Report]


class Bench:
    """Runs jobs of `upscale` on the weights in `folder`, in this process; they stay loaded."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder, self.out = folder, out
        self.runner = Runner(Registry(shelf=Shelf([folder], hub_cache=out / "none")), "cpu")

    def ending(self, picture: np.ndarray | None = None, cancelled: Callable[[], bool] = lambda: False, **asked: Any):
        given = self.out / f"{uuid.uuid4()}.npy"
        np.save(given, scene() if picture is None else picture)
        out = self.out / str(uuid.uuid4())
        out.mkdir()
        seed, prompt = asked.pop("seed", 1), asked.pop("prompt", "")
        params = {"engine": "sdxl", "steps": 3, "strength": 0.5, "tile_px": 128, **asked}
        blobs = {"image": Blob("0" * 64, ".npy")}
        job = Job(str(uuid.uuid4()), "upscale_image", "upscale", blobs, params, prompt, seed, "made")
        sent: list[Report] = []
        return self.runner.run(job, out, {"image": given}, sent.append, cancelled), sent, out

    def made(self, **asked: Any) -> Made:
        ending, sent, out = self.ending(**asked)
        assert ending.say == "done", ending.fault
        (artefact,) = ending.result.artefacts
        return Made(np.asarray(Image.open(out / artefact.file)), ending.result, sent)

    def picture(self, **asked: Any) -> np.ndarray:
        return self.made(**asked).picture

    def fault(self, **asked: Any) -> Fault:
        ending, _, out = self.ending(**asked)
        assert ending.fault is not None and not list(out.iterdir())
        return ending.fault.fault()


def scene() -> np.ndarray:
    """(HEIGHT, WIDTH, 4): a bright plate on a slope of colours."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    plate = (abs(x - 40) < 20) & (abs(y - 30) < 15)
    rgb = np.stack([np.where(plate, 220, 40 + x), 60 + y, 90 + (x + y) // 2], -1)
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], -1).astype(np.uint8)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("upscalers")
    Upscale.tiny(folder)
    sd15_pipeline().save_pretrained(str(folder / "sd15" / "base"))
    sd15_controlnet().save_pretrained(str(folder / "sd15" / "controlnets" / "tile"))
    return Bench(folder, tmp_path_factory.mktemp("made"))


# ---------------------------------------------------------------------------------------------------------------- tiles


@pytest.mark.parametrize(
    ("length", "side", "overlap"), [(100, 32, 8), (32, 32, 8), (9, 32, 8), (33, 32, 16), (64, 32, 0)]
)
@pytest.mark.parametrize("unit", [1, 8])
def test_tiles_cover_everything_and_add_up_to_one(length: int, side: int, overlap: int, unit: int) -> None:
    total = np.zeros(length * unit)
    found = spans(length, side, overlap, unit)
    for span in found:
        total[span.start : span.stop] += span.weights
        assert span.stop - span.start == min(side, length) * unit == len(span.weights) and span.start % unit == 0
    assert np.allclose(total, 1, atol=1e-6)
    assert all(after.start <= before.stop - overlap * unit for before, after in itertools.pairwise(found))
    if overlap >= 8 and len(found) > 1:
        assert found[1].weights[0] < 0.05 and found[0].weights[-1] < 0.05


@pytest.fixture(scope="session")
def networks() -> Any:
    return sdxl_pipeline(), sdxl_controlnet()


def predicted(networks: Any, sample: Any, rows: Any, columns: Any, control: Any = None) -> np.ndarray:
    pipeline, controlnet = networks
    batch = len(sample)
    added = {"text_embeds": torch.ones(batch, 32), "time_ids": torch.ones(batch, 6)}
    words = torch.ones(batch, 77, 80)
    with (
        torch.no_grad(),
        in_tiles(pipeline.unet, rows, columns, lambda _: None, controlnet if control else None, control),
    ):
        more = {}
        if control is not None:
            down, middle = controlnet(
                sample, 500, encoder_hidden_states=words, controlnet_cond=torch.zeros(batch, 3, 8, 8),
                conditioning_scale=1.0, added_cond_kwargs=added, return_dict=False,
            )  # fmt: skip
            more = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        (made,) = pipeline.unet(sample, 500, words, added_cond_kwargs=added, return_dict=False, **more)
    return made.numpy()


def test_a_single_tile_is_the_network_bit_for_bit(networks: Any) -> None:
    pipeline, _ = networks
    sample = torch.randn(2, 4, 16, 24, generator=torch.Generator().manual_seed(0))
    before = vars(pipeline.unet).get("forward")
    added = {"text_embeds": torch.ones(2, 32), "time_ids": torch.ones(2, 6)}
    with torch.no_grad():
        wanted = pipeline.unet(sample, 500, torch.ones(2, 77, 80), added_cond_kwargs=added).sample.numpy()
    assert np.array_equal(predicted(networks, sample, spans(16, 32, 8), spans(24, 32, 8)), wanted)
    assert vars(pipeline.unet).get("forward") is before


def test_each_tile_gets_its_own_part_of_the_control_picture(networks: Any) -> None:
    """A ControlNet beside a tile sees that tile: changing the picture elsewhere changes nothing here."""
    sample = torch.randn(1, 4, 16, 48, generator=torch.Generator().manual_seed(0))
    rows, columns = spans(16, 16, 4), spans(48, 16, 4)

    def control(dark: slice) -> Callable[[Span, Span], np.ndarray]:
        picture = np.full((128, 384, 3), 200, np.uint8)
        picture[:, dark] = 10
        return lambda row, column: picture[row.start * 8 : row.stop * 8, column.start * 8 : column.stop * 8]

    plain = predicted(networks, sample, rows, columns, control(slice(0, 0)))
    other = predicted(networks, sample, rows, columns, control(slice(300, 384)))
    assert np.array_equal(plain[..., : columns[1].start], other[..., : columns[1].start])
    assert not np.allclose(plain[..., 40:], other[..., 40:])
    assert not np.allclose(plain, predicted(networks, sample, rows, columns))


# ---------------------------------------------------------------------------------------------------------------- seams


def smooth(width: int, height: int) -> np.ndarray:
    """A sky with nothing in it: what seams are seen on."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([60 + 120 * x / width, 90 + 80 * y / height, 150 + 40 * np.sin(x / 30)], -1)
    return np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], -1).astype(np.uint8)


class Levelled(torch.nn.Module):
    """A network that takes the mean of all that it sees away: what norms and attention do, and nothing else."""

    config = {"latents_mean": None, "latents_std": None}

    def forward(self, sample: Any, *_: Any, **__: Any) -> tuple[Any]:
        return (sample - sample.mean(),)


class Settings(dict[str, Any]):
    block_out_channels, scaling_factor = (1, 1, 1, 1), 1.0


class LevelledDecoder(torch.nn.Module):
    """A decoder in the same manner, of eight pixels a latent."""

    config, dtype, device = Settings(), torch.float32, torch.device("cpu")

    def decode(self, latents: Any) -> Any:
        wide = torch.nn.functional.interpolate(latents[:, :3] - latents.mean(), scale_factor=8, mode="bilinear")
        return SimpleNamespace(sample=wide)


def jump(values: np.ndarray, borders: list[int]) -> float:
    """The largest step of (W,) values at the borders, over the largest elsewhere."""
    steps = np.abs(np.diff(values))
    at = np.zeros(len(steps), bool)
    at[[border - 1 for border in borders]] = True
    return float(steps[at].max() / steps[~at].max())


def test_no_seam_is_seen_where_naive_tiles_have_one() -> None:
    """A slope through a network that levels each tile: side by side they are saw teeth, overlapping they are not."""
    network = Levelled()
    slope = torch.linspace(0, 1, 96).expand(1, 4, 16, 96)
    found = {}
    for overlap in (0, 8):
        laid = spans(96, 32, overlap)
        with in_tiles(network, spans(16, 32, 8), laid, lambda _: None):
            (made,) = network(slope)
        borders = [span.start for span in laid[1:]] + [span.stop for span in laid[:-1]]
        found[overlap] = jump(made[0, 0, 0].numpy(), borders)
    assert found[0] > 5, "tiles side by side"
    assert found[8] < 1.05, "ours"


def test_no_seam_of_the_decoder() -> None:
    latents = torch.linspace(-0.5, 0.5, 96).expand(1, 4, 16, 96)
    found = {}
    for overlap in (0, 8):
        laid = spans(96, 32, overlap, 8)
        made = decoded(LevelledDecoder(), latents, 32, overlap, lambda *_: None)
        borders = [span.start for span in laid[1:]] + [span.stop for span in laid[:-1]]
        found[overlap] = jump(made[8, :, 0].astype(float), borders)
    assert found[0] > 5 and found[8] <= 1


def averaged(length: int, side: int, overlap: int) -> tuple[Span, ...]:
    """The same tiles with the weights of MultiDiffusion: the mean where they overlap."""
    laid = in_phase(length, side, overlap)
    count = sum(np.pad(np.ones(span.stop - span.start), (span.start, length - span.stop)) for span in laid)
    return tuple(Span(one.start, one.stop, (1 / count[one.start : one.stop]).astype("float32")) for one in laid)


def test_no_seam_of_the_real_network_which_has_them() -> None:
    """SDXL's layers, small, with weights so large that the border of a tile counts: what tiles change, from one latent
    to the next, across the borders of tiles over that elsewhere; and how much they change at all.
    """
    pipeline = sdxl_pipeline()
    with torch.no_grad():
        for weights in pipeline.unet.parameters():
            if weights.ndim == 4:
                weights.mul_(2.5)
    sample = torch.randn(1, 4, 32, 96, generator=torch.Generator().manual_seed(3))
    networks = pipeline, None
    whole = predicted(networks, sample, spans(32, 32, 0), spans(96, 96, 0))

    def judged(columns: tuple[Span, ...]) -> tuple[float, float]:
        changed = predicted(networks, sample, spans(32, 32, 0), columns) - whole
        steps = np.abs(np.diff(changed, axis=-1)).mean((0, 1, 2))
        at = np.zeros(len(steps), bool)
        at[[*(span.start - 1 for span in columns[1:]), *(span.stop - 1 for span in columns[:-1])]] = True
        return float(steps[at].mean() / steps[~at].mean()), float(np.abs(changed).mean())

    side_by_side, means = judged(spans(96, 32, 0)), judged(averaged(96, 32, 8))
    anywhere, ours = judged(spans(96, 32, 7)), judged(in_phase(96, 32, 8))
    assert side_by_side[0] > 3 and means[0] > 1.8 and ours[0] < 1.25, (side_by_side, means, ours)
    assert ours[1] < 0.8 * means[1] and ours[1] < 0.5 * anywhere[1], "tiles out of phase are another picture"


@pytest.mark.parametrize(("length", "side", "overlap"), [(104, 32, 8), (96, 32, 5), (33, 32, 4), (24, 32, 8)])
def test_tiles_begin_at_whole_places(length: int, side: int, overlap: int) -> None:
    total = np.zeros(length)
    for span in in_phase(length, side, overlap):
        total[span.start : span.stop] += span.weights
        assert length % 8 or span.start % 8 == 0
    assert np.allclose(total, 1, atol=1e-6)


def test_the_autoencoder_in_tiles_is_the_bare_one(bench: Bench) -> None:
    vae = sdxl_pipeline().vae
    picture = smooth(256, 64)[..., :3]
    latents = encoded(vae, picture, 64, 16, lambda *_: None)
    whole = decoded(vae, latents, 64, 16, lambda *_: None)
    with torch.no_grad():
        given = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        wanted = vae.encode(given).latent_dist.mode() * vae.config.scaling_factor
        bare = vae.decode(latents / vae.config.scaling_factor).sample[0].permute(1, 2, 0)
    assert torch.allclose(latents, wanted, atol=1e-4)
    assert np.abs(whole - ((bare / 2 + 0.5).clamp(0, 1) * 255).round().numpy()).max() <= 1


# ------------------------------------------------------------------------------------------------------------ the model


@pytest.mark.parametrize("engine", ["sdxl", "sd15", "x4", "x2"])
@pytest.mark.parametrize("scale", ["2", "4"])
def test_every_engine_at_every_scale(bench: Bench, engine: str, scale: str) -> None:
    made = bench.made(engine=engine, scale=scale, tile_px=0 if scale == "4" else 128)
    assert made.picture.shape == (HEIGHT * int(scale), WIDTH * int(scale), 4)
    assert (made.picture[..., 3] == 255).all() and made.picture[..., :3].std() > 1
    assert made.result.provenance.weights_sha256 and made.result.provenance.params["engine"] == engine
    phases = {report.phase for report in made.reports}
    assert phases >= {"Enlarging", "Decoding"}
    drawn_in = [phase for phase in phases if phase.startswith("Denoising")]
    assert len(drawn_in) == (2 if (engine, scale) == ("x2", "4") else 1)  # it doubles twice
    for phase in drawn_in:
        steps = [report.step for report in made.reports if report.phase == phase]
        assert steps == sorted(steps)


def test_the_tile_controlnet_matters(bench: Bench) -> None:
    plain = bench.picture(control=0.0)
    held = bench.picture(control=1.0)
    assert not np.array_equal(plain, held)
    assert not np.array_equal(held, bench.picture(control=0.5))
    assert not np.array_equal(held, bench.picture(control=1.0, picture=255 - scene() | np.uint8([0, 0, 0, 255])))


def test_a_union_will_do_for_a_tile_controlnet(bench: Bench, tmp_path: Path) -> None:
    sdxl_pipeline().save_pretrained(str(tmp_path / "sdxl" / "base"))
    other = Bench(tmp_path, bench.out)
    plain = other.made()
    assert "no tile ControlNet" in str(plain.result.report["notes"])
    sdxl_controlnet(9, union=True).save_pretrained(str(tmp_path / "sdxl" / "controlnets" / "union"))
    held = other.made()
    assert held.result.report["notes"] == "" and not np.array_equal(held.picture, plain.picture)


def test_what_is_asked_for_matters(bench: Bench) -> None:
    first = bench.picture()
    assert np.array_equal(first, bench.picture())
    for asked in (
        {"seed": 2},
        {"prompt": "moss"},
        {"strength": 0.9},
        {"guidance": 9.0, "prompt": "moss"},
        {"steps": 6},
    ):
        assert not np.array_equal(first, bench.picture(**asked)), asked


def test_nothing_new_is_the_enlarged_picture(bench: Bench) -> None:
    assert np.array_equal(bench.picture(strength=0.0), enlarged(scene(), 2))


def test_transparency_and_odd_sizes(bench: Bench) -> None:
    picture = scene()[:37, :51].copy()
    picture[:, 30:, 3] = 0
    picture[:20, :10, 3] = 120
    made, plain = bench.picture(picture=picture), enlarged(picture, 2)
    assert made.shape == (74, 102, 4) and np.array_equal(made[..., 3], plain[..., 3])
    hidden = plain[..., 3] == 0
    assert hidden.any() and np.array_equal(made[hidden], plain[hidden])


def test_nothing_moves(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """With an autoencoder that changes nothing and no noise, the picture comes out where it went in."""

    def area(_vae: Any, picture: np.ndarray, *_: Any) -> Any:
        small = picture.reshape(picture.shape[0] // 8, 8, picture.shape[1] // 8, 8, 3).mean((1, 3))
        grey = torch.from_numpy(small / 127.5 - 1).float().permute(2, 0, 1)
        return torch.cat([grey, grey[:1]])[None]

    def bilinear(_vae: Any, latents: Any, *_: Any) -> np.ndarray:
        wide = torch.nn.functional.interpolate(latents[:, :3], scale_factor=8, mode="bilinear")
        return ((wide[0].permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).round().byte().numpy()

    monkeypatch.setattr(drawn, "encoded", area)
    monkeypatch.setattr(drawn, "decoded", bilinear)
    monkeypatch.setattr(drawn, "_denoised", lambda _work, call, *_: call["image"])
    y, x = np.mgrid[:90, :110] + 0.5
    dot = np.rint(255 * np.exp(-(((x - 45.3) / 14) ** 2) - ((y - 38.6) / 14) ** 2))
    picture = np.repeat(dot[..., None], 4, 2).astype(np.uint8)
    picture[..., 3] = 255
    made = bench.picture(picture=picture, keep_colours=False)[..., 0].astype(float)
    y, x = np.mgrid[:180, :220] + 0.5
    assert abs((made * x).sum() / made.sum() - 2 * 45.3) < 0.1
    assert abs((made * y).sum() / made.sum() - 2 * 38.6) < 0.1


def test_colours_at_large_stay() -> None:
    rng = np.random.default_rng(0)
    base = smooth(256, 192)[..., :3]
    detail = rng.integers(-30, 31, base.shape)
    made = np.clip(base * 0.8 + 30 + detail, 0, 255).astype(np.uint8)
    kept = with_colours_of(made.copy(), base, 16)

    def large(picture: np.ndarray) -> np.ndarray:
        return picture.reshape(6, 32, 8, 32, 3).astype(float).mean((1, 3))

    assert np.abs(large(kept) - large(base)).mean() < 0.2 * np.abs(large(made) - large(base)).mean()
    assert np.abs(kept - large(kept).repeat(32, 0).repeat(32, 1)).std() > 8
    assert padded(base, 64, 64).shape == (192, 256, 3) and padded(base[:5, :9], 8, 64).shape == (64, 64, 3)


# ------------------------------------------------------------------------------------------------------------- refusals


def test_which_engine_is_taken(bench: Bench, tmp_path: Path) -> None:
    assert list(engines(bench.folder)) == ["sdxl", "sd15", "x4", "x2"]
    sdxl_pipeline().save_pretrained(str(tmp_path / "sdxl" / "base"))
    assert list(engines(tmp_path)) == ["sdxl"] and list(engines(bench.folder / "upscale" / "x2")) == ["x2"]
    fault = Bench(tmp_path, bench.out).fault(engine="x4")
    assert fault.code == "weights_missing" and "SDXL" in fault.hint


def test_too_large_and_too_small(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.fault(picture=scene()[:1, :1]).code == "bad_input"
    monkeypatch.setattr("server.filters.enlarging.LARGEST_RESULT_PX", 200 * 200)
    assert "Scale to 2" in bench.fault(scale="4").hint


def test_cancelled_within_a_tile(bench: Bench) -> None:
    """Not only between steps: a step of many tiles is long."""
    sent: list[Report] = []
    ending, sent, out = bench.ending(
        picture=smooth(160, 64), cancelled=lambda: len(calls) > 12 or bool(calls.append(1)), steps=50, strength=1.0
    )
    assert ending.say == "cancelled" and not list(out.iterdir())
    assert bench.made().result.artefacts  # and the networks are as before


calls: list[int] = []


def test_out_of_memory_offers_less(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(drawn, "encoded", full)
    fault = bench.fault(tile_px=1024)
    assert fault.code == "out_of_memory" and "Set Tile to 512" in fault.hint
