"""F12 in a real Blender: one click beforehand, and every render is followed by its picture. See conftest.py."""

from __future__ import annotations


def test_one_click_and_f12_make_the_picture(seen):
    """The check box in the header of the panel, F12 over the viewport; no server had been started."""
    assert seen["session_before"] in ("", "off")
    assert seen["after_render"] is True
    assert seen["results"] == ["Scene Render"] and seen["fault"] == ""
    assert seen["announced"], "that Blender will wait is said before it does"


def test_the_picture_is_shown_where_the_render_was(seen):
    assert seen["shown"] == ["Scene Render"]


def test_before_and_after_are_flipped_by_the_button(seen):
    assert seen["flipped"] == ["Render Result"] and seen["flipped_back"] == ["Scene Render"]


def test_compare_follows_the_pointer(seen):
    """The picture in the editor, split at two places."""
    assert seen["compared"] == ["Scene Render | Compare"]
    left, right = seen["splits"]
    assert 0 < left < right < 1


def test_an_animation_is_left_alone_and_said_so(seen):
    """Ctrl F12 with the box ticked: the frames are written, none is drawn by itself, and the way out is named."""
    assert seen["animated"] == ["0001.png", "0002.png", "0003.png"]
    assert "flicker" in seen["told"] and seen["results_of_animation"] == ["Scene Render"]
    assert seen["fault_again"] == "", "the next F12 is followed by its picture"


def test_draft_good_and_best_are_buttons_that_set_the_model(seen):
    assert (seen["draft"], seen["good"], seen["best"]) == ("draft", "model", "camera")
    assert seen["undone"] == "model"


def test_the_button_renders_as_f12_does(seen):
    """Blender answers meanwhile, and Esc ends it; the box in the header need not be ticked."""
    assert seen["beats_while_rendering"] > 5
    assert seen["results_after_esc"] == 2
    assert seen["fault_of_button"] == ""
