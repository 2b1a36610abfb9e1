"""The views of a bake, kept in a file and blended again: what comes back, what is refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from painted_meshes import ball, joined, pictures  # noqa: E402

from blender_aigc.protocol import Fault  # noqa: E402
from server.geometry import cameras, view_bake  # noqa: E402
from server.geometry.blend import BakeOptions  # noqa: E402
from server.geometry.triangles import Triangles  # noqa: E402
from server.texturing.stored_views import StoredViews, fingerprint, read_stored, stored_bytes  # noqa: E402


@pytest.fixture(scope="module")
def mesh() -> Triangles:
    """Two balls on two UDIM tiles, one partly behind the other."""
    return joined(ball(16, 32), ball(16, 32, centre=(0.5, 2.0, 0.2), corner=(1.05, 0.05)))


@pytest.fixture(scope="module")
def kept(mesh: Triangles) -> StoredViews:
    """Three views, so that some of the surface is seen by none; the second has an alpha of its own."""
    looks = [cameras.framing(mesh.positions, cameras.towards(angle, 10), 128) for angle in (0, 70, 250)]
    views = pictures(mesh, looks)
    views[1] = np.dstack([views[1], np.full((128, 128), 180, np.uint8)])
    options = BakeOptions(erosion_px=3, view_weights=(1.0, 0.5, 1.0))
    baked = view_bake.bake_views(mesh, looks, views, 128, options)
    return StoredViews(looks, views, baked, options, fingerprint(mesh), ["one", "two"], {"words": ["a", "b", "c"]})


@pytest.fixture(scope="module")
def file(kept: StoredViews, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored") / "views.npz"
    path.write_bytes(stored_bytes(kept, lambda: None))
    return path


def test_everything_comes_back(mesh: Triangles, kept: StoredViews, file: Path) -> None:
    again = read_stored(file, mesh)
    assert (again.names, again.notes, again.options, again.texture_px) == (kept.names, kept.notes, kept.options, 128)
    for one, other in zip(again.cameras, kept.cameras, strict=True):
        assert np.array_equal(one.rows(np.zeros(3)), other.rows(np.zeros(3))) and one.name == other.name
    for one, other in zip((*again.views, *again.baked.masks), (*kept.views, *kept.baked.masks), strict=True):
        assert np.array_equal(one, other)
    assert again.baked.coverage == kept.baked.coverage < 1
    for one, other in zip(again.baked.sheets, kept.baked.sheets, strict=True):
        for name in ("texture", "winner", "covered", "texels", "alpha"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        np.testing.assert_allclose(one.weight, other.weight, rtol=1e-3, atol=6e-5)  # half precision, never 0
        assert np.array_equal(one.weight > 0, other.weight > 0)


def test_blending_from_the_file_is_bit_equal(mesh: Triangles, kept: StoredViews, file: Path) -> None:
    again = read_stored(file, mesh)
    blended = view_bake.reblend(mesh, again.cameras, again.views, again.baked, again.options)
    assert np.array_equal(blended.gains, kept.baked.gains)
    for one, other in zip(blended.sheets, kept.baked.sheets, strict=True):
        assert np.array_equal(one.texture, other.texture) and np.array_equal(one.weight, other.weight)


def test_a_new_view_and_other_weights_are_as_if_baked_so(mesh: Triangles, kept: StoredViews, file: Path) -> None:
    again = read_stored(file, mesh)
    views = [255 - again.views[0], *again.views[1:]]
    options = replace(again.options, view_weights=(1.0, 0.0, 1.0), high_power=4)
    blended = view_bake.reblend(mesh, again.cameras, views, again.baked, options)
    direct = view_bake.bake_views(mesh, kept.cameras, views, 128, options)
    for one, other in zip(blended.sheets, direct.sheets, strict=True):
        assert np.array_equal(one.texture, other.texture)
    assert not np.array_equal(blended.texture, kept.baked.texture)


def changed(file: Path, path: Path, **arrays: np.ndarray | None) -> Path:
    """The file with other arrays; None leaves one out."""
    with np.load(file) as archive:
        everything = {name: archive[name] for name in archive.files} | arrays
    np.savez(path, **{name: array for name, array in everything.items() if array is not None})
    return path


def meta_of(file: Path, **values: object) -> np.ndarray:
    with np.load(file) as archive:
        meta = json.loads(archive["meta"].tobytes()) | values
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


@pytest.mark.parametrize("what", ["cut", "no alpha", "wrong size", "texel beyond", "version", "sheets", "pickle"])
def test_damaged_files_are_refused(mesh: Triangles, file: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / "bad.npz"
    if what == "cut":
        path.write_bytes(file.read_bytes()[:5000])
    elif what == "pickle":
        path = changed(file, path, meta=None)
        with zipfile.ZipFile(path, "a") as archive, archive.open("meta.npy", "w") as entry:
            np.lib.format.write_array(entry, np.array([{"format": 1}], object), allow_pickle=True)
    else:
        with np.load(file) as archive:
            texels = archive["texels_0"].copy()
        texels[-1] = 128 * 128
        change = {
            "no alpha": {"alpha_1": None},
            "wrong size": {"view_0": np.zeros((64, 128, 3), np.uint8)},
            "texel beyond": {"texels_0": texels},
            "version": {"meta": meta_of(file, format=0)},
            "sheets": {"meta": meta_of(file, sheets=[[-1, 1001]])},
        }[what]
        changed(file, path, **change)
    with pytest.raises(Fault) as caught:
        read_stored(path, mesh)
    assert caught.value.code == "bad_input" and caught.value.hint


def test_another_mesh_is_refused(mesh: Triangles, file: Path) -> None:
    moved = replace(mesh, positions=mesh.positions + np.float32([0.1, 0, 0]))
    other_uvs = replace(mesh, corner_uvs=mesh.corner_uvs * np.float32(0.99))
    for other in (moved, other_uvs):
        with pytest.raises(Fault, match="changed since"):
            read_stored(file, other)


def test_a_cancel_ends_the_writing(kept: StoredViews) -> None:
    class Stop(BaseException):
        pass

    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Stop

    with pytest.raises(Stop):
        stored_bytes(kept, check)
