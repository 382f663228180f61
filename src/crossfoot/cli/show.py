"""The terminal: a live line while a run goes on, what it found, and where the report is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from crossfoot.report.kept import kept
from crossfoot.report.lanes import draw
from crossfoot.report.mutants import fate_of, score
from crossfoot.report.wording import KIND_NOUNS
from crossfoot.results import Check, Exploration, Finding, Kill, Kind, Run, TargetResult
from crossfoot.verdicts import Outcome, Verdict

_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}
_WIDE = 100
_EVERY = 0.1  # seconds between two looks at the live line


class Screen:
    """Shows a run. On a terminal there is a live line; elsewhere (CI) plain lines.

    ``quiet`` says nothing at all (--json); ``draw`` draws counterexamples as lanes.
    """

    def __init__(self, *, quiet: bool = False, draw: bool = False) -> None:
        self.draw = draw
        width = None if sys.stdout.isatty() else 120
        self.console = Console(quiet=quiet, width=width, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._shown = 0.0
        self._started = 0.0
        self._undecided: dict[tuple[Kind, str], list[str]] = {}  # by kind and reason

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep a live line while the work inside goes on, on a terminal."""
        if not self.console.is_terminal or self.console.quiet:
            yield
            return
        with self.console.status("starting PostgreSQL") as self._status:
            yield
        self._status = None

    # -- what a Runner tells --------------------------------------------------------------------

    def stage(self, target: str, stage: str, total: int) -> None:
        """Show that a stage begins."""
        self.tell_undecided()
        count = f" ({total})" if total else ""
        self.console.print(Text(f"{target}: {stage}{count}", style="bold"))
        self._say(f"{target}: {stage}")

    def check(self, check: Check) -> None:
        """Show a finished race or burst, or any other check that didn't pass."""
        if check.kind in {Kind.RACE, Kind.BURST} or check.verdict is Verdict.FAIL:
            self.console.print(_check_line(check))
        elif check.verdict is Verdict.UNKNOWN:
            self._undecided.setdefault((check.kind, check.reason), []).append(check.name)
        for finding in check.findings:
            self._finding(finding)

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """Show how far a race is, ten times a second."""
        now = time.monotonic()
        if done.schedules == 1:
            self._started = now
        if self._status and now - self._shown > _EVERY:
            self._shown = now
            rate = done.schedules / max(now - self._started, 0.001)
            self._say(
                f"{race}: {done.schedules} schedules, {rate:.0f} per second, {left} known to be left"
            )

    def kill(self, kill: Kill) -> None:
        """Show what became of a broken variant, or of a mutant."""
        if kill.fate:
            line = Text(f"  {kill.fate:<11}", style=_STYLE[kill.verdict])
            line.append(f"{kill.variant}: {fate_of(kill)}", style="default")
            self.console.print(line)
            return
        mark = "caught" if kill.verdict is Verdict.PASS else kill.verdict.value
        by = ", ".join(kill.caught_by[:4]) + (
            f" and {len(kill.caught_by) - 4} more" if len(kill.caught_by) > 4 else ""
        )
        line = Text(f"  {mark:<8}", style=_STYLE[kill.verdict])
        form = "" if kill.form == "as written" else f" ({kill.form})"
        line.append(f"{kill.variant}{form}: {kill.reason or 'by ' + by}", style="default")
        self.console.print(line)

    def _say(self, text: str) -> None:
        if self._status:
            self._status.update(text)

    def tell_undecided(self) -> None:
        """Show what couldn't be decided, once for each reason: a missing binding is one mistake."""
        for (kind, reason), names in self._undecided.items():
            some = ", ".join(names[:3])
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            line = Text(f"  {Verdict.UNKNOWN.value:<8}", style=_STYLE[Verdict.UNKNOWN])
            line.append(f"{kind} {some}{more}  {reason}", style="default")
            self.console.print(line)
        self._undecided.clear()

    def _finding(self, finding: Finding) -> None:
        self.console.print(Text(f"          {finding.summary}"))
        if finding.waiver:
            self.console.print(
                Text(f"          waived until {finding.waiver.until}: {finding.waiver.reason}")
            )
        if self.draw and finding.lanes:
            self.console.print()
            self.console.print(Text(draw(finding.lanes, self._width)))
            self.console.print(Text(finding.explanation))
            for line in finding.serial:
                self.console.print(Text(f"  one after the other, {line}", style="dim"))
            for line in finding.prevention:
                self.console.print(Text(f"  at {line}", style="dim"))
            for remedy in finding.remedies:
                told = f"  with {remedy.what} ({remedy.where}): {remedy.says}"
                self.console.print(Text(told, style="dim"))
            self._replays(finding)

    def _replays(self, finding: Finding) -> None:
        if finding.confirmed:
            again, times = finding.confirmed
            self.console.print(Text(f"\nSeen again in {again} of {times} replays."))
        self.console.print(Text(f"replay: {finding.replay}\n", style="bold"))

    @property
    def _width(self) -> int:
        return min(self.console.width, 160) if self.console.is_terminal else _WIDE

    # -- ends -----------------------------------------------------------------------------------

    def conclusion(self, run: Run, report: Path, hint: str = "") -> None:
        """Show the verdict, what it covers, and where the report is."""
        self.tell_undecided()
        self.console.print()
        for target in run.targets:
            self.console.print(_target_line(target))
            for sentence in target.not_covered:
                self.console.print(Text(f"  not covered: {sentence}", style="dim"))
        line = Text(f"{run.verdict.value.upper()}", style=_STYLE[run.verdict])
        line.append(
            f"  in {run.seconds:.1f} s, seed {run.seed}, {run.environment.server}", style="default"
        )
        self.console.print(line)
        self.console.print(Text(f"Report: {report}"))
        for kind, place in kept(run, report.parent):
            self.console.print(Text(f"{kind}: {place}"))
        if hint:
            self.console.print(Text(hint))

    def shelf(self, shelf: dict[str, Any]) -> None:
        """Print what ``crossfoot list`` lists."""
        for target in shelf["targets"]:
            self.console.print(Text(f"{target['name']}: {target['about']}", style="bold"))
            for part in ("operations", "races", "bursts", "contracts", "broken variants"):
                self._listed(part, target[part])
        for part in ("audits", "lints"):
            self._listed(part, shelf[part])

    def _listed(self, part: str, sentences: dict[str, str]) -> None:
        table = Table(
            title=f"{part} ({len(sentences)})",
            title_justify="left",
            box=None,
            show_header=False,
            pad_edge=False,
        )
        table.add_column(no_wrap=True)
        table.add_column()
        for name, sentence in sentences.items():
            table.add_row(f"  {name}", sentence)
        self.console.print(table)
        self.console.print()


def _check_line(check: Check) -> Text:
    line = Text(f"  {check.verdict.value:<8}", style=_STYLE[check.verdict])
    kind = "" if check.kind is Kind.RACE else f"{check.kind} "
    line.append(f"{kind}{check.name}", style="default")
    if check.exploration:
        line.append(f"  {_explored(check)}", style="dim")
    if check.kind is Kind.BURST and check.population:
        line.append(f"  {_sent(check)}", style="dim")
    if check.reason:
        line.append(f"  {check.reason}", style="default")
    return line


def _sent(check: Check) -> str:
    seen = check.population
    ended = ", ".join(f"{seen[each]} {each}" for each in Outcome if each in seen)
    return (
        f"{seen['callers']} callers: {ended}; {seen['under way at once']} at once,"
        f" p50 {seen['latency p50']}, slowest {seen['slowest call']}"
    )


def _explored(check: Check) -> str:
    done = check.exploration
    assert done
    failing = f", {done.failing} fail" if done.failing else ""
    return f"{done.coverage}{failing}, {check.seconds:.1f} s"


def _target_line(target: TargetResult) -> Text:
    explored = [check.exploration for check in target.checks if check.exploration]
    said = [
        _number(count, KIND_NOUNS.get(kind, kind.value))
        for kind in Kind
        if (count := sum(check.kind is kind for check in target.checks))
    ]
    if explored:
        schedules = sum(done.schedules for done in explored)
        complete = sum(done.complete for done in explored)
        rest = "" if complete == len(explored) else f", {len(explored) - complete} up to a bound"
        said.append(
            f"{_number(schedules, 'interleaving')} ({_number(complete, 'race')} exhaustively{rest})"
        )
    if target.kill_matrix:
        kills = target.kill_matrix.kills
        caught = sum(kill.verdict is Verdict.PASS for kill in kills)
        said.append(f"{caught} of {_number(len(kills), 'broken variant')} caught")
    if target.mutants:
        said.append(score(target.mutants))
    line = Text(f"{target.verdict.value:<8}", style=_STYLE[target.verdict])
    return line.append(
        f"{target.name}: {', '.join(said) or 'nothing was checked'}", style="default"
    )


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
