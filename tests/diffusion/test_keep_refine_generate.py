"""View by view: what earlier views saw squarely is kept, what they saw worse refined, what they did not see drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import Bench
from drawn import whole
from test_texture_engines import mesh

from server.diffusion.orders import Order
from server.geometry.cameras import Camera
from server.geometry.raster import Maps, Scene, render_maps
from server.texturing import one_by_one
from server.texturing.view_controls import control_view

assert mesh  # the fixture
FRONT, LEFT, RIGHT, TOP = 0, 1, 3, 4


@dataclass
class Made:
    """Six views (64, 64, 4) of the statue, what its cameras see, what each was drawn by, and what was there before."""

    views: list[np.ndarray]
    cameras: Sequence[Camera]
    seen: list[Maps]
    orders: list[Order]
    before: list[np.ndarray]
    scene: Scene

    def cosine(self, view: int, other: int) -> np.ndarray:
        """(64, 64): how squarely the camera of `other` looks at what `view` shows; nothing hides the `ball`."""
        return self.seen[view].normal.numpy() @ -self.cameras[other].forward

    def ball(self, view: int) -> np.ndarray:
        """(64, 64) bool: the ball before the slab (in an OBJ, Y is up)."""
        return self.seen[view].mask.numpy() & (self.places(view)[..., 1] < -0.25)

    def places(self, view: int) -> np.ndarray:
        """(64, 64, 3) float64 in the world."""
        return self.seen[view].position.numpy().astype(np.float64) + self.seen[view].origin

    def kept(self, view: int, others: tuple[int, ...]) -> np.ndarray:
        """(64, 64) bool: one of `others` saw it well, and hardly less squarely than `view` does."""
        before = np.max([self.cosine(view, other) for other in others], axis=0)
        return self.ball(view) & (before > 0.4) & (self.cosine(view, view) < before)

    def pixels(self, view: int, other: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in `other` of what each pixel of `view` shows."""
        position = self.places(view).reshape(-1, 3)
        x, y, _ = self.cameras[other].rows(np.zeros(3)) @ np.column_stack([position, np.ones(len(position))]).T
        column, row = (axis.clip(0, 63).astype(int).reshape(64, 64) for axis in (x, y))  # these cameras are parallel
        return row, column


@pytest.fixture(scope="module")
def plain(bench: Bench, mesh: Path) -> Made:
    orders: list[Order] = []
    before: list[np.ndarray] = []
    arguments, so_far = one_by_one.arguments, one_by_one._so_far

    def noted(pipeline, order, *rest):  # noqa: ANN001, ANN002, ANN202
        orders.append(order)
        return arguments(pipeline, order, *rest)

    def looked(*given):  # noqa: ANN002, ANN202
        before.append(so_far(*given))
        return before[-1].copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_by_one, "arguments", noted)
        patch.setattr(one_by_one, "_so_far", looked)
        views, subject, cameras = whole(bench, mesh, "sequential_inpaint", controls="depth:1.5")
    scene = Scene(subject.triangles)
    return Made(views, cameras, render_maps(scene, cameras), orders, before, scene)


def test_each_place_is_kept_refined_or_generated_by_how_it_was_seen(plain: Made) -> None:
    changed = [view[..., 3] > 0 for view in plain.views]
    assert np.array_equal(changed[FRONT], plain.seen[FRONT].mask.numpy()), "the first draws all"
    own, front = plain.cosine(LEFT, LEFT), plain.cosine(LEFT, FRONT)
    assert changed[LEFT][plain.ball(LEFT) & (front < -0.1)].mean() > 0.98, "nobody has seen it"
    assert changed[LEFT][plain.ball(LEFT) & (front > 0.25) & (own - front > 0.35)].mean() > 0.95, "seen at a slant"
    assert changed[LEFT][plain.kept(LEFT, (FRONT,))].mean() < 0.05
    assert changed[TOP][plain.kept(TOP, (FRONT, LEFT, RIGHT))].mean() < 0.05
    assert all(not alpha[~seen.mask.numpy()].any() for alpha, seen in zip(changed, plain.seen, strict=True))


def test_what_is_kept_stays_bit_for_bit(plain: Made) -> None:
    for view, before, seen in zip(plain.views[1:], plain.before[1:], plain.seen[1:], strict=True):
        kept = seen.mask.numpy() & (view[..., 3] == 0)
        assert np.array_equal(view[kept][:, :3], before[kept][:, :3]) and before[kept][:, 3].all()
        assert (view[..., :3] != before[..., :3]).any(axis=2)[view[..., 3] > 0].mean() > 0.9


def test_the_next_view_is_shown_what_the_earlier_ones_left_on_the_surface(plain: Made) -> None:
    """A picture whose pixels say where they are, from the front; the left sees the same points in the same colours."""
    y, x = np.mgrid[:64, :64]
    front = np.dstack([x * 4, y * 4, 0 * x, np.where(plain.seen[FRONT].mask, 255, 0)]).astype(np.uint8)
    there = one_by_one._so_far(plain.scene, plain.cameras[:1], [front], plain.seen[LEFT])
    kept = plain.kept(LEFT, (FRONT,))
    row, column = plain.pixels(LEFT, FRONT)
    wanted = np.dstack([column * 4, row * 4])
    assert there[kept][:, 3].all() and np.abs(there[..., :2].astype(int) - wanted)[kept].max() <= 10
    unseen = plain.ball(LEFT) & (plain.cosine(LEFT, FRONT) < -0.1)
    assert unseen.sum() > 100 and not there[unseen][:, 3].any()


def test_each_view_is_drawn_by_its_own_words_and_its_own_depth(plain: Made) -> None:
    assert [order.mode for order in plain.orders] == ["text", *["inpaint"] * 5]
    for order, seen, side in zip(
        plain.orders, plain.seen, ("front", "side", "back", "side", "top", "bottom"), strict=True
    ):
        assert order.prompt == f"a marble statue, {side} view"
        assert np.array_equal(order.pictures[0], control_view(seen, "depth"))
