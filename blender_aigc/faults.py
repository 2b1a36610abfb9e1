"""The one kind of error that crosses the boundary. Standard library only, no bpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FaultCode = Literal[
    "bad_request",
    "bad_input",
    "unknown_model",
    "not_installed",
    "weights_missing",
    "weights_damaged",
    "licence_not_accepted",
    "out_of_memory",
    "cancelled",
    "empty_result",
    "server_gone",
    "version_mismatch",
    "disk_full",
    "internal",
]


class Fault(Exception):
    """An error that a person can read and cure. The only exception that crosses the boundary.

    code:    one of `FaultCode`.
    message: one sentence for the artist.
    hint:    the button or setting that cures it, or "".
    detail:  what a developer wants to know (never shown in the panel, always in the log), or "".
    """

    def __init__(self, code: FaultCode, message: str, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.code: FaultCode = code
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[Fault], tuple[str, str, str, str]]:
        return Fault, (self.code, self.message, self.hint, self.detail)

    def record(self) -> FaultRecord:
        return FaultRecord(self.code, self.message, self.hint, self.detail)


@dataclass(frozen=True)
class FaultRecord:
    """A `Fault` as it travels."""

    code: FaultCode
    message: str
    hint: str = ""
    detail: str = ""

    def fault(self) -> Fault:
        return Fault(self.code, self.message, self.hint, self.detail)
