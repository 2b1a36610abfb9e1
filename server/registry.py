"""The models, found by import: every module of `server/models/<family>/` that defines MODEL, plus extra folders.

Imports neither numpy nor torch, so that the list of models is there as soon as the server is.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import pkgutil
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from blender_aigc.protocol import TASKS, Fault, Job, ModelInfo, Models

from . import models as models_package
from .weights import Shelf, Weights

if TYPE_CHECKING:
    from .context import Context


class Model(Protocol):
    """What a model file defines; docs/add-a-model.md explains it line by line."""

    info: ModelInfo
    weights: Weights | None

    @staticmethod
    def tiny(folder: Path) -> None:
        """Write a checkpoint with random weights, in the published layout, into the empty `folder`."""

    def load(self, folder: Path | None, device: str) -> None:
        """Get ready to run. folder: where the weights lie, None without weights. Heavy imports happen here."""

    def run(self, job: Job, context: Context) -> None:
        """Do `job`: read inputs from `context`, tell it the progress, save artefacts through it."""


class Registry:
    """All models that could be imported, and why the others could not."""

    def __init__(self, extra_folders: Sequence[Path] = (), shelf: Shelf | None = None) -> None:
        """Raises Fault("internal") when two files define the same model."""
        self.shelf = shelf or Shelf()
        self.models: dict[str, type[Model]] = {}
        self.broken: dict[str, str] = {}
        origin: dict[str, str] = {}
        for stem, module in self._modules(extra_folders):
            if not hasattr(module, "MODEL"):
                continue
            if stem in self.models:
                where = f"{origin[stem]} and {module.__file__}"
                raise Fault("internal", f"Two files define the model {stem}.", "Remove one of them.", where)
            try:
                self.models[stem] = _checked(stem, module.MODEL)
                origin[stem] = str(module.__file__)
            except (Fault, TypeError, AttributeError) as error:
                self.broken[stem] = f"{type(error).__name__}: {error}"

    def find(self, task: str, model_id: str) -> type[Model]:
        """Raises Fault("unknown_model")."""
        if task not in TASKS:
            raise Fault("unknown_model", f"There is no task {task[:80]!r}.", f"Choose one of: {', '.join(TASKS)}.")
        model = self.models.get(model_id)
        if model is not None and model.info.does(task):
            return model
        if model_id in self.broken:
            raise Fault(
                "unknown_model",
                f"The file of the model {model_id} is broken: {self.broken[model_id]}",
                "Correct the file; a server that runs reads it at its next start.",
            )
        offered = ", ".join(sorted(m.info.id for m in self.models.values() if m.info.does(task))) or "none"
        raise Fault(
            "unknown_model", f"There is no model {model_id[:80]!r} for {TASKS[task].label}.", f"It has: {offered}."
        )

    def first(self, task: str) -> type[Model]:
        """The first that can run now, those without a download first. Raises Fault("unknown_model")."""
        if task not in TASKS:
            return self.find(task, "")
        offered = [info for info in self.listing().models if info.does(task) and info.unavailable is None]
        if not offered:
            raise Fault(
                "unknown_model",
                f"No model for {TASKS[task].label} can run now.",
                "`python -m server models` lists them, and what each lacks.",
            )
        return self.models[min(offered, key=lambda info: not info.procedural).id]

    def check(self, job: Job) -> dict[str, bool | int | float | str]:
        """The parameters of `job`, completed with defaults. Raises Fault for whatever the job asks wrongly."""
        info = self.info(self.find(job.task, job.model))
        if info.unavailable is not None:
            raise info.unavailable.fault()
        inputs = {given.key: given for given in TASKS[job.task].inputs}
        for key in job.inputs:
            if key not in inputs:
                raise Fault("bad_request", f"{info.label} takes no input called {key[:80]!r}.")
        for key, given in inputs.items():
            if given.required and key not in job.inputs:
                raise Fault("bad_request", f"{info.label} needs an input: {given.label}.", f"Send it as {key!r}.")
        return info.check_params(job.params)

    def info(self, model: type[Model]) -> ModelInfo:
        """The model's description as of now: can it run here?"""
        try:
            _check_installed(model.info)
            if model.weights is not None and not model.weights.optional:
                self.shelf.find(model.info.id, model.weights)
        except Fault as fault:
            return dataclasses.replace(model.info, unavailable=fault.record())
        return model.info

    def listing(self) -> Models:
        """All models, by task and label."""
        infos = sorted(map(self.info, self.models.values()), key=lambda info: (info.task, info.label))
        return Models(tuple(infos), dict(self.broken))

    def _modules(self, extra_folders: Sequence[Path]) -> Iterator[tuple[str, types.ModuleType]]:
        for stem, name in _names(models_package):
            module = self._import(stem, name)
            if module is not None:
                yield stem, module
        for number, folder in enumerate(extra_folders):
            package = _extra_package(number, folder)
            for entry in pkgutil.iter_modules(package.__path__):
                module = self._import(entry.name, f"{package.__name__}.{entry.name}")
                if module is not None:
                    yield entry.name, module

    def _import(self, stem: str, name: str) -> types.ModuleType | None:
        try:
            return importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 a broken model file must not take the others with it
            self.broken[stem] = f"{type(error).__name__}: {error}".splitlines()[0][:500]
            return None


def _names(package: types.ModuleType) -> Iterator[tuple[str, str]]:
    """(file stem, module name) of every module in every family folder."""
    for family in pkgutil.iter_modules(package.__path__):
        if family.ispkg:
            folders = [str(Path(root) / family.name) for root in package.__path__]
            for entry in pkgutil.iter_modules(folders):
                yield entry.name, f"{package.__name__}.{family.name}.{entry.name}"


def _extra_package(number: int, folder: Path) -> types.ModuleType:
    """A package whose modules are the files of `folder`, so deep that `from ...geometry` means ours."""
    name = f"{models_package.__name__}.extra_{number}"
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    return package


def _checked(stem: str, model: Any) -> type[Model]:
    if not isinstance(model.info, ModelInfo):
        raise TypeError("MODEL.info is not a ModelInfo")
    if model.info.id != stem:
        raise TypeError(f"the file is called {stem}, but its model {model.info.id}")
    of_params = (task for param in model.info.params for task in param.tasks)
    for task in (model.info.task, *model.info.also, *of_params):
        if task not in TASKS:
            raise TypeError(f"there is no task {task!r}")
    if not (model.weights is None or isinstance(model.weights, Weights)):
        raise TypeError("MODEL.weights is not a Weights")
    for method in ("tiny", "load", "run"):
        if not callable(getattr(model, method)):
            raise TypeError(f"MODEL.{method} is not a function")
    return model


def _check_installed(info: ModelInfo) -> None:
    missing = [name for name in info.requires if importlib.util.find_spec(name) is None]
    if missing:
        raise Fault(
            "not_installed",
            f"{info.label} needs the full environment; not installed here: {', '.join(missing)}.",
            "Choose a full environment in the preferences.",
            sys.executable,
        )
