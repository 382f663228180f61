"""The calls of a burst are held against the ledger that they left, as those of a load are."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.bursts.check import recorder_in
from crossfoot.bursts.history import key_of
from crossfoot.bursts.stage import burst_stage, bursts_of
from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, read_ledger
from crossfoot.history.reading import open_history
from crossfoot.results import Check
from crossfoot.target import Operation, Target, find_targets
from crossfoot.variant import load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

BURST = "one_request_sent_many_times"


@pytest.fixture
def target() -> Target:
    return find_targets(["license_billing"])[0]


def sent(
    server: BackgroundServer,
    target: Target,
    folder: Path,
    variant: str = "",
    *,
    burst: str = BURST,
    unmasked: bool = False,
) -> Check:
    bench = Workbench(server.server)

    async def work() -> Check:
        record = recorder_in(folder, target.name, 1)
        async with bench.as_written(target) as form:
            bursts = bursts_of(target, [burst])
            if not variant:
                return (await burst_stage(bench, form, bursts, 1, callers=20, record=record))[0]
            (mistake,) = [each for each in load_variants(target) if each.name == variant]
            async with bench.broken(form, mistake, unmasked=unmasked) as broken:
                return (await burst_stage(bench, broken, bursts, 1, callers=20, record=record))[0]

    return server.run(work())


def test_the_history_of_a_burst_is_checked_and_can_be_checked_again(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    check = sent(server, target, tmp_path)
    assert check.verdict is Verdict.PASS, (check.reason, check.findings)
    assert check.population["checks of the history"] == "5 of 5 pass"
    folder = tmp_path / "bursts" / target.name / BURST
    history, ledger = open_history([folder]), read_ledger(folder / NAME, target.name)
    calls = [call for _, call in history.calls()]
    assert {call.key for call in calls} == {call.arguments["request_id"] for call in calls}
    assert {check.verdict for check in judge(history, target, ledger).checks} == {Verdict.PASS}


def test_a_repeat_that_is_charged_again_contradicts_the_ledger(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    check = sent(server, target, tmp_path, "retry_charges_again")
    violated = [name for finding in check.findings for name in finding.violates]
    assert violated.count("calls_left_what_they_said") == 1
    assert violated.count("entries_were_asked_for") == 1


@pytest.mark.parametrize(
    ("entry", "arguments", "key"),
    [
        ({"key": ":request_id"}, {"request_id": 7}, "7"),
        ({"key": "refund::purchase_id"}, {"purchase_id": "p"}, "p"),
        ({"request": ":event_id"}, {"event_id": "e"}, "e"),
        ({"key": ":request_id"}, {"request_id": None}, ""),
        ({"key": ":type::id"}, {"type": "t", "id": 1}, ""),
        ({"amount": "-:amount"}, {"amount": 1}, ""),
    ],
)
def test_the_key_of_a_call_is_the_argument_that_its_entry_is_known_by(
    entry: dict[str, str], arguments: dict[str, object], key: str
) -> None:
    operation = Operation.model_validate({"call": "select 1", "entries": [entry]})
    assert key_of(operation, arguments) == key
    assert key_of(None, arguments) == ""


def test_a_lead_that_is_sold_to_everybody_contradicts_itself_though_each_wallet_is_right(
    server: BackgroundServer, tmp_path: Path
) -> None:
    """What each of these buyers was told fits the buyer's own ledger; the lead can't have them all."""
    (target,) = find_targets(["lead_marketplace"])
    burst = "hundred_buyers_one_lead"
    sent(server, target, tmp_path, "lock_split_across_calls", burst=burst, unmasked=True)
    folder = tmp_path / "bursts" / target.name / burst
    history, ledger = open_history([folder]), read_ledger(folder / NAME, target.name)
    checks = {each.name: each for each in judge(history, target, ledger).checks}
    assert checks["calls_left_what_they_said"].verdict is Verdict.PASS
    (found,) = checks["answers_follow_the_model"].findings
    assert found.subject.startswith("lead ")
    assert 2 <= len(found.rows) <= 8


@pytest.mark.parametrize(("variant", "contradict"), [("", 0), ("claim_is_only_a_look", 1)])
def test_a_claim_that_leaves_no_entry_is_held_against_the_model(
    server: BackgroundServer, tmp_path: Path, variant: str, contradict: int
) -> None:
    (target,) = find_targets(["stripe_idempotency"])
    check = sent(server, target, tmp_path, variant, burst="one_operation_claimed_by_many")
    found = [each for each in check.findings if each.violates == ["answers_follow_the_model"]]
    assert [each.subject.partition(" ")[0] for each in found] == ["claim"] * contradict
    assert check.population["checks of the history"] == f"{2 - contradict} of 5 pass, 3 unknown"
