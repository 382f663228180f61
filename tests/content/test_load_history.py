"""What is concluded from the histories of loads: the model is asked too, about all that it can be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from uuid import UUID

import msgspec
import pytest

from crossfoot.history.asking import load_model
from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, Ledger, read_ledger
from crossfoot.history.models import FOLLOW_THE_MODEL
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.results import Check
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Outcome, Verdict

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.history import write_honest


def judged(folder: Path, calls: int, accounts: int, wrong: Sequence[int] = ()) -> dict[str, Check]:
    """Return the checks of an honest history, of whose calls a tenth go to one account.

    The calls with the numbers in ``wrong`` are made to answer what no model does.
    """
    write_honest(folder, calls, accounts)
    history = folder / "history.ndjson"
    lines = history.read_bytes().splitlines(keepends=True)
    for number in wrong:
        assert b'"applied\\",' in lines[number]
        lines[number] = lines[number].replace(b'"applied\\",', b'"of course\\",')
    history.write_bytes(b"".join(lines))
    (target,) = find_targets(["credit_purchase"])
    ledger = read_ledger(folder / NAME, target.name)
    return {check.name: check for check in judge(open_history([folder]), target, ledger).checks}


def test_the_model_is_asked_about_every_account_however_busy(tmp_path: Path) -> None:
    checks = judged(tmp_path, 11_000, 60)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
    assert checks[FOLLOW_THE_MODEL].population == {"calls": "11000", "accounts": "60"}


@pytest.mark.parametrize(("most", "left_out"), [(100, 1), (10, 60)])
def test_a_model_may_say_that_an_account_has_too_many_calls_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, left_out: int
) -> None:
    """A tenth of 3,000 calls are the first account's; the others have about 46 each."""

    def load_impatient_model(target: Target) -> ModuleType | None:
        model = load_model(target)
        monkeypatch.setattr(model, "MOST_CALLS", most)
        return model

    monkeypatch.setattr("crossfoot.history.models.load_model", load_impatient_model)
    asked = judged(tmp_path, 3000, 60)[FOLLOW_THE_MODEL]
    assert asked.population["left out"] == str(left_out)
    assert asked.population["accounts"] == str(60 - left_out)
    assert asked.verdict is (Verdict.UNKNOWN if left_out == 60 else Verdict.PASS)
    assert ("more calls than model.py is asked about" in asked.reason) is (left_out == 60)


def test_calls_of_several_files_are_found_again(tmp_path: Path) -> None:
    """As those of several processes are: every third call is in each."""
    write_honest(tmp_path, 600, 3)
    whole = tmp_path / "history.ndjson"
    noted = [call for _, call in open_history([whole]).calls()]
    whole.unlink()
    for number in range(3):
        path = tmp_path / f"history-{number}.ndjson"
        with Recorder(path, target="credit_purchase", scenario="", seed=1, began="") as recorder:
            for call in noted[number::3]:
                recorder.add(call)
    (target,) = find_targets(["credit_purchase"])
    ledger = read_ledger(tmp_path / NAME, target.name)
    asked = judge(open_history([tmp_path]), target, ledger).checks[-1]
    assert (asked.verdict, asked.reason) == (Verdict.PASS, ""), asked.findings
    assert asked.population == {"calls": "600", "accounts": "3"}


def test_processes_that_share_the_accounts_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong answers are of four accounts."""
    monkeypatch.setattr("crossfoot.history.models.processors", lambda: 1)
    alone = judged(tmp_path, 21_000, 40, wrong=(3, 6, 10, 12))
    command = [sys.executable, "-m", "crossfoot", "check", str(tmp_path), "--json"]
    ran = subprocess.run(command, capture_output=True, timeout=100, check=False)
    (target,) = json.loads(ran.stdout)["targets"]
    (shared,) = [each for each in target["checks"] if each["name"] == FOLLOW_THE_MODEL]
    asked = alone[FOLLOW_THE_MODEL]
    assert asked.population == shared["population"]
    assert [each.summary for each in asked.findings] == [e["summary"] for e in shared["findings"]]
    assert len(asked.findings) == 4


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
    checks = judge(open_history([tmp_path]), target, Ledger(opening=True)).checks
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


@pytest.mark.parametrize("already", ["false", "true"])
def test_who_came_again_and_began_first_is_not_accused(tmp_path: Path, already: str) -> None:
    """Of two calls under one key the later one moved the credits. What the third was told may be wrong."""
    (target,) = find_targets(["lead_marketplace"])
    with Recorder(
        tmp_path / "history.ndjson", target=target.name, scenario="drawn", seed=1, began=""
    ) as recorder:
        recorder.add(gift(1, key=1, begin=0, end=20, amount=5, told=("5.00", "true")))
        recorder.add(gift(2, key=1, begin=5, end=10, amount=5, told=("5.00", "false")))
        recorder.add(gift(3, key=2, begin=30, end=40, amount=7, told=("12.00", already)))
    given = {"account": str(SOMEBODY), "kind": "grant", "reference": "", "key": ""}
    lines = [
        {"crossfoot_ledger": 1, "target": target.name, "opening": True},
        {**given, "no": 1, "amount": "5.00", "before": "0.00", "after": "5.00"},
        {**given, "no": 2, "amount": "7.00", "before": "5.00", "after": "12.00"},
        {"account": str(SOMEBODY), "balance": "12.00"},
    ]
    (tmp_path / NAME).write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    ledger = read_ledger(tmp_path / NAME, target.name)
    asked = judge(open_history([tmp_path]), target, ledger).checks[-1]
    accused = [row["call"] for finding in asked.findings for row in finding.rows]
    assert accused == (["3"] if already == "true" else []), asked.findings
    assert asked.population["accounts"] == "1"


def test_an_id_that_nobody_heard_is_the_one_that_its_repeat_was_told(tmp_path: Path) -> None:
    """The ledger has the first gift before the second, which had ended before the repeat began."""
    (target,) = find_targets(["peer_booking"])
    with Recorder(
        tmp_path / "history.ndjson", target=target.name, scenario="drawn", seed=1, began=""
    ) as recorder:
        recorder.add(allocation(1, "one", begin=1, end=0, amount=5))
        recorder.add(allocation(2, "two", begin=10, end=20, amount=7))
        recorder.add(allocation(3, "one", begin=30, end=40, amount=5))
    given = {"account": str(SOMEBODY), "kind": "bonus", "reference": "", "key": ""}
    lines = [
        {"crossfoot_ledger": 1, "target": target.name, "opening": True},
        {**given, "no": 1, "amount": "5", "before": "0", "after": "5"},
        {**given, "no": 2, "amount": "7", "before": "5", "after": "12"},
        {"account": str(SOMEBODY), "balance": "12"},
    ]
    (tmp_path / NAME).write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    ledger = read_ledger(tmp_path / NAME, target.name)
    asked = judge(open_history([tmp_path]), target, ledger).checks[-1]
    assert (asked.verdict, asked.reason) == (Verdict.PASS, ""), asked.findings
    assert asked.population == {"calls": "3", "accounts": "1"}


SOMEBODY = UUID(int=7)


def allocation(number: int, event: str, *, begin: int, end: int, amount: int) -> CallRecord:
    """Return a gift for an event, which was told an id of the event's own; unanswered without an end."""
    told = {"allocate_user_credits": str(UUID(int=len(event) * amount))} if end else {}
    return CallRecord(
        number, f"s{number}", "allocate_user_credits", Outcome.OK if end else Outcome.UNKNOWN, begin, end,
        {"user_id": str(SOMEBODY), "amount": amount, "description": "gift", "event_id": event}, event, told,
    )  # fmt: skip


def gift(
    number: int, *, key: int, begin: int, end: int, amount: int, told: tuple[str, str]
) -> CallRecord:
    """Return a gift that was answered with the balance, and whether it had been given before."""
    balance, already = told
    return CallRecord(
        number, f"s{number}", "add_workspace_credits", Outcome.OK, 1 + begin, 1 + end,
        {"workspace_id": str(SOMEBODY), "amount": amount, "reason": "gift",
         "request_key": str(UUID(int=key))},
        str(UUID(int=key)), {"new_credit_balance": balance, "already_added": already},
    )  # fmt: skip


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
