"""What the bench says of bursts: it takes nothing for wrong that isn't, and the explorer finds all."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.workbench import Workbench

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.bursts import CASES, Case, burst_of, case_form, first_counterexample


@pytest.fixture(params=CASES, ids=lambda case: case.variant or case.race)
def case(request: pytest.FixtureRequest) -> Case:
    found = request.param
    assert isinstance(found, Case)
    return found


def played(server: BackgroundServer, case: Case, size: int, *said: str) -> tuple[bool, bool]:
    """Return what the case says of callers who come one by one, and of calls that end as ``said``."""

    async def play() -> tuple[bool, bool]:
        bench = Workbench(server.server)
        async with (
            case_form(bench, case) as (form, target),
            burst_of(server.server, form, target, case, size) as burst,
        ):
            return await burst.one_by_one(), await burst.is_wrong([[each] for each in said])

    return server.run(play())


def test_callers_who_come_one_by_one_are_never_taken_for_wrong(
    server: BackgroundServer, case: Case
) -> None:
    assert played(server, case, 6)[0] is False


def test_the_explorer_finds_what_the_bursts_are_to_find(
    server: BackgroundServer, case: Case
) -> None:
    async def explored() -> int:
        bench = Workbench(server.server)
        async with case_form(bench, case) as (form, target):
            return (await first_counterexample(bench, form, target, case))[0]

    assert 1 < server.run(explored()) < 50


@pytest.mark.parametrize(
    ("mistake", "said"), [("phantom", "ok ok"), ("deadlock", "ok 40P01")], ids=["books", "error"]
)
def test_a_wrong_outcome_is_seen(server: BackgroundServer, mistake: str, said: str) -> None:
    case = next(each for each in CASES if each.mistake == mistake)
    assert played(server, case, 2, *said.split())[1] is True


def test_each_caller_has_keys_of_its_own_and_shares_what_is_there(server: BackgroundServer) -> None:
    case = next(each for each in CASES if each.race == "first_top_up_twice")

    async def literals() -> list[dict[str, str]]:
        async with (
            case_form(Workbench(server.server), case) as (form, target),
            burst_of(server.server, form, target, case, 4) as burst,
        ):
            return [caller.literals for caller in burst.callers]

    found = server.run(literals())
    assert len({each["workspace"] for each in found}) == 1
    assert len({each["welcome_key"] for each in found}) == 4
