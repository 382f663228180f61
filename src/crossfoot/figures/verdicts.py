"""The checks of two runs: which came out otherwise, and which findings are new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crossfoot.results import Check, Finding, Run
from crossfoot.verdicts import Verdict

_MOST = 5  # new findings of one check that are told
_RANK = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


@dataclass(frozen=True)
class CheckChange:
    """One check in both runs, or in one; a verdict is empty where the run doesn't have it.

    ``group`` is "verdicts", or "findings" of a check that failed before and fails otherwise now.
    ``says`` is what is wrong now, a line each.
    """

    target: str
    check: str
    group: str
    before: str
    after: str
    says: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Say whether both runs have the check."""
        return bool(self.before and self.after)

    @property
    def worse(self) -> bool:
        """Say whether it proves less than before, or finds more."""
        if self.group == "findings":
            return bool(self.says)
        found = (
            _RANK.get(Verdict(each), 0) if each else None for each in (self.before, self.after)
        )
        first, second = found
        return second is not None and (first or 0) < second and (first is not None or second > 1)

    @property
    def differs(self) -> bool:
        """Say whether there is anything to tell."""
        return self.before != self.after or bool(self.says)


def compare_checks(before: Run, after: Run) -> list[CheckChange]:
    """Return every check of two runs, by target and name, with what became of it.

    A finding is new if the check before had none of its mistake that violates the same rules: subjects
    are drawn anew in every run.
    """
    first, second = _by_name(before), _by_name(after)
    return [change for key in sorted({*first, *second}) for change in _changes(key, first, second)]


_Key = tuple[str, str]


def _by_name(run: Run) -> dict[_Key, Check]:
    return {
        (target.name, f"{check.kind} {check.name}"): check
        for target in run.targets
        for check in target.checks
    }


def _changes(
    key: _Key, first: dict[_Key, Check], second: dict[_Key, Check]
) -> Iterator[CheckChange]:
    old, new = first.get(key), second.get(key)
    before, after = (each.verdict.value if each else "" for each in (old, new))
    both_fail = before == after == Verdict.FAIL.value
    known = {_mistake(each) for each in old.findings} if old and both_fail else set()
    findings = [each for each in new.findings if not each.waiver] if new else []
    says = [each.summary for each in findings if _mistake(each) not in known][:_MOST]
    if new and new.verdict is Verdict.UNKNOWN:
        says = [new.reason]
    if new is None or (old and old.verdict is new.verdict and not both_fail):
        says = []
    group = "findings" if both_fail else "verdicts"
    yield CheckChange(*key, group, before, after, tuple(says))


def _mistake(finding: Finding) -> tuple[str, tuple[str, ...]]:
    return finding.anomaly, tuple(sorted(set(finding.violates)))
