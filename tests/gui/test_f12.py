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
