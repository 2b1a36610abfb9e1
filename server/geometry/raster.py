"""What N cameras see of triangles: depth, faces, objects, normals, positions, lines. Plain torch, CPU or CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from .cameras import Camera
from .mesher import Progress
from .scan import Canvas, Check
from .triangles import Triangles

CHUNK = {"cpu": 1 << 15, "cuda": 1 << 22}
"""Triangles in one step."""


@dataclass(eq=False)
class Maps:
    """What one camera sees. Pictures have row 0 on top; (H, W) is the camera's size; tensors live on the device.

    depth:  (H, W) float32 metres along the view axis (not along the ray); inf where nothing is seen.
    face:   (H, W) int32 index into the triangles' faces, -1 where nothing is seen.
    object: (H, W) int32 index into the triangles' object names, -1 where nothing is seen.
    origin: (3,) float64; `position` is counted from there, for precision far from the world's origin.
    """

    camera: Camera
    depth: Tensor
    face: Tensor
    origin: np.ndarray
    _scene: Scene

    @cached_property
    def mask(self) -> Tensor:
        """(H, W) bool: where something is seen."""
        return self.face >= 0

    @cached_property
    def object(self) -> Tensor:
        return torch.where(self.mask, self._scene.face_object[self.face.clamp_min(0)], -1)

    @cached_property
    def target(self) -> Tensor:
        """(H, W) bool: where a face that is to be textured is seen."""
        return self.mask & self._scene.target[self.face.clamp_min(0)]

    @cached_property
    def position(self) -> Tensor:
        """(H, W, 3) float32 metres in Blender's world axes from `origin`; zero where nothing is seen."""
        camera, depth = self.camera, torch.where(self.mask, self.depth, 0)
        x = (torch.arange(depth.shape[1], device=depth.device) + 0.5 - camera.centre_px[0]) / camera.focal_px[0]
        y = (torch.arange(depth.shape[0], device=depth.device) + 0.5 - camera.centre_px[1]) / camera.focal_px[1]
        along = torch.ones_like(depth) if camera.orthographic else depth
        local = torch.stack([x * along, y[:, None] * along, depth], dim=-1)
        pose = torch.tensor(camera.world_from_camera, device=depth.device)
        start = (pose[:3, 3] - torch.tensor(self.origin, device=depth.device)).float()
        return (local @ pose[:3, :3].T.float() + start) * self.mask[..., None]

    @cached_property
    def weights(self) -> Tensor:
        """(H, W, 3) float32 barycentric coordinates in the seen face, in 0..1."""
        corners = self._scene.corners[:, :, self.face.clamp_min(0).view(-1).long()]  # (3 axes, 3 corners, N)
        a, b, c = corners.unbind(1)
        point = self.position.view(-1, 3).T
        across = torch.cross(b - a, c - a, dim=0)
        total = (across * across).sum(0).clamp_min(1e-30)
        beta = (torch.cross(point - a, c - a, dim=0) * across).sum(0) / total
        gamma = (torch.cross(b - a, point - a, dim=0) * across).sum(0) / total
        found = torch.stack([1 - beta - gamma, beta, gamma], dim=-1).clamp_(0, 1)
        return (found / found.sum(-1, keepdim=True).clamp_min(1e-12)).view(*self.face.shape, 3)

    @cached_property
    def normal(self) -> Tensor:
        """(H, W, 3) float32 shading normals, unit, world axes, turned towards the camera; zero where nothing is."""
        normals = self._scene.normals[:, :, self.face.clamp_min(0).view(-1).long()]
        found = torch.nn.functional.normalize((normals * self.weights.view(-1, 3).T[None]).sum(1), dim=0).T
        found = found.reshape(*self.face.shape, 3)
        corners = self._scene.corners[:, :, self.face.clamp_min(0).view(-1).long()]
        flat = torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=0).T.reshape(found.shape)
        away = (flat * self._rays()).sum(-1, keepdim=True) > 0
        return torch.where(away, -found, found) * self.mask[..., None]

    @cached_property
    def normal_camera(self) -> Tensor:
        """(H, W, 3) float32 in the camera's axes x right, y up, z towards the camera: what `control_normal` reads."""
        axes = torch.tensor(self.camera.world_from_camera[:3, :3] * (1, -1, -1), device=self.normal.device)
        return self.normal @ axes.float()

    @cached_property
    def lines(self) -> Tensor:
        """(H, W) float32, 1 on a line: silhouettes, steps in depth, creases and borders of objects."""
        return _lines(self)

    def uv(self) -> Tensor:
        """(H, W, 2) float32 texture coordinates of what is seen; zero elsewhere."""
        uvs = self._scene.uvs[:, :, self.face.clamp_min(0).view(-1).long()]
        return (uvs * self.weights.view(-1, 3).T[None]).sum(1).T.reshape(*self.face.shape, 2) * self.mask[..., None]

    def _rays(self) -> Tensor:
        """(H, W, 3): from the camera to each pixel, not normalised."""
        forward = torch.tensor(self.camera.forward, device=self.depth.device).float()
        if self.camera.orthographic:
            return forward.expand(*self.depth.shape, 3)
        start = torch.tensor(self.camera.position - self.origin, device=self.depth.device).float()
        return self.position - start


class Scene:
    """Triangles as tensors on a device, about their centre.

    corners (3 axes, 3 corners, F) float32 metres from `origin`; normals the same shape; uvs (2, 3, F) or None;
    face_object (F,) int32; target (F,) bool.
    """

    def __init__(self, triangles: Triangles, device: torch.device | str = "cpu"):
        def by_axis(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 1, 0))).to(device)

        self.triangles, self.device, self.origin = triangles, torch.device(device), triangles.centre
        self.corners = by_axis(triangles.corners())
        self.face_object = torch.from_numpy(np.asarray(triangles.face_object, np.int32)).to(device)
        self.target = torch.from_numpy(np.asarray(triangles.target, bool)).to(device)
        self._by_axis = by_axis

    @cached_property
    def normals(self) -> Tensor:
        return self._by_axis(self.triangles.normals())

    @cached_property
    def uvs(self) -> Tensor:
        return self._by_axis(np.asarray(self.triangles.corner_uvs, np.float32))

    @cached_property
    def reach(self) -> float:
        """Metres from the origin to the farthest corner."""
        return float(self.corners.square().sum(0).max().sqrt())


def render_maps(
    triangles: Triangles | Scene,
    cameras: Sequence[Camera],
    size: int | tuple[int, int] | None = None,
    *,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> list[Maps]:
    """What each camera sees, one `Maps` each, in order. size: (width, height) or a square, instead of the cameras' own.

    progress: called as progress("depth", view, views); what it raises (a cancel) ends the work within one step.
    Both sides of a face are seen. What lies nearer than the camera's near plane is cut off.
    """
    scene = triangles if isinstance(triangles, Scene) else Scene(triangles, device)
    if size is not None:
        cameras = [camera.resized(size) for camera in cameras]
    done = 0

    def one(camera: Camera) -> Maps:
        nonlocal done
        depth, face = visible(scene, camera)
        done += 1
        return Maps(camera, depth, face, scene.origin, scene)

    found = []
    for maps in in_threads(one, cameras, scene.device):
        if progress:
            progress("depth", len(found) + 1, len(cameras))
        found.append(maps)
    return found


def visible(scene: Scene, camera: Camera, check: Check | None = None) -> tuple[Tensor, Tensor]:
    """(depth (H, W) float32 metres, inf where nothing is; face (H, W) int32, -1 where nothing is)."""
    width, height = camera.size_px
    canvas = Canvas(height, width, scene.device, check)
    rows = torch.tensor(camera.rows(scene.origin), device=scene.device).float()
    far = float(rows[2, 3]) + 1.001 * scene.reach + camera.near_m
    count = scene.corners.shape[2]
    step = CHUNK[scene.device.type]
    for first in range(0, count, step):
        part = scene.corners[:, :, first : first + step]
        numbers = torch.arange(first, first + part.shape[2], device=scene.device)
        _draw(canvas, camera, torch.addmm(rows[:, 3:], rows[:, :3], part.reshape(3, -1)).view(3, 3, -1), numbers, far)
    nearness, face = canvas.read()
    depth = torch.where(face >= 0, far - nearness if camera.orthographic else 1 / nearness, torch.inf)
    return depth, face


def _draw(canvas: Canvas, camera: Camera, seen: Tensor, numbers: Tensor, far: float) -> None:
    """Draws (3, 3 corners, F) projected triangles (x w, y w, depth), cut at the near plane."""
    depth = seen[2]
    behind = depth < camera.near_m
    if behind.any():
        some, all_ = behind.any(0), behind.all(0)
        cut, of = _clipped(seen[:, :, some & ~all_], numbers[some & ~all_], camera.near_m)
        seen, numbers = torch.cat([seen[:, :, ~some], cut], dim=2), torch.cat([numbers[~some], of])
        depth = seen[2]
    if camera.orthographic:
        canvas.draw(seen[:2], far - depth, numbers)
    else:
        nearness = depth.reciprocal()
        canvas.draw(seen[:2] * nearness, nearness, numbers)


def _clipped(seen: Tensor, numbers: Tensor, near: float) -> tuple[Tensor, Tensor]:
    """The parts beyond the near plane of triangles that cross it, as triangles (Sutherland and Hodgman, 1974)."""
    inside = seen[2] >= near
    single = inside.sum(0) == 1
    # Turn each triangle so that the corner that is alone on its side comes first.
    odd = inside == single
    start = odd.int().argmax(0)
    turn = (start + torch.arange(3, device=seen.device)[:, None]) % 3
    a, b, c = torch.gather(seen, 1, turn.expand(3, 3, -1)).unbind(1)

    def at_plane(p: Tensor, q: Tensor) -> Tensor:
        share = (near - p[2]) / (q[2] - p[2])
        cut = p + share * (q - p)
        cut[2] = near
        return cut

    ab, ac = at_plane(a, b), at_plane(a, c)
    tip = torch.stack([a, ab, ac], dim=1)[:, :, single]
    first = torch.stack([ab, b, c], dim=1)[:, :, ~single]
    second = torch.stack([ab, c, ac], dim=1)[:, :, ~single]
    return torch.cat([tip, first, second], dim=2), torch.cat([numbers[single], numbers[~single], numbers[~single]])


def in_threads(work, items: Sequence, device: torch.device):
    """Yields work(item) in order. On a CPU one thread works on each item, which is what small tensors want."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads < 2 or len(items) < 2:
        for item in items:
            yield work(item)
        return

    def alone(item):
        with torch.inference_mode():
            return work(item)

    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield from pool.map(alone, items)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _lines(maps: Maps, crease_deg: float = 25.0, step_px: float = 3.0) -> Tensor:
    """Lines between neighbouring pixels, drawn on the nearer one, 1 px wide: `step_px` is a step's depth in pixels'
    widths beyond what the surface's slope explains; `crease_deg` the angle between normals.
    """
    depth = torch.where(maps.mask, maps.depth, 1e9)
    footprint = maps.camera.footprint() * (torch.ones_like(depth) if maps.camera.orthographic else depth)
    facing = maps.normal_camera[..., 2].clamp_min(0.1)
    result = torch.zeros_like(depth)
    limit = float(np.cos(np.radians(crease_deg)))
    for axis in (0, 1):
        here, there = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        gap = (depth[here] - depth[there]).abs()
        slope = torch.maximum(footprint[here] / facing[here], footprint[there] / facing[there])
        nearer = depth[here] <= depth[there]
        crease = (maps.normal[here] * maps.normal[there]).sum(-1)
        both = maps.mask[here] & maps.mask[there]
        line = (gap > step_px * slope) | (maps.object[here] != maps.object[there]) | (both & (crease < limit))
        result[here] = torch.maximum(result[here], (line & nearer).float())
        result[there] = torch.maximum(result[there], (line & ~nearer).float())
    return result
