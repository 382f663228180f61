"""A run at a glance: the verdict in one sentence, what it covers, the findings in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from crossfoot.report.matrix import matrix
from crossfoot.report.wording import counted, listed
from crossfoot.results import Check, Finding, Kill, Kind, Run, TargetResult
from crossfoot.verdicts import Severity, Verdict


@dataclass(frozen=True)
class Found:
    """A finding with the check and the target that it belongs to."""

    target: TargetResult
    check: Check
    finding: Finding


def headline(run: Run) -> str:
    """Return the verdict in one sentence: "Fail: 3 of 34 checks failed on lead_marketplace."

    It speaks of the run's own verdict. A run can fail although each of its checks held (a broken
    variant that nobody caught), and is unknown when nothing was checked.
    """
    said = {
        Verdict.PASS: _passed,
        Verdict.FAIL: _failed,
    }.get(run.verdict, _undecided)(run)
    return f"{run.verdict.value.capitalize()}: {said}."


def _passed(run: Run) -> str:
    which = "the" if len(weighed(run)) == 1 else "all"
    return f"{which} {_counted(run)} held on {_targets(run)}, as far as was looked"


def _failed(run: Run) -> str:
    failed = _with(weighed(run), Verdict.FAIL)
    missed = [kill for kill in kills(run) if kill.verdict is Verdict.FAIL]
    if failed:
        return f"{len(failed)} of {_counted(run)} failed on {_targets(run)}"
    if missed:
        variants = counted(len(kills(run)), "form of a broken variant", "forms of broken variants")
        return f"{len(missed)} of {variants} went unnoticed, so the suite is too weak"
    return f"no single check failed on {_targets(run)}; the run as a whole did"


def _undecided(run: Run) -> str:
    unknown = _with(weighed(run), Verdict.UNKNOWN)
    if not weighed(run):
        return "nothing was checked, so nothing is shown"
    if unknown:
        which = f"{len(unknown)} of {_counted(run)}"
        return f"nothing failed on {_targets(run)}, but {which} could not be decided"
    return f"the checks of {_targets(run)} held, but the run as a whole could not be decided"


def _counted(run: Run) -> str:
    """Return "12 checks", or "11 applicable checks" where others don't apply."""
    count, total = len(weighed(run)), len(checks(run))
    return counted(count, "check" if count == total else "applicable check")


def _targets(run: Run) -> str:
    return listed(target.name for target in run.targets) or "no target"


def checks(run: Run) -> list[Check]:
    """Return every check of the run."""
    return [check for target in run.targets for check in target.checks]


def weighed(run: Run) -> list[Check]:
    """Return the checks that count: those that apply."""
    return [check for check in checks(run) if check.verdict is not Verdict.NOT_APPLICABLE]


def kills(run: Run) -> list[Kill]:
    """Return the forms of broken variants that the run tried."""
    return [
        kill for target in run.targets if target.kill_matrix for kill in target.kill_matrix.kills
    ]


def _with(among: Iterable[Check], verdict: Verdict) -> list[Check]:
    return [check for check in among if check.verdict is verdict]


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
    kinds = listed(counted(by_kind[kind], kind.value) for kind in Kind if by_kind[kind])
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
    partial = [
        f"{check.kind} {check.name}: {check.exploration.coverage}, "
        f"{check.exploration.left} more known and not run"
        for check in target.checks
        if check.exploration and not check.exploration.complete
    ]
    return [
        *told,
        *(
            f"{row.label}: called by no check at all"
            for row in matrix(target).functions
            if not row.covered and not any(gap.startswith(f"{row.label}:") for gap in told)
        ),
        *partial,
        *(f"{name}: {reason}" for name, reason in target.absent.items()),
    ]


def _of(run: Run, target: TargetResult) -> str:
    return f"{target.name}, " if len(run.targets) > 1 else ""


def live(run: Run) -> list[Found]:
    """Return the findings that count, worst first."""
    return [
        found
        for found in _findings(run)
        if not found.finding.waiver and found.check.verdict is not Verdict.UNKNOWN
    ]


def doubtful(run: Run) -> list[Found]:
    """Return what checks saw that could not be decided: a schedule that failed once, for one."""
    return [
        found
        for found in _findings(run)
        if not found.finding.waiver and found.check.verdict is Verdict.UNKNOWN
    ]


def waived(run: Run) -> list[Found]:
    """Return the findings that are tolerated, worst first."""
    return [found for found in _findings(run) if found.finding.waiver]


def undecided(run: Run) -> list[tuple[TargetResult, Check]]:
    """Return the checks that could not be decided."""
    return [
        (target, check)
        for target in run.targets
        for check in target.checks
        if check.verdict is Verdict.UNKNOWN
    ]


def _findings(run: Run) -> list[Found]:
    severities, kinds = list(Severity), list(Kind)
    found = [
        Found(target, check, finding)
        for target in run.targets
        for check in target.checks
        for finding in check.findings
    ]
    return sorted(
        found,
        key=lambda item: (severities.index(item.check.severity), kinds.index(item.check.kind)),
    )
