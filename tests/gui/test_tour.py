"""The add-on in the hands of somebody: the built zip in a real Blender under a virtual screen, by mouse and keyboard.

See conftest.py.
"""

from __future__ import annotations

from pathlib import Path

WORDS = [Path(__file__).parents[2] / "blender_aigc" / "samples" / "duck.png"]


def test_the_first_button_makes_a_first_mesh(seen):
    """Open the tab, press Try It Now: no picture chosen, nothing installed."""
    assert seen["buttons_at_first"] == 3
    assert seen["try_objects"] == ["Duck"]


def test_ctrl_z_takes_it_away_and_redo_brings_it_back(seen):
    assert seen["after_undo"] == [] and seen["after_redo"] == ["Duck"]


def test_a_picture_is_picked_in_the_file_browser(seen):
    assert seen["picture"] == "duck.png"


def test_generate_shows_progress_and_makes_the_object(seen):
    assert seen["generated"] == ["duck"] and seen["generated_after_undo"] == []
    assert len(seen["phases"]) >= 3


def test_generate_turns_into_cancel(seen):
    objects, fault = seen["after_cancel"]
    assert objects == [] and fault == ""


def test_edit_mode_is_not_disturbed(seen):
    mode, waiting, objects = seen["edit_mode"]
    assert mode == "EDIT_MESH" and "Object Mode" in waiting[0] and objects == ["Cube"]
    assert sorted(seen["after_edit_mode"]) == ["Cube", "Echo"]


def test_a_bad_picture_is_explained(seen):
    fault, unchanged = seen["fault"]
    assert "transparent" in fault and unchanged


def test_the_search_finds_the_operators(seen):
    assert seen["search"] is True


def test_the_sidebar_works_at_220_pixels(seen):
    """Whether no word is cut off is for the eye: 12_narrow.png."""
    assert seen["narrow_px"] < 260


def test_blender_can_quit_during_a_job(seen):
    assert seen["exit_code"] == 0
