"""What N cameras see of triangles: depth, faces, objects, normals, positions, lines. Plain torch, CPU or CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .cameras import Camera
from .mesher import Progress
from .scan import Canvas, Check
from .threads import in_threads
from .triangles import Triangles

CHUNK = {"cpu": 1 << 15, "cuda": 1 << 22}
"""Triangles in one step."""
GROUP = 16
"""Faces that are hidden or drawn together: the fewer, the closer is the ball around them."""


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
        self.corners = _corners(triangles).to(device)
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
    def planes(self) -> tuple[Tensor, Tensor]:
        """((3, F) normals by winding, twice the area long; (F,) their products with the faces' points)."""
        a, b, c = self.corners.unbind(1)
        normal = torch.cross(b - a, c - a, dim=0)
        return normal, (normal * a).sum(0)

    @cached_property
    def groups(self) -> Groups:
        return _grouped(self)

    @cached_property
    def reach(self) -> float:
        """Metres from the origin to the farthest corner."""
        return float(self.corners.square().sum(0).max().sqrt())


def _corners(triangles: Triangles) -> Tensor:
    """(3 axes, 3 corners, F) float32: what `Triangles.corners` gives, in another order and without its copies."""
    place = torch.from_numpy(
        (triangles.positions.astype(np.float64) - triangles.centre).astype(np.float32)
    ).T.contiguous()
    faces = torch.from_numpy(triangles.faces).T.contiguous()
    found = torch.empty(3, 3, faces.shape[1])
    for axis in range(3):
        for corner in range(3):
            torch.index_select(place[axis], 0, faces[corner], out=found[axis, corner])
    return found


class Groups(NamedTuple):
    """GROUP faces each that lie close together and look in about the same direction.

    corners (3 axes, 3 corners, K, GROUP) float32; face (K, GROUP) int64, the last ones repeated; ball around them:
    centre (3, K), radius (K,).
    """

    corners: Tensor
    face: Tensor
    centre: Tensor
    radius: Tensor


def _grouped(scene: Scene) -> Groups:
    corners, (normal, _) = scene.corners, scene.planes
    count = corners.shape[2]
    middle = corners.mean(1)
    low = middle.amin(1, keepdim=True)
    cell = (middle - low).div_((middle - low).max().clamp_min(1e-30)).mul_(1023).int()
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):  # Morton order
        cell = (cell | (cell << shift)) & mask
    _, axis = normal.abs().max(0)
    negative = (normal.gather(0, axis[None])[0] < 0).long()
    key = cell[0].long() | (cell[1].long() << 1) | (cell[2].long() << 2) | ((axis * 2 + negative) << 30)
    order = torch.argsort(key)
    order = torch.cat([order, order[-1:].expand(-count % GROUP)])
    sorted_ = corners.index_select(2, order).view(3, 3, -1, GROUP)
    low, high = sorted_.amin((1, 3)), sorted_.amax((1, 3))
    return Groups(sorted_, order.view(-1, GROUP), (low + high) / 2, (high - low).square().sum(0).sqrt() / 2)


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
    _ = scene.groups, scene.planes, scene.reach  # made once, not by each thread

    def one(camera: Camera) -> Maps:
        return Maps(camera, *visible(scene, camera), scene.origin, scene)

    def tick(done: int, total: int) -> None:
        if progress:
            progress("depth", done, total)

    return in_threads(one, list(cameras), scene.device, tick)


def visible(scene: Scene, camera: Camera, check: Check | None = None) -> tuple[Tensor, Tensor]:
    """(depth (H, W) float32 metres, inf where nothing is; face (H, W) int32, -1 where nothing is).

    Faces that look towards the camera are drawn first. The others are drawn only where their group is not hidden for
    certain: on a closed surface that is few of them.
    """
    width, height = camera.size_px
    canvas = Canvas(height, width, scene.device, check)
    rows = torch.tensor(camera.rows(scene.origin), device=scene.device).float()
    far = float(rows[2, 3]) + 1.001 * scene.reach + camera.near_m
    groups = scene.groups
    front = (towards_camera(scene, camera) > 0)[groups.face]
    corners, numbers = groups.corners.flatten(2), groups.face.view(-1)
    for late in (False, True):
        chosen = front
        if late:
            turned = torch.nonzero(~front.all(1)).view(-1)
            if len(turned):
                turned = turned[~_hidden(groups, turned, camera, rows, far, canvas.nearness())]
            chosen = torch.zeros_like(front).index_copy_(0, turned, ~front[turned])
        for part in torch.nonzero(chosen.view(-1)).view(-1).split(CHUNK[scene.device.type]):
            seen = torch.addmm(rows[:, 3:], rows[:, :3], corners.index_select(2, part).view(3, -1))
            _draw(canvas, camera, seen.view(3, 3, -1), numbers.index_select(0, part), far)
    nearness, face = canvas.read()
    depth = torch.where(face >= 0, far - nearness if camera.orthographic else 1 / nearness, torch.inf)
    return depth, face


def towards_camera(scene: Scene, camera: Camera) -> Tensor:
    """(F,) float32: positive where the camera is on the side of the face that its winding calls outside."""
    normal, offset = scene.planes
    if camera.orthographic:
        return (torch.tensor(-camera.forward[None], device=scene.device).float() @ normal)[0]
    place = torch.tensor((camera.position - scene.origin)[None], device=scene.device).float()
    return torch.addmm(-offset[None], place, normal)[0]


def _hidden(groups: Groups, chosen: Tensor, camera: Camera, rows: Tensor, far: float, drawn: Tensor) -> Tensor:
    """(K,) bool: the group's ball lies behind everything that is drawn in all blocks of pixels that it may touch."""
    seen = torch.addmm(rows[:, 3:], rows[:, :3], groups.centre[:, chosen])
    radius = groups.radius[chosen]
    closest = seen[2] - radius
    safe = closest > camera.near_m
    if camera.orthographic:
        nearness, place, reach = far - closest, seen[:2], radius * max(camera.focal_px)
    else:
        nearness = 1 / closest
        place = seen[:2] / seen[2]
        aside = (place - torch.tensor(camera.centre_px, device=drawn.device)[:, None]).abs().sum(0)
        reach = radius * (max(camera.focal_px) + aside) / closest.clamp_min(1e-12)
    low, high = (place - reach).nan_to_num(-1e6), (place + reach).nan_to_num(1e6)
    hidden = torch.zeros_like(safe)
    least = drawn
    for factor, block in ((16, 16), (4, 64)):  # a ball of many small blocks is asked about in large ones
        pad = (0, -least.shape[1] % factor, 0, -least.shape[0] % factor)
        padded = torch.nn.functional.pad(least[None], pad, value=torch.inf)
        least = -torch.nn.functional.max_pool2d(padded.neg_(), factor)[0]
        hidden |= _behind(least, (low / block).floor(), (high / block).floor(), nearness)
    return hidden & safe


def _behind(blocks: Tensor, first: Tensor, last: Tensor, nearness: Tensor, span: int = 5) -> Tensor:
    """(K,) bool: farther than the least nearness of all blocks of the rectangle first..last (2, K), if it is small."""
    height, width = blocks.shape
    edge = torch.tensor([[width - 1], [height - 1]], device=blocks.device)
    outside = (last < 0).any(0) | (first > edge).any(0)
    first, last = first.clamp_min(0).minimum(edge).long(), last.clamp_min(0).minimum(edge).long()
    behind = (last - first < span).all(0)
    for dy in range(span):
        for dx in range(span):
            x, y = torch.minimum(first[0] + dx, last[0]), torch.minimum(first[1] + dy, last[1])
            behind &= nearness < blocks.view(-1)[y * width + x]
    return behind | outside


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
