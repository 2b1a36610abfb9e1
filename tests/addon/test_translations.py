"""What the interface says is there in every language: labels, choices, tooltips, problems, tasks and parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest
from test_panels import PACKAGE

from blender_aigc import translations
from blender_aigc.protocol import TASKS, Param
from server.registry import Registry

FILES = sorted(
    path.name for path in PACKAGE.glob("*.py") if not path.name.startswith(("cli", "environment", "translations"))
)
SHOWN = frozenset({"text", "placeholder", "name", "description"})
SPOKEN = frozenset({"iface_", "translated", "Problem"})
SAME = frozenset({"AIGC Studio", "LoRAs", "Euler", "Euler Ancestral", "UniPC", "Heun", "DDIM", "LCM", "TCD"}) | {
    *("DPM++ 2M", "DPM++ 2M Karras", "DPM++ 2M SDE Karras"),
    *("SDXL", "Stable Diffusion 1.5"),
    *("Marigold Appearance", "Marigold Lighting", "Marigold Normals"),
}
"""Names that are the same everywhere."""
UNSEEN = frozenset({"Duck", "Thumbnails", "RET", "ESC", "..."})
"""The name of the sample, and words for Blender."""


def words(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def strings(path: Path) -> Iterator[str]:
    """English texts that Blender would look up: of drawing calls, properties, operators, choices and problems."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            hidden = any(option.arg == "options" and "HIDDEN" in ast.unparse(option.value) for option in node.keywords)
            plain = any(option.arg == "translate" for option in node.keywords)
            if not hidden and not plain:
                yield from (words(option.value) for option in node.keywords if option.arg in SHOWN)
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SPOKEN:
                yield from (words(one) for one in node.args if words(one)[:1].isupper() or " " in words(one))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("bl_label", "bl_description"):
            yield words(node.value)
        elif isinstance(node, ast.Tuple) and len(node.elts) >= 3 and words(node.elts[0]).isupper():
            yield from (words(one) for one in node.elts[1:3])


def shown() -> set[str]:
    found = {
        text for name in FILES for text in strings(PACKAGE / name) if text.strip() and not text.startswith("aigc.")
    }
    for info in (model.info for model in Registry().models.values()):
        found |= {text for knob in info.params for text in spoken(knob)}
    for task in TASKS.values():
        found |= {task.label, task.help, *(text for one in task.inputs for text in (one.label, one.help))}
    return found - SAME - UNSEEN - {""}


def spoken(knob: Param) -> Iterator[str]:
    """Label, tooltip and choices of a parameter; sizes in pixels say themselves."""
    yield from (knob.label, knob.help)
    for choice in knob.choices:
        yield from (choice.label, choice.help) if not choice.id.isdigit() else ()


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_nothing_of_the_interface_is_left_in_english(language: str) -> None:
    assert sorted(shown() - translations.texts(language).keys()) == []


def test_the_search_finds_what_it_is_meant_to_find() -> None:
    """Else an empty set would be complete."""
    wanted = {"Selected Objects", "Occluded by Others", "Check Views", "Best Views", "No group is named."}
    wanted |= {"UV Map", "The own UVs, or an explanation why they do not serve", "Carbon Fibre"}
    wanted |= {"Pen and Ink", "Layers to Skip", "Roundness", "Hold to Picture", "Temperature"}
    wanted |= {"Words to Picture", "Scatter on Active", "Share the Server", "Render {number} Frames"}
    wanted |= {"Green: seen squarely, red: at a slant, magenta: seen by no view, so filled", "Name of the group"}
    assert wanted <= shown() and len(shown()) > 300


def test_no_text_is_translated_twice() -> None:
    texts = [row[0] for row in translations.ROWS]
    assert sorted({text for text in texts if texts.count(text) > 1}) == []
    assert {len(row) for row in translations.ROWS} == {1 + len(translations.LANGUAGES)}


def test_what_is_translated_is_what_blender_has(addon: None) -> None:
    """The choices and tooltips of the tab, as Blender itself holds them."""
    known = translations.texts("de_DE").keys()
    for name in ("part", "mesh_of", "mask", "source", "others_hide", "picture"):
        prop = bpy.context.scene.aigc.bl_rna.properties[name]
        items = [text for item in getattr(prop, "enum_items", ()) for text in (item.name, item.description)]
        assert [text for text in (prop.name, prop.description, *items) if text not in known] == [], name
