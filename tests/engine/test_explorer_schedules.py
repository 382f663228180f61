"""Which schedules there are: counted where nobody waits, and with deadlocks and waits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from math import comb, factorial, prod

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.counterexample.lanes import lanes_of
from crossfoot.explorer.arena import Arena
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Follow
from crossfoot.explorer.trace import Trace
from crossfoot.verdicts import Outcome, Verdict

VALUES = "one uuid, two uuid, three uuid"
SETUP = "insert into counting.purse values (:one, 100), (:two, 100), (:three, 100);"


@pytest.fixture(scope="module")
def counting(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("counting")
    with ground_of(server, SPECIMENS / "counting" / "target.toml", folder) as ground:
        yield ground


def race(counting: Ground, *sessions: str, header: str = "") -> Race:
    return counting.race(*sessions, values=VALUES, setup=SETUP, header=header)


def merges(*lengths: int) -> int:
    """Return in how many ways sequences of these lengths can be merged."""
    return factorial(sum(lengths)) // prod(factorial(length) for length in lengths)


# A call that touches nothing before its first statement has begun already: its statements and its
# COMMIT are what is merged. Of any other statement the sending is merged too.
COUNTED = {
    "two statements and three": (
        ["select counting.writes_two(:one);", "select counting.writes_three(:two);"],
        comb(3 + 4, 3),
    ),
    "a call from FROM": (
        ["select * from counting.writes_two(:one);", "select counting.writes_two(:two) as x;"],
        merges(3, 3),
    ),
    "a language sql function": (
        ["select counting.sql_two(:one);", "select counting.writes_two(:two);"],
        merges(3, 3),
    ),
    "plain statements": (
        [
            "update counting.purse set balance = 1 where id = :one;",
            "update counting.purse set balance = 1 where id = :two;",
        ],
        merges(2, 2),
    ),
    "a transaction of three statements": (
        [
            "begin;" + "select balance from counting.purse where id = :one;" * 3 + "commit;",
            "select balance from counting.purse where id = :two;",
        ],
        merges(3 + 1, 1 + 1),
    ),
    "a call in an expression is sent when its turn comes": (
        ["select counting.writes_two(:one), 1 from counting.purse limit 1;"] * 1
        + ["update counting.purse set balance = 1 where id = :two;"],
        merges(1 + 2 + 1, 1 + 1),
    ),
    "two transactions in one session": (
        [
            "select counting.writes_two(:one); select counting.writes_two(:one);",
            "select counting.writes_two(:two);",
        ],
        merges(3 + 3, 3),
    ),
    "three sessions": (
        [
            "select balance from counting.purse where id = :one;",
            "select balance from counting.purse where id = :two;",
            "select balance from counting.purse where id = :three;",
        ],
        merges(2, 2, 2),
    ),
    "a function called by a statement that goes on": (
        ["select counting.calls(:one);", "update counting.purse set balance = 1 where id = :two;"],
        merges(1 + 2 + 1, 1 + 1),
    ),
    "a stable function": (
        ["select counting.balance(:one);", "select counting.balance(:two);"],
        merges(1 + 1, 1 + 1),
    ),
    "a call that is refused before it touches anything": (
        ["select counting.refuses(:one);", "select counting.writes_two(:two);"],
        1,
    ),
}


@pytest.mark.parametrize(("sessions", "count"), COUNTED.values(), ids=COUNTED.keys())
def test_as_many_schedules_run_as_there_are_merges(
    counting: Ground, sessions: list[str], count: int
) -> None:
    traces = counting.every_trace(race(counting, *sessions), reduce=False)
    assert len(traces) == count
    assert len({orders_of(trace) for trace in traces}) == count
    assert all(trace.waits == 0 for trace in traces)


def orders_of(trace: Trace) -> tuple[int, ...]:
    """Return who went on, in order, decisions that were none included."""
    kinds = {"call", "step", "commit"}
    return tuple(event.session for event in trace.events if event.kind in kinds)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_when_a_call_begins_is_explored_where_it_takes_a_snapshot(
    counting: Ground, level: str
) -> None:
    sessions = ["select counting.writes_two(:one);", "select counting.balance(:two);"]
    given = race(counting, *sessions, header=f"isolation: {level}")
    traces = counting.every_trace(given, reduce=False)
    assert len(traces) == merges(1 + 2 + 1, 1 + 1)


# -- deadlocks and waits ----------------------------------------------------------------------------

THERE_AND_BACK = [
    "-- @call transfer\nselect counting.transfer(:one, :two);",
    "-- @call transfer\nselect counting.transfer(:two, :one);",
]
BYSTANDER = "update counting.purse set balance = 5 where id = :three;"


@pytest.mark.parametrize("bystanders", [0, 1])
def test_a_deadlock_is_a_finding_whoever_stands_by(counting: Ground, bystanders: int) -> None:
    given = race(counting, *THERE_AND_BACK, *[BYSTANDER] * bystanders)
    check = counting.explore(given, schedules=400)
    assert check.verdict is Verdict.FAIL
    (finding,) = check.findings
    assert (finding.anomaly, finding.violates) == ("deadlock", ["deadlock"])
    assert finding.confirmed == (10, 10)
    assert "PostgreSQL had to break a deadlock" in finding.summary
    assert check.exploration and check.exploration.deadlocks == check.exploration.failing > 0
    assert check.exploration.complete


def test_a_deadlock_that_is_allowed_is_no_finding(counting: Ground) -> None:
    check = counting.explore(race(counting, *THERE_AND_BACK, header="allow: deadlock"))
    assert check.verdict is Verdict.PASS
    assert check.exploration and check.exploration.deadlocks > 0
    assert check.exploration.retryable == check.exploration.deadlocks


def test_a_deadlock_between_two_is_broken_while_a_third_stands_at_a_step(counting: Ground) -> None:
    """The third has begun and holds a lock all the while."""
    third = "select counting.transfer(:three, :three);"
    trace = counting.trace(race(counting, *THERE_AND_BACK, third), 2, 0, 1, 0, 1)
    assert trace.deadlocked
    first = next(i for i, e in enumerate(trace.events) if e.kind == "error")
    assert [e.kind for e in trace.events[:first] if e.session == 2] == ["call", "step"]
    assert [each[0].outcome for each in trace.results].count(Outcome.RETRYABLE) == 1
    assert trace.results[2][0].outcome is Outcome.OK


def test_nothing_that_follows_a_deadlock_is_part_of_a_replay(counting: Ground) -> None:
    """Whom PostgreSQL picks is timing: a choice after that would name the wrong session half the time."""
    given = race(counting, *THERE_AND_BACK, BYSTANDER)
    for _ in range(3):
        trace = counting.trace(given, 0, 1, 0, 1)
        assert trace.deadlocked and trace.choices == (0, 1, 0, 1)
        assert len(trace.decisions) > 4


def test_who_waits_for_whom_is_drawn_and_for_how_long(counting: Ground) -> None:
    given = race(counting, "select counting.writes_two(:one);", "select counting.writes_two(:one);")
    trace = counting.trace(given, 0, 1)
    kinds = [
        (e.session, e.kind, e.blockers)
        for e in trace.events
        if e.kind in {"wait", "wake", "commit"}
    ]
    assert kinds == [(1, "wait", (0,)), (0, "commit", ()), (1, "wake", ()), (1, "commit", ())]
    assert trace.waits == 1


def test_a_chain_of_waiters_is_drawn_link_by_link(counting: Ground) -> None:
    given = race(
        counting,
        "select counting.transfer(:one, :one);",
        "select counting.transfer(:two, :one);",
        "select counting.transfer(:two, :two);",
    )
    trace = counting.trace(given, 0, 1, 1, 2)
    waits = [(e.session, e.blockers) for e in trace.events if e.kind == "wait"]
    assert waits == [(1, (0,)), (2, (1,))]
    wakes = [e.session for e in trace.events if e.kind == "wake"]
    assert wakes == [1, 2]
    assert not trace.deadlocked


def test_lanes_show_the_wait_and_what_came_of_it(counting: Ground) -> None:
    sessions = [f"-- @call spend\nselect counting.spend(:one, {amount});" for amount in (60, 50)]
    given = race(counting, *sessions)
    trace, explorer = counting.trace(given, 0, 0, 1, 1), counting.explorer
    lanes = lanes_of(trace, given, counting.arena.instrumented, explorer.sources)
    assert [(step.session, step.kind) for step in lanes.steps] == [
        *[("a", kind) for kind in ("call", "step", "step")],  # reads and writes
        *[("b", kind) for kind in ("call", "step", "step", "wait")],
        *[("a", kind) for kind in ("step", "return", "commit")],
        *[("b", kind) for kind in ("wake", "step", "return", "commit")],
    ]
    wait = lanes.steps[6]
    assert (wait.note, wait.source) == ("waits for a", lanes.steps[5].source)
    assert lanes.steps[5].text.startswith("update counting.purse")
    file, line = lanes.steps[5].source.split(":")
    text = (SPECIMENS / "counting" / file).read_text().splitlines()[int(line) - 1]
    assert text.strip() == lanes.steps[5].text
    assert lanes.outcomes == {"a": "ok: spend = 40", "b": "ok: spend = 50"}


def test_a_lock_that_a_block_gives_up_lets_the_other_go_on_before_the_statement_ends(
    counting: Ground,
) -> None:
    """The visitor's statement names no function: its trigger is what gives the lock up."""
    given = race(
        counting,
        "insert into counting.visit (purse) values (:one);",
        "update counting.purse set balance = 7 where id = :one;",
    )
    overtaken = []
    for trace in counting.every_trace(given):
        events = [(event.session, event.kind) for event in trace.events]
        if (1, "wait") in events and (1, "commit") in events:
            overtaken.append(
                events.index((1, "commit")) < len(events) - 1 - events[::-1].index((0, "step"))
            )
    assert sorted(set(overtaken)) == [False, True]


class Stopping(Follow):
    """Makes the same choices, and is asked at each stop."""

    def passes(self, arena: Arena) -> int:
        return 0


@pytest.mark.parametrize(
    "calls",
    [
        ["select counting.writes_three(:one);"] * 2,
        ["select counting.spend(:one, 60);", "select counting.spend(:one, 70);"],
        ["select counting.transfer(:one, :two);", "select counting.transfer(:two, :one);"],
        [
            "insert into counting.visit (purse) values (:one);",
            "update counting.purse set balance = 7 where id = :one;",
        ],
    ],
)
def test_a_session_that_passes_steps_leaves_the_same_trace_as_one_that_stops(
    counting: Ground, calls: list[str]
) -> None:
    given = race(counting, *calls)

    async def run(policy: Follow) -> Trace:
        return await counting.arena.run(given, policy)

    traces = [trace for trace in counting.every_trace(given) if trace.settled is None]
    assert max(len(trace.choices) for trace in traces) > 2
    for choices in [trace.choices for trace in traces]:
        passed = counting.run(run(Follow(choices, whole=True)))
        stopped = counting.run(run(Stopping(choices, whole=True)))
        assert stopped.choices == passed.choices == choices
        assert stopped.moves == passed.moves
        assert [(e.session, e.kind, e.step) for e in stopped.events] == [
            (e.session, e.kind, e.step) for e in passed.events
        ]


def endings(traces: list[Trace]) -> set[tuple[tuple[object, ...], tuple[str, ...]]]:
    """Return how each session's calls ended, and what was left, for each way in which it did."""
    return {
        (
            tuple(tuple(r.rows or r.sqlstate for r in results) for results in trace.results),
            tuple(sorted(row for table, row in trace.state if table == "counting.purse")),
        )
        for trace in traces
    }


@pytest.mark.parametrize("sessions", [2, 3])
def test_of_sessions_that_do_the_same_the_first_one_begins(counting: Ground, sessions: int) -> None:
    spends = race(counting, *["select counting.spend(:one, 60);"] * sessions)
    every, mirrored = counting.every_trace(spends), counting.every_trace(spends, mirror=True)
    assert len(mirrored) < len(every)
    turned = {
        (tuple(answers[i] for i in order), state)
        for answers, state in endings(mirrored)
        for order in permutations(range(sessions))
    }
    assert turned == endings(every)


def test_sessions_that_do_something_else_both_begin(counting: Ground) -> None:
    spends = race(counting, "select counting.spend(:one, 60);", "select counting.spend(:one, 61);")
    every, mirrored = counting.every_trace(spends), counting.every_trace(spends, mirror=True)
    assert endings(mirrored) == endings(every)
    assert len(mirrored) == len(every)
