"""What a verdict rests on, and what it says nothing about."""

from __future__ import annotations

from collections import Counter

from crossfoot.report.matrix import matrix
from crossfoot.report.mutants import mutants, score
from crossfoot.report.overview import checks, kills
from crossfoot.report.wording import KIND_NOUNS, counted, listed
from crossfoot.results import Kind, Run, TargetResult
from crossfoot.verdicts import Verdict

_MOST_RACES = 3


def covered(run: Run) -> list[tuple[str, str]]:
    """Return what the verdict rests on, as (word, sentence) pairs; none for what wasn't tried."""
    return [
        (word, sentence)
        for word, sentence in (
            ("Targets", _target_facts(run)),
            ("Functions", _function_facts(run)),
            ("Checks", _check_facts(run)),
            ("Schedules", _schedule_facts(run)),
            ("Broken variants", _kill_facts(run)),
            ("Guards", score(mutants(run)) if mutants(run) else ""),
        )
        if sentence
    ]


def _target_facts(run: Run) -> str:
    return "; ".join(
        f"{target.name} ({target.about})" if target.about else target.name for target in run.targets
    )


def _function_facts(run: Run) -> str:
    rows = [row for target in run.targets for row in matrix(target).functions]
    reached = [row for row in rows if row.covered]
    if not rows:
        return ""
    if len(reached) == len(rows):
        return f"{len(rows)}, each exercised by at least one check"
    return f"{len(reached)} of {len(rows)} exercised by at least one check"


def _check_facts(run: Run) -> str:
    by_kind = Counter(check.kind for check in checks(run))
    by_verdict = Counter(check.verdict for check in checks(run))
    kinds = listed(
        counted(by_kind[kind], KIND_NOUNS.get(kind, kind.value)) for kind in Kind if by_kind[kind]
    )
    verdicts = listed(
        f"{by_verdict[verdict]} {word}"
        for verdict, word in (
            (Verdict.PASS, "passed"),
            (Verdict.FAIL, "failed"),
            (Verdict.UNKNOWN, "undecided"),
            (Verdict.NOT_APPLICABLE, "not applicable"),
        )
        if by_verdict[verdict]
    )
    return f"{kinds}: {verdicts}" if kinds else "none"


def _schedule_facts(run: Run) -> str:
    explored = [check.exploration for check in checks(run) if check.exploration]
    if not explored:
        return ""
    total = sum(item.schedules for item in explored)
    searched = [item for item in explored if not item.stopped]
    whole = sum(item.complete for item in searched)
    bounded = sum(not item.complete and item.preemption_bound is not None for item in searched)
    sampled = len(searched) - whole - bounded
    stopped = len(explored) - len(searched)
    within = "in every order up to a bound on preemptions"
    ways = (
        (whole, "in every order of its steps", "in every order of their steps"),
        (bounded, within, within),
        (sampled, "in a sample of its orders", "in a sample of their orders"),
        (stopped, "until its first counterexample", "until their first counterexamples"),
    )
    how = listed(
        f"{counted(count, 'race')} {one if count == 1 else more}"
        for count, one, more in ways
        if count
    )
    return f"{counted(total, 'interleaving')} run: {how}"


def _kill_facts(run: Run) -> str:
    tried = kills(run)
    caught = [kill for kill in tried if kill.verdict is Verdict.PASS]
    if not tried:
        return ""
    return f"{len(caught)} of {counted(len(tried), 'form')} caught by every check that should"


def not_covered(run: Run) -> list[str]:
    """Return what the verdict says nothing about, a sentence each, most telling first."""
    return [f"{_of(run, target)}{gap}" for target in run.targets for gap in _gaps(target)]


def _gaps(target: TargetResult) -> list[str]:
    told = tuple(target.not_covered)
    uncalled = [
        f"{row.label}: called by no check at all"
        for row in matrix(target).functions
        if not row.covered and not any(gap.startswith(f"{row.label}:") for gap in told)
        if target.checks or not target.mutants
    ]
    return [*told, *uncalled, *_unexplored(target)]


def absent(run: Run) -> list[str]:
    """Return what the targets declare that they don't have, with their reasons, a sentence each."""
    return [f"{_of(run, target)}{each}" for target in run.targets for each in _absent(target)]


def _unexplored(target: TargetResult) -> list[str]:
    """Return the races that have more orders than ran: each, or where they are many, how many."""
    partial = [
        (check, check.exploration)
        for check in target.checks
        if check.exploration and not check.exploration.complete
    ]
    if len(partial) > _MOST_RACES:
        left = sum(explored.left for _, explored in partial)
        return [
            f"{len(partial)} races have more schedules than were run: {left} are known and were "
            "not run, and each race says up to what bound all were"
        ]
    return [
        f"{check.kind} {check.name}: {explored.coverage}, {explored.left} more known and not run"
        for check, explored in partial
    ]


def _absent(target: TargetResult) -> list[str]:
    """Return what the target declares absent, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in target.absent.items():
        by_reason.setdefault(reason, []).append(name)
    return [f"{listed(names)}: {reason}" for reason, names in by_reason.items()]


def _of(run: Run, target: TargetResult) -> str:
    return f"{target.name}, " if len(run.targets) > 1 else ""
