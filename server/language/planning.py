"""What a planner that goes by rules does with a job: a new plan, or the change of one that is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.plan import Plan, load
from blender_aigc.protocol import Fault, Job

from .changes import differences
from .edits import edit
from .own import entries_of
from .read import plan_of

if TYPE_CHECKING:
    from ..context import Context

_LARGEST = 4 << 20


def answer(job: Job, context: Context) -> None:
    """Save the plan of `job`'s prompt. Raises Fault("bad_input")."""
    context.progress("Reading", 0, 1)
    entries = entries_of(context.input_path("own") if context.has_input("own") else None)
    if context.has_input("plan"):
        before = read_plan(context.input_path("plan"))
        plan = edit(before, job.prompt, entries)
        context.report(changes="\n".join(differences(before, plan)))
    else:
        plan = plan_of(job.prompt, job.seed, job.task == "text_to_physics", entries)
    context.progress("Reading", 1, 1)
    context.save_plan(plan)
    context.report(planner="rules", objects=sum(thing.count for thing in plan.objects), notes=plan.notes)


def read_plan(path: Path) -> Plan:
    """The plan of a file. Raises Fault("bad_input") for what is none, "version_mismatch" for a newer one."""
    if path.stat().st_size > _LARGEST:
        raise Fault("bad_input", "That file is too large for a plan.", "Choose a file that ends in .plan.json.")
    try:
        return load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Fault("bad_input", "The plan cannot be read.", "Choose another file.", str(error)) from None
