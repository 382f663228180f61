"""The figures of a load as tables: what was measured, and how the calls of each operation went."""

from __future__ import annotations

from dataclasses import dataclass

from crossfoot.report.charts import number, share
from crossfoot.results import Figure, Figures

_STANDS = {
    "expected": "✓ as expected",
    "unexpected": "? not as expected",
    "alert": "✗ alert",
}
_ENDINGS = ("refused", "retryable", "unknown", "error")


@dataclass(frozen=True)
class Table:
    """A table: its columns, of which the first holds names and the others values, and its rows."""

    columns: tuple[str, ...]
    rows: list[list[str]]


def measured(figures: Figures) -> Table:
    """Return what was measured, and what it should have been; what wasn't and needn't is left out."""
    shown = [each for each in figures.measured if each.value is not None or each.expect]
    return Table(
        ("figure", "value", "expected", "alert at", "stands"),
        [
            [
                each.name,
                number(each.value, each.unit),
                each.expect,
                "" if each.alert == "none" else each.alert,
                _stands(each),
            ]
            for each in shown
        ],
    )


def _stands(figure: Figure) -> str:
    if figure.value is None:
        return "nothing to measure it by"
    return _STANDS.get(figure.standing, "")


def operations(figures: Figures) -> Table:
    """Return calls, latencies in milliseconds, and shares of the endings, by operation."""
    return Table(
        (
            "operation", "calls", "per second", "p50 ms", "p95 ms", "p99 ms",
            *_ENDINGS, "retried",
        ),
        [
            [
                each.operation,
                str(each.calls),
                *map(number, (each.per_second, each.p50_ms, each.p95_ms, each.p99_ms)),
                *(share(each.outcomes.get(ending, 0), each.calls) for ending in _ENDINGS),
                share(each.retried, each.calls),
            ]
            for each in figures.operations
        ],
    )  # fmt: skip
