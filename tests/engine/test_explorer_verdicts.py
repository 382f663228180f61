"""The verdict is right where it is easily wrong: flows, generated values, retries, lots and naps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.explorer import stillness
from crossfoot.explorer.arena import NotDeterministicError
from crossfoot.explorer.judge import Judge
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Follow
from crossfoot.explorer.serial import SerialOrders
from crossfoot.explorer.stillness import StuckError
from crossfoot.results import Check
from crossfoot.verdicts import Outcome, Verdict

CLOCKWORK: dict[str, Any] = {
    "values": "one uuid, two uuid",
    "setup": "insert into clockwork.thing (id) values (:one), (:two);",
}


def folder_of(server: BackgroundServer, name: str, folder: Path) -> Iterator[Ground]:
    with ground_of(server, SPECIMENS / name / "target.toml", folder) as ground:
        yield ground


@pytest.fixture(scope="module")
def clockwork(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    yield from folder_of(server, "clockwork", tmp_path_factory.mktemp("clockwork"))


@pytest.fixture(scope="module")
def market(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    yield from folder_of(server, "market", tmp_path_factory.mktemp("market"))


def two_calls(ground: Ground, operation: str, call: str, **more: Any) -> Race:
    session = f"-- @call {operation}\nselect clockwork.{call};"
    return ground.race(session, session, **CLOCKWORK, **more)


# -- values that differ from run to run -------------------------------------------------------------

RIGHT = {
    "now": "stamp_now(:one)",
    "clock": "stamp_clock(:one)",
    "lots": "draw_lots(:one)",
    "identity": "number(:one)",
    "uuid": "name(:one)",
    "rolled_back": "try_twice(:one)",
    "rounded": "stamp_rounded(:one)",
    "process": "stamp_process(:one)",
    "arrays": "mark_all(array[:one, :two])",
    "lease": "lease(:one)",
    "remember": "remember(:one)",
}


@pytest.mark.parametrize(("operation", "call"), RIGHT.items(), ids=RIGHT.keys())
def test_generated_values_and_the_time_of_day_raise_no_false_alarm(
    clockwork: Ground, operation: str, call: str
) -> None:
    for seed in range(1, 2 if operation == "remember" else 6):
        race = two_calls(clockwork, operation, call, seed=seed)
        check = clockwork.explore(race)
        assert (check.verdict, check.reason) == (Verdict.PASS, ""), seed
        assert check.exploration and check.exploration.complete


def test_in_a_serial_order_a_transaction_begins_when_the_one_before_it_is_over(
    clockwork: Ground,
) -> None:
    """By now(), a transaction that began too early would come before the one that it follows."""
    race = two_calls(clockwork, "earlier", "earlier(:one)")

    async def answers() -> list[tuple[str | None, ...]]:
        serial = SerialOrders(race)
        await clockwork.arena.open(2)
        found = (await serial.of(serial.whole, clockwork.arena)).values()
        return [tuple(each[0].rows[0][0] for each in one.trace.results) for one in found]

    for _ in range(5):
        assert sorted(clockwork.run(answers())) == [("0", "1"), ("1", "0")]


def test_a_row_that_refers_to_the_wrong_generated_id_is_noticed(market: Ground) -> None:
    """The same rows, and each purchase the other's: only the links tell."""
    setup = """
        insert into market.lead (id) values (:lead), (:other);
        insert into market.buyer (id, credits) values (:anna, 10), (:bert, 10);
    """
    values = "lead uuid, other uuid, anna uuid, bert uuid"
    wrong = """
        insert into market.purchase (lead, buyer)
        values (:lead, case when exists (select from market.purchase) then :bert else :anna end)
        returning id;"""
    check = market.explore(market.race(wrong, wrong, setup=setup, values=values))
    assert check.verdict is Verdict.FAIL
    assert check.findings[0].violates == ["serial order"]


# -- flows of several transactions ------------------------------------------------------------------

FLOW: dict[str, Any] = {
    "values": "lead uuid, anna uuid, bert uuid",
    "setup": """insert into market.lead (id) values (:lead);
                insert into market.buyer (id, credits) values (:anna, 10), (:bert, 10);""",
}


def flow(buyer: str, deliver: str) -> str:
    return f"""
        -- @call reserve
        -- @let purchase
        select market.reserve(:lead, :{buyer});
        -- @call charge
        select market.charge(:purchase);
        -- @call {deliver}
        select market.{deliver}(:purchase);
    """.replace("        --", "--")


def test_a_right_flow_of_three_transactions_is_not_flagged(market: Ground) -> None:
    race = market.race(
        flow("anna", "deliver"),
        flow("bert", "deliver"),
        header="expect: at most 1 ok in deliver\nexpect: at most 1 refused in deliver",
        **FLOW,
    )
    check = market.explore(race, schedules=150)
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    done = check.exploration
    assert done and done.serial_orders == 20
    assert done.preemption_bound is not None and done.preemption_bound >= 0


@pytest.mark.parametrize("expect", ["", "expect: at most 1 ok in deliver_unchecked"])
def test_a_split_flow_that_sells_twice_is_flagged_though_it_is_serialisable(
    market: Ground, expect: str
) -> None:
    sessions = [flow(buyer, "deliver_unchecked") for buyer in ("anna", "bert")]
    check = market.explore(market.race(*sessions, header=expect, **FLOW), first=True)
    assert check.verdict is Verdict.FAIL
    (finding,) = check.findings
    unmet = [expect.replace("expect:", "expect")] if expect else []
    assert finding.violates == ["audit item_sold_once", *unmet]
    assert finding.anomaly == "double sale"
    assert finding.rows[0]["audit"] == "item_sold_once"
    assert finding.confirmed == (10, 10)


def test_a_split_flow_that_sells_twice_is_flagged_by_its_expectation_alone(market: Ground) -> None:
    sessions = [flow(buyer, "deliver_unchecked") for buyer in ("anna", "bert")]
    race = market.race(*sessions, header="expect: at most 1 ok in deliver_unchecked", **FLOW)
    audits, market.explorer.audits = (
        market.explorer.audits,
        type(market.explorer.audits)(market.target, (), ()),
    )
    try:
        check = market.explore(race, first=True)
    finally:
        market.explorer.audits = audits
    assert check.findings[0].violates == ["expect at most 1 ok in deliver_unchecked"]
    assert "there were 2" in check.findings[0].explanation


# -- retryable errors -------------------------------------------------------------------------------


def test_a_call_that_may_be_tried_again_is_left_out_with_what_follows_it(clockwork: Ground) -> None:
    """NOWAIT fails the whole session: its second transaction never runs, and nobody minds."""
    session = """
-- @call nowait
select clockwork.take_nowait(:one);
-- @call increment
select clockwork.increment(:two);"""
    check = clockwork.explore(clockwork.race(session, session, **CLOCKWORK))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    done = check.exploration
    assert done and done.complete and 0 < done.retryable < done.schedules


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        ("read committed", Verdict.FAIL),
        ("repeatable read", Verdict.PASS),
        ("serializable", Verdict.PASS),
    ],
)
def test_what_an_isolation_level_forbids_is_retryable_there(
    clockwork: Ground, level: str, verdict: Verdict
) -> None:
    """Read, then write what was read: a lost update where PostgreSQL doesn't stop it."""
    session = """begin;
-- @let n
select n from clockwork.thing where id = :one;
-- @call increment
update clockwork.thing set n = :n::integer + 1 where id = :one;
commit;"""
    race = clockwork.race(session, session, header=f"isolation: {level}", **CLOCKWORK)
    check = clockwork.explore(race)
    assert (check.verdict, check.reason) == (verdict, "")
    done = check.exploration
    assert done and done.isolation == level and done.complete
    assert (done.retryable > 0) is (verdict is Verdict.PASS)


def test_write_skew_is_found_at_repeatable_read_and_impossible_when_serializable(
    clockwork: Ground,
) -> None:
    """Each takes itself off duty after seeing the other on duty."""
    verdicts = []
    for level in ("repeatable read", "serializable"):
        sessions = [
            f"""update clockwork.thing set n = -1
                where id = :{one} and (select n from clockwork.thing where id = :{other}) = 0;"""
            for one, other in (("one", "two"), ("two", "one"))
        ]
        race = clockwork.race(*sessions, header=f"isolation: {level}", **CLOCKWORK)
        check = clockwork.explore(race)
        verdicts.append((check.verdict, check.exploration and check.exploration.retryable > 0))
    assert verdicts == [(Verdict.FAIL, False), (Verdict.PASS, True)]


def test_a_failure_at_commit_belongs_to_its_call(clockwork: Ground) -> None:
    """Serializable may fail as late as that; the call had come back well."""
    sessions = [
        f"-- @call increment\nselect clockwork.increment(:{own}),"
        f" (select n from clockwork.thing where id = :{other});"
        for own, other in (("one", "two"), ("two", "one"))
    ]
    race = clockwork.race(*sessions, header="isolation: serializable", **CLOCKWORK)
    check = clockwork.explore(race)
    assert check.verdict is Verdict.PASS
    assert check.exploration and check.exploration.retryable > 0
    trace = clockwork.trace(race, 0, 1, 0, 1, 0, 1)
    outcomes = [[result.outcome for result in each] for each in trace.results]
    assert [Outcome.RETRYABLE] in outcomes and [Outcome.OK] in outcomes


def test_a_deadlock_that_a_function_swallows_is_still_wrong(clockwork: Ground) -> None:
    sessions = [
        f"-- @call swallow\nselect clockwork.swallow(:{one}, :{other});"
        for one, other in (("one", "two"), ("two", "one"))
    ]
    check = clockwork.explore(clockwork.race(*sessions, **CLOCKWORK))
    assert check.verdict is Verdict.FAIL
    assert check.findings[0].violates == ["serial order"]
    assert check.findings[0].confirmed == (10, 10)


def test_the_books_are_audited_before_the_right_outcomes_wipe_them_away(
    server: BackgroundServer, tmp_path: Path
) -> None:
    """Without the one that may try again, the race has serial orders that haven't run yet."""
    redeem = "-- @call redeem\nselect gift.redeem(:card, 30);"
    with ground_of(server, SPECIMENS / "gift_cards" / "target.toml", tmp_path) as cards:
        race = cards.race(
            redeem,
            redeem,
            "select 1 from gift.card for update nowait;",
            values="card uuid",
            setup="select gift.open(:card, 100);",
        )

        async def judged() -> list[str]:
            judge = Judge(race, cards.explorer.audits)
            await cards.arena.open(3)
            await judge.serial.of(judge.serial.whole, cards.arena)
            trace = await cards.arena.run(race, Follow((0, 1, 0, 2)))
            assert trace.results[2][0].sqlstate == "55P03"
            return (await judge.judge(trace, cards.arena)).violates

        violated = cards.run(judged())
    assert violated[:2] == ["serial order", "audit balance_equals_entries"]


# -- compare: state ---------------------------------------------------------------------------------


def test_answers_that_are_snapshots_can_be_left_out(clockwork: Ground) -> None:
    """Nothing but the answer depends on who came between."""
    session = """begin;
update clockwork.thing set n = n + 1 where id = :{own};
select sum(n) from clockwork.thing;
commit;"""
    sessions = [session.format(own=own) for own in ("one", "two")]
    whole = clockwork.explore(clockwork.race(*sessions, **CLOCKWORK))
    assert whole.verdict is Verdict.FAIL
    race = clockwork.race(*sessions, header="compare: state", **CLOCKWORK)
    assert clockwork.explore(race).verdict is Verdict.PASS


def test_outcomes_that_differ_in_which_row_changed_are_told_apart(clockwork: Ground) -> None:
    """Who comes first is moved by one; that both moved the same row is in no serial order."""
    session = """
update clockwork.thing set n = n + 1
where id = (select id from clockwork.thing where n = 0 order by id limit 1);"""
    check = clockwork.explore(clockwork.race(session, session, **CLOCKWORK))
    assert check.verdict is Verdict.FAIL
    assert check.findings[0].violates == ["serial order"]


# -- no judgement -----------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillness, "STUCK", 0.4)


@pytest.fixture
def soon_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillness, "LONGEST", 300)


def usable(ground: Ground) -> bool:
    """Say whether the arenas still work as they should."""
    check = ground.explore(two_calls(ground, "increment", "increment(:one)"))
    done = check.exploration
    return check.verdict is Verdict.PASS and done is not None and done.complete


def unknown(check: Check) -> str:
    assert check.verdict is Verdict.UNKNOWN
    assert not check.findings
    return check.reason


@pytest.mark.parametrize("operation", ["coin", "rare_coin"])
def test_a_function_that_draws_lots_is_unknown(clockwork: Ground, operation: str) -> None:
    check = clockwork.explore(two_calls(clockwork, operation, f"{operation}(:one)"))
    assert unknown(check).startswith("not deterministic: ")
    assert usable(clockwork)


def test_a_serial_order_runs_twice_to_see_that_it_ends_alike(clockwork: Ground) -> None:
    toss = """insert into clockwork.entry (thing)
              select :one where nextval('clockwork.tosses') % 3 = 0;"""
    race = clockwork.race(toss, toss, **CLOCKWORK)

    async def serial() -> None:
        await clockwork.arena.open(2)
        await SerialOrders(race).of((1, 1), clockwork.arena)

    with pytest.raises(NotDeterministicError, match="ended differently"):
        clockwork.run(serial())


@pytest.mark.usefixtures("impatient")
def test_a_function_that_hangs_is_unknown_and_the_next_race_is_not(clockwork: Ground) -> None:
    started = time.monotonic()
    check = clockwork.explore(two_calls(clockwork, "nap", "nap(:one, 60)"))
    assert "neither came back nor waited for a lock" in unknown(check)
    assert "sleep" in check.reason
    assert time.monotonic() - started < 30  # it would have slept for twice as long
    assert usable(clockwork)


def test_a_schedule_is_given_up_at_once_where_nobody_sleeps(
    clockwork: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has an open transaction, one waits for its lock, and one goes round in circles."""
    monkeypatch.setattr(stillness, "LONGEST", 100)
    monkeypatch.setattr(stillness, "STUCK", 60.0)  # what must not be waited for
    update = "update clockwork.thing set n = n where id = :one;"
    race = clockwork.race(
        f"begin; {update} {update} commit;",
        update,
        "-- @call wait_for_it\nselect clockwork.wait_for_it(:two);",
        **CLOCKWORK,
    )
    started = time.monotonic()
    with pytest.raises(StuckError, match="livelock"):
        clockwork.trace(race, 0, 1, *[2] * 200)
    assert time.monotonic() - started < 30
    assert usable(clockwork)


def test_a_function_that_sleeps_for_a_moment_is_explored(clockwork: Ground) -> None:
    check = clockwork.explore(two_calls(clockwork, "nap", "nap(:one, 0.01)"))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")


@pytest.mark.usefixtures("soon_a_livelock")
@pytest.mark.parametrize("other", ["wait_for_it", "increment"])
def test_a_function_that_waits_for_the_others_write_is_unknown(
    clockwork: Ground, other: str
) -> None:
    race = clockwork.race(
        "-- @call wait_for_it\nselect clockwork.wait_for_it(:one);",
        f"-- @call {other}\nselect clockwork.{other}(:one);",
        **CLOCKWORK,
    )
    assert "livelock" in unknown(clockwork.explore(race))
    assert usable(clockwork)


@pytest.mark.usefixtures("soon_a_livelock")
def test_a_function_that_insists_while_the_other_waits_for_it_is_unknown(clockwork: Ground) -> None:
    """Only one can ever go on, so nobody has a choice; it still has to end."""
    sessions = [f"-- @call insist\nselect clockwork.insist(:{one});" for one in ("one", "two")]
    check = clockwork.explore(clockwork.race(*sessions, **CLOCKWORK))
    assert "livelock" in unknown(check)
    assert usable(clockwork)


@pytest.mark.usefixtures("soon_a_livelock")
def test_a_function_that_insists_while_nobody_else_can_move_is_unknown(clockwork: Ground) -> None:
    """The other waits for its lock: there is no choice to be made, and still no end."""
    waiting = """begin;
select clockwork.increment(:two);
select clockwork.increment(:one);
commit;"""
    insisting = "-- @call insist\nselect clockwork.insist(:two);"
    check = clockwork.explore(clockwork.race(insisting, waiting, **CLOCKWORK))
    assert "livelock" in unknown(check)
    assert usable(clockwork)


def test_who_waits_for_an_advisory_lock_that_is_never_released_is_stuck(clockwork: Ground) -> None:
    check = clockwork.explore(two_calls(clockwork, "advisory", "advisory(:one)"))
    (finding,) = check.findings
    assert (check.verdict, finding.anomaly) == (Verdict.FAIL, "stuck")
    assert finding.confirmed == (10, 10)
    assert usable(clockwork)
    alone = [
        "-- @call advisory\nselect clockwork.advisory(:one);",
        "-- @call increment\nselect clockwork.increment(:two);",
    ]
    for sessions in (alone, alone[::-1]):
        assert clockwork.explore(clockwork.race(*sessions, **CLOCKWORK)).verdict is Verdict.PASS


def test_a_lock_that_was_left_is_not_in_the_way_of_a_race_with_fewer_sessions(
    clockwork: Ground,
) -> None:
    leaving = "-- @call advisory\nselect clockwork.advisory(:one);"
    other = "-- @call increment\nselect clockwork.increment(:two);"
    clockwork.trace(clockwork.race(other, other, leaving, **CLOCKWORK))
    assert clockwork.explore(clockwork.race(leaving, other, **CLOCKWORK)).verdict is Verdict.PASS


def test_a_statement_that_never_succeeds_makes_the_race_unknown(clockwork: Ground) -> None:
    right = "-- @call increment\nselect clockwork.increment(:one);"
    for wrong, said in {
        "select clockwork.incremnt(:one);": "function clockwork.incremnt(uuid) does not exist",
        "selct 1;": 'syntax error at or near "selct"',
        "-- @call increment\nselect clockwork.increment(1);": "does not exist",
        "select clockwork.increment(:one) / 0;": "division by zero",
    }.items():
        check = clockwork.explore(clockwork.race(right, wrong, **CLOCKWORK))
        assert said in unknown(check), wrong
        assert "never succeeded" in check.reason


def test_a_race_without_a_setup_that_writes_nothing_runs_again_and_again(
    clockwork: Ground,
) -> None:
    check = clockwork.explore(clockwork.race("select 1 as one;", "select 2 as two;"))
    assert check.verdict is Verdict.PASS
