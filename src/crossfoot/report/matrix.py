"""Functions × properties: what was asked of each function, and what came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crossfoot.results import Check, Exploration, Finding, Kind, Operation, Property, TargetResult
from crossfoot.verdicts import Verdict, worst

WHOLE_TARGET = "whole target"


@dataclass(frozen=True)
class Cell:
    """What the checks say about one property of one function.

    ``verdict`` is None where no check speaks about it. ``waived`` counts the findings that are
    tolerated, so that a pass that needed a waiver can be told from one that didn't.
    """

    property: Property
    verdict: Verdict | None
    checks: tuple[Check, ...]
    waived: int


@dataclass(frozen=True)
class Row:
    """One function, or with ``operation`` None the whole target."""

    label: str
    operation: Operation | None
    cells: tuple[Cell, ...]

    @property
    def covered(self) -> bool:
        """Say whether any check speaks about this function at all."""
        return any(cell.checks for cell in self.cells)


@dataclass(frozen=True)
class Matrix:
    """The matrix of one target; every row has a cell for each of ``properties``, in their order."""

    target: str
    properties: tuple[Property, ...]
    rows: tuple[Row, ...]

    @property
    def functions(self) -> tuple[Row, ...]:
        """Return the rows of functions, without that of the whole target."""
        return tuple(row for row in self.rows if row.operation is not None)


def matrix(target: TargetResult) -> Matrix:
    """Return the matrix of ``target``: its operations in their order, then the whole target.

    A check counts in the cells of its operations × its properties, and one without operations in
    the last row. An operation that a check names and the target doesn't list gets a row too:
    leaving it out would hide a verdict.
    """
    properties = tuple(Property)
    rows = [
        Row(operation.name, operation, _cells(checks, properties))
        for operation, checks in _by_operation(target)
    ]
    whole = [check for check in target.checks if not check.operations]
    rows.append(Row(WHOLE_TARGET, None, _cells(whole, properties)))
    return Matrix(target.name, properties, tuple(rows))


def properties_of(check: Check) -> tuple[Property, ...]:
    """Return the columns that a check speaks about, in their order.

    Every race looks for deadlocks, whatever else it is about.
    """
    named = {*check.properties, *([Property.DEADLOCK] if check.kind is Kind.RACE else [])}
    return tuple(item for item in Property if item in named)


def verdict_on(check: Check, column: Property) -> Verdict:
    """Return what a check says about one of its properties.

    Only a failed race says different things about different ones: a double sale doesn't show that
    the calls deadlock, nor a deadlock that they sell twice. A failed race without a deadlock has
    passed in that column if every schedule up to a bound ran. One that only deadlocks says nothing
    sure about its other properties: it shows one counterexample of many.
    """
    if check.kind is not Kind.RACE or check.verdict is not Verdict.FAIL:
        return check.verdict
    if column is Property.DEADLOCK:
        return _deadlock_verdict(check)
    if set(properties_of(check)) == {Property.DEADLOCK} or _wrong_without_deadlock(check):
        return Verdict.FAIL
    return Verdict.UNKNOWN


def speaks_against(finding: Finding, column: Property) -> bool:
    """Say whether a race's finding is one about deadlocks, or about the race's other properties."""
    violated = set(finding.violates) or {finding.anomaly}
    waiting = {"deadlock", "stuck"}
    return bool(violated & waiting) if column is Property.DEADLOCK else not violated <= waiting


def _deadlock_verdict(check: Check) -> Verdict:
    explored = check.exploration
    if any(speaks_against(finding, Property.DEADLOCK) for finding in check.findings):
        return Verdict.FAIL
    if explored is None or explored.deadlocks:
        return Verdict.FAIL
    return Verdict.PASS if _systematic(explored) else Verdict.UNKNOWN


def _wrong_without_deadlock(check: Check) -> bool:
    """Say whether a failed race shows a fault other than a deadlock."""
    explored = check.exploration
    return (
        not check.findings
        or any(speaks_against(finding, Property.SERIAL) for finding in check.findings)
        or (explored is not None and explored.failing > explored.deadlocks)
    )


def _systematic(exploration: Exploration) -> bool:
    bounded = exploration.complete or exploration.preemption_bound is not None
    return bounded and not exploration.stopped


def _by_operation(target: TargetResult) -> list[tuple[Operation, list[Check]]]:
    operations = {operation.name: operation for operation in target.operations}
    for check in target.checks:
        for name in check.operations:
            operations.setdefault(name, Operation(name=name, function="", call=""))
    return [
        (operation, [check for check in target.checks if name in check.operations])
        for name, operation in operations.items()
    ]


def _cells(checks: Iterable[Check], properties: Iterable[Property]) -> tuple[Cell, ...]:
    asked = [(check, properties_of(check)) for check in checks]
    return tuple(
        _cell(column, [check for check, columns in asked if column in columns])
        for column in properties
    )


def _cell(column: Property, checks: list[Check]) -> Cell:
    verdicts = [verdict_on(check, column) for check in checks]
    waived = sum(finding.waiver is not None for check in checks for finding in check.findings)
    return Cell(column, _combined(verdicts), tuple(checks), waived)


def _combined(verdicts: list[Verdict]) -> Verdict | None:
    if not verdicts:
        return None
    if set(verdicts) == {Verdict.NOT_APPLICABLE}:
        return Verdict.NOT_APPLICABLE
    return worst(verdicts)
