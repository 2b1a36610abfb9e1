"""A sentence cut into words, numbers and marks, each with its place in the text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from blender_aigc.protocol import Fault

MOST_WORDS = 400
"""Longer prompts are refused: nobody means each of that many words, and the grammar would only skim them."""

_HINT = "Write an English sentence such as: a basketball falls onto a wooden floor."


@dataclass(frozen=True)
class Token:
    """text: as typed. word: lower case, without accents or possessive. value: of a number. start, end: where."""

    kind: Literal["word", "number", "mark"]
    text: str
    word: str
    start: int
    end: int
    value: float = 0.0


_PIECES = re.compile(
    r"""(?P<hex>\#[0-9a-f]{6}\b)
      | (?P<number>(?:(?<![\w.])-)?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?(?:/\d+(?!\w))?)
      | (?P<word>°/s|°|%|[^\W\d_]+(?:'[^\W\d_]+)?(?:/[^\W\d_]+[23²]?)?)
      | (?P<mark>[.,;:!?()\n"])""",
    re.X | re.I,
)
_FRACTIONS = {"½": "0.5", "¼": "0.25", "¾": "0.75", "⅓": "0.3333", "⅔": "0.6667"}
_SUFFIXES = ("'s", "'re", "'ll", "'d", "'ve")
_SHORTENED = {"can't": "not", "don't": "not", "doesn't": "not", "isn't": "not", "won't": "not", "without": "no"}


def tokenize(prompt: str) -> list[Token]:
    """The tokens of `prompt`. Raises Fault("bad_input") for an empty one, or one of more than 400 words."""
    text = unicodedata.normalize("NFC", prompt).replace("’", "'").replace("‘", "'")
    for sign, digits in _FRACTIONS.items():
        text = text.replace(sign, digits)
    if not text.strip():
        raise Fault("bad_input", "The prompt is empty.", _HINT)
    tokens = [token for match in _PIECES.finditer(text) if (token := _token(match)) is not None]
    words = sum(token.kind != "mark" for token in tokens)
    if not words:
        raise Fault("bad_input", "There are no words in the prompt.", _HINT)
    if words > MOST_WORDS:
        raise Fault(
            "bad_input",
            f"The prompt has {words:,} words; at most {MOST_WORDS} are read.",
            "Say it in a few sentences: what is there, what happens, how it is seen.",
        )
    return tokens


def _token(match: re.Match[str]) -> Token | None:
    text = match.group()
    span = match.start(), match.end()
    if match.lastgroup == "number":
        return Token("number", text, text, *span, value=_value(text))
    if match.lastgroup == "mark":
        return Token("mark", text, "." if text in ";:!?\n" else text, *span)
    if match.lastgroup == "hex":
        return Token("word", text, text.lower(), *span)
    return Token("word", text, _plain(text), *span)


def _value(text: str) -> float:
    whole, _, parts = text.replace(",", "").partition("/")
    value = min(max(float(whole), -1e15), 1e15)  # what is larger would only overflow later
    return value / float(parts) if parts and float(parts) else value


def _plain(text: str) -> str:
    word = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    word = _SHORTENED.get(word, word)
    for suffix in _SUFFIXES:
        word = word.removesuffix(suffix)
    return word.replace("²", "2")
