"""What would prevent a finding was tried: locks, their order, waiting for them, a constraint, a level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.results import Finding, Remedy

CARDS = SPECIMENS / "gift_cards" / "target.toml"
REDEEM = "-- @call redeem\nselect gift.redeem(:card, 30);"
CARD: dict[str, Any] = {"values": "card uuid", "setup": "select gift.open(:card, 100);"}

SHOP = """
create schema shop;
create table shop.wallet (id integer primary key, cents integer not null);
create table shop.gift (key text not null, wallet integer not null references shop.wallet);
insert into shop.wallet values (1, 50);
create function shop.give(p_key text) returns text language plpgsql as $$
begin
    if exists (select from shop.gift where key = p_key) then
        return 'given before';
    end if;
    insert into shop.gift values (p_key, 1);
    return 'given';
end $$;
create function shop.spend(p_cents integer) returns void language plpgsql as $$
begin
    if (select cents from shop.wallet where id = 1) < p_cents then
        raise exception 'POOR';
    end if;
    update shop.wallet set cents = cents - p_cents where id = 1;
end $$;
create function shop.earn(p_cents integer) returns void language plpgsql as $$
declare
    v_cents integer;
begin
    select last_value(cents) over () into v_cents from shop.wallet where id = 1;
    update shop.wallet set cents = v_cents + p_cents where id = 1;
end $$;
"""


@pytest.fixture(scope="module")
def shop(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("shop")
    target = write_target(folder, SHOP, {"give": "", "spend": "P0001 POOR", "earn": ""})
    with ground_of(server, target, folder, arenas=1) as ground:
        yield ground


@pytest.fixture(scope="module")
def cards(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground_of(server, CARDS, tmp_path_factory.mktemp("cards"), arenas=1) as ground:
        yield ground


def finding(
    ground: Ground, *sessions: str, values: str = "", setup: str = "", header: str = ""
) -> Finding:
    race = ground.race(*sessions, values=values, setup=setup, header=header)
    return ground.explore(race).findings[0]


def remedy(found: Finding, what: str) -> Remedy:
    (one,) = [each for each in found.remedies if each.what == what]
    return one


def test_a_lock_on_the_row_that_was_read_prevents_a_lost_update(cards: Ground) -> None:
    found = finding(cards, REDEEM, REDEEM, **CARD)
    assert "gift.card.balance was 100; the sessions changed it by -30 and -30" in found.explanation
    lock = remedy(found, "for no key update on gift.card")
    assert lock.holds
    assert lock.where == "functions.sql:7"
    assert lock.sql.endswith("where id = p_card for no key update;")
    assert lock.says == "no failure in 4 of 4 schedules; 3 of them wait for a lock"


def test_a_lock_on_the_key_that_the_calls_share_prevents_it_too(cards: Ground) -> None:
    lock = remedy(finding(cards, REDEEM, REDEEM, **CARD), "pg_advisory_xact_lock on :card")
    assert lock.holds
    assert "hashtextextended(p_card::text, 0)" in lock.sql


def test_the_arena_is_as_it_was_after_the_trials(cards: Ground) -> None:
    race = cards.race(REDEEM, REDEEM, **CARD)
    first = cards.explore(race).exploration
    second = cards.explore(race).exploration
    assert first == second
    assert first and first.failing


def test_a_unique_index_on_the_key_prevents_a_gift_given_twice(shop: Ground) -> None:
    give = "-- @call give\nselect shop.give(:key);"
    found = finding(shop, give, give, values="key text")
    assert found.anomaly == "double apply"
    index = remedy(found, "unique index on shop.gift (key)")
    assert index.holds
    assert "end with the constraint's error, which the function has to catch" in index.says


def test_a_check_prevents_an_overdraft(shop: Ground) -> None:
    calls = [f"-- @call spend\nselect shop.spend({cents});" for cents in (30, 40)]
    found = finding(shop, *calls)
    assert found.anomaly == "overdraft"
    assert "went below zero, to -20" in found.explanation
    assert remedy(found, "check (cents >= 0) on shop.wallet").holds


def test_a_lock_that_does_not_help_is_said_not_to(shop: Ground) -> None:
    """The row that isn't there yet can't be locked."""
    give = "-- @call give\nselect shop.give(:key);"
    found = finding(shop, give, give, values="key text")
    assert all(each.holds or "still fails" in each.says for each in found.remedies)
    assert found.remedies == sorted(found.remedies, key=lambda each: not each.holds)


def test_what_would_make_right_calls_fail_is_no_remedy(shop: Ground) -> None:
    """PostgreSQL locks no rows behind a window function: with the lock every call would fail."""
    calls = [f"-- @call earn\nselect shop.earn({cents});" for cents in (30, 40)]
    found = finding(shop, *calls)
    assert found.anomaly == "lost update"
    assert found.remedies == []


# -- deadlocks --------------------------------------------------------------------------------------

QUEUE = """
create schema shop;
create table shop.purse (id uuid primary key, cents integer not null);
create table shop.job (no integer primary key, taken boolean not null default false);
create function shop.pay(p_from uuid, p_to uuid) returns void language plpgsql as $$
begin
    update shop.purse set cents = cents - 1 where id = p_from;
    update shop.purse set cents = cents + 1 where id = p_to;
end $$;
create function shop.pay_all(p_ids uuid[]) returns void language plpgsql as $$
declare
    v_id uuid;
begin
    foreach v_id in array p_ids loop
        update shop.purse set cents = cents + 1 where id = v_id;
    end loop;
end $$;
create function shop.pay_quietly(p_from uuid, p_to uuid) returns text language plpgsql as $$
begin
    perform shop.pay(p_from, p_to);
    return 'yes';
exception when deadlock_detected then
    return 'no';
end $$;
create function shop.pay_in_turn(p_up boolean) returns void language plpgsql as $$
begin
    update shop.purse set cents = cents - 1
    where id = (select case when p_up then min(id::text) else max(id::text) end::uuid from shop.purse);
    update shop.purse set cents = cents + 1
    where id = (select case when p_up then max(id::text) else min(id::text) end::uuid from shop.purse);
end $$;
create function shop.spend(p_id uuid) returns void language plpgsql as $$
declare
    v_cents integer;
begin
    select cents into v_cents from shop.purse where id = p_id for share;
    update shop.purse set cents = v_cents - 1 where id = p_id;
end $$;
create function shop.impatient(p_id uuid) returns text language plpgsql as $$
begin
    perform from shop.purse where id = p_id for update nowait;
    update shop.purse set cents = cents - 1 where id = p_id;
    return 'spent';
exception when lock_not_available then
    return 'poor';
end $$;
create function shop.overwrite(p_id uuid) returns text language plpgsql as $$
declare
    v_cents integer;
begin
    select cents into v_cents from shop.purse where id = p_id;
    update shop.purse set cents = v_cents - 1 where id = p_id;
    return 'spent';
exception when lock_not_available then
    return 'poor';
end $$;
create function shop.take() returns integer language plpgsql as $$
declare
    v_no integer;
begin
    select no into v_no from shop.job where not taken order by no limit 1 for update skip locked;
    if not found then
        raise exception 'NONE';
    end if;
    update shop.job set taken = true where no = v_no;
    update shop.job set taken = false where no = v_no;
    return v_no;
end $$;
create function shop.try_to(p_id uuid) returns text language plpgsql as $$
begin
    if not pg_try_advisory_xact_lock(hashtextextended(p_id::text, 0)) then
        return 'poor';
    end if;
    update shop.purse set cents = cents - 1 where id = p_id;
    return 'spent';
end $$;
"""
PURSES: dict[str, Any] = {
    "values": "ann uuid, ben uuid",
    "setup": "insert into shop.purse values (:ann, 9), (:ben, 9); insert into shop.job values (1);",
}
IN_ORDER = "for no key update on shop.purse, in one order, before all else"


@pytest.fixture(scope="module")
def queue(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("queue")
    refused = {"impatient": "result.impatient = poor", "try_to": "result.try_to = poor"}
    names = [
        "overwrite",
        "pay",
        "pay_all",
        "pay_in_turn",
        "pay_quietly",
        "spend",
        "take",
        "impatient",
        "try_to",
    ]
    operations = {name: refused.get(name, "P0001 NONE") for name in names}
    target = write_target(folder, QUEUE, operations)
    with ground_of(server, target, folder, arenas=1) as ground:
        yield ground


def calls(function: str, *arguments: str) -> list[str]:
    return [f"-- @call {function}\nselect shop.{function}({each});" for each in arguments]


def test_rows_that_are_locked_in_one_order_first_prevent_a_deadlock(queue: Ground) -> None:
    found = finding(queue, *calls("pay", ":ann, :ben", ":ben, :ann"), **PURSES)
    assert found.anomaly == "deadlock"
    lock = remedy(found, IN_ORDER)
    assert lock.holds
    assert lock.where == "shop.pay"
    assert lock.sql == (
        "perform 1 from shop.purse where id in (p_from, p_to) order by id for no key update;"
        "  -- first in shop.pay"
    )
    assert lock.says == "no failure in 8 of 8 schedules; 6 of them wait for a lock"


def test_an_isolation_level_does_not_prevent_a_deadlock(queue: Ground) -> None:
    found = finding(queue, *calls("pay", ":ann, :ben", ":ben, :ann"), **PURSES)
    assert len(found.prevention) == 2
    assert all("schedules still fail" in line for line in found.prevention)


def test_rows_in_an_array_are_locked_in_one_order_too(queue: Ground) -> None:
    found = finding(
        queue,
        *calls("pay_all", "array[:ann, :ben]"),
        *calls("pay", "p_to => :ann, p_from => :ben"),
        **PURSES,
    )
    lock = remedy(found, IN_ORDER)
    assert lock.holds
    assert "where id = any (p_ids) order by id" in lock.sql
    assert "where id in (p_to, p_from) order by id" in lock.sql


def test_a_lock_on_what_each_call_names_first_does_not_prevent_a_deadlock(queue: Ground) -> None:
    found = finding(queue, *calls("pay", ":ann, :ben", ":ben, :ann"), **PURSES)
    lock = remedy(found, "pg_advisory_xact_lock on :ann")
    assert not lock.holds
    assert "still fails" in lock.says


def test_one_lock_for_all_calls_prevents_a_deadlock_of_which_nothing_is_known(
    queue: Ground,
) -> None:
    found = finding(queue, *calls("pay_in_turn", "true", "false"), **PURSES)
    assert found.anomaly == "deadlock"
    assert IN_ORDER not in [each.what for each in found.remedies]
    assert remedy(found, "pg_advisory_xact_lock, one for all calls").holds


def test_the_lock_that_is_needed_later_taken_at_once_prevents_a_deadlock(queue: Ground) -> None:
    found = finding(queue, *calls("spend", ":ann", ":ann"), **PURSES)
    assert found.anomaly == "deadlock"
    lock = remedy(found, "for no key update instead of for share")
    assert lock.holds
    assert lock.sql.endswith("where id = p_id for no key update;")


def test_a_deadlock_that_passes_for_an_answer_is_one_even_if_it_is_raised_again(
    queue: Ground,
) -> None:
    found = finding(queue, *calls("pay_quietly", ":ann, :ben", ":ben, :ann"), **PURSES)
    assert found.violates == ["serial order"]
    assert remedy(found, IN_ORDER).holds
    assert not remedy(found, "retryable errors raised again").holds


# -- false refusals ---------------------------------------------------------------------------------


def test_waiting_for_the_row_prevents_a_false_refusal(queue: Ground) -> None:
    found = finding(queue, *calls("impatient", ":ann", ":ann"), **PURSES)
    assert found.anomaly == "false refusal"
    assert "b got a no; one after the other nobody does." in found.explanation
    wait = remedy(found, "for update that waits, without nowait")
    assert wait.holds
    assert wait.sql == "perform from shop.purse where id = p_id for update;"


def test_saying_that_the_row_was_busy_prevents_it_too_and_costs_another_call(
    queue: Ground,
) -> None:
    found = finding(queue, *calls("impatient", ":ann", ":ann"), **PURSES)
    raised = remedy(found, "retryable errors raised again")
    assert raised.holds
    assert raised.says.endswith("end with a call that has to be sent again")


def test_a_call_that_has_to_be_sent_again_may_yet_go_as_well_as_expected(queue: Ground) -> None:
    expected = "expect: exactly 2 ok in impatient"
    found = finding(queue, *calls("impatient", ":ann", ":ann"), **PURSES, header=expected)
    assert found.violates == ["serial order", expected.replace(":", "")]
    assert remedy(found, "retryable errors raised again").holds


def test_waiting_for_a_row_that_was_skipped_prevents_a_false_refusal(queue: Ground) -> None:
    found = finding(queue, *calls("take", "", ""), **PURSES)
    assert found.anomaly == "false refusal"
    assert remedy(found, "for update that waits, without skip locked").holds


def test_waiting_for_an_advisory_lock_prevents_a_false_refusal(queue: Ground) -> None:
    found = finding(queue, *calls("try_to", ":ann", ":ann"), **PURSES)
    what = "pg_advisory_xact_lock that waits, without pg_try_advisory_xact_lock"
    assert remedy(found, what).holds


def test_where_nobody_is_refused_nothing_is_said_of_waiting(queue: Ground) -> None:
    found = finding(queue, *calls("overwrite", ":ann", ":ann"), **PURSES)
    assert found.anomaly == "lost update"
    tried = [each.what for each in found.remedies]
    assert tried == ["for no key update on shop.purse", "pg_advisory_xact_lock on :ann"]
