"""The figures that target.toml binds, counted call by call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import Any

from crossfoot.figures.bindings import FigureOf, Span, condition
from crossfoot.figures.histogram import Histogram
from crossfoot.history.record import CallRecord
from crossfoot.results import Check, Figure
from crossfoot.verdicts import Outcome

_USUAL = 95.0  # of seconds: what so many in a hundred stay within


@dataclass
class NamedFigure:
    """One bound figure while it is counted. Calls come clock by clock, in any order."""

    name: str
    of: FigureOf
    _times: Histogram = field(default_factory=Histogram)
    _calls: int = 0
    _met: int = 0

    def __post_init__(self) -> None:
        self._shared = cache(partial(_is_like, self.of.of))
        self._whole = cache(partial(_is_like, self.of.per or self.of.of))
        self._timed = cache(partial(_is_like, self.of.took))
        self._conditions = [condition(each) for each in self.of.share]
        self._pairs = [_Pairs(span) for span in self.of.spans]

    def add(self, call: CallRecord, clock: str) -> None:
        """Count a call."""
        self._calls += self._whole(call.operation)
        if self._shared(call.operation):
            self._met += any(_meets(call, *each) for each in self._conditions)
        if self._timed(call.operation) and call.outcome is Outcome.OK:
            self._times.add(call.end - call.start)
        for pairs in self._pairs:
            pairs.add(call, clock)

    def figure(self) -> Figure:
        """Return what it comes to; without a value if nothing was there to count."""
        for pairs in self._pairs:
            for time in pairs.times():
                self._times.add(time)
        if self.of.share:
            value = round(100 * self._met / self._calls, 3) if self._calls else None
            return self._figure(value, self._calls)
        found = self._times.percentile(_USUAL)
        return self._figure(None if found is None else round(found / 1e9, 6), self._times.count)

    def _figure(self, value: float | None, samples: int) -> Figure:
        return Figure(
            name=self.name, value=value, unit=self.of.unit, samples=samples, about=self.of.about
        )


def _is_like(globs: Iterable[str], operation: str) -> bool:
    return any(fnmatchcase(operation, glob) for glob in globs)


class _Pairs:
    """First and second calls that belong together, by the value that they have in common."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._left, self._right = span.by.split(" = ")
        self._starts: dict[tuple[str, str], int] = {}
        self._ends: dict[tuple[str, str], int] = {}

    def add(self, call: CallRecord, clock: str) -> None:
        """Take a call that ended ok. Of repeated ones the first counts."""
        if call.outcome is not Outcome.OK:
            return
        if call.operation == self._span.first and (mark := _value(call, self._left)):
            at = self._starts.setdefault((clock, mark), call.start)
            self._starts[clock, mark] = min(at, call.start)
        if call.operation == self._span.to and (mark := _value(call, self._right)):
            at = self._ends.setdefault((clock, mark), call.end)
            self._ends[clock, mark] = min(at, call.end)

    def times(self) -> Iterable[int]:
        """Yield the nanoseconds from start to end, of those that have both on one clock."""
        for mark, start in self._starts.items():
            if mark in self._ends:
                yield self._ends[mark] - start


def _value(call: CallRecord, where: str) -> str:
    source: Mapping[str, Any] = call.arguments if where.startswith(":") else call.result
    value = source.get(where.removeprefix(":").removeprefix("result."))
    return "" if value is None else str(value)


def _meets(call: CallRecord, name: str, glob: str) -> bool:
    if name.startswith("result."):
        column = name.removeprefix("result.")
        return column in call.result and fnmatchcase(_text(call.result[column]), glob)
    return fnmatchcase(str(getattr(call, name)), glob)


def _text(value: Any) -> str:
    """Return a value of a row as histories have it: JSON's true is "true" there."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def audited(name: str, of: FigureOf, audits: Iterable[Check]) -> Figure:
    """Return a figure that an audit counts: how many rows it found. None if it didn't run."""
    for check in audits:
        if check.name == of.audit and check.verdict in {"pass", "fail"}:
            rows = sum(finding.total_rows or 1 for finding in check.findings)
            return Figure(name=name, value=float(rows), samples=1, about=of.about or check.title)
    return Figure(name=name, value=None, about=of.about)
