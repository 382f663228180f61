"""Application code is stepped statement by statement, and inside the functions that it calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from explorer_ground import SPECIMENS

from crossfoot.background import BackgroundServer
from crossfoot.explorer.explore import Bounds, Explorer
from crossfoot.explorer.programs import Program, ProgramClient, SteppedConnection, program_race
from crossfoot.results import Check
from crossfoot.target import load_target
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

CARD = UUID(int=7)
SETUP = f"select gift.open('{CARD}', 100);"


class Played:
    """Programs over the gift cards, whose functions race."""

    def __init__(self, server: BackgroundServer, explorer: Explorer) -> None:
        self.server, self.explorer = server, explorer

    def __call__(self, *programs: Program, setup: str = SETUP, **more: Any) -> Check:
        race = program_race("programs", programs, setup=setup, **more)
        return self.server.run(self.explorer.explore(race))


@pytest.fixture(scope="module")
def played(server: BackgroundServer) -> Iterator[Played]:
    target = load_target(SPECIMENS / "gift_cards" / "target.toml")
    bench = Workbench(server.server)
    form = bench.as_written(target)
    opened = server.run(form.__aenter__())
    explorer = bench.explorer(opened, seed=1, bounds=Bounds(2000), client=ProgramClient)
    yield Played(server, server.run(explorer.__aenter__()))
    server.run(explorer.__aexit__(None, None, None))
    server.run(form.__aexit__(None, None, None))


BALANCE = "select balance from gift.card where id = $1"


ENTRY = (
    "insert into gift.entry (card_id, amount, balance_before, balance_after, kind)"
    " values ($1, $2::integer, $3::integer, $3 + $2, 'redeem')"
)


async def takes(connection: SteppedConnection, amount: int, lock: str = "") -> int:
    """Take so much from the card, as an application would do it itself."""
    balance = await connection.fetchval(BALANCE + lock, CARD)
    if balance < amount:
        raise ValueError("too little")
    await connection.execute(
        "update gift.card set balance = $2 where id = $1", CARD, balance - amount
    )
    await connection.execute(ENTRY, CARD, -amount, balance)
    return int(balance) - amount


async def reads_then_writes(connection: SteppedConnection) -> int:
    return await takes(connection, 30)


async def locks(connection: SteppedConnection) -> int:
    async with connection.transaction():
        return await takes(connection, 30, " for no key update")


async def calls_a_racy_function(connection: SteppedConnection) -> object:
    return await connection.fetchval("select gift.redeem($1, 30)", CARD)


def test_a_read_and_a_write_apart_lose_an_update(played: Played) -> None:
    check = played(reads_then_writes, reads_then_writes)
    assert check.verdict is Verdict.FAIL
    finding = check.findings[0]
    assert "serial order" in finding.violates
    assert finding.confirmed == (10, 10)
    assert finding.lanes
    assert [step.text for step in finding.lanes.steps if step.kind == "call"].count(BALANCE) == 2


def test_the_same_under_a_lock_is_right_and_explored_in_full(played: Played) -> None:
    check = played(locks, locks)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    assert check.exploration
    assert check.exploration.complete
    assert check.exploration.with_waits > 0


def test_sessions_stop_inside_the_functions_that_they_call(played: Played) -> None:
    check = played(calls_a_racy_function, calls_a_racy_function)
    assert check.verdict is Verdict.FAIL
    lanes = check.findings[0].lanes
    assert lanes
    assert any(step.kind == "step" and "functions.sql" in step.source for step in lanes.steps)


def test_an_error_that_the_program_handles_is_part_of_it(played: Played) -> None:
    async def tries(connection: SteppedConnection) -> str:
        try:
            async with connection.transaction():
                await takes(connection, 60, " for no key update")
        except ValueError:
            return "refused"
        return "paid"

    check = played(tries, tries)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")


def test_three_programs_and_savepoints_are_played(played: Played) -> None:
    async def notes(connection: SteppedConnection) -> None:
        async with connection.transaction():
            await connection.fetchval(BALANCE + " for no key update", CARD)
            with contextlib.suppress(asyncpg.DivisionByZeroError):
                async with connection.transaction():
                    await connection.execute("update gift.card set balance = 5 / 0")
            async with connection.transaction():
                await connection.execute("select 1")

    check = played(notes, notes, locks)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")


def test_a_deadlock_of_programs_is_found(played: Played) -> None:
    def two(first: int, second: int) -> Program:
        async def moves(connection: SteppedConnection) -> None:
            async with connection.transaction():
                for number in (first, second):
                    await connection.execute(
                        "select 1 from gift.card where id = $1 for no key update", UUID(int=number)
                    )

        return moves

    setup = f"select gift.open('{UUID(int=1)}', 5), gift.open('{UUID(int=2)}', 5);"
    check = played(two(1, 2), two(2, 1), setup=setup)
    assert check.verdict is Verdict.FAIL
    assert check.findings[0].violates == ["deadlock"]
