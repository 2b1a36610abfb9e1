"""The contributor's page is true: its code is the echo model's, and following it makes a model that works."""

from __future__ import annotations

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


def test_the_page_names_what_the_context_has() -> None:
    named = set(re.findall(r"(?:context\.|, `)(\w+)", PAGE.split("| | |")[1].split("Cancelling")[0]))
    public = {name for name in vars(Context) if not name.startswith("_")} | {"rng"}
    assert named <= public, named - public
    assert public - named <= {"result", "discard"}, public - named
