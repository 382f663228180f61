"""``crossfoot check``: a history against its ledger, without running anything."""

from __future__ import annotations

import platform
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from crossfoot import __version__
from crossfoot.cli.show import Screen
from crossfoot.errors import CrossfootError
from crossfoot.history.elle import write_elle
from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, Ledger, fetch_ledger, read_ledger
from crossfoot.history.moves import Called
from crossfoot.history.reading import History, open_history
from crossfoot.results import Check, Environment, Operation, Run, TargetResult
from crossfoot.server import open_existing
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Verdict, exit_code, worst

LIMITS = [
    "A history shows what its calls did. What no call in it did isn't judged.",
    "Calls of different machines are ordered only where the server's clock was read inside them.",
    "What an answer says is compared where target.toml tells what it means, and by model.py where it"
    " can be asked about one account.",
]


@dataclass(frozen=True)
class Question:
    """What is to be checked, against what."""

    paths: Sequence[Path]
    target: str | None = None
    ledger: Path | None = None
    dsn: str | None = None
    elle: Path | None = None


async def check(question: Question, command: str, screen: Screen) -> Run:
    """Check a history and say on the screen what came out."""
    started, started_at = time.perf_counter(), datetime.now(UTC)
    history = open_history(question.paths)
    target = find_targets([question.target or history.target])[0]
    screen.stage(target.name, "history", 0)
    ledger, source = await _ledger(question, history, target)
    judged = judge(history, target, ledger)
    if question.elle:
        if ledger is None:
            raise CrossfootError("--elle needs the ledger's order: give --ledger or --dsn")
        write_elle(question.elle, judged.called, ledger)
    for each in judged.checks:
        screen.check(each)
    result = _result(target, judged.checks, time.perf_counter() - started)
    run = _run(result, history, command, started_at, source)
    _conclude(screen, run, judged.called, history)
    return run


async def _ledger(
    question: Question, history: History, target: Target
) -> tuple[Ledger | None, str]:
    """Return the ledger and where it comes from: what was asked for, else what lies beside it."""
    if question.dsn and question.ledger:
        raise CrossfootError("--ledger or --dsn: one of them")
    if question.dsn:
        async with open_existing(question.dsn) as existing:
            return await fetch_ledger(existing.connection, target), existing.description
    path = question.ledger or history.files[0].path.parent / NAME
    if question.ledger or path.exists():
        return read_ledger(path, history.target), str(path)
    return None, "no ledger"


def _result(target: Target, checks: Sequence[Check], seconds: float) -> TargetResult:
    return TargetResult(
        name=target.name,
        about=target.about,
        verdict=worst(check.verdict for check in checks),
        operations=[
            Operation(name=name, function=each.function, call=each.call)
            for name, each in target.operations.items()
        ],
        checks=list(checks),
        absent=target.absent,
        seconds=seconds,
    )


def _run(
    result: TargetResult, history: History, command: str, started_at: datetime, source: str
) -> Run:
    return Run(
        run_id=started_at.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2),
        command=command,
        started_at=started_at,
        seconds=result.seconds,
        verdict=result.verdict,
        exit_code=exit_code(result.verdict),
        seed=history.files[0].head.seed,
        limits=[*LIMITS, *history.notes],
        environment=Environment(
            crossfoot=__version__,
            postgresql="",
            server=source,
            python=sys.version.split()[0],
            platform=f"{platform.system()} {platform.machine()}",
        ),
        targets=[result],
    )


_STYLE = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.UNKNOWN: "yellow"}


def _conclude(screen: Screen, run: Run, called: Called, history: History) -> None:
    """Say what was looked at, what was odd about it, and what came out."""
    screen.tell_undecided()
    for each in run.targets[0].checks:
        if each.verdict is Verdict.PASS:
            population = ", ".join(f"{count} {name}" for name, count in each.population.items())
            line = Text("  pass    ", style=_STYLE[Verdict.PASS])
            screen.console.print(
                line.append(f"history {each.name}", style="default").append(
                    f"  {population}", style="dim"
                )
            )
    for note in history.notes:
        screen.console.print(Text(f"  note: {note}", style="dim"))
    files = len(history.files)
    said = f"{called.calls} calls in {files} file{'s' if files > 1 else ''}"
    line = Text(run.verdict.value.upper(), style=_STYLE[run.verdict])
    said = f"  {said}, against {run.environment.server}, in {run.seconds:.1f} s"
    screen.console.print(line.append(said, style="default"))
