"""Every schedule begins with the same rows, whatever guards them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError
from crossfoot.explorer.instrument import instrument
from crossfoot.explorer.race import Race, Session
from crossfoot.explorer.seed_state import GENERATED, GENERATED_INT4, SeedState
from crossfoot.verdicts import Verdict

SHELVES = (SPECIMENS / "shelves" / "shelves.sql").read_text()
NOTHING = Race("r", "", "r.race.sql", "", (Session("a", ()),), "", (), (), {})
MESS = """
insert into shelf.z_room (id, name) values (9, 'mess');
update shelf.a_book set title = 'Mess' where id = 3;
insert into shelf.ledger (book, amount) values (3, 1);
insert into shelf.kept_by_rule (n) values (9);
delete from shelf.event where id = 1;
insert into shelf.event (id, day) values (3, '2026-07-01'), (4, '2028-01-01');
delete from only shelf.paper;
update shelf.newspaper set kind = 'mess';
insert into shelf."Odd 'name'" (x) values ('mess');
delete from shelf.log;
"""


@asynccontextmanager
async def shelves(
    server: BackgroundServer, *, superuser: bool
) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Yield two connections to a database with the shelves, as superuser or as their plain owner."""
    name = await server.server.create_database("shelves")
    connection, keeper = [await server.server.connect(name) for _ in range(2)]
    try:
        if not superuser:
            await server.server.ensure_roles(["shelf_owner"])
            await connection.execute(f'grant create on database "{name}" to shelf_owner')
            for each in (connection, keeper):
                await each.execute("set role shelf_owner")
        await connection.execute(SHELVES)
        await instrument(connection)
        yield connection, keeper
    finally:
        await connection.close()
        await keeper.close()
        await server.server.drop_database(name)


async def rows(connection: asyncpg.Connection, seed: SeedState) -> list[tuple[str, str]]:
    return sorted((row[0], row[1]) for row in await connection.fetch(seed.dump))


@pytest.mark.parametrize("superuser", [True, False])
def test_all_rows_come_back_whatever_guards_them(server: BackgroundServer, superuser: bool) -> None:
    async def scenario() -> None:
        async with shelves(server, superuser=superuser) as (connection, keeper):
            seed = await SeedState.capture(connection, keeper)
            assert seed.replica is superuser
            before = await rows(connection, seed)
            assert len({table for table, _ in before}) == 9
            for known in (None, {table for table, _ in before}):
                await connection.execute(MESS)
                assert await rows(connection, seed) != before
                await seed.restore(connection, NOTHING, known)
                assert await rows(connection, seed) == before
                await connection.execute(
                    "delete from shelf.log; insert into shelf.log values ('x')"
                )
                await seed.restore(connection, NOTHING, known)
                assert await rows(connection, seed) == before

    server.run(scenario())


def test_triggers_and_foreign_keys_hold_again_after_a_restore(server: BackgroundServer) -> None:
    async def scenario() -> None:
        for superuser in (True, False):
            async with shelves(server, superuser=superuser) as (connection, keeper):
                seed = await SeedState.capture(connection, keeper)
                await connection.execute("insert into shelf.ledger (book, amount) values (1, 1)")
                await seed.restore(connection, NOTHING, None)
                with pytest.raises(asyncpg.RaiseError, match="append-only"):
                    await connection.execute("delete from shelf.ledger")
                with pytest.raises(asyncpg.ForeignKeyViolationError):
                    await connection.execute(
                        "insert into shelf.ledger (book, amount) values (9, 1)"
                    )
                setup = "insert into shelf.z_room (id, name) values (5, 'five');"
                await seed.restore(connection, replace(NOTHING, setup=setup), None)
                said = await connection.fetch("select said from shelf.log")
                assert [row[0] for row in said][-1] == "z_room 5"

    server.run(scenario())


def test_a_table_that_was_empty_is_emptied_only_if_it_holds_rows(server: BackgroundServer) -> None:
    """The trigger below would fail a statement that needn't be made."""

    async def scenario() -> list[str]:
        async with shelves(server, superuser=True) as (connection, keeper):
            await connection.execute("delete from shelf.log")
            seed = await SeedState.capture(connection, keeper)
            return seed.stale(set())

    stale = server.run(scenario())
    assert "shelf.log" not in stale
    assert {"shelf.ledger", "shelf.event"} <= {*stale}


def test_sequences_draw_from_ranges_of_their_own(server: BackgroundServer) -> None:
    sql = """
        create table t (a bigint generated always as identity, b serial, c smallserial);
        create sequence down increment -1;
        insert into t default values;
    """
    query = "insert into t default values returning a, b, c, nextval('down')"

    async def scenario() -> asyncpg.Record:
        name = await server.server.create_database("sequences")
        connection = await server.server.connect(name)
        try:
            await connection.execute(sql)
            await instrument(connection)
            await SeedState.capture(connection, connection)
            return await connection.fetchrow(query)
        finally:
            await connection.close()
            await server.server.drop_database(name)

    a, b, c, down = server.run(scenario())
    assert a in GENERATED
    assert b in GENERATED_INT4
    assert (c, down) == (2, -1)


@pytest.fixture(scope="module")
def ground(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("shelves")
    with ground_of(server, SPECIMENS / "shelves" / "target.toml", folder) as ground:
        yield ground


def test_each_schedule_of_a_race_begins_with_the_seed_rows(ground: Ground) -> None:
    """Its answer counts rows: one that is left over, or missing, would be another outcome."""
    session = "-- @call fill\nselect * from shelf.fill(:{});"
    race = ground.race(
        session.format("one"), session.format("two"), values="one integer, two integer"
    )
    check = ground.explore(race)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    assert check.exploration and check.exploration.complete and check.exploration.with_waits
    trace = ground.trace(race, 0)
    assert [each[0].rows for each in trace.results] == [(("2", "6"),), (("3", "8"),)]


@pytest.mark.parametrize(
    ("setup", "line", "said"),
    [
        ("insert into shelf.log values ('a');\n\nselect 1 / 0;", 6, "division by zero"),
        (
            "insert into shelf.log values ('a');\ninsert into shelf.nowhere\nvalues (1);",
            5,
            "nowhere",
        ),
        ("delete from shelf.ledger;", 4, "append-only"),
        ("select shelf.fill(7);\nselect shelf.fill(7);", 5, "duplicate key"),
        ("selct 1;", 4, "syntax error"),
    ],
)
def test_a_set_up_that_fails_is_a_mistake_in_its_file_and_line(
    ground: Ground, setup: str, line: int, said: str
) -> None:
    race = ground.race("select 1;", "select 2;", setup=setup)
    with pytest.raises(
        ContentError, match=rf"{race.file}:{line}: @setup fails: .*{said}"
    ) as raised:
        ground.explore(race)
    assert "superuser" in raised.value.remedy
    test_each_schedule_of_a_race_begins_with_the_seed_rows(ground)


def test_a_state_query_that_fails_is_a_mistake_in_its_file_and_line(ground: Ground) -> None:
    race = ground.race(
        "select 1;", "select 2;", state="select said as x from shelf.log;\nselect 1 / 0 as y;"
    )
    with pytest.raises(ContentError, match=rf"{race.file}:11: @state fails: division by zero"):
        ground.explore(race)
    test_each_schedule_of_a_race_begins_with_the_seed_rows(ground)


def test_state_queries_may_use_any_column_names(ground: Ground) -> None:
    state = "select said as x, 1 as found from shelf.log; select x.* from shelf.\"Odd 'name'\" as x"
    race = ground.race("select 1;", "select 2;", state=state)
    check = ground.explore(race)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
