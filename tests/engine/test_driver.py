"""A call through the driver is made once, timed, and judged by how it ended."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from burst_ground import card_database, gift_target, open_card

from crossfoot.background import BackgroundServer
from crossfoot.driver import Caller
from crossfoot.errors import ContentError
from crossfoot.history.record import CallRecord
from crossfoot.verdicts import Outcome

T = TypeVar("T")
CARD = "00000000-0000-0000-0000-000000000007"
REDEEM = {"card": CARD, "amount": 30, "note": None}

Play = Callable[[Caller, asyncpg.Connection], Awaitable[T]]


def played(server: BackgroundServer, folder: Path, play: Play[T], noted: list[CallRecord]) -> T:
    """Return what ``play`` makes of a caller and a second connection; the card holds 100."""
    target = gift_target(folder)

    async def work() -> T:
        async with card_database(server, target) as name:
            mine, other = [await server.server.connect(name) for _ in range(2)]
            try:
                await open_card(other, CARD, 100)
                return await play(Caller(mine, target.operations, "me", note=noted.append), other)
            finally:
                await asyncio.gather(mine.close(), other.close())

    return server.run(work())


def outcome_of(server: BackgroundServer, folder: Path, play: Play[CallRecord]) -> CallRecord:
    noted: list[CallRecord] = []
    call = played(server, folder, play, noted)
    assert noted == [call]
    return call


def test_a_call_that_succeeds_has_its_first_row_as_text(
    server: BackgroundServer, tmp_path: Path
) -> None:
    before = time.monotonic_ns()
    call = outcome_of(
        server, tmp_path, lambda caller, _: caller.call("redeem", REDEEM, key="k1", attempt=2)
    )
    assert (call.outcome, call.result, call.sqlstate) == (Outcome.OK, {"balance_left": "70"}, "")
    assert (call.session, call.operation, call.key, call.attempt) == ("me", "redeem", "k1", 2)
    assert call.arguments == REDEEM
    assert before < call.start < call.end < time.monotonic_ns()


def test_a_refusal_by_error_and_one_by_result_are_refusals(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def play(caller: Caller, _: asyncpg.Connection) -> list[CallRecord]:
        dear = {"card": uuid.UUID(CARD), "amount": 101, "note": ""}
        return [await caller.call(name, dear) for name in ("redeem", "redeem_without_lock")]

    noted: list[CallRecord] = []
    by_error, by_result = played(server, tmp_path, play, noted)
    assert by_error.outcome is by_result.outcome is Outcome.REFUSED
    assert by_error.result == {"message": "INSUFFICIENT: less than 101"}
    assert by_error.sqlstate == "P0001"
    assert by_result.result == {"redeemed": "false", "balance_left": "-1"}
    assert [call.id for call in noted] == [1, 2]


def test_a_lock_that_is_not_had_in_time_is_retryable(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> CallRecord:
        await caller.connection.execute("set lock_timeout = '20ms'")
        async with other.transaction():
            await other.execute("lock table gift.card")
            return await caller.call("redeem", REDEEM)

    call = outcome_of(server, tmp_path, play)
    assert (call.outcome, call.sqlstate) == (Outcome.RETRYABLE, "55P03")


def test_anything_else_that_is_raised_is_an_error(server: BackgroundServer, tmp_path: Path) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> CallRecord:
        await caller.prepare("redeem")
        await other.execute("drop table gift.card")
        return await caller.call("redeem", REDEEM)

    call = outcome_of(server, tmp_path, play)
    assert (call.outcome, call.sqlstate) == (Outcome.ERROR, "42P01")
    assert call.end > call.start


def test_a_lost_connection_is_unknown_and_has_no_end(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> CallRecord:
        pid = caller.connection.get_server_pid()
        async with other.transaction():
            await other.execute("lock table gift.card")
            going = asyncio.ensure_future(caller.call("redeem", REDEEM))
            while not await other.fetchval(
                "select exists (select from pg_locks where pid = $1 and not granted)", pid
            ):
                await asyncio.sleep(0)
            await other.execute("select pg_terminate_backend($1)", pid)
            return await going

    call = outcome_of(server, tmp_path, play)
    assert (call.outcome, call.end) == (Outcome.UNKNOWN, 0)


def test_a_call_that_takes_too_long_is_unknown(server: BackgroundServer, tmp_path: Path) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> CallRecord:
        await caller.prepare("redeem")
        caller.timeout = 0.05
        async with other.transaction():
            await other.execute("lock table gift.card")
            return await caller.call("redeem", REDEEM)

    assert outcome_of(server, tmp_path, play).outcome is Outcome.UNKNOWN


def test_a_cancelled_call_is_noted_as_unknown(server: BackgroundServer, tmp_path: Path) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> None:
        await caller.prepare("redeem")
        async with other.transaction():
            await other.execute("lock table gift.card")
            going = asyncio.ensure_future(caller.call("redeem", REDEEM))
            await asyncio.wait([going], timeout=0.05)
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going

    noted: list[CallRecord] = []
    played(server, tmp_path, play, noted)
    assert [(call.outcome, call.end) for call in noted] == [(Outcome.UNKNOWN, 0)]


def test_no_row_is_ok_and_callers_can_share_their_numbers(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def play(caller: Caller, other: asyncpg.Connection) -> list[CallRecord]:
        numbers = itertools.count(10)
        callers = [
            Caller(each, gift_target(tmp_path).operations, numbers=numbers)
            for each in (caller.connection, other)
        ]
        return [await each.call("look", {"card": uuid.uuid4()}) for each in callers]

    calls = played(server, tmp_path, play, [])
    assert [(call.id, call.outcome, call.result) for call in calls] == [
        (10, Outcome.OK, {}),
        (11, Outcome.OK, {}),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "problem", "remedy"),
    [
        ("reedem", {}, "no operation 'reedem'", "There are: redeem, "),
        ("redeem", {"card": CARD}, "redeem is called without 'amount'", "card, amount, note"),
    ],
)
def test_a_mistake_in_a_call_is_said_with_a_remedy(
    server: BackgroundServer,
    tmp_path: Path,
    name: str,
    arguments: dict[str, str],
    problem: str,
    remedy: str,
) -> None:
    with pytest.raises(ContentError) as raised:
        played(server, tmp_path, lambda caller, _: caller.call(name, arguments), [])
    assert problem in raised.value.message
    assert remedy in raised.value.remedy
