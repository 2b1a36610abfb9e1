"""What every planner that asks a language model does with a job."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.plan import Plan
from blender_aigc.protocol import Fault, Job

from ..language.changes import differences
from ..language.edits import edit
from ..language.planning import read_plan
from ..language.read import plan_of
from .answers import Model, NoPlan
from .questions import plan_by_model

if TYPE_CHECKING:
    from ..context import Context

LONGEST_PROMPT = 8000


def answer(job: Job, context: Context, model: Model, *, strict: bool, most_objects: int) -> Plan:
    """Save the plan that `model` gives for `job`; by the rules when it gives none and the job allows that.

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
    try:
        plan, talk = plan_by_model(
            model,
            prompt,
            before.seed if before is not None else job.seed,
            moving,
            before,
            roles=bool(job.params.get("roles", False)),
            strict=strict,
            most_objects=most_objects,
            retries=int(job.params["retries"]),
        )
        planner = job.model
    except NoPlan as failure:
        talk = failure.talk
        if not job.params["fall_back"]:
            raise Fault(
                "empty_result",
                f"The language model gave no plan that can be carried out in {talk.questions} answers.",
                "Try another model, simpler words, or the planner Rules.",
                " | ".join(talk.mistakes)[:2000],
            ) from None
        plan = _by_rules(prompt, job.seed, moving, before, talk.mistakes)
        planner = "rules"
    if before is not None:
        context.report(changes="\n".join(differences(before, plan)))
    context.save_plan(plan)
    objects = sum(thing.count for thing in plan.objects)
    context.report(planner=planner, questions=talk.questions, refused=len(talk.mistakes))
    context.report(objects=objects, notes=plan.notes)
    return plan


def _by_rules(prompt: str, seed: int, moving: bool, before: Plan | None, mistakes: list[str]) -> Plan:
    """The plan of the grammar, which says so. Raises Fault("bad_input") when the grammar cannot read it either."""
    try:
        plan = edit(before, prompt) if before is not None else plan_of(prompt, seed, moving)
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
