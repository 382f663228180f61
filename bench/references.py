"""How many calls per second each reference function stands, with pgbench's TPC-B as the yardstick.

Every call is made by pgbench, so that no driver of ours is in between: by eight clients on one account
that all of them share, and on a hundred. Keys are new with each call. Where a function can be called
once for a thing, its statement makes the thing first, and the figure is of both calls together.
"""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.pgbench import initialise, pgbench, tpcb
from bench.reference_calls import SYSTEMS, System
from crossfoot.outcome import outcome_of_rows
from crossfoot.rendering import render
from crossfoot.server import Server
from crossfoot.target import Target, find_targets, load_target
from crossfoot.verdicts import Outcome
from crossfoot.workbench import Workbench

CLIENTS = 8
SPREAD = 100
SCALES = (1, 10)
ROUNDS = 3
_PAY = Path(__file__).parent / "pay" / "target.toml"
_CHARGE = "\\set account random(1, {})\nselect * from pay.charge(:account, 1);"
_YARDSTICKS = (
    *(f"TPC-B, scale {scale}" for scale in SCALES),
    "one UPDATE in a function, hot row",
    "one UPDATE in a function, 1000 rows",
)
_THINGS = "create sequence bench_thing start 10; grant usage on sequence bench_thing to public;"


@dataclass(frozen=True)
class Round:
    """Calls per second of a function on one account and on many, and of TPC-B at each scale."""

    hot: float
    spread: float
    tpcb: Sequence[float]


@dataclass(frozen=True)
class Row:
    """The rounds of one function. ``spends`` says that it is the system's way to take credits."""

    system: str
    function: str
    spends: bool
    rounds: Sequence[Round]

    @property
    def hot(self) -> str:
        """Return the calls per second on one account, and what that is of TPC-B at scale 1."""
        return _said([each.hot for each in self.rounds], [each.tpcb[0] for each in self.rounds])

    @property
    def spread(self) -> str:
        """Return the calls per second on many accounts, and what that is of TPC-B at scale 10."""
        return _said([each.spread for each in self.rounds], [each.tpcb[1] for each in self.rounds])


def _said(rates: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = [a / b for a, b in zip(rates, theirs, strict=True)]
    return f"{statistics.median(rates):,.0f} | {statistics.median(ratios):.0%}"


@dataclass(frozen=True)
class Yardsticks:
    """Databases to measure the machine by: TPC-B at each scale, and one UPDATE in a function."""

    server: Server
    tpcb: Sequence[str]
    pay: str

    async def measure(self) -> list[float]:
        """Return the calls per second of each, in the order of ``_YARDSTICKS``."""
        rates = [await tpcb(self.server, name, clients=CLIENTS) for name in self.tpcb]
        for accounts in (1, 1000):
            script = _CHARGE.format(accounts)
            rates.append(await pgbench(self.server, self.pay, script, clients=CLIENTS))
        return rates


async def references_against_tpcb(server: Server) -> str:
    """Return three tables: what a hot account stands, every function, and the yardsticks."""
    rows: list[Row] = []
    measured: list[list[float]] = []
    async with _yardsticks(server) as yardsticks:
        for system in SYSTEMS:
            rows += await _rows(server, system, yardsticks, measured)
    beside = f"of TPC-B, scale {SCALES[0]}"
    lines = [
        f"| system | {CLIENTS} clients spend from one account by | calls per second | {beside} |",
        "|---|---|---|---|",
        *(f"| {row.system} | {row.function} | {row.hot} |" for row in rows if row.spends),
        "",
        f"| function | one account | {beside} | {SPREAD} accounts | of TPC-B, scale {SCALES[1]} |",
        "|---|---|---|---|---|",
        *(f"| {row.system}.{row.function} | {row.hot} | {row.spread} |" for row in rows),
        "",
        "| yardstick | per second | spread |",
        "|---|---|---|",
    ]
    for name, rates in zip(_YARDSTICKS, zip(*measured, strict=True), strict=True):
        median = statistics.median(rates)
        lines.append(f"| {name} | {median:,.0f} | {min(rates):,.0f} to {max(rates):,.0f} |")
    lines += [
        "",
        f"Medians of {ROUNDS} rounds; each begins with the yardsticks, and the ratios are to these.",
    ]
    return "\n".join(lines)


@asynccontextmanager
async def _yardsticks(server: Server) -> AsyncIterator[Yardsticks]:
    async with AsyncExitStack() as stack:
        form = await stack.enter_async_context(Workbench(server).as_written(load_target(_PAY)))
        pay = await stack.enter_async_context(Workbench(server).clone(form))
        databases = []
        for scale in SCALES:
            databases.append(await server.create_database(f"tpcb_{scale}"))
            stack.push_async_callback(server.drop_database, databases[-1])
            await initialise(server, databases[-1], scale)
        yield Yardsticks(server, databases, pay)


async def _rows(
    server: Server, system: System, yardsticks: Yardsticks, measured: list[list[float]]
) -> list[Row]:
    """Measure the functions of one system in a database of its own, and the yardsticks beside them."""
    rounds: dict[str, list[Round]] = {name: [] for name in system.calls}
    async with open_reference(server, system) as (control, database, target):
        for _ in range(ROUNDS):
            measured.append(await yardsticks.measure())
            for name, call in system.calls.items():
                await _try(control, target, name, system.filled(call, "1"))
                hot, spread = await _rates(server, database, target, system, call)
                rounds[name].append(Round(hot, spread, measured[-1]))
    return [Row(target.name, name, name == system.spend, each) for name, each in rounds.items()]


@asynccontextmanager
async def open_reference(
    server: Server, system: System
) -> AsyncIterator[tuple[asyncpg.Connection, str, Target]]:
    """Yield a connection to a database with a system whose accounts have a history, and its name."""
    (target,) = find_targets([system.target])
    bench = Workbench(server)
    async with bench.as_written(target) as form, bench.clone(form) as database:
        control = await server.connect(database)
        try:
            await _fill(control, database, system)
            await _live(server, control, database, target, system)
            yield control, database, target
        finally:
            await control.close()


async def _fill(control: asyncpg.Connection, database: str, system: System) -> None:
    await control.execute(_THINGS + system.once)
    for account in range(1, SPREAD + 1):
        await control.execute(system.filled(system.each, str(account)))
    # The accounts fit on a page or two. A session would read the whole of them rather than an index,
    # also when a hot account has filled many more.
    await control.execute(f"alter database {database} set enable_seqscan = off")


async def _try(control: asyncpg.Connection, target: Target, name: str, call: str) -> None:
    """Make a call once. Raises RuntimeError unless it ends ok: a refusal is soon given."""
    async with control.transaction():
        if target.target.role:
            await control.execute(f"set local role {target.target.role}")
        (row,) = await control.fetch(call)
    values = [None if each is None else render(each) for each in row]
    outcome = outcome_of_rows(target.operations[name], list(row.keys()), [values])
    if outcome is not Outcome.OK:
        raise RuntimeError(f"{name} is {outcome}: {dict(row)}")


async def _live(
    server: Server, control: asyncpg.Connection, database: str, target: Target, system: System
) -> None:
    """Let a history come about, and tell the planner of it.

    With one row for each account in every table, an index on the account looks as good as a unique
    one, and a foreign key's check that takes it reads all that an account has ever done.
    """
    await control.execute("vacuum analyze")
    for call in system.calls.values():
        await _rates(server, database, target, system, call)
    await control.execute("vacuum analyze")


async def _rates(
    server: Server, database: str, target: Target, system: System, call: str
) -> list[float]:
    """Return the calls per second on one account, and on many."""
    role = target.target.role or ""
    call = system.filled(call, ":account")
    scripts = [f"\\set account random(1, {accounts})\n{call};" for accounts in (1, SPREAD)]
    return [
        await pgbench(server, database, script, clients=CLIENTS, role=role) for script in scripts
    ]
