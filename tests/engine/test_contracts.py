"""A contract compares each outcome with the promised one, and says so where it can't."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.results import Check
from crossfoot.stages import Plan, books_stage
from crossfoot.target import load_target
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

TARGET = """
[target]
name = "gift"
about = "Gift cards"
sql = ["gift.sql"]
[operations.redeem]
call = "select gift.redeem(:card, :amount)"
refused = ["P0001 INSUFFICIENT*", "result.redeem = -1"]
"""
SCHEMA = """
create schema gift;
create table gift.card (id uuid primary key, balance integer not null);
create function gift.redeem(p_card uuid, p_amount integer) returns integer
language plpgsql as $$
begin
    if p_amount is null then
        raise exception 'INSUFFICIENT';
    end if;
    update gift.card set balance = balance - p_amount / p_amount * p_amount where id = p_card;
    return case when found then (select balance from gift.card where id = p_card) else -1 end;
end
$$;
"""
HEAD = """-- title: A card is redeemed
-- @values card uuid
-- @setup
insert into gift.card values (:card, 100);
"""


def run(server: BackgroundServer, folder: Path, acts: str) -> Check:
    """Return the check of a contract of these acts."""
    (folder / "target.toml").write_text(TARGET)
    (folder / "gift.sql").write_text(SCHEMA)
    contracts = folder / "scenarios" / "contracts" / "gift"
    contracts.mkdir(parents=True)
    (contracts / "redeemed.contract.sql").write_text(HEAD + acts)
    bench = Workbench(server.server)

    async def work() -> Check:
        async with bench.as_written(load_target(folder / "target.toml")) as form:
            return (await books_stage(bench, form, Plan()))[0]

    return server.run(work())


REDEEM = "-- @call redeem\n-- @expect {}\nselect gift.redeem(:card, {});\n"


@pytest.mark.parametrize(
    ("expected", "amount", "verdict"),
    [
        ("ok", "30", Verdict.PASS),
        ("ok redeem=70", "30", Verdict.PASS),
        ("ok redeem=71", "30", Verdict.FAIL),
        ("refused", "30", Verdict.FAIL),
        ("refused P0001 INSUFF*", "null", Verdict.PASS),
        ("error 22012*", "0", Verdict.PASS),
        ("refused", "0", Verdict.FAIL),
    ],
)
def test_an_outcome_is_compared_with_the_promised_one(
    server: BackgroundServer, tmp_path: Path, expected: str, amount: str, verdict: Verdict
) -> None:
    assert run(server, tmp_path, REDEEM.format(expected, amount)).verdict is verdict


def test_a_question_is_answered_by_true_alone(server: BackgroundServer, tmp_path: Path) -> None:
    check = "-- @check The balance is {0}\nselect balance = {0} from gift.card where id = :card;\n"
    ran = run(server, tmp_path, REDEEM.format("ok", "30") + check.format(70) + check.format(100))
    (finding,) = ran.findings
    assert finding.summary == "not true: The balance is 100"
    assert finding.subject.endswith("redeemed.contract.sql:11")


def test_a_value_that_a_failed_call_should_have_given_is_a_finding_and_no_crash(
    server: BackgroundServer, tmp_path: Path
) -> None:
    acts = (
        "-- @call redeem\n-- @expect ok\n-- @let left\nselect gift.redeem(:card, 0);\n"
        "-- @check It is known\nselect :left > 0;\n"
    )
    check = run(server, tmp_path, acts)
    assert check.verdict is Verdict.FAIL
    assert "22012" in check.findings[0].summary
    assert "':left' has no value" in check.reason


def test_a_setup_that_fails_proves_nothing(server: BackgroundServer, tmp_path: Path) -> None:
    acts = "insert into gift.card values (:card, 5);\n" + REDEEM.format("ok", "30")
    check = run(server, tmp_path, acts)
    assert check.verdict is Verdict.UNKNOWN
    assert "@setup fails" in check.reason
