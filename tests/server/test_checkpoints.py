"""Reading published weights: what is opened, what is refused, and that nothing in a file is ever run."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from blender_aigc.protocol import Fault  # noqa: E402
from server.checkpoints import fill, read_checkpoint  # noqa: E402

LAYOUT = [("weight", "net.weight", (3, 2)), ("bias", "net.bias", (3,))]


def save(path: Path, **changes: object) -> Path:
    tensors = {"net.weight": torch.arange(6.0).view(3, 2), "net.bias": torch.ones(3)} | changes
    torch.save({key: value for key, value in tensors.items() if value is not None}, path)
    return path


def refused(path: Path) -> Fault:
    with pytest.raises(Fault) as caught:
        fill(torch.nn.Linear(2, 3), read_checkpoint(path), LAYOUT, "cpu", path)
    return caught.value


def test_fills_a_network_without_copying(tmp_path: Path) -> None:
    path = save(tmp_path / "model.ckpt")
    tensors = read_checkpoint(path)
    with torch.device("meta"):
        network = torch.nn.Linear(2, 3)
    fill(network, tensors, LAYOUT, "cpu", path)
    assert network.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert network.weight.data_ptr() == tensors["net.weight"].data_ptr()
    assert not network.weight.requires_grad
    assert not network.training


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    path = save(tmp_path / "model.ckpt", **{"net.weight": torch.arange(6.0).view(3, 2).half()})
    network = torch.nn.Linear(2, 3)
    fill(network, read_checkpoint(path), LAYOUT, "cpu", path)
    assert network.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"net.bias": None}, "1 missing: net.bias"),
        ({"net.extra": torch.ones(1)}, "1 unknown: net.extra"),
        ({"net.bias": torch.ones(4)}, "net.bias (4,) instead of (3,)"),
        ({"net.bias": torch.ones(3, dtype=torch.int64)}, "1 not numbers: net.bias"),
        ({f"other.{n}": torch.ones(1) for n in range(9)}, "9 unknown: other.0, other.1, other.2, other.3, ..."),
    ],
)
def test_names_what_does_not_fit(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    fault = refused(save(tmp_path / "model.ckpt", **changes))
    assert fault.code == "weights_damaged"
    assert said in fault.detail


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "model.ckpt").code == "weights_missing"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    path = save(tmp_path / "model.ckpt")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert refused(path).code == "weights_damaged"


class Payload:
    """What an attacker puts into a checkpoint."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_program_in_the_file_is_not_run(tmp_path: Path, zipped: bool) -> None:
    trace, path = tmp_path / "it_ran", tmp_path / "model.ckpt"
    torch.save({"net.weight": Payload(f'echo x > "{trace}"')}, path, _use_new_zipfile_serialization=zipped)
    fault = refused(path)
    assert fault.code == "weights_damaged"
    assert ("could run a program" in fault.message) == zipped  # the old format is not opened at all
    assert not trace.exists()


def test_the_program_of_the_test_above_is_live(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(f'echo x > "{tmp_path / "it_ran"}"')))
    assert (tmp_path / "it_ran").exists()


@pytest.mark.parametrize("value", [[1, 2], {"state_dict": {"net.bias": torch.ones(3)}}, {1: torch.ones(3)}])
def test_another_layout(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "model.ckpt")
    assert refused(tmp_path / "model.ckpt").code == "weights_damaged"


def test_random_damage_is_a_fault_or_harmless(tmp_path: Path) -> None:
    """Any byte may be wrong; whatever happens is said in words, never as a traceback."""
    path = save(tmp_path / "model.ckpt")
    content = path.read_bytes()
    chance = random.Random(5)
    outcomes = set()
    for number in range(300):
        broken = bytearray(content)
        for _ in range(chance.choice([1, 4, 40])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        damaged = tmp_path / f"{number}.ckpt"
        damaged.write_bytes(broken)
        try:
            fill(torch.nn.Linear(2, 3), read_checkpoint(damaged), LAYOUT, "cpu", damaged)
            outcomes.add("read")
        except Fault as fault:
            outcomes.add(fault.code)
    assert outcomes == {"read", "weights_damaged"}
