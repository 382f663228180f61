"""Retryable errors come out as they are: provoked, and looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError
from crossfoot.results import Check
from crossfoot.stages import Plan, retry_stage
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
refused = ["P0001 INSUFFICIENT*"]
"""
SCHEMA = """
create schema gift;
create table gift.card (id uuid primary key, balance integer not null check (balance >= 0));
create table gift.note (card uuid references gift.card, amount integer);
create function gift.redeem(p_card uuid, p_amount integer) returns integer
language plpgsql as $$
declare
    v_left integer;
begin
    {body}
    return v_left;
end
$$;
"""
RIGHT = """
    update gift.card set balance = balance - p_amount
    where id = p_card and balance >= p_amount returning balance into v_left;
    if v_left is null then
        raise exception 'INSUFFICIENT';
    end if;
    insert into gift.note values (p_card, p_amount);
"""
CONTRACT = """
-- title: A card is redeemed
-- @values card uuid
-- @setup
insert into gift.card values (:card, 100);
-- @call redeem
-- @expect ok
select gift.redeem(:card, 30);
"""


def disturbed(server: BackgroundServer, folder: Path, body: str, contract: str = CONTRACT) -> Check:
    """Return the retry check of the gift cards whose redemption has this body."""
    (folder / "target.toml").write_text(TARGET)
    (folder / "gift.sql").write_text(SCHEMA.replace("{body}", body))
    contracts = folder / "scenarios" / "contracts" / "gift"
    contracts.mkdir(parents=True)
    if contract:
        (contracts / "redeemed.contract.sql").write_text(contract.lstrip())
    bench = Workbench(server.server)

    async def work() -> list[Check]:
        async with bench.as_written(load_target(folder / "target.toml")) as form:
            return await retry_stage(bench, form, Plan(), ["redeem"])

    (check,) = server.run(work())
    return check


def test_errors_that_come_out_pass_and_are_counted(
    server: BackgroundServer, tmp_path: Path
) -> None:
    check = disturbed(server, tmp_path, RIGHT)
    assert check.verdict is Verdict.PASS
    # Both tables locked, both written; the notes are only inserted into, so writing them disturbs nobody.
    assert check.population == {"disturbances": "4", "retryable": "3"}


@pytest.mark.parametrize(
    ("code", "how"),
    [("lock_not_available", "was locked"), ("serialization_failure", "were written")],
)
def test_a_retryable_error_that_becomes_a_refusal_is_found(
    server: BackgroundServer, tmp_path: Path, code: str, how: str
) -> None:
    body = f"begin {RIGHT} exception when {code} then raise exception 'INSUFFICIENT'; end;"
    check = disturbed(server, tmp_path, body)
    assert check.verdict is Verdict.FAIL
    assert all(how in finding.summary for finding in check.findings)
    assert "ended refused" in check.findings[0].summary


def test_a_retryable_error_that_becomes_another_error_is_found(
    server: BackgroundServer, tmp_path: Path
) -> None:
    body = f"begin {RIGHT} exception when others then raise exception 'OOPS'; end;"
    check = disturbed(server, tmp_path, body)
    assert check.verdict is Verdict.FAIL
    assert len(check.findings) == 3


def test_a_call_that_nothing_can_disturb_shows_nothing(
    server: BackgroundServer, tmp_path: Path
) -> None:
    check = disturbed(server, tmp_path, "v_left := 1;")
    assert (check.verdict, check.population["retryable"]) == (Verdict.UNKNOWN, "0")
    assert "shows nothing" in check.reason


def test_without_a_call_that_ends_well_nothing_is_known(
    server: BackgroundServer, tmp_path: Path
) -> None:
    check = disturbed(server, tmp_path, RIGHT, contract="")
    assert check.verdict is Verdict.UNKNOWN
    assert "No contract" in check.reason


def test_a_way_to_the_call_that_fails_proves_nothing(
    server: BackgroundServer, tmp_path: Path
) -> None:
    contract = CONTRACT.replace("(:card, 100)", "(:card, -100)")
    check = disturbed(server, tmp_path, RIGHT, contract)
    assert check.verdict is Verdict.UNKNOWN
    assert "@setup fails" in check.reason


def test_a_retryable_error_cannot_be_bound_as_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(TARGET.replace("P0001 INSUFFICIENT*", "55P03 *"))
    with pytest.raises(ContentError, match="send it again"):
        load_target(tmp_path / "target.toml")
