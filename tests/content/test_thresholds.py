"""The thresholds of the reference systems: the source's four figures, and what each load is held to."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pytest

from crossfoot.figures.measure import measure
from crossfoot.figures.reading import open_run
from crossfoot.figures.thresholds import judge, thresholds_of
from crossfoot.history.record import CallRecord, Head
from crossfoot.results import Figures
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Outcome

ROOT = Path(__file__).parents[2]
TARGETS = [load_target(path) for path in sorted(ROOT.glob("reference_impl/*/target.toml"))]
SCENARIOS = {path.stem for path in (ROOT / "scenarios/load").glob("*.py")}
MARKETPLACE = next(each for each in TARGETS if each.name == "lead_marketplace")
SECOND = 1_000_000_000


def each_target() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@each_target()
def test_thresholds_are_of_scenarios_that_there_are(target: Target) -> None:
    assert target.thresholds.keys() <= SCENARIOS | {"monitoring"}
    assert {target.name, "mixed_day", "monitoring"} <= target.thresholds.keys()


@each_target()
def test_figures_are_counted_from_operations_and_requests_that_there_are(target: Target) -> None:
    scenario = (ROOT / f"scenarios/load/{target.name}.py").read_text(encoding="utf-8")
    for name, figure in target.figures.items():
        named = [*figure.of, *figure.per, *figure.took]
        named += [operation for span in figure.spans for operation in (span.first, span.to)]
        for each in named:
            if each.startswith("POST "):
                assert each.startswith("POST /v1/") and each.rsplit("/", 1)[1] in scenario, name
            else:
                assert any(fnmatchcase(known, each) for known in target.operations), name


@each_target()
def test_figures_that_audits_count_name_audits_that_there_are(target: Target) -> None:
    audits = {path.stem for path in (ROOT / "audits").glob("*.sql")}
    assert {figure.audit for figure in target.figures.values()} - {""} <= audits


def test_the_sources_four_figures_have_its_own_expected_and_alert_values() -> None:
    thresholds = MARKETPLACE.thresholds["monitoring"]
    said = {name: (each.expect, each.alert) for name, each in thresholds.items()}
    assert said["conflict_rate_percent"] == ("< 5", "> 20")
    assert said["leads_sold_more_than_once"] == ("= 0", "> 0")
    assert said["credit_completion_seconds"] == ("< 2", "> 10")
    assert said["card_completion_seconds"] == ("< 5", "> 10")
    assert said["webhook_replay_percent"] == ("5 to 10", "> 50")


def test_a_flash_sale_is_nothing_but_conflicts_and_a_usual_day_is_not() -> None:
    flash_sale = thresholds_of(MARKETPLACE, "lead_marketplace")["conflict_rate_percent"]
    usual = thresholds_of(MARKETPLACE, "a usual day")["conflict_rate_percent"]
    assert flash_sale.expects(99) and not flash_sale.alerts(99)
    assert usual.alerts(99) and usual.expects(3)
    # What a scenario says nothing about stays as it is.
    assert thresholds_of(MARKETPLACE, "lead_marketplace")["credit_completion_seconds"].alerts(11)


def sale(folder: Path, attempts: int, seconds: float, told: int = 2) -> Figures:
    """Return the figures of a sale: one buyer of so many gets the lead, and pays after a while."""
    gone = "Some leads are no longer available for purchase. Requested: 1, Available: 0"
    calls = [
        _call(number, "create_lead_purchase", Outcome.REFUSED, result={"message": gone})
        for number in range(attempts - 1)
    ]
    calls.append(_call(5000, "create_lead_purchase", result={"create_lead_purchase": "p1"}))
    calls.append(
        _call(5001, "complete_credit_lead_purchase", start=seconds, arguments={"purchase_id": "p1"})
    )
    calls.append(_call(5002, "create_credit_purchase", result={"create_credit_purchase": "c1"}))
    calls += [
        _call(
            6000 + again, "complete_stripe_credit_purchase", start=seconds,
            arguments={"credit_purchase_id": "c1"},
            result={"success": "true", "already_completed": "true" if again else "false"},
        )
        for again in range(told)
    ]  # fmt: skip
    head = Head(1, "lead_marketplace", "lead_marketplace", 1, "here", calls=len(calls))
    lines = [msgspec.json.encode(each) for each in (head, *calls)]
    (folder / "history-0.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    return measure(open_run(folder), MARKETPLACE)


def _call(
    number: int,
    operation: str,
    outcome: Outcome = Outcome.OK,
    *,
    start: float = 0.0,
    arguments: dict[str, str] | None = None,
    result: dict[str, str] | None = None,
) -> CallRecord:
    began = 9 * SECOND + int(start * SECOND)
    return CallRecord(
        number,
        "u1",
        operation,
        outcome,
        began,
        began + 1_000_000,
        arguments or {},
        "",
        result or {},
    )


def standings(figures: Figures, scenario: str) -> dict[str, str]:
    judge(figures, MARKETPLACE, scenario)
    return {each.name: each.standing for each in figures.measured if each.expect}


def test_a_right_flash_sale_is_as_expected(tmp_path: Path) -> None:
    found = standings(sale(tmp_path, 100, seconds=0.5), "lead_marketplace")
    usual = ["credit_completion_seconds", "card_completion_seconds", "webhook_replay_percent"]
    assert {found[name] for name in ["conflict_rate_percent", *usual]} == {"expected"}


def test_the_same_sale_on_a_usual_day_is_an_alert(tmp_path: Path) -> None:
    assert standings(sale(tmp_path, 100, 0.5), "usual")["conflict_rate_percent"] == "alert"


def test_a_completion_that_takes_too_long_is_unexpected_and_then_an_alert(tmp_path: Path) -> None:
    slow = standings(sale(tmp_path, 100, seconds=6), "lead_marketplace")
    assert slow["credit_completion_seconds"] == slow["card_completion_seconds"] == "unexpected"
    slower = standings(sale(tmp_path, 100, seconds=12), "lead_marketplace")
    assert slower["credit_completion_seconds"] == slower["card_completion_seconds"] == "alert"


def test_payments_that_are_told_again_and_again_are_an_alert(tmp_path: Path) -> None:
    found = standings(sale(tmp_path, 100, 0.5, told=6), "lead_marketplace")
    assert found["webhook_replay_percent"] == "alert"
