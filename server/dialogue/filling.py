"""The short chain of forms: dispatch, concept, parameters; or the form of a change."""

from __future__ import annotations

import json
from typing import Any

from blender_aigc.catalogue import Catalogue, catalogue
from blender_aigc.plan import SHAPES, Plan

from .answers import Messages, Model, Talk, ask_until_valid
from .forms import (
    Chosen,
    change_form,
    changed_by,
    chosen_things,
    concept_form,
    dispatch_form,
    filled_in,
    parameter_form,
)
from .questions import MOVING, STILL, fitting, own_kinds, vocabulary


def plan_by_forms(
    model: Model,
    prompt: str,
    seed: int,
    moving: bool,
    before: Plan | None = None,
    *,
    concept: bool = True,
    most_objects: int = 8,
    retries: int = 1,
    entries: Catalogue | None = None,
) -> tuple[Plan, Talk]:
    """The plan of forms that `model` fills in. Raises NoPlan, and what `Model.ask` raises.

    concept: ask for looks and events before the parameters, as 3D-GPT does; it helps small models, and takes time.
    """
    entries = fitting(entries or catalogue(), prompt)
    talk, words = Talk(), vocabulary(entries)
    sentence = json.dumps(prompt, ensure_ascii=False)

    if before is not None:
        question = _question(
            "You change a 3D scene by filling in a form. Keep what the change does not speak of.",
            f"The plan: {before.to_json(indent=None)}\nThe change: {sentence}",
        )
        form = change_form(before)
        read = lambda data: words.check(changed_by(data, before))  # noqa: E731
        return ask_until_valid(model, question, form, "change", read, retries, talk), talk

    things = _dispatched(model, sentence, entries, most_objects, retries, talk)
    told = "; ".join(f"{thing.count} x {thing.name} ({thing.kind})" for thing in things)
    looks = ""
    if concept:
        task = "You say how things look and what happens, a few words each."
        question = _question(task, f"{sentence}\nThings: {told}")
        said = ask_until_valid(model, question, concept_form(things), "concept", _phrases, retries, talk)
        looks = f"\nLooks: {json.dumps(said, ensure_ascii=False)}"
    question = _question(
        f"You plan a 3D scene by filling in a form. x is to the right, y away from the viewer, z up. "
        f'A place is relative to an earlier thing, or to the ground (""). {MOVING if moving else STILL}',
        f"{sentence}\nThings: {told}{looks}",
    )
    form = parameter_form(things, moving, entries)
    read = lambda data: words.check(filled_in(data, things, prompt, seed, moving, entries))  # noqa: E731
    return ask_until_valid(model, question, form, "plan", read, retries, talk), talk


def _dispatched(
    model: Model, sentence: str, entries: Catalogue, most: int, retries: int, talk: Talk
) -> tuple[Chosen, ...]:
    own = own_kinds(entries)
    kinds = tuple(dict.fromkeys([*own, *SHAPES, *(g.id for g in entries.generators if g.id not in SHAPES)]))
    helps = {g.id: g.help for g in entries.generators} | {name: shape.help for name, shape in SHAPES.items()}
    helps |= {kind: about for kind, (_, _, about) in own.items()}
    offered = "; ".join(f"{kind}: {helps[kind]}" for kind in kinds)
    question = _question(f"You choose the things that a 3D scene needs. Kinds: {offered}.", sentence)
    form = dispatch_form(kinds, most)
    read = lambda data: chosen_things(data, kinds, most)  # noqa: E731
    return ask_until_valid(model, question, form, "dispatch", read, retries, talk)


def _question(system: str, user: str) -> Messages:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def _phrases(data: Any) -> dict[str, str]:
    said = data if isinstance(data, dict) else {}
    return {str(key)[:60]: value[:100] for key, value in said.items() if isinstance(value, str)}
