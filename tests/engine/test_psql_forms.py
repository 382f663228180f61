"""A finding's script stops wherever the explorer did: the n-th time round, in strings, in conditions.

Each script is played with psql, and has to tell each session what the finding says that it was told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from explorer_ground import ground_of, write_target
from psql_player import play

from crossfoot.background import BackgroundServer
from crossfoot.explorer.explore import Bounds
from crossfoot.explorer.programs import ProgramClient, program_race
from crossfoot.results import Finding
from crossfoot.target import load_target
from crossfoot.workbench import Workbench

BOUNDS = Bounds(200, first=True, replays=1)
POTS = """
create schema shop;
create table shop.pot (id integer primary key, n integer not null);
create table shop.note (one integer, two integer);
create function shop.move(p_n integer) returns void language plpgsql as $$
begin
    update shop.pot set n = n - p_n where id = 1;
    update shop.pot set n = n + p_n where id = 2;
end $$;
"""
MOVE = "-- @call move\nselect shop.move(30);"
TOTAL = "-- @call total\nselect shop.total();"
FILL = "insert into shop.pot values (1, 100), (2, 100);"

# Each reads the two pots one after the other, and stops between them.
TOTALS = {
    "the second command of a string": """
        create function shop.total() returns integer language plpgsql as $$
        begin
            execute 'insert into shop.note (one) select n from shop.pot where id = 1;
                update shop.note set two = (select n from shop.pot where id = 2)';
            return (select one + two from shop.note);
        end $$;""",
    "a block in a string": """
        create function shop.total() returns integer language plpgsql as $$
        begin
            execute $do$ do $block$
                begin
                    insert into shop.note (one) select n from shop.pot where id = 1;
                    update shop.note set two = (select n from shop.pot where id = 2);
                end $block$ $do$;
            return (select one + two from shop.note);
        end $$;""",
    "the condition of an elsif": """
        create function shop.total() returns integer language plpgsql as $$
        declare
            v_one integer := 0;
        begin
            select n into v_one from shop.pot where id = 1;
            if v_one < 0 then
                return 0;
            elsif (select n from shop.pot where id = 2) > 100 then
                return v_one + 130;
            else
                return v_one + 100;
            end if;
        end $$;""",
    "the condition of a while": """
        create function shop.total() returns integer language plpgsql as $$
        declare
            v_one integer;
            v_two integer := 0;
        begin
            select n into v_one from shop.pot where id = 1;
            while v_two < (select n from shop.pot where id = 2) loop
                v_two := v_two + 50;
            end loop;
            return v_one + v_two;
        end $$;""",
    "a body without quotes": """
        create function shop.total() returns integer language sql begin atomic
            insert into shop.note (one) select n from shop.pot where id = 1;
            update shop.note set two = (select n from shop.pot where id = 2);
            select one + two from shop.note;
        end;""",
}


def shown(
    server: BackgroundServer,
    sql: str,
    sessions: Sequence[str],
    folder: Path,
    setup: str,
    header: str = "",
) -> Finding:
    """Find a counterexample and play its script; every session is told there what it was told here."""
    names = dict.fromkeys(re.findall(r"-- @call (\w+)", " ".join(sessions)), "P0001 POOR")
    file = write_target(folder, sql, names)
    with ground_of(server, file, folder, arenas=1) as ground:
        (finding,) = ground.explore(ground.race(*sessions, setup=setup, header=header)).findings
    assert finding.script
    form = Workbench(server.server).as_written(load_target(file))
    database = server.run(form.__aenter__()).database
    try:
        said = play(server, database, finding.script)
    finally:
        server.run(form.__aexit__(None, None, None))
    told = re.findall(r"^-- (\w) was told (\w+): (.*)$", finding.script, re.MULTILINE)
    assert len(told) == len(sessions)
    for name, outcome, answer in told:
        printed = "\n".join(said[name.upper()])
        value = answer.rpartition(" ")[2]
        assert (outcome == "ok") is ("ERROR" not in printed), printed
        assert value in {"row", "null"} or value in printed, printed
    return finding


@pytest.mark.parametrize("place", TOTALS)
def test_it_stops_in(server: BackgroundServer, tmp_path: Path, place: str) -> None:
    sql = POTS + TOTALS[place]
    finding = shown(server, sql, [TOTAL, MOVE], tmp_path, setup=FILL)
    assert re.search(r"total = (?!200)\d+", finding.script)
    assert finding.script.count("-- added") == 1


def test_it_stops_in_a_block_that_the_client_sends(
    server: BackgroundServer, tmp_path: Path
) -> None:
    block = """do $$
    begin
        insert into shop.note (one) select n from shop.pot where id = 1;
        update shop.note set two = (select n from shop.pot where id = 2);
    end $$;"""
    finding = shown(server, POTS, [block, MOVE], tmp_path, setup=FILL)
    assert "create function shop" not in finding.script
    assert "    assert by_hand.stop(1);  -- added\n        update" in finding.script


GIVE = """
create schema shop;
create table shop.purse (id integer primary key, n integer not null);
create function shop.give(p_from integer, p_to integer) returns void language plpgsql as $$
declare
    v_id integer;
begin
    foreach v_id in array array[p_from, p_to] loop
        update shop.purse set n = n + case v_id when p_from then -1 else 1 end where id = v_id;
    end loop;
end $$;
"""


def test_it_stops_where_it_passed_before(server: BackgroundServer, tmp_path: Path) -> None:
    calls = [f"-- @call give\nselect shop.give({a}, {b});" for a, b in ((1, 2), (2, 1))]
    file = write_target(tmp_path, GIVE, {"give": ""})
    with ground_of(server, file, tmp_path, arenas=1) as ground:
        race = ground.race(*calls, setup="insert into shop.purse values (1, 5), (2, 5);")
        (finding,) = ground.explore(race).findings
    assert "by_hand.stop(1, 2)" in finding.script
    form = Workbench(server.server).as_written(load_target(file))
    database = server.run(form.__aenter__()).database
    try:
        said = play(server, database, finding.script)
    finally:
        server.run(form.__aexit__(None, None, None))
    failed = [line for letter in "AB" for line in said[letter] if "deadlock detected" in line]
    assert len(failed) == 1


def test_what_is_rolled_back_was_passed_nevertheless(
    server: BackgroundServer, tmp_path: Path
) -> None:
    """The first try takes its update back, and the count of how often it came there stays."""
    spend = """
    create schema shop;
    create table shop.purse (id integer primary key, n integer not null);
    create function shop.spend(p_n integer) returns integer language plpgsql as $$
    declare
        v_n integer;
    begin
        for v_try in 1..2 loop
            begin
                v_n := (select n from shop.purse where id = 1) - p_n;
                update shop.purse set n = v_n where id = 1;
                if v_try = 1 then
                    raise exception 'once more';
                end if;
            exception when raise_exception then
                continue;
            end;
        end loop;
        return v_n;
    end $$;
    """
    calls = [f"-- @call spend\nselect shop.spend({n});" for n in (3, 4)]
    setup = "insert into shop.purse values (1, 50);"
    finding = shown(server, spend, calls, tmp_path, setup=setup)
    assert finding.anomaly == "lost update"
    assert "by_hand.stop(1, 2)" in finding.script
    assert "create temporary sequence arrivals_1; grant" in finding.script


def test_a_snapshot_is_taken_when_the_call_begins(server: BackgroundServer, tmp_path: Path) -> None:
    """At repeatable read a call matters from its beginning, not from its first step on."""
    skew = """
    create schema shop;
    create table shop.purse (id integer primary key, n integer not null);
    create function shop.draw(p_id integer) returns text language plpgsql as $$
    begin
        if (select sum(n) from shop.purse) < 100 then
            raise exception 'POOR';
        end if;
        update shop.purse set n = n - 100 where id = p_id;
        return 'drawn';
    end $$;
    """
    calls = [f"-- @call draw\nselect shop.draw({each});" for each in (1, 2)]
    setup = "insert into shop.purse values (1, 75), (2, 75);"
    level = "isolation: repeatable read"
    finding = shown(server, skew, calls, tmp_path, setup=setup, header=level)
    assert finding.anomaly in {"write skew", "overdraft"}
    assert finding.script.count("begin isolation level repeatable read;") == 2


def test_what_only_holds_in_a_transaction_holds_in_the_set_up(
    server: BackgroundServer, tmp_path: Path
) -> None:
    setup = f"set local search_path = shop; {FILL.replace('shop.', '')}"
    total = TOTALS["the condition of an elsif"]
    shown(server, POTS + total, [TOTAL, MOVE], tmp_path, setup=setup)


def test_a_procedure_that_commits_is_sent_without_a_begin(
    server: BackgroundServer, tmp_path: Path
) -> None:
    procedures = (
        POTS
        + """
    create procedure shop.copy(p_id integer) language plpgsql as $$
    declare
        v_n integer;
    begin
        select n into v_n from shop.pot where id = p_id;
        update shop.pot set n = v_n - 1 where id = p_id;
        commit;
    end $$;
    """
    )
    twice = "-- @call copy\ncall shop.copy(1);\n-- @call copy\ncall shop.copy(2);"
    finding = shown(server, procedures, [twice, MOVE], tmp_path, setup=FILL)
    a = finding.script.partition("-- [A] a gets ready")[2]
    assert "call shop.copy(1);" in a


def test_a_program_whose_values_nobody_knows_has_no_script(
    server: BackgroundServer, tmp_path: Path
) -> None:
    async def spend(connection: object) -> None:
        fetchval = connection.fetchval  # type: ignore[attr-defined]
        n = await fetchval("select n from shop.pot where id = $1", 1)
        await fetchval("update shop.pot set n = $1 where id = 1", n - 1)

    async def explore(bench: Workbench, file: Path) -> Finding:
        race = program_race("spend", [spend, spend], setup=FILL)
        async with (
            bench.as_written(load_target(file)) as form,
            bench.explorer(form, seed=1, bounds=BOUNDS, arenas=1, client=ProgramClient) as explorer,
        ):
            (finding,) = (await explorer.explore(race)).findings
            return finding

    file = write_target(tmp_path, POTS)
    finding = server.run(explore(Workbench(server.server), file))
    assert finding.anomaly == "lost update"
    assert finding.script == ""


def test_the_reader_waits_until_patience_is_lost(server: BackgroundServer, tmp_path: Path) -> None:
    take = """
    create schema shop;
    create table shop.purse (id integer primary key, n integer not null);
    create function shop.take(p_n integer) returns text language plpgsql
    set lock_timeout = '300ms'
    as $$
    begin
        perform from shop.purse where id = 1 for update;
        update shop.purse set n = n - p_n where id = 1;
        return 'taken';
    exception
        when lock_not_available then
            return 'busy';
    end $$;
    """
    calls = [f"-- @call take\nselect shop.take({n});" for n in (3, 4)]
    finding = shown(server, take, calls, tmp_path, setup="insert into shop.purse values (1, 50);")
    assert "-- [B] b: wait until [B] has lost patience, its lock_timeout is 300ms" in finding.script
    assert "was told ok: take = busy" in finding.script


def test_who_begins_first_may_come_second(server: BackgroundServer, tmp_path: Path) -> None:
    stamps = """
    create schema shop;
    create table shop.pass (id integer primary key, stamped timestamptz not null);
    create function shop.stamp() returns void language plpgsql as $$
    begin
        update shop.pass set stamped = now() where id = 1;
    end $$;
    create function shop.valid() returns boolean language plpgsql as $$
    begin
        return exists (select from shop.pass where id = 1 and stamped <= now());
    end $$;
    """
    calls = ["-- @call stamp\nselect shop.stamp();", "-- @call valid\nselect shop.valid()::text;"]
    finding = shown(
        server, stamps, calls, tmp_path, "insert into shop.pass values (1, '2001-01-01');"
    )
    assert "was told ok: valid = false" in finding.script
