"""What a burst expects of its outcomes: so many of a kind, or all of a kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crossfoot.history.record import CallRecord
from crossfoot.scenario import ScenarioFile
from crossfoot.verdicts import Outcome

_KINDS = "ok|refused|retryable|error"
_COUNTED = re.compile(rf"(at most|at least|exactly)\s+(\d+)\s+({_KINDS})(?:\s+in\s+(\w+))?")
_REST = re.compile(rf"(all|the others)\s+({_KINDS})")


@dataclass(frozen=True)
class Expectation:
    """One ``expect:`` line.

    ``bound`` is "at most", "at least" or "exactly", with a ``count``; or "all" or "the others":
    then every call that isn't of an outcome which another line names has to be of this one.
    """

    text: str
    bound: str
    outcome: Outcome
    count: int = 0
    operation: str | None = None

    def speaks_of(self, call: CallRecord) -> bool:
        """Say whether a call counts here."""
        return call.outcome is self.outcome and self.operation in {None, call.operation}

    def holds(self, count: int) -> bool:
        """Say whether so many calls of this outcome are as expected."""
        return {
            "at most": count <= self.count,
            "at least": count >= self.count,
            "exactly": count == self.count,
        }[self.bound]


def read_expectations(source: ScenarioFile, operations: Sequence[str]) -> tuple[Expectation, ...]:
    """Return the ``expect:`` lines of a header. Raises ContentError for one that can't be read."""
    return tuple(_read(text, source, operations) for text in source.header.each("expect"))


def _read(text: str, source: ScenarioFile, operations: Sequence[str]) -> Expectation:
    line = source.header.lines["expect"]
    if rest := _REST.fullmatch(text.strip()):
        return Expectation(text, rest[1], Outcome(rest[2]))
    match = _COUNTED.fullmatch(text.strip())
    if not match:
        raise source.fail(
            line,
            f"expect: {text!r} can't be read",
            "Write e.g. 'exactly 1 ok in complete', 'the others refused' or 'all ok'.",
        )
    if match[4] and match[4] not in operations:
        raise source.fail(
            line,
            f"expect: {match[4]!r} is called by nobody",
            f"Called here: {', '.join(operations)}.",
        )
    return Expectation(text, match[1], Outcome(match[3]), int(match[2]), match[4])


@dataclass(frozen=True)
class Breach:
    """An expectation that didn't hold: what was got, and the calls that show it."""

    expected: str
    got: str
    calls: tuple[CallRecord, ...]


def breaches(expectations: Sequence[Expectation], calls: Sequence[CallRecord]) -> list[Breach]:
    """Return what isn't as expected. An ``error`` that no line speaks of is never expected."""
    found: list[Breach] = []
    counted = [each for each in expectations if each.bound not in {"all", "the others"}]
    for each in counted:
        these = tuple(call for call in calls if each.speaks_of(call))
        if not each.holds(len(these)):
            found.append(Breach(each.text, str(len(these)), these))
    rest = [each for each in expectations if each not in counted]
    named = {each.outcome for each in expectations}
    strays = [call for call in calls if call.outcome not in named | {Outcome.UNKNOWN}]
    if not rest:
        strays = [call for call in strays if call.outcome is Outcome.ERROR]
    if strays:
        expected = rest[0].text if rest else "no error"
        found.append(Breach(expected, told(strays), tuple(strays)))
    return found


def told(calls: Sequence[CallRecord]) -> str:
    """Return how calls ended: "1 ok, 99 refused"."""
    counts = Counter(call.outcome for call in calls)
    return ", ".join(f"{counts[each]} {each}" for each in Outcome if counts[each])
