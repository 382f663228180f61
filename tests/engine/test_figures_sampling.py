"""While calls are made somebody looks: who waits for a lock, and what the audits say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from figure_ground import BEGAN, SECOND, call, gift_cards, write_calls, write_samples

from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError
from crossfoot.figures.measure import measure
from crossfoot.figures.reading import open_run
from crossfoot.figures.samples import NAME, Audited, LockWaits, Look, Samples, read_samples
from crossfoot.figures.waits import OTHERS
from crossfoot.results import Check, Figures, Finding, Kind
from crossfoot.server import Server
from crossfoot.verdicts import Verdict

REDEEM = "select * from gift.redeem($1, $2)"


@asynccontextmanager
async def sessions(server: Server) -> AsyncIterator[tuple[asyncpg.Connection, ...]]:
    name = await server.create_database("sampling")
    three = [await server.connect(name) for _ in range(3)]
    try:
        await three[0].execute("create table card (balance int); insert into card values (1)")
        yield tuple(three)
    finally:
        await asyncio.gather(*(each.close() for each in three))
        await server.drop_database(name)


async def until(folder: Path, seen: Callable[[Look], bool]) -> None:
    """Wait for a look that is like this. Whoever waits for nothing is ended by the test's time."""
    for _ in range(3000):
        looks = [each for each in read_samples(folder)[1] if isinstance(each, Look)]
        if looks and seen(looks[-1]):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody looked")


async def look_while_one_waits(server: Server, folder: Path) -> None:
    async with sessions(server) as (holder, waiter, observer):

        @asynccontextmanager
        async def connection() -> AsyncIterator[asyncpg.Connection]:
            yield observer

        with Samples(folder) as samples:
            looking = asyncio.create_task(samples.watch_locks(connection, every=0.01))
            await until(folder, lambda look: not look.waits)
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("update card set balance = 2")
            waiting = asyncio.create_task(
                waiter.execute("update card  set balance =\n balance + $1", 1)
            )
            await until(folder, lambda look: bool(look.waits))
            await transaction.rollback()
            await waiting
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


def test_a_session_that_waits_for_a_row_is_seen_with_its_query(
    server: BackgroundServer, tmp_path: Path
) -> None:
    server.run(look_while_one_waits(server.server, tmp_path))
    looks = [each for each in read_samples(tmp_path)[1] if isinstance(each, Look)]
    seen = [wait for look in looks for wait in look.waits]
    assert any(not look.waits for look in looks)
    assert {(wait.query, wait.sessions) for wait in seen} == {
        ("update card set balance = balance + $1", 1)
    }
    assert {wait.event for wait in seen} <= {"transactionid", "tuple"}
    assert seen[-1].longest > 0
    assert [look.at for look in looks] == sorted(look.at for look in looks)


def test_an_observer_whose_connection_breaks_ends_quietly(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def broken() -> None:
        async with sessions(server.server) as (one, two, _):

            @asynccontextmanager
            async def connection() -> AsyncIterator[asyncpg.Connection]:
                yield one

            with Samples(tmp_path) as samples:
                looking = asyncio.create_task(samples.watch_locks(connection, every=0.01))
                await until(tmp_path, lambda look: True)
                await two.execute("select pg_terminate_backend($1)", one.get_server_pid())
                await looking

    server.run(broken())


def test_audits_are_noted_with_their_drift_and_what_they_violate(tmp_path: Path) -> None:
    drifted = Check(
        kind=Kind.AUDIT, name="balance_equals_entries", title="", verdict=Verdict.FAIL,
        findings=[Finding(subject="card 7", summary="", total_rows=4)],
    )  # fmt: skip
    sold = Check(kind=Kind.AUDIT, name="item_sold_once", title="", verdict=Verdict.FAIL)
    fine = Check(kind=Kind.AUDIT, name="entry_adds_up", title="", verdict=Verdict.PASS)
    with Samples(tmp_path) as samples:
        samples.audited("gift_cards", [fine], time.monotonic_ns())
        samples.audited("gift_cards", [fine, drifted, sold], time.monotonic_ns())
    _, (first, second) = read_samples(tmp_path)
    assert isinstance(first, Audited) and isinstance(second, Audited)
    assert (first.drift, first.failed) == (0, [])
    assert (second.drift, second.failed) == (4, ["balance_equals_entries", "item_sold_once"])
    assert second.at >= first.at and first.seconds >= 0


def test_half_a_last_line_is_left_out_and_nonsense_is_an_error(tmp_path: Path) -> None:
    write_samples(tmp_path, [Look(BEGAN), Look(BEGAN + SECOND)])
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    assert len(read_samples(tmp_path)[1]) == 1
    path.write_bytes(whole.replace(b'"at"', b'"when"'))
    with pytest.raises(ContentError, match="not the samples of a run"):
        read_samples(tmp_path)
    assert read_samples(tmp_path / "elsewhere") == (None, [])


# -- what is made of them -----------------------------------------------------------------------


def measured(folder: Path, samples: list[Look | Audited], clock: str = "") -> Figures:
    write_calls(folder / "history-0.ndjson", [call(1), call(2, at=3, ms=1_000)])
    write_samples(folder, samples, *([clock] if clock else []))
    return measure(open_run(folder), gift_cards(folder / "target"))


def looked(at: float, *waits: tuple[str, int]) -> Look:
    noted = [LockWaits(query, "tuple", sessions, sessions / 10) for query, sessions in waits]
    return Look(BEGAN + int(at * SECOND), noted)


def test_waits_are_means_by_operation_and_by_slice_of_time(tmp_path: Path) -> None:
    other = "select * from gift.cards"
    samples: list[Look | Audited] = [
        looked(0.01),
        looked(0.05, (REDEEM, 4)),
        looked(2.05, (REDEEM, 1), (other, 1)),
        looked(2.15),
    ]
    figures = measured(tmp_path, samples)
    redeem, cards = figures.waits
    assert (redeem.query, redeem.mean, redeem.longest_seconds) == ("redeem", 1.25, 0.4)
    assert (cards.query, cards.mean) == (other, 0.25)
    assert redeem.over_time[0] == 2 and redeem.over_time[20] == 1 and redeem.over_time[21] == 0
    assert redeem.over_time[5] is None
    (waiting,) = [each for each in figures.measured if each.name == "waiting_for_locks"]
    assert (waiting.value, waiting.samples) == (1.5, 4)


def test_waits_of_other_systems_in_the_database_are_not_this_targets(tmp_path: Path) -> None:
    assert measured(tmp_path, [looked(0.1, ("select * from wallets.spend($1)", 5))]).waits == []


def test_many_different_queries_are_told_together(tmp_path: Path) -> None:
    waits = [(f"select {number} from gift.cards", 20 - number) for number in range(12)]
    figures = measured(tmp_path, [looked(0.05, *waits)])
    assert len(figures.waits) == 9
    assert figures.waits[-1].query == OTHERS
    assert sum(each.mean for each in figures.waits) == sum(count for _, count in waits)
    assert figures.waits[-1].over_time[0] == sum(count for _, count in waits[8:])


def test_looks_before_the_first_call_and_after_the_last_do_not_count(tmp_path: Path) -> None:
    figures = measured(tmp_path, [looked(-1, (REDEEM, 9)), looked(1), looked(60, (REDEEM, 9))])
    assert (figures.looks, figures.waits) == (1, [])


def test_drift_has_a_value_for_each_round_of_audits_of_this_target(tmp_path: Path) -> None:
    rounds: list[Look | Audited] = [
        Audited(BEGAN + SECOND, "gift_cards", 0.1),
        Audited(BEGAN + SECOND, "wallets", 0.1, 9),
        Audited(BEGAN + 9 * SECOND, "gift_cards", 0.1, 2),
    ]
    assert measured(tmp_path, rounds).drift == {"at": [1, 9], "accounts": [0, 2]}


def test_samples_of_another_machine_count_from_their_own_first_one(tmp_path: Path) -> None:
    far = [Look(7), Look(7 + SECOND, [LockWaits(REDEEM, "tuple", 1, 0.1)])]
    figures = measured(tmp_path, [*far], clock="CLOCK_MONOTONIC of boot 77")
    assert figures.looks == 2
    assert figures.waits[0].over_time[10] == 1
