"""One line of a history, and how to write many of them cheaply. reports/HISTORY.md is the format."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from crossfoot.verdicts import Outcome

FORMAT = 1
PLAIN_CLOCK = "CLOCK_MONOTONIC"

_BLOCK = 400  # calls that are encoded together: one at a time they cost three times as much
_ROOM = 24  # bytes left in the first line for the number of calls
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_clock() -> str:
    """Return the name of this machine's monotonic clock.

    Where the kernel names its boot, so does the clock: two hosts of one name are told apart then, and
    containers on one host share it.
    """
    try:
        return f"{PLAIN_CLOCK} of boot {_BOOT.read_text().strip()}"
    except OSError:
        return PLAIN_CLOCK


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line of a history: what the other lines are about.

    ``machine`` and ``clock`` say whose clock ``start`` and ``end`` of the calls are read from: times
    of two machines can't be compared. ``calls`` is how many calls follow. It is written last; -1
    says that the writer never got so far, so that calls at the end may be missing.
    """

    crossfoot_history: int
    target: str
    scenario: str
    seed: int
    machine: str
    clock: str = PLAIN_CLOCK
    began: str = ""
    calls: int = -1


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One call. ``start`` and ``end`` are nanoseconds on the machine's monotonic clock.

    ``end`` is 0 for a call of which no answer came. ``server_start`` and ``server_end`` are
    microseconds since 1970 on the server's own clock, where they were asked for. ``result`` is the
    first row of the answer as text, or ``{"message": text}`` of the error. ``attempt`` counts from 1
    where a caller sends the same call (the same ``key``) again.
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
    """Writes a history. Calls are encoded and written many at a time, so they may not change meanwhile."""

    def __init__(self, path: Path, *, target: str, scenario: str, seed: int, began: str) -> None:
        self.path = path
        self._encode_lines = msgspec.json.Encoder().encode_lines
        self._noted: list[CallRecord] = []
        self._calls = 0
        machine = socket.gethostname()
        self._head = Head(FORMAT, target, scenario, seed, machine, this_clock(), began)
        self._file: IO[bytes] = path.open("wb")
        self._room = len(msgspec.json.encode(self._head)) + _ROOM
        self._write_head()
        self._file.flush()

    def add(self, call: CallRecord) -> None:
        """Note a call that has ended, or of which the answer is given up."""
        noted = self._noted
        noted.append(call)
        if len(noted) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Hand what was noted to the operating system."""
        if self._noted:
            self._file.write(self._encode_lines(self._noted))
            self._file.flush()
            self._calls += len(self._noted)
            self._noted.clear()

    def close(self) -> None:
        """Write the rest, and into the first line how many calls there are. Again does nothing."""
        if self._file.closed:
            return
        self.flush()
        self._head = msgspec.structs.replace(self._head, calls=self._calls)
        self._file.seek(0)
        self._write_head()
        self._file.close()

    def _write_head(self) -> None:
        """Write the first line, filled up with spaces so that it can be written again in its place."""
        self._file.write(msgspec.json.encode(self._head).ljust(self._room) + b"\n")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
