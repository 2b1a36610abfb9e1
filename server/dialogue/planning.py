"""What every planner that asks a language model does with a job."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.catalogue import Catalogue
from blender_aigc.plan import Plan
from blender_aigc.protocol import Fault, Job

from ..language.changes import differences
from ..language.edits import edit
from ..language.own import entries_of
from ..language.planning import read_plan
from ..language.read import plan_of
from .answers import Model, NoPlan, Talk
from .filling import plan_by_forms
from .questions import plan_by_model

if TYPE_CHECKING:
    from ..context import Context
    from .held import HeldModel

LONGEST_PROMPT = 8000


Chain = Callable[[str, int, bool, Plan | None, Catalogue], tuple[Plan, Talk]]


def answer(job: Job, context: Context, model: Model, *, strict: bool, most_objects: int) -> None:
    """Save the plan that `model` writes for `job`. Raises Fault, see `settle`."""

    def chain(prompt: str, seed: int, moving: bool, before: Plan | None, entries: Catalogue) -> tuple[Plan, Talk]:
        roles, retries = bool(job.params["roles"]), int(job.params["retries"])
        asked = {"roles": roles, "strict": strict, "most_objects": most_objects, "retries": retries}
        return plan_by_model(model, prompt, seed, moving, before, entries=entries, **asked)

    settle(job, context, chain)


def answer_by_forms(job: Job, context: Context, model: HeldModel) -> None:
    """Save the plan of the forms that a held `model` fills in. Raises Fault, see `settle`."""
    model.answer_tokens, model.temperature = int(job.params["answer_tokens"]), float(job.params["temperature"])
    model.seed, model.prompt_tokens, model.written_tokens = job.seed, 0, 0
    model.wait = lambda step, total: context.progress("Writing the plan", step, total)
    concept, most = bool(job.params["concept"]), int(job.params["most_objects"])
    asked = {"concept": concept, "most_objects": most, "retries": int(job.params["retries"])}

    def chain(prompt: str, seed: int, moving: bool, before: Plan | None, entries: Catalogue) -> tuple[Plan, Talk]:
        return plan_by_forms(model, prompt, seed, moving, before, entries=entries, **asked)

    settle(job, context, chain)
    context.report(prompt_tokens=model.prompt_tokens, answer_tokens=model.written_tokens)


def settle(job: Job, context: Context, chain: Chain) -> None:
    """Save the plan of `chain`; by the rules when it gives none and the job allows that.

    Raises Fault: bad_input for an empty or endless prompt, empty_result when there is no plan.
    """
    prompt = job.prompt.strip()
    if not prompt:
        raise Fault("bad_input", "The prompt is empty.", "Say what the scene is to show.")
    if len(prompt) > LONGEST_PROMPT:
        letters = f"{len(prompt):,} letters; at most {LONGEST_PROMPT:,}"
        raise Fault("bad_input", f"The prompt has {letters} are read.", "Shorten it.")
    moving = job.task == "text_to_physics"
    before = read_plan(Path(context.input_path("plan"))) if context.has_input("plan") else None
    entries = entries_of(context.input_path("own") if context.has_input("own") else None)
    planner = job.model
    try:
        plan, talk = chain(prompt, before.seed if before is not None else job.seed, moving, before, entries)
    except NoPlan as failure:
        talk, planner = failure.talk, "rules"
        if not job.params["fall_back"]:
            raise Fault(
                "empty_result",
                f"The language model gave no plan that can be carried out in {talk.questions} answers.",
                "Try another model, simpler words, or the planner Rules.",
                " | ".join(talk.mistakes)[:2000],
            ) from None
        plan = _by_rules(prompt, job.seed, moving, before, entries, talk.mistakes)
    if before is not None:
        context.report(changes="\n".join(differences(before, plan)))
    context.save_plan(plan)
    objects = sum(thing.count for thing in plan.objects)
    context.report(planner=planner, questions=talk.questions, refused=len(talk.mistakes))
    context.report(objects=objects, notes=plan.notes)


def _by_rules(
    prompt: str, seed: int, moving: bool, before: Plan | None, entries: Catalogue, mistakes: list[str]
) -> Plan:
    """The plan of the grammar, which says so. Raises Fault("bad_input") when the grammar cannot read it either."""
    try:
        plan = edit(before, prompt, entries) if before is not None else plan_of(prompt, seed, moving, entries)
    except Fault as fault:
        said = mistakes[-1] if mistakes else ""
        raise Fault(
            "empty_result",
            f"Neither the language model nor the rules made a plan of this. {fault.message}",
            fault.hint,
            said[:2000],
        ) from None
    why = f"Made by the rules: the language model's answers could not be used ({mistakes[-1] if mistakes else 'none'})."
    return dataclasses.replace(plan, notes=f"{plan.notes} {why}".strip()[:2000])
