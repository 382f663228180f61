"""What would prevent a finding was tried: a lock on the row, a lock on a key, a constraint, a level."""

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


def finding(ground: Ground, *sessions: str, values: str = "", setup: str = "") -> Finding:
    return ground.explore(ground.race(*sessions, values=values, setup=setup)).findings[0]


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
