"""What drives a load, side by side with pgbench calling the same function at the same time."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.pgbench import pgbench
from bench.processor import Meter, of_process
from crossfoot.driver import Caller, Note
from crossfoot.history.reading import open_history
from crossfoot.history.record import Recorder
from crossfoot.load.locust_process import Intensity, locust
from crossfoot.load.orders import Orders
from crossfoot.load.scenario import Scenario
from crossfoot.server import Server
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Outcome
from crossfoot.workbench import Workbench

CLIENTS = (8, 32)
PLACES = {"a hot row": 1, "1000 accounts": 1000}
ROUNDS = 5
SECONDS = 1
SLICES = 12  # pairs of short loops, with and without a history
SLICE = 0.5  # seconds
_SETTLE = 1.2  # seconds from Locust's first call: its users come one after the other
_LONGEST = 60  # seconds that Locust may take; it is ended before
_DRAWN = 1000  # accounts that a caller of ours has drawn beforehand, as pgbench draws in C
_PAY = Path(__file__).parent / "pay"
_SCRIPT = "\\set account random(1, {})\nselect * from pay.charge(:account, 1);"


@dataclass(frozen=True)
class Loop:
    """How a closed loop went: calls per second, and processor time per call in µs."""

    rate: float
    client: float
    server: float


@dataclass(frozen=True)
class Ground:
    """A database with the smallest of charges in it."""

    server: Server
    target: Target
    database: str

    async def vacuum(self) -> None:
        """Take dead rows away, since nobody else does here and whoever comes later has more of them."""
        connection = await self.server.connect(self.database)
        await connection.execute("vacuum pay.accounts")
        await connection.close()

    @asynccontextmanager
    async def callers(
        self, count: int, note: Note = lambda call: None
    ) -> AsyncIterator[list[Caller]]:
        """Yield callers of our driver, connected as pgbench is: over loopback."""
        dsn = Dsn.parse(self.server.dsn(self.database))
        connections = [await connect(dsn, settings={}) for _ in range(count)]
        callers = [
            Caller(each, self.target.operations, f"caller {number}", note=note)
            for number, each in enumerate(connections)
        ]
        for caller in callers:
            await caller.prepare("charge")
        try:
            yield callers
        finally:
            await asyncio.gather(*(each.close() for each in connections))


@asynccontextmanager
async def open_ground(server: Server) -> AsyncIterator[Ground]:
    """Yield the database that the drivers are compared on."""
    target, bench = load_target(_PAY / "target.toml"), Workbench(server)
    async with bench.as_written(target) as form, bench.clone(form) as database:
        yield Ground(server, target, database)


async def closed_loop(callers: Sequence[Caller], accounts: int, seconds: float) -> Loop:
    """Let each caller make one call after the other. Raises RuntimeError for one that doesn't end ok."""
    ok = Outcome.OK

    async def calls(caller: Caller, drawn: list[int], until: float) -> int:
        done = 0
        while not done or time.perf_counter() < until:
            account = drawn[done % _DRAWN]
            call = await caller.call("charge", {"account": account, "amount": 1})
            if call.outcome is not ok:
                raise RuntimeError(f"{call.outcome}: {call.result}")
            done += 1
        return done

    return await _measured(calls, callers, accounts, seconds)


async def asyncpg_loop(callers: Sequence[Caller], accounts: int, seconds: float) -> Loop:
    """Do the same with asyncpg alone: nothing is judged, timed or noted."""

    async def calls(caller: Caller, drawn: list[int], until: float) -> int:
        statement = await caller.connection.prepare("select * from pay.charge($1, $2)")
        done = 0
        while not done or time.perf_counter() < until:
            await statement.fetch(drawn[done % _DRAWN], 1)
            done += 1
        return done

    return await _measured(calls, callers, accounts, seconds)


async def _measured(
    calls: Callable[[Caller, list[int], float], Awaitable[int]],
    callers: Sequence[Caller],
    accounts: int,
    seconds: float,
) -> Loop:
    draws = [random.Random(number) for number in range(len(callers))]  # noqa: S311
    drawn = [[draw.randint(1, accounts) for _ in range(_DRAWN)] for draw in draws]
    meter = Meter()
    started, before = time.perf_counter(), meter.read()
    until = started + seconds
    going = (calls(caller, mine, until) for caller, mine in zip(callers, drawn, strict=True))
    done = sum(await asyncio.gather(*going))
    after = meter.read()
    return Loop(
        done / (time.perf_counter() - started),
        (after.own - before.own) / done * 1e6,
        (after.server - before.server) / done * 1e6,
    )


async def drivers_against_pgbench(server: Server) -> str:
    """Return two tables: calls per second of each driver, and what a call costs it and the server."""
    rates = [f"| clients | on | {' | '.join(f'{name}/s' for name in DRIVERS)} |"]
    times = [f"| clients | on | {' | '.join(DRIVERS)} |"]
    for lines in (rates, times):
        lines.append(f"|---|---|{'---|' * len(DRIVERS)}")
    async with open_ground(server) as ground:
        for clients in CLIENTS:
            for place, accounts in PLACES.items():
                rounds = [await _round(ground, clients, accounts) for _ in range(ROUNDS)]
                loops = list(zip(*rounds, strict=True))
                rates.append(f"| {clients} | {place} | {' | '.join(_rates(loops))} |")
                times.append(f"| {clients} | {place} | {' | '.join(map(_times, loops))} |")
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


def _times(loops: Sequence[Loop]) -> str:
    client = statistics.median(loop.client for loop in loops)
    return f"{client:.0f} + {statistics.median(loop.server for loop in loops):.0f}"


async def _round(ground: Ground, clients: int, accounts: int) -> list[Loop]:
    return [await drive(ground, clients, accounts) for drive in DRIVERS.values()]


async def _pgbench_loop(ground: Ground, clients: int, accounts: int) -> Loop:
    await ground.vacuum()
    meter = Meter()
    sessions, before, script = meter.sessions, meter.read(), _SCRIPT.format(accounts)
    rate = await pgbench(ground.server, ground.database, script, clients=clients, seconds=SECONDS)
    after, done = await meter.read_after(sessions), rate * SECONDS
    client, server = after.ended - before.ended, after.server - before.server
    return Loop(rate, client / done * 1e6, server / done * 1e6)


async def _asyncpg(ground: Ground, clients: int, accounts: int) -> Loop:
    await ground.vacuum()
    async with ground.callers(clients) as callers:
        return await asyncpg_loop(callers, accounts, SECONDS)


async def _driver(ground: Ground, clients: int, accounts: int) -> Loop:
    await ground.vacuum()
    async with ground.callers(clients) as callers:
        return await closed_loop(callers, accounts, SECONDS)


async def _locust_loop(ground: Ground, users: int, accounts: int) -> Loop:
    """Let Locust's direct users call while their history tells how often."""
    await ground.vacuum()
    scenario = Scenario("payers", _PAY / "payers.py", "", (ground.target,))
    classes = ("HotPayer" if accounts == 1 else "SpreadPayer",)
    intensity = Intensity(users, users, f"{_LONGEST}s", classes=classes)
    with tempfile.TemporaryDirectory() as folder:
        dsn, meter = ground.server.dsn(ground.database), Meter()
        orders = Orders(dsn, out=folder, connections=users, attached=True)
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


def shares(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Return the median of the rounds' ratios, and their spread: "82 % (70 to 90)"."""
    ratios = [100 * a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.0f} % ({min(ratios):.0f} to {max(ratios):.0f})"


async def cost_of_history(server: Server) -> str:
    """Return what keeping a history takes from a closed loop of eight callers on 1000 accounts."""
    with_it: list[Loop] = []
    without: list[Loop] = []
    async with open_ground(server) as ground:
        for number in range(SLICES):
            order: list[Callable[[Ground], Awaitable[None]]] = [
                lambda ground: _slice(ground, without, lambda call: None),
                lambda ground: _recorded(ground, with_it),
            ]
            for each in order if number % 2 else reversed(order):
                await each(ground)
    rates = [a.rate / b.rate for a, b in zip(with_it, without, strict=True)]
    client = [statistics.median(each.client for each in loops) for loops in (with_it, without)]
    whole = statistics.median(each.client + each.server for each in without)
    return (
        f"- calls per second with a history: {statistics.median(rates):.1%} of those without"
        f" (median of {SLICES} pairs; {min(rates):.0%} to {max(rates):.0%})\n"
        f"- the caller's processor time per call: {client[0]:.1f} µs with it, {client[1]:.1f} µs"
        f" without; the difference is {(client[0] - client[1]) / whole:.1%} of what a call costs"
        " caller and server"
    )


async def _recorded(ground: Ground, loops: list[Loop]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.ndjson"
        with Recorder(path, target="pay", scenario="bench", seed=1, began="") as recorder:
            await _slice(ground, loops, recorder.add)


async def _slice(ground: Ground, loops: list[Loop], note: Note) -> None:
    await ground.vacuum()
    async with ground.callers(8, note) as callers:
        loops.append(await closed_loop(callers, 1000, SLICE))
