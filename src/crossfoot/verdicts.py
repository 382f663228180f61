"""The words in which results are stated: verdicts of checks, outcomes of calls."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What a check concluded."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


class Outcome(StrEnum):
    """How one call ended."""

    OK = "ok"
    REFUSED = "refused"
    RETRYABLE = "retryable"
    UNKNOWN = "unknown"
    ERROR = "error"


class Severity(StrEnum):
    """How much a finding matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_WEIGHT = {Verdict.PASS: 1, Verdict.UNKNOWN: 2, Verdict.FAIL: 3}
_EXIT_CODE = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 3}

RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "55P03"})


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most serious verdict; ``not applicable`` isn't weighed. None at all prove nothing."""
    weighed = [verdict for verdict in verdicts if verdict is not Verdict.NOT_APPLICABLE]
    return max(weighed, key=_WEIGHT.__getitem__, default=Verdict.UNKNOWN)


def exit_code(verdict: Verdict) -> int:
    """Return the process exit code of a run that ended in ``verdict``: 0 pass, 1 fail, 3 unknown."""
    return _EXIT_CODE.get(verdict, 3)
