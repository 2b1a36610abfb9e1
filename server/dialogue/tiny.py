"""A language model for tests: published layout, random weights, a tokenizer that knows single bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def write_qwen3(folder: Path, seed: int = 0) -> None:
    """config.json, tokenizer.json, tokenizer_config.json, model.safetensors and the rest; about 400 kB."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    _write(folder, seed, lambda options: Qwen3ForCausalLM(Qwen3Config(**options, head_dim=8)))


def write_smollm3(folder: Path, seed: int = 0) -> None:
    """The same of SmolLM3, whose every fourth layer has no positions."""
    from transformers import SmolLM3Config, SmolLM3ForCausalLM

    _write(folder, seed, lambda options: SmolLM3ForCausalLM(SmolLM3Config(**options, no_rope_layers=[1, 0])))


def _write(folder: Path, seed: int, made: Callable[[dict[str, Any]], Any]) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = _TEMPLATE
    fast.save_pretrained(folder)
    options = {
        "vocab_size": 320,  # more than the tokenizer has, as the published models do
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "eos_token_id": fast.eos_token_id,
        "bos_token_id": fast.eos_token_id,
        "pad_token_id": fast.pad_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = made(options)
        for parameter in model.parameters():
            parameter.data.normal_(0.0, 0.4)  # awake: the usual start is nearly the same for every token
        model.save_pretrained(folder, safe_serialization=True)
