"""A sentence becomes a scene that moves: typed, clicked, played, changed, undone in a real Blender. See conftest.py."""

from __future__ import annotations


def test_a_typed_sentence_becomes_a_plan(seen):
    assert seen["plan"] == ["cube", "table"]


def test_the_plan_opens_as_text(seen):
    assert len(seen["text_editors"]) == 1


def test_run_builds_it(seen):
    built, objects, fault = seen["run"]
    assert built and objects >= 8 and fault == ""


def test_bake_moves_the_cubes_and_they_play(seen):
    moving, fault = seen["bake"]
    assert sorted(moving) == ["cube 1", "cube 2", "cube 3"] and fault == ""
    assert seen["played_to"] > 20


def test_the_frames_are_drawn_and_control_frames_written(seen):
    sequence, fault, files = seen["film"]
    assert sequence == [3, 3, True] and fault == "" and len(files) == 3
    assert seen["control"] == [9, ""]


def test_a_second_sentence_is_shown_before_it_is_applied(seen):
    assert seen["proposed"] == [True, 3] and seen["discarded"] == 3 and seen["applied"] == 6


def test_run_replaces_the_scene_and_undo_brings_it_back(seen):
    _, objects, fault = seen["run_again"]
    assert objects == seen["run"][1] + 3 and fault == ""
    assert sorted(seen["undone"]) == ["cube 1", "cube 2", "cube 3"]


def test_undo_takes_everything_away(seen):
    assert seen["undone_all"] == []
