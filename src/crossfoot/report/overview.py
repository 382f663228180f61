"""A run at a glance: the verdict in one sentence, and the findings in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    if not weighed(run) and any(target.mutants for target in run.targets):
        return f"no guard of {_targets(run)} goes untested, as far as was looked"
    which = "the" if len(weighed(run)) == 1 else "all"
    return f"{which} {_counted(run)} held on {_targets(run)}, as far as was looked"


def _failed(run: Run) -> str:
    failed = _with(weighed(run), Verdict.FAIL)
    missed = [kill for kill in kills(run) if kill.verdict is Verdict.FAIL]
    gaps = sum(mutant.fate == "gap" for target in run.targets for mutant in target.mutants)
    if failed:
        return f"{len(failed)} of {_counted(run)} failed on {_targets(run)}"
    if missed:
        variants = counted(len(kills(run)), "form of a broken variant", "forms of broken variants")
        return f"{len(missed)} of {variants} went unnoticed, so the suite is too weak"
    if gaps:
        return f"{counted(gaps, 'guard')} could go unnoticed, so the suite is too weak"
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


def by_check(found: list[Found]) -> list[list[Found]]:
    """Return findings that stand in order as groups of one check each."""
    groups: list[list[Found]] = []
    for item in found:
        if groups and groups[-1][0].check is item.check:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


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
