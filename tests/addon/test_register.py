"""Enabling and disabling leaves Blender as it was, on every supported version."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import bpy
import pytest

import blender_aigc

ROOT = Path(blender_aigc.__file__).parents[1]


def footprint() -> dict[str, object]:
    """Everything that an add-on may leave behind."""
    return {
        "types": {name for name in dir(bpy.types) if "aigc" in name.lower()},
        "classes": {cls.__name__ for base in (bpy.types.Operator, bpy.types.Panel, bpy.types.PropertyGroup)
                    for cls in base.__subclasses__() if getattr(cls, "is_registered", False)},
        "operators": [name for name in dir(bpy.ops.aigc)],
        "scene": "aigc" in bpy.types.Scene.bl_rna.properties,
        "window_manager": "aigc" in bpy.types.WindowManager.bl_rna.properties,
        "handlers": {name: len(getattr(bpy.app.handlers, name)) for name in dir(bpy.app.handlers)
                     if isinstance(getattr(bpy.app.handlers, name), list)},
        "add menu": len(bpy.types.VIEW3D_MT_add._dyn_ui_initialize()),
    }  # fmt: skip


def test_registers_and_unregisters_twice(empty_file):
    """The footprint after is the footprint before, also the second time."""
    before = footprint()
    assert before["types"] == set()
    for _ in range(2):
        blender_aigc.register()
        during = footprint()
        assert "AIGC_PT_main" in during["types"] and during["scene"] and during["window_manager"]
        assert bpy.ops.aigc.generate.idname() == "AIGC_OT_generate"
        assert during["add menu"] == before["add menu"] + 1
        blender_aigc.unregister()
        assert footprint() == before


def test_a_part_that_fails_takes_the_others_back(empty_file, monkeypatch):
    """A half-registered add-on could neither be enabled nor disabled again."""
    from blender_aigc import panels

    before = footprint()
    monkeypatch.setattr(panels, "register", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        blender_aigc.register()
    monkeypatch.undo()
    assert footprint() == before


def test_model_groups_are_taken_back(addon):
    """Property groups that were built at run time leave with the add-on."""
    from blender_aigc import params
    from blender_aigc.protocol import ModelInfo, Param

    model = ModelInfo("probe", "echo", "Probe", "", (Param("size", "int", "Size", "How big", 3),))
    params.update({"probe": model})
    assert "AIGC_PG_probe" in footprint()["classes"]
    blender_aigc.unregister()
    left = footprint()["classes"]
    blender_aigc.register()
    assert not any(name.startswith("AIGC") for name in left)


def run_in_new_blender(script: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_enabling_imports_nothing_heavy():
    """What a start of Blender pays for: no HTTP library, no server, no numpy of ours."""
    done = run_in_new_blender("""
        import bpy
        known = set(sys.modules)
        import blender_aigc
        blender_aigc.register()
        new = {name.partition(".")[0] for name in set(sys.modules) - known}
        print("NEW", sorted(new - set(sys.stdlib_module_names) - {"bpy"}))
        blender_aigc.unregister()
    """)
    line = next(line for line in done.stdout.splitlines() if line.startswith("NEW"))
    assert line == "NEW ['blender_aigc']", line


def test_leaves_at_exit_with_its_timer_running():
    """A timer that is left at exit crashes Blender 4.2 and hangs 4.5; ours removes itself."""
    done = run_in_new_blender("""
        import bpy
        import blender_aigc
        blender_aigc.register()
        from blender_aigc import watch
        bpy.app.timers.register(watch.tick, first_interval=60.0, persistent=True)
        print("REGISTERED", bpy.app.timers.is_registered(watch.tick))
    """)
    assert "REGISTERED True" in done.stdout
    assert done.returncode == 0, done.stderr


def test_stays_away_from_bpy_at_module_level():
    """The server imports the package in a Python that has no bpy."""
    code = "import sys; sys.modules['bpy'] = None; import blender_aigc.protocol"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
