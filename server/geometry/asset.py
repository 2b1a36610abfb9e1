"""From a raw mesh to one that can be used: clean, light, unwrapped, textured. numpy; more libraries when installed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blender_aigc.protocol import Fault

from .asset_params import ASSET_PARAMS, AssetOptions
from .bake import ColourAt, bake
from .clean import check, drop_bad_faces, drop_floaters, orient, topology
from .colours import colour_field
from .decimate import available, decimate
from .mesh import Mesh
from .mesher import Progress
from .normals import vertex_normals
from .quads import pair_triangles
from .repair import fill_holes, split_nonmanifold
from .unwrap import unwrap

__all__ = ["ASSET_PARAMS", "AssetOptions", "finish"]


def finish(
    mesh: Mesh,
    options: AssetOptions,
    colour_at: ColourAt | None = None,
    progress: Progress | None = None,
) -> Mesh:
    """The finished asset: floaters gone, holes filled, decimated, unwrapped, textured, with normals and a report.

    mesh:      any frame and unit; existing `corner_uvs` and `base_colour` survive as long as no face changes.
    colour_at: (N, 3) float32 positions in the mesh's frame -> (N, 3) sRGB 0..1. Without it the vertex colours are
               baked; without either there are UVs and no texture.
    progress:  `Context.progress` or alike; phases "clean", "decimate", "unwrap", "bake". What it raises ends the work.

    `report`: faces, vertices, watertight, euler, nonmanifold_edges, removed_floaters, filled_holes, open_holes,
    turned_faces, decimated_from, quads, uv_method, uv_charts, uv_coverage, texture_px and `note`, what could not be
    done and why. Raises Fault("bad_input") for invalid positions or colours, Fault("empty_result") for no faces.
    """

    def tell(phase: str, step: int = 0, total: int = 0) -> None:
        if progress:
            progress(phase, step, total)

    tell("clean")
    report = dict(mesh.report)
    notes: list[str] = []
    mesh = _cleaned(mesh, options, report)
    if colour_at is None and mesh.vertex_colours is not None and options.faces and len(mesh.faces) > options.faces:
        colour_at = colour_field(mesh.vertices, mesh.vertex_colours)  # the full detail, before vertices are merged
    tell("decimate")
    mesh = _lighter(mesh, options, report, notes)
    if options.texture_px:
        mesh = _textured(mesh, options, colour_at, report, notes, tell)
    if options.quads:
        mesh = pair_triangles(mesh)
    mesh = replace(mesh, normals=vertex_normals(mesh.vertices, mesh.faces))
    after = topology(mesh.faces)
    report |= {
        "faces": len(mesh.faces),
        "vertices": len(mesh.vertices),
        "watertight": after.watertight,
        "euler": after.euler,
        "nonmanifold_edges": after.nonmanifold_edges,
        "quads": mesh.quads,
        "note": "; ".join(notes),
    }
    return replace(mesh, report=report)


def _cleaned(mesh: Mesh, options: AssetOptions, report: dict) -> Mesh:
    check(mesh)
    mesh = replace(mesh, vertices=np.asarray(mesh.vertices, np.float32), faces=np.asarray(mesh.faces, np.int32))
    mesh, _ = drop_bad_faces(mesh)
    mesh, report["removed_floaters"] = drop_floaters(mesh, options.floater_share)
    if not len(mesh.faces):
        raise Fault(
            "empty_result",
            "The model made no surface from this picture.",
            "Use a picture with one clear object, or change the seed.",
        )
    mesh, split = split_nonmanifold(mesh)
    if split:
        report["split_edges"] = split
    report["filled_holes"] = report["open_holes"] = 0
    if options.fill_holes:
        mesh, report["filled_holes"], report["open_holes"] = fill_holes(mesh)
    mesh, report["turned_faces"] = orient(mesh)
    return mesh


def _lighter(mesh: Mesh, options: AssetOptions, report: dict, notes: list[str]) -> Mesh:
    before = len(mesh.faces)
    if not options.faces or before <= options.faces:
        return mesh
    if not available():
        notes.append("not decimated: fast-simplification is not installed")
        return mesh
    mesh = decimate(mesh, options.faces)
    report["decimated_from"] = before
    if len(mesh.faces) > 1.1 * options.faces:
        notes.append(f"kept {len(mesh.faces)} faces: fewer would have broken the shape")
    return mesh


def _textured(mesh: Mesh, options: AssetOptions, colour_at, report: dict, notes: list[str], tell) -> Mesh:
    if mesh.corner_uvs is None:
        tell("unwrap")
        mesh, layout = unwrap(mesh, options.texture_px, options.unwrap)
        report |= {"uv_method": layout.method, "uv_charts": layout.charts, "uv_coverage": round(layout.coverage, 3)}
        if layout.reason:
            notes.append(f"unwrapped by boxes: {layout.reason}")
        mesh = replace(mesh, base_colour=None)
    if mesh.base_colour is None and (colour_at is not None or mesh.vertex_colours is not None):
        texture = bake(mesh, options.texture_px, colour_at, tell)
        report["texture_px"] = options.texture_px
        mesh = replace(mesh, base_colour=texture, vertex_colours=None)
    return mesh
