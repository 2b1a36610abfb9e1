"""Models are found by import; a broken one, a missing library or missing weights never hide the others."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from server_process import ROOT, TEST_MODELS

from blender_aigc.protocol import TASKS, Fault, Job, decode, encode
from server.registry import Registry
from server.weights import Shelf, Weights, sha256_of

HEAD = "from blender_aigc.protocol import ModelInfo\nfrom ...weights import Weights\n"
BODY = """
class Model:
    info = ModelInfo(id="{id}", task="{task}", label="L", help="H", requires={requires})
    weights = {weights}
    @staticmethod
    def tiny(folder): pass
    def load(self, folder, device): pass
    def run(self, job, context): pass
MODEL = Model
"""


def write_model(folder: Path, stem: str, text: str = "", **fields: str) -> Path:
    defaults = {"id": stem, "task": "echo", "requires": "()", "weights": "None"}
    path = folder / f"{stem}.py"
    path.write_text(text or HEAD + textwrap.dedent(BODY).format(**{**defaults, **fields}))
    return path


def test_every_model_of_the_product_is_sound() -> None:
    registry = Registry()
    assert registry.broken == {}
    assert "echo" in registry.models
    for model_id, model in registry.models.items():
        info = model.info
        assert info.id == model_id and info.task in TASKS and info.label and info.help and not info.help.endswith(".")
        needed = model.weights is not None and not model.weights.optional
        assert (info.procedural or info.remote) != needed
        assert decode(type(info), encode(info)) == info
        for param in info.params:
            assert param.label and param.help and not param.help.endswith("."), param
        if needed:
            assert (model.weights.repository, model.weights.revision) == (info.repository, info.revision)
            assert model.weights.licence == info.licence != ""
            assert len(model.weights.revision) == 40 and (model.weights.files or model.weights.one_of)


def test_a_broken_file_is_one_line_and_the_others_work(tmp_path: Path) -> None:
    write_model(tmp_path, "good")
    write_model(tmp_path, "syntax", "def :")
    write_model(tmp_path, "missing", "import nothing_of_this_name")
    write_model(tmp_path, "throws", "raise RuntimeError('first line\\nsecond line')")
    write_model(tmp_path, "other_id", id="another")
    write_model(tmp_path, "no_task", task="no_such_task")
    write_model(tmp_path, "no_weights", weights="'x'")
    write_model(
        tmp_path,
        "no_run",
        HEAD + BODY.format(id="no_run", task="echo", requires="()", weights="None").replace("run", "walk"),
    )
    write_model(tmp_path, "shared_code", "NUMBER = 1")  # no MODEL: not a model
    registry = Registry([tmp_path])
    assert {"echo", "good"} <= set(registry.models)
    assert set(registry.broken) == {"syntax", "missing", "throws", "other_id", "no_task", "no_weights", "no_run"}
    assert "first line" in registry.broken["throws"] and "second line" not in registry.broken["throws"]
    assert "nothing_of_this_name" in registry.broken["missing"]
    with pytest.raises(Fault, match="broken: ModuleNotFoundError: .*nothing_of_this_name"):
        registry.find("echo", "missing")


def test_two_files_of_one_id_are_an_error(tmp_path: Path) -> None:
    write_model(tmp_path, "echo")
    with pytest.raises(Fault, match="Two files define the model echo") as caught:
        Registry([tmp_path])
    assert str(tmp_path) in caught.value.detail


def test_what_is_not_installed_is_said(tmp_path: Path) -> None:
    write_model(tmp_path, "wants", requires="('json', 'no_such_library')")
    info = next(info for info in Registry([tmp_path]).listing().models if info.id == "wants")
    assert info.unavailable is not None and info.unavailable.code == "not_installed"
    assert "no_such_library" in info.unavailable.message and "json" not in info.unavailable.message
    assert info.unavailable.hint


def test_missing_weights_are_said_and_found_without_a_restart(tmp_path: Path) -> None:
    models, shelf = tmp_path / "models", tmp_path / "shelf"
    models.mkdir()
    weights = "Weights('org/name', 'r' * 40, {'model.bin': '" + hashlib.sha256(b"w").hexdigest() + "'})"
    write_model(models, "heavy", weights=weights)
    registry = Registry([models], Shelf([shelf], hub_cache=tmp_path / "hub"))

    def why() -> str:
        info = next(info for info in registry.listing().models if info.id == "heavy")
        return info.unavailable.code if info.unavailable else ""

    assert why() == "weights_missing"
    job = Job("0" * 8 + "-0000" * 3 + "-" + "0" * 12, "echo", "heavy")
    with pytest.raises(Fault) as caught:
        registry.check(job)
    assert caught.value.code == "weights_missing" and str(shelf) in caught.value.detail
    (shelf / "heavy").mkdir(parents=True)
    (shelf / "heavy" / "model.bin").write_bytes(b"w")
    assert why() == ""
    assert registry.check(job) == {}


@pytest.mark.parametrize(
    "where", ["given", "given/m", "given/org--name", "studio/m", "hub/models--org--name/snapshots/rev"]
)
def test_weights_are_looked_up_in_order(tmp_path: Path, where: str) -> None:
    order = ["given/m", "given/org--name", "given", "studio/m", "hub/models--org--name/snapshots/rev"]
    for place in order[order.index(where) :]:
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "a.bin").write_text(place)
    shelf = Shelf([tmp_path / "given", tmp_path / "studio"], hub_cache=tmp_path / "hub")
    assert shelf.find("m", Weights("org/name", "rev", {"a.bin": ""})) == tmp_path / where


def test_a_folder_with_half_of_the_files_does_not_count(tmp_path: Path) -> None:
    for place, names in (("one", ["a"]), ("two", ["a", "b"])):
        (tmp_path / place).mkdir()
        for name in names:
            (tmp_path / place / name).write_text(name)
    shelf = Shelf([tmp_path / "one", tmp_path / "two"], hub_cache=tmp_path / "hub")
    assert shelf.find("m", Weights("o/n", "r", {"a": "", "b": ""})) == tmp_path / "two"


def test_the_list_is_made_without_numpy_and_torch() -> None:
    """Also the list of the test models; measured in a fresh process, because this one has numpy already."""
    code = (
        "import sys; from pathlib import Path; from server.registry import Registry;"
        "assert Registry([Path(sys.argv[1])]).listing().models;"
        "sys.stdout.write(' '.join({'numpy', 'torch', 'PIL', 'skimage'} & set(sys.modules)))"
    )
    line = [sys.executable, "-c", code, str(TEST_MODELS)]
    assert subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


def test_one_model_may_serve_several_tasks(tmp_path: Path) -> None:
    write_model(tmp_path, "both", requires='(), also=("image_to_mesh",)')
    write_model(tmp_path, "astray", requires='(), also=("no_such_task",)')
    registry = Registry([tmp_path])
    assert registry.find("echo", "both") is registry.find("image_to_mesh", "both")
    with pytest.raises(Fault, match="no model 'both'"):
        registry.find("render_image", "both")
    with pytest.raises(Fault, match="no model") as caught:
        registry.find("image_to_mesh", "nothing")
    assert "both" in caught.value.hint
    assert "no_such_task" in registry.broken["astray"]


def test_a_family_of_checkpoints_needs_one_of_several_files(tmp_path: Path) -> None:
    """Whichever lies there; its hash is not known before a job has chosen."""
    family = Weights("org/name", "rev", one_of=("*/model_index.json", "*.safetensors"))
    shelf = Shelf([tmp_path], hub_cache=tmp_path / "none")
    (tmp_path / "m").mkdir()
    with pytest.raises(Fault) as caught:
        shelf.find("m", family)
    assert caught.value.code == "weights_missing" and "*.safetensors" in caught.value.detail
    (tmp_path / "m/any.safetensors").write_bytes(b"x")
    found = shelf.verify("m", family)
    assert (found.folder, found.sha256, found.published) == (tmp_path / "m", "", False)


def test_the_hash_of_several_files_knows_no_order(tmp_path: Path) -> None:
    """The same files give the same hash, others another, and one file its own."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    assert sha256_of([one]) == hashlib.sha256(b"1").hexdigest()
    assert sha256_of([one, two]) == sha256_of([two, one, one]) != sha256_of([one])
