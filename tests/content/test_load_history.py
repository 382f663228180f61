"""What a load concludes from its histories: the model is asked too, but not for minutes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, Ledger, read_ledger
from crossfoot.history.models import FOLLOW_THE_MODEL
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.load.findings import judge_calls
from crossfoot.results import Check
from crossfoot.target import find_targets
from crossfoot.verdicts import Outcome, Verdict

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.history import write_honest


def judged(folder: Path, calls: int, accounts: int) -> dict[str, Check]:
    """Return the checks of an honest history, of whose calls a tenth go to one account."""
    write_honest(folder, calls, accounts)
    (target,) = find_targets(["credit_purchase"])
    ledger = read_ledger(folder / NAME, target.name)
    return {check.name: check for check in judge_calls(open_history([folder]), target, ledger)}


def test_the_model_is_asked_about_accounts_with_few_calls_and_the_others_are_counted(
    tmp_path: Path,
) -> None:
    checks = judged(tmp_path, 11_000, 600)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
    asked = checks[FOLLOW_THE_MODEL].population
    assert asked["busier accounts, not asked about"] == str(600 - int(asked["accounts"]))
    assert int(asked["accounts"]) > 300


def test_where_all_accounts_are_busy_the_ledger_alone_is_asked(tmp_path: Path) -> None:
    checks = judged(tmp_path, 3000, 2)
    assert FOLLOW_THE_MODEL not in checks
    assert len(checks) == 4
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}


@pytest.mark.parametrize(("owners", "verdict"), [(1, Verdict.PASS), (2, Verdict.FAIL)])
def test_things_are_asked_about_where_no_account_is(
    tmp_path: Path, owners: int, verdict: Verdict
) -> None:
    """Two callers claim a call to Stripe at once. Neither moves any credit."""
    (target,) = find_targets(["stripe_idempotency"])
    path = tmp_path / "history.ndjson"
    with Recorder(path, target=target.name, scenario="drawn", seed=1, began="") as recorder:
        for caller in range(2):
            recorder.add(claim(caller, owner=caller < owners))
    checks = judge_calls(open_history([tmp_path]), target, Ledger(opening=True))
    (asked,) = [each for each in checks if each.name == FOLLOW_THE_MODEL]
    assert asked.verdict is verdict, asked.reason
    assert asked.population["claims"] == "1"


def test_a_call_without_the_arguments_that_the_model_reads_is_unknown(tmp_path: Path) -> None:
    (target,) = find_targets(["stripe_idempotency"])
    path = tmp_path / "history.ndjson"
    with Recorder(path, target=target.name, scenario="drawn", seed=1, began="") as recorder:
        recorder.add(msgspec.structs.replace(claim(1, owner=True), arguments={"order": "order-1"}))
    history, ledger = open_history([tmp_path]), Ledger(opening=True)
    asked = judge(history, target, ledger).checks[-1]
    assert (asked.name, asked.verdict) == (FOLLOW_THE_MODEL, Verdict.UNKNOWN)
    assert "operation_type" in asked.reason


def claim(caller: int, *, owner: bool) -> CallRecord:
    """Return a claim of order 1, by its owner or by somebody who is told to wait."""
    given = {"operation_type": "checkout", "operation_id": "order-1", "request_fingerprint": "f"}
    outcome = Outcome.OK if owner else Outcome.REFUSED
    answer = {"outcome": "claimed", "attempt": "1"} if owner else {"outcome": "in_progress"}
    return CallRecord(
        1, f"s{caller}", "claim_stripe_idempotency", outcome, caller, 10 + caller,
        {**given, "lease_seconds": 60, "user_id": None, "metadata": "{}"}, "order-1",
        answer,
    )  # fmt: skip
