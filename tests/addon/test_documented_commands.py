"""Every command that the README and the pages of docs/ show is understood: what changes its name changes there, too."""

from __future__ import annotations

import re
import shlex

import pytest
from live_server import ROOT

from blender_aigc import cli
from server.__main__ import _parser as server_parser

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
HEADS = re.compile(r"(-c aigc|python -m blender_aigc|python -m server) ((?:[^`\n\\]|\\\n)+)")
SPAN = re.compile(r"(?<!`)`[^`]+`(?!`)")  # code within a sentence: it may go on in the next line, a fence's may not
PLACEHOLDERS = {"TASK", "COMMAND"}


def commands() -> list[tuple[str, str, list[str]]]:
    """(page, what is called, its words); what is optional is taken along, a number stands for N, words for dots."""
    found = []
    for page in PAGES:
        shown = SPAN.sub(lambda span: span[0].replace("\n", " "), page.read_text(encoding="utf-8"))
        for head, tail in HEADS.findall(shown):
            text = tail.replace("\\\n", " ").partition("   ")[0]  # columns of a listing: what follows explains
            text = re.sub(r"[][]", "", text).split(" # ")[0].replace('"..."', "WORDS").replace("...", "")
            words = ["1" if word == "N" else word for word in shlex.split(text)]
            spoken_of = tail.rstrip().endswith("...") or words in ([], ["run"], ["passes"])
            if not spoken_of and not PLACEHOLDERS & set(words[:2]):
                found.append((page.name, head, words))
    return found


@pytest.mark.parametrize(("page", "head", "words"), commands(), ids=lambda value: str(value)[:60])
def test_it_is_understood(page: str, head: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = server_parser() if head == "python -m server" else cli._parser()
    try:
        parser.parse_args(words)
    except SystemExit as ended:
        assert not ended.code, f"{page}: {' '.join(words)}: {capsys.readouterr().err}"


def test_there_are_some() -> None:
    assert len(commands()) > 30
