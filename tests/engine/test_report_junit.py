"""The report as JUnit XML, read back with a consumer's parser."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml
from report_specimen import empty_run, failing_run, hostile_run, passing_run

from crossfoot.report import render
from crossfoot.report.junit import legal
from crossfoot.results import Property, Run
from crossfoot.verdicts import Verdict

Element = ElementTree.Element


def parsed(run: Run) -> Element:
    return ElementTree.fromstring(render(run, "junit"))


def case(root: Element, owner: str, name: str) -> Element:
    found = root.find(
        f".//testcase[@classname='crossfoot.lead_marketplace.{owner}'][@name='{name}']"
    )
    assert found is not None
    return found


def outcomes(element: Element) -> list[str]:
    return [child.tag for child in element if child.tag in ("failure", "error", "skipped")]


@pytest.mark.parametrize("run", [passing_run(), failing_run(), empty_run(), hostile_run()])
def test_a_common_parser_reads_it_and_finds_the_counts_that_it_states(run: Run) -> None:
    suites = JUnitXml.fromstring(render(run, "junit").encode())
    stated = (suites.tests, suites.failures, suites.errors, suites.skipped)
    suites.update_statistics()  # type: ignore[no-untyped-call]
    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == stated


def test_there_is_a_case_for_every_function_and_property() -> None:
    root = parsed(passing_run())
    for operation in passing_run().targets[0].operations:
        for column in Property:
            assert case(root, operation.name, column.value) is not None


def test_a_check_of_the_whole_target_is_a_case_of_its_own() -> None:
    assert outcomes(case(parsed(passing_run()), "audit", "balance_equals_entries")) == []
    assert outcomes(case(parsed(failing_run()), "audit", "balance_equals_entries")) == ["failure"]


def test_a_failure_carries_the_finding_with_its_lanes_and_its_replay_line() -> None:
    failure = case(parsed(failing_run()), "complete", "serial").find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("One lead was sold twice")
    assert "░ → waits for buyer_a" in (failure.text or "")
    assert "replay: crossfoot replay cf1-8qk2" in (failure.text or "")


def test_unknown_is_an_error_with_its_reason() -> None:
    error = case(parsed(failing_run()), "audit", "payments_are_credited").find("error")
    assert error is not None
    assert "grant SELECT" in error.get("message", "")


def test_not_applicable_and_not_covered_are_skipped_and_say_which() -> None:
    root = parsed(failing_run())
    absent = case(root, "audit", "webhook_events_once").find("skipped")
    uncovered = case(root, "create", "serial").find("skipped")
    assert absent is not None and "declared absent" in absent.get("message", "")
    assert uncovered is not None and "not covered" in uncovered.get("message", "")


def test_a_broken_variant_that_nobody_caught_is_a_failure() -> None:
    root = parsed(failing_run())
    assert outcomes(case(root, "broken variant", "negative_amount_mints (as written)")) == [
        "failure"
    ]
    assert outcomes(case(root, "broken variant", "execute_for_everyone (as written)")) == ["error"]


def test_a_run_that_checked_nothing_has_one_case_and_it_is_an_error() -> None:
    root = parsed(empty_run())
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNKNOWN])
def test_a_verdict_that_no_case_carries_gets_a_case_of_its_own(verdict: Verdict) -> None:
    root = parsed(passing_run().model_copy(update={"verdict": verdict}))
    assert int(root.get("failures", "0")) + int(root.get("errors", "0")) == 1


def test_a_passing_run_is_green() -> None:
    root = parsed(passing_run())
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_the_times_of_the_cases_add_up_to_those_of_the_checks() -> None:
    run = passing_run()
    target = run.targets[0]
    kills = target.kill_matrix.kills if target.kill_matrix else []
    spent = sum(check.seconds for check in target.checks) + sum(kill.seconds for kill in kills)
    told = sum(float(item.get("time", "0")) for item in parsed(run).iter("testcase"))
    assert told == pytest.approx(spent, abs=0.05)


def test_characters_that_xml_cannot_hold_are_spelled_out() -> None:
    assert legal("a\x00b\ufffec") == "a\\x00b\ufffdc"
    root = parsed(hostile_run())
    assert "\\x1b[31m" in "".join(root.itertext())
