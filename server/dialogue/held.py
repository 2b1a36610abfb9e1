"""A local language model, held to a schema token by token (llguidance), so that its answer is always of that form.

The published layout is that of the transformers library: config.json, tokenizer.json, model.safetensors. Thinking is
switched off in the chat template: the mask would force JSON while the model wants to think.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blender_aigc.protocol import Fault

from .answers import Messages

_LONGEST_QUESTION = 16_000
"""Tokens; more would not fit the memory that the model's description promises."""


class HeldModel:
    """A causal language model on `device`. wait: told after every token (step, total); it may raise to stop."""

    def __init__(self, folder: Path, device: str) -> None:
        """Raises Fault("weights_damaged") for files that are no language model."""
        import torch
        from llguidance import hf
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            kept = {"local_files_only": True, "use_safetensors": True, "dtype": dtype}
            model = AutoModelForCausalLM.from_pretrained(folder, **kept)
            self._vocabulary = hf.from_tokenizer(self._tokenizer, n_vocab=model.config.vocab_size)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
            raise Fault(
                "weights_damaged",
                "The files are not those of a language model.",
                "Choose a folder with config.json, tokenizer.json and model.safetensors.",
                f"{folder}: {type(error).__name__}: {error}"[:1000],
            ) from None
        self._model = model.to(device).eval()
        self.device = device
        self.answer_tokens = 4096
        self.temperature = 0.0
        self.seed = 0
        self.prompt_tokens = self.written_tokens = 0
        self.wait: Callable[[int, int], None] = lambda _step, _total: None

    def ask(self, messages: Messages, schema: dict[str, Any], name: str) -> str:
        """The answer, which is JSON of `schema`. Raises Fault("bad_input") when the question is too long."""
        import torch
        from llguidance import LLMatcher
        from llguidance.torch import allocate_token_bitmask, apply_token_bitmask_inplace, fill_next_token_bitmask

        held = {**schema, "x-guidance": {"whitespace_flexible": False}}
        matcher = LLMatcher(self._vocabulary, LLMatcher.grammar_from_json_schema(json.dumps(held)))
        if matcher.is_error():
            raise Fault("internal", "The form of the plan cannot be held.", "Report this.", matcher.get_error()[:500])
        tokens = self._question(messages)
        self.prompt_tokens += len(tokens)
        mask = allocate_token_bitmask(1, self._vocabulary.vocab_size)
        chance = torch.Generator(self.device).manual_seed(self.seed)
        answer: list[int] = []
        cache = None
        with torch.inference_mode():
            while not matcher.is_stopped() and len(answer) < self.answer_tokens:
                self.wait(len(answer), self.answer_tokens)
                out = self._model(
                    input_ids=torch.tensor([tokens], device=self.device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                cache = out.past_key_values
                logits = out.logits[:, -1, :].float()
                fill_next_token_bitmask(matcher, mask, 0)
                apply_token_bitmask_inplace(logits, mask.to(self.device))
                tokens = [self._pick(logits, chance)]
                matcher.consume_token(tokens[0])
                if matcher.is_error():
                    raise Fault("internal", "The form of the plan cannot be held.", "Report this.", matcher.get_error())
                if not matcher.is_stopped():  # what the form leaves no choice about is not asked for
                    forced = matcher.compute_ff_tokens()
                    matcher.consume_tokens(forced)
                    tokens += forced
                answer += tokens
        self.written_tokens += len(answer)
        return self._tokenizer.decode(answer, skip_special_tokens=True)

    def _question(self, messages: Messages) -> list[int]:
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        else:
            text = "\n\n".join(message["content"] for message in messages) + "\n\nJSON:"
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        most = min(_LONGEST_QUESTION, int(getattr(self._model.config, "max_position_embeddings", 1 << 20)) - 1024)
        if len(tokens) > most:
            size = f"{len(tokens):,} tokens; {most:,} are possible"
            raise Fault("bad_input", f"The question has {size}.", "Say it shorter.")
        return tokens

    def _pick(self, logits: Any, chance: Any) -> int:
        """logits: (1, V). The likeliest token, or one by chance when there is a temperature."""
        import torch

        if self.temperature <= 0:
            return int(logits.argmax(-1))
        weights = torch.softmax(logits / self.temperature, -1)
        return int(torch.multinomial(weights, 1, generator=chance))
