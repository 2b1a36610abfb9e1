"""Cameras that look at what is to be textured, and the ready-made sets of them. numpy only.

OpenCV's convention, as in the passes of the add-on: x right, y down, z forward; a point p of the camera's frame is seen
at K (p / p.z) in pixels from the top left corner of the picture, the middle of the first pixel being (0.5, 0.5); in
orthographic views at K (p.x, p.y, 1), with the focal lengths in pixels per metre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from blender_aigc.protocol import Fault

FILL = 0.9
"""Share of the picture that a framed object takes up along its longer side."""


@dataclass(frozen=True, eq=False)
class Camera:
    """world_from_camera (4, 4) float64, rotation without scale, metres; focal_px (fx, fy); centre_px (cx, cy);
    size_px (width, height). near_m: nothing nearer than this is seen. name: "front", "left"... picks the prompt.
    """

    world_from_camera: np.ndarray
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    size_px: tuple[int, int]
    orthographic: bool = False
    near_m: float = 1e-3
    name: str = "view"

    def __post_init__(self) -> None:
        matrix = np.asarray(self.world_from_camera, np.float64)
        object.__setattr__(self, "world_from_camera", matrix)
        rotation = matrix[:3, :3]
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise Fault("bad_input", f'The camera "{self.name}" has no valid pose.')
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
            raise Fault(
                "bad_input",
                f'The camera "{self.name}" is scaled or mirrored.',
                "Apply the camera's scale (Object > Apply > Scale).",
            )
        if min(self.focal_px) <= 0 or min(self.size_px) < 1:
            raise Fault("bad_input", f'The camera "{self.name}" has no valid lens or picture size.')

    @property
    def position(self) -> np.ndarray:
        return self.world_from_camera[:3, 3]

    @property
    def forward(self) -> np.ndarray:
        """(3,) unit vector of the view axis."""
        return self.world_from_camera[:3, 2]

    def rows(self, origin: np.ndarray) -> np.ndarray:
        """(3, 4) float64: takes homogeneous points about `origin` to (x w, y w, w) in pixels and metres of depth;
        in orthographic views to (x, y, depth), not to be divided.
        """
        camera_from_world = np.linalg.inv(self.world_from_camera)
        rows = camera_from_world[:3].copy()
        rows[:, 3] = camera_from_world[:3, :3] @ np.asarray(origin, np.float64) + camera_from_world[:3, 3]
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        depth = np.array([0, 0, 0, 1.0]) if self.orthographic else rows[2]
        return np.stack([fx * rows[0] + cx * depth, fy * rows[1] + cy * depth, rows[2]])

    def resized(self, size: int | tuple[int, int]) -> Camera:
        """The same view in (width, height) pixels, or in a square of `size`."""
        width, height = (size, size) if isinstance(size, int) else size
        sx, sy = width / self.size_px[0], height / self.size_px[1]
        return replace(
            self,
            focal_px=(self.focal_px[0] * sx, self.focal_px[1] * sy),
            centre_px=(self.centre_px[0] * sx, self.centre_px[1] * sy),
            size_px=(width, height),
        )

    def footprint(self) -> float:
        """Width of a pixel: metres in orthographic views, metres for each metre of depth in perspective ones."""
        return 1.0 / min(self.focal_px)

    def meta(self) -> dict[str, Any]:
        """The page that `from_meta` reads, with the keys of the add-on's passes."""
        return {
            "camera": "ORTHO" if self.orthographic else "PERSP",
            "camera_convention": "opencv",
            "world_from_camera": self.world_from_camera.tolist(),
            "intrinsics_px": {
                "fx": self.focal_px[0],
                "fy": self.focal_px[1],
                "cx": self.centre_px[0],
                "cy": self.centre_px[1],
            },
            "size_px": list(self.size_px),
            "clip_m": [self.near_m, 1e6],
            "name": self.name,
        }


def from_meta(meta: Mapping[str, Any]) -> Camera:
    """A camera from the passes' meta page (camera, world_from_camera, intrinsics_px, size_px, clip_m).

    Raises Fault("bad_input") for a panoramic camera or a page that is incomplete.
    """
    try:
        kind, lens = str(meta["camera"]), meta["intrinsics_px"]
        if kind not in ("PERSP", "ORTHO"):
            raise Fault(
                "bad_input",
                f"A {kind.lower()} camera cannot be used for texturing.",
                "Use a perspective or an orthographic camera.",
            )
        return Camera(
            np.array(meta["world_from_camera"], np.float64),
            (float(lens["fx"]), float(lens["fy"])),
            (float(lens["cx"]), float(lens["cy"])),
            (int(meta["size_px"][0]), int(meta["size_px"][1])),
            kind == "ORTHO",
            float(meta.get("clip_m", (1e-3,))[0]),
            str(meta.get("name", "camera")),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Fault(
            "bad_input", "The camera's description is incomplete.", "Send the camera again.", repr(error)
        ) from error


def looking(direction: np.ndarray, up: np.ndarray | tuple[float, float, float] = (0, 0, 1)) -> np.ndarray:
    """(3, 3) float64 rotation world_from_camera of a camera that looks along `direction`, its picture's top at `up`.

    When both are parallel, the top of the picture is +Y, as in Blender's own top and bottom views (-Y for bottom).
    """
    forward = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    up = np.asarray(up, np.float64)
    if np.linalg.norm(np.cross(forward, up)) < 1e-6:
        up = np.array([0.0, -np.sign(forward[2]) or 1.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def framing(
    points: np.ndarray,
    direction: np.ndarray,
    size: int,
    *,
    fov_deg: float | None = 40.0,
    name: str = "view",
    fill: float = FILL,
) -> Camera:
    """A camera that looks along `direction` at (N, 3) world points, which fill `fill` of a square picture of `size`.

    fov_deg: full angle of the picture; None makes an orthographic view. The distance follows from the points.
    """
    columns = np.asarray(points, np.float64).T
    rotation = looking(direction)
    middle = (columns.min(axis=1) + columns.max(axis=1)) / 2
    local = rotation.T @ (columns - middle[:, None])  # one axis a row: long rows are quick to search
    across, deep = local[:2], local[2]
    extent = max(float(np.ptp(across, axis=1).max()), 1e-9)
    nearest = float(deep.min())
    depth = max(float(deep.max()) - nearest, extent * 0.25)
    pose = np.eye(4)
    pose[:3, :3] = rotation
    shift = (across.min(axis=1) + across.max(axis=1)) / 2
    if fov_deg is None:
        back = nearest - depth
        pose[:3, 3] = middle + rotation @ (shift[0], shift[1], back)
        focal = size * fill / extent
        return Camera(pose, (focal, focal), (size / 2, size / 2), (size, size), True, depth * 1e-3, name)
    slope = np.tan(np.radians(fov_deg) / 2) * fill
    # |x - shift| <= slope * (z - back) for every point: centred by the outermost rays on both sides
    low = np.array([(row - slope * deep).max() for row in across])
    high = np.array([(-row - slope * deep).max() for row in across])
    shift, back = (low - high) / 2, float(-((low + high) / 2 / slope).max())
    back = min(back, nearest - depth * 1e-2)
    depths = deep - back
    for _ in range(8):  # the axis that does not decide about the distance is put in the middle
        seen = (across - shift[:, None]) / depths
        shift = shift + (seen.min(axis=1) + seen.max(axis=1)) / 2 * depths.mean()
    pose[:3, 3] = middle + rotation @ (shift[0], shift[1], back)
    focal = size / 2 / np.tan(np.radians(fov_deg) / 2)
    near = max((nearest - back) * 1e-2, 1e-9)
    return Camera(pose, (focal, focal), (size / 2, size / 2), (size, size), False, near, name)


def towards(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """(3,) view direction of a camera that stands at this azimuth (0 = in front, at -Y; 90 = at +X, the object's left)
    and elevation, looking at the object.
    """
    a, e = np.radians([azimuth_deg, elevation_deg])
    return -np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])


def view_name(direction: np.ndarray) -> str:
    """The sides of the object that a camera looking along `direction` sees: "front", "front left", "top back"...

    The side that it sees most of comes first, a second one follows when it is seen at less than 60 degrees. Left is the
    object's own left (+X), since it faces -Y.
    """
    sides = {0: ("left", "right"), 1: ("back", "front"), 2: ("top", "bottom")}
    share = np.abs(direction) / np.linalg.norm(direction) * (1, 1.001, 0.999)
    first, second = np.argsort(-share)[:2]
    name = sides[int(first)][0 if direction[first] < 0 else 1]
    if share[second] <= 0.5:
        return name
    return f"{name} {sides[int(second)][0 if direction[second] < 0 else 1]}"


def ring(points: np.ndarray, count: int, size: int, *, elevation_deg: float = 0.0, fov_deg: float | None = 40.0):
    """`count` cameras around +Z at one elevation, the first in front. Returns a list of Camera."""
    angles = np.arange(count) * 360 / count
    ways = [towards(angle, elevation_deg) for angle in angles]
    return [framing(points, way, size, fov_deg=fov_deg, name=view_name(way)) for way in ways]


def six_axes(points: np.ndarray, size: int) -> list[Camera]:
    """Orthographic front, left, back, right, top, bottom at one common scale, in that order (as MV-Adapter wants)."""
    ways = [towards(angle, 0) for angle in (0, 90, 180, 270)] + [towards(0, 90), towards(0, -90)]
    cameras = [framing(points, way, size, fov_deg=None, name=view_name(way)) for way in ways]
    focal = min(camera.focal_px[0] for camera in cameras)
    return [replace(camera, focal_px=(focal, focal)) for camera in cameras]


def room(centre: np.ndarray, size: int, *, near_m: float = 1e-2) -> list[Camera]:
    """Six perspective views of 100 degrees from one point outwards: the walls overlap by ten degrees all around."""
    focal = size / 2 / np.tan(np.radians(50))
    cameras = []
    for way in [towards(angle, 0) for angle in (0, 90, 180, 270)] + [towards(0, 90), towards(0, -90)]:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = looking(-way), centre
        name = view_name(-way)  # a wall is called after the side of the room that it stands on
        cameras.append(Camera(pose, (focal, focal), (size / 2, size / 2), (size, size), False, near_m, f"{name} wall"))
    return cameras


def directions(count: int) -> np.ndarray:
    """(count, 3) float64 unit vectors spread evenly over the sphere (Fibonacci lattice, Gonzalez 2010, section 3)."""
    steps = np.arange(count) + 0.5
    z = 1 - 2 * steps / count
    angle = np.pi * (1 + 5**0.5) * steps
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def check_all(cameras: Sequence[Camera], most: int = 62) -> None:
    """Raises Fault("bad_request") for no camera, or more than the visibility maps have bits for."""
    if not cameras:
        raise Fault("bad_request", "There is no camera to texture from.", "Choose a set of views.")
    if len(cameras) > most:
        raise Fault("bad_request", f"{len(cameras)} views are too many; {most} is the most.", "Lower Views.")
