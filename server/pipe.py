"""What the front process and a worker say to each other: JSON, each message after its length. Standard library only."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from blender_aigc.protocol import FaultRecord, Job, Result, decode, encode

_LENGTH = struct.Struct(">I")
LARGEST = 16 << 20
"""Bytes of one message; more means that the stream is out of step."""


@dataclass(frozen=True)
class Order:
    """From the front to the worker. run: do `job`, whose inputs lie at `inputs`, in `folder`. cancel: `job_id`."""

    do: Literal["run", "cancel"]
    job_id: str
    job: Job | None = None
    folder: str = ""
    inputs: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Report:
    """From the worker to the front.

    ready: `devices` of this machine, the worker's own first. alive: a sign of life. progress: an event, with the
    median duration of a step so far. done, failed, cancelled: the job ended.
    """

    say: Literal["ready", "alive", "progress", "done", "failed", "cancelled"]
    job_id: str = ""
    phase: str = ""
    step: int = 0
    total: int = 0
    message: str = ""
    preview: str = ""
    seconds_left: float | None = None
    step_s: float = 0.0
    devices: tuple[str, ...] = ()
    result: Result | None = None
    fault: FaultRecord | None = None


def pack(message: Order | Report) -> bytes:
    body = encode(message).encode()
    return _LENGTH.pack(len(body)) + body


def read(stream: BinaryIO) -> Order | None:
    """The next order; None at the end of the stream. Blocks."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _checked(head)
    body = stream.read(length)
    return decode(Order, body) if len(body) == length else None


async def read_report(stream: asyncio.StreamReader) -> Report | None:
    """The next report; None when the worker is gone."""
    try:
        head = await stream.readexactly(_LENGTH.size)
        body = await stream.readexactly(_checked(head))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return decode(Report, body)


def _checked(head: bytes) -> int:
    (length,) = _LENGTH.unpack(head)
    if length > LARGEST:
        raise ValueError(f"a message of {length} bytes: the pipe is out of step")
    return length
