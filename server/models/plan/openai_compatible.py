"""OpenAI-compatible: any language model behind an endpoint plans the scene, at home or hosted.

Ollama, LM Studio, vLLM, llama.cpp's server and hosted services speak the same chat completions. The answer is held to
the plan's JSON Schema where the server can, and read strictly in any case; nothing that the model says is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blender_aigc.protocol import Job, ModelInfo, Param

if TYPE_CHECKING:
    from ...context import Context


class OpenaiCompatible:
    """Asks an endpoint, sends the mistakes of an answer back, falls back on the rules."""

    info = ModelInfo(
        id="openai_compatible",
        task="text_to_physics",
        also=("text_to_scene",),
        label="Language Model (Endpoint)",
        help="Lets a language model behind an endpoint write the plan: Ollama, LM Studio, vLLM, llama.cpp or hosted",
        params=(
            Param(
                "endpoint",
                "text",
                "Endpoint",
                "Address up to /v1; keys stay on the server, see the docs",
                "http://127.0.0.1:11434/v1",
            ),
            Param("model_name", "text", "Model Name", "What the endpoint calls its model", "qwen3:8b"),
            Param(
                "roles",
                "bool",
                "Three Roles",
                "Dispatch, conceptualise and infer in turn, which small models need",
                False,
            ),
            Param(
                "retries",
                "int",
                "Retries",
                "How often the mistakes of an answer are sent back",
                2,
                minimum=0,
                maximum=8,
            ),
            Param("fall_back", "bool", "Fall Back on Rules", "Let the rules plan when no answer can be used", True),
            Param(
                "timeout_s",
                "float",
                "Timeout",
                "How long one answer may take",
                180.0,
                minimum=1,
                maximum=3600,
                unit="s",
            ),
            Param(
                "answer_tokens",
                "int",
                "Longest Answer",
                "The most tokens that one answer may have",
                6000,
                minimum=256,
                maximum=65536,
                advanced=True,
            ),
            Param(
                "temperature",
                "float",
                "Temperature",
                "0 always gives the likeliest answer",
                0.0,
                minimum=0,
                maximum=2,
                advanced=True,
            ),
            Param(
                "price_in",
                "float",
                "Price of Questions",
                "Per million tokens, to show what a job costs",
                0.0,
                minimum=0,
                maximum=10000,
                advanced=True,
            ),
            Param(
                "price_out",
                "float",
                "Price of Answers",
                "Per million tokens, to show what a job costs",
                0.0,
                minimum=0,
                maximum=10000,
                advanced=True,
            ),
        ),
        remote=True,
        source="OpenAI API reference, chat completions; roles after 3D-GPT, Sun et al. 2023, arXiv:2310.12945",
    )
    weights = None

    @staticmethod
    def tiny(folder: Path) -> None:
        """The weights are the endpoint's."""

    def load(self, folder: Path | None, device: str) -> None:
        """Nothing is kept between jobs, keys least of all."""

    def run(self, job: Job, context: Context) -> None:
        """Raises Fault: server_gone, bad_request, empty_result, bad_input."""
        from ...dialogue.endpoint import Endpoint
        from ...dialogue.planning import answer

        params = job.params
        endpoint = Endpoint(
            str(params["endpoint"]),
            str(params["model_name"]),
            timeout_s=float(params["timeout_s"]),
            answer_tokens=int(params["answer_tokens"]),
            temperature=float(params["temperature"]),
            seed=job.seed,
            wait=context.progress,
        )
        try:
            answer(job, context, endpoint, strict=True, most_objects=24)
        finally:
            usage = endpoint.usage
            context.report(
                prompt_tokens=usage.prompt_tokens,
                answer_tokens=usage.answer_tokens,
                cost=round(usage.cost(float(params["price_in"]), float(params["price_out"])), 6),
            )


MODEL = OpenaiCompatible
