"""One pass over the calls of a target: what the report says about how they went."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crossfoot.figures.bindings import AUDITED, FigureOf
from crossfoot.figures.histogram import Histogram
from crossfoot.figures.named import NamedFigure, audited
from crossfoot.figures.reading import Extent, RunCalls, clock_name
from crossfoot.figures.samples import Audited, Look, read_samples
from crossfoot.figures.waits import waits_of
from crossfoot.history.record import CallRecord
from crossfoot.results import Check, Figure, Figures, OperationFigures
from crossfoot.target import Target
from crossfoot.verdicts import Outcome

_WIDTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)  # seconds
_MOST_SLICES = 60
_PERCENTS = (50.0, 95.0, 99.0)


@dataclass
class _Part:
    """What is counted of some calls: those of one operation, or of one slice of time."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    retried: int = 0
    times: Histogram = field(default_factory=Histogram)

    def add(self, call: CallRecord) -> None:
        self.outcomes[call.outcome] += 1
        self.retried += call.attempt > 1
        if call.end:
            self.times.add(call.end - call.start)

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    def percentiles(self) -> dict[str, float | None]:
        return {f"p{percent:.0f}_ms": self.times.milliseconds(percent) for percent in _PERCENTS}


def measure(run: RunCalls, target: Target, audits: Sequence[Check] = ()) -> Figures:
    """Return the figures of one target's calls. Raises ContentError for what is no history.

    ``audits`` are the target's last ones. Rates are per second of the whole run.
    """
    seconds = run.seconds
    width = slice_width(seconds)
    whole, by_operation = _Part(), defaultdict[tuple[str, str], _Part](_Part)
    slices = defaultdict[int, _Part](_Part)
    named = [NamedFigure(name, of) for name, of in target.figures.items() if not of.audit]
    for each in run.of(target.name).files:
        clock = each.file.clock
        first = run.extents[clock].first
        for call in each.calls():
            whole.add(call)
            by_operation[call.operation, each.kind].add(call)
            slices[int(((call.end or call.start) - first) / 1e9 / width)].add(call)
            for figure in named:
                figure.add(call, clock)
    figures = Figures(
        seconds=round(seconds, 6),
        slice_seconds=width,
        operations=[
            _operation(name, kind, part, seconds)
            for (name, kind), part in sorted(by_operation.items())
        ],
        over_time=_over_time(slices, math.floor(seconds / width + 1e-9) or 1, width),
    )
    _sampled(figures, run, target)
    figures.measured = [
        *(audited(name, of, audits) for name, of in target.figures.items() if of.audit),
        *(figure.figure() for figure in named),
        *_counted_by_audits(audits, target),
        *_everywhere(whole, seconds, figures),
    ]
    return figures


def slice_width(seconds: float) -> float:
    """Return how many seconds a slice of time has, so that there are at most 60."""
    fitting = (width for width in _WIDTHS if seconds / width <= _MOST_SLICES)
    return float(next(fitting, math.ceil(seconds / _MOST_SLICES)))


def _operation(name: str, kind: str, part: _Part, seconds: float) -> OperationFigures:
    found = part.percentiles()
    return OperationFigures(
        operation=name,
        over="http" if kind == "http" else "direct",
        calls=part.calls,
        per_second=_rate(part.calls, seconds),
        outcomes={outcome.value: part.outcomes[outcome] for outcome in Outcome},
        retried=part.retried,
        p50_ms=found["p50_ms"],
        p95_ms=found["p95_ms"],
        p99_ms=found["p99_ms"],
        slowest_ms=part.times.milliseconds(100),
    )


def _over_time(
    slices: Mapping[int, _Part], count: int, width: float
) -> dict[str, list[float | None]]:
    parts = [slices.get(at, _Part()) for at in range(count)]
    columns: dict[str, list[float | None]] = {
        outcome.value: [_rate(part.outcomes[outcome], width) for part in parts]
        for outcome in Outcome
    }
    columns["retries"] = [_rate(part.retried, width) for part in parts]
    found = [part.percentiles() for part in parts]
    return columns | {name: [each[name] for each in found] for name in found[0]}


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3) if seconds else 0.0


def _everywhere(whole: _Part, seconds: float, figures: Figures) -> Iterable[Figure]:
    """Yield the figures that every load has, without a word in target.toml."""
    calls = whole.calls
    yield Figure(name="calls_per_second", value=_rate(calls, seconds), unit="/s", samples=calls)
    for name, value in whole.percentiles().items():
        yield Figure(name=f"latency_{name}", value=value, unit="ms", samples=whole.times.count)
    shares = {outcome.value: whole.outcomes[outcome] for outcome in Outcome}
    for name, count in {**shares, "retried": whole.retried}.items():
        value = round(100 * count / calls, 3) if calls else None
        yield Figure(name=f"{name}_percent", value=value, unit="%", samples=calls)
    if figures.looks:
        waiting = round(sum(each.mean for each in figures.waits), 3)
        yield Figure(name="waiting_for_locks", value=waiting, samples=figures.looks,
                     about="sessions that wait for a lock, on average")  # fmt: skip


def _counted_by_audits(audits: Sequence[Check], target: Target) -> Iterable[Figure]:
    for name, audit in AUDITED.items():
        if name not in target.figures:
            found = audited(name, FigureOf(audit=audit), audits)
            if found.value is not None:
                yield found


def _sampled(figures: Figures, run: RunCalls, target: Target) -> None:
    """Add what was seen meanwhile: who waited for locks, and what the audits said."""
    head, samples = read_samples(run.folder)
    if head is None or not samples:
        return
    # Of another machine's clock nobody knows how it stands to that of the samples: then these count
    # from their own first one, which is about when the calls began.
    clock = clock_name(head.clock, head.machine)
    extent = run.extents.get(clock) or Extent(samples[0].at, samples[-1].at)
    looks = [each for each in samples if isinstance(each, Look)]
    looks = [look for look in looks if extent.first <= look.at <= extent.last]
    figures.looks = len(looks)
    figures.waits = waits_of(
        looks, target, extent.first, figures.slice_seconds, len(figures.over_time["ok"])
    )
    rounds = [each for each in samples if isinstance(each, Audited)]
    rounds = [each for each in rounds if each.target == target.name]
    figures.drift = {
        "at": [round(max(each.at - extent.first, 0) / 1e9, 3) for each in rounds],
        "accounts": [float(each.drift) for each in rounds],
    }
