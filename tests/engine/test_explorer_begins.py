"""now() is when a transaction began. Where that is compared, every order of beginnings is explored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_ground import Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.explorer.begins import begins_matter
from crossfoot.explorer.trace import Trace
from crossfoot.results import Check
from crossfoot.verdicts import Verdict

# A stamp of now(), and whoever asks whether it lies behind it: in what the text says, or in a variable.
PLAIN = "create schema shop; create table shop.pass (id integer primary key, stamped timestamptz);"
STAMP = """
create function shop.stamp(p integer) returns void language plpgsql as $$
begin
    update shop.pass set stamped = now() where id = p;
end $$;
"""
COMPARED = """
create function shop.valid(p integer) returns boolean language plpgsql as $$
begin
    return exists (select from shop.pass where id = p and stamped <= now());
end $$;
"""
HIDDEN = """
create function shop.valid(p integer) returns boolean language plpgsql as $$
declare
    v_now timestamptz := now();
    v_stamped timestamptz;
begin
    select stamped into v_stamped from shop.pass where id = p;
    return v_stamped <= v_now;
end $$;
"""
CALLS = ("-- @call stamp\nselect shop.stamp(1);", "-- @call valid\nselect shop.valid(1);")
SETUP = "insert into shop.pass values (1, '2001-01-01')"
OPERATIONS = {"stamp": "", "valid": "result.valid = false"}


def ground(server: BackgroundServer, sql: str, folder: Path) -> Iterator[Ground]:
    target = write_target(folder, PLAIN + STAMP + sql, OPERATIONS)
    with ground_of(server, target, folder, arenas=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def compared(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    yield from ground(server, COMPARED, tmp_path_factory.mktemp("compared"))


@pytest.fixture(scope="module")
def hidden(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    yield from ground(server, HIDDEN, tmp_path_factory.mktemp("hidden"))


def wrong(check: Check) -> bool:
    assert check.exploration and check.exploration.complete
    return check.verdict is Verdict.FAIL


def test_who_began_first_and_came_second_is_found(compared: Ground) -> None:
    check = compared.explore(compared.race(*CALLS, setup=SETUP))
    assert wrong(check)
    assert check.findings[0].anomaly == "false refusal"
    assert check.findings[0].confirmed == (10, 10)


def test_the_lanes_tell_who_began_first(compared: Ground) -> None:
    (finding,) = compared.explore(compared.race(*CALLS, setup=SETUP)).findings
    assert finding.lanes
    calls = [step.session for step in finding.lanes.steps if step.kind == "call"]
    ends = [step.session for step in finding.lanes.steps if step.kind == "commit"]
    assert (calls, ends) == (["b", "a"], ["a", "b"])


def test_the_sessions_may_stand_in_either_order(compared: Ground) -> None:
    assert wrong(compared.explore(compared.race(*reversed(CALLS), setup=SETUP)))


def test_a_race_asks_for_it_where_the_text_does_not_show_it(hidden: Ground) -> None:
    assert not wrong(hidden.explore(hidden.race(*CALLS, setup=SETUP)))
    assert wrong(hidden.explore(hidden.race(*CALLS, setup=SETUP, header="begins: explored")))


def test_beginnings_are_strangers_to_all_but_each_other(hidden: Ground) -> None:
    """They are put in every order among themselves, and nowhere else."""
    merged = hidden.every_trace(hidden.race(*CALLS, setup=SETUP))
    explored = hidden.every_trace(hidden.race(*CALLS, setup=SETUP, header="begins: explored"))
    assert len(explored) == 2 * len(merged)
    assert {begun(trace) for trace in merged} == {(0, 1)}
    assert {begun(trace) for trace in explored} == {(0, 1), (1, 0)}


def begun(trace: Trace) -> tuple[int, ...]:
    return tuple(event.session for event in trace.events if event.kind == "call")


@pytest.mark.parametrize(
    ("text", "matters"),
    [
        ("update shop.pass set stamped = now(); select 1 where stamped < now()", True),
        (
            "update shop.pass set stamped = CURRENT_TIMESTAMP; select 1 where now() >= p.stamped",
            True,
        ),
        ("insert into shop.pass (id, stamped) values (1, now()); select stamped > now()", True),
        ("select made <= transaction_timestamp() from shop.made", True),
        ("select due <= now() from shop.made", False),
        ("update shop.pass set stamped = now() + '1 day'; select stamped > now()", False),
        ("update shop.pass set stamped = now(); select stamped > now() - interval '1 day'", False),
        ("update shop.pass set stamped = now(); select stamped > clock_timestamp()", False),
        ("update shop.pass set stamped = now()  -- stamped > now()", False),
        ("update shop.pass set stamped = now(); select due < now()", False),
    ],
)
def test_the_text_shows_where_it_may_matter(
    server: BackgroundServer, text: str, matters: bool
) -> None:
    made = """
    create schema shop;
    create table shop.made (
        made timestamptz default now(), due timestamptz default now() + interval '1 day'
    );
    """
    row = {"language": "sql", "atomic": False, "body": text, "definition": text}

    async def judged() -> bool:
        name = await server.server.create_database("begins")
        connection = await server.server.connect(name)
        try:
            await connection.execute(made)
            return await begins_matter(connection, [row])
        finally:
            await connection.close()
            await server.server.drop_database(name)

    assert server.run(judged()) is matters
