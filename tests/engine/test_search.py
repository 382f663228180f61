"""The search runs every schedule once, the plainest first, and says honestly how far it came."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of
from hypothesis import given, settings
from hypothesis import strategies as st
from puppets import NO_RACE, ORDER, Puppets, merges

from crossfoot.background import BackgroundServer
from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.deviations import preemptions
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Follow, Search
from crossfoot.explorer.serial import count_orders, orders
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.token import Token
from crossfoot.explorer.trace import Trace
from crossfoot.stages import load_races
from crossfoot.verdicts import Verdict


def search(
    sessions: Sequence[Sequence[int]], budget: int, arenas: int = 1
) -> tuple[Search, list[Trace], list[ORDER]]:
    """Search; return the search, the traces as they came, and the orders that ran."""
    traces: list[Trace] = []
    puppets = [Puppets(sessions) for _ in range(arenas)]

    async def seen(trace: Trace, arena: Arena) -> None:
        traces.append(trace)

    async def work() -> Search:
        found = Search(budget)
        await found.run(NO_RACE, cast(Sequence[Arena], puppets), seen)
        return found

    return asyncio.run(work()), traces, [order for each in puppets for order in each.orders]


session = st.lists(st.integers(1, 3), min_size=1, max_size=2)
some_sessions = st.lists(session, min_size=2, max_size=3).filter(
    lambda each: merges([sum(s) for s in each]) <= 300
)


@given(some_sessions, st.integers(1, 3))
@settings(deadline=None)
def test_every_merge_runs_exactly_once(sessions: list[list[int]], arenas: int) -> None:
    found, _, ran = search(sessions, 10_000, arenas)
    assert len(ran) == len(set(ran)) == found.ran == merges([sum(each) for each in sessions])
    assert found.complete and found.left == 0


@given(some_sessions, st.integers(1, 120))
@settings(deadline=None)
def test_the_bound_says_what_ran_and_no_more(sessions: list[list[int]], budget: int) -> None:
    found, traces, ran = search(sessions, budget)
    _, everything, _ = search(sessions, 10_000)
    costs = [preemptions(trace) for trace in everything]
    assert found.ran == len(ran) == min(budget, len(everything))
    if found.complete:
        return
    assert found.left > 0
    upto = -1 if found.bound is None else found.bound
    done = [preemptions(trace) for trace in traces]
    assert sum(cost <= upto for cost in done) == sum(cost <= upto for cost in costs)
    assert sum(cost <= upto + 1 for cost in done) < sum(cost <= upto + 1 for cost in costs)


@given(some_sessions)
@settings(deadline=None)
def test_schedules_run_in_the_order_of_their_preemptions(sessions: list[list[int]]) -> None:
    _, traces, _ = search(sessions, 10_000)
    costs = [preemptions(trace) for trace in traces]
    assert costs == sorted(costs)
    assert costs[0] == 0


def test_to_go_on_with_another_session_between_transactions_is_no_preemption() -> None:
    _, traces, _ = search([[2, 2], [2]], 10_000)
    assert sum(preemptions(trace) == 0 for trace in traces) == count_orders([2, 1]) == 3


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_serial_orders_are_counted_before_they_run(lengths: list[int]) -> None:
    if count_orders(lengths) < 3000:
        found = list(orders(lengths))
        assert len(found) == len(set(found)) == count_orders(lengths)
        assert all([order.count(i) for i in range(len(lengths))] == lengths for order in found)


def test_when_one_arena_fails_the_others_end_their_schedules() -> None:
    class Slow(Puppets):
        async def run(self, race: Race, policy: Follow) -> Trace:
            for _ in range(20):
                await asyncio.sleep(0)
            trace = await super().run(race, policy)
            ended.append(trace)
            return trace

    ended: list[Trace] = []
    puppets = [Puppets([[3], [3]], fails_at=4), Slow([[3], [3]]), Slow([[3], [3]])]
    traces: list[Trace] = []

    async def seen(trace: Trace, arena: Arena) -> None:
        traces.append(trace)

    async def work() -> Search:
        found = Search(1000)
        with pytest.raises(StuckError):
            await found.run(NO_RACE, cast(Sequence[Arena], puppets), seen)
        return found

    found = asyncio.run(work())
    assert len(ended) >= 2
    assert len(traces) == found.ran == len(puppets[0].orders) + len(ended)
    assert not found.complete
    assert found.bound in {None, 0, 1}


def test_a_schedule_that_failed_is_still_to_be_run() -> None:
    """It was the last one: without it the search would pass for complete."""

    async def seen(trace: Trace, arena: Arena) -> None:
        pass

    async def work() -> Search:
        found = Search(1000)
        with pytest.raises(StuckError):
            puppets = [Puppets([[1], [1]], fails_at=2)]
            await found.run(NO_RACE, cast(Sequence[Arena], puppets), seen)
        return found

    found = asyncio.run(work())
    assert (found.ran, found.left, found.complete, found.bound) == (1, 1, False, None)


def test_a_choice_that_is_not_possible_is_not_deterministic() -> None:
    with pytest.raises(NotDeterministicError):
        asyncio.run(Puppets([[1], [1]]).run(NO_RACE, Follow((2,))))


# -- with PostgreSQL --------------------------------------------------------------------------------

VALUES = "one uuid, two uuid, three uuid"
SETUP = "insert into counting.purse values (:one, 100), (:two, 100), (:three, 100);"
SPEND = "-- @call spend\nselect counting.spend(:one, 60);"
ELSEWHERE = "-- @call writes_two\nselect counting.writes_two(:three);"
# Which rows a SQL function writes isn't read from its text: each move of the one meets the other's.
MEETING = [f"select counting.sql_two(:{each});" for each in ("one", "two")]


@pytest.fixture(scope="module")
def counting(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("counting")
    target = SPECIMENS / "counting" / "target.toml"
    with ground_of(server, target, folder, arenas=3) as ground:
        yield ground


def race(counting: Ground, *sessions: str, **more: Any) -> Race:
    return counting.race(*sessions, values=VALUES, setup=SETUP, **more)


def test_a_budget_that_ends_early_is_said_with_the_bound(counting: Ground) -> None:
    check = counting.explore(race(counting, *MEETING), schedules=9)
    done = check.exploration
    assert check.verdict is Verdict.PASS
    assert done and not done.complete and done.schedules == 9
    # 2 schedules without preemption, 4 with one, 6 with two, ...
    assert (done.preemption_bound, done.coverage) == (
        1,
        "9 schedules, all with at most 1 preemption",
    )
    assert done.left > 0
    whole = counting.explore(race(counting, *MEETING)).exploration
    assert whole and (whole.complete, whole.coverage) == (True, "20 of 20 schedules")


def test_a_budget_below_the_schedules_without_preemption_shows_nothing(counting: Ground) -> None:
    calls = [SPEND.replace("60", each) for each in ("60", "61", "62")]
    check = counting.explore(race(counting, *calls), schedules=2)
    assert check.verdict is Verdict.UNKNOWN
    assert check.reason == "the budget ended before the schedules without preemption did"
    assert check.exploration and check.exploration.coverage == "2 schedules, a sample"


def test_the_counterexample_has_the_fewest_preemptions(counting: Ground) -> None:
    check = counting.explore(race(counting, SPEND, SPEND))
    assert check.verdict is Verdict.FAIL
    token = Token.parse(check.findings[0].replay.removeprefix("crossfoot replay "))
    trace = counting.trace(race(counting, SPEND, SPEND), *token.choices)
    assert preemptions(trace) == 1


def test_sessions_that_do_not_matter_are_left_out(counting: Ground) -> None:
    given = race(counting, SPEND, ELSEWHERE, SPEND, ELSEWHERE)
    check = counting.explore(given, schedules=150)
    assert check.verdict is Verdict.FAIL
    (finding,) = check.findings
    assert finding.lanes and finding.lanes.sessions == ["a", "c"]
    assert finding.confirmed == (10, 10)
    token = Token.parse(finding.replay.removeprefix("crossfoot replay "))
    assert token.without == (1, 3)
    again = counting.run(counting.explorer.replay(given.without(token.without), token))
    assert again.verdict is Verdict.FAIL
    assert again.findings[0].lanes and said(again.findings[0].lanes) == said(finding.lanes)
    assert again.findings[0].replay == finding.replay


def said(lanes: Any) -> list[tuple[str, ...]]:
    """Return the lanes without numbers that are drawn anew each time."""
    return [(step.session, step.kind, step.text, step.source) for step in lanes.steps]


def test_fewer_sessions_are_not_blamed_for_doing_less(counting: Ground) -> None:
    """A call that is left out doesn't succeed: that is no smaller counterexample."""
    header = "expect: at least 3 ok in writes_two\nexpect: exactly 3 ok in writes_two"
    given = race(counting, ELSEWHERE, ELSEWHERE, SPEND, header=header)
    check = counting.explore(given, schedules=5)
    assert check.verdict is Verdict.FAIL
    (finding,) = check.findings
    assert finding.violates == [f"expect {each.text}" for each in given.expectations]
    assert finding.lanes and finding.lanes.sessions == ["a", "b", "c"]


def test_a_finding_is_kept_when_a_later_schedule_hangs(
    counting: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, runs = Arena.run, 0

    async def hangs(self: Arena, given: Race, policy: Any) -> Trace:
        nonlocal runs
        if isinstance(policy, Follow):
            runs += 1
            if runs == 7:
                raise StuckError("a: neither came back nor waited")
        return await run(self, given, policy)

    monkeypatch.setattr(Arena, "run", hangs)
    check = counting.explore(race(counting, SPEND, SPEND))
    assert check.verdict is Verdict.FAIL
    assert check.findings[0].confirmed == (10, 10)
    assert check.exploration and not check.exploration.complete


def test_arenas_are_usable_after_one_of_them_failed(
    counting: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time another arena fails at another schedule, while the others are in mid-air."""
    choose = Follow.choose
    for fatal in (3, 8, 14):
        made = 0

        def chooses(self: Follow, enabled: Any, arena: Arena, fatal: int = fatal) -> int:
            nonlocal made
            made += 1
            return 99 if made == fatal * 3 else choose(self, enabled, arena)

        with monkeypatch.context() as patch:
            patch.setattr(Follow, "choose", chooses)
            check = counting.explore(race(counting, *MEETING))
            assert check.verdict is Verdict.UNKNOWN
            assert check.reason.startswith("not deterministic")
        again = counting.explore(race(counting, *MEETING))
        assert (again.verdict, again.reason) == (Verdict.PASS, "")
        assert again.exploration and again.exploration.coverage == "20 of 20 schedules"


def test_a_token_replays_in_another_process(counting: Ground, tmp_path: Path) -> None:
    target = SPECIMENS / "gift_cards" / "target.toml"
    with ground_of(counting.server, target, tmp_path) as cards:
        (two_redeem,) = load_races(cards.target, 1, ["two_redeem"])
        check = cards.explore(two_redeem, first=True)
    (finding,) = check.findings
    command = [*finding.replay.split()[1:], "--target", str(target), "--json"]
    command += ["--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "crossfoot", *command],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert done.returncode == 1, done.stderr
    (checked,) = json.loads(done.stdout)["targets"][0]["checks"]
    lanes = checked["findings"][0]["lanes"]
    steps = [(s["session"], s["kind"], s["text"], s["source"]) for s in lanes["steps"]]
    assert finding.lanes and steps == said(finding.lanes)
    assert lanes["outcomes"] == finding.lanes.outcomes
    assert checked["findings"][0]["confirmed"] == [10, 10]


def test_a_token_of_code_that_has_changed_is_unknown(counting: Ground) -> None:
    given = race(counting, SPEND, SPEND)
    token = Token("counting", given.name, 1, (0, 1, 1, 1, 1, 1, 1, 1, 1))
    check = counting.run(counting.explorer.replay(given, token))
    assert check.verdict is Verdict.UNKNOWN
    assert "Has the code changed since?" in check.reason


def test_more_serial_orders_than_can_be_run_are_said_at_once(
    counting: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("crossfoot.explorer.serial.InOrder")  # without which no order can run
    flow = ELSEWHERE * 4
    check = counting.explore(race(counting, flow, flow, flow))
    assert check.verdict is Verdict.UNKNOWN
    assert "34650 serial orders, more than 1000" in check.reason
