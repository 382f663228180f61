"""A waived finding stays visible, fails nothing, and only until its day."""

from __future__ import annotations

from datetime import date

from crossfoot.results import Check, Finding, Kind
from crossfoot.target import WaiverEntry
from crossfoot.verdicts import Verdict, worst
from crossfoot.waivers import apply_waivers

TODAY = date(2026, 1, 10)


def failed(*subjects: str) -> Check:
    findings = [Finding(subject=subject, summary=f"{subject} is off") for subject in subjects]
    return Check(kind=Kind.AUDIT, name="a", title="A", verdict=Verdict.FAIL, findings=findings)


def waiver(subject: str = "*", until: date = TODAY, check: str = "audit a") -> WaiverEntry:
    return WaiverEntry(check=check, subject=subject, reason="known, ticket 12", until=until)


def test_a_waived_finding_stays_and_the_check_passes() -> None:
    check = failed("account 7")
    apply_waivers([check], [waiver()], TODAY)
    assert check.verdict is Verdict.PASS
    assert check.findings[0].waiver
    assert check.findings[0].waiver.reason == "known, ticket 12"


def test_a_finding_that_is_not_waived_still_fails() -> None:
    check = failed("account 7", "account 8")
    apply_waivers([check], [waiver("account 7")], TODAY)
    assert check.verdict is Verdict.FAIL
    assert [bool(finding.waiver) for finding in check.findings] == [True, False]


def test_a_waiver_ends_on_its_day_and_the_check_says_so() -> None:
    check = failed("account 7")
    apply_waivers([check], [waiver(until=date(2026, 1, 9))], TODAY)
    assert check.verdict is Verdict.FAIL
    assert "2026-01-09" in check.reason


def test_a_waiver_of_another_check_changes_nothing() -> None:
    check = failed("account 7")
    apply_waivers([check], [waiver(check="audit b")], TODAY)
    assert check.verdict is Verdict.FAIL


def test_a_run_without_checks_is_unknown_not_passed() -> None:
    assert worst([]) is Verdict.UNKNOWN
    assert worst([Verdict.NOT_APPLICABLE]) is Verdict.UNKNOWN
    assert worst([Verdict.PASS, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert worst([Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS]) is Verdict.FAIL
