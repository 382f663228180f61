"""``crossfoot compare``: two runs side by side, for people, for CI, and for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossfoot.cli.exits import guard, stop
from crossfoot.cli.options import AsJson
from crossfoot.errors import ContentError
from crossfoot.figures.terms import GATES, Terms
from crossfoot.figures.verdicts import CheckChange, compare_checks
from crossfoot.report import load_run
from crossfoot.report.markdown import escape
from crossfoot.report.wording import counted
from crossfoot.results import Run
from crossfoot.serving import require_packages
from crossfoot.verdicts import exit_code

if TYPE_CHECKING:
    from crossfoot.figures.compare import Change, Comparison

NOTHING = "none"
_STYLE = {"worse": "bold red", "better": "green", "same": "dim", "too little": "yellow"}
_MARKS = {"worse": "✗", "better": "✓", "same": "=", "too little": "?"}


def compare(
    run_a: Annotated[Path, typer.Argument(help="The folder of the run before.")],
    run_b: Annotated[Path, typer.Argument(help="The folder of the run after.")],
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Fail only if this got worse: {', '.join(GATES)}, or {NOTHING}; may be repeated."
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, help="Percent by which a figure may get worse.")
    ] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the draws that intervals are made of.")] = 1,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a CI's summary.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what got slower or worse from one run to another of the same scenario."""
    for each in fail_on or ():
        if each not in {*GATES, NOTHING}:
            stop(f"--fail-on {each!r}: there are {', '.join(GATES)}, and {NOTHING}")
    comparison = guard(lambda: _compared(run_a, run_b, fail_on, margin, seed))
    if as_json:
        typer.echo(json.dumps(_json(comparison), indent=2))
    elif as_markdown:
        typer.echo("\n".join(_markdown(comparison)))
    else:
        _show(comparison)
    raise typer.Exit(exit_code(comparison.verdict))


def _compared(
    before: Path, after: Path, fail_on: list[str] | None, margin: float, seed: int
) -> Comparison:
    require_packages("compare", ["pandas"], "load")
    from crossfoot.figures.compare import Comparison
    from crossfoot.figures.compare import compare as compare_runs

    terms = Terms(margin, seed, tuple(fail_on or GATES))
    reports = _reports(before, after)
    if reports and not any(map(_has_calls, (before, after))):
        comparison = Comparison((before, after), terms)
    else:
        comparison = compare_runs(before, after, terms)
    if not reports:
        comparison.notes.insert(0, _NO_REPORT)
        return comparison
    comparison.checks = compare_checks(*reports)
    comparison.notes[:0] = _circumstances(*reports)
    return comparison


_NO_REPORT = "what was asked of the runs isn't known: there is no report beside one of them"


def _reports(*paths: Path) -> list[Run]:
    """Return the reports of both runs; none if one of them has none."""
    try:
        return [load_run(path) for path in paths]
    except ContentError:
        return []


def _has_calls(path: Path) -> bool:
    names = ("history*.ndjson", "requests*.ndjson")
    return path.is_file() or any(next(path.rglob(name), None) for name in names)


def _circumstances(before: Run, after: Run) -> list[str]:
    """Return what was asked of the two runs differently, as far as their reports say."""
    first, second = _asked(before), _asked(after)
    return [
        f"{name}: {first.get(name, 'not said')}, then {second.get(name, 'not said')}"
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    ]


def _asked(run: Run) -> dict[str, str]:
    environment = run.environment
    return {
        **run.bounds,
        "PostgreSQL": environment.postgresql,
        "platform": environment.platform,
        **{f"setting {name}": value for name, value in environment.settings.items()},
    }


def _json(comparison: Comparison) -> dict[str, object]:
    terms = comparison.terms
    return {
        "verdict": comparison.verdict.value,
        "before": str(comparison.runs[0]),
        "after": str(comparison.runs[1]),
        "method": terms.method(),
        **asdict(terms),
        "notes": comparison.notes,
        "changes": [asdict(each) for each in comparison.changes],
        "checks": [asdict(each) for each in comparison.checks if each.differs],
    }


def _show(comparison: Comparison) -> None:
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
    told = [each for each in comparison.changes if each.direction in {"worse", "better"}]
    table = Table(box=None, pad_edge=False)
    for name in ("", "operation", "figure", "before", "after", "change", "interval"):
        right = name in {"before", "after", "change", "interval"}
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for each in told:
        mark = Text(f"{_MARKS[each.direction]} {each.direction}", style=_STYLE[each.direction])
        table.add_row(mark, Text(_operation(comparison, each)), *map(Text, _cells(each)))
    if told:
        console.print(table)
        console.print()
    for check in _otherwise(comparison):
        word = "worse" if check.worse else "better" if check.compared else "same"
        console.print(Text(f"{_MARKS[word]} ", style=_STYLE[word]).append(_check(check)))
        for said in check.says:
            console.print(Text(f"    {said}", style="dim"))
    for note in comparison.notes:
        console.print(Text(f"note: {note}", style="dim"))
    console.print(Text(comparison.terms.method(), style="dim"))
    style = {"pass": "green", "fail": "bold red"}.get(comparison.verdict, "yellow")
    line = Text(comparison.verdict.value.upper(), style=style)
    console.print(line.append(f"  {_summary(comparison)}", style="default"))


def _markdown(comparison: Comparison) -> Iterator[str]:
    word = {"pass": "Nothing got worse", "fail": "Something got worse"}
    yield f"## {word.get(comparison.verdict, 'Too little to compare')}"
    yield ""
    yield f"`{comparison.runs[0]}`, then `{comparison.runs[1]}`: {_summary(comparison)}."
    told = [each for each in comparison.changes if each.direction in {"worse", "better"}]
    if told:
        yield ""
        yield "| | operation | figure | before | after | change | interval |"
        yield "|---|---|---|--:|--:|--:|--:|"
        for each in told:
            mark = f"{_MARKS[each.direction]} {each.direction}"
            yield f"| {mark} | `{_operation(comparison, each)}` | {' | '.join(_cells(each))} |"
    yield ""
    for check in _otherwise(comparison):
        yield f"- {'✗' if check.worse else '✓' if check.compared else '='} {escape(_check(check))}"
        yield from (f"  - {escape(line)}" for line in check.says)
    for note in comparison.notes:
        yield f"- {note}"
    if comparison.notes or _otherwise(comparison):
        yield ""
    yield comparison.terms.method()


def _summary(comparison: Comparison) -> str:
    counts = dict.fromkeys(_MARKS, 0)
    for each in comparison.changes:
        counts[each.direction] += 1
    named = {(each.target, each.scenario, each.operation, each.over) for each in comparison.changes}
    operations = sum(bool(over) for *_, over in named)
    said = [f"{count} {word}" for word, count in counts.items() if count]
    gates = set(comparison.terms.fail_on)
    gated = "" if gates == set(GATES) else f" (failing on {', '.join(comparison.terms.fail_on)})"
    both = [each for each in comparison.checks if each.compared]
    worse = sum(each.worse for each in comparison.checks)
    checks = f"; {counted(len(both), 'check')} in both, {worse} worse" if comparison.checks else ""
    return f"{operations} operations: {', '.join(said) or 'no figure'}{checks}{gated}"


def _otherwise(comparison: Comparison) -> list[CheckChange]:
    """Return the checks that came out otherwise, those that are worse first."""
    found = [each for each in comparison.checks if each.differs]
    return sorted(found, key=lambda each: (not each.worse, not each.compared))


def _check(change: CheckChange) -> str:
    told = f"{change.target}, {change.check}"
    if change.group == "findings":
        return f"{told}: fails as before, and otherwise too"
    before, after = change.before or "not in the first run", change.after or "not in the second run"
    return f"{told}: {before}, then {after}"


def _operation(comparison: Comparison, change: Change) -> str:
    named = change.operation if change.over else f"{change.target} {change.operation}"
    several = len({each.scenario for each in comparison.changes}) > 1
    return f"{named} in {change.scenario}" if several else named


def _cells(change: Change) -> list[str]:
    points = "points" if change.unit == "%" else "%"
    return [
        change.figure,
        f"{change.before:.4g} {change.unit}",
        f"{change.after:.4g} {change.unit}",
        f"{change.change:+.1f} {points}",
        f"{change.low:+.1f} to {change.high:+.1f}",
    ]
