"""Every call of a run: its histories, and the requests to the service beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crossfoot.errors import ContentError
from crossfoot.history.reading import NAMES, HistoryFile, open_history
from crossfoot.history.record import PLAIN_CLOCK, CallRecord

REQUESTS = "requests*.ndjson"
DIRECT, HTTP = "direct", "http"


class _Times(msgspec.Struct, gc=False):
    start: int
    end: int = 0


@dataclass(frozen=True)
class CallFile:
    """One file of calls. ``kind`` is ``direct`` (of the database) or ``http`` (of the service)."""

    file: HistoryFile
    kind: str

    @property
    def target(self) -> str:
        """Return the name of the target that was called."""
        return self.file.head.target

    @property
    def scenario(self) -> str:
        """Return the name of the scenario."""
        return self.file.head.scenario

    def calls(self) -> Iterator[CallRecord]:
        """Yield its calls in the order in which they were noted. Raises ContentError."""
        for _, call in open_history([self.file.path]).calls():
            yield call


@dataclass
class Extent:
    """When the first call of a clock started and the last one ended, in its nanoseconds."""

    first: int = 0
    last: int = 0

    @property
    def seconds(self) -> float:
        """Return the time between."""
        return max(self.last - self.first, 0) / 1e9


@dataclass(frozen=True)
class RunCalls:
    """The files of calls of a run, and when its calls were made by each clock."""

    folder: Path
    files: tuple[CallFile, ...]
    extents: dict[str, Extent] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return how long calls were made, by the clock that saw them longest."""
        return max((each.seconds for each in self.extents.values()), default=0.0)

    def of(self, target: str) -> RunCalls:
        """Return the calls of one target; times still count from the run's first call."""
        files = tuple(each for each in self.files if each.target == target)
        return RunCalls(self.folder, files, self.extents)


def open_run(path: Path) -> RunCalls:
    """Find the calls of a run: a folder with ``history*.ndjson`` and ``requests*.ndjson``, or one file.

    Folders below count too: a mixed day has one for each target, bursts have one each. Raises
    ContentError where there is none.
    """
    files = tuple(_files(path))
    if not files:
        raise ContentError(
            f"{path}: no calls in this run: neither {NAMES} nor {REQUESTS}",
            remedy="Name the folder that 'crossfoot load' or 'crossfoot burst' has written.",
        )
    extents: dict[str, Extent] = {}
    for each in files:
        _extend(extents.setdefault(each.file.clock, Extent()), each.file.path)
    return RunCalls(path if path.is_dir() else path.parent, files, extents)


def clock_name(clock: str, machine: str) -> str:
    """Return whose clock times are of: a clock that is only called CLOCK_MONOTONIC is the machine's."""
    return clock if clock != PLAIN_CLOCK else machine


def _files(path: Path) -> Iterator[CallFile]:
    if not path.exists():
        raise ContentError(f"{path}: no such run", remedy="Name the folder of a run.")
    found: Sequence[Path] = [path]
    if path.is_dir():
        found = sorted([*path.rglob(NAMES), *path.rglob(REQUESTS)])
    for each in found:
        kind = HTTP if each.name.startswith("requests") else DIRECT
        yield CallFile(open_history([each]).files[0], kind)


def _extend(extent: Extent, path: Path) -> None:
    """Look at a file's times alone. What can't be read says so when its calls are read."""
    decode = msgspec.json.Decoder(_Times).decode
    first, last = extent.first, extent.last
    with path.open("rb") as lines:
        next(lines, b"")
        for line in lines:
            try:
                call = decode(line)
            except msgspec.DecodeError:
                continue
            if not first or call.start < first:
                first = call.start
            last = max(last, call.end, call.start)
    extent.first, extent.last = first, last
