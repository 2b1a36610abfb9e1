"""Rules: an English sentence becomes a plan by grammar and lexicon, in milliseconds, the same one each time.

The method is classical: a lexicon with morphology, a chunk grammar in the manner of Abney (Parsing by Chunks, 1991),
attachment of prepositional phrases by what they can mean, and composition of the meaning. docs/plans.md has the family
of sentences. Standard library only, so that it also runs in Blender's own Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo

if TYPE_CHECKING:
    from ...context import Context


class Rules:
    """Sentences of a documented family; what it does not know it names."""

    info = ModelInfo(
        id="rules",
        task="text_to_physics",
        also=("text_to_scene",),
        label="Rules",
        help="Understands plain English about things, their places and what happens to them, and names what it ignored",
        procedural=True,
        source="Chunk grammar after Abney, Parsing by Chunks (1991)",
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """There are no weights, so there is nothing to write."""

    def load(self, folder: Path | None, device: str) -> None:
        """Read the lexicon in."""
        from ...language.lexicon import lexicon

        lexicon()

    def run(self, job: Job, context: Context) -> None:
        """Read the sentence; with a plan given, change that plan as the sentence says."""
        from ...language.planning import answer

        answer(job, context)


MODEL = Rules
