"""The verdict in one sentence, what it covers, and the order of the findings."""

from __future__ import annotations

import pytest
from report_specimen import empty_run, failing_run, passing_run

from crossfoot.report import overview, scope
from crossfoot.report.wording import duration, listed
from crossfoot.results import Kind, Run
from crossfoot.verdicts import Verdict


def with_verdicts(run: Run, verdict: Verdict, **kinds: Verdict) -> Run:
    """Return ``run`` as it would be with ``verdict``, all checks of the named kinds changed."""
    run = run.model_copy(deep=True)
    run.verdict = verdict
    for check in overview.checks(run):
        check.verdict = kinds.get(check.kind.value, check.verdict)
    return run


def test_the_headline_counts_what_failed_among_the_checks_that_apply() -> None:
    assert overview.headline(failing_run()) == (
        "Fail: 3 of 11 applicable checks failed on lead_marketplace."
    )


def test_a_pass_claims_no_more_than_was_looked_at() -> None:
    assert overview.headline(passing_run()) == (
        "Pass: all 11 applicable checks held on lead_marketplace, as far as was looked."
    )


def test_a_run_without_checks_says_that_it_shows_nothing() -> None:
    assert overview.headline(empty_run()) == "Unknown: nothing was checked, so nothing is shown."


def test_an_undecided_run_says_how_many_checks_could_not_be_decided() -> None:
    run = with_verdicts(passing_run(), Verdict.UNKNOWN, race=Verdict.UNKNOWN)
    assert overview.headline(run) == (
        "Unknown: nothing failed on lead_marketplace, but 3 of 11 applicable checks could not be "
        "decided."
    )


def test_a_run_fails_by_a_broken_variant_alone_and_says_so() -> None:
    run = with_verdicts(passing_run(), Verdict.FAIL)
    matrix = run.targets[0].kill_matrix
    assert matrix
    matrix.kills[0].verdict = Verdict.FAIL
    assert overview.headline(run) == (
        "Fail: 1 of 5 forms of broken variants went unnoticed, so the suite is too weak."
    )


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("run", [passing_run(), failing_run(), empty_run()])
def test_there_is_a_headline_for_every_verdict_whatever_the_checks_say(
    run: Run, verdict: Verdict
) -> None:
    headline = overview.headline(run.model_copy(update={"verdict": verdict}))
    assert headline.lower().startswith(f"{verdict.value}: ")


def test_what_the_verdict_rests_on_is_counted() -> None:
    facts = dict(scope.covered(failing_run()))
    assert facts["Functions"] == "5 of 6 exercised by at least one check"
    assert facts["Checks"].startswith("3 races, 3 contracts, 4 audits and 2 lints: 7 passed")
    assert facts["Schedules"] == (
        "13656 interleavings run: 2 races in every order of their steps and 1 race in every order "
        "up to a bound on preemptions"
    )
    assert facts["Broken variants"] == "3 of 5 forms caught by every check that should"


def test_what_was_not_covered_names_operations_bounds_and_absences() -> None:
    gaps = scope.not_covered(failing_run())
    assert gaps[0] == "expire_pending_purchases: no operation bound"
    assert "create: called by no check at all" in gaps
    assert any(gap.startswith("race refund_while_completing: 12480 schedules") for gap in gaps)
    assert any(gap.startswith("webhook_event: ") for gap in scope.absent(failing_run()))


def test_many_races_that_did_not_run_in_full_are_told_in_one_sentence() -> None:
    run = failing_run()
    checks = run.targets[0].checks
    checks += [checks[2].model_copy(update={"name": f"race_{number}"}) for number in range(3)]
    gaps = [gap for gap in scope.not_covered(run) if "race" in gap]
    assert len(gaps) == 1
    assert gaps[0].startswith("4 races have more schedules than were run: 32448 are known")


def test_what_is_absent_for_one_reason_is_told_together() -> None:
    run = failing_run()
    run.targets[0].absent = {"item": "nothing is sold", "refund": "no", "charge": "nothing is sold"}
    assert scope.absent(run) == ["item and charge: nothing is sold", "refund: no"]


def test_an_operation_that_is_listed_as_not_covered_is_not_listed_again() -> None:
    run = failing_run()
    run.targets[0].not_covered = ["create: in no race"]
    assert [gap for gap in scope.not_covered(run) if gap.startswith("create")] == [
        "create: in no race"
    ]


def test_findings_are_told_worst_first_and_races_before_audits() -> None:
    found = overview.live(failing_run())
    assert [item.check.kind for item in found] == [Kind.RACE, Kind.AUDIT, Kind.LINT]


def test_a_waived_finding_is_kept_apart() -> None:
    run = failing_run()
    assert not any(item.finding.waiver for item in overview.live(run))
    assert [item.check.name for item in overview.waived(run)] == ["search_path_is_pinned"]


def test_what_an_undecided_check_saw_is_no_finding_but_is_not_lost() -> None:
    run = with_verdicts(failing_run(), Verdict.FAIL, race=Verdict.UNKNOWN)
    assert Kind.RACE not in {item.check.kind for item in overview.live(run)}
    assert [item.check.name for item in overview.doubtful(run)] == ["two_buyers_one_lead"]


def test_times_are_said_as_people_say_them() -> None:
    spoken = [duration(seconds) for seconds in (0.01, 0.4, 12, 200, 3900)]
    assert spoken == ["under 0.1 s", "0.4 s", "12 s", "3 min 20 s", "1 h 5 min"]


def test_lists_are_joined_with_an_and() -> None:
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
