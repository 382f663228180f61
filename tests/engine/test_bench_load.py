"""What the bench says of loads: its loops make the calls that they count, and failures aren't rates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.history.record import CallRecord
from crossfoot.sql import names_in
from crossfoot.target import find_targets, load_target

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.drivers import shares
    from bench.ground import CHARGES, DEDUCTION, Ground, Work, closed_loop, open_charges
    from bench.pgbench import pgbench

ANY = CHARGES[1]
PAY = Path(__file__).parents[2] / "bench" / "pay" / "target.toml"


def on_ground(server: BackgroundServer, play: Callable[[Ground], Awaitable[object]]) -> int:
    """Let something play with the charges; return how much was charged."""

    async def work() -> int:
        async with open_charges(server.server) as ground:
            await play(ground)
            connection = await server.server.connect(ground.database)
            charged = await connection.fetchval("select -sum(balance)::integer from pay.accounts")
            await connection.close()
            return int(charged)

    return server.run(work())


def test_a_closed_loop_counts_the_calls_that_it_makes(server: BackgroundServer) -> None:
    noted: list[CallRecord] = []

    async def play(ground: Ground) -> None:
        async with ground.callers(4, ANY, noted.append) as callers:
            loop = await closed_loop(callers, ANY, 0.1)
        assert loop.rate > 0 and loop.client > 0

    assert on_ground(server, play) == len(noted) > 0
    assert {call.session for call in noted} == {f"caller {number}" for number in range(4)}


def test_pgbench_calls_the_same_function(server: BackgroundServer) -> None:
    async def play(ground: Ground) -> None:
        script = "select * from pay.charge(1, 1);"
        assert await pgbench(ground.server, ground.database, script, clients=2) > 0

    assert on_ground(server, play) > 0


def test_calls_that_fail_are_no_rate(server: BackgroundServer) -> None:
    async def ours(ground: Ground) -> None:
        nobody = replace(ANY, accounts=10**12)  # more than an integer holds
        async with ground.callers(1, nobody) as callers:
            await closed_loop(callers, nobody, 0.1)

    async def theirs(ground: Ground) -> None:
        await pgbench(ground.server, ground.database, "select * from pay.nothing();", clients=1)

    with pytest.raises(RuntimeError, match="error"):
        on_ground(server, ours)
    with pytest.raises(RuntimeError, match=r"function pay\.nothing"):
        on_ground(server, theirs)


def test_shares_are_the_median_of_the_rounds_and_their_spread() -> None:
    assert shares([50, 90, 60], [100, 100, 100]) == "60 % (50 to 90)"


@pytest.mark.parametrize("work", [*CHARGES, DEDUCTION], ids=lambda work: work.name)
def test_asyncpg_alone_passes_what_the_operation_takes(work: Work) -> None:
    targets = [load_target(PAY), *find_targets(["license_billing"])]
    (operation,) = (t.operations[work.operation] for t in targets if work.operation in t.operations)
    assert list(work.arguments(1)) == list(names_in(operation.call))
