"""Procedures that commit are sent outside of a transaction; each piece that they commit is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_ground import Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.explorer.race import Race
from crossfoot.explorer.serial import SerialOrders
from crossfoot.verdicts import Verdict

SQL = """
create schema shop;
create table shop.t (id integer primary key, n integer not null);
create procedure shop.pay(p integer) language plpgsql as $$
begin
    update shop.t set n = n + 1 where id = p;
    commit;
    update shop.t set n = n + 10 where id = p;
    if (select n from shop.t where id = p) > 100 then
        raise exception 'LATE';
    end if;
end $$;
create procedure shop.pay_all() language plpgsql as $$
declare
    r record;
begin
    for r in select id from shop.t order by id loop
        call shop.pay(r.id);
    end loop;
end $$;
create function shop.seen() returns integer language sql as 'select n from shop.t where id = 1';
create function shop.add(p integer) returns void language sql as 'update shop.t set n = n + p';
"""
PAY, SEEN = "-- @call pay\ncall shop.pay(1);", "-- @call seen\nselect shop.seen();"
ADD = "-- @call add\nselect shop.add(90);"
OPERATIONS = {"pay": "P0001 LATE", "pay_all": "", "seen": "", "add": ""}
LEVELS = ["read committed", "repeatable read", "serializable"]


@pytest.fixture(scope="module")
def shop(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("procedures")
    with ground_of(server, write_target(folder, SQL, OPERATIONS), folder) as ground:
        yield ground


def race(shop: Ground, *sessions: str, header: str = "") -> Race:
    return shop.race(*sessions, setup="insert into shop.t values (1, 0), (2, 0);", header=header)


def serial(shop: Ground, given: Race) -> list[tuple[tuple[int, ...], str | None]]:
    """Return each serial order with what its second session answered."""

    async def all_orders() -> list[tuple[tuple[int, ...], str | None]]:
        await shop.arena.open(len(given.sessions))
        orders = SerialOrders(given)
        found = (await orders.of(orders.whole, shop.arena)).values()
        return [(one.order, one.trace.results[1][0].rows[0][0]) for one in found]

    return sorted(shop.run(all_orders()))


def test_between_two_commits_others_come_in(shop: Ground) -> None:
    assert serial(shop, race(shop, PAY, SEEN)) == [
        ((0, 0, 1), "11"),
        ((0, 1, 0), "1"),
        ((1, 0, 0), "0"),
    ]


def test_a_procedure_that_calls_one_that_commits_is_in_pieces_too(shop: Ground) -> None:
    given = race(shop, "-- @call pay_all\ncall shop.pay_all();", SEEN)
    assert [seen for _, seen in serial(shop, given)] == ["11", "1", "0"]
    check = shop.explore(given)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")


@pytest.mark.parametrize("level", LEVELS)
def test_a_right_procedure_passes_in_every_order(shop: Ground, level: str) -> None:
    check = shop.explore(race(shop, PAY, PAY, header=f"isolation: {level}"))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    assert check.exploration and check.exploration.complete
    assert bool(check.exploration.retryable) == (level != "read committed")


def test_what_was_committed_before_an_error_stays(shop: Ground) -> None:
    check = shop.explore(race(shop, PAY, ADD))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    trace = shop.trace(race(shop, PAY, "select shop.add(100);"), 1, 0, 0, 0, 0, 0)
    (answer,) = trace.results[0]
    assert (answer.sqlstate, answer.message) == ("P0001", "LATE")
    assert ("shop.t", '{"n": 101, "id": 1}') in trace.state


def test_a_do_block_has_steps_and_may_commit(shop: Ground) -> None:
    block = "do $$ begin update shop.t set n = n + 1; {}update shop.t set n = n + 10; end $$;"
    whole, parted = block.format(""), block.format("commit; ")
    for text, seen in ((whole, ["11", "0"]), (parted, ["11", "1", "0"])):
        given = race(shop, text, SEEN)
        assert [answer for _, answer in serial(shop, given)] == seen
        check = shop.explore(given)
        assert (check.verdict, check.reason) == (Verdict.PASS, "")
        assert check.exploration and check.exploration.schedules > 2
    lines = [step.line for step in shop.arena.instrumented.steps.values() if step.function == "DO"]
    assert lines == [1, 1, 1, 1, 1]


def test_within_a_transaction_of_several_calls_a_commit_is_the_error_that_it_is(
    shop: Ground,
) -> None:
    check = shop.explore(race(shop, f"begin;\n{SEEN}\n{PAY}\ncommit;", SEEN))
    assert check.verdict is Verdict.UNKNOWN
    assert "invalid transaction termination" in check.reason
