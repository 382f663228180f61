"""Each name of an anomaly fits what was done, and its paragraph ends on the contradiction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_ground import Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.counterexample.anomaly import name_of, needs_overlap
from crossfoot.counterexample.explain import explanation, summary
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.judge import Judgement
from crossfoot.explorer.outcomes import Shape
from crossfoot.explorer.trace import Event, Trace
from crossfoot.results import Finding

BANK = """
create schema shop;
create table shop.account (
    id integer primary key, micros bigint not null, until timestamptz not null default now(),
    limited integer not null default 0 check (limited <= 10)
);
create table shop.entry (no bigint generated always as identity primary key, micros bigint not null);
create table shop.claim (key text primary key, by text not null, micros bigint not null);
insert into shop.account (id, micros) values (9, 0);
create function shop.charge(p_micros bigint) returns bigint language plpgsql as $$
declare
    v_micros bigint;
    v_no bigint;
begin
    select micros into v_micros from shop.account where id = 1;
    update shop.account set micros = v_micros - p_micros where id = 1;
    insert into shop.entry (micros) values (p_micros) returning no into v_no;
    return v_no;
end $$;
create function shop.extend() returns void language plpgsql as $$
declare
    v_until timestamptz;
begin
    select until into v_until from shop.account where id = 1;
    update shop.account set until = v_until + interval '30 days' where id = 1;
end $$;
create function shop.total() returns bigint language plpgsql as $$
declare
    v_total bigint;
begin
    select micros into v_total from shop.account where id = 1;
    return v_total + (select micros from shop.account where id = 2);
end $$;
create function shop.move(p_micros bigint) returns void language plpgsql as $$
begin
    update shop.account set micros = micros - p_micros where id = 1;
    update shop.account set micros = micros + p_micros where id = 2;
end $$;
create function shop.raise_limit(p_by integer) returns boolean language plpgsql as $$
begin
    if (select limited from shop.account where id = 1) + p_by > 10 then
        return false;
    end if;
    update shop.account set limited = limited + p_by where id = 1;
    return true;
end $$;
create function shop.claim(p_key text, p_by text, p_micros bigint) returns text language plpgsql as $$
begin
    if exists (select from shop.claim where key = p_key and by <> p_by) then
        raise exception 'TAKEN';
    end if;
    insert into shop.claim values (p_key, p_by, p_micros) on conflict do nothing;
    return 'yours';
end $$;
create function shop.note_total() returns void language plpgsql as $$
begin
    insert into shop.entry (micros) select micros from shop.account where id = 1;
    update shop.entry set micros = micros + (select micros from shop.account where id = 2);
end $$;
create function shop.refuse() returns void language plpgsql as $$
begin
    raise exception 'TAKEN';
end $$;
"""
SETUP = "insert into shop.account (id, micros) values (1, 5500000000), (2, 100);"


@pytest.fixture(scope="module")
def bank(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("bank")
    names = ["charge", "extend", "total", "move", "raise_limit", "claim", "note_total", "refuse"]
    target = write_target(folder, BANK, dict.fromkeys(names, "P0001 TAKEN"))
    with ground_of(server, target, folder, arenas=1) as ground:
        yield ground


def found(bank: Ground, *calls: str, then: str = "") -> Finding:
    """Find a counterexample of two sessions that make a call each; the second goes on with ``then``."""
    sessions = [_call(each) for each in calls]
    sessions[-1] += f"\n{_call(then)}" if then else ""
    (finding,) = bank.explore(bank.race(*sessions, setup=SETUP)).findings
    return finding


def _call(text: str) -> str:
    return f"-- @call {text.partition('(')[0]}\nselect shop.{text};"


def test_an_amount_as_large_as_drawn_numbers_are_is_an_amount(bank: Ground) -> None:
    finding = found(bank, "charge(30000000)", "charge(70000000)")
    assert finding.anomaly == "lost update"
    assert "shop.account.micros was 5500000000; the sessions changed it by" in finding.explanation
    assert "has micros 5400000000, not 54" in finding.explanation
    assert finding.lanes
    notes = [step.note for step in finding.lanes.steps]
    assert "v_micros = 5500000000" in notes


def test_a_number_that_was_drawn_is_a_small_one(bank: Ground) -> None:
    finding = found(bank, "charge(30000000)", "charge(70000000)")
    assert re.match(r"a got ok: charge = #\d{1,5}\. b got ok", finding.explanation)


def test_a_month_that_was_overwritten_is_a_lost_update(bank: Ground) -> None:
    finding = found(bank, "extend()", "extend()")
    assert finding.anomaly == "lost update"
    assert finding.explanation.endswith("has until ~now + 60 d, not ~now + 30 d.")


def test_a_sum_over_two_moments_is_a_read_skew(bank: Ground) -> None:
    finding = found(bank, "total()", "move(30)")
    assert finding.anomaly == "read skew"
    assert "Read skew: a saw shop.account in part as it was before b" in finding.explanation


def test_what_only_a_constraint_stops_is_a_raw_violation(bank: Ground) -> None:
    finding = found(bank, "raise_limit(6)", "raise_limit(7)")
    assert finding.anomaly == "raw constraint violation"
    assert "a constraint had to refuse what the code let through" in finding.explanation
    assert 'not 23514 new row for relation "account" violates check' in finding.explanation


def test_a_row_that_only_one_may_make_is_no_lost_update(bank: Ground) -> None:
    """Both are told that the claim is theirs. It was made once, and in turn it is refused once."""
    finding = found(bank, "claim('k', 'ann', 40)", "claim('k', 'ben', 70)")
    assert finding.anomaly == "not serializable"
    assert "an answer is P0001 TAKEN, not claim = yours" in finding.explanation


def test_a_call_that_is_refused_in_every_order_is_refused_rightly(bank: Ground) -> None:
    finding = found(bank, "note_total()", "move(30)", then="refuse()")
    assert "refused: P0001 TAKEN" in finding.explanation
    assert finding.anomaly == "not serializable"


# -- stuck ------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(bank: Ground) -> tuple[Judgement, Trace]:
    """A schedule in which each of two sessions waits for the other."""
    judgement = Judgement(Shape((), ()), (0, 0), {}, stuck=True)
    trace = Trace(transactions=[[[]], [[]]])
    trace.events = [Event(0, "wait", blockers=(1,)), Event(1, "wait", blockers=(0,))]
    return judgement, trace


def test_who_waits_for_ever_is_called_stuck(stuck: tuple[Judgement, Trace]) -> None:
    judgement, trace = stuck
    assert name_of(judgement, trace, (), None, Instrumented()).name == "stuck"
    assert judgement.violates == ["stuck"]
    assert needs_overlap(judgement, trace)


def test_a_stuck_schedule_says_who_waits_for_whom(
    bank: Ground, stuck: tuple[Judgement, Trace]
) -> None:
    race = bank.race("select 1;", "select 2;")
    told = explanation(*stuck, race)
    assert told.startswith("a never got an answer. b never got an answer. a waits for b; b waits")
    assert told.endswith("which sees no deadlock, breaks nothing: they wait for ever.")
    assert summary(*stuck, race, "stuck") == (
        "stuck: a without an answer; b without an answer;"
        " all wait for each other, and PostgreSQL sees no deadlock"
    )


def test_who_is_through_and_keeps_a_lock_is_named(
    bank: Ground, stuck: tuple[Judgement, Trace]
) -> None:
    judgement, trace = stuck
    trace.events = [Event(1, "commit"), Event(0, "wait", blockers=(1,))]
    race = bank.race("select 1;", "select 2;")
    assert summary(judgement, trace, race, "stuck").endswith("; b left a lock behind")
    assert "a waits for b. But b is through and holds the lock all the same" in explanation(
        judgement, trace, race
    )


def test_who_waits_unseen_is_told_of_all_the_same(
    bank: Ground, stuck: tuple[Judgement, Trace]
) -> None:
    """One polls for an advisory lock: no lock table says for whom it waits."""
    judgement, trace = stuck
    trace.events = [Event(0, "wait", blockers=())]
    told = explanation(judgement, trace, bank.race("select 1;", "select 2;"))
    assert "Each of them holds what another one waits for. None of them can go on before" in told


def test_a_deadlock_says_who_waited_for_whom_and_who_paid(
    server: BackgroundServer, tmp_path: Path
) -> None:
    swap = """
    create schema shop;
    create table shop.purse (id integer primary key, n integer not null);
    create function shop.swap(p_one integer, p_two integer) returns void language plpgsql as $$
    begin
        update shop.purse set n = n - 1 where id = p_one;
        update shop.purse set n = n + 1 where id = p_two;
    end $$;
    """
    target = write_target(tmp_path, swap, {"swap": ""})
    calls = [f"-- @call swap\nselect shop.swap({each});" for each in ("1, 2", "2, 1")]
    with ground_of(server, target, tmp_path, arenas=1) as ground:
        race = ground.race(*calls, setup="insert into shop.purse values (1, 5), (2, 5);")
        (finding,) = ground.explore(race, first=True).findings
    assert finding.anomaly == "deadlock"
    assert "a waits for b; b waits for a. PostgreSQL broke the deadlock" in finding.explanation
    assert finding.explanation.endswith(", in which nothing was wrong.")
