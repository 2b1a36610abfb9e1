"""What the contract refuses, before anything is computed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_aigc.protocol import TASKS, Blob, Choice, Fault, Job, ModelInfo, Param

UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("key", ["name", "rna_type", "bl_rna", "id_data", "2x", "a-b", "", "A", "é", "x" * 60, "_a"])
def test_names_that_blender_cannot_store_are_refused(key: str) -> None:
    with pytest.raises(Fault):
        Param(key, "int", "Label", "Help", 1)


@pytest.mark.parametrize(
    ("type_", "choices", "said"),
    [("choice", (), "int, float, bool, enum, text"), ("enum", ("a", "b"), "Choice"), ("enum", (), "no choices")],
)
def test_what_a_newcomer_writes_for_choices_is_corrected(type_: Any, choices: Any, said: str) -> None:
    with pytest.raises(Fault, match="'mode'") as caught:
        Param("mode", type_, "Mode", "Help", "a", choices=choices)
    assert said in caught.value.message + caught.value.hint


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_seeds_fit_in_blender(seed: int) -> None:
    with pytest.raises(Fault):
        Job(UUID, "echo", "echo", seed=seed)


@pytest.mark.parametrize("job_id", ["", "x", UUID.upper(), UUID + "0", "../" + UUID, UUID + "\n"])
def test_job_ids_are_uuids(job_id: str) -> None:
    with pytest.raises(Fault):
        Job(job_id, "echo", "echo")


@pytest.mark.parametrize(
    ("sha256", "suffix"),
    [("", ".png"), ("a" * 63, ".png"), ("A" * 64, ".png"), ("a" * 64, "png"), ("a" * 64, "./.."), ("a" * 64, ".PNG")],
)
def test_blobs_are_named_by_their_hash(sha256: str, suffix: str) -> None:
    with pytest.raises(Fault):
        Blob(sha256, suffix)


STEPS = Param("steps", "int", "Steps", "Help", 4, minimum=1, maximum=9)
SIZE = Param("size", "float", "Size", "Help", 1.0, minimum=0, maximum=2)
MODE = Param("mode", "enum", "Mode", "Help", "a", choices=(Choice("a", "A"), Choice("b", "B")))
FLAG = Param("flag", "bool", "Flag", "Help", False)
WORD = Param("word", "text", "Word", "Help", "")
INFO = ModelInfo("m", "echo", "Model", "Help", (STEPS, SIZE, MODE, FLAG, WORD))


@pytest.mark.parametrize(
    "values",
    [
        {"unknown": 1},
        {"steps": 0},
        {"steps": 10},
        {"steps": 4.0},
        {"steps": "4"},
        {"steps": True},
        {"size": 2.1},
        {"size": float("nan")},
        {"size": float("inf")},
        {"mode": "c"},
        {"mode": 0},
        {"flag": 1},
        {"word": 1},
    ],
)
def test_parameters_are_checked(values: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        INFO.check_params(values)
    assert caught.value.code == "bad_request"


def test_parameters_are_completed() -> None:
    assert INFO.check_params({"size": 2}) == {"steps": 4, "size": 2.0, "mode": "a", "flag": False, "word": ""}
    assert type(INFO.check_params({"size": 2})["size"]) is float


@given(st.integers(-100, 100))
def test_a_range_is_closed(value: int) -> None:
    if 1 <= value <= 9:
        assert STEPS.check(value) == value
    else:
        with pytest.raises(Fault, match="between 1 and 9"):
            STEPS.check(value)


@pytest.mark.parametrize(
    ("param", "text", "value"),
    [
        (STEPS, "3", 3),
        (SIZE, "1e-1", 0.1),
        (FLAG, "Yes", True),
        (FLAG, "0", False),
        (MODE, "b", "b"),
        (WORD, "x=y", "x=y"),
    ],
)
def test_the_command_line_speaks_the_types(param: Param, text: str, value: object) -> None:
    assert param.parse(text) == value


@pytest.mark.parametrize(("param", "text"), [(STEPS, "x"), (STEPS, "3.5"), (SIZE, "nan"), (FLAG, "maybe"), (MODE, "c")])
def test_the_command_line_refuses(param: Param, text: str) -> None:
    with pytest.raises(Fault) as caught:
        param.parse(text)
    assert caught.value.hint, "a way out"


def test_a_parameter_says_what_it_takes() -> None:
    ends = [(1, 9), (None, 2), (0.5, None), (None, None)]
    said = [Param("x", "float", "X", "help", 1.0, low, high).takes for low, high in ends]
    assert said == ["(1 to 9)", "(to 2)", "(0.5 to)", ""]
    assert Param("x", "enum", "X", "help", "a", choices=(Choice("a", "A"), Choice("b", "B"))).takes == "(a, b)"


def test_tasks_describe_themselves() -> None:
    for key, task in TASKS.items():
        assert key == task.id and task.label and task.help and task.outputs
