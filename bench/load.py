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

from bench.pgbench import pgbench
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
ROUNDS = 3
SECONDS = 1
SLICES = 12  # pairs of short loops, with and without a history
SLICE = 0.5  # seconds
_COUNTED = 1_000_000_000  # nanoseconds of Locust's run that count: the last ones
_PAY = Path(__file__).parent / "pay"
_SCRIPT = "\\set account random(1, {})\nselect * from pay.charge(:account, 1);"


@dataclass(frozen=True)
class Loop:
    """How a closed loop went: calls per second, and its own processor time per call, in µs."""

    rate: float
    cpu: float


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
    deadline = time.perf_counter() + seconds

    async def calls(caller: Caller, draw: random.Random) -> int:
        done = 0
        while time.perf_counter() < deadline:
            call = await caller.call("charge", {"account": draw.randint(1, accounts), "amount": 1})
            if call.outcome is not Outcome.OK:
                raise RuntimeError(f"{call.outcome}: {call.result}")
            done += 1
        return done

    started, used = time.perf_counter(), time.process_time()
    draws = [random.Random(number) for number in range(len(callers))]  # noqa: S311
    done = sum(await asyncio.gather(*map(calls, callers, draws)))
    used = time.process_time() - used
    return Loop(done / (time.perf_counter() - started), used / done * 1e6)


async def drivers_against_pgbench(server: Server) -> str:
    """Return a table: our driver's calls per second and those of Locust's direct users, of pgbench's."""
    lines = [
        "| clients | on | pgbench/s | driver/s | of pgbench's | Locust user/s | of pgbench's |",
        "|---|---|---|---|---|---|---|",
    ]
    async with open_ground(server) as ground:
        for clients in CLIENTS:
            for place, accounts in PLACES.items():
                rounds = [await _round(ground, clients, accounts) for _ in range(ROUNDS)]
                theirs, driven, locusts = zip(*rounds, strict=True)
                lines.append(
                    f"| {clients} | {place} | {statistics.median(theirs):,.0f}"
                    f" | {statistics.median(driven):,.0f} | {shares(driven, theirs)}"
                    f" | {statistics.median(locusts):,.0f} | {shares(locusts, theirs)} |"
                )
    lines += [
        "",
        f"Medians of {ROUNDS} rounds, in which the three take turns, and the ratios' spread.",
    ]
    lines += ["Where others use the machine too, a single process gets less of it than pgbench's"]
    lines += ["connections do: only the ratios of a quiet machine are those of the drivers."]
    return "\n".join(lines)


async def _round(ground: Ground, clients: int, accounts: int) -> tuple[float, float, float]:
    await ground.vacuum()
    theirs = await pgbench(
        ground.server, ground.database, _SCRIPT.format(accounts), clients=clients, seconds=SECONDS
    )
    async with ground.callers(clients) as callers:
        driven = await closed_loop(callers, accounts, SECONDS)
    return theirs, driven.rate, await _locust_rate(ground, clients, accounts)


async def _locust_rate(ground: Ground, users: int, accounts: int) -> float:
    """Return the calls per second of Locust's direct users, told by their history."""
    scenario = Scenario("payers", _PAY / "payers.py", "", (ground.target,))
    classes = ("HotPayer" if accounts == 1 else "SpreadPayer",)
    intensity = Intensity(users, users, f"{SECONDS + 2}s", classes=classes)
    with tempfile.TemporaryDirectory() as folder:
        dsn = ground.server.dsn(ground.database)
        orders = Orders(dsn, out=folder, connections=users, attached=True)
        async with locust(scenario, intensity, "", orders, Path(folder)) as process:
            await process.wait()
        calls = [call for _, call in open_history([Path(folder)]).calls()]
    if any(call.outcome is not Outcome.OK for call in calls):
        raise RuntimeError("a call of Locust's users didn't end ok")
    ends = sorted(call.end for call in calls)
    # The first second is that of connecting, and of users who come one after the other.
    counted = [end for end in ends if end >= ends[-1] - _COUNTED]
    return len(counted) / _COUNTED * 1e9


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
    cpu = [statistics.median(each.cpu for each in loops) for loops in (with_it, without)]
    share = statistics.median(rates)
    return (
        f"- calls per second with a history: {share:.1%} of those without (median of {SLICES} pairs;"
        f" {min(rates):.0%} to {max(rates):.0%})\n"
        f"- the caller's processor time per call: {cpu[0]:.1f} µs with it, {cpu[1]:.1f} µs without"
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
