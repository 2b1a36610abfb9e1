"""The catalogue: what people call things, and that the file says what the generators say."""

from __future__ import annotations

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from blender_aigc.catalogue import Asset, Catalogue, GeneratorInfo, catalogue, describe, normal
from blender_aigc.director.generators import declared
from blender_aigc.protocol import Fault, decode, encode

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_are_fresh() -> None:
    """What the generators say of themselves; the measured sizes are judged with the meshes."""
    fresh = "run: python docs/generators.py"
    stored = [replace(i, variants=tuple(replace(v, size_m=()) for v in i.variants)) for i in catalogue().generators]
    said = [replace(i, variants=tuple(replace(v, size_m=()) for v in i.variants)) for i in declared(measured=False)]
    assert [decode(GeneratorInfo, encode(info)) for info in said] == stored, fresh
    written = runpy.run_path(str(ROOT / "docs" / "generators.py"))
    assert (ROOT / "docs" / "generators.md").read_text(encoding="utf-8") == written["page"](), fresh


def test_it_is_read_without_numpy() -> None:
    code = "import sys; sys.modules['numpy'] = None; from blender_aigc.catalogue import catalogue; catalogue()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_word_means_one_thing() -> None:
    seen: dict[str, str] = {}
    for info in catalogue().generators:
        for variant in info.variants:
            for word in variant.words:
                assert word == word.lower().strip()
                found = seen.setdefault(normal(word), info.id)
                assert found == info.id, f"{word!r} is a {info.id} and a {found}"
                match = catalogue().find(word)
                assert match is not None and match[1] == variant, f"{word!r} stands twice in {info.id}"


@pytest.mark.parametrize(
    ("said", "generator", "params"),
    [
        ("basketball", "ball", {}),
        ("Basketballs", "ball", {}),
        ("tennis  balls", "ball", {"kind": "tennis"}),
        ("mug", "cup", {}),
        ("Pine trees", "tree", {"species": "pine"}),
        ("bookshelves", "shelf", {"books": 0.8, "wood": "walnut"}),
        ("T-Shirt", "shirt", {}),
        ("glasses", "cup", {"kind": "tumbler"}),
        ("grass", "grass", {}),
        ("stairs", "stairs", {}),
        ("boxes", "crate", {"kind": "carton", "width_m": 0.4, "depth_m": 0.3, "height_m": 0.3}),
    ],
)
def test_things_are_found_by_what_people_call_them(said: str, generator: str, params: dict) -> None:
    found = catalogue().find(said)
    assert found is not None
    assert (found[0].id, found[1].params) == (generator, params)


def test_unknown_things_are_not_guessed() -> None:
    assert catalogue().find("submarine") is None
    with pytest.raises(Fault, match="no generator 'submarine'") as told:
        catalogue().generator("submarine")
    assert "ball" in told.value.hint


def test_own_things_go_before_generators() -> None:
    own = Catalogue(catalogue().generators, (Asset("Grandma's Chair", "object", ("chair", "heirloom")),))
    assert own.find_asset("chairs") is own.assets[0]
    assert own.find_asset("grandma's chair") is own.assets[0]
    assert own.find_asset("table") is None


def test_a_language_model_sees_every_generator_and_its_ranges() -> None:
    text = describe(catalogue())
    assert all(f"{info.id} (" in text for info in catalogue().generators)
    assert "kind=basketball|football" in text
    assert len(text) < 40_000  # fits into a small model's window


def test_parameters_are_checked() -> None:
    info = catalogue().generator("ball")
    assert info.check_params({"detail": 2})["detail"] == 2.0
    with pytest.raises(Fault, match="no parameter"):
        info.check_params({"colour": "red"})
    with pytest.raises(Fault, match="between 0 and 20"):
        info.check_params({"diameter_m": -1.0})
