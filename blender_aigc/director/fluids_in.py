"""Liquid surfaces and smoke of a bake as objects of the scene."""

from __future__ import annotations

from pathlib import Path

from .build import Built


def bring_in(built: Built, folder: Path, first: int) -> None:
    """Adds what liquid and gas left in `folder`."""
