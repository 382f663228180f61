"""One function with a guard of every kind: each is taken away, and the check that needs it notices."""

from __future__ import annotations

import pytest
from explorer_ground import write_target

from crossfoot.background import BackgroundServer
from crossfoot.mutate.mutate import Choice, Mutation
from crossfoot.results import Kill
from crossfoot.stages import Plan
from crossfoot.target import load_target
from crossfoot.workbench import Workbench

BOOTH = """
create schema shop;
create table shop.ticket (
    id integer primary key,
    status text not null,
    uses integer not null default 0,
    constraint status_known check (status in ('open', 'used', 'gone'))
);
create table shop.scan (
    id bigint generated always as identity primary key,
    gate text,
    constraint scan_once unique (gate)
);
insert into shop.ticket (id, status) values (1, 'open'), (2, 'gone');
create function shop.admit() returns text language plpgsql as $$
declare
    v_status text;
begin
    select t.status into v_status from shop.ticket as t where t.id = 1;
    if v_status = 'used' then
        return 'used';
    end if;
    select t.status into v_status from shop.ticket as t where t.id = 1 for no key update;
    if v_status is distinct from 'open' then
        return 'used';
    end if;
    update shop.ticket as t set status = 'used', uses = t.uses + 1 where t.id = 1;
    insert into shop.scan (gate) values ('north') on conflict (gate) do nothing;
    return 'welcome';
end $$;
create function shop.cancel() returns void language plpgsql as $$
declare
    v_rows integer;
begin
    update shop.ticket as t set status = 'gone' where t.id = 1 and t.status = 'open';
    get diagnostics v_rows = row_count;
    if v_rows <> 1 then
        raise exception 'NOT OPEN';
    end if;
end $$;
create function shop.reopen() returns void language plpgsql as $$
begin
    update shop.ticket as t set status = 'open', uses = 0 where t.id = 1;
end $$;
"""
CONTRACT = """-- title: A ticket admits once, and only an open one is cancelled
--
-- As the gate knows it.

-- @call admit
-- @expect ok admit=welcome
select shop.admit();
-- @call cancel
-- @expect refused P0001 NOT OPEN
select shop.cancel();
-- @call reopen
select shop.reopen();
-- @call admit
-- @expect ok admit=welcome
select shop.admit();
-- @check The other ticket was left alone, and no gate is there twice
select bool_and(t.status = 'gone' and t.uses = 0) from shop.ticket as t where t.id = 2;
-- @expect error 23505 *
insert into shop.scan (gate) values ('north');
-- @expect error 23514 *
update shop.ticket set status = 'lost' where id = 2;
"""
RACE = """-- title: Two gates admit one ticket
-- expect: exactly 1 ok in admit
-- @session north
-- @call admit
select shop.admit();
-- @session south
-- @call admit
select shop.admit();
"""
CONTRACT_KILLS, RACE_KILLS = "contract admits_once", "race admitted_twice"
KINDS = {
    "for no key update": ("row lock", RACE_KILLS),
    "if v_status is distinct from 'open'": ("branch", RACE_KILLS),  # the second look
    "if v_rows <> 1": ("branch", CONTRACT_KILLS),  # how many rows were hit
    "where t.status = 'open'": ("where", CONTRACT_KILLS),
    "on conflict (gate) do nothing": ("on conflict", CONTRACT_KILLS),
    "check status_known": ("check", CONTRACT_KILLS),
    "unique scan_once": ("unique", CONTRACT_KILLS),
}
FIRST_LOOK = "if v_status = 'used'"
KEYS = ["primary key ticket_pkey", "primary key scan_pkey"]


@pytest.fixture(scope="module")
def kills(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kill]:
    """What became of each guard, by its name without file and line."""
    folder = tmp_path_factory.mktemp("kinds")
    refused = 'refused = ["result.admit = used"]'
    target = write_target(folder, BOOTH, {"cancel": "P0001 NOT OPEN", "reopen": ""})
    with target.open("a") as file:
        file.write(f'[operations.admit]\ncall = "select shop.admit()"\n{refused}\n')
    for kind, name, text in (
        ("contract", "admits_once", CONTRACT),
        ("race", "admitted_twice", RACE),
    ):
        path = folder / "scenarios" / f"{kind}s" / "shop" / f"{name}.{kind}.sql"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    async def run() -> list[Kill]:
        bench = Workbench(server.server)
        work = Mutation(bench, Plan(schedules=200, first=True, arenas=1, replays=0), folder)
        async with bench.as_written(load_target(target)) as form:
            chosen = Choice([f"* {guard}" for guard in (*KINDS, FIRST_LOOK, *KEYS)])
            return (await work.run(form, chosen))[0]

    return {kill.variant.partition(" ")[2]: kill for kill in server.run(run())}


@pytest.mark.parametrize(("guard", "expected"), KINDS.items())
def test_a_guard_of_each_kind_is_missed(
    kills: dict[str, Kill], guard: str, expected: tuple[str, str]
) -> None:
    kind, by = expected
    kill = kills[guard]
    assert (kill.mistake, kill.fate, kill.caught_by) == (kind, "killed", [by])


def test_a_first_look_that_a_second_one_repeats_is_equivalent(kills: dict[str, Kill]) -> None:
    kill = kills[FIRST_LOOK]
    assert kill.fate == "equivalent"
    assert "something else stands behind it" in kill.reason


@pytest.mark.parametrize("guard", KEYS)
def test_keys_that_nobody_runs_into_are_taken_away_together(
    kills: dict[str, Kill], guard: str
) -> None:
    assert kills[guard].fate == "equivalent"
    assert kills[guard].reason.endswith("without it and 1 other at once")
