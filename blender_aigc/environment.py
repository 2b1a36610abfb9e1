"""Which Python runs the server, and where its data lies. No bpy, no threads; nothing here runs a program."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .protocol import Fault

FOLDER = "aigc_studio"

SERVER_NEEDS = ("numpy", "starlette", "uvicorn")
"""Without these the server cannot start; everything else a model asks for by itself (`ModelInfo.requires`)."""

BROUGHT_ALONG = (*SERVER_NEEDS, "anyio", "click", "h11", "idna", "sniffio", "typing_extensions")
"""What may lie in folders that only Blender knows: the wheels of the zip and what those wheels need."""


@dataclass(frozen=True)
class Environment:
    """A Python that can run the server.

    python: the interpreter. paths: folders to append to its `sys.path`. label: what the panel calls it.
    """

    python: Path
    paths: tuple[Path, ...]
    label: str


def server_module(package: Path = Path(__file__).parent) -> tuple[str, Path]:
    """(module that runs the server, folder that must be importable for it).

    Installed, the server lies inside the add-on's folder; in the source tree it lies next to it.
    """
    package = package.absolute()
    if (package / "server" / "__main__.py").is_file():
        return f"{package.name}.server", package.parent
    if (package.parent / "server" / "__main__.py").is_file():
        return "server", package.parent
    raise Fault("not_installed", "The server's files are missing from the add-on.", "Install the add-on again.")


def builtin_environment() -> Environment:
    """Blender's own Python with the pure-Python wheels of the add-on: enough for procedural models, nothing to install.

    Raises Fault("not_installed") when a part is missing.
    """
    missing = [name for name in SERVER_NEEDS if _folder_of(name) is None]
    if missing:
        raise Fault(
            "not_installed",
            f"This Blender lacks {', '.join(missing)}, which the built-in server needs.",
            "Install the add-on from its zip, or choose an environment folder in the preferences.",
        )
    folders = (_folder_of(name) for name in BROUGHT_ALONG)
    return Environment(_own_python(), _distinct(folder for folder in folders if folder), "Built in")


def _folder_of(module: str) -> Path | None:
    """The folder from which `module` would be imported, found without importing it."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # ValueError: a loaded module that hides its origin
        return None
    if spec is None or not spec.origin:
        return None
    origin = Path(spec.origin)
    return origin.parent.parent if spec.submodule_search_locations else origin.parent


def _distinct(folders: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folders))


def _own_python() -> Path:
    """The interpreter of this process as a program of its own; some Blender packages name themselves instead."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = (Path(sys.prefix), Path(sys.base_prefix))
    candidates = [sys.executable, getattr(sys, "_base_executable", "")]
    candidates += [str(folder / "bin" / version) for folder in folders]
    candidates += [str(folder / "bin" / "python.exe") for folder in folders]
    candidates += [str(folder / "python.exe") for folder in folders]
    candidates.append(shutil.which(version) or "")
    for candidate in candidates:
        path = Path(candidate)
        if candidate and path.name.lower().startswith("python") and path.is_file():
            return path
    raise Fault(
        "not_installed",
        "Blender's own Python was not found as a program.",
        "Choose an environment folder in the preferences.",
        f"sys.executable={sys.executable!r} sys.prefix={sys.prefix!r}",
    )


def folder_environment(folder: str | Path) -> Environment:
    """A virtual environment, Conda environment or Python folder that the user names (or the interpreter itself).

    Raises Fault("not_installed") when there is no Python, or when the packages that the server needs are not in it.
    """
    given = Path(folder).expanduser().absolute()
    python = given if given.is_file() else _python_in(given)
    if python is None or not python.name.lower().startswith("python"):
        raise Fault(
            "not_installed",
            f"There is no Python in {given.name or given}.",
            "Choose the folder of an environment, the one that holds bin or Scripts.",
            str(given),
        )
    root = python.parent.parent if python.parent.name in ("bin", "Scripts") else python.parent
    missing = [name for name in SERVER_NEEDS if not _in_site_packages(root, name)]
    if missing and not _sees_other_packages(root):
        raise Fault(
            "not_installed",
            f"The environment {root.name} lacks {', '.join(missing)}.",
            "Install the server's requirements there, or choose another environment.",
            str(root),
        )
    return Environment(python, (), root.name)


def _python_in(folder: Path) -> Path | None:
    for name in ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe", "python/python.exe"):
        if (folder / name).is_file():
            return folder / name
    return None


def _in_site_packages(root: Path, package: str) -> bool:
    patterns = (f"lib/python3*/site-packages/{package}", f"Lib/site-packages/{package}")
    return any(next(root.glob(pattern), None) is not None for pattern in patterns)


def _sees_other_packages(root: Path) -> bool:
    """Can this Python import packages from outside `root`? Then looking at the folder proves nothing."""
    try:
        text = (root / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # not a virtual environment: a system's Python keeps packages where it likes
    lines = (line.partition("=") for line in text.lower().splitlines())
    return any(key.strip() == "include-system-site-packages" and value.strip() == "true" for key, _, value in lines)


# ------------------------------------------------------------------------------------------------------ the data folder


def data_folder(wanted: str = "") -> Path:
    """The folder for jobs, results and logs, created when needed: per user, the same for every version of Blender.

    wanted: what the preferences say, or "". AIGC_DATA in the environment wins, for farms.
    Raises Fault("disk_full") when it cannot be written to.
    """
    folder = Path(os.environ.get("AIGC_DATA") or wanted or _platform_folder()).absolute()
    _prove_writable(folder)
    return folder


def data_folder_or_temporary(wanted: str = "") -> tuple[Path, Fault | None]:
    """`data_folder`, or when that one cannot be used, a folder for this time and the reason."""
    try:
        return data_folder(wanted), None
    except Fault as fault:
        return _temporary_folder(), fault


def _temporary_folder() -> Path:
    if not hasattr(os, "getuid"):  # Windows: the temporary folder is the user's own
        folder = Path(tempfile.gettempdir()) / FOLDER
        _prove_writable(folder)
        return folder
    folder = Path(tempfile.gettempdir()) / f"{FOLDER}-{os.getuid()}"
    try:
        _prove_writable(folder)
        if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            return folder
    except Fault:
        pass
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER}-"))  # the name is taken by somebody else: keep the token from him


def _platform_folder() -> Path:
    try:
        home = Path.home()
    except RuntimeError:  # no HOME and no entry in the user database: containers, some farms
        home = Path()
    if not home.is_absolute() or home == Path(home.anchor):
        raise Fault(
            "disk_full",
            "This user has no home folder to keep data in.",
            "Choose a data folder in the preferences.",
            f"home is {home!s}",
        )
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / FOLDER
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / FOLDER
    share = os.environ.get("XDG_DATA_HOME", "")
    return (Path(share) if Path(share).is_absolute() else home / ".local" / "share") / FOLDER


def _prove_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".write-{os.getpid()}-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise Fault(
            "disk_full",
            f"The data folder {folder.name or folder} cannot be written to.",
            "Choose another data folder in the preferences.",
            str(error),
        ) from None


def scrubbed_environment() -> dict[str, str]:
    """The environment variables for the server: Blender's Python settings and its package's libraries stay outside."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "__PYVENV"))}
    for key in ("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"):
        entries = [entry for entry in kept.pop(key, "").split(os.pathsep) if entry and not _of_a_package(entry)]
        if entries:
            kept[key] = os.pathsep.join(entries)
    return kept


def _of_a_package(entry: str) -> bool:
    """Is `entry` inside a Snap, Flatpak, AppImage or Blender? Those libraries fit Blender, not other programs."""
    prefix = Path(sys.prefix)  # <Blender>/4.2/python
    if prefix.name == "python" and Path(entry).is_relative_to(prefix.parent.parent):
        return True
    return any(mark in f"{entry}/" for mark in ("/snap/", "/app/lib/", "/.mount_"))
