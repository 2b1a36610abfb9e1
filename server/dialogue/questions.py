"""What a language model is told: the rules of a plan, the catalogue, the sentence; and the plan that it is to change.

One question, or the three roles of 3D-GPT (arXiv 2310.12945): task dispatch chooses what of the catalogue is needed,
conceptualisation says how each thing looks, parameter inference fills the plan in. The roles make each question short,
which small models need; here the last one fills a checked form instead of writing a program.
"""

from __future__ import annotations

import json
from typing import Any

from blender_aigc.catalogue import Catalogue, catalogue, describe, normal
from blender_aigc.plan import LIQUIDS, MATERIALS, SHAPES, Plan, json_schema
from blender_aigc.protocol import Fault

from .answers import Messages, Model, Talk, Vocabulary, ask_until_valid, checked_plan

RULES = """You plan 3D scenes. You answer with one JSON object of the given schema and nothing else: no prose, no code.
Frame: x to the right, y away from the viewer, z up, metres. The ground is z = 0.
Every object has a name of its own. A place is a relation ("on", "above", "inside", "beside", ...) to a target, which is
the name of another object, or "" for the ground. What falls begins "above" with distance_m and has "rigid". What stands
still has neither rigid, cloth, soft, liquid nor gas; others collide with it all the same. A flag, shirt, dress, cape,
curtain or tablecloth that moves has "cloth"; wind is a force of type "wind". Liquid that is poured comes out of a small
sphere "above" the vessel with liquid.role "inflow" and a downward velocity_m_s. Sizes are real sizes: leave size_m out
(null) for the natural one. Leave out (null) whatever the sentence does not ask for. In "notes" say what you assumed."""

OWN = """The user's own things go before shapes and generators: shape "asset", source = the name. Each selected object
is shape "selected", source = its name; relation "at" with offset_m = its base keeps it where it is."""

MOVING = "The scene moves: use physics for what the sentence lets happen."
STILL = "The scene stands still: use no physics, arrange things, camera and light well."


def vocabulary(entries: Catalogue | None = None) -> Vocabulary:
    """The generators of the catalogue with their parameters."""
    entries = entries or catalogue()
    return Vocabulary(
        {info.id: info.params for info in entries.generators},
        tuple(asset.name for asset in entries.assets),
        tuple(one.name for one in entries.selection),
    )


def own_kinds(entries: Catalogue) -> dict[str, tuple[str, str, str]]:
    """Kind -> shape, source, help of the user's own things: "own:Robot" is his asset, "selected:Cube" is selected."""
    kinds = {f"own:{a.name}": ("asset", a.name, a.help or ", ".join(a.words)) for a in entries.assets}
    return kinds | {f"selected:{s.name}": ("selected", s.name, "an object that is selected") for s in entries.selection}


MOST_OWN = 60
"""Own things that a question lists."""


def fitting(entries: Catalogue, prompt: str) -> Catalogue:
    """`entries` with `MOST_OWN` assets and selected objects at most, those that are named first: else they fill it."""
    if max(len(entries.assets), len(entries.selection)) <= MOST_OWN:
        return entries
    said = set(normal(prompt).split()) | {normal(word) for word in prompt.split()}
    named = [a for a in entries.assets if said & set(" ".join(map(normal, (a.name, *a.words))).split())]
    kept = [*named, *(asset for asset in entries.assets if asset not in named)][:MOST_OWN]
    return Catalogue(entries.generators, tuple(kept), entries.selection[:MOST_OWN])


def plan_schema(strict: bool, most_objects: int, generators: tuple[str, ...]) -> dict[str, Any]:
    """The plan's JSON Schema; `strict` for OpenAI's subset, else bare of descriptions for small models."""
    schema = json_schema(strict=strict, most_objects=most_objects, generators=generators)
    return schema if strict else _bare(schema)


_ANNOTATIONS = frozenset({"description", "default", "title", "$schema"})


def _bare(schema: Any) -> Any:
    """Without annotations; a property that happens to be called "title" stays."""
    if isinstance(schema, dict):
        return {
            key: {name: _bare(inner) for name, inner in value.items()} if key == "properties" else _bare(value)
            for key, value in schema.items()
            if key not in _ANNOTATIONS
        }
    return [_bare(item) for item in schema] if isinstance(schema, list) else schema


def first_messages(prompt: str, moving: bool, before: Plan | None, entries: Catalogue) -> Messages:
    """One question that holds everything."""
    shapes = "; ".join(f"{name}: {shape.help}" for name, shape in SHAPES.items())
    system = "\n".join(
        [
            RULES,
            MOVING if moving else STILL,
            f"Shapes: {shapes}.",
            f"Materials: {', '.join(MATERIALS)}. Liquids: {', '.join(LIQUIDS)}.",
            'Generators (shape "generator", source = the id, settings = parameters that differ from the default):',
            describe(entries),
            *([OWN] if entries.assets or entries.selection else []),
        ]
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": _asked(prompt, before)}]


def _asked(prompt: str, before: Plan | None) -> str:
    """The user's sentence is data: it stands in quotes of JSON, apart from what we say."""
    if before is None:
        return f"The scene: {json.dumps(prompt, ensure_ascii=False)}"
    return (
        f"This is the plan as it is:\n{before.to_json(indent=None)}\n"
        f"Change it as follows, and leave everything else as it is: {json.dumps(prompt, ensure_ascii=False)}"
    )


# ------------------------------------------------------------------------------------------------------- three roles


def dispatch_schema(kinds: tuple[str, ...], most_objects: int) -> dict[str, Any]:
    """What is needed: each thing's kind (a shape or a generator), number, and words about it."""
    thing = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 40},
            "kind": {"type": "string", "enum": list(kinds)},
            "count": {"type": "integer", "minimum": 1, "maximum": 1000},
        },
        "required": ["name", "kind", "count"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"things": {"type": "array", "items": thing, "minItems": 1, "maxItems": most_objects}},
        "required": ["things"],
        "additionalProperties": False,
    }


def concept_schema(names: tuple[str, ...]) -> dict[str, Any]:
    """One sentence about the looks of each thing, and one about what happens."""
    properties = {name: {"type": "string", "maxLength": 200} for name in names}
    properties["what happens"] = {"type": "string", "maxLength": 300}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def plan_by_model(
    model: Model,
    prompt: str,
    seed: int,
    moving: bool,
    before: Plan | None = None,
    *,
    roles: bool = False,
    strict: bool = True,
    most_objects: int = 16,
    retries: int = 2,
    entries: Catalogue | None = None,
) -> tuple[Plan, Talk]:
    """The plan that `model` gives for `prompt`, or for the change of `before`. roles: the chain of three questions.

    Raises NoPlan when no answer can be carried out, and what `Model.ask` raises.
    """
    entries = fitting(entries or catalogue(), prompt)
    talk, words = Talk(), vocabulary(entries)
    messages = first_messages(prompt, moving, before, entries)
    used: tuple[str, ...] = tuple(info.id for info in entries.generators)
    if roles and before is None:
        messages, used = _chain(model, prompt, moving, entries, most_objects, retries, talk)
    schema = plan_schema(strict, most_objects, used)
    check = lambda data: checked_plan(data, words, seed)  # noqa: E731
    plan: Plan = ask_until_valid(model, messages, schema, "plan", check, retries, talk)
    return plan, talk


def _chain(
    model: Model, prompt: str, moving: bool, entries: Catalogue, most_objects: int, retries: int, talk: Talk
) -> tuple[Messages, tuple[str, ...]]:
    """Dispatch and conceptualisation; the messages of parameter inference, and the generators that it may use."""
    known = {info.id: info for info in entries.generators}
    own = own_kinds(entries)
    kinds = tuple(dict.fromkeys([*own, *SHAPES, *known]))
    offered = ", ".join(kinds)
    sentence = json.dumps(prompt, ensure_ascii=False)
    ask = [
        {"role": "system", "content": f"You choose what a 3D scene needs, as JSON. Kinds: {offered}."},
        {"role": "user", "content": f"The scene: {sentence}"},
    ]
    schema = dispatch_schema(kinds, most_objects)
    chosen = ask_until_valid(model, ask, schema, "dispatch", lambda data: _things(data, kinds), retries, talk)
    names = tuple(dict.fromkeys(thing["name"] for thing in chosen))
    ask = [
        {"role": "system", "content": "You say in a sentence each how things look and what happens, as JSON."},
        {"role": "user", "content": f"The scene: {sentence}\nThe things: {json.dumps(chosen, ensure_ascii=False)}"},
    ]
    concept = ask_until_valid(model, ask, concept_schema(names), "concept", _sentences, retries, talk)
    used = tuple(dict.fromkeys(thing["kind"] for thing in chosen if thing["kind"] in set(known) - set(SHAPES)))
    chosen_kinds = {thing["kind"] for thing in chosen}
    part = Catalogue(
        tuple(known[name] for name in used),
        tuple(asset for asset in entries.assets if f"own:{asset.name}" in chosen_kinds),
        tuple(one for one in entries.selection if f"selected:{one.name}" in chosen_kinds),
    )
    messages = first_messages(prompt, moving, None, part)
    messages[1]["content"] += f"\nThe things: {json.dumps(chosen, ensure_ascii=False)}"
    messages[1]["content"] += f"\nTheir looks: {json.dumps(concept, ensure_ascii=False)}"
    return messages, used


def _things(data: Any, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """The answer of task dispatch, read strictly. Raises Fault("bad_input")."""
    things = data.get("things") if isinstance(data, dict) else None
    if not isinstance(things, list) or not things or len(things) > 64:
        raise Fault("bad_input", "There are no things in the answer.", "Give a list under the key things.")
    kept = []
    for number, thing in enumerate(things):
        said = thing if isinstance(thing, dict) else {}
        name, kind, count = said.get("name"), said.get("kind"), said.get("count")
        if not isinstance(name, str) or not name.strip() or kind not in kinds:
            raise Fault("bad_input", f"Thing {number} has no name, or a kind that is not offered.", "Choose another.")
        whole = isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= 1000
        kept.append({"name": name[:60], "kind": kind, "count": count if whole else 1})
    return kept


def _sentences(data: Any) -> dict[str, str]:
    """The answer of conceptualisation: text by thing; what is no text is left out."""
    said = data if isinstance(data, dict) else {}
    return {str(key)[:60]: value[:300] for key, value in said.items() if isinstance(value, str)}
