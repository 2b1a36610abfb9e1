"""From what a language model said to a plan: find the JSON, read it strictly, send the mistakes back.

An answer is text and stays text: it is parsed as JSON and read field by field (blender_aigc/plan), nothing else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from blender_aigc.plan import PLAN_VERSION, Plan, nearest, validate
from blender_aigc.plan.fields import mistake
from blender_aigc.protocol import Fault, Param

Messages = list[dict[str, str]]
LONGEST = 400_000
"""Letters of an answer that are looked at."""
_TRIES = 100
"""Braces that begin no JSON before the answer is given up."""


class Model(Protocol):
    """A language model, wherever it runs."""

    def ask(self, messages: Messages, schema: dict[str, Any], name: str) -> str:
        """Its answer to a conversation; it is asked for JSON of `schema`. Raises Fault, `Cancelled`."""


@dataclass
class Talk:
    """How a conversation went. questions: requests made. mistakes: what was wrong with each answer that was refused."""

    questions: int = 0
    mistakes: list[str] = field(default_factory=list[str])


class NoPlan(Exception):
    """The model never gave a plan that can be carried out; `talk` says what it did instead."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk.mistakes[-1] if talk.mistakes else "no answer")
        self.talk = talk


def ask_until_valid(
    model: Model,
    messages: Messages,
    schema: dict[str, Any],
    name: str,
    check: Callable[[Any], Any],
    retries: int,
    talk: Talk,
) -> Any:
    """What `check` makes of the first answer that it accepts; a refused one goes back with the Fault's sentence.

    check: parsed JSON -> anything; raises Fault("bad_input"). Raises NoPlan after 1 + `retries` answers.
    """
    conversation = list(messages)
    for _ in range(1 + max(0, retries)):
        talk.questions += 1
        said = model.ask(conversation, schema, name)
        try:
            return check(json_in(said))
        except Fault as fault:
            if fault.code not in ("bad_input", "version_mismatch"):
                raise
            mistake = f"{fault.message} {fault.hint}".strip()
        talk.mistakes.append(mistake)
        conversation = [
            *messages,
            {"role": "assistant", "content": said[:20_000]},
            {"role": "user", "content": f"That cannot be used: {mistake} Answer again with the whole JSON, corrected."},
        ]
    raise NoPlan(talk)


def json_in(said: str) -> Any:
    """The JSON object in `said`, also with prose or a fence around it; the largest, when there are several.

    Raises Fault("bad_input") when there is none, or when it ends before it is complete.
    """
    decoder = json.JSONDecoder(parse_constant=_refuse)
    text = said[:LONGEST]
    found: list[tuple[int, dict[str, Any]]] = []
    at, broken, tries = text.find("{"), "", 0
    while at >= 0 and tries < _TRIES:
        try:
            data, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            broken, tries = broken or str(error), tries + 1
            at = text.find("{", at + 1)
            continue
        if isinstance(data, dict):
            found.append((end - at, data))
        at = text.find("{", end)
    if not found or (broken and _inside(text, found)):
        what = f"the JSON is broken ({broken})" if broken else "there is no JSON object in it"
        raise Fault("bad_input", f"The language model's answer is no plan: {what}.", "Try again, or another model.")
    return max(found, key=lambda item: item[0])[1]


def _inside(text: str, found: list[tuple[int, dict[str, Any]]]) -> bool:
    """Are the complete objects only pieces of a larger one that was cut off?"""
    return text.lstrip("` \njson").startswith("{") and max(size for size, _ in found) < 0.8 * len(text.strip())


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


@dataclass(frozen=True)
class Vocabulary:
    """What a plan may name beside the plan's own words: generators with their parameters, assets, selected objects."""

    generators: Mapping[str, tuple[Param, ...]]
    assets: tuple[str, ...] = ()
    selection: tuple[str, ...] = ()

    def check(self, plan: Plan | object) -> Plan:
        """`plan` as one that names only what there is. Raises Fault("bad_input")."""
        checked = validate(plan, self.generators, self.assets)
        for index, thing in enumerate(checked.objects):
            if thing.shape == "selected" and thing.source and thing.source not in self.selection:
                path = f"$.objects[{index}].source"
                raise mistake(path, f"{thing.source!r} is not selected", nearest(thing.source, self.selection))
        return checked


def checked_plan(data: Any, words: Vocabulary, seed: int) -> Plan:
    """Parsed JSON as a plan that can be carried out, with our seed. Raises Fault("bad_input")."""
    if isinstance(data, dict):
        data = {**data, "version": PLAN_VERSION, "seed": seed}
        data.setdefault("title", "Plan")
    plan = words.check(data)
    return dataclasses.replace(plan, seed=seed)
