"""What a solver reads of a frame is set before the solver runs, whatever the threads do: asked of Blender's own graph.

A strength that is keyed on a field that stands still is no such thing: one bake in fifty on a busy machine had the
strength of the frame before.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from plans import build, plan  # noqa: E402

from blender_aigc.director import simulate  # noqa: E402
from blender_aigc.director.bake import Bake  # noqa: E402

pytestmark = pytest.mark.usefixtures("empty_file")
HIGH = {"relation": "at", "offset_m": [0, 0, 1]}
FLAG = {"shape": "flag", "size_m": [0.4, 0, 0.27], "cloth": {"pin": "left"}, "place": HIGH}
CURTAIN = {**FLAG, "cloth": {"pin": "left", "release_frame": 2}}
JELLY = {"shape": "cube", "size_m": [0.3] * 3, "soft": {}, "place": HIGH}
BALL = {"shape": "sphere", "rigid": {"velocity_m_s": [1, 0, 0]}, "place": {"relation": "at", "offset_m": [-1, 0, 1]}}
WINDS = [{"type": "wind", "speed_m_s": 18}]  # with eddies
SMOKE = {"shape": "sphere", "size_m": [0.3] * 3, "place": HIGH, "gas": {"start_frame": 2}}
JET = {"shape": "sphere", "size_m": [0.3] * 3, "place": HIGH, "liquid": {"start_frame": 2}}
FIELDS = [{"type": kind} for kind in ("turbulence", "vortex", "attract", "repel", "blast")]


def graphs(folder: Path, part: str) -> list[Path]:
    """Blender's dependency graph, as the simulation of what is ordered in `folder` has it in each of its frames."""
    found: list[Path] = []
    (file_name,) = bpy.types.Depsgraph.bl_rna.functions["debug_relations_graphviz"].parameters.keys()[:1]  # 5: filepath

    def report(done: int, _total: int) -> None:
        found.append(folder / f"{done}.dot")
        bpy.context.evaluated_depsgraph_get().debug_relations_graphviz(**{file_name: str(found[-1])})

    simulate.simulate(folder, part, report)
    return found


def ordered(folder: Path, *things: dict[str, Any], **more: Any) -> tuple[Path, str]:
    bake = Bake(bpy.context, build(plan(*things, frames=3, **more)), folder)
    return bake.folder, bake.part


def read(path: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Operations of a graph: node -> "block / component / operation", and node -> the nodes that wait for it."""
    names: dict[str, str] = {}
    waiting: dict[str, set[str]] = defaultdict(set)
    inside: list[str] = []
    for line in map(str.strip, path.read_text(encoding="utf-8", errors="replace").splitlines()):
        label = re.search(r'label="([^"]*)"', line)
        if line.startswith(("digraph", "subgraph")):
            inside.append("")
        elif line == "}":
            inside.pop()
        elif line.startswith("graph ["):
            inside[-1] = label[1] if label else ""
        elif edge := re.match(r'"(\w+)" -> "(\w+)"', line):
            waiting[edge[1]].add(edge[2])
        elif label:
            names[line.split('"')[1]] = " / ".join([*inside[1:], label[1]])
    return names, waiting


def after(start: str, waiting: dict[str, set[str]]) -> set[str]:
    """All that runs only when `start` is over."""
    found, todo = set(), [start]
    while todo:
        new = waiting[todo.pop()] - found
        found |= new
        todo += new
    return found


def unordered(path: Path, solver: str) -> tuple[list[str], list[str]]:
    """Objects with keys; and those of them that `solver`, an operation of the graph, does not wait for."""
    names, waiting = read(path)
    (ends,) = [node for node, name in names.items() if re.search(solver, name)]
    keyed = {node: re.search(r"ID_REF : OB(.*?) \(", name) for node, name in names.items() if "ANIMATION_EVAL" in name}
    objects = {node: found[1] for node, found in keyed.items() if found}
    return sorted(objects.values()), sorted(name for node, name in objects.items() if ends not in after(node, waiting))


@pytest.mark.parametrize(
    ("things", "forces", "solver", "keyed"),
    [
        ([FLAG], WINDS + FIELDS, r"OBflag .*GEOMETRY_EVAL\(\)", 8),  # with eddies and the drag that lets it settle
        ([CURTAIN, BALL], FIELDS, r"OBflag .*GEOMETRY_EVAL\(\)", 7),
        ([JELLY], WINDS + FIELDS, r"OBcube .*GEOMETRY_EVAL\(\)", 7),
    ],
    ids=["hangs", "released, hit by a ball", "soft"],
)
def test_cloth_and_soft_bodies_wait_for_all_that_is_keyed(
    things: list[dict[str, Any]], forces: list[dict[str, Any]], solver: str, keyed: int, tmp_path: Path
) -> None:
    last = graphs(*ordered(tmp_path, *things, forces=forces))[-1]
    found, late = unordered(last, solver)
    assert len(found) == keyed, found
    assert late == []


def test_rigid_bodies_wait_for_all_that_is_keyed(tmp_path: Path) -> None:
    first = graphs(*ordered(tmp_path, BALL, forces=WINDS + FIELDS))[0]
    found, late = unordered(first, "RIGIDBODY_SIM")
    assert len(found) == 7, found
    assert late == []


@pytest.mark.parametrize(("thing", "part"), [(SMOKE, "gas"), (JET, "liquid")], ids=["smoke", "liquid"])
def test_fluids_wait_for_all_that_is_keyed(thing: dict[str, Any], part: str, tmp_path: Path) -> None:
    """In a process of its own, as the Python module ends there (see fluid_trap)."""
    folder, first = ordered(tmp_path, thing, forces=WINDS + FIELDS, domain={"resolution": 16})
    assert first == part
    here = Path(__file__)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (here.parent / "fluid_trap", here.parents[2])))}
    subprocess.run([sys.executable, here, folder, part], env=env, check=True, stdout=subprocess.DEVNULL)
    found, late = unordered(folder / "1.dot", r"OBDomain .*GEOMETRY_EVAL\(\)")
    assert len(found) == 7, found
    assert late == []


if __name__ == "__main__":
    graphs(Path(sys.argv[1]), sys.argv[2])
    os._exit(0)  # bpy's own way out crashes after fluids
