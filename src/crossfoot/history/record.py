"""One line of a history, and how to write many of them cheaply."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from crossfoot.verdicts import Outcome

FORMAT = 1


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a history: what the other lines are about.

    ``machine`` and ``clock`` say whose clock ``start`` and ``end`` of the calls are read from: times
    of two machines can't be compared.
    """

    crossfoot_history: int
    target: str
    scenario: str
    seed: int
    machine: str
    clock: str = "CLOCK_MONOTONIC"
    began: str = ""


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One call. ``start`` and ``end`` are nanoseconds on the machine's monotonic clock.

    ``end`` is 0 for a call of which no answer came. ``server_start`` and ``server_end`` are
    microseconds since 1970 on the server's own clock, where they were asked for. ``result`` is the
    first row of the answer as text, or the error's message. ``attempt`` counts from 1 where a caller
    sends the same call (the same ``key``) again.
    """

    id: int
    session: str
    operation: str
    outcome: Outcome
    start: int
    end: int = 0
    arguments: dict[str, Any] = {}
    key: str = ""
    result: dict[str, Any] = {}
    sqlstate: str = ""
    attempt: int = 1
    server_start: int = 0
    server_end: int = 0


class Recorder:
    """Writes a history. Lines are encoded when they come and written in blocks."""

    def __init__(self, path: Path, *, target: str, scenario: str, seed: int, began: str) -> None:
        self.path = path
        self._encoder = msgspec.json.Encoder()
        self._buffer = bytearray()
        self._file: IO[bytes] = path.open("wb")
        self._write(Head(FORMAT, target, scenario, seed, socket.gethostname(), began=began))

    def add(self, call: CallRecord) -> None:
        """Note a call that has ended, or of which the answer is given up."""
        self._write(call)

    def _write(self, line: msgspec.Struct) -> None:
        self._buffer += self._encoder.encode(line)
        self._buffer += b"\n"
        if len(self._buffer) > 1 << 16:
            self.flush()

    def flush(self) -> None:
        """Hand what was noted to the operating system."""
        self._file.write(self._buffer)
        self._file.flush()
        self._buffer.clear()

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
