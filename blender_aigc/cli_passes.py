"""`-c aigc passes --out FOLDER`: the passes of the scene as files, for compositors and other programs. No server.

NAME_0001.exr            depth, normal, position ... and with `linear` the scene-linear render, one layer, 32 bits
NAME_0001_line.png ...   combined, line, mask, pose: what is a picture
NAME_0001.json           camera, names of the ids, warnings
NAME_0001.npz            with --npz: what models get, see gather/passes.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .cli_output import prepare, quiet, report, tell, unwritable
from .gather.sources import Render
from .protocol import Fault
from .sequence.plan import check_range, parse_frames
from .slots import named_objects

if TYPE_CHECKING:
    import numpy as np

_PICTURES = ("combined", "line", "mask", "pose")
_NUMBERS = ("depth", "normal", "position", "uv", "vector", "ao", "object_id", "material_id", "linear")
USUAL = "combined,depth,normal,line,object_id,material_id,vector"


def add_command(commands) -> None:
    """`commands` is what `add_subparsers` returned."""
    parser = commands.add_parser("passes", help="write the passes of the scene as files (EXR, PNG)")
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the files")
    names = ", ".join((*_PICTURES, *_NUMBERS))
    add("--passes", default=USUAL, metavar="NAMES", help=f"all, or some of: {names} (default: {USUAL})")
    add("--frames", default="", metavar="FIRST-LAST", help="the current frame when left out")
    add("--longest-px", type=int, default=0, metavar="N", help="longer side, instead of the scene's resolution")
    add("--mask-objects", action="append", metavar="PATTERN", help="of the mask; the selected ones when left out")
    add("--npz", action="store_true", help="also as NumPy file, which `render --passes` takes")
    add("--name", default="", help="what the files are called; after the scene when left out")
    parser.set_defaults(command=write_passes)


def write_passes(options: argparse.Namespace) -> None:
    """Raises Fault."""
    from .gather.frames import Frames
    from .sequence.make import file_name

    scene = bpy.context.scene
    wanted = _wanted(options.passes)
    first, last = parse_frames(options.frames) if options.frames else (scene.frame_current, scene.frame_current)
    check_range(first, last)
    objects = named_objects(options.mask_objects, "--mask-objects") if options.mask_objects else None
    folder = options.out.absolute()
    prepare(folder, folder=True)
    render = Render(longest_px=options.longest_px, passes=wanted, selected=objects)
    name = file_name(options.name or scene.name)
    frames = Frames(scene, render)
    try:
        for frame in range(first, last + 1):
            tell(f"Frame {frame}")
            with quiet():  # renders talk
                passes = frames.passes(frame)
            for path in _write(folder, f"{name}_{frame:04d}", passes, options.npz):
                report(path)
    finally:
        frames.close()


def _wanted(text: str) -> frozenset[str]:
    known = (*_PICTURES, *_NUMBERS)
    names = [word.strip() for word in text.split(",") if word.strip()]
    if names == ["all"]:
        names = [
            name for name in known if name != "mask" or any(o.select_get() for o in bpy.context.view_layer.objects)
        ]
    strange = [name for name in names if name not in known]
    if strange or not names:
        told = f"There is no pass called {strange[0]!r}." if strange else "No passes are named."
        raise Fault("bad_request", told, f"Name some of: {', '.join(known)}.")
    return frozenset(names)


def _write(folder: Path, name: str, passes: dict[str, np.ndarray], npz: bool) -> list[Path]:
    from .gather.exr_out import channels_of, write_exr
    from .gather.passes import passes_blob, passes_meta

    meta = passes_meta(passes)
    made: list[Path] = []
    path = folder / name
    try:
        channels = channels_of(passes)
        if channels:
            path = folder / f"{name}.exr"
            write_exr(path, channels, {"aigc": json.dumps(meta, ensure_ascii=False)})
            made.append(path)
        for kind in _PICTURES:
            if kind in passes:
                path = folder / f"{name}_{kind}.png"
                _write_png(path, passes[kind])
                made.append(path)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(meta, indent=1, ensure_ascii=False), encoding="utf-8")
        made.append(path)
        if npz:
            path = folder / f"{name}.npz"
            path.write_bytes(passes_blob(passes)[0])
            made.append(path)
    except (OSError, RuntimeError) as error:
        path.unlink(missing_ok=True)  # half a file looks like a whole one
        raise unwritable(path, error) from None
    return made


def _write_png(path: Path, picture: np.ndarray) -> None:
    """(H, W[, 3 or 4]) uint8, sRGB, straight alpha, row 0 on top."""
    import numpy as np

    if picture.ndim == 2:
        picture = picture[..., None].repeat(3, axis=2)
    height, width, count = picture.shape
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :count] = picture
    image = bpy.data.images.new(path.stem, width, height, alpha=count == 4)
    try:
        image.pixels.foreach_set((rgba[::-1].astype(np.float32) / 255).ravel())
        image.file_format = "PNG"
        image.save(filepath=str(path))
    finally:
        bpy.data.images.remove(image)
