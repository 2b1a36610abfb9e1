"""Objects are textured in a real Blender, by typing words and pressing the button. See conftest.py."""

from __future__ import annotations


def test_words_and_a_button_texture_the_cube(seen):
    """In the tab, with Blender's own Python: nothing is installed."""
    assert seen["fault"] == "" and seen["materials"]["Cube"] == ["Cube"]


def test_one_ctrl_z_takes_it_back_and_redo_brings_it(seen):
    assert seen["undone"]["Cube"] == [] and seen["redone"]["Cube"] == ["Cube"]


def test_one_side_is_made_anew(seen):
    """How the sides look is for the eye: 5_gold_on_top.png, 6_material_preview.png."""
    assert seen["part_fault"] == "" and seen["part"]["Cube"] not in ([], ["Cube"])


def test_all_is_well_at_the_end(seen):
    assert seen["end"] == [None, "", "OBJECT"]
