"""The contributor's page is true: its code is the echo model's, and following it makes a model that works."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

from server_process import PATIENCE_S, ROOT, command

from server.context import Context

PAGE = (ROOT / "docs" / "add-a-model.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_code_on_the_page_is_the_echo_model() -> None:
    assert (ROOT / "server" / "models" / "echo" / "echo.py").read_text(encoding="utf-8") == CODE


def test_a_copy_under_another_name_is_a_model(tmp_path: Path) -> None:
    """What the page tells a reader to do, done."""
    folder = tmp_path / "my models"
    folder.mkdir()
    (folder / "parrot.py").write_text(CODE.replace('id="echo"', 'id="parrot"').replace("class Echo", "class Parrot"))
    text = (folder / "parrot.py").read_text().replace("MODEL = Echo", "MODEL = Parrot")
    (folder / "parrot.py").write_text(text)
    line = command(
        "run", "echo", "--model", "parrot", "--prompt", "Hello", "--models", folder, "--out", tmp_path / "out"
    )
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended
    assert json.loads((tmp_path / "out" / "result.json").read_text())["provenance"]["model"] == "parrot"
    assert (tmp_path / "out" / "message.txt").read_text() == "Hello"


def test_a_copy_with_weights_as_the_page_says_reads_them(tmp_path: Path) -> None:
    """Its import, its block, its `info`: the result then claims revision and licence of the very files."""
    (imported,) = re.findall(r"`(from \.\.\.weights import \w+)` at the top", PAGE)
    (block,) = re.findall(r"```\n(weights = Weights\(.*?\n\))\n```", PAGE, re.S)
    (named,) = re.findall(r"`info` names the same (.*?):", PAGE)
    values = dict(re.findall(r'(\w+)="(.*?)"', block))
    same = "".join(f'{field}="{values[field]}", ' for field in re.findall(r"`(\w+)`", named))
    (tmp_path / "parrot.py").write_text(
        CODE.replace('id="echo",', f'id="parrot", {same}')
        .replace("    weights = None", block.replace("sha256 of the file", hashlib.sha256(b"seeds").hexdigest()))
        .replace("weights = Weights(", "    weights = Weights(")
        .replace("from blender_aigc", f"{imported}\nfrom blender_aigc")
    )
    place = tmp_path / "organisation--name"
    place.mkdir()
    (place / "model.safetensors").write_bytes(b"seeds")
    line = command("run", "echo", "--model", "parrot", "--models", tmp_path, "--weights", tmp_path, "--out", tmp_path)
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended
    provenance = json.loads((tmp_path / "result.json").read_text())["provenance"]
    assert (provenance["revision"], provenance["licence"]) == (values["revision"], values["licence"])


def test_the_page_names_what_the_context_has() -> None:
    named = set(re.findall(r"(?:context\.|, `)(\w+)", PAGE.split("| | |")[1].split("Cancelling")[0]))
    public = {name for name in vars(Context) if not name.startswith("_")} | {"rng"}
    assert named <= public, named - public
    assert public - named <= {"result", "discard"}, public - named
