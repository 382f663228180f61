"""What a statement says of the rows that it touches, and what only looks as if it did."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest
from explorer_ground import SPECIMENS

from crossfoot.background import BackgroundServer
from crossfoot.explorer.callees import Callees
from crossfoot.explorer.instrument import SYSTEM_SCHEMAS
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.reach import reach_of, told_apart
from crossfoot.explorer.rows import ANYTHING, Reach, Use
from crossfoot.explorer.tables import Tables

MORE = """
create table rows.event (
    event_no bigint generated always as identity primary key,
    token uuid unique default gen_random_uuid(),
    item integer references rows.item,
    at date,
    price numeric,
    unique (item, at)
);
create table rows.nested (id integer primary key, item integer references rows.leaf on delete cascade);
create table rows.listed (id integer primary key, item integer references rows.leaf);
create table rows.guarded (id integer primary key, item integer);
alter table rows.guarded enable row level security;
create policy guarded on rows.guarded using (item in (select id from rows.item));
create table rows.label (label text primary key);
create table rows.labelled (label varchar(5) primary key references rows.label);
create schema other;
create table other.twin (id integer);
create table rows.twin (id integer);
"""
VARIABLES = ["p_id", "p_code", "p_other", "p_row", "v_n", "n", "twin"]


@pytest.fixture(scope="module")
def tables(server: BackgroundServer) -> Iterator[Tables]:
    name = server.run(server.server.create_database("reach"))

    async def read() -> Tables:
        connection: asyncpg.Connection = await server.server.connect(name)
        try:
            await connection.execute((SPECIMENS / "rows" / "rows.sql").read_text() + MORE)
            return await Tables.of(connection, SYSTEM_SCHEMAS)
        finally:
            await connection.close()

    yield server.run(read())
    server.run(server.server.drop_database(name))


def told(reach: Reach | None, tables: Tables) -> set[str]:
    """Return "use table (column = expression, ...)" of each access; new keys behind "new"."""
    names = {table.oid: name for (_, name), table in tables.by_name.items()}
    found = set()
    for access in reach.accesses if reach else ():
        keys = [f"{column} = {reach.expressions[at]}" for column, at in access.keys]  # type: ignore[union-attr]
        said = f"{access.use.name.lower()} {names[access.table]} ({', '.join(sorted(keys))})"
        if access.use is Use.ADD:
            new = sorted("+".join(sorted(each)) or "?" for each in access.uniques)
            said += f" new {' '.join(new)}" if new else ""
            said += " drawn" if access.drawn else ""
        found.add(said.replace('"', ""))
    return found


SAID = {
    "a read": ("select n from rows.item where id = p_id", {"read item (id = p_id)"}),
    "a read, the other way round": (
        "perform 1 from rows.item where p_id = id",
        {"read item (id = p_id)"},
    ),
    "its alias": ("select n from rows.item as i where i.id = p_id", {"read item (id = p_id)"}),
    "a name without its schema": (
        "select n from item where item.id = p_id",
        {"read item (id = p_id)"},
    ),
    "a record's field": (
        "select n from rows.item where id = p_row.id",
        {"read item (id = p_row.id)"},
    ),
    "two columns": (
        "select n from rows.pair where a = p_id and (b = p_other and n > 0)",
        {"read pair (a = p_id, b = p_other)"},
    ),
    "where it goes": (
        "select n into strict v_n from rows.item where id = p_id",
        {"read item (id = p_id)"},
    ),
    "where it goes, at the end": (
        "select n, code from rows.item where id = p_id for update into p_row.n, v_n",
        {"read item (id = p_id)"},
    ),
    "an assignment": (
        "v_n := (select n from rows.item where id = p_id)",
        {"read item (id = p_id)"},
    ),
    "an assignment to a field": (
        "p_row.n = (select n from rows.item where id = p_id)",
        {"read item (id = p_id)"},
    ),
    "an assignment to an element": (
        "v_list[1] := (select n from rows.item where id = p_id)",
        {"read item (id = p_id)"},
    ),
    "a condition": ("if exists (select from rows.item where id = p_id)", {"read item (id = p_id)"}),
    "another condition": (
        "elsif (select n from rows.item where id = p_id) > 1",
        {"read item (id = p_id)"},
    ),
    "a loop's condition": (
        "while (select n from rows.item where id = p_id) > 1",
        {"read item (id = p_id)"},
    ),
    "a loop": ("for v in select * from rows.item where id = p_id", {"read item (id = p_id)"}),
    "a return": ("return (select n from rows.item where id = p_id)", {"read item (id = p_id)"}),
    "a query returned": (
        "return query select n from rows.item where id = p_id",
        {"read item (id = p_id)"},
    ),
    "a join": (
        "select 1 from rows.child as c join rows.parent as p on p.id = c.parent where c.parent = p_id",
        {"read child (parent = p_id)", "read parent (id = p_id)"},
    ),
    "a join by its condition": (
        "select 1 from rows.child as c inner join rows.parent as p on p.id = c.parent and c.id = p_id",
        {"read child (id = p_id)", "read parent ()"},
    ),
    "a subquery": (
        "select 1 from rows.item where id = p_id and exists (select from rows.child where parent = p_other)",
        {"read item (id = p_id)", "read child (parent = p_other)"},
    ),
    "an update": ("update rows.item set n = 1 where id = p_id", {"update item (id = p_id)"}),
    "an update of a key": (
        "update rows.item set code = p_code where id = p_id",
        {"add item (id = p_id) new code"},
    ),
    "an update of what a partial index asks": (
        "update rows.item set active = true where id = p_id",
        {"add item (id = p_id) new owner"},
    ),
    "an update of a computed key": (
        "update rows.named set name = p_code where id = p_id",
        {"add named (id = p_id) new ?"},
    ),
    "an update of part of a key": (
        "update rows.pair set b = p_other where a = p_id and b = v_n",
        {"add pair (a = p_id) new a+b"},
    ),
    "an update from another table": (
        "update rows.child as c set n = p.n from rows.parent as p where p.id = c.parent and p.id = p_id",
        {"update child (parent = p_id)", "read parent (id = p_id)"},
    ),
    "an update of what refers": (
        "update rows.child set parent = p_other where id = p_id",
        {"update child (id = p_id)", "share parent (id = p_other)"},
    ),
    "an update of what is referred to": (
        "update rows.parent set code = v_n where id = p_id",
        {"add parent (id = p_id) new code", "add by_code () new ?"},
    ),
    "a delete": (
        "delete from rows.child where id = p_id",
        {"delete child (id = p_id)"},
    ),
    "a delete of what is referred to": (
        "delete from rows.parent where id = p_id",
        {
            "delete parent (id = p_id)",
            "add child () new ?",
            "add by_code () new ?",
            "add by_domain () new ?",
        },
    ),
    "an insert": (
        "insert into rows.pair (a, b) values (p_id, p_other)",
        {"add pair (a = p_id, b = p_other) new a+b"},
    ),
    "an insert that returns": (
        "insert into rows.pair (a, b) values (p_id, 1) returning a into v_n",
        {"add pair (a = p_id, b = 1) new a+b"},
    ),
    "an insert by the table's order": (
        "insert into rows.pair values (p_id, p_other)",
        {"add pair (a = p_id, b = p_other) new a+b"},
    ),
    "an insert of several rows": (
        "insert into rows.pair (a, b) values (p_id, 1), (p_other, 2)",
        {"add pair (a = p_id, b = 1) new a+b", "add pair (a = p_other, b = 2) new a+b"},
    ),
    "an insert of what is read": (
        "insert into rows.pair (a, b) select p_id, n from rows.item where id = p_other",
        {"add pair (a = p_id) new a+b", "read item (id = p_other)"},
    ),
    "an insert of what refers": (
        "insert into rows.child values (p_id, p_other)",
        {"add child (id = p_id, parent = p_other) new id", "share parent (id = p_other)"},
    ),
    "an insert of what refers by a value that is cut": (
        "insert into rows.labelled values (p_code)",
        {"add labelled () new label", "share label ()"},
    ),
    "a default that is asked for": (
        "insert into rows.event (event_no, item) values (default, null)",
        {"add event () new event_no drawn"},
    ),
    "a key that is null": (
        "insert into rows.child (id, parent) values (p_id, null)",
        {"add child (id = p_id) new id"},
    ),
    "keys that are drawn": (
        "insert into rows.event (item) values (p_id)",
        {"add event (item = p_id) drawn", "share item (id = p_id)"},
    ),
    "nulls that are one": (
        "insert into rows.spot (id) values (p_id)",
        {"add spot (id = p_id) new id x+y"},
    ),
    "a conflict": (
        "insert into rows.child (id) values (p_id) on conflict do nothing",
        {"add child (id = p_id) new id"},
    ),
    "a conflict in two keys": (
        "insert into rows.item (id, code) values (p_id, p_code) on conflict do nothing",
        {"add item () new code id"},
    ),
    "a conflict that updates": (
        "insert into rows.item (id) values (p_id) on conflict (id) do update set code = p_code",
        {"add item (id = p_id) new code id"},
    ),
    "a conflict that updates what refers": (
        "insert into rows.child (id) values (p_id) on conflict (id) do update set parent = p_other",
        {"add child (id = p_id) new id", "share parent ()"},
    ),
    "a writing common table expression": (
        "with moved as (delete from rows.child where id = p_id returning n)"
        " insert into rows.pair (a, b) select p_id, n from moved",
        {"delete child (id = p_id)", "add pair (a = p_id) new a+b"},
    ),
}

# No row is told from others, though some words are the same.
UNSAID = {
    "a text, whatever it may be": "select n from rows.item where id = '1'",
    "another comparison": "select n from rows.item where id >= p_id",
    "one of two": "select n from rows.item where id = p_id or n = 1",
    "its contrary": "select n from rows.item where not id = p_id",
    "an expression": "select n from rows.item where id = p_id + 1",
    "an operator of one's own": "select n from rows.item where id operator(rows.=) p_id",
    "a column of the same name as the variable": "select 1 from rows.item where id = n",
    "a column of an outer query": (
        "select (select max(p.b) from rows.pair as p where p.a = n) from rows.item"
    ),
    "a variable that is the name of a relation": "select 1 from rows.item as p_row where id = p_row.id",
    "the condition of an outer join": (
        "select 1 from rows.item left join rows.pair on pair.b = item.n and item.id = p_id"
    ),
    "a condition on groups": "select owner from rows.item group by owner having owner = p_id",
    "a generated column": "select 1 from rows.doubled where twice = p_id",
    "a common table expression, where its reader's names aren't known": (
        "with c as (select * from rows.child where id = p_id) select 1 from c where c.n = p_other"
    ),
    "a number with fractions": "select 1 from rows.event where price = p_id",
    "a text of limited length": "select 1 from rows.short where code = p_code",
    "a column that is set": "update rows.item set owner = 1 where owner = p_id",
    "a row's columns": "insert into rows.pair values (p_row.*)",
    "another row's columns": "insert into rows.pair select * from rows.source where a > 1",
    "a composite value": "insert into rows.pair select (p_row).*",
    "a union": "insert into rows.pair (a, b) select p_id, 1 union all select p_other, 2",
    "a whole table": "insert into rows.pair table rows.source",
    "a key that a trigger sets": "insert into rows.forced (id) values (p_id)",
}

# Nobody can tell what these touch.
OPAQUE = {
    "a view": "select 1 from rows.some_items where id = p_id",
    "a table with children": "update rows.base set n = 1 where id = p_id",
    "a child": "update rows.derived set n = 1 where id = p_id",
    "a partitioned table": "update rows.range set n = 1 where id = p_id",
    "a partition": "update rows.low set n = 1 where id = p_id",
    "a table with a rule": "insert into rows.ruled values (p_id)",
    "a policy with a query": "select 1 from rows.guarded where id = p_id",
    "a table that isn't there": "select 1 from rows.nothing where id = p_id",
    "one of two tables": "select 1 from twin where id = p_id",
    "a catalog": "select 1 from pg_class where oid = p_id",
    "a touching function": "select rows.pay(p_id) from rows.item where id = p_id",
    "a touching builtin": "select pg_advisory_xact_lock(p_id) from rows.item where id = p_id",
    "SQL that is put together": "execute 'delete from rows.item where id = $1' using p_id",
    "a query that is put together": "return query execute 'select 1' using p_id",
    "a CASE": "case (select n from rows.item where id = p_id)",
    "a MERGE": "merge into rows.item using rows.pair on a = id when matched then delete",
    "columns under other names": "select 1 from rows.item as x (n, id) where x.id = p_id",
    "a table's name for something else": (
        "with item as (select 1 as id) select 1 from item where id = p_id"
    ),
    "a sample": "select 1 from rows.item tablesample system (10) where id = p_id",
    "a key that is drawn all the same": (
        "insert into rows.event (event_no) overriding user value values (p_id)"
    ),
    "children that get a default": "delete from rows.owner where id = p_id",
    "children with children": "delete from rows.root where id = p_id",
    "a table that refers to itself": "delete from rows.tree where id = p_id",
    "the clock": "update rows.item set n = extract(year from clock_timestamp()) where id = p_id",
    "a comment": "select 1 from rows.item where id = p_id -- and n = 1",
    "a table that is made": "create temporary table x as select id from rows.item where id = p_id",
    "a table that is made, with names alone": "create temporary table x as select a from pair where a = p_id",
    "a range": "for i in 1..(select n from rows.item where id = p_id)",
    "a cursor": "for v in v_cursor",
    "an element by a query": "v_list[(select n from rows.item)] := 1",
    "no statement at all": "where id = p_id",
}


@pytest.mark.parametrize(("text", "expected"), SAID.values(), ids=SAID.keys())
def test_a_statement_says_which_rows_it_touches(
    tables: Tables, text: str, expected: set[str]
) -> None:
    assert told(reach_of(text, tables, Callees(), VARIABLES), tables) == expected


@pytest.mark.parametrize("text", UNSAID.values(), ids=UNSAID.keys())
def test_what_only_looks_like_a_key_is_none(tables: Tables, text: str) -> None:
    reach = reach_of(text, tables, Callees(), VARIABLES)
    assert reach and reach.accesses
    assert not any(access.keys for access in reach.accesses)
    assert reach.expressions == ()


@pytest.mark.parametrize("name", [name for name, text in UNSAID.items() if "insert" in text])
def test_a_row_of_which_nothing_is_known_may_have_any_key(tables: Tables, name: str) -> None:
    reach = reach_of(UNSAID[name], tables, Callees(), VARIABLES)
    added = [access for access in reach.accesses if access.use is Use.ADD] if reach else []
    assert [access.uniques for access in added] == [ANYTHING]


@pytest.mark.parametrize("text", OPAQUE.values(), ids=OPAQUE.keys())
def test_what_may_touch_more_than_it_says_isnt_described(tables: Tables, text: str) -> None:
    callees = Callees(touching=frozenset({"pay"}))
    assert reach_of(text, tables, callees, VARIABLES) is None


def test_where_functions_are_called_unseen_nothing_is_described(tables: Tables) -> None:
    text = "select n from rows.item where id = p_id"
    assert reach_of(text, tables, Callees(), VARIABLES)
    assert reach_of(text, tables, Callees(hidden=True), VARIABLES) is None


def test_a_policy_doesnt_hold_for_the_tables_owner(tables: Tables) -> None:
    text = "select item from rows.guarded where id = p_id"
    owner = tables.by_name["rows", "guarded"].owner
    assert owner
    reach = reach_of(text, tables, Callees(), VARIABLES, owner)
    assert told(reach, tables) == {"read guarded (id = p_id)"}
    assert reach_of(text, tables, Callees(), VARIABLES, owner + 1) is None


def test_a_column_that_isnt_there_is_the_servers_to_refuse(tables: Tables) -> None:
    reach = reach_of(
        "insert into rows.item (id, gone) values (p_id, p_id)", tables, Callees(), VARIABLES
    )
    assert told(reach, tables) == {"add item (id = p_id) new id"}


def step(number: int, text: str, tables: Tables) -> Step:
    reach = reach_of(text, tables, Callees(), VARIABLES)
    return Step(number, "rows.f", number, text, "statement", reach)


def test_a_loop_may_read_on_in_any_step(tables: Tables) -> None:
    texts = [
        "for v in select * from rows.item where owner = p_id",
        "update rows.item set n = 1 where id = p_id",
        "update rows.child set n = 1 where id = p_id",
    ]
    steps = told_apart({number: step(number, text, tables) for number, text in enumerate(texts, 1)})
    assert told(steps[2].reach, tables) == {"add item () new ?"}
    assert told(steps[3].reach, tables) >= {"update child (id = p_id)"}


@pytest.mark.parametrize("loop", ["for v in execute p_code", "<<outer>> for v in v_cursor"])
def test_a_loop_of_which_nothing_is_known_reads_anywhere(tables: Tables, loop: str) -> None:
    text = "update rows.item set n = 1 where id = p_id"
    steps = told_apart({1: step(1, loop, tables), 2: step(2, text, tables)})
    assert steps[2].reach is None


def test_a_loop_of_a_clients_block_reads_on_in_any_step_too() -> None:
    block = "do $$ begin for v in select 1 loop perform rows.f(v); end loop; end $$"
    assert Instrumented().reads_on(block)
    assert not Instrumented().reads_on("do $$ begin perform rows.f(1); end $$")
    assert not Instrumented().reads_on("select 1 from rows.item for update")
