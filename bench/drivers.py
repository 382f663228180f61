"""What drives a load, side by side with pgbench making the same call at the same time."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.ground import (
    CHARGES,
    DEDUCTION,
    Ground,
    Loop,
    Work,
    asyncpg_loop,
    closed_loop,
    open_charges,
    open_deductions,
)
from bench.pgbench import pgbench
from bench.processor import Meter, of_process
from crossfoot.history.reading import open_history
from crossfoot.load.locust_process import Intensity, locust
from crossfoot.load.orders import Orders
from crossfoot.load.scenario import Scenario
from crossfoot.server import Server
from crossfoot.verdicts import Outcome

CLIENTS = (8, 32)
ROUNDS = 5
SECONDS = 1
_SETTLE = 1.2  # seconds from Locust's first call: its users come one after the other
_LONGEST = 60  # seconds that Locust may take; it is ended before
_PAYERS = Path(__file__).parent / "pay" / "payers.py"
_GROUNDS = [(open_deductions, [DEDUCTION]), (open_charges, CHARGES)]


async def drivers_against_pgbench(server: Server) -> str:
    """Return two tables: calls per second of each driver, and what a call costs it and the server."""
    rates = [f"| what is called | clients | {' | '.join(f'{name}/s' for name in DRIVERS)} |"]
    times = [f"| what is called | clients | {' | '.join(DRIVERS)} |"]
    for lines in (rates, times):
        lines.append(f"|---|---|{'---|' * len(DRIVERS)}")
    for opened, works in _GROUNDS:
        async with opened(server) as ground:
            for work in works:
                for clients in CLIENTS:
                    rounds = [await _round(ground, work, clients) for _ in range(ROUNDS)]
                    loops = list(zip(*rounds, strict=True))
                    rates.append(f"| {work.name} | {clients} | {' | '.join(_rates(loops))} |")
                    said = " | ".join(map(_times, loops))
                    times.append(f"| {work.name} | {clients} | {said} |")
    return "\n".join([
        *rates,
        "",
        f"Medians of {ROUNDS} rounds in which all take turns; beside them the median of the rounds'",
        "ratios to pgbench, and their spread. Where others use the machine too, a single process gets",
        "less of it than pgbench's connections do: those are no ratios of the drivers.",
        "",
        *times,
        "",
        "µs of processor time for each call: the client's + the server's.",
    ])  # fmt: skip


def _rates(loops: Sequence[Sequence[Loop]]) -> list[str]:
    rates = [[loop.rate for loop in each] for each in loops]
    theirs, *others = rates
    said = [f"{statistics.median(each):,.0f}, {shares(each, theirs)}" for each in others]
    return [f"{statistics.median(theirs):,.0f}", *said]


def shares(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Return the median of the rounds' ratios, and their spread: "82 % (70 to 90)"."""
    ratios = [100 * a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.0f} % ({min(ratios):.0f} to {max(ratios):.0f})"


def _times(loops: Sequence[Loop]) -> str:
    client = statistics.median(loop.client for loop in loops)
    return f"{client:.0f} + {statistics.median(loop.server for loop in loops):.0f}"


async def _round(ground: Ground, work: Work, clients: int) -> list[Loop]:
    loops = []
    for drive in DRIVERS.values():
        await ground.vacuum()
        loops.append(await drive(ground, work, clients))
    return loops


async def _pgbench_loop(ground: Ground, work: Work, clients: int) -> Loop:
    meter = Meter()
    sessions, before = meter.sessions, meter.read()
    rate = await pgbench(
        ground.server,
        ground.database,
        f"\\set account random(1, {work.accounts})\n{work.script};",
        clients=clients,
        seconds=SECONDS,
        role=ground.role,
    )
    after, done = await meter.read_after(sessions), rate * SECONDS
    client, server = after.ended - before.ended, after.server - before.server
    return Loop(rate, client / done * 1e6, server / done * 1e6)


async def _asyncpg(ground: Ground, work: Work, clients: int) -> Loop:
    async with ground.callers(clients, work) as callers:
        return await asyncpg_loop(callers, ground.target, work, SECONDS)


async def _driver(ground: Ground, work: Work, clients: int) -> Loop:
    async with ground.callers(clients, work) as callers:
        return await closed_loop(callers, work, SECONDS)


async def _locust_loop(ground: Ground, work: Work, clients: int) -> Loop:
    """Let Locust's direct users call while their history tells how often."""
    scenario = Scenario("payers", _PAYERS, "", (ground.target,))
    intensity = Intensity(clients, clients, f"{_LONGEST}s", classes=(work.user,))
    with tempfile.TemporaryDirectory() as folder:
        dsn, meter = ground.server.dsn(ground.database), Meter()
        orders = Orders(dsn, out=folder, connections=clients, attached=True)
        async with locust(scenario, intensity, "", orders, Path(folder)) as process:
            while not list(Path(folder).glob("history*")):
                await asyncio.sleep(0.05)
            await asyncio.sleep(_SETTLE)
            its = psutil.Process(process.pid)
            began, client, server = time.monotonic_ns(), of_process(its), meter.read().server
            await asyncio.sleep(SECONDS)
            ended = time.monotonic_ns()
            client, server = of_process(its) - client, meter.read().server - server
        calls = [call for _, call in open_history([Path(folder)]).calls()]
    counted = [call for call in calls if began <= call.end < ended]
    if any(call.outcome is not Outcome.OK for call in counted):
        raise RuntimeError("a call of Locust's users didn't end ok")
    done = len(counted)
    return Loop(done / (ended - began) * 1e9, client / done * 1e6, server / done * 1e6)


DRIVERS = {
    "pgbench": _pgbench_loop,
    "asyncpg alone": _asyncpg,
    "driver": _driver,
    "Locust user": _locust_loop,
}
