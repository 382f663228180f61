"""Two runs of the same scenario: what got slower or worse, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from crossfoot.errors import ContentError
from crossfoot.figures.bootstrap import interval
from crossfoot.figures.frames import load_run
from crossfoot.figures.sides import Drawn, Side
from crossfoot.figures.terms import BURST_MARGIN, GROUPS, Terms
from crossfoot.figures.verdicts import CheckChange
from crossfoot.verdicts import Verdict

ALL = "all calls"
_PERCENTS = (50.0, 95.0, 99.0)
_ONE_VOLLEY = (
    "a burst is one volley, so its calls are drawn instead of slices of time. What the machine did at"
    f" that moment isn't in the interval; latency and throughput may change by {BURST_MARGIN:g} %"
)
_UNITS = {"latency": "ms", "throughput": "/s"}


class Direction(StrEnum):
    """What became of a figure from one run to the other."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    TOO_LITTLE = "too little"


@dataclass(frozen=True)
class Change:
    """One figure of one operation in both runs.

    ``low`` and ``high`` are the interval of the change: of latency and throughput in percent of the
    first run, of rates (which are percentages themselves) in percentage points.
    """

    target: str
    scenario: str
    operation: str
    over: str
    figure: str
    group: str
    unit: str
    before: float
    after: float
    change: float
    low: float
    high: float
    direction: Direction
    calls: tuple[int, int]


@dataclass
class Comparison:
    """What two runs have in common, and how it changed."""

    runs: tuple[Path, Path]
    terms: Terms
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: list[CheckChange] = field(default_factory=list)

    @property
    def worse_checks(self) -> list[CheckChange]:
        """Return the checks that came out worse, if that is asked for."""
        return [each for each in self.checks if each.worse and each.group in self.terms.fail_on]

    @property
    def worse(self) -> list[Change]:
        """Return what got worse and is asked for, the largest change first."""
        found = [
            each
            for each in self.changes
            if each.direction is Direction.WORSE and each.group in self.terms.fail_on
        ]
        return sorted(found, key=lambda each: -abs(each.change))

    @property
    def verdict(self) -> Verdict:
        """Return fail if something got worse, unknown if nothing could be compared."""
        if self.worse or self.worse_checks:
            return Verdict.FAIL
        judged: list[object] = [each for each in self.checks if each.compared]
        judged += [each for each in self.changes if each.direction is not Direction.TOO_LITTLE]
        return Verdict.PASS if judged else Verdict.UNKNOWN


def compare(before: Path, after: Path, terms: Terms) -> Comparison:
    """Compare the calls of two runs, operation by operation.

    Raises ContentError for what is no run, and for runs that have no scenario in common.
    """
    calls = [load_run(path).calls for path in (before, after)]
    found = [set(zip(each["target"], each["scenario"], strict=True)) for each in calls]
    shared = sorted(found[0] & found[1])
    if not shared:
        raise ContentError(
            f"{before} and {after} have no scenario in common: {_said(found[0])}, then"
            f" {_said(found[1])}",
            remedy="Compare two runs of the same scenario.",
        )
    comparison = Comparison((before, after), terms)
    comparison.notes += [
        f"{_said({each})} is in one of the runs only" for each in sorted(found[0] ^ found[1])
    ]
    random = np.random.default_rng(terms.seed)
    for target, scenario in shared:
        chosen = [
            each[(each["target"] == target) & (each["scenario"] == scenario)] for each in calls
        ]
        sides = Side.of(chosen[0], random), Side.of(chosen[1], random)
        comparison.changes += _changes(target, scenario, sides, terms)
        comparison.notes += _lonely(target, sides)
        if any(side.burst for side in sides):
            comparison.notes.append(f"{_said({(target, scenario)})}: {_ONE_VOLLEY}")
    return comparison


@dataclass(frozen=True)
class _Pair:
    """One operation in both runs, and how its figures are compared."""

    target: str
    scenario: str
    operation: str
    over: str
    sides: tuple[Side, Side]
    terms: Terms

    def changes(self) -> Iterator[Change]:
        """Yield the change of each figure."""
        for percent in _PERCENTS:
            yield self.latency(percent)
        yield self.throughput()
        for group in GROUPS[2:]:
            yield self.rate(group)

    def latency(self, percent: float) -> Change:
        figure = f"p{percent:.0f}"
        before, after = (side.latency(percent) for side in self.sides)
        if not (self._enough and before and after):
            return self._too_little(figure, "latency")
        return self._relative(figure, "latency", before, after, 1)

    def throughput(self) -> Change:
        if not self._enough:
            return self._too_little("calls", "throughput")
        before, after = (side.throughput() for side in self.sides)
        return self._relative("calls", "throughput", before, after, -1)

    def rate(self, group: str) -> Change:
        if not self._enough:
            return self._too_little(group, group)
        before, after = (side.rate(side.flags(group)) for side in self.sides)
        bounds = interval(after[1] - before[1])
        # The margin is of what the rate was, so any rise of a rate of 0 is more than the margin.
        margin = self.terms.margin * before[0] / 100
        return self._change(
            group, group, (before[0], after[0]), after[0] - before[0], bounds, margin
        )

    @property
    def _enough(self) -> bool:
        return all(side.enough for side in self.sides)

    def _relative(self, figure: str, group: str, before: Drawn, after: Drawn, bad: int) -> Change:
        """Return a change in percent; ``bad`` is 1 if more is worse, -1 if less is."""
        if not before[0]:
            return self._too_little(figure, group)
        with np.errstate(divide="ignore", invalid="ignore"):
            bounds = interval(100 * (after[1] / before[1] - 1))
        change = 100 * (after[0] / before[0] - 1)
        margin = self.terms.margin
        if any(side.burst for side in self.sides):
            margin = max(margin, BURST_MARGIN)
        return self._change(figure, group, (before[0], after[0]), change, bounds, margin, bad)

    def _change(
        self,
        figure: str,
        group: str,
        values: tuple[float, float],
        change: float,
        bounds: tuple[float, float],
        margin: float,
        bad: int = 1,
    ) -> Change:
        return Change(
            target=self.target,
            scenario=self.scenario,
            operation=self.operation,
            over=self.over,
            figure=figure,
            group=group,
            unit=_UNITS.get(group, "%"),
            before=values[0],
            after=values[1],
            change=change,
            low=bounds[0],
            high=bounds[1],
            direction=_direction(change, bounds, margin, bad),
            calls=(len(self.sides[0].calls), len(self.sides[1].calls)),
        )

    def _too_little(self, figure: str, group: str) -> Change:
        change = self._change(figure, group, (0.0, 0.0), 0.0, (0.0, 0.0), 0.0)
        return replace(change, direction=Direction.TOO_LITTLE)


def _direction(change: float, bounds: tuple[float, float], margin: float, bad: int) -> Direction:
    if bounds[0] <= 0 <= bounds[1] or abs(change) <= margin:
        return Direction.SAME
    # The interval lies on one side of no change; which one, its middle says.
    return Direction.WORSE if sum(bounds) * bad > 0 else Direction.BETTER


def _changes(
    target: str, scenario: str, sides: tuple[Side, Side], terms: Terms
) -> Iterator[Change]:
    yield _Pair(target, scenario, ALL, "", sides, terms).throughput()
    for operation, over in sorted(sides[0].operations & sides[1].operations):
        chosen = (sides[0].only(operation, over), sides[1].only(operation, over))
        yield from _Pair(target, scenario, operation, over, chosen, terms).changes()


def _lonely(target: str, sides: Sequence[Side]) -> Iterator[str]:
    for operation, over in sorted(sides[0].operations ^ sides[1].operations):
        yield f"{target}: {operation} ({over}) was called in one of the runs only"


def _said(found: set[tuple[str, str]]) -> str:
    return ", ".join(
        target if target == scenario else f"{target} {scenario}"
        for target, scenario in sorted(found)
    )
