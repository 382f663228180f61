"""Steps don't disturb: what a function does, returns and says is the same with them as without."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from explorer_ground import SPECIMENS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plpgsql_bodies import SCHEMA, bodies

from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError
from crossfoot.explorer import instrument as instrument_module
from crossfoot.explorer.instrument import instrument
from crossfoot.explorer.instrumented import Instrumented

BODIES = SPECIMENS / "bodies"
FILES = sorted(path for path in BODIES.glob("*.sql") if path.name != "schema.sql")
CALLS = [
    pytest.param(call, id=call.removeprefix("select "))
    for path in FILES
    for call in re.findall(r"^-- call: (.*)$", path.read_text(), re.MULTILINE)
]
WITHOUT_STEPS = {
    "select zoo.sql_empty()",
    "select zoo.stable_reader(1)",
    "select zoo.searched_cases(1)",
}
ZOO = [path.read_bytes().decode() for path in (BODIES / "schema.sql", *FILES)]
OPEN_STEPS = """
create sequence if not exists crossfoot.turn_1 minvalue 0;
select setval('crossfoot.turn_1', 1099511627776), crossfoot.count_arrivals(0);
"""


@dataclass
class Told:
    """What one call said: rows or an error, notices, and the rows of every table afterwards."""

    rows: list[tuple[object, ...]]
    error: dict[str, str]
    notices: list[tuple[str, str, str]]
    tables: list[str]
    steps: int = 0


async def tell(connection: asyncpg.Connection, call: str, tables: str) -> Told:
    """Make a call in a transaction that is rolled back."""
    told = Told([], {}, [], [])

    def heard(_: object, message: Any) -> None:
        if message.message.startswith("crossfoot step "):
            told.steps += 1
        else:
            told.notices.append((message.severity, message.message, message.context or ""))

    connection.add_log_listener(heard)
    transaction = connection.transaction()
    await transaction.start()
    try:
        async with connection.transaction():
            told.rows = [tuple(row) for row in await connection.fetch(call)]
            await connection.execute("set constraints all immediate")
    except asyncpg.PostgresError as error:
        told.error = {k: str(v) for k, v in error.as_dict().items() if k not in {"query"}}
    told.tables = [row[0] for row in await connection.fetch(tables)]
    await transaction.rollback()
    connection.remove_log_listener(heard)
    return told


@dataclass
class Meadow:
    """Two databases with the same in them, and the query that reads all their tables."""

    plain: asyncpg.Connection
    stepped: asyncpg.Connection
    tables: str


@dataclass
class Zoo(Meadow):
    """The same functions without and with steps."""

    found: Instrumented


async def dump_query(connection: asyncpg.Connection) -> str:
    names = await connection.fetch(
        "select c.oid::regclass::text from pg_class as c"
        " where c.relkind = 'r' and c.relnamespace::regnamespace::text not in"
        " ('pg_catalog', 'information_schema', 'crossfoot') order by 1"
    )
    return " union all ".join(f"select '{name}' || x.*::text from {name} as x" for (name,) in names)


@asynccontextmanager
async def database(server: BackgroundServer, *sql: str) -> AsyncIterator[asyncpg.Connection]:
    name = await server.server.create_database("instrument")
    connection = await server.server.connect(name)
    try:
        for text in sql:
            await connection.execute(text)
        yield connection
    finally:
        await connection.close()
        await server.server.drop_database(name)


@contextmanager
def two_databases(server: BackgroundServer, *sql: str) -> Iterator[Meadow]:
    plain, stepped = database(server, *sql), database(server, *sql)

    async def enter() -> Meadow:
        a, b = await plain.__aenter__(), await stepped.__aenter__()
        return Meadow(a, b, await dump_query(a))

    async def leave() -> None:
        await plain.__aexit__(None, None, None)
        await stepped.__aexit__(None, None, None)

    try:
        yield server.run(enter())
    finally:
        server.run(leave())


@pytest.fixture(scope="module")
def zoo(server: BackgroundServer) -> Iterator[Zoo]:
    with two_databases(server, *ZOO) as two:
        found = server.run(instrument(two.stepped))
        yield Zoo(two.plain, two.stepped, two.tables, found)


@pytest.fixture(scope="module")
def meadow(server: BackgroundServer) -> Iterator[Meadow]:
    with two_databases(server, SCHEMA) as two:
        yield two


@pytest.mark.parametrize("call", CALLS)
def test_a_call_does_the_same_with_steps_as_without(
    server: BackgroundServer, zoo: Zoo, call: str
) -> None:
    async def scenario() -> tuple[Told, Told, Told]:
        plain = await tell(zoo.plain, call, zoo.tables)
        unseen = await tell(zoo.stepped, call, zoo.tables)
        # Now as the explorer's session, whose steps announce themselves and find their locks open.
        await zoo.stepped.execute(f"{OPEN_STEPS} set crossfoot.slot = 1")
        await zoo.plain.execute("select 1")
        stepped = await tell(zoo.stepped, call, zoo.tables)
        await zoo.stepped.execute("set crossfoot.slot = ''")
        return plain, unseen, stepped

    plain, unseen, stepped = server.run(scenario())
    assert unseen.steps == 0
    assert (stepped.steps > 0) is (call not in WITHOUT_STEPS)
    assert without_ids(unseen) == without_ids(plain)
    stepped.steps = 0
    assert without_ids(stepped) == without_ids(plain)


def without_ids(told: Told) -> Told:
    """Leave out the identity values: the stepped database makes twice the calls."""
    told.tables = [re.sub(r"(?<=^zoo\.log\()\d+", "#", row) for row in told.tables]
    return told


def test_every_function_of_the_zoo_has_steps_or_a_reason_not_to(zoo: Zoo) -> None:
    stepped = {step.function for step in zoo.found.steps.values()}
    assert zoo.found.functions - stepped == {"zoo.sql_empty"}
    assert zoo.found.skipped == {
        "zoo.stable_reader": "stable or immutable: runs on its caller's snapshot"
    }


def test_steps_say_their_function_line_and_statement(zoo: Zoo) -> None:
    found = {
        (step.line, step.kind, step.text)
        for step in zoo.found.steps.values()
        if step.function == "zoo.guarded"
    }
    assert (6, "statement", "insert into zoo.log (said) values ('kept?');") in found
    assert (14, "statement", "insert into zoo.log (said) values ('zero');") in found
    assert len(found) == 6


def test_the_context_of_a_rewritten_condition_names_its_own_line(
    server: BackgroundServer,
) -> None:
    """An ELSIF is an IF of its own then, a WHEN a CASE, a WHILE an EXIT: all that steps change."""
    sql = """
        create function f(p integer) returns void language plpgsql as $$
        begin
            if p = 0 then null;
            elsif (select 1 / p) > 0 then null;
            end if;
            while (select 1 / (p - 1)) > 0 loop null; end loop;
        end $$;
        create function g(p integer) returns void language plpgsql as $$
        begin
            if p = 1 then null;
            elsif (select 1 / p) > 0 then null;
            end if;
        end $$;
        create function h(p integer) returns void language plpgsql as $$
        begin
            case
                when p = 0 then null;
                when (select p = 2) then null;
            end case;
        end $$;
    """

    async def scenario() -> list[str]:
        async with database(server, sql) as connection:
            await instrument(connection)
            told = [
                await tell(connection, f"select {call}", "") for call in ("f(1)", "g(0)", "h(9)")
            ]
            return [each.error["context"].splitlines()[-1] for each in told]

    assert server.run(scenario()) == [
        "PL/pgSQL function f(integer) line 6 at EXIT",
        "PL/pgSQL function g(integer) line 4 at IF",
        "PL/pgSQL function h(integer) line 5 at CASE",
    ]


def test_perform_instead_of_assert_would_be_noticed(
    server: BackgroundServer, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison above sees it when steps overwrite FOUND."""
    apply = Instrumented.apply

    def performing(self: Instrumented, body: str, edits: Any, name: str, written: str) -> str:
        return apply(self, body, edits, name, written.replace("assert", "perform"))

    monkeypatch.setattr(Instrumented, "apply", performing)

    async def scenario() -> bool:
        async with database(server, *ZOO) as connection:
            await instrument(connection)
            performed = await tell(connection, "select zoo.found_after_each()", zoo.tables)
            plain = await tell(zoo.plain, "select zoo.found_after_each()", zoo.tables)
            return performed.rows != plain.rows

    assert server.run(scenario())


def test_a_procedure_that_commits_does_the_same_with_steps(server: BackgroundServer) -> None:
    sql = """
        create table t (n integer);
        create procedure p() language plpgsql as $$
        declare x integer := 0;
        begin
            while (select count(*) from t) < 4 loop
                insert into t values (x);
                if x % 2 = 0 then commit; else rollback; end if;
                x := x + 1;
                exit when x > 5;
            end loop;
            begin
                insert into t values (99);
            end;
            commit;
            insert into t values (1 / 0);
        end $$;
    """

    async def run(connection: asyncpg.Connection) -> tuple[str, list[int]]:
        with pytest.raises(asyncpg.DivisionByZeroError) as raised:
            await connection.execute("call p()")
        return str(raised.value.context), [n for (n,) in await connection.fetch("table t")]

    async def scenario() -> tuple[tuple[str, list[int]], tuple[str, list[int]]]:
        async with database(server, sql) as plain, database(server, sql) as stepped:
            await instrument(stepped)
            await stepped.execute(f"{OPEN_STEPS} set crossfoot.slot = 1")
            return await run(plain), await run(stepped)

    plain, stepped = server.run(scenario())
    assert plain == stepped
    assert plain[1] == [0, 2, 4, 99]


def test_a_step_leaves_lastval_alone_and_works_in_a_read_only_transaction(
    server: BackgroundServer,
) -> None:
    sql = """
        create table t (n serial);
        create function f() returns bigint language plpgsql as $$
        begin
            insert into t default values;
            perform 1 from t;
            return lastval();
        end $$;
        create function r() returns bigint language plpgsql as $$
        begin
            return (select count(*) from t);
        end $$;
    """

    async def scenario() -> tuple[int, int]:
        async with database(server, sql) as connection:
            await instrument(connection)
            await connection.execute(f"{OPEN_STEPS} set crossfoot.slot = 1")
            last = await connection.fetchval("select f()")
            async with connection.transaction(readonly=True, isolation="serializable"):
                return last, await connection.fetchval("select r()")

    assert server.run(scenario()) == (1, 1)


def test_privileges_owner_and_settings_of_a_function_survive(server: BackgroundServer) -> None:
    sql = """
        create function f() returns void language plpgsql security definer
        set search_path = '' set work_mem = '1MB' cost 7 strict parallel restricted
        as $$ begin lock table pg_catalog.pg_class in access share mode; end $$;
        revoke all on function f() from public;
        comment on function f() is 'mine';
    """
    query = """
        select prosecdef, proconfig, procost, proisstrict, proparallel, proacl::text, proowner,
               obj_description(oid, 'pg_proc')
        from pg_proc where proname = 'f'
    """

    async def scenario() -> tuple[Any, Any]:
        async with database(server, sql) as connection:
            before = await connection.fetchrow(query)
            found = await instrument(connection)
            assert found.functions == {"public.f"}
            return before, await connection.fetchrow(query)

    before, after = server.run(scenario())
    assert before == after


def test_functions_of_one_name_are_told_apart(server: BackgroundServer) -> None:
    """A call names a function, not an overload: it is quiet if all that share its name are."""
    sql = """
        create table t (n integer);
        create function a(p integer) returns void language plpgsql as $$
            begin delete from t; end $$;
        create function a(p text) returns bigint language plpgsql stable as $$
            begin return (select count(*) from t); end $$;
        create function b(p integer) returns void language plpgsql as $$
            begin delete from t; end $$;
        create function b(p text) returns void language plpgsql as $$
            declare n bigint := (select count(*) from t); begin null; end $$;
        create function c(p integer) returns void language plpgsql as $$
            begin delete from t; end $$;
        create function c(p text) returns void language sql as $$ delete from t $$;
    """

    async def scenario() -> Instrumented:
        async with database(server, sql) as connection:
            return await instrument(connection)

    assert server.run(scenario()).quiet_start == {"public.c"}


def test_functions_in_other_languages_and_of_extensions_stay_as_they_are(
    server: BackgroundServer,
) -> None:
    sql = """
        create extension btree_gist;
        create function c_function(text) returns text language internal as 'upper';
        create aggregate together(text) (sfunc = textcat, stype = text);
        create function f() returns void language plpgsql as $$ begin perform 1; end $$;
    """

    async def scenario() -> Instrumented:
        async with database(server, sql) as connection:
            return await instrument(connection)

    found = server.run(scenario())
    assert found.functions == {"public.f"}
    assert found.skipped == {"public.c_function": "language internal: one opaque step"}


def test_a_body_that_cannot_be_read_names_its_function(
    server: BackgroundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = (
        "create function f() returns void language plpgsql as $$ begin delete from pg_class; end $$"
    )

    def misread(*_: object, **__: object) -> None:
        raise ContentError("line 3: no idea")

    async def scenario() -> None:
        async with database(server, sql) as connection:
            monkeypatch.setattr(instrument_module, "recognise", misread)
            with pytest.raises(ContentError, match=r"public\.f: line 3: no idea"):
                await instrument(connection)

    server.run(scenario())


def test_a_rewrite_that_does_not_compile_names_its_function(
    server: BackgroundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = (
        "create function f() returns void language plpgsql as $$ begin delete from pg_class; end $$"
    )
    apply = Instrumented.apply
    monkeypatch.setattr(Instrumented, "apply", lambda *given: apply(*given).replace("begin", "bgn"))

    async def scenario() -> None:
        async with database(server, sql) as connection:
            with pytest.raises(
                ContentError, match=r"public\.f: the instrumented function"
            ) as raised:
                await instrument(connection)
            assert "fault of Crossfoot's" in raised.value.remedy

    server.run(scenario())


@given(st.lists(bodies, min_size=6, max_size=6))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_random_bodies_compile_and_do_the_same_with_steps(
    server: BackgroundServer, meadow: Meadow, bodies: list[str]
) -> None:
    create = "\n".join(
        f"create function f{number}(p integer) returns text language plpgsql as $body${body}$body$;"
        for number, body in enumerate(bodies)
    )

    async def told(connection: asyncpg.Connection, *, steps: bool) -> list[Told]:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(create)
            if steps:
                await instrument(connection)
                await connection.execute(f"{OPEN_STEPS} set local crossfoot.slot = 1")
            calls = [f"select f{number}({p})" for number in range(len(bodies)) for p in (1, 2)]
            return [await tell(connection, call, meadow.tables) for call in calls]
        finally:
            await transaction.rollback()

    async def scenario() -> tuple[list[Told], list[Told]]:
        return await told(meadow.plain, steps=False), await told(meadow.stepped, steps=True)

    plain, stepped = server.run(scenario())
    for each in stepped:
        each.steps = 0
    assert [without_ids(each) for each in stepped] == [without_ids(each) for each in plain]
