"""Builds the two extension zips from one source. Standard library only.

    python3 build_addon.py [--out DIR]

    dist/blender_aigc-<version>-studio.zip   everything; for a studio's own extension repository
    dist/blender_aigc-<version>-store.zip    without neural models: what runs in Blender's own Python

Both hold the server inside the add-on's folder and the wheels of wheels.lock. The same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import dev

ROOT = Path(__file__).resolve().parent
ADDON, SERVER, LOCK = ROOT / "blender_aigc", ROOT / "server", ROOT / "wheels.lock"
FLAVOURS = ("studio", "store")
SUFFIXES = {".py", ".toml", ".png", ".jpg", ".json", ".blend", ".md"}
DATE = (2026, 1, 1, 0, 0, 0)


def wheels() -> list[Path]:
    """The wheels of wheels.lock, downloaded once into .venvs/wheels; pip refuses a file whose hash differs."""
    cache = dev.VENVS / "wheels"
    names = [line.split()[0] for line in LOCK.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    listed = [next(cache.glob(f"{name.replace('==', '-')}-py3-none-any.whl"), None) for name in names]
    if not all(listed):
        command = [
            dev.environment("build"),
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += ["--require-hashes", "--only-binary=:all:", "--dest", cache, "--requirement", LOCK]
        subprocess.run([str(part) for part in command], check=True)
        listed = [next(cache.glob(f"{name.replace('==', '-')}-py3-none-any.whl")) for name in names]
    return sorted(path for path in listed if path)


def is_neural(path: Path) -> bool:
    """Does this server file belong to a network? The nets, and the models that import one."""
    if SERVER / "nets" in path.parents:
        return True
    if path.suffix != ".py" or SERVER / "models" not in path.parents:
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.ImportFrom)
        and (
            (node.module or "").split(".")[0] == "nets" or (not node.module and "nets" in [n.name for n in node.names])
        )
        for node in ast.walk(tree)
    )


def sources(flavour: str) -> dict[str, bytes]:
    """Name inside the zip -> content."""
    files: dict[str, bytes] = {}
    for top, prefix in ((ADDON, ""), (SERVER, "server/")):
        for path in sorted(top.rglob("*")):
            if not path.is_file() or path.suffix not in SUFFIXES or "__pycache__" in path.parts:
                continue
            if flavour == "store" and top is SERVER and is_neural(path):
                continue
            files[prefix + path.relative_to(top).as_posix()] = path.read_bytes()
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    packed = {f"wheels/{path.name}": path.read_bytes() for path in wheels()}
    files["blender_manifest.toml"] = with_wheels(files["blender_manifest.toml"].decode(), list(packed)).encode()
    return files | packed


def with_wheels(manifest: str, names: list[str]) -> str:
    """The manifest with its `wheels` list filled in. From source there is none: the environment has them."""
    listed = "wheels = [\n" + "".join(f'  "./{name}",\n' for name in names) + "]\n\n"
    if re.search(r"^wheels\s*=", manifest, re.MULTILINE):
        raise SystemExit("blender_manifest.toml already lists wheels; build_addon.py does that.")
    head, table, rest = manifest.partition("[permissions]")
    return head + listed + table + rest


def build(out: Path) -> list[Path]:
    """Write both zips into `out`; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    version = tomllib.loads((ADDON / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    made: list[Path] = []
    for flavour in FLAVOURS:
        target = out / f"blender_aigc-{version}-{flavour}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in sorted(sources(flavour).items()):
                archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED, 9)
        made.append(target)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    for path in build(parser.parse_args().out):
        sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
