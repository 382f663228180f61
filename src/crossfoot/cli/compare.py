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
from crossfoot.figures.terms import GROUPS, Terms
from crossfoot.report import load_run
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
            help=f"Fail only if this got worse: {', '.join(GROUPS)}, or {NOTHING}; may be repeated."
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
        if each not in {*GROUPS, NOTHING}:
            stop(f"--fail-on {each!r}: there are {', '.join(GROUPS)}, and {NOTHING}")
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
    from crossfoot.figures.compare import compare as compare_runs

    comparison = compare_runs(before, after, Terms(margin, seed, tuple(fail_on or GROUPS)))
    comparison.notes[:0] = _circumstances(before, after)
    return comparison


def _circumstances(before: Path, after: Path) -> list[str]:
    """Return what was asked of the two runs differently, as far as their reports say."""
    try:
        first, second = (_asked(load_run(path)) for path in (before, after))
    except ContentError:
        return ["what was asked of the runs isn't known: there is no report beside one of them"]
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
        table.add_row(mark, Text(_operation(each)), *map(Text, _cells(each)))
    if told:
        console.print(table)
        console.print()
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
            yield f"| {mark} | `{_operation(each)}` | {' | '.join(_cells(each))} |"
    yield ""
    for note in comparison.notes:
        yield f"- {note}"
    if comparison.notes:
        yield ""
    yield comparison.terms.method()


def _summary(comparison: Comparison) -> str:
    counts = dict.fromkeys(_MARKS, 0)
    for each in comparison.changes:
        counts[each.direction] += 1
    operations = len({(each.target, each.operation, each.over) for each in comparison.changes}) - 1
    said = [f"{count} {word}" for word, count in counts.items() if count]
    gates = set(comparison.terms.fail_on)
    gated = "" if gates == set(GROUPS) else f" (failing on {', '.join(comparison.terms.fail_on)})"
    return f"{operations} operations: {', '.join(said) or 'no figure'}{gated}"


def _operation(change: Change) -> str:
    return f"{change.target} {change.operation}" if not change.over else change.operation


def _cells(change: Change) -> list[str]:
    points = "points" if change.unit == "%" else "%"
    return [
        change.figure,
        f"{change.before:.4g} {change.unit}",
        f"{change.after:.4g} {change.unit}",
        f"{change.change:+.1f} {points}",
        f"{change.low:+.1f} to {change.high:+.1f}",
    ]
