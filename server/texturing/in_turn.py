"""Several objects, or parts with words of their own, drawn one after the other and baked as one.

Each part is framed by cameras of its own, so that it has the whole picture, and alone, so that nothing stands before
it: objects are set apart first, all at one size, which a picture of one of them cannot show. The picture of the first
part gives its look to the others (IP-Adapter). A view counts only for the part that it was drawn for, so no colour of
one object can lie on another.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from blender_aigc.protocol import Fault

from ..geometry.triangles import Triangles
from .rigs import GIVEN, check_seen, only
from .wishes import spoken, words_of_faces

if TYPE_CHECKING:
    from blender_aigc.protocol import Job

    from ..context import Context
    from ..geometry.cameras import Camera
    from ..geometry.raster import Scene
    from .subject import Subject

AROUND = frozenset({"around", "axes", "ring", "greedy", ""})
"""Choices of cameras that stand around an object; the others look at the scene as it is."""
SPACING = 16.0
"""Between objects that are set apart, in radii: farther than any camera stands from its object."""
APART, HIDDEN = "apart", "hidden"
"""Scenes of kept views: its objects were set apart, or other objects hid it."""
MOST_VIEWS = 240
"""The bake numbers views in one byte."""

CamerasFor = Callable[["Job", "Subject"], list["Camera"]]
Draw = Callable[["Job", "Subject", Sequence["Camera"], "np.ndarray | None"], list[np.ndarray]]


@dataclass
class Part:
    """name: as the artist knows it. words: what it shall be made of. faces: (F,) bool, its faces."""

    name: str
    words: str
    faces: np.ndarray


@dataclass
class Drawn:
    """What the bake needs: the subject (its objects perhaps set apart), and for each camera a view (H, W, 3 or 4)."""

    subject: Subject
    cameras: list[Camera]
    views: list[np.ndarray]


def draw_in_turn(
    job: Job,
    subject: Subject,
    cameras_for: CamerasFor,
    draw: Draw,
    reference: np.ndarray | None = None,
    style: bool = True,
) -> Drawn:
    """Draws all parts of `subject` by `draw`, in turn; those with the same words at once, as the job says.

    cameras_for: the cameras of a subject, by the job's parameters. reference: (H, W, 4) uint8, the look of all parts.
    style: the engine can take the look of the first part for the others. Raises Fault, also for more views than can be
    baked.
    """
    from ..geometry.raster import Scene

    parts = parts_of(job, subject)
    if len(parts) == 1:
        cameras = cameras_for(job, subject)
        if job.params.get("cameras") in GIVEN:
            check_seen(subject, cameras)
        return Drawn(subject, cameras, draw(replace(job, prompt=parts[0].words), subject, cameras, reference))
    apart = str(job.params.get("cameras", "")) in AROUND
    whole = set_apart(subject, parts) if apart else subject
    together = [] if apart else cameras_for(replace(job, params={**job.params, "only_views": ""}), whole)
    if together and job.params.get("cameras") in GIVEN:
        check_seen(whole, together)
    parts = parts if apart else parts_of(job, whole)  # what hides it has come to its faces
    parts, orders = _wanted(job, parts)
    subjects = [_alone(whole, part, apart) for part in parts]
    if apart:
        rigs = [cameras_for(order, own) for order, own in zip(orders, subjects, strict=True)]
    else:
        rigs = [only(together, str(order.params.get("only_views", ""))) for order in orders]
    total = sum(map(len, rigs))
    if total > MOST_VIEWS:
        raise Fault(
            "bad_request",
            f"{len(parts)} parts make {total} views; {MOST_VIEWS} is the most.",
            "Select fewer objects, or set Several Objects to Together.",
        )
    drawn, scene = Drawn(whole, [], []), Scene(whole.triangles)
    shares = style and reference is None and float(job.params.get("reference_weight", 0)) > 0
    for part, own, cameras in zip(parts, subjects, rigs, strict=True):
        views = draw(replace(job, prompt=part.words), own, cameras, reference)
        masks = [_mask(scene, camera, part) for camera in cameras]
        drawn.views += [_only(view, mask) for view, mask in zip(views, masks, strict=True)]
        drawn.cameras += [replace(camera, name=f"{part.name} {camera.name}") for camera in cameras]
        if shares and reference is None and (masks[0] > 0).sum() > 64:
            reference = np.dstack([views[0][..., :3], masks[0]])
    told = "; ".join(f"{part.name}: {part.words}" for part in parts)
    whole.notes.append(f"Drawn one after the other, {told}")
    return drawn


def as_drawn(job: Job, context: Context, subject: Subject) -> Subject:
    """`subject` as it was when its views were drawn: set apart, or with what hid it. The file of the views tells.

    Raises Fault("bad_input") when what hid it is not among the job's inputs.
    """
    from .given_cameras import read_cameras
    from .stored_views import notes_of

    notes = notes_of(context.input_path("views"))
    if notes.get("scene") == APART:
        asked = {"objects": str(notes.get("objects", "auto")), "cameras": str(notes.get("cameras", ""))}
        then = replace(job, prompt=str(notes.get("prompt", "")), params={**job.params, **asked})
        return set_apart(subject, parts_of(then, subject))
    if notes.get("scene") == HIDDEN and context.has_input("cameras"):
        given = read_cameras(context.input_path("cameras"))
        subject.hide_behind(given.vertices, given.faces)
    return subject


def scene_of(subject: Subject) -> str:
    """How a subject's scene differs from its mesh: "", `APART` or `HIDDEN`."""
    from .stored_views import fingerprint
    from .subject import as_scene

    plain = as_scene(subject.mesh, subject.sets)
    if len(plain.faces) != len(subject.triangles.faces):
        return HIDDEN
    return "" if fingerprint(plain) == fingerprint(subject.triangles) else APART


def parts_of(job: Job, subject: Subject) -> list[Part]:
    """What is drawn by itself, by the job's parameter `objects` and the words for objects and slots; at least one."""
    how = str(job.params.get("objects", "auto"))
    mesh = subject.mesh
    words, number = words_of_faces(mesh, subject.sets, job.prompt)
    general, _ = spoken(job.prompt, [name for thing in mesh.objects for name in (thing.name, *thing.slots)])
    target = subject.triangles.target
    assert target is not None
    number = np.concatenate([number, np.zeros(len(target) - len(number), number.dtype)])  # what only hides
    if how == "together" or (how == "auto" and len(words) <= 1):
        return [Part("", words[0] if len(words) == 1 and words[0] else job.prompt, target)]
    owner = np.full(len(target), -1)
    owner[: len(mesh.faces)] = mesh.face_object
    key = number * (len(mesh.objects) + 1) + (owner + 1 if how == "each" else 0)
    parts = []
    for one in dict.fromkeys(key[target].tolist()):
        faces = target & (key == one)
        objects = [mesh.objects[n].name for n in np.unique(owner[faces])]
        own = words[int(number[faces][0])]
        if not own or (how == "each" and own == general):
            own = ", ".join(filter(None, (_as_words(objects[0]), own)))
        parts.append(Part(objects[0] if len(objects) == 1 else f"{objects[0]} and others", own, faces))
    names = [part.name for part in parts]
    for part in parts:
        if names.count(part.name) > 1:
            part.name = f"{part.name} {_short(part.words)}"
    return parts


def _wanted(job: Job, parts: Sequence[Part]) -> tuple[list[Part], list[Job]]:
    """The parts of which something is to be drawn, with jobs whose `only_views` are theirs: "Vase top" is its top."""
    names = [name.strip() for name in re.split("[;,]", str(job.params.get("only_views", ""))) if name.strip()]
    if not names:
        return list(parts), [job] * len(parts)
    found, orders = [], []
    prefixed = {name for name in names for part in parts if name.lower().startswith(f"{part.name} ".lower())}
    for part in parts:
        own = [name[len(part.name) + 1 :] for name in prefixed if name.lower().startswith(f"{part.name} ".lower())]
        own += [name for name in names if name not in prefixed]
        if own:
            found.append(part)
            orders.append(replace(job, params={**job.params, "only_views": ", ".join(own)}))
    return found, orders


def _as_words(name: str) -> str:
    """An object's name as words: "Oak_Table.001" is an oak table."""
    return re.sub(r"[\W_\d]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()


def _short(words: str) -> str:
    return " ".join(re.findall(r"\w+", words)[:3])


def set_apart(subject: Subject, parts: Sequence[Part]) -> Subject:
    """A copy whose objects stand side by side in a row, each with radius 1; those that share a part stay together."""
    mesh, triangles = subject.mesh, subject.triangles
    assert triangles.face_object is not None
    cluster = np.arange(len(mesh.objects))
    for part in parts:
        mine = np.unique(cluster[np.unique(triangles.face_object[part.faces])])
        cluster[np.isin(cluster, mine)] = mine[0]
    of_face = cluster[triangles.face_object]
    keys, back = np.unique(
        of_face.astype(np.int64)[:, None] * len(triangles.positions) + triangles.faces, return_inverse=True
    )
    positions = triangles.positions[keys % len(triangles.positions)].astype(np.float64)
    owner = keys // len(triangles.positions)
    for place, one in enumerate(np.unique(owner)):
        here = owner == one
        low, high = positions[here].min(axis=0), positions[here].max(axis=0)
        radius = float(np.linalg.norm(high - low)) / 2 or 1.0
        positions[here] = (positions[here] - (low + high) / 2) / radius + (SPACING * place, 0, 0)
    return _with(subject, replace(triangles, positions=positions.astype(np.float32), faces=back.reshape(-1, 3)))


def _alone(whole: Subject, part: Part, apart: bool) -> Subject:
    """What is drawn for a part: its objects alone when they are set apart, else all that may hide it."""
    triangles = whole.triangles
    if not apart:
        return _with(whole, replace(triangles, target=part.faces))
    assert triangles.face_object is not None
    keep = np.isin(triangles.face_object, np.unique(triangles.face_object[part.faces]))
    chosen = {
        name: None if (value := getattr(triangles, name)) is None else value[keep]
        for name in ("faces", "corner_uvs", "corner_normals", "face_object")
    }
    used, faces = np.unique(chosen["faces"], return_inverse=True)
    chosen["faces"] = faces.reshape(-1, 3)
    return _with(
        whole,
        Triangles(triangles.positions[used], **chosen, target=part.faces[keep], object_names=triangles.object_names),
    )


def _with(subject: Subject, triangles: Triangles) -> Subject:
    made = copy.copy(subject)
    made.triangles = triangles
    vars(made).pop("_scene", None)  # of the other triangles
    return made


def _mask(scene: Scene, camera: Camera, part: Part) -> np.ndarray:
    """(H, W) uint8: 255 where the camera sees the part, but for a border of two pixels, which filtering could mix."""
    from ..geometry.raster import render_maps

    seen = render_maps(scene, [camera])[0].face.numpy()
    mask = (seen >= 0) & part.faces[np.maximum(seen, 0)]
    for _ in range(2):
        beside = np.pad(mask, 1, mode="edge")
        rows = beside[:-2] & beside[1:-1] & beside[2:]
        mask = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return np.where(mask, 255, 0).astype(np.uint8)


def _only(view: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8: `view`, to be used on `mask` only."""
    alpha = np.minimum(view[..., 3], mask) if view.shape[2] == 4 else mask
    return np.dstack([view[..., :3], alpha])
