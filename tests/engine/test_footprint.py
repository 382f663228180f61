"""What a step touched is measured; what can't be measured touches everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.explorer.footprint import (
    EVERYTHING,
    Footprint,
    Touched,
    Watch,
    not_all_counted,
)
from crossfoot.explorer.search import Follow

SETUP = "insert into counting.purse values (:one, 100), (:two, 100);"


@pytest.fixture(scope="module")
def counting(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("footprints")
    with ground_of(server, SPECIMENS / "counting" / "target.toml", folder) as ground:
        yield ground


def footprints(counting: Ground, *moves: str) -> list[tuple[set[str], set[str]]]:
    """Return the (tables read, tables written or locked) of each move of the first session."""
    play = f"select counting.play(array[:one, :two], '{{{','.join(moves)}}}');"
    race = counting.race(
        play, "select balance from counting.purse;", values="one uuid, two uuid", setup=SETUP
    )
    trace = counting.trace(race)
    names = counting.explorer.arenas[0].instrumented.watch.names

    def named(tables: frozenset[int]) -> set[str]:
        return {names[table].removeprefix("counting.") for table in tables}

    mine = [move.footprint for move in trace.moves if move.session == 0]
    assert not any(footprint.unknown for footprint in mine)
    return [(named(footprint.reads), named(footprint.writes)) for footprint in mine]


@pytest.mark.parametrize(
    ("move", "read", "written"),
    [
        ("read:1:0", {"purse"}, set()),
        ("lock:1:0", {"purse"}, {"purse"}),
        ("nowait:1:0", {"purse"}, {"purse"}),
        ("add:1:5", {"purse"}, {"purse"}),
        ("count:1:0", {"entry"}, set()),
    ],
)
def test_a_move_touches_what_its_statement_reads_locks_or_writes(
    counting: Ground, move: str, read: set[str], written: set[str]
) -> None:
    first, *_, commit = footprints(counting, move)
    assert first == (read, written)
    assert commit == (set(), written)


def test_a_row_that_isnt_there_was_looked_for_all_the_same(counting: Ground) -> None:
    race = counting.race(
        "select counting.balance(:one);",
        "update counting.purse set balance = 1 where id = :two;",
        values="one uuid, two uuid",
    )
    trace = counting.trace(race)
    assert all(move.footprint.reads | move.footprint.writes for move in trace.moves[:1])


def test_a_commit_shows_all_that_was_written_before(counting: Ground) -> None:
    *_, commit = footprints(counting, "add:1:5", "note:1:5")
    assert commit[1] >= {"purse", "entry"}


reader, writer = Footprint(reads=frozenset([1])), Footprint(writes=frozenset([1]))
stranger = Footprint(frozenset([2]), frozenset([3]))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (reader, reader, False),
        (reader, writer, True),
        (writer, writer, True),
        (writer, stranger, False),
        (stranger, EVERYTHING, True),
        (Footprint(), EVERYTHING, True),
        (Footprint(), writer, False),
    ],
)
def test_two_moves_meet_where_one_writes_what_the_other_touches(
    one: Footprint, other: Footprint, meet: bool
) -> None:
    assert one.meets(other) is other.meets(one) is meet


def test_a_block_that_fails_shows_what_it_had_locked(counting: Ground) -> None:
    """Others may go on with the purse from there, though nothing but an entry was read since."""
    visit = "insert into counting.visit values (:one);"
    race = counting.race(visit, visit, values="one uuid, two uuid", setup=SETUP)
    trace = counting.trace(race)
    names = counting.arena.instrumented.watch.names
    read_and_failed = next(
        move.footprint
        for move in trace.moves
        if {names[table] for table in move.footprint.reads} == {"counting.entry"}
    )
    assert "counting.purse" in {names[table] for table in read_and_failed.writes}


def test_a_look_that_was_rolled_back_leaves_a_gap_in_the_moments(counting: Ground) -> None:
    play = "select counting.balance(:one);"
    race = counting.race(play, play, values="one uuid", setup="")

    async def moments() -> list[int]:
        arena = counting.arena
        await arena.open(2)
        await arena.run(race, Follow(()))
        connection = arena.active[0].connection
        said = [await connection.fetchval("select crossfoot.moment()::integer")]
        await connection.execute("begin; savepoint here; select crossfoot.moment()")
        await connection.execute("rollback to here; select crossfoot.moment()")
        said.append(await connection.fetchval("select crossfoot.moment()::integer"))
        await connection.execute("rollback")
        return said

    before, after = counting.run(moments())
    assert after == before + 2  # three looks, of which one was rolled back


def test_counters_that_began_anew_tell_nothing() -> None:
    before, after = Touched.read("1 10:5:2:0"), Touched.read("2 10:4:2:0")
    watch = Watch({10: 10})
    assert watch.footprint(before, before, after) is EVERYTHING
    assert watch.footprint(before, None, after) is EVERYTHING
    assert watch.footprint(None, before, before) is EVERYTHING
    assert not watch.footprint(before, before, before).unknown


@pytest.mark.parametrize(
    "text",
    [
        "lock table purse in exclusive mode nowait",
        "lock purse in share mode",
        "execute 'truncate purse'",
        "v_rows cursor for select 1",
        "perform pg_advisory_xact_lock(1)",
        "select NEXTVAL('x')",
        "select * from pg_locks",
        "commit",
    ],
)
def test_what_sessions_learn_elsewhere_is_noticed(text: str) -> None:
    assert not_all_counted(text)
    assert not not_all_counted("select balance from purse for update skip locked")
    assert not not_all_counted("select 1 -- lock table, commit")
    assert not not_all_counted("create temp table seen (id integer)")


@pytest.mark.parametrize(
    "statement",
    [
        "set track_counts = off",
        "create table late (id integer unique deferrable initially deferred)",
    ],
)
def test_where_counting_would_not_show_all_nothing_is_counted(
    server: BackgroundServer, tmp_path: Path, statement: str
) -> None:
    async def work() -> list[Watch]:
        name = await server.server.create_database("counted")
        connection: asyncpg.Connection = await server.server.connect(name)
        try:
            await connection.execute("create table one (id integer)")
            before = await Watch.of(connection, ["pg_catalog"])
            await connection.execute(statement)
            return [before, await Watch.of(connection, ["pg_catalog"])]
        finally:
            await connection.close()
            await server.server.drop_database(name)

    before, after = server.run(work())
    assert before.tables
    assert not after.tables
