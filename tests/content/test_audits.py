"""Audits claim no more than they have seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from planted_target import PLANTED, database_of, planted_target

from crossfoot.background import BackgroundServer
from crossfoot.checks.audits import AuditSet, load_audit, run_audits
from crossfoot.content import shipped_content
from crossfoot.errors import ContentError
from crossfoot.results import Check
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Verdict

Prepare = Callable[[asyncpg.Connection], Awaitable[object]]


def audit(
    server: BackgroundServer, target: Target, prepare: Prepare, role: str | None = None
) -> dict[str, Check]:
    """Audit the planted world after ``prepare``, as ``role``; return the checks by name."""

    async def work() -> list[Check]:
        if role:
            await server.server.ensure_roles([role])
        async with database_of(server, PLANTED / "clean.sql") as connection:
            await prepare(connection)
            if role:
                await connection.execute(f"set role {role}")
            return await run_audits(connection, AuditSet.of(target))

    return {check.name: check for check in server.run(work())}


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return planted_target(tmp_path)


def test_an_audit_tells_its_population(server: BackgroundServer, target: Target) -> None:
    async def nothing(connection: asyncpg.Connection) -> None:
        pass

    check = audit(server, target, nothing)["balance_equals_entries"]
    assert check.verdict is Verdict.PASS
    assert int(check.population["account rows"]) >= 3
    assert "sum of entries" in check.population


def test_an_audit_of_nothing_is_unknown(server: BackgroundServer, target: Target) -> None:
    async def empty(connection: asyncpg.Connection) -> None:
        await connection.execute("truncate planted.payment")

    check = audit(server, target, empty)["payment_credited_once"]
    assert check.verdict is Verdict.UNKNOWN
    assert "nothing to" in check.reason or "no payment" in check.reason


def test_a_role_that_a_policy_filters_is_told_so_and_nothing_passes(
    server: BackgroundServer, target: Target
) -> None:
    async def hide(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "alter table planted.account enable row level security;"
            "grant usage on schema planted to crossfoot_test_reader;"
            "grant select on all tables in schema planted to crossfoot_test_reader"
        )

    check = audit(server, target, hide, "crossfoot_test_reader")["balance_equals_entries"]
    assert check.verdict is Verdict.UNKNOWN
    assert "BYPASSRLS" in check.reason


def test_a_role_without_select_is_told_which_grant_it_lacks(
    server: BackgroundServer, target: Target
) -> None:
    async def deny(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "grant usage on schema planted to crossfoot_test_reader;"
            "grant select on all tables in schema planted to crossfoot_test_reader;"
            "revoke select on planted.entry from crossfoot_test_reader"
        )

    checks = audit(server, target, deny, "crossfoot_test_reader")
    assert checks["balance_equals_entries"].verdict is Verdict.UNKNOWN
    assert "Grant SELECT" in checks["balance_equals_entries"].reason
    assert checks["balance_not_negative"].verdict is Verdict.PASS


def test_an_audit_of_what_is_absent_is_not_applicable_and_of_the_unbound_unknown(
    server: BackgroundServer, tmp_path: Path
) -> None:
    planted_target(tmp_path)
    file = tmp_path / "target.toml"
    lines = [
        line
        for line in file.read_text().splitlines()
        if not line.startswith(("refund =", "item ="))
    ]
    file.write_text("\n".join([*lines, "[absent]", 'refund = "sales are final"']))

    async def nothing(connection: asyncpg.Connection) -> None:
        pass

    checks = audit(server, load_target(file), nothing)
    assert checks["refund_has_charge"].verdict is Verdict.NOT_APPLICABLE
    assert "sales are final" in checks["refund_has_charge"].reason
    assert checks["item_sold_once"].verdict is Verdict.UNKNOWN
    assert "[relations]" in checks["item_sold_once"].reason


def test_an_audit_writes_nothing_even_if_its_binding_would(
    server: BackgroundServer, tmp_path: Path
) -> None:
    planted_target(tmp_path)
    file = tmp_path / "target.toml"
    sneaky = "select account_id, balance from planted.account where planted.touch() is null"
    text = file.read_text().replace("select * from planted.account", sneaky)
    file.write_text(text)

    async def trap(connection: asyncpg.Connection) -> None:
        await connection.execute(
            "create function planted.touch() returns text language sql as"
            " $$ insert into planted.account (account_id) values ('x') returning null::text $$"
        )

    check = audit(server, load_target(file), trap)["balance_not_negative"]
    assert check.verdict is Verdict.UNKNOWN
    assert "read-only" in check.reason


@pytest.mark.parametrize("path", shipped_content().audits, ids=lambda path: path.stem)
def test_every_audit_says_what_it_claims_and_why(path: Path) -> None:
    loaded = load_audit(path, path.name)
    assert loaded.title[0].isupper()
    assert not loaded.title.endswith(".")
    assert loaded.about
    assert loaded.reads


def test_a_header_without_severity_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text("-- title: T\n-- reads: account\nselect account_id as subject from account\n")
    with pytest.raises(ContentError, match=r"audits/x\.sql: header has no 'severity:' line"):
        load_audit(file, "audits/x.sql")
