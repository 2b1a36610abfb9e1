"""Marigold's answers reach the maps they are for, by the views' own weights; whatever is missing is said."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest
from conftest import Bench
from drawn import MADE_BY
from PIL import Image
from test_texture_engines import made, mesh, views

from blender_aigc.protocol import Blob, Fault, Job
from server.context import Context
from server.diffusion.families import SDXL
from server.diffusion.library import Library
from server.diffusion.marigold import KINDS, channels_of, find
from server.diffusion.studio import Studio
from server.diffusion.tiny_marigold import NAMES, write_marigold
from server.geometry.raster import Scene, render_maps
from server.geometry.texels import Sheet
from server.texturing import estimates
from server.texturing.estimates import Estimates, read_views
from server.texturing.exposures import exposures
from server.texturing.from_views import deliver_views
from server.texturing.rigs import rig
from server.texturing.subject import Subject, subject_of

assert mesh  # the fixture
SIDE = {"front": 0, "back": 1, "left": 2, "right": 3, "top": 4, "bottom": 5}


@pytest.fixture(scope="module")
def marigold(weights: Path) -> Path:
    write_marigold(weights / "marigold")
    return weights / "marigold"


class Room:
    """A job whose views are given by hand: the mesh from six sides, all grey."""

    def __init__(self, bench: Bench, mesh: Path, **options) -> None:
        usual = {"view_px": "64", "texture_px": "256", "cameras": "axes", "delight": 0.0, "estimates": 1, "relief": 0.0}
        params = bench.runner.registry.models["sdxl_sync"].info.check_params(usual | options)
        self.job = Job(
            str(uuid.uuid4()), "texture_mesh", "sdxl_sync", {"mesh": Blob("0" * 64, ".obj")}, params, "x", 1, "statue"
        )
        self.folder = bench.folder / self.job.id
        self.folder.mkdir()
        self.context = Context(
            self.job, self.folder, "cpu", {"mesh": mesh}, MADE_BY, lambda _: None, lambda: self.cancelled
        )
        self.cancelled = False
        self.subject: Subject = subject_of(self.job, self.context)
        self.cameras = rig("axes", self.subject, 64)
        self.views = [np.full((64, 64, 3), 128, np.uint8) for _ in self.cameras]
        self.studio = Studio(SDXL, Library(bench.weights / "sdxl"), "cpu")

    def read(self) -> Estimates | None:
        return read_views(self.job, self.context, self.studio, self.subject, self.cameras, self.views)

    def maps(self, found: Estimates | None) -> dict[str, np.ndarray]:
        deliver_views(self.job, self.context, self.subject, self.cameras, self.views, "cpu", found)
        return {
            path.stem.partition("_")[2]: np.asarray(Image.open(path)) for path in self.folder.glob("statue_[A-Z]*.png")
        }

    @property
    def sheet(self) -> Sheet:
        return Sheet(self.subject.mesh, self.subject.sets[0], 256)


def test_roughness_and_metal_lie_in_their_channels_where_their_view_looked(bench: Bench, mesh: Path) -> None:
    room = Room(bench, mesh)
    level = {"front": 60, "left": 250, "back": 200, "right": 20, "top": 150, "bottom": 90}
    material = [np.full((64, 64, 3), (level[c.name], 255 - level[c.name], 99), np.uint8) for c in room.cameras]
    orm = room.maps(Estimates(material=material))["ORM"]
    plain = Room(bench, mesh, roughness=0.6, metallic=0.8).maps(None)["ORM"]
    sheet = room.sheet
    index = np.flatnonzero(sheet.covered.reshape(-1))
    normal = sheet.texels(index).normal
    rough, metal = (orm.reshape(-1, 3)[index, channel].astype(int) for channel in (1, 2))
    assert (abs(rough[normal[:, 0] > 0.95] - 250) <= 2).mean() > 0.98, "left is +X"
    assert (abs(rough[normal[:, 0] < -0.95] - 20) <= 2).mean() > 0.98
    assert np.abs(rough + metal - 255).max() <= 2, "blended as numbers: no gamma, no gains"
    (exposed,) = exposures(room.subject.mesh, room.subject.sets, 256, lambda: None)
    sky = exposed.at(index, 256)[1] * 255
    assert np.array_equal(orm[..., 0], plain[..., 0]), "occlusion is that of the shape"
    assert np.abs(orm.reshape(-1, 3)[index, 0] - sky).mean() < 3 and np.ptp(sky) > 20
    assert (plain[..., 1] == round(0.6 * 255)).all() and (plain[..., 2] == round(0.8 * 255)).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_remove_light_goes_from_the_colours_to_the_estimate(bench: Bench, mesh: Path, share: float) -> None:
    room = Room(bench, mesh, delight=share)
    albedo = [np.full((64, 64, 3), (200, 60, 20), np.uint8) for _ in room.views]
    colour = room.maps(Estimates(albedo=albedo))["BaseColor"][room.sheet.covered]
    level = np.arange(256) / 255
    table = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = table[colour].mean(axis=0)
    assert np.allclose(light, (1 - share) * table[[128] * 3] + share * table[[200, 60, 20]], atol=0.006)


def test_bumps_tilt_the_normal_map_the_way_they_point_in_the_world(bench: Bench, mesh: Path) -> None:
    room = Room(bench, mesh)
    flat = room.maps(Estimates(bend=[np.full((64, 64, 3), 128, np.uint8) for _ in room.views]))["Normal"]
    assert (np.abs(flat[room.sheet.covered].astype(int) - (128, 128, 255)) <= 1).all()
    room = Room(bench, mesh)
    up = np.uint8(np.rint(127.5 + 127.5 * np.array([0, 0, 0.5])))
    normal = room.maps(Estimates(bend=[np.full((64, 64, 3), up, np.uint8) for _ in room.views]))["Normal"]
    sheet = room.sheet
    index = np.flatnonzero(sheet.covered.reshape(-1))
    texels = sheet.texels(index)
    right, upwards = (axis / np.linalg.norm(axis, axis=1, keepdims=True) for axis in sheet.axes(texels.face))
    told = normal.reshape(-1, 3)[index].astype(np.float32) / 127.5 - 1
    world = right * told[:, :1] + upwards * told[:, 1:2] + texels.normal * told[:, 2:]
    sides = np.abs(texels.normal[:, 2]) < 0.05
    assert abs(float(np.median(world[sides, 2])) - 0.5 / 1.25**0.5) < 0.03
    assert abs(float(np.median((world * texels.normal).sum(1)[sides])) - 1 / 1.25**0.5) < 0.03


def test_of_predicted_normals_only_the_detail_counts(bench: Bench, mesh: Path) -> None:
    room = Room(bench, mesh)
    seen = render_maps(Scene(room.subject.triangles), room.cameras)[SIDE["front"]]
    own = seen.normal_camera.numpy()
    assert np.abs(estimates._bend(own, seen).astype(int) - 128).max() <= 1, "the object's own normals change nothing"
    wide = own + np.float32([0.2, 0, 0])
    inner = seen.mask.numpy() & (own[..., 2] > 0.8)
    stripes = own + np.float32([0.6, 0, 0]) * (np.arange(64) % 2).astype(np.float32)[None, :, None]
    mild, strong = (np.abs(estimates._bend(n, seen).astype(int) - 128)[inner].mean() for n in (wide, stripes))
    assert strong > 4 * mild
    bend = estimates._bend(stripes, seen).astype(int)[inner] - 128
    assert np.abs(bend[:, 0]).mean() > 3 * np.abs(bend[:, 2]).mean(), "right in the front view is +X of the world"
    rows = own + np.float32([0, 0.6, 0]) * (np.arange(64) % 2).astype(np.float32)[:, None, None]
    bend = estimates._bend(rows, seen).astype(int) - 128
    odd, even = (bend[first::2][inner[first::2]][:, 2].mean() for first in (1, 0))
    assert odd > even + 20, "up in the front view is +Z"


@pytest.fixture(scope="module")
def numbers(bench: Bench, mesh: Path, marigold: Path):
    return made(bench, mesh, controls="", delight=1.0)


def test_a_random_marigold_makes_all_maps_and_looks_at_the_pictures(bench, mesh: Path, marigold: Path, numbers) -> None:
    ask = {"controls": "", "delight": 1.0, "maps": "marigold", "bumps": "marigold", "estimates": 1}
    read, result = made(bench, mesh, **ask)
    plain, before = numbers
    assert all(np.array_equal(view, views(plain)[name]) for name, view in views(read).items()), "the views are the same"
    orm, old = read["statue_ORM.png"], plain["statue_ORM.png"]
    assert np.array_equal(orm[..., 0], old[..., 0])
    assert min(np.ptp(orm[..., 1]), np.ptp(orm[..., 2])) > 3 and np.ptp(old[..., 1]) == 0
    for name in ("BaseColor", "Normal"):
        assert np.abs(read[f"statue_{name}.png"].astype(int) - plain[f"statue_{name}.png"]).max() > 3
    assert result.provenance.weights_sha256 != before.provenance.weights_sha256, "its files are told"
    other, _ = made(bench, mesh, **ask, prompt="a rusty robot")
    assert not np.array_equal(other["statue_ORM.png"], orm), "it reads the pictures"


def test_lighting_gives_base_colour_alone(bench: Bench, mesh: Path, marigold: Path) -> None:
    found = Room(bench, mesh, maps="lighting").read()
    assert found is not None and found.material is None and found.bend is None
    assert found.albedo is not None and found.albedo[0].shape == (64, 64, 3) and np.ptp(found.albedo[0]) > 10


@pytest.mark.parametrize(("maps", "linear", "byte"), [("marigold", False, 51), ("lighting", True, 124)])
def test_base_colour_is_srgb_whatever_the_network_answers_in(
    bench: Bench, mesh: Path, marigold: Path, monkeypatch, maps: str, linear: bool, byte: int
) -> None:
    """Appearance answers in sRGB, Lighting in linear light, as their model_index.json say; 0.2 is meant here."""
    plain = estimates._answers
    told: list[bool] = []

    def level(*given):  # noqa: ANN002, ANN202
        answers, reader = plain(*given)
        told.append(reader["albedo"][2])
        return [np.full_like(answer, 0.2) for answer in answers], reader

    monkeypatch.setattr(estimates, "_answers", level)
    found = Room(bench, mesh, maps=maps).read()
    assert told == [linear] and found is not None and found.albedo is not None
    assert all((picture == byte).all() for picture in found.albedo)


def test_each_view_is_read_before_grey_as_often_as_was_asked(bench: Bench, mesh: Path, marigold: Path, monkeypatch):
    """Mid grey is what Marigold's rooms have in the place of nothing."""
    from diffusers import UNet2DConditionModel

    rows: list[int] = []
    shown: list = []
    plain, read = UNet2DConditionModel.forward, estimates._answers

    def noted(self, sample, *given, **options):  # noqa: ANN001, ANN202
        rows[-1] += len(sample)
        return plain(self, sample, *given, **options)

    def reading(*given):  # noqa: ANN002, ANN202
        shown.append(given[-1])
        return read(*given)

    monkeypatch.setattr(UNet2DConditionModel, "forward", noted)
    monkeypatch.setattr(estimates, "_answers", reading)
    for times in (3, 1):
        room = Room(bench, mesh, maps="lighting", estimates=times)
        room.views = [np.full((64, 64, 3), 30, np.uint8) for _ in room.cameras]
        rows.append(0)
        assert room.read() is not None
    assert rows[0] == 3 * rows[1] > 0
    for picture, seen in zip(shown[0], render_maps(Scene(room.subject.triangles), room.cameras), strict=True):
        mask = seen.mask.numpy()
        assert (picture[mask] == 30).all() and (picture[~mask] == 128).all()


def test_without_an_estimate_light_is_divided_by_what_the_normals_explain(bench: Bench, mesh: Path) -> None:
    """Views of a grey thing lit from above: its upper and lower sides become alike, as far as was asked."""
    ratio = []
    for share in (0.0, 1.0):
        room = Room(bench, mesh, delight=share)
        seen = render_maps(Scene(room.subject.triangles), room.cameras)
        room.views = [
            (130 + 70 * maps.normal.numpy()[..., 2:]).clip(0, 255).astype(np.uint8).repeat(3, 2) for maps in seen
        ]
        colour = room.maps(None)["BaseColor"].reshape(-1, 3)
        index = np.flatnonzero(room.sheet.covered.reshape(-1))
        up = room.sheet.texels(index).normal[:, 2]
        ratio.append(np.median(colour[index[up > 0.8]]) / np.median(colour[index[up < -0.8]]))
    assert ratio[1] < 1.7 < 2.5 < ratio[0], ratio


def test_the_views_own_alpha_is_kept(bench: Bench, mesh: Path, marigold: Path) -> None:
    room = Room(bench, mesh, maps="marigold")
    room.views = [np.dstack([view, np.full((64, 64), number, np.uint8)]) for number, view in enumerate(room.views)]
    found = room.read()
    assert found is not None and found.material is not None
    assert [int(picture[0, 0, 3]) for picture in found.material] == [0, 1, 2, 3, 4, 5]


def test_what_is_published_is_understood(marigold: Path) -> None:
    """The places of the answers come from model_index.json, not from a habit."""
    import torch

    from server.diffusion.loading import load_checkpoint

    found = load_checkpoint(marigold / NAMES["appearance"], KINDS["appearance"], torch.float32)
    places = channels_of(found, ["albedo", "roughness", "metallicity"])
    assert places["albedo"] == (0, None, False)
    assert places["roughness"] == (1, 0, True) and places["metallicity"] == (1, 1, True)
    lit = load_checkpoint(marigold / NAMES["lighting"], KINDS["lighting"], torch.float32)
    assert channels_of(lit, ["albedo"])["albedo"] == (0, None, True)
    answer = np.zeros((2, 8, 8, 3), np.float32) + np.float32([0.2, 0.7, 0.5])
    assert (estimates._material(answer, places) == (51, 178, 0)).all(), "roughness to the left of metal"
    with pytest.raises(Fault, match="tells nothing of roughness"):
        channels_of(lit, ["roughness"])


def test_without_its_folder_the_way_out_is_said(bench: Bench, mesh: Path, marigold: Path, tmp_path: Path) -> None:
    assert find("normals", marigold.parent / "sdxl").name == NAMES["normals"]
    room = Room(bench, mesh, maps="marigold")
    room.studio.library = Library(tmp_path / "elsewhere" / "sdxl")
    with pytest.raises(Fault, match="not on this machine") as told:
        room.read()
    assert told.value.code == "weights_missing" and "marigold-iid-appearance-v1-1" in told.value.hint
    broken = marigold / NAMES["appearance"] / "unet" / "diffusion_pytorch_model.safetensors"
    kept = broken.read_bytes()
    try:
        broken.write_bytes(kept[: len(kept) // 2])
        with pytest.raises(Fault) as told:
            Room(bench, mesh, maps="marigold").read()
    finally:
        broken.write_bytes(kept)
    assert told.value.code == "weights_damaged"


def test_cancelling_is_heard_while_views_are_read(bench: Bench, mesh: Path, marigold: Path) -> None:
    from server.context import Cancelled

    room = Room(bench, mesh, maps="marigold")
    seen: list[str] = []

    def noted(report) -> None:
        seen.append(report.phase)
        room.cancelled = report.phase.startswith("Reading the app")

    room.context._send = noted
    with pytest.raises(Cancelled):
        room.read()
    assert sum(phase.startswith("Reading the app") for phase in seen) == 1


# ---------------------------------------------------------------------------------------- a picture that is given


def test_a_given_picture_is_read_too(bench: Bench, mesh: Path, marigold: Path, tmp_path: Path) -> None:
    """single_view needs no weights, unless its roughness, metal or bumps are to come out of the picture."""
    front = rig("axes", subject_for(bench, mesh), 64)[0]
    (tmp_path / "cameras.json").write_text(json.dumps({"active": front.meta()}))
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "picture.png")
    given = {"mesh": mesh, "cameras": tmp_path / "cameras.json", "picture": tmp_path / "picture.png"}

    def textured(of: Bench, **options: object) -> dict[str, np.ndarray]:
        ending, _, out = of.ending("single_view", "texture_mesh", given, "", texture_px="256", estimates=1, **options)
        if ending.fault is not None:
            raise ending.fault.fault()
        return {path.stem.split("_")[-1]: np.asarray(Image.open(path)) for path in out.glob("statue_*.png")}

    plain, read = textured(bench), textured(bench, maps="marigold", bumps="marigold")
    assert np.ptp(plain["ORM"][..., 1:], axis=(0, 1)).max() == 0
    assert np.ptp(read["ORM"][..., 1:].astype(int), axis=(0, 1)).min() > 2, "roughness and metal are pictures"
    assert (plain["Normal"] != read["Normal"]).any()
    bare = Bench(tmp_path / "no weights", tmp_path)
    assert bare.runner.registry.info(bare.runner.registry.models["single_view"]).unavailable is None
    assert np.array_equal(textured(bare)["BaseColor"], plain["BaseColor"])
    with pytest.raises(Fault) as told:
        textured(bare, maps="lighting")
    assert told.value.code == "weights_missing" and "Marigold" in told.value.message


def subject_for(bench: Bench, mesh: Path) -> Subject:
    return Room(bench, mesh).subject
