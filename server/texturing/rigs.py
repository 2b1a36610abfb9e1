"""From where a job looks at its subject: the sets of cameras that the panel offers, and the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault

from ..geometry.cameras import Camera, check_all, framing, ring, room, six_axes, towards
from .given_cameras import GivenCameras, fitted, read_cameras

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blender_aigc.protocol import Job

    from ..context import Context
    from .subject import Subject

FOV_DEG = 40.0
LOOK_PX = 512
"""Longer side of the pictures in which it is looked whether a view shows anything."""
GIVEN = frozenset({"own", "view", "camera", "picture"})
"""Choices that need the job's input "cameras"; the add-on knows them too (gather/sources.py)."""


def cameras_of(job: Job, context: Context, subject: Subject, device: str) -> list[Camera]:
    """What the job's parameters `cameras`, `views`, `view_px` and `only_views` ask for. Raises Fault.

    Of the user's own views, what stands between them and the subject hides it: it becomes part of the subject's scene.
    """
    context.progress("Choosing the views")
    name, size = str(job.params["cameras"]), int(job.params["view_px"])
    count, names = int(job.params.get("views", 8)), str(job.params.get("only_views", ""))
    if name not in GIVEN:
        return only(rig(name, subject, size, count, device, context), names)
    given = read_cameras(context.input_path("cameras")) if context.has_input("cameras") else GivenCameras()
    chosen = only([fitted(camera, size) for camera in own(given, name)], names)
    check_all(chosen)
    subject.hide_behind(given.vertices, given.faces)
    return chosen


def own(given: GivenCameras, name: str) -> list[Camera]:
    """The given cameras that `name` of `GIVEN` means, with their own picture sizes. Raises Fault("bad_input")."""
    if name == "own":
        if not given.selected:
            hint = "Select them together with the objects, or choose another set of Views."
            raise Fault("bad_input", "No camera is selected.", hint)
        return [given.camera(page) for page in given.selected]
    page = given.active if name == "camera" else given.view or given.active
    if name == "picture":
        page = given.picture or page
    if page is None:
        raise Fault("bad_input", "There is no view: no viewport and no camera.", "Add a camera to the scene.")
    return [given.camera(page)]


def check_seen(subject: Subject, cameras: Sequence[Camera]) -> None:
    """Before anything is drawn: is something of the subject in one of the pictures, in front of what hides it?

    Raises Fault("empty_result").
    """
    from ..geometry.raster import Scene, visible

    scene = Scene(subject.triangles)
    for camera in cameras:
        scale = min(1.0, LOOK_PX / max(camera.size_px))
        width, height = (max(1, round(side * scale)) for side in camera.size_px)
        face = visible(scene, camera.resized((width, height)))[1]
        if bool(scene.target[face[face >= 0].long()].any()):
            return
    hint = "Turn the cameras towards the object, or choose another set of views."
    raise Fault("empty_result", "No camera sees the selected objects.", hint)


def rig(
    name: str, subject: Subject, size: int, count: int = 8, device: str = "cpu", context: Context | None = None
) -> list[Camera]:
    """Square cameras of `size` px for the choice `name` of the panel, the front first. Around a ring names repeat.

    count: views of a ring; the most that "greedy" takes.
    """
    points = subject.points
    if name == "greedy":
        from ..geometry.coverage import greedy

        def tick(_phase: str, step: int = 0, total: int = 0) -> None:
            if context is not None:
                context.progress("Choosing the views", step, total)

        return greedy(subject.scene(device), size, most=count, fov_deg=FOV_DEG, progress=tick)
    if name == "axes":
        return six_axes(points, size)
    if name == "ring":
        return ring(points, count, size, fov_deg=FOV_DEG)
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
