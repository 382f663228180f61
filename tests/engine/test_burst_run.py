"""A burst overlaps and proves it; it counts how calls ended, and finds what is wrong with the books."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from burst_ground import burst, gift_target, run

from crossfoot.background import BackgroundServer
from crossfoot.bursts.check import recorder_in
from crossfoot.errors import ContentError, ServerError
from crossfoot.results import Check
from crossfoot.target import Target
from crossfoot.verdicts import Verdict

RIGHT = """-- title:   A card with 100 is redeemed by twelve, and it is enough for three
-- callers: 12
-- expect:  exactly 3 ok in redeem
-- expect:  the others refused
-- detects: double_spend
-- @values card uuid
-- @setup
insert into gift.card values (:card, 100);
-- @call redeem
select * from gift.redeem(:card, 30);
-- @check What is left is 10
select balance = 10 from gift.card where id = :card;
"""
WRONG = (
    RIGHT.replace("redeem(", "redeem_without_lock(")
    .replace("-- @call redeem\n", "-- @call redeem_without_lock\n")
    .replace("in redeem\n", "in redeem_without_lock\n")
)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return gift_target(tmp_path)


def test_a_right_function_passes_and_the_burst_shows_that_its_calls_overlapped(
    server: BackgroundServer, target: Target
) -> None:
    check = run(server, target, burst(target, RIGHT))
    assert check.verdict is Verdict.PASS, check
    seen = check.population
    assert (seen["callers"], seen["ok"], seen["refused"]) == ("12", "3", "9")
    assert int(seen["under way at once"]) > 1
    assert seen["latency p50"].endswith(" ms")
    assert check.operations == ["redeem"]


def test_a_function_without_a_lock_fails_by_its_outcomes_its_books_and_its_check(
    server: BackgroundServer, target: Target
) -> None:
    check = run(server, target, burst(target, WRONG))
    assert check.verdict is Verdict.FAIL
    counted, negative, asked = check.findings
    assert counted.summary.startswith("expected exactly 3 ok in redeem_without_lock, got ")
    assert counted.anomaly == "double_spend"
    assert "12 callers called redeem_without_lock at once, on one entity" in counted.explanation
    assert "overlapped another one" in counted.explanation
    assert len(counted.rows) == int(check.population["ok"]) > 3
    assert {row["outcome"] for row in counted.rows} == {"ok"}
    assert all(str(row["began"]).startswith("+") for row in counted.rows)
    assert negative.violates == ["audit balance_not_negative"]
    assert asked.summary == "not true: What is left is 10"


def test_calls_that_raise_are_timed_by_the_server_too(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    check = run(server, target, burst(target, RIGHT), record=recorder_in(tmp_path, "gift", 1))
    lines = history(tmp_path)
    refused = [line for line in lines if line["outcome"] == "refused"]
    assert check.population["overlapped another call"].endswith(" of 12")
    assert len(refused) == 9
    assert all(0 < line["server_start"] <= line["server_end"] for line in lines)


def test_every_call_is_a_line_of_the_history_with_the_arguments_of_its_operation(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    run(server, target, burst(target, RIGHT), record=recorder_in(tmp_path, "gift", 1))
    lines = history(tmp_path)
    assert sorted(line["id"] for line in lines) == [*range(1, 13)]
    assert {line["operation"] for line in lines} == {"redeem"}
    assert {tuple(line["arguments"]) for line in lines} == {("card", "amount")}
    assert {line["arguments"]["amount"] for line in lines} == {30}
    assert all(line["start"] < line["end"] for line in lines)
    left = sorted(line["result"]["balance_left"] for line in lines if line["outcome"] == "ok")
    assert left == ["10", "40", "70"]
    told = {line["result"]["message"] for line in lines if line["outcome"] == "refused"}
    assert told == {"INSUFFICIENT: less than 30"}


def history(folder: Path) -> list[dict[str, Any]]:
    file = folder / "bursts" / "gift" / "spent" / "history.ndjson"
    return [json.loads(line) for line in file.read_text().splitlines()[1:]]


def test_a_burst_whose_calls_met_nobody_is_unknown(
    server: BackgroundServer, target: Target
) -> None:
    alone = RIGHT.replace("3 ok", "2 ok").replace("@values", "@entity").replace("-- @setup\n", "")
    chosen = replace(burst(target, alone.split("-- @check")[0]), spread=2)
    check = run(server, target, chosen, callers=2)
    assert check.verdict is Verdict.UNKNOWN
    assert check.reason.startswith("these 2 calls ran one after another; this proved nothing.")


def test_calls_that_miss_each_other_are_sent_again_in_transactions_that_stay_open(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    # Nobody waits for anybody here: only the open transactions make the calls meet.
    text = (
        "-- title: Many look\n-- callers: 12\n-- expect: all ok\n"
        "-- @caller nobody uuid\n-- @call look\nselect gift.look(:nobody);\n"
    )
    record = recorder_in(tmp_path, "gift", 1)
    check = run(server, target, burst(target, text), record=record, first=2)
    assert check.population["open after its call"] == "20 ms"
    assert check.population["overlapped another call"] == "12 of 12"
    assert all(line["server_end"] - line["server_start"] >= 20_000 for line in history(tmp_path))


def test_an_error_that_nobody_expected_fails(server: BackgroundServer, target: Target) -> None:
    text = RIGHT.replace("exactly 3 ok in redeem\n", "at most 3 ok\n")
    text = text.replace("-- expect:  the others refused\n", "").replace(", 30)", ", 30 / (1 - 1))")
    chosen = burst(target, text.split("-- @check")[0])
    check = run(server, target, replace(chosen, calls=(replace(chosen.calls[0], arguments={}),)))
    assert [each.summary for each in check.findings] == ["expected no error, got 12 error"]
    assert "division by zero" in str(check.findings[0].rows[0]["answer"])


def test_a_function_that_returns_no_row_is_ok_and_has_no_result(
    server: BackgroundServer, target: Target, tmp_path: Path
) -> None:
    text = (
        "-- title: Nothing is there\n-- callers: 12\n-- expect: all ok\n"
        "-- @caller nobody uuid\n-- @call look\nselect gift.look(:nobody);\n"
    )
    check = run(server, target, burst(target, text), record=recorder_in(tmp_path, "gift", 1))
    assert (check.population["ok"], check.findings) == ("12", [])
    assert not any("result" in line for line in history(tmp_path))


def test_books_that_are_wrong_before_the_burst_prove_nothing(
    server: BackgroundServer, target: Target
) -> None:
    check = run(server, target, burst(target, RIGHT.replace(", 100);", ", -100);")))
    assert check.verdict is Verdict.UNKNOWN
    assert check.reason.startswith("the books are wrong before anybody has called")


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [
        ("values (:card, 100)", "values (:card, 1 / 0)", ":7: @setup fails: division by zero"),
        ("gift.redeem(", "gift.reedem(", ":10: @call fails: function gift.reedem"),
        ("select balance = 10", "select blance = 10", ':12: @check fails: column "blance"'),
    ],
)
def test_sql_that_does_not_run_names_file_and_line(
    server: BackgroundServer, target: Target, wrong: str, right: str, problem: str
) -> None:
    with pytest.raises(ContentError) as raised:
        run(server, target, burst(target, RIGHT.replace(wrong, right)))
    assert f"spent.burst.sql{problem}" in raised.value.message


def test_more_callers_than_connections_is_said_with_a_remedy(
    server: BackgroundServer, target: Target
) -> None:
    with pytest.raises(ServerError, match="500 callers need a connection each") as raised:
        run(server, target, burst(target, RIGHT), callers=500)
    assert "--callers" in raised.value.remedy


def test_an_offence_of_one_burst_is_not_held_against_the_next(
    server: BackgroundServer, target: Target
) -> None:
    checks = one_after_another(server, target, WRONG, RIGHT)
    assert [check.verdict for check in checks] == [Verdict.FAIL, Verdict.PASS]


def one_after_another(server: BackgroundServer, target: Target, *texts: str) -> list[Check]:
    from crossfoot.bursts.stage import burst_stage
    from crossfoot.workbench import Workbench

    bench = Workbench(server.server)
    bursts = [burst(target, text) for text in texts]

    async def work() -> list[Check]:
        async with bench.as_written(target) as form:
            return await burst_stage(bench, form, bursts, 1)

    return server.run(work())
