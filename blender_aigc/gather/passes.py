"""The scene as a set of pictures: what is where, how far, facing which way, moving where to.

The geometry passes come from one Cycles sample per pixel on the CPU, whatever engine the scene uses: it knows
instances, modifiers, hair and alpha, works in the background, and needs no GPU context and no compositor. The ray goes
through the middle of the pixel (the filter is 0.01 px wide), so that the values are exact and free of shift. They come
back through an uncompressed multilayer EXR (see exr.py). Object and material ids are Cryptomatte hashes: indices would
have to be written into the user's objects.

Every array is (H, W[, C]) of the camera's real resolution, percentage and crop included, row 0 on top:

  combined     (H, W, 4) uint8   sRGB as the user sees it (view transform applied), straight alpha
  linear       (H, W, 4) float32 the same before the view transform: scene-linear, alpha associated
  depth        (H, W)    float32 metres along the view axis; inf = background
  normal       (H, W, 3) float32 camera space, unit: x right, y up, z towards the camera; 0 = background
  object_id    (H, W)    int32   0 = background; the names are in `meta["objects"]`, index 0 = ""
  material_id  (H, W)    int32   likewise, `meta["materials"]`
  mask         (H, W)    uint8   what is seen of the selected objects, antialiased, 255 = selected; smoke: see hulls.py
  line         (H, W)    uint8   255 = line (see lines.py)
  ao           (H, W)    float32 ambient occlusion, 0 = closed in, 1 = open
  position     (H, W, 3) float32 world, metres; 0 where depth is inf
  uv           (H, W, 2) float32 of the UV map that is active for rendering; v up, as in Blender
  vector       (H, W, 4) float32 pixels, y down: x, y to where this point was one frame ago, x, y to where it will be;
                                of the background, as of points infinitely far away
  pose         (H, W, 3) uint8   the bodies of armatures as OpenPose figures (see pose.py)
  meta                   uint8   a JSON object in UTF-8 (see `_meta`)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np

from ..faults import Fault
from ..packing import packed
from .exr import ExrError, read_exr
from .image import image_pixels
from .lines import line_art
from .pass_checks import (
    check_disk,
    check_something_to_see,
    mask_names,
    no_space,
    nothing_visible,
    size_px,
    temporary_folder,
)
from .pass_values import SOURCES, camera_normal, channels_of, ids_of, manifest, sky_motion
from .pose import people_of
from .pose_picture import control_pose
from .render_state import CameraView, Stage, camera_matrices, stage, used_layers
from .texture_files import missing_textures

PASSES = frozenset(
    "combined linear depth normal object_id material_id mask line ao position uv vector pose".split()  # noqa: SIM905 - a table
)
AO_SAMPLES = 32
MASK_SAMPLES = 16
_FAR_M = 1e9  # Blender writes 1e10 where there is nothing
_LINE_NEEDS = {"depth", "normal", "object_id", "material_id"}

Checkpoint = Callable[[str], None]
Staged = Callable[[], AbstractContextManager[Stage]]


def render_passes(
    scene: bpy.types.Scene,
    wanted: frozenset[str],
    view: CameraView | None = None,
    frame: int | None = None,
    *,
    longest_px: int = 0,
    combined: Literal["render", "workbench", "last"] = "render",
    selected: Iterable[bpy.types.Object] | None = None,
    checkpoint: Checkpoint | None = None,
    staged: Staged | None = None,
) -> dict[str, np.ndarray]:
    """The wanted passes (module docstring) of `scene` and "meta", leaving the scene as it is.

    view: instead of the scene's camera. frame: instead of the current one. longest_px: of the picture's longer side,
    instead of the scene's resolution.
    combined: "render" with the scene's own engine, settings and compositor; "workbench", quick and without lights;
    "last" takes the render that is there. selected: objects of the mask, default the selected ones.
    checkpoint: called with a phase's name between the renders; what it raises ends the work and passes through.
    staged: the copies of the scene to render in, one a call, when somebody keeps them for several frames.
    Raises Fault: "bad_input" (no camera, nothing to see, no selection, a size out of range), "disk_full", "cancelled",
    "not_installed" (Cycles is switched off).
    """
    unknown = wanted - PASSES
    if unknown or not wanted:
        raise Fault("bad_request", f"There is no pass called {', '.join(sorted(unknown)) or 'nothing'}.")
    check_something_to_see(scene)
    chosen = mask_names(scene, selected) if "mask" in wanted else set()
    say = checkpoint or (lambda phase: None)
    back = _frame_kept(scene, frame) if staged is None else nullcontext()
    staged = staged or functools.partial(stage, scene, view, frame, longest_px)
    with temporary_folder() as folder, back:
        result, facts = _all(staged, scene, wanted, combined, chosen, Path(folder), say)
    size = tuple(facts["size_px"][::-1])
    for name, array in result.items():
        if array.shape[:2] != size:
            raise Fault("bad_input", f"The picture {name} has another size than the camera's.", "Render again (F12).")
    if "line" in wanted:
        ids = (result["object_id"], result["material_id"])
        result["line"] = line_art(result["depth"], result["normal"], *ids, perspective=facts["camera"] == "PERSP")
    say("done")
    result = {name: array for name, array in result.items() if name in wanted}
    result["meta"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    return result


def _all(
    staged: Staged,
    scene: bpy.types.Scene,
    wanted: frozenset[str],
    combined: str,
    chosen: set[str],
    folder: Path,
    say: Checkpoint,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The rendered passes and the facts of "meta", a copy of the scene for each kind of render."""
    result: dict[str, np.ndarray] = {}
    needed = (wanted | (_LINE_NEEDS if "line" in wanted else set())) & SOURCES.keys() - {"ao"}
    say("geometry")
    with staged() as here:
        width, height, left, top, full = size_px(here.scene)
        check_disk(folder, width * height * 4 * 24)
        pose, matrix = camera_matrices(here, *full)
        matrix[:2, 2] -= left, top
        facts = _meta(here, pose, matrix, (width, height))
        turns = "vector" in needed and here.camera.data.type == "PERSP"  # an orthographic sky is one colour
        moved = [camera_matrices(here, *full, offset) for offset in (-1, 1)] if turns else []
        if needed or "pose" in wanted:
            result |= _geometry(here, needed | {"depth"}, folder, pose, facts)
        if "pose" in wanted:
            people = people_of(here, pose, matrix, result["depth"])
            result["pose"], facts["people"] = control_pose(people, width, height), [one.name for one in people]
    for index, (other, lens) in enumerate(moved):
        lens[:2, 2] -= left, top
        sky = np.isinf(result["depth"])
        result["vector"][sky, 2 * index : 2 * index + 2] = sky_motion(sky, pose, matrix, other, lens)
    if "ao" in wanted:  # apart, since many samples would mix the ids and positions at borders
        say("ambient occlusion")
        with staged() as here:
            result["ao"] = _geometry(here, {"ao", "depth"}, folder, pose, {})["ao"]
    if "mask" in wanted:
        say("mask")
        with staged() as here:
            result["mask"] = _mask(here, chosen, folder)
    if wanted & {"combined", "linear"}:
        say("combined")
        result |= _combined(staged, scene, combined, folder, "linear" in wanted)
    return result, facts


@contextmanager
def _frame_kept(scene: bpy.types.Scene, frame: int | None) -> Iterator[None]:
    """Evaluating the copy at another frame moves the animated values of the shared objects: move them back."""
    try:
        yield
    finally:
        if frame is not None and frame != scene.frame_current:
            scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)


def passes_blob(passes: dict[str, np.ndarray]) -> tuple[memoryview, str]:
    """Passes as the bytes of an uncompressed .npz file (no pickle), and their suffix ".npz"."""
    return packed(passes), ".npz"


def passes_meta(passes: dict[str, np.ndarray]) -> dict[str, Any]:
    """The JSON object of "meta"."""
    return json.loads(passes["meta"].tobytes())


def _geometry(
    here: Stage, needed: Set[str], folder: Path, pose: np.ndarray, facts: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The passes of all used view layers, of each pixel the nearest layer's."""
    layers = _data_render(here, {SOURCES[name][0] for name in needed}, AO_SAMPLES if "ao" in needed else 1, 0.01)
    here.clear_sky()
    channels, texts = _rendered(here, folder)
    found = [{name: channels_of(channels, layer, name) for name in needed} for layer in layers]
    merged = found[0]
    for other in found[1:]:
        nearer = other["depth"] < merged["depth"]
        for name, values in merged.items():
            values[nearer] = other[name][nearer]
    del channels
    depth = merged["depth"]
    seen = np.isfinite(depth) & (depth < _FAR_M) & (depth > 0)
    if not seen.any() and not here.without_volumes().found:
        raise nothing_visible()
    result = {"depth": np.where(seen, depth, np.float32(np.inf))}
    for name, table in (("object_id", "objects"), ("material_id", "materials")):
        if name in merged:
            kind = "CryptoObject" if name == "object_id" else "CryptoMaterial"
            result[name], facts[table] = ids_of(merged[name], seen, manifest(texts, kind))
    if "normal" in merged:
        result["normal"] = camera_normal(merged["normal"], pose, seen)
    for name in ("position", "uv"):
        if name in merged:
            result[name] = np.nan_to_num(merged[name] * seen[..., None])
    if "ao" in merged:
        result["ao"] = np.where(seen, np.clip(np.nan_to_num(merged["ao"]), 0, 1), np.float32(1))
    if "vector" in merged:  # Blender: to the previous place, and from the next one; y up
        result["vector"] = np.nan_to_num(merged["vector"] * seen[..., None]) * np.float32([1, -1, -1, 1])
    return result


def _data_render(here: Stage, switches: set[str], samples: int, filter_px: float) -> list[str]:
    """Settings of a Cycles render for data on the copy; the names of its layers, in Blender's order."""
    scene, render = here.scene, here.scene.render
    scene.animation_data_clear()  # animated settings would come back when the frame is set
    try:
        render.engine = "CYCLES"
    except TypeError:
        raise Fault(
            "not_installed", "Passes need Cycles.", "Enable Preferences > Add-ons > Cycles Render Engine."
        ) from None
    for name in ("use_compositing", "use_sequencer", "use_freestyle", "use_multiview", "use_motion_blur"):
        setattr(render, name, False)
    render.use_persistent_data = here.kept
    here.camera.data.dof.use_dof = False
    cycles: dict[str, Any] = {
        "device": "CPU",
        "samples": samples,
        "sample_offset": 0,
        "use_sample_subset": False,
        "time_limit": 0.0,
        "use_denoising": False,
        "use_adaptive_sampling": False,
        "use_guiding": False,
        "use_auto_tile": False,
        "max_bounces": 0,
        "transparent_max_bounces": 1024,  # a volume that is left out has two surfaces to go through
        "pixel_filter_type": "BLACKMAN_HARRIS",
        "filter_width": filter_px,
    }
    for name, value in cycles.items():
        if hasattr(scene.cycles, name):
            setattr(scene.cycles, name, value)
    used = used_layers(scene)
    for number, layer in enumerate(used):
        layer.name = f"L{number}"
        for prop in layer.bl_rna.properties:
            if prop.identifier.startswith("use_pass_") and not prop.is_readonly:
                setattr(layer, prop.identifier, prop.identifier in switches)
        layer.samples = 0
    for layer in scene.view_layers:
        layer.use = layer in used
    render.use_single_layer = False
    return [layer.name for layer in used]


def _rendered(here: Stage, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    path = folder / "passes.exr"
    settings = here.scene.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5: decides which formats there are
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR_MULTILAYER", "32", "NONE"
    if hasattr(settings, "use_exr_interleave"):  # else Blender 5 may write one part per pass
        settings.use_exr_interleave = True
    with here.without_volumes().rendering():
        _render(here, path)
    try:
        return read_exr(path)
    except (ExrError, OSError) as error:
        raise no_space(str(error)) from None


def _render(here: Stage, path: Path) -> None:
    render = here.scene.render
    render.filepath, render.use_file_extension = str(path), False
    render.use_overwrite, render.use_placeholder = True, False
    try:
        # not render(scene=...), which takes over the frame of the context's scene
        with bpy.context.temp_override(scene=here.scene):
            outcome = bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        if path.is_file() and path.stat().st_size:
            path.unlink()
        if "memory" in str(error).lower():
            raise Fault(
                "out_of_memory", "There is not enough memory for the render.", "Lower the resolution.", str(error)
            ) from None
        if "write" in str(error).lower() or "save" in str(error).lower():
            raise no_space(str(error)) from None
        raise Fault(
            "bad_input", "Blender could not render the scene.", "Try a render of your own (F12) first.", str(error)
        ) from None
    if "FINISHED" not in outcome:
        raise Fault("cancelled", "The render was cancelled.", "")
    if not path.is_file() or not path.stat().st_size:
        raise no_space(f"{path.name} was not written")


def _mask(here: Stage, names: set[str], folder: Path) -> np.ndarray:
    """Cryptomatte coverage of the named objects, with the filter of a normal render."""
    layers = _data_render(here, {"use_pass_cryptomatte_object"}, MASK_SAMPLES, 1.5)
    names = names | here.with_hulls(names)
    here.clear_sky()
    channels, texts = _rendered(here, folder)
    wanted = np.array([number for number, name in manifest(texts, "CryptoObject").items() if name in names], np.uint32)
    total: np.ndarray | float = 0.0
    for layer in layers:
        for level in range(3):
            for number, weight in (("r", "g"), ("b", "a")):
                key = f"{layer}.CryptoObject{level:02d}"
                if f"{key}.{number}" in channels:
                    ids = np.ascontiguousarray(channels[f"{key}.{number}"]).view(np.uint32)
                    total = total + np.where(np.isin(ids, wanted), channels[f"{key}.{weight}"], 0)
    return (np.clip(np.nan_to_num(total), 0, 1) * 255 + 0.5).astype(np.uint8)


def _combined(staged: Staged, scene: bpy.types.Scene, source: str, folder: Path, linear: bool) -> dict[str, np.ndarray]:
    if source == "last":
        if linear:
            raise Fault("bad_request", "The last render is there as a picture only.", "Render again for linear values.")
        result = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
        if result is None:
            raise Fault("bad_input", "There is no render to use.", "Render an image first (F12).")
        return {"combined": image_pixels(result)}
    with staged() as here:
        render = here.scene.render
        render.use_sequencer = render.use_multiview = render.use_stamp = False
        render.use_persistent_data = render.use_persistent_data or here.kept
        if source == "workbench":
            render.engine = "BLENDER_WORKBENCH"
            render.use_compositing = False
        else:
            here.quieten_compositor(scene)
        settings = render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGBA", "8"
        settings.compression, settings.color_management = 0, "FOLLOW_SCENE"
        path = folder / "combined.png"
        _render(here, path)
        made = {"combined": image_pixels(path)}
        return made | ({"linear": _linear(here, folder / "linear.exr")} if linear else {})


def _linear(here: Stage, path: Path) -> np.ndarray:
    """The render that was just made, once more without the view transform."""
    settings = here.scene.render.image_settings
    settings.file_format, settings.color_depth, settings.exr_codec = "OPEN_EXR", "32", "NONE"
    settings.color_mode = "RGBA"
    result = next(image for image in bpy.data.images if image.type == "RENDER_RESULT")
    try:
        result.save_render(str(path), scene=here.scene)
        channels, _ = read_exr(path)
    except (ExrError, OSError, RuntimeError) as error:
        raise no_space(str(error)) from None
    return np.stack([channels[letter] for letter in "RGBA"], axis=-1)


def _meta(here: Stage, pose: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> dict[str, Any]:
    """What the pictures alone do not say; camera and pixel conventions as in `camera_matrices`."""
    scene, data = here.scene, here.camera.data
    return {
        "warnings": missing_textures(here.frame),
        "blender": bpy.app.version_string,
        "frame": here.frame,
        "fps": scene.render.fps / scene.render.fps_base,
        "size_px": list(size),
        "camera": data.type,
        "world_from_camera": pose.tolist(),
        "camera_convention": "opencv",
        "intrinsics_px": {"fx": matrix[0, 0], "fy": matrix[1, 1], "cx": matrix[0, 2], "cy": matrix[1, 2]},
        "clip_m": [data.clip_start, data.clip_end],
        "unit_scale": scene.unit_settings.scale_length,
        "colour_space": "sRGB",
        "view_transform": scene.view_settings.view_transform,
    }
