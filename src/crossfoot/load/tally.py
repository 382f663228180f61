"""What the histories of a running load say so far: read as they grow, as anybody could."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crossfoot.history.record import Head
from crossfoot.verdicts import Outcome

MISUSE = "misuse*.ndjson"
PATTERNS = ("history*.ndjson", "requests*.ndjson", MISUSE)
_MOST = 20  # calls of each kind that are kept to be named
_STEPS = 32  # to twice the time: a percentile is right to about 2 %


class Counted(msgspec.Struct, gc=False):
    """What of a call is counted, or named in a finding."""

    id: int
    session: str
    operation: str
    outcome: Outcome
    start: int
    end: int = 0
    arguments: dict[str, object] = {}
    result: dict[str, object] = {}


@dataclass
class Latencies:
    """A histogram of times, with bins that grow by a 32nd of a doubling."""

    bins: Counter[int] = field(default_factory=Counter)

    def add(self, nanoseconds: int) -> None:
        """Count a time."""
        self.bins[int(math.log2(max(nanoseconds, 1)) * _STEPS)] += 1

    def percentile(self, share: float) -> float:
        """Return the time, in milliseconds, that this share of the calls didn't take longer than."""
        left = share * self.bins.total()
        for at, count in sorted(self.bins.items()):
            left -= count
            if left <= 0:
                return float(2 ** ((at + 0.5) / _STEPS)) / 1e6
        return 0.0


@dataclass
class Counts:
    """What was counted of one target. ``errors`` are some of the calls that ended in an error.

    ``misuse`` counts what had to be refused, which is part of no other number; ``let_through`` are
    some of those that weren't.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    sessions: set[str] = field(default_factory=set)
    latencies: Latencies = field(default_factory=Latencies)
    errors: list[Counted] = field(default_factory=list)
    misuse: Counter[Outcome] = field(default_factory=Counter)
    let_through: list[Counted] = field(default_factory=list)
    first: int = 0
    last: int = 0

    @property
    def calls(self) -> int:
        """Return how many calls there were, and requests."""
        return self.outcomes.total()

    @property
    def seconds(self) -> float:
        """Return the time from the first call's start to the last one's end, on one machine."""
        return max(self.last - self.first, 0) / 1e9

    def add(self, call: Counted) -> None:
        """Count a call."""
        self.outcomes[call.outcome] += 1
        self.operations[call.operation] += 1
        self.sessions.add(call.session)
        self.first = min(self.first or call.start, call.start)
        self.last = max(self.last, call.end)
        if call.end:
            self.latencies.add(call.end - call.start)
        if call.outcome is Outcome.ERROR and len(self.errors) < _MOST:
            self.errors.append(call)

    def add_misuse(self, call: Counted) -> None:
        """Count a call that had to be refused."""
        self.misuse[call.outcome] += 1
        if call.outcome in {Outcome.OK, Outcome.ERROR} and len(self.let_through) < _MOST:
            self.let_through.append(call)


class Tally:
    """Follows the histories below a folder, one file or many, of one target or several."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.by_target: dict[str, Counts] = {}
        self._read: dict[Path, int] = {}
        self._heads: dict[Path, Head] = {}
        self._decode = msgspec.json.Decoder(Counted).decode

    def read(self) -> int:
        """Count what was written since the last time; return how many calls that was.

        What had to be refused is counted apart.
        """
        return sum(
            self._follow(path)
            for pattern in PATTERNS
            for path in sorted(self.folder.rglob(pattern))
        )

    def counts(self, target: str) -> Counts:
        """Return the counts of one target."""
        return self.by_target.setdefault(target, Counts())

    def _follow(self, path: Path) -> int:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read[path] = self._read.get(path, 0) + whole
        lines = data[:whole].splitlines()
        if path not in self._heads and lines:
            self._heads[path] = msgspec.json.decode(lines.pop(0), type=Head)
        if not lines:
            return 0
        counts = self.counts(self._heads[path].target)
        apart = path.match(MISUSE)
        for line in lines:
            (counts.add_misuse if apart else counts.add)(self._decode(line))
        return 0 if apart else len(lines)
