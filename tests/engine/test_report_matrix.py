"""The matrix of functions and properties, and the kill matrix."""

from __future__ import annotations

import pytest
from report_specimen import failing_run, passing_run

from crossfoot.report.kills import Mark, grid
from crossfoot.report.matrix import WHOLE_TARGET, Cell, matrix, verdict_on
from crossfoot.results import Check, Exploration, Finding, Kill, KillMatrix, Kind, Property
from crossfoot.results import TargetResult as Target
from crossfoot.verdicts import Verdict


def cell(target: Target, label: str, column: Property) -> Cell:
    row = next(row for row in matrix(target).rows if row.label == label)
    return next(cell for cell in row.cells if cell.property is column)


def target_with(*checks: Check) -> Target:
    return Target(name="cards", about="", verdict=Verdict.PASS, checks=[*checks])


def race(verdict: Verdict, *findings: Finding, explored: Exploration | None = None) -> Check:
    return Check(
        kind=Kind.RACE,
        name="two_spends",
        title="Two spends leave what they should",
        verdict=verdict,
        properties=[Property.SERIAL, Property.LEDGER],
        operations=["spend"],
        findings=[*findings],
        exploration=explored,
    )


def audit(verdict: Verdict, **more: object) -> Check:
    fields = {"kind": "audit", "name": "a", "title": "A", "properties": ["ledger"], **more}
    return Check.model_validate(fields | {"verdict": verdict})


def test_a_check_counts_in_the_cells_of_its_operations_and_properties_and_nowhere_else() -> None:
    target = failing_run().targets[0]
    assert cell(target, "validate", Property.SERIAL).verdict is Verdict.FAIL
    assert cell(target, "complete", Property.STATE).verdict is Verdict.FAIL
    assert cell(target, "refund", Property.STATE).verdict is Verdict.PASS
    assert cell(target, "validate", Property.ACCESS).verdict is None


def test_a_function_that_no_check_calls_is_not_covered() -> None:
    rows = {row.label: row for row in matrix(failing_run().targets[0]).rows}
    assert not rows["create"].covered
    assert {cell.verdict for cell in rows["create"].cells} == {None}


def test_checks_without_an_operation_stand_in_the_last_row() -> None:
    grid = matrix(failing_run().targets[0])
    assert grid.rows[-1].label == WHOLE_TARGET
    assert grid.rows[-1].operation is None
    assert cell(failing_run().targets[0], WHOLE_TARGET, Property.ACCESS).verdict is Verdict.FAIL


def test_a_cell_has_the_worst_verdict_and_names_all_its_checks() -> None:
    target = failing_run().targets[0]
    ledger = cell(target, WHOLE_TARGET, Property.LEDGER)
    assert ledger.verdict is Verdict.FAIL
    assert [check.name for check in ledger.checks] == [
        "balance_equals_entries",
        "payments_are_credited",
    ]


def test_a_cell_of_checks_that_do_not_apply_is_not_applicable_and_not_unknown() -> None:
    target = target_with(audit(Verdict.NOT_APPLICABLE))
    assert cell(target, WHOLE_TARGET, Property.LEDGER).verdict is Verdict.NOT_APPLICABLE


def test_an_operation_that_only_a_check_names_still_gets_a_row() -> None:
    target = target_with(audit(Verdict.FAIL, operations=["forgotten"]))
    assert cell(target, "forgotten", Property.LEDGER).verdict is Verdict.FAIL


def test_a_waived_finding_shows_in_its_cell() -> None:
    access = cell(passing_run().targets[0], WHOLE_TARGET, Property.ACCESS)
    assert (access.verdict, access.waived) == (Verdict.PASS, 1)


def test_every_race_feeds_the_deadlock_column() -> None:
    target = target_with(race(Verdict.PASS, explored=Exploration(schedules=6, complete=True)))
    assert cell(target, "spend", Property.DEADLOCK).verdict is Verdict.PASS


SOLD_TWICE = Finding(subject="card", summary="lost", violates=["serial order"])
CIRCLE = Finding(subject="card", summary="circle", violates=["deadlock"])
BOTH = Finding(subject="card", summary="both", violates=["serial order", "deadlock"])
WHOLE = Exploration(schedules=20, complete=True, failing=4)
SAMPLE = Exploration(schedules=20, failing=4)
STOPPED = Exploration(schedules=3, preemption_bound=1, stopped=True, failing=1)
CIRCLES = Exploration(schedules=20, complete=True, failing=4, deadlocks=4)
MIXED = Exploration(schedules=20, complete=True, failing=6, deadlocks=4)


@pytest.mark.parametrize(
    ("finding", "explored", "deadlock", "serial"),
    [
        (SOLD_TWICE, WHOLE, Verdict.PASS, Verdict.FAIL),
        (SOLD_TWICE, SAMPLE, Verdict.UNKNOWN, Verdict.FAIL),
        (SOLD_TWICE, STOPPED, Verdict.UNKNOWN, Verdict.FAIL),
        (SOLD_TWICE, MIXED, Verdict.FAIL, Verdict.FAIL),
        (CIRCLE, CIRCLES, Verdict.FAIL, Verdict.UNKNOWN),
        (CIRCLE, MIXED, Verdict.FAIL, Verdict.FAIL),
        (BOTH, CIRCLES, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_a_failed_race_fails_only_in_the_columns_that_its_counterexamples_speak_against(
    finding: Finding, explored: Exploration, deadlock: Verdict, serial: Verdict
) -> None:
    check = race(Verdict.FAIL, finding, explored=explored)
    assert verdict_on(check, Property.DEADLOCK) is deadlock
    assert verdict_on(check, Property.SERIAL) is serial


def test_a_failed_race_without_a_finding_fails_in_each_of_its_columns() -> None:
    check = race(Verdict.FAIL)
    assert {verdict_on(check, column) for column in Property} == {Verdict.FAIL}


def test_a_variant_is_marked_for_what_was_expected_and_what_came() -> None:
    kill = Kill(
        variant="v",
        title="",
        mistake="",
        hurts="",
        verdict=Verdict.FAIL,
        expected=["race a", "race b"],
        caught_by=["race a", "audit c"],
        not_run=["race d"],
    )
    table = grid(KillMatrix(checks=["race a", "race b", "race d", "lint e"], kills=[kill]))
    assert table.checks == ("race a", "race b", "audit c")
    assert table.rows[0][1] == (Mark.CAUGHT, Mark.MISSED, Mark.ALSO)
    assert table.idle == ("race d", "lint e")


def test_a_variant_that_could_not_be_tried_is_undecided_and_not_missed() -> None:
    kill = Kill(
        variant="v", title="", mistake="", hurts="", verdict=Verdict.UNKNOWN, expected=["race a"]
    )
    assert grid(KillMatrix(checks=["race a"], kills=[kill])).rows[0][1] == (Mark.UNDECIDED,)
