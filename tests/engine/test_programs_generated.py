"""Programs of a few calls per session find what pairs and triples can't, and nothing where all is right."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable as Function
from pathlib import Path

import asyncpg
import pytest

from crossfoot.background import BackgroundServer
from crossfoot.errors import ServerError
from crossfoot.generated import Generated, Making
from crossfoot.pairs.cast import Cast
from crossfoot.pairs.generate import Ensemble
from crossfoot.pairs.plot import Turn
from crossfoot.pairs.programs import SHAPES, Program, Search, Step, smaller
from crossfoot.pairs.reach import Reach
from crossfoot.pairs.slots import Callable, Slot
from crossfoot.results import Exploration
from crossfoot.stages import Plan, nobody
from crossfoot.target import Target, load_target
from crossfoot.workbench import Workbench

SPECIMENS = Path(__file__).resolve().parent.parent / "specimens"
CARD = """
[fixtures.card]
values = { card = "uuid", balance = 100 }
sql = "insert into gift.card (id, balance) values (:card, :balance)"
"""


@pytest.fixture
def loyalty() -> Target:
    return load_target(SPECIMENS / "loyalty" / "target.toml")


def generated(
    server: BackgroundServer, target: Target, making: Making, *, seed: int = 1
) -> Generated:
    """Make races and explore them."""

    def silent(name: str, done: Exploration, left: int) -> None: ...

    async def work() -> Generated:
        bench, plan = Workbench(server.server), Plan(seed, arenas=1)
        async with bench.as_written(target) as form:
            made = Generated(bench, form, plan, (), making, lambda *_: None, nobody, silent)
            await made.run()
            return made

    return server.run(work())


def test_pairs_and_triples_find_nothing_in_a_race_of_four_calls(
    server: BackgroundServer, loyalty: Target, tmp_path: Path
) -> None:
    made = generated(server, loyalty, Making(tmp_path, pairs=True))
    assert Counter(check.verdict for check in made.checks) == {"pass": 10}
    assert all(check.exploration and check.exploration.complete for check in made.checks)
    assert made.left_out == []


def test_programs_find_it_in_two_sessions_of_four_calls_in_all(
    server: BackgroundServer, loyalty: Target, tmp_path: Path
) -> None:
    made = generated(server, loyalty, Making(tmp_path, programs=150), seed=2)
    others, failing = made.checks
    assert others.name == "programs"
    assert (failing.verdict, failing.findings[0].violates) == ("fail", ["serial order"])
    assert failing.findings[0].confirmed == (10, 10)
    text = (tmp_path / "programs" / "loyalty" / f"{failing.name}.race.sql").read_text()
    assert (text.count("-- @session"), text.count("-- @call")) == (2, 4)
    assert (text.count("select loyalty.stamp(:card_1);"), text.count(":card_1, 60);")) == (2, 2)
    assert "with seed 2" in text
    assert made.left_out[-1] == (
        "programs that call all of stamp, redeem: not drawn any more once one had failed"
    )


def test_a_right_function_has_no_failing_program(server: BackgroundServer, tmp_path: Path) -> None:
    for path in (SPECIMENS / "gift_cards_safe").glob("*.*"):
        (tmp_path / path.name).write_text(path.read_text() + CARD * (path.suffix == ".toml"))
    target = load_target(tmp_path / "target.toml")
    made = generated(server, target, Making(tmp_path, programs=12))
    (check,) = made.checks
    assert (check.name, check.verdict, check.operations) == ("programs", "pass", ["redeem"])
    assert check.title.startswith("12 programs of two or three sessions")
    assert check.exploration
    assert check.exploration.schedules > 100


# -- drawing and shrinking, without a database ------------------------------------------------------


@pytest.fixture
def ensemble(loyalty: Target) -> Ensemble:
    stamp, redeem = (
        Callable(
            name,
            loyalty.operations[name],
            (
                Slot("card", "uuid", "entity", "card"),
                Slot("amount", "int4", "constant", "60"),
            )[:width],
        )
        for name, width in (("stamp", 1), ("redeem", 2))
    )
    nowhere: asyncpg.Connection = None
    return Ensemble(loyalty, Reach(nowhere, loyalty, []), [stamp, redeem], [])


def calls(program: Program) -> Counter[str]:
    return Counter(step.turn.name for steps in program.sessions for step in steps)


def search(ensemble: Ensemble, fails: Function[[Program], bool], count: int = 100) -> Search:
    async def explored(program: Program) -> bool:
        return fails(program)

    return Search(ensemble, 1, count, explored)


def test_a_failing_program_loses_all_that_it_does_not_need(ensemble: Ensemble) -> None:
    def fails(program: Program) -> bool:
        return calls(program)["stamp"] >= 1 and calls(program)["redeem"] >= 2

    found = asyncio.run(search(ensemble, fails).smallest())
    assert found
    assert calls(found) == {"stamp": 1, "redeem": 2}
    assert len(found.sessions) == 2
    text = found.plot(ensemble.target, 1).text(ensemble.target)
    assert text.count("select loyalty.redeem(:card_1, 60);") == 2
    assert text.count("select loyalty.stamp(:card_1);") == 1
    assert found.led_up
    assert "begin;" not in text


def test_what_the_failure_needs_of_a_call_stays(ensemble: Ensemble) -> None:
    def fails(program: Program) -> bool:
        steps = [step for steps in program.sessions for step in steps]
        return any(step.turn.cast.amount == 1 and step.turn.name == "redeem" for step in steps)

    found = asyncio.run(search(ensemble, fails).smallest())
    assert found
    amounts = [step.turn.cast.amount for steps in found.sessions for step in steps]
    assert sorted(amounts, key=str) == [1, None]


def test_the_same_seed_draws_the_same_programs_each_once(ensemble: Ensemble) -> None:
    drawn: list[list[str]] = []
    for _ in range(2):
        one = search(ensemble, lambda program: False, 20)
        assert asyncio.run(one.smallest()) is None
        drawn.append(list(one.known))
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 20


def test_no_program_calls_all_that_is_known_to_fail(ensemble: Ensemble) -> None:
    seen: list[Program] = []

    def fails(program: Program) -> bool:
        seen.append(program)
        return False

    one = search(ensemble, fails, 8)
    one.avoid = [frozenset({"stamp", "redeem"})]
    asyncio.run(one.smallest())
    assert seen
    assert {len(calls(program)) for program in seen} == {1}


def test_what_stops_the_search_is_no_failing_program(ensemble: Ensemble) -> None:
    seen: list[Program] = []

    def fails(program: Program) -> bool:
        seen.append(program)
        raise ServerError("gone")

    with pytest.raises(ServerError, match="gone"):
        asyncio.run(search(ensemble, fails).smallest())
    assert len(seen) == 1


def test_who_is_interrupted_explores_nothing_more(ensemble: Ensemble) -> None:
    seen: list[Program] = []

    async def explored(program: Program) -> bool:
        seen.append(program)
        await asyncio.sleep(60)
        return False

    async def work() -> None:
        task = asyncio.create_task(Search(ensemble, 1, 20, explored).smallest())
        while not seen:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
    assert len(seen) == 1


def test_every_smaller_program_has_something_less(ensemble: Ensemble) -> None:
    stamp, redeem = (Turn(each, Cast(2, amount=1, key="shared")) for each in ensemble.operations)
    program = Program.of(
        [[Step(stamp), Step(redeem, joins=True)], [Step(stamp)], [Step(redeem)]], led_up=False
    )
    sizes = Counter((len(less.sessions), sum(calls(less).values())) for less in smaller(program))
    assert sizes[2, 2] == 1  # without the long session
    assert sizes[2, 3] == 2  # without a short one
    assert sizes[2, 4] == 6  # one sent after another
    assert sizes[3, 3] == 2  # without a call
    assert program not in set(smaller(program))


def test_shapes_are_those_that_pairs_and_triples_do_not_have() -> None:
    assert all(2 <= len(shape) <= 3 for shape in SHAPES)
    assert all(1 < max(shape) <= 3 for shape in SHAPES)


def test_two_calls_in_one_transaction_may_deadlock(ensemble: Ensemble) -> None:
    stamp, redeem = (Turn(each, Cast(key="own")) for each in ensemble.operations)
    program = Program.of([[Step(stamp), Step(redeem, joins=True)], [Step(stamp)]], led_up=True)
    plot = program.plot(ensemble.target, 1)
    text = plot.text(ensemble.target)
    assert "begin;\n-- @call stamp\n" in text
    assert "-- allow:   deadlock\n" in text
    assert plot.name.startswith("stamp_then_redeem_against_stamp_")
    apart = Program.of([[Step(stamp), Step(redeem)], [Step(stamp)]], led_up=True)
    assert "begin;" not in apart.plot(ensemble.target, 1).text(ensemble.target)


def test_without_hypothesis_one_line_says_what_to_install(tmp_path: Path) -> None:
    without = "import sys; sys.modules['hypothesis'] = None; from crossfoot.cli import main; main()"
    command = [sys.executable, "-c", without, "race", "--programs", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "crossfoot: programs are drawn by Hypothesis, which isn't installed\n"
        "  pip install 'crossfoot[programs]'\n"
    )
