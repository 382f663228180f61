"""Where rows are said to be apart, all orders show no outcome that the reduced ones don't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.explorer.outcomes import Masks, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace

SETUP = """
insert into rows.item (id, code, owner, n) values (1, 'a', 2, 1), (2, 'z', 7, 2), (4, null, 7, 3);
insert into rows.pair values (1, 3), (2, 3);
insert into rows.source values (1, 4, 0), (2, 5, 0);
insert into rows.named values (1, 'ann'), (2, 'bob');
insert into rows.doubled (id, base) values (1, 1), (2, 2);
insert into rows.day values (1, '2026-02-01');
insert into rows.parent values (1, 1), (2, 2), (5, 5);
insert into rows.child values (1, 1);
insert into rows.owner values (0), (1);
insert into rows.thing values (1, 1);
insert into rows.root values (1), (2);
insert into rows.leaf values (1, 1), (2, 2);
insert into rows.tree values (1), (2);
insert into rows.returned values (1);
insert into rows.derived values (1);
insert into rows.range values (1);
"""
Outcome = tuple[Shape, frozenset[int]] | str

# What was taken for apart once, or might be: the rows meet where nothing in the text says so.
PAIRS = {
    "another unique key": ("add_item(5, 'b')", "add_item(6, 'b')"),
    "another unique key than the one updated by": ("recode(1, 'b')", "recode(2, 'b')"),
    "a key that is given up": ("add_item(5, 'a')", "recode(1, 'b')"),
    "a key whose row is deleted": ("add_item(5, 'a')", "drop_item(1)"),
    "a key whose row is counted": ("add_item(5, 'a')", "count_item(1)"),
    "a partial unique index, by its condition": ("activate(2)", "activate(4)"),
    "a partial unique index, by its key": ("add_active(5, 9)", "give(2, 9)"),
    "a row that enters a partial unique index": ("add_active(5, 7)", "activate(2)"),
    "a computed unique key": ("add_named(5, 'Bo')", "rename(1, 'bo')"),
    "a key that is cut to its length": ("add_short(1, 'abc ')", "add_short(2, 'abc')"),
    "nulls that are one": ("add_spot(1, 3)", "add_spot(2, 3)"),
    "nulls that are one, in both columns": ("add_spot(1, null)", "add_spot(2, null)"),
    "an insert of a union": ("add_two(5, 6)", "add_two(6, 7)"),
    "an insert of a whole row": ("add_row(1, 2)", "add_row(1, 2)"),
    "an insert of all columns": ("add_from(1)", "add_pair(1, 4)"),
    "an update that moves part of a key": ("move_pair(1, 3, 4)", "add_pair(1, 4)"),
    "a row that moves to where another one looks": ("move_pair(1, 3, 4)", "see_pair(1, 4)"),
    "a conflict's update of another key": ("put_item(1, 'b')", "put_item(2, 'b')"),
    "a conflict's update, and an insert": ("put_item(1, 'b')", "add_item(5, 'b')"),
    "a conflict that does nothing": ("try_item(5, 'b')", "try_item(6, 'b')"),
    "a conflict that is caught": ("catch_item(5)", "catch_item(5)"),
    "a generated column": ("set_base(2, 5)", "count_twice(10)"),
    "a generated column, both ways": ("set_base(2, 2)", "set_base(4, 1)"),
    "a date that is told otherwise": (
        "count_day('2026-02-01')",
        "count_day_told_otherwise('2026-02-01')",
    ),
    "columns under other names": ("see_renamed(7)", "give(1, 7)"),
    "a variable that hides another one": ("shadowed(1, 2)", "count_item(2)"),
    "a value that was another row's": ("by_owner(1)", "count_item(2)"),
    "a value that changes": ("by_owner(1)", "give(1, 4)"),
    "a null": ("count_item(null)", "count_item(1)"),
    "a row that is given to whom another one asks for": ("give(1, 7)", "see_owner(7)"),
    "a row that is taken from whom another one asks for": ("give(2, 1)", "see_owner(7)"),
    "a row that is added for whom another one asks for": ("add_active(5, 7)", "see_owner(7)"),
    "a row by its other key": ("see_code('b')", "recode(1, 'b')"),
    "the first that is free": ("take_item()", "take_item()"),
    "the first that is free, and a row": ("take_item()", "count_item(1)"),
    "a row that is skipped if it is locked": ("skip_item(1)", "count_two(1, 2)"),
    "a common table expression that writes": ("moved_on(1, 7)", "count_item(4)"),
    "what a block takes back": ("rolled_back(1, 2)", "count_item(1)"),
    "conditions": ("either(1, 2)", "count_item(2)"),
    "a table made of rows that it locks": ("copied(2, 1)", "count_item(1)"),
    "a join": ("joined(1)", "count_item(2)"),
    "a join that isn't an inner one": ("maybe_joined(1)", "give(2, 1)"),
    "a deadlock": ("count_two(1, 2)", "count_two(2, 1)"),
    "a parent that is locked": ("add_child(5, 2)", "lock_parent(2)"),
    "a parent that is locked weakly": ("add_child(5, 2)", "lock_weakly(2)"),
    "a parent that is counted": ("add_child(5, 2)", "count_parent(2)"),
    "a parent that is deleted": ("add_child(5, 2)", "drop_parent(2)"),
    "a parent that gets another key": ("add_child(5, 2)", "rekey_parent(2, 3)"),
    "a parent that gets the key": ("add_child(5, 3)", "rekey_parent(2, 3)"),
    "a parent that is added": ("add_child(5, 3)", "add_parent(3, 3)"),
    "a parent by its other key": ("add_by_code(1, 2)", "recode_parent(2, 6)"),
    "a parent by a domain's default": ("add_by_domain(1)", "lock_parent(5)"),
    "a parent whose child moves away": ("move_child(1, 2)", "drop_parent(1)"),
    "children that move": ("move_child(1, 2)", "see_children(1)"),
    "a conflict's update of the parent": ("put_child(1, 1, 2)", "lock_parent(2)"),
    "children that get a default parent": ("drop_owner(1)", "lock_owner(0)"),
    "children that are deleted too": ("drop_root(1)", "count_leaf(1)"),
    "a child that is added as its parent goes": ("drop_root(2)", "add_leaf(5, 2)"),
    "a parent in the same table": ("add_tree(5, 1)", "fell_tree(1)"),
    "parents of each other": ("hang_tree(1, 2)", "hang_tree(2, 1)"),
    "a key that a trigger sets": ("add_forced(1, 1)", "add_forced(2, 2)"),
    "a value that a trigger sets": ("add_forced(1, 1)", "see_forced(5)"),
    "a row that a trigger counts": ("add_counted(1, 1)", "count_item(1)"),
    "rows that two triggers count": ("add_counted(1, 1)", "add_counted(2, 1)"),
    "what a trigger's return reads": ("add_returned(7)", "see_returned(2)"),
    "a view": ("count_some(1)", "count_item(1)"),
    "an inherited table": ("count_base(1)", "count_derived(1)"),
    "a partition": ("move_range(1, 11)", "see_high(11)"),
    "a rule": ("add_ruled(7)", "count_item(1)"),
}
THREE = {
    "who came last": ("add_entry(1, 10)", "add_entry(1, 20)", "see_last(1)"),
    "two rows and both": ("count_item(1)", "count_item(2)", "count_two(1, 2)"),
    "a parent, counted and locked": ("add_child(5, 2)", "count_parent(2)", "lock_parent(2)"),
    "two keys and a reader": ("recode(1, 'b')", "recode(2, 'b')", "see_code('b')"),
    "a key that goes from row to row": ("recode(1, 'b')", "add_item(5, 'a')", "see_item(1)"),
    "two owners and who counts": ("give(1, 7)", "give(2, 1)", "see_owner(7)"),
}
# What has nothing to do with each other: one order of it is enough.
APART = [
    ("count_item(1)", "count_item(2)"),
    ("count_item(1)", "see_item(2)"),
    ("drop_item(1)", "lock_item(2)"),
    ("add_pair(1, 5)", "add_pair(1, 6)"),
    ("add_pair(1, 5)", "count_pair(1, 3)"),
    ("add_child(5, 2)", "count_parent(2)"),
    ("add_child(5, 2)", "lock_parent(1)"),
    ("add_child(5, 2)", "add_child(6, 2)"),
    ("add_named(5, 'cy')", "count_item(1)"),
    ("count_two(1, 2)", "count_item(4)"),
]


@pytest.fixture(scope="module")
def plots(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("rows")
    with ground_of(server, SPECIMENS / "rows" / "target.toml", folder) as ground:
        yield ground


def race_of(ground: Ground, calls: Sequence[str], setup: str = SETUP) -> Race:
    sent = (call if " " in call.split("(")[0] else f"select rows.{call};" for call in calls)
    return ground.race(*sent, setup=setup)


def outcomes(traces: Sequence[Trace], race: Race) -> set[Outcome]:
    """Return how schedules ended, and who waited; what follows a deadlock is up to PostgreSQL."""
    masks, whole = Masks(race), [len(session.transactions) for session in race.sessions]
    found: set[Outcome] = set()
    for trace in traces:
        waited = frozenset(event.session for event in trace.events if event.kind == "wait")
        shape = masks.shape(trace, race, whole)
        found.add("deadlock" if trace.deadlocked else (shape, waited))
    return found


def both_ways(ground: Ground, race: Race) -> tuple[int, int]:
    """Compare the outcomes of the reduced orders with those of all; return how many there are."""
    few, every = ground.every_trace(race), ground.every_trace(race, reduce=False)
    assert outcomes(few, race) == outcomes(every, race)
    return len(few), len(outcomes(every, race))


@pytest.mark.parametrize("calls", PAIRS.values(), ids=PAIRS.keys())
def test_two_calls_show_what_all_their_orders_show(plots: Ground, calls: tuple[str, str]) -> None:
    for each in {calls, calls[::-1]}:
        both_ways(plots, race_of(plots, each))


def test_most_of_these_pairs_have_several_outcomes(plots: Ground) -> None:
    """Others would be equal without a look at any order but one."""
    several = [
        name
        for name, calls in PAIRS.items()
        if len(outcomes(plots.every_trace(race := race_of(plots, calls)), race)) > 1
    ]
    assert len(several) > 0.8 * len(PAIRS), PAIRS.keys() - several


@pytest.mark.parametrize("calls", THREE.values(), ids=THREE.keys())
def test_three_calls_show_what_all_their_orders_show(
    plots: Ground, calls: tuple[str, str, str]
) -> None:
    both_ways(plots, race_of(plots, calls))


def test_numbers_show_in_which_order_rows_were_added(plots: Ground) -> None:
    state = "select n from rows.entry order by entry_no limit 1;"
    calls = ("select rows.add_entry(1, 10);", "select rows.add_entry(2, 20);")
    race = plots.race(*calls, state=state)
    _, every = both_ways(plots, race)
    assert every == 2


@pytest.mark.parametrize("calls", APART, ids=" ".join)
def test_calls_whose_rows_are_apart_need_one_order(plots: Ground, calls: tuple[str, str]) -> None:
    race = race_of(plots, calls)
    assert both_ways(plots, race) == (1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into rows.item (id) values (rows.read_then(1, 5));",
        "insert into rows.item (id) select rows.read_then(1, 5);",
        "delete from rows.item where id = 4 and rows.read_then(1, 4) = 4;",
        "update rows.item set n = rows.read_then(1, 5) where id = 2;",
    ],
)
def test_a_clients_statement_touches_more_than_the_function_that_it_calls(
    plots: Ground, statement: str
) -> None:
    for call in ("see_item(5)", "add_item(5, null)", "count_two(4, 2)"):
        both_ways(plots, race_of(plots, (statement, call)))


TWO_TABLES = """
create schema rows;
create table rows.item (id integer primary key, n integer not null);
create table rows.sum (id integer primary key, n integer not null default 0);
create function rows.put(p_id integer, p_n integer) returns void language plpgsql as $$
begin
    update rows.item set n = p_n where id = p_id;
end
$$;
"""
TOTAL = """
create function rows.total() returns integer stable language plpgsql as $$
begin
    return (select sum(n) from rows.item);
end
$$;
create function rows.note(p_id integer) returns void language plpgsql as $$
begin
    insert into rows.sum (id) select p_id where exists (select from rows.item where id = p_id);
end
$$;
"""
BEHIND = {
    "a default that reads": f"{TOTAL} alter table rows.sum alter n set default rows.total();",
    "a check that reads": f"{TOTAL} alter table rows.sum add check (rows.total() < 30);",
    "a loop that reads on": """
        create function rows.note(p_id integer) returns void language plpgsql as $$
        declare
            v_item record;
        begin
            for v_item in select n from rows.item where n > 0 order by id for update loop
                insert into rows.sum values (p_id, v_item.n)
                on conflict (id) do update set n = sum.n + excluded.n;
            end loop;
        end
        $$;""",
    "equality of one's own": """
        create table rows.word (word varchar primary key, n integer not null default 0);
        create function rows.same(one varchar, other varchar) returns boolean
        immutable language sql
        as $$ select lower(one::text) operator(pg_catalog.=) lower(other::text) $$;
        create operator rows.= (leftarg = varchar, rightarg = varchar, function = rows.same);
        create function rows.count_word(p_word varchar) returns void
        language plpgsql set search_path = rows, pg_catalog
        as $$ begin update word set n = n + 1 where word = p_word; end $$;
        create function rows.note(p_id integer) returns void language plpgsql as $$
        begin
            perform rows.count_word(case p_id when 1 then 'a' else 'A' end);
        end
        $$;""",
    "a name that means the variable": """
        create function rows.note(p_id integer) returns void language plpgsql
        set plpgsql.variable_conflict = use_variable as $$
        declare
            id integer := 1;
        begin
            insert into rows.sum select p_id, sum(item.n) from rows.item where id = p_id;
        end
        $$;""",
}


@pytest.mark.parametrize("sql", BEHIND.values(), ids=BEHIND.keys())
def test_what_a_statement_touches_behind_its_text_counts(
    server: BackgroundServer, sql: str, tmp_path: Path
) -> None:
    target = write_target(tmp_path, TWO_TABLES + sql)
    target.write_text(target.read_text().replace('"shop"]', '"rows"]'))
    setup = """
    insert into rows.item select id, 1 from generate_series(1, 12) as id;
    do $$ begin insert into rows.word values ('a'); exception when others then null; end $$;
    """
    with ground_of(server, target, tmp_path) as ground:
        for calls in permutations(("note(1)", "put(2, 50)", "put(12, 60)"), 2):
            both_ways(ground, race_of(ground, calls, setup))
        both_ways(ground, race_of(ground, ("note(1)", "note(2)"), setup))
