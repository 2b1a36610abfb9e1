"""Local Language Model: a small open model plans the scene on this machine, held to a form that is always valid.

Qwen3 (arXiv 2505.09388), SmolLM3 and other instruct models in the layout of the transformers library. The forms are the
roles of 3D-GPT (arXiv 2310.12945); the mask over the tokens is llguidance's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Fault, Job, ModelInfo, Param

from ...weights import Weights

if TYPE_CHECKING:
    from ...context import Context
    from ...dialogue.held import HeldModel

REPOSITORY = "Qwen/Qwen3-1.7B"
REVISION = "70d244cc86ccca08cf5af4e1e306ecf908b1ad5e"
LICENCE = "Apache-2.0"


class LocalLlm:
    info = ModelInfo(
        id="local_llm",
        task="text_to_physics",
        also=("text_to_scene",),
        label="Local Language Model",
        help="Lets a small language model on this machine write the plan; nothing leaves it",
        params=(
            Param("concept", "bool", "Concept First", "Have looks and events described before the parameters", True),
            Param(
                "most_objects",
                "int",
                "Kinds of Things",
                "The most kinds of things that it may choose",
                8,
                minimum=1,
                maximum=16,
            ),
            Param(
                "retries",
                "int",
                "Retries",
                "How often the mistakes of an answer are sent back",
                1,
                minimum=0,
                maximum=5,
            ),
            Param("fall_back", "bool", "Fall Back on Rules", "Let the rules plan when no answer can be used", True),
            Param(
                "temperature", "float", "Temperature", "0 always gives the likeliest answer", 0.0, minimum=0, maximum=2
            ),
            Param(
                "answer_tokens",
                "int",
                "Longest Answer",
                "The most tokens that one answer may have",
                4096,
                minimum=256,
                maximum=16384,
                advanced=True,
            ),
        ),
        source="Qwen3 technical report, arXiv:2505.09388; 3D-GPT, Sun et al. 2023, arXiv:2310.12945; llguidance",
        requires=("torch", "transformers", "llguidance", "safetensors"),
        repository=REPOSITORY,
        revision=REVISION,
        licence=LICENCE,
        memory_gb=8.0,
    )
    weights = Weights(
        REPOSITORY,
        REVISION,
        files={"config.json": "", "tokenizer.json": ""},
        licence=LICENCE,
        bytes=4_060_000_000,
        one_of=("model.safetensors", "model.safetensors.index.json"),
    )

    def __init__(self) -> None:
        self.model: HeldModel | None = None
        self.folder: Path | None = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """A Qwen3 of two layers with random weights, and a tokenizer of bytes."""
        from ...dialogue.tiny import write_qwen3

        write_qwen3(folder)

    def load(self, folder: Path | None, device: str) -> None:
        """Raises Fault: weights_missing, weights_damaged."""
        from ...dialogue.held import HeldModel

        if folder is None:
            raise Fault(
                "weights_missing",
                "The language model needs its weights.",
                "Name their folder in the preferences, or with --weights.",
            )
        self.model, self.folder = HeldModel(folder, device), folder

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: bad_input, empty_result, out_of_memory."""
        from ...dialogue.planning import answer_by_forms

        assert self.model is not None and self.folder is not None
        context.used_weights(sorted(self.folder.glob("model*.safetensors")))
        answer_by_forms(job, context, self.model)


MODEL = LocalLlm
