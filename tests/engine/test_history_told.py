"""Without a ledger: the balances that answers tell are held against each other."""

from __future__ import annotations

import json
import random
from pathlib import Path

import msgspec
import pytest
from history_ground import MILLISECOND, written
from typer.testing import CliRunner

from crossfoot.cli.app import app
from crossfoot.history.check import check_history
from crossfoot.history.moves import read_moves
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord
from crossfoot.results import Check
from crossfoot.target import load_target
from crossfoot.verdicts import Outcome, Verdict

TARGET = """
[target]
name = "gift_cards"
about = "Gift cards"
sql = ["schema.sql"]

[operations.redeem]
call = "select gift.redeem(:card, :amount)"
refused = ["P0001 INSUFFICIENT*"]
insufficient = ["P0001 INSUFFICIENT*"]
moves = ["account"]
entries = [{ account = ":card", amount = "-:amount", balance = "result.redeem" }]

[operations.load]
call = "select gift.load(:card, :amount, :key)"
moves = ["account"]
entries = [{ account = ":card", amount = ":amount", balance = "result.load", request = ":key" }]
"""


def honest(seed: int, calls: int = 150) -> list[CallRecord]:
    """Draw calls of several sessions on two cards, and a server that does one at a time."""
    draw = random.Random(seed)
    balances = {"ann's": 100, "ben's": 100}
    records: list[CallRecord] = []
    now = 10 * MILLISECOND
    for number in range(1, calls + 1):
        now += draw.randrange(MILLISECOND)
        card, amount = draw.choice(list(balances)), draw.randrange(1, 30)
        loads = draw.random() < 0.3
        lost, happens = draw.random() < 0.05, draw.random() < 0.5
        after = balances[card] + (amount if loads else -amount)
        name, outcome = "load" if loads else "redeem", Outcome.OK
        result, sqlstate = {name: str(after)}, ""
        if after < 0:
            outcome, sqlstate = Outcome.REFUSED, "P0001"
            result = {"message": "INSUFFICIENT: too little"}
        elif happens or not lost:
            balances[card] = after
        if lost:
            outcome, result, sqlstate = Outcome.UNKNOWN, {}, ""
        begin, end = (draw.randrange(1, 2 * MILLISECOND) for _ in range(2))
        arguments = {"card": card, "amount": amount, "key": f"key {number}"}
        records.append(
            CallRecord(
                number,
                f"s{number % 5}",
                name,
                outcome,
                now - begin,
                0 if lost else now + end,
                arguments,
                "",
                result,
                sqlstate,
            )
        )
    return records


def checked(records: list[CallRecord], folder: Path) -> dict[str, Check]:
    (folder / "target.toml").write_text(TARGET)
    path = folder / "history.ndjson"
    path.write_bytes(written(records, "here", closed=True, target="gift_cards"))
    history = open_history([path])
    called = read_moves(history, load_target(folder / "target.toml"))
    return {check.name: check for check in check_history(history, called, None)}


def order(records: list[CallRecord], folder: Path) -> Check:
    return checked(records, folder)["calls_fit_one_order"]


@pytest.mark.parametrize("seed", range(1, 9))
def test_balances_that_follow_from_each_other_pass(seed: int, tmp_path: Path) -> None:
    check = order(honest(seed), tmp_path)
    assert check.verdict is Verdict.PASS, (check.reason, check.findings)
    assert check.population["accounts, by the balances told"] == "2"
    assert int(check.population["calls that overlapped others"]) > 50


def change(records: list[CallRecord], i: int, **values: object) -> None:
    records[i] = msgspec.structs.replace(records[i], **values)


def an_ok_in_the_middle(records: list[CallRecord], name: str) -> int:
    fit = [i for i, r in enumerate(records) if r.outcome is Outcome.OK and r.operation == name]
    return fit[len(fit) // 2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_lost_update_is_found_with_few_calls(seed: int, tmp_path: Path) -> None:
    """Two calls that overlap start from the same balance."""
    records = honest(seed)
    i = an_ok_in_the_middle(records, "redeem")
    told = records[i].result["redeem"]
    twin = {**records[i].arguments, "key": "twin"}
    records.append(
        CallRecord(
            999,
            "twin",
            "redeem",
            Outcome.OK,
            records[i].start,
            records[i].end,
            twin,
            "",
            {"redeem": told},
        )
    )
    check = order(records, tmp_path)
    assert check.verdict is Verdict.FAIL
    (found,) = check.findings
    assert found.subject == records[i].arguments["card"]
    assert found.anomaly == "balances that don't follow"
    assert 1 <= len(found.rows) <= 6
    assert {"999", str(records[i].id)} & {row["call"] for row in found.rows}


def test_a_wrong_balance_told_is_found(tmp_path: Path) -> None:
    records = honest(4)
    i = an_ok_in_the_middle(records, "load")
    change(records, i, result={"load": "100000"})
    assert order(records, tmp_path).verdict is Verdict.FAIL


def test_a_refusal_of_what_was_there_is_found(tmp_path: Path) -> None:
    records = honest(5)
    i = an_ok_in_the_middle(records, "load")
    refused = CallRecord(
        999, "s9", "redeem", Outcome.REFUSED, records[i].end + 1, records[i].end + 2,
        {**records[i].arguments, "amount": 1}, "", {"message": "INSUFFICIENT: no"}, "P0001",
    )  # fmt: skip
    assert order([*records, refused], tmp_path).verdict is Verdict.FAIL


def test_a_request_that_is_sent_again_counts_once(tmp_path: Path) -> None:
    records = honest(6)
    i = an_ok_in_the_middle(records, "load")
    later = records[-1].start + 50 * MILLISECOND
    again = CallRecord(
        999, "s9", "load", Outcome.OK, later, later + 1, records[i].arguments, "",
        records[i].result, attempt=2,
    )  # fmt: skip
    assert order([*records, again], tmp_path).verdict is Verdict.PASS


def test_what_needs_entries_stays_unknown_and_says_what_to_bind(tmp_path: Path) -> None:
    for name, check in checked(honest(1), tmp_path).items():
        if name != "calls_fit_one_order":
            assert check.verdict is Verdict.UNKNOWN
            assert "binds no relation 'entry'" in check.reason
            assert "[relations]" in check.reason


def test_answers_that_tell_no_balance_leave_it_unknown(tmp_path: Path) -> None:
    records = [CallRecord(1, "s", "redeem", Outcome.OK, 1, 2, {"card": "ann's", "amount": 1})]
    check = order(records, tmp_path)
    assert check.verdict is Verdict.UNKNOWN
    assert "name under 'entries' what tells the balance" in check.reason


def test_the_command_ends_in_one_if_the_balances_contradict_each_other(tmp_path: Path) -> None:
    records = honest(4)
    change(records, an_ok_in_the_middle(records, "load"), result={"load": "100000"})
    checked(records, tmp_path)
    asked = ["check", str(tmp_path / "history.ndjson"), "--target", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 1, result.output
    assert json.loads(result.output)["verdict"] == "fail"
