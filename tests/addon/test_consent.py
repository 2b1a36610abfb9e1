"""Nothing leaves this machine while Blender's Online Access is off."""

from __future__ import annotations

import types

import pytest

from blender_aigc import batch, consent
from blender_aigc.ask import Ask, submit
from blender_aigc.protocol import Fault, ModelInfo, Param
from blender_aigc.state import STATE

REMOTE = ModelInfo(
    "far",
    "text_to_physics",
    "Far Away",
    "Asks an endpoint",
    (Param("endpoint", "text", "Endpoint", "Where", "http://127.0.0.1:11434/v1"),),
    remote=True,
)
HOSTED = {"endpoint": "https://api.example.com/v1"}


@pytest.mark.parametrize("online", [False, True])
def test_online_access_decides(online: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "bpy", types.SimpleNamespace(app=types.SimpleNamespace(online_access=online)))
    consent.check(REMOTE, {})
    consent.check(REMOTE, {"endpoint": "http://localhost:1234/v1"})
    consent.check(ModelInfo("near", "echo", "Near", "Stays here"), HOSTED)
    for info in (REMOTE, None):  # None: the server has not listed its models yet
        if online:
            consent.check(info, HOSTED)
            continue
        with pytest.raises(Fault, match="Online Access is off") as caught:
            consent.check(info, HOSTED)
        assert "api.example.com" in caught.value.message and "Preferences" in caught.value.hint


def test_both_ways_of_sending_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender runs offline here: neither the tab nor a script gets as far as to start a server."""
    import bpy

    assert not bpy.app.online_access
    monkeypatch.setitem(STATE.models, "far", REMOTE)
    monkeypatch.setattr("blender_aigc.watch.session", lambda: pytest.fail("it would have been sent"))
    with pytest.raises(Fault, match="Online Access is off"):
        submit(bpy.context, Ask("text_to_physics", "far", prompt="a ball falls", params=HOSTED))
    monkeypatch.setattr(batch, "model_for", lambda _task, _model: REMOTE)
    monkeypatch.setattr(batch, "_session", lambda: None)
    with pytest.raises(Fault, match="Online Access is off"):
        batch.run("text_to_physics", "far", prompt="a ball falls", params=HOSTED)
