"""A row that a statement locks without writing it is told apart from one that was only read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from crossfoot.background import BackgroundServer
from crossfoot.explorer.footprint import Touched
from crossfoot.explorer.instrument import instrument
from crossfoot.explorer.instrumented import Instrumented

SCHEMA = """
create table account (id integer primary key, balance integer not null, note text);
create table entry (
    id integer primary key,
    account integer not null references account,
    amount integer not null
);
create table plan (id integer primary key, price integer not null);
create table seat (id integer primary key, free boolean not null);
insert into account values (1, 100), (2, 100);
insert into entry values (1, 1, 5), (2, 2, 5);
insert into plan values (1, 10), (2, 20);
insert into seat values (1, false), (2, true);

-- Its UPDATE finds the row locked, and comes to nothing where the seat is taken.
create function only_free() returns trigger language plpgsql as
$$ begin if old.free then return new; end if; return null; end $$;
create trigger only_free before update on seat for each row execute function only_free();

create function price(p_plan integer) returns integer language plpgsql as
$$ begin return (select price from plan where id = p_plan); end $$;
"""
# Each with the tables in which it leaves rows locked, written or not.
STATEMENTS = {
    "select balance from account where id = 1": set(),
    "select balance from account where id = 1 for update": {"account"},
    "select balance from account where id = 1 for no key update nowait": {"account"},
    "select balance from account where id = 1 for key share": {"account"},
    "select 1 from account -- for\n where id = 1 for -- me\n share": {"account"},
    "insert into account values (1, 0) on conflict do nothing": set(),
    "insert into account values (1, 0) on conflict (id) do update set balance = 0 where false": {
        "account"
    },
    "insert into entry values (3, 1, 5)": {"entry", "account"},
    "insert into entry select 3, 1, price from plan where id = 1": {"entry", "account"},
    "update account set balance = 0 where id = 1": {"account"},
    "update account set id = 3 where id = 1 and false": set(),
    "delete from entry where id = 1": {"entry"},
    "update seat set free = free where id = 1": {"seat"},
    "with l as (select 1 from seat where id = 2 for update) select * from l, plan": {"seat"},
    "do 'begin execute ''select 1 from plan where id = 1 for update''; end'": {"plan"},
}


@dataclass
class Shop:
    """A database with steps, somebody who calls in it, and somebody who looks for locked rows."""

    server: BackgroundServer
    instrumented: Instrumented
    caller: asyncpg.Connection
    other: asyncpg.Connection

    def run(self, statement: str, within: str = "") -> tuple[set[str], set[str]]:
        """Return the tables that a statement's footprint has as written, and those with locked rows.

        ``within`` is the statement of a function in which it stopped, if it did.
        """
        return self.server.run(self._run(statement, within))

    async def _run(self, statement: str, within: str) -> tuple[set[str], set[str]]:
        watch = self.instrumented.watch
        transaction = self.caller.transaction()
        await transaction.start()
        try:
            base = await self._look()
            await self.caller.execute(within or statement)
            lockable = self.instrumented.locking.tables(statement, within, watch)
            footprint = watch.footprint(base, base, await self._look(), lockable)
            assert not footprint.unknown
            return {watch.names[oid] for oid in footprint.writes}, await self._locked()
        finally:
            await transaction.rollback()

    async def _look(self) -> Touched:
        return Touched.read(f"1 {await self.caller.fetchval('select crossfoot.touched()')}")

    async def _locked(self) -> set[str]:
        """Return the tables of which a row is locked, or was written by the caller."""
        found = set()
        for table in self.instrumented.watch.names.values():
            free = f"select count(*) from (select from {table} for update skip locked) as free"
            seen, every = f"select count(*) from {table}", await self.other.fetchval(free)
            if every != await self.other.fetchval(seen) or every != await self.caller.fetchval(
                seen
            ):
                found.add(table)
        return found


@pytest.fixture(scope="module")
def shop(server: BackgroundServer) -> Iterator[Shop]:
    async def opened() -> Shop:
        name = await server.server.create_database("locking")
        caller, other = await server.server.connect(name), await server.server.connect(name)
        await caller.execute(SCHEMA)
        instrumented = await instrument(caller)
        await caller.execute(instrumented.watch.teller)
        return Shop(server, instrumented, caller, other)

    shop = server.run(opened())
    yield shop
    name = server.run(shop.caller.fetchval("select current_database()"))
    server.run(shop.caller.close())
    server.run(shop.other.close())
    server.run(server.server.drop_database(name))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_a_statement_locks_is_in_its_footprint(shop: Shop, statement: str) -> None:
    written, locked = shop.run(statement)
    assert locked == STATEMENTS[statement]
    assert written >= locked


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("select balance from account where id = 1", set()),
        ("update account set balance = (select price from plan where id = 1)", {"account"}),
        ("insert into entry select 3, 1, price from plan where id = 1", {"entry", "account"}),
        ("select free from seat where id = 1", set()),
        ("delete from entry where id = 1", {"entry"}),
    ],
)
def test_what_a_function_only_reads_is_not_taken_for_locked(
    shop: Shop, statement: str, written: set[str]
) -> None:
    assert shop.run("select f()", within=statement)[0] == written


@pytest.mark.parametrize(
    ("statement", "late"),
    [
        ("select price(1) from account for update", True),
        ("update seat set free = price(1) > 0", True),
        ("update account set balance = price(1)", True),
        ("select price(1), free from account, seat", False),
        ("select price from plan for update", False),
    ],
)
def test_a_lock_that_comes_after_a_call_is_noticed(
    shop: Shop, statement: str, *, late: bool
) -> None:
    """The row was read before the call's steps, so that nothing shows when it was locked."""
    assert shop.instrumented.shows_all(statement) is not late
