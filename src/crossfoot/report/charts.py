"""How a load went, drawn: outcomes, latencies, retries, lock waits and drift over time.

Charts are made when the HTML is written, as static SVG inside it: no script, no network. Colours are
the stylesheet's variables, so that they follow the page into the dark.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from crossfoot.report.plain import visible
from crossfoot.results import Check, Figures, Run, TargetResult
from crossfoot.verdicts import Outcome

PACKAGES = ("altair", "vl_convert")
_WIDTH, _HEIGHT = 470, 170
_PERCENTILES = {"p50_ms": "half within", "p95_ms": "95 % within", "p99_ms": "99 % within"}
_AT, _VALUE, _SERIES, _RANK = "at", "value", "series", "rank"
_FEW = 6  # up to which each whole number has its tick
_LONGEST = 42  # characters of a query in a legend
_TRANSPARENT = "transparent"


@dataclass(frozen=True)
class Chart:
    """A chart: its title, what it shows in a sentence, and the SVG."""

    title: str
    says: str
    svg: Markup


def loads(run: Run) -> list[tuple[TargetResult, Check, Figures]]:
    """Return the loads of a run that were measured, with their targets."""
    return [
        (target, check, check.figures)
        for target in run.targets
        for check in target.checks
        if check.figures
    ]


def drawable() -> bool:
    """Say whether the packages that draw are installed."""
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def charts(figures: Figures) -> Iterator[Chart]:
    """Yield the charts of a load: only of what was looked at."""
    yield _outcomes(figures)
    yield _latencies(figures)
    yield _retries(figures)
    if figures.looks:
        yield _waits(figures)
    if figures.drift.get("at"):
        yield _drift(figures)


def number(value: float | None, unit: str = "") -> str:
    """Return a measured value as the tables show it: at most four digits that mean something."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = f"{value:.{digits}f}" if value % 1 else f"{value:.0f}"
    return f"{text} {unit}" if unit else text


def share(count: int, calls: int) -> str:
    """Return a percentage of calls; a dash if there are none such."""
    return f"{number(round(100 * count / calls, 2))} %" if count else "–"


def _outcomes(figures: Figures) -> Chart:
    seen = [each.value for each in Outcome if any(figures.over_time[each.value])]
    rows = _stepped(figures, {name: figures.over_time[name] for name in seen or ["ok"]})
    chart = _chart(rows).mark_area(interpolate="step-after", line=False, opacity=1)
    says = f"Calls that ended in each {_each(figures)}, per second and stacked."
    return _drawn("Outcomes", says, _coloured(chart, "calls per second", seen, stack=True))


def _latencies(figures: Figures) -> Chart:
    series = {label: figures.over_time[name] for name, label in _PERCENTILES.items()}
    # The logarithm of nothing isn't; no answer is that quick.
    positive = {name: [value or None for value in values] for name, values in series.items()}
    rows = _stepped(figures, positive)
    chart = _chart(rows).mark_line(interpolate="step-after", strokeWidth=1.5)
    says = f"How long answered calls took, in each {_each(figures)}. The scale is logarithmic."
    drawn = _coloured(chart, "milliseconds, logarithmic", [*series], decades=_decades(rows))
    return _drawn("Latency", says, drawn)


def _retries(figures: Figures) -> Chart:
    values = figures.over_time["retries"]
    rows = _stepped(figures, {"retries": values})
    chart = _chart(rows).mark_area(
        interpolate="step-after",
        color="var(--series-retryable)",
        line={"color": "var(--series-retryable)", "strokeWidth": 2},
    )
    most = max((value or 0 for value in values), default=0)
    says = (
        f"Calls that repeat another one, in each {_each(figures)}, per second."
        if most
        else "No call was sent a second time."
    )
    return _drawn("Retries", says, _encoded(chart, "retries per second", most=most))


def _waits(figures: Figures) -> Chart:
    series: dict[str, Sequence[float | None]] = {}
    for each in figures.waits:
        name = _short(each.query)
        series[name if name not in series else f"{name} {len(series) + 1}"] = each.over_time
    count = len(figures.over_time["ok"])
    # Where nobody looked, the look before holds.
    held = [row for row in _stepped(figures, series) if row[_VALUE] is not None]
    rows = held or _stepped(figures, {"nobody": [0.0] * count})
    chart = _chart(rows).mark_area(interpolate="step-after", line=False)
    if not series:
        says = f"In {figures.looks} looks at the server nobody waited for a lock."
        flat = _chart(rows).mark_line(color="var(--series-1)", strokeWidth=2)
        return _drawn("Lock waits", says, _encoded(flat, "sessions that wait", most=0))
    says = (
        f"Sessions that waited for a lock, by what they called, in {figures.looks} looks at the"
        " server. Each look is drawn until the next one."
    )
    drawn = _coloured(chart, "sessions that wait", [*series], stack=True, palette="query")
    return _drawn("Lock waits", says, drawn)


def _drift(figures: Figures) -> Chart:
    at, accounts = figures.drift["at"], figures.drift["accounts"]
    rows = [{_AT: when, _VALUE: count} for when, count in zip(at, accounts, strict=True)]
    colour = "var(--fail)" if any(accounts) else "var(--pass)"
    chart = _chart(rows).mark_line(
        interpolate="step-after", color=colour, strokeWidth=2, point={"color": colour, "size": 45}
    )
    most = max(accounts)
    rounds = f"{len(at)} rounds of audits" if len(at) > 1 else "1 round of audits"
    says = (
        f"Accounts whose balance isn't the sum of their entries: up to {most:.0f}, in {rounds}."
        if most
        else f"Accounts whose balance isn't the sum of their entries: none, in {rounds}."
    )
    return _drawn("Balance drift", says, _encoded(chart, "accounts", most=most, whole=True))


# -- how they are drawn -------------------------------------------------------------------------


def _altair() -> Any:
    import altair

    return altair


def _stepped(
    figures: Figures, series: Mapping[str, Sequence[float | None]]
) -> list[dict[str, Any]]:
    """Return a row per slice and series, at the slice's start; the last one reaches to its end."""
    width = figures.slice_seconds
    return [
        {_AT: round(at * width, 3), _VALUE: value, _SERIES: name, _RANK: rank}
        for rank, (name, values) in enumerate(series.items())
        for at, value in enumerate([*values, values[-1]] if values else [])
    ]


def _chart(rows: list[dict[str, Any]]) -> Any:
    altair = _altair()
    return altair.Chart(altair.Data(values=rows)).properties(width=_WIDTH, height=_HEIGHT)


def _encoded(chart: Any, title: str, *, most: float, whole: bool = False) -> Any:
    """Give a chart of one series its axes; one that is flat at zero goes up to 1, not to nothing."""
    altair = _altair()
    domain = altair.Scale(domainMin=0, **({} if most >= 1 else {"domainMax": 1}))
    ticks: dict[str, Any] = {"format": "d", "tickMinStep": 1} if whole else {"tickCount": 4}
    if most < 1 or (whole and most < _FEW):
        ticks = {"values": [*range(int(most) + 1)] if most else [0, 1], "format": "d"}
    vertical = altair.Y(f"{_VALUE}:Q", title=title, scale=domain, axis=altair.Axis(**ticks))
    return chart.encode(x=_seconds(), y=vertical)


def _coloured(
    chart: Any,
    title: str,
    names: Sequence[str],
    *,
    stack: bool = False,
    decades: Sequence[float] = (),
    palette: str = "",
) -> Any:
    """Give a chart of several series its axes and a legend, in the order of ``names``."""
    altair = _altair()
    colours = [
        f"var(--series-{at % 9 + 1})" if palette else f"var(--series-{name.split()[0]})"
        for at, name in enumerate(names)
    ]
    scale, ticks = altair.Scale(domainMin=0), altair.Axis(tickCount=4)
    if decades:
        scale = altair.Scale(type="log", domain=[decades[0], decades[-1]])
        ticks = altair.Axis(values=list(decades), format="~g")
    symbol = "stroke" if decades else "square"
    columns = 2 if palette else len(Outcome)
    legend = altair.Legend(
        title=None, orient="top", symbolType=symbol, labelLimit=200, columns=columns
    )
    # Otherwise a stack is in the order of the alphabet.
    order = {"order": altair.Order(f"{_RANK}:Q")} if stack else {}
    return chart.encode(
        x=_seconds(),
        y=altair.Y(f"{_VALUE}:Q", title=title, scale=scale, axis=ticks,
                   stack="zero" if stack else None),
        color=altair.Color(f"{_SERIES}:N", legend=legend,
                           scale=altair.Scale(domain=list(names), range=colours)),
        **order,
    )  # fmt: skip


def _decades(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the powers of ten that enclose the values: each has its line, and none else."""
    values = [row[_VALUE] for row in rows if row[_VALUE]] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def _seconds() -> Any:
    altair = _altair()
    axis = altair.Axis(grid=False, tickCount=8)
    scale = altair.Scale(nice=False, domainMin=0)
    return altair.X(f"{_AT}:Q", title="seconds since the first call", axis=axis, scale=scale)


def _drawn(title: str, says: str, chart: Any) -> Chart:
    import vl_convert

    soft, rule = "var(--soft)", "var(--rule)"
    dressed = chart.configure(
        background=_TRANSPARENT,
        padding=2,
        view={"stroke": _TRANSPARENT},
        axis={
            "labelColor": soft, "titleColor": soft, "domainColor": rule, "tickColor": rule,
            "gridColor": rule, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal",
        },
        legend={"labelColor": "var(--ink)", "labelFontSize": 11, "offset": 4},
    )  # fmt: skip
    svg = vl_convert.vegalite_to_svg(dressed.to_dict())
    # Drawn by Vega from our own data, its texts escaped; the page's policy allows it no script.
    return Chart(title, says, Markup(svg))  # noqa: S704


def _each(figures: Figures) -> str:
    width = figures.slice_seconds
    return "second" if width == 1 else f"slice of {width:g} s"


def _short(query: str) -> str:
    shown = visible(" ".join(query.split()))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
