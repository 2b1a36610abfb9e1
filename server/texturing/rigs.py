"""The sets of cameras that the panel offers, around a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

from ..geometry.cameras import Camera, framing, ring, room, six_axes, towards

if TYPE_CHECKING:
    from .subject import Subject

FOV_DEG = 40.0


def rig(name: str, subject: Subject, size: int) -> list[Camera]:
    """Square cameras of `size` px for the choice `name` of the panel, the front first. Around a ring names repeat."""
    points = subject.points
    if name == "axes":
        return six_axes(points, size)
    if name == "ring":
        return ring(points, 8, size, fov_deg=FOV_DEG)
    if name == "room":
        return room(subject.triangles.centre, size)
    above = [framing(points, towards(0, 85), size, fov_deg=FOV_DEG, name="top")]
    below = [framing(points, towards(0, -85), size, fov_deg=FOV_DEG, name="bottom")]
    return [*ring(points, 6, size, elevation_deg=10, fov_deg=FOV_DEG), *above, *below]


def only(cameras: list[Camera], names: str) -> list[Camera]:
    """Those of `cameras` that `names` names, such as "back, top"; all, where it names none. Raises Fault."""
    wanted = [name.strip().lower() for name in names.replace(";", ",").split(",") if name.strip()]
    known = {camera.name.lower() for camera in cameras}
    for name in wanted:
        if name not in known:
            offered = ", ".join(dict.fromkeys(camera.name for camera in cameras))
            raise Fault("bad_request", f"There is no view called {name!r}.", f"There are: {offered}.")
    return [camera for camera in cameras if not wanted or camera.name.lower() in wanted]
