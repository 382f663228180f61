"""The explorer's outcomes are those of brute force: the same statements, sent by hand in every order."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from explorer_ground import SPECIMENS, Ground, ground_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossfoot.background import BackgroundServer
from crossfoot.explorer.serial import orders
from crossfoot.explorer.trace import CallResult, Trace

IDS = [uuid.UUID(int=1), uuid.UUID(int=2)]
SETUP = f"insert into counting.purse values ('{IDS[0]}', 100), ('{IDS[1]}', 100);"
STATE = """
select (select array_agg(balance order by id) from counting.purse) as purses,
       array(select balance_after from counting.entry order by 1) as entries;"""
Moves = list[str]

# What a move is for a client; $1 is the purse, $2 what was seen last, $3 the move's number.
STATEMENTS = {
    "read": "select balance from counting.purse where id = $1",
    "lock": "select balance from counting.purse where id = $1 for no key update",
    "nowait": "select balance from counting.purse where id = $1 for update nowait",
    "skip": """select coalesce(sum(balance), 0)::integer
               from (select balance from counting.purse where id = $1 for update skip locked) as free""",
    "add": "update counting.purse set balance = balance + $3 where id = $1",
    "set": "update counting.purse set balance = $2 + $3 where id = $1",
    "note": "insert into counting.entry (purse, balance_after) values ($1, $2 + $3)",
    "count": "select count(*)::integer from counting.entry",
    "once": """insert into counting.entry (purse, balance_after) select $1, $3
               where not exists (select from counting.entry where purse = $1)""",
}
SEES = {"read", "lock", "nowait", "skip", "count"}


class Hand:
    """A session that is played by hand: one statement at a time, then its COMMIT."""

    def __init__(self, connection: asyncpg.Connection, moves: Moves) -> None:
        self.connection, self.moves = connection, moves
        self.seen, self.at = 100, 0
        self.answer = ""
        self.task: asyncio.Task[None] | None = None

    async def go(self) -> None:
        try:
            if self.at == len(self.moves):
                await self.connection.execute("commit")
                self.answer = str(self.seen)
            else:
                await self.move(*self.moves[self.at].split(":"))
            self.at += 1
        except asyncpg.PostgresError as error:
            await self.connection.execute("rollback")
            self.answer, self.at = str(error.sqlstate), len(self.moves) + 1

    async def move(self, word: str, purse: str, number: str) -> None:
        values = (IDS[int(purse) - 1], self.seen, int(number))
        statement = STATEMENTS[word]
        for place, value in zip(("$1", "$2", "$3"), values, strict=True):
            statement = statement.replace(
                place, f"'{value}'::uuid" if place == "$1" else str(value)
            )
        found = await self.connection.fetch(statement)
        self.seen = found[0][0] if word in SEES else self.seen
        # A condition is no statement: it goes with the one before it.
        while self.at + 1 < len(self.moves) and self.moves[self.at + 1].startswith("need"):
            self.at += 1
            if self.seen < int(self.moves[self.at].split(":")[2]):
                raise asyncpg.RaiseError

    @property
    def over(self) -> bool:
        return self.at > len(self.moves)

    async def settle(self, watcher: asyncpg.Connection) -> None:
        """Return when the statement under way is through or waits for a lock."""
        pid = self.connection.get_server_pid()
        while self.task and not self.task.done():
            await asyncio.wait([self.task], timeout=0.0005)
            if not self.task.done() and await watcher.fetchval(
                "select cardinality(pg_blocking_pids($1)) > 0", pid
            ):
                return
        if self.task:
            self.task.result()
        self.task = None


@asynccontextmanager
async def connections(counting: Ground, count: int) -> AsyncIterator[list[asyncpg.Connection]]:
    """Yield connections to a database of the target, without the explorer."""
    server = counting.server.server
    name = await server.create_database("by_hand")
    opened = [await server.connect(name) for _ in range(count)]
    await opened[0].execute((SPECIMENS / "counting" / "counting.sql").read_text())
    try:
        yield opened
    finally:
        for connection in opened:
            connection.terminate()
        await server.drop_database(name)


async def play(
    order: Sequence[int], hands: Sequence[Hand], watcher: asyncpg.Connection
) -> tuple[object, ...]:
    """Play one order. A turn that falls to somebody who waits is made up for at the end."""
    await watcher.execute(f"delete from counting.entry; delete from counting.purse; {SETUP}")
    for hand in hands:
        await hand.connection.execute("begin")
    turns = [*order, *sorted(order), *sorted(order, reverse=True)]
    while not all(hand.over for hand in hands):
        hand = hands[turns.pop(0) if turns else next(i for i, h in enumerate(hands) if not h.over)]
        if hand.task is None and not hand.over:
            hand.task = asyncio.create_task(hand.go())
        # Whoever waited goes on as soon as the lock is given up.
        for _ in range(2):
            for each in hands:
                await each.settle(watcher)
    (state,) = await watcher.fetch(STATE)
    answers = tuple(hand.answer for hand in hands)
    return answers, tuple(state["purses"]), tuple(state["entries"])


async def brute_force(counting: Ground, sessions: Sequence[Moves]) -> set[tuple[object, ...]]:
    """Return (answers, balances, entries) of every merge of the statements."""
    lengths = [1 + sum(not move.startswith("need") for move in moves) for moves in sessions]
    async with connections(counting, 1 + len(sessions)) as (watcher, *others):
        return {
            await play(
                order,
                [Hand(each, moves) for each, moves in zip(others, sessions, strict=True)],
                watcher,
            )
            for order in orders(lengths)
        }


def outcome(trace: Trace) -> tuple[object, ...]:
    """Return (answers, balances, entries) of a schedule."""

    def answer(result: CallResult) -> str:
        return result.sqlstate or str(result.rows[0][0])

    (row,) = [json.loads(text) for name, text in trace.state if name == "@state 1"]
    answers = tuple(answer(each[0]) for each in trace.results)
    return answers, tuple(row["purses"]), tuple(row["entries"])


def without_deadlocks(outcomes: set[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """Leave out what depends on whom PostgreSQL picks."""
    return {each for each in outcomes if "40P01" not in each[0]}  # type: ignore[operator]


def compare(counting: Ground, sessions: Sequence[Moves]) -> int:
    """Compare; return how many outcomes there are."""
    ids = f"array['{IDS[0]}', '{IDS[1]}']::uuid[]"
    calls = [
        f"-- @call play\nselect counting.play({ids}, '{{{','.join(moves)}}}');"
        for moves in sessions
    ]
    race = counting.race(*calls, setup=SETUP, state=STATE)
    explored = {outcome(trace) for trace in counting.every_trace(race)}
    by_hand = counting.run(brute_force(counting, sessions))
    assert without_deadlocks(explored) == without_deadlocks(by_hand)
    assert {"40P01" in str(each[0]) for each in explored} == {
        "40P01" in str(each[0]) for each in by_hand
    }
    return len(explored)


@pytest.fixture(scope="module")
def counting(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("counting")
    with ground_of(server, SPECIMENS / "counting" / "target.toml", folder) as ground:
        yield ground


SPEND = ["read:1:0", "need:1:60", "add:1:-60", "note:1:-60"]


@pytest.mark.parametrize(
    ("sessions", "outcomes"),
    [
        ([SPEND, SPEND], 3),  # either alone, or both: an overdraft
        ([["read:1:0", "set:1:-30"], ["read:1:0", "set:1:-40"]], 4),  # two lost updates
        ([["lock:1:0", "set:1:-30"], ["lock:1:0", "set:1:-40"]], 2),
        ([["once:1:7", "count:1:0"], ["once:1:8"]], None),  # two rows, before anybody commits
        ([["add:1:1", "add:2:1"], ["add:2:1", "add:1:1"]], None),  # a deadlock
        ([["nowait:1:0", "set:1:1"], ["add:1:5", "read:2:0"]], None),
        ([["skip:1:0", "set:2:0"], ["add:1:5", "read:2:0"]], None),
    ],
)
def test_the_outcomes_of_a_race_are_those_of_brute_force(
    counting: Ground, sessions: Sequence[Moves], outcomes: int | None
) -> None:
    found = compare(counting, sessions)
    assert found == outcomes or (outcomes is None and found >= 2)


def test_three_sessions_have_the_outcomes_of_brute_force(counting: Ground) -> None:
    assert compare(counting, [["read:1:0", "set:1:1"], ["add:1:10"], ["add:1:100"]]) >= 4


def both_ways(counting: Ground, sessions: Sequence[Moves], header: str = "") -> tuple[int, int]:
    """Compare the outcomes of all orders with those of the reduced ones; return how many ran."""
    ids = f"array['{IDS[0]}', '{IDS[1]}']::uuid[]"
    calls = [
        f"-- @call play\nselect counting.play({ids}, '{{{','.join(moves)}}}');"
        for moves in sessions
    ]
    race = counting.race(*calls, setup=SETUP, state=STATE, header=header)
    every = counting.every_trace(race, reduce=False)
    few = counting.every_trace(race)
    assert without_deadlocks(set(map(outcome, few))) == without_deadlocks(set(map(outcome, every)))
    assert any(t.deadlocked for t in few) == any(t.deadlocked for t in every)
    return len(few), len(every)


words = st.sampled_from(["read", "lock", "skip", "add", "set", "note", "count", "once"])
moves = st.lists(
    st.builds("{}:{}:{}".format, words, st.integers(1, 2), st.integers(1, 9)),
    min_size=1,
    max_size=3,
)


@given(moves, moves)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_two_sessions_have_the_outcomes_of_brute_force(
    counting: Ground, one: Moves, other: Moves
) -> None:
    compare(counting, [one, other])


@given(st.lists(moves, min_size=2, max_size=3).filter(lambda each: sum(map(len, each)) < 8))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_orders_that_are_left_out_would_have_shown_nothing_new(
    counting: Ground, sessions: list[Moves]
) -> None:
    both_ways(counting, sessions)


@given(st.lists(moves, min_size=2, max_size=2).filter(lambda each: sum(map(len, each)) < 6))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_none_of_them_would_have_shown_anything_at_repeatable_read(
    counting: Ground, sessions: list[Moves]
) -> None:
    both_ways(counting, sessions, "isolation: repeatable read")


# What a client's transaction sees of a table may have been settled by what it read before elsewhere.
TWO_READS = f"""begin;
select balance from counting.purse where id = '{IDS[0]}';
select count(*)::integer from counting.entry;
commit;"""
ONE_NOTE = f"insert into counting.entry (purse, balance_after) values ('{IDS[0]}', 7);"


@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
def test_what_was_read_first_may_settle_what_is_seen_of_another_table(
    counting: Ground, level: str
) -> None:
    race = counting.race(TWO_READS, ONE_NOTE, setup=SETUP, header=f"isolation: {level}")

    def counts(traces: list[Trace]) -> set[str]:
        return {str([result.rows for result in trace.results[0]]) for trace in traces}

    every = counts(counting.every_trace(race, reduce=False))
    assert counts(counting.every_trace(race)) == every and len(every) == 2


def test_sessions_that_never_meet_need_hardly_any_orders(counting: Ground) -> None:
    few, every = both_ways(counting, [["read:1:0", "count:1:0"], ["add:1:1", "add:2:2"]])
    assert few < every / 2
