"""DESIGN's import rules: which room may import which. Read from the syntax trees; nothing is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "llguidance",
    "trimesh",
    "skimage",
    "scipy",
    "PIL",
    "xatlas",
    "fast_simplification",
    "yaml",
}
NO_BPY = {
    "__init__",
    "protocol",
    "codec",
    "faults",
    "tasks",
    "client",
    "conversation",
    "exchange",
    "environment",
    "launcher",
    "session",
    "tracking",
    "axes",
    "packing",
    "picture_files",
    "catalogue",
}
ADDON = sorted((ROOT / "blender_aigc").rglob("*.py"))
SERVER = sorted((ROOT / "server").rglob("*.py"))


def package_of(path: Path) -> list[str]:
    return list(path.relative_to(ROOT).with_suffix("").parts[:-1])


def imports(path: Path, module_level: bool = False) -> Iterator[str]:
    """Absolute dotted names that `path` imports (relative ones resolved), all of them or only those run at import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if module_level and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        stack += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package_of(path)[: len(package_of(path)) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def tops(path: Path, module_level: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imports(path, module_level)}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


STDLIB = set(sys.stdlib_module_names)


CONTRACT = [
    p for p in ADDON if p.stem in ("protocol", "codec", "faults", "tasks", "catalogue") or p.parent.name == "plan"
]


@pytest.mark.parametrize("path", CONTRACT, ids=name)
def test_the_contract_needs_only_the_standard_library(path: Path) -> None:
    assert tops(path) <= STDLIB | {"blender_aigc"}


@pytest.mark.parametrize("path", ADDON, ids=name)
def test_the_addon_imports_what_blender_ships_and_itself(path: Path) -> None:
    allowed = STDLIB | {"numpy", "blender_aigc"} | {"bpy", "bmesh", "mathutils", "gpu", "bpy_extras", "addon_utils"}
    assert tops(path) <= allowed
    tree = ast.parse(path.read_text(encoding="utf-8"))
    absolute = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and not n.level and (n.module or "").startswith("blender_aigc")
    ]
    assert not absolute, "an installed extension has another package name: import relatively"


@pytest.mark.parametrize(
    "path",
    [p for p in ADDON if p.parent.name == "rig" or (p.parent.name == "blender_aigc" and p.stem in NO_BPY)],
    ids=name,
)
def test_files_without_bpy(path: Path) -> None:
    blender = {"bpy", "bmesh", "mathutils", "gpu"}
    assert not tops(path, module_level=path.stem == "__init__") & blender


@pytest.mark.parametrize("path", SERVER, ids=name)
def test_the_server_never_sees_blender(path: Path) -> None:
    assert not tops(path) & {"bpy", "bmesh", "mathutils"}
    contract = ("blender_aigc.protocol", "blender_aigc.plan", "blender_aigc.catalogue")
    taken = {".".join(n.split(".")[:2]) for n in imports(path) if n.startswith("blender_aigc.")}
    assert taken <= set(contract), "of the add-on only the contract: protocol, plan and catalogue"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and not n.level and (n.module or "").split(".")[0] == "server"
    ]


@pytest.mark.parametrize("path", [p for p in SERVER if p.parent.name not in ("nets", "geometry")], ids=name)
def test_heavy_libraries_are_imported_late(path: Path) -> None:
    assert not tops(path, module_level=True) & HEAVY


@pytest.mark.parametrize("path", [p for p in SERVER if "models" in p.parts], ids=name)
def test_models_stand_alone(path: Path) -> None:
    """A model takes nets, geometry, the context and what describes and reads weights; never another model.

    `diffusion` is what the models on diffusers' pipelines share: loading, controls, prompts, steps. `language` is what
    turns sentences into plans by rules, `dialogue` what the language models that plan share, `upscaling` what makes
    pictures larger.
    """
    allowed = (
        "server.nets",
        "server.geometry",
        "server.filters",
        "server.materials",
        "server.texturing",
        "server.sequence",
        "server.context",
        "server.weights",
        "server.checkpoints",
        "server.images",
        "server.diffusion",
        "server.language",
        "server.dialogue",
        "server.upscaling",
    )
    own = [n for n in imports(path) if n.startswith("server.") and n != "server." and n.count(".") >= 1]
    assert [n for n in own if not n.startswith(allowed)] == []


@pytest.mark.parametrize("path", [p for p in SERVER if "language" in p.parts], ids=name)
def test_language_needs_only_the_standard_library(path: Path) -> None:
    """The rules planner runs in Blender's own Python, before anything is installed."""
    assert tops(path) <= STDLIB | {"blender_aigc", "server"}
    own = [n for n in imports(path) if n.startswith("server.")]
    assert [n for n in own if not n.startswith("server.language")] == []


@pytest.mark.parametrize("path", [p for p in SERVER if "dialogue" in p.parts], ids=name)
def test_dialogue_knows_no_model(path: Path) -> None:
    """What is said to language models and what they say; the rules stand in for one that says nothing of use."""
    own = [n for n in imports(path) if n.startswith("server.")]
    assert [n for n in own if not n.startswith(("server.dialogue", "server.language"))] == []


@pytest.mark.parametrize("path", [p for p in SERVER if "diffusion" in p.parts], ids=name)
def test_diffusion_knows_no_model(path: Path) -> None:
    allowed = (
        "server.diffusion",
        "server.geometry",
        "server.filters",
        "server.sequence",  # frames of a sequence: what the one before has left
        "server.context",
        "server.weights",
        "server.images",
    )
    own = [n for n in imports(path) if n.startswith("server.")]
    assert [n for n in own if not n.startswith(allowed)] == []


@pytest.mark.parametrize("path", [p for p in SERVER if "nets" in p.parts], ids=name)
def test_nets_stand_alone(path: Path) -> None:
    own = [n for n in imports(path) if n.startswith("server.")]
    assert [n for n in own if not n.startswith(("server.geometry", "server.nets.__"))] == []


@pytest.mark.parametrize("path", [p for p in ADDON if p.parent.name in ("gather", "apply")], ids=name)
def test_gather_and_apply_do_not_reach_up(path: Path) -> None:
    barred = {"client", "operators", "panels", "session", "watch", "launcher"} | (
        {"apply"} if path.parent.name == "gather" else {"gather"}
    )
    assert not {n.split(".")[1] for n in imports(path) if n.startswith("blender_aigc.")} & barred


GENERATORS = [p for p in ADDON if "generators" in p.parts]
BUILDERS = {"add", "build", "materials"}


@pytest.mark.parametrize("path", [p for p in GENERATORS if p.stem not in BUILDERS], ids=name)
def test_generators_make_arrays_and_nothing_else(path: Path) -> None:
    """They are tested without Blender, so only the builders may know it; and no generator leans on another."""
    assert not tops(path) & {"bpy", "bmesh", "mathutils"}
    own = {n for n in imports(path) if n.startswith("blender_aigc.director.generators.")}
    shared = ("shapes", "parts", "declare")
    assert {n.split(".")[3] for n in own} <= set(shared)
