"""That a lock_timeout runs out is a choice like any other: it is found, told, and seen again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_ground import Ground, ground_of, write_target

from crossfoot.background import BackgroundServer
from crossfoot.counterexample.pinned import Pinned
from crossfoot.explorer.deviations import preemptions
from crossfoot.explorer.race import Race, Turn
from crossfoot.explorer.token import Token
from crossfoot.explorer.trace import Trace
from crossfoot.results import Finding
from crossfoot.verdicts import Outcome, Verdict

SHOP = """
create schema shop;
create table shop.box (id integer primary key, n integer not null);
create table shop.note (said text not null);
create function shop.take(p_id integer) returns text language plpgsql as $$
begin
    set local lock_timeout = '1ms';
    update shop.box set n = n - 1 where id = p_id;
    return 'taken';
exception
    when lock_not_available then
        return 'busy';
end $$;
create function shop.insist(p_id integer) returns text language plpgsql
set lock_timeout = '2s'
as $$
begin
    for v_try in 1..3 loop
        begin
            update shop.box set n = n - 1 where id = p_id;
            return 'taken at ' || v_try;
        exception
            when lock_not_available then
                null;
        end;
    end loop;
    raise lock_not_available;
end $$;
create function shop.keep(p_lock integer) returns text language plpgsql
set lock_timeout = '1min'
as $$
begin
    perform pg_advisory_lock(p_lock);
    return 'kept';
exception
    when lock_not_available then
        return 'not to be had';
end $$;
create function shop.move(p_from integer, p_to integer) returns text language plpgsql
set lock_timeout = '900ms'
as $$
begin
    update shop.box set n = n - 1 where id = p_from;
    update shop.box set n = n + 1 where id = p_to;
    return current_setting('lock_timeout');
end $$;
"""
TAKE = "-- @call take\nselect shop.take(1);"
INSIST = "-- @call insist\nselect shop.insist(1);"
SETUP = "insert into shop.box values (1, 5), (2, 5)"
OPERATIONS = {"take": "result.take = busy", "insist": "", "keep": "", "move": ""}


@pytest.fixture(scope="module")
def shop(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("shop")
    with ground_of(server, write_target(folder, SHOP, OPERATIONS), folder, arenas=1) as ground:
        yield ground


@pytest.fixture(scope="module")
def found(shop: Ground) -> tuple[Race, Finding]:
    race = shop.race(TAKE, TAKE, setup=SETUP)
    check = shop.explore(race)
    assert check.verdict is Verdict.FAIL
    assert check.exploration and check.exploration.complete
    (finding,) = check.findings
    return race, finding


def pinned(shop: Ground, race: Race, *turns: Turn) -> Trace:
    """Run the schedule of these turns."""

    async def one() -> Trace:
        await shop.arena.open(2)
        return await shop.arena.run(race, Pinned(turns, ["a", "b"]))

    return shop.run(one())


def told(traces: list[Trace]) -> set[str]:
    """Return what calls were told in some schedule."""
    results = [result for trace in traces for result in trace.every_result]
    return {result.sqlstate or str(result.rows[:1] and result.rows[0][0]) for result in results}


def test_who_takes_a_busy_row_for_a_refusal_is_found(found: tuple[Race, Finding]) -> None:
    _, finding = found
    assert finding.anomaly == "false refusal"
    assert finding.confirmed == (10, 10)
    assert "The lock_timeout of b, 1ms, ran out." in finding.explanation


def test_the_lanes_say_whose_patience_ended_and_when(found: tuple[Race, Finding]) -> None:
    lanes = found[1].lanes
    assert lanes
    (at,) = [number for number, step in enumerate(lanes.steps) if step.kind == "timeout"]
    assert (lanes.steps[at - 1].kind, lanes.steps[at - 1].note) == ("wait", "waits for a")
    assert lanes.steps[at].session == "b"
    assert lanes.steps[at].note == "loses patience: its lock_timeout of 1ms runs out"
    assert "wake" not in {step.kind for step in lanes.steps}


def test_its_token_replays_it(shop: Ground, found: tuple[Race, Finding]) -> None:
    race, finding = found
    token = Token.parse(finding.replay.removeprefix("crossfoot replay "))
    assert min(token.choices) == ~1
    again = shop.run(shop.explorer.replay(race, token))
    assert again.verdict is Verdict.FAIL
    assert again.findings[0].replay == finding.replay


def test_a_token_in_which_nobody_has_to_wait_any_more_is_unknown(shop: Ground) -> None:
    race = shop.race(TAKE, TAKE.replace("(1)", "(2)"), setup=SETUP)
    check = shop.run(shop.explorer.replay(race, Token("shop", race.name, 1, (0, ~1, 1, 0, 0))))
    assert check.verdict is Verdict.UNKNOWN
    assert "Has the code changed since?" in check.reason


def test_its_race_file_runs_it_first(shop: Ground, found: tuple[Race, Finding]) -> None:
    _, finding = found
    said = [line for line in finding.regression_race.splitlines() if "replay:" in line]
    assert "-- replay: b loses patience" in said
    header = "\n".join(line.removeprefix("-- ") for line in said)
    kept = shop.race(TAKE, TAKE, setup=SETUP, header=header)
    trace = pinned(shop, kept, *kept.replay)
    assert told([trace]) == {"taken", "busy"}


def test_a_turn_of_lost_patience_is_passed_over_where_nobody_waits(shop: Ground) -> None:
    race = shop.race(TAKE, TAKE.replace("(1)", "(2)"), setup=SETUP)
    turns = (Turn("a", hasty=True), Turn("c", hasty=True), Turn("b", hasty=True), Turn("a"))
    trace = pinned(shop, race, *turns)
    assert told([trace]) == {"taken"}
    assert min(trace.choices) >= 0


def test_each_try_of_a_loop_may_lose_patience_or_not(shop: Ground) -> None:
    traces = shop.every_trace(shop.race(INSIST, INSIST, setup=SETUP))
    assert told(traces) == {"taken at 1", "taken at 2", "taken at 3", "55P03"}
    check = shop.explore(shop.race(INSIST, INSIST, setup=SETUP, header="compare: state"))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    assert check.exploration and check.exploration.complete


def test_a_timeout_that_the_session_sets_itself_runs_out_too(shop: Ground) -> None:
    """What it sets for its session is gone in the next schedule."""
    plain = "update shop.box set n = n - 1 where id = 1;"
    race = shop.race(f"{plain}\nset lock_timeout = '30ms';", plain * 2, setup=SETUP)
    assert "55P03" not in told(shop.every_trace(race))
    race = shop.race(f"set lock_timeout = '30ms';\n{plain}", plain, setup=SETUP)
    traces = shop.every_trace(race)
    lost = {trace.results[0][-1].sqlstate for trace in traces}
    assert lost == {"", "55P03"}
    assert {result.sqlstate for trace in traces for result in trace.results[1]} == {""}
    assert shop.explore(race).verdict is Verdict.PASS


def test_a_timeout_of_the_database_runs_out_too(server: BackgroundServer, tmp_path: Path) -> None:
    sql = "create schema shop; create table shop.box (id integer primary key, n integer not null);"
    plain = "update shop.box set n = n - 1 where id = 1;"

    async def hasten(ground: Ground) -> None:
        name = await ground.arena.control.fetchval("select current_database()")
        await ground.arena.control.execute(f"alter database {name} set lock_timeout = '40ms'")

    with ground_of(server, write_target(tmp_path, sql), tmp_path, arenas=1) as ground:
        ground.run(hasten(ground))
        traces = ground.every_trace(ground.race(plain, plain, setup=SETUP))
    assert {result.sqlstate for trace in traces for result in trace.every_result} == {"", "55P03"}


def test_who_has_a_timeout_does_not_wait_for_ever(shop: Ground) -> None:
    """The other one's lock is never given up: the wait ends all the same."""
    keep = "-- @call keep\nselect shop.keep(7);"
    race = shop.race(keep, keep)
    assert shop.trace(race, 0, 0).patient
    traces = shop.every_trace(race)
    assert traces
    assert not any(trace.stuck for trace in traces)
    assert all(told([trace]) == {"kept", "not to be had"} for trace in traces)


def test_a_deadlock_may_end_by_lost_patience_on_either_side(shop: Ground) -> None:
    sessions = [f"-- @call move\nselect shop.move({way});" for way in ("1, 2", "2, 1")]
    traces = shop.every_trace(shop.race(*sessions, setup=SETUP))
    ends = {tuple(each[-1].sqlstate for each in trace.results) for trace in traces}
    assert {("", ""), ("55P03", ""), ("", "55P03")} <= ends
    assert any(trace.deadlocked for trace in traces)


def test_a_function_reads_its_own_timeout_and_not_what_is_put_in_its_place(shop: Ground) -> None:
    sessions = [f"-- @call move\nselect shop.move({way});" for way in ("1, 2", "1, 2")]
    traces = shop.every_trace(shop.race(*sessions, setup=SETUP))
    assert told(traces) == {"900ms", "55P03"}


def test_what_may_lose_patience_touches_everything(shop: Ground) -> None:
    traces = shop.every_trace(shop.race(TAKE, TAKE, setup=SETUP))
    waits = [
        move
        for trace in traces
        for decision, move in zip(trace.decisions, trace.moves, strict=True)
        if decision.hasty or decision.impatient
    ]
    assert waits
    assert all(move.footprint.unknown for move in waits)


def test_lost_patience_counts_as_a_preemption_and_time_by_itself_loses_none(shop: Ground) -> None:
    traces = shop.every_trace(shop.race(TAKE, TAKE, setup=SETUP))
    patient = [trace for trace in traces if min(trace.choices, default=0) >= 0]
    assert len(patient) < len(traces)
    assert traces[0] in patient
    outcomes = {result.outcome for trace in patient for result in trace.every_result}
    assert outcomes == {Outcome.OK}
    # Somebody has to be preempted for another one to wait at all.
    assert {preemptions(trace) for trace in traces if trace not in patient} == {2, 3}
