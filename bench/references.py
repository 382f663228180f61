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
_PAY = Path(__file__).parent / "pay" / "target.toml"
_CHARGE = "\\set account random(1, {})\nselect * from pay.charge(:account, 1);"
_YARDSTICKS = (
    *(f"TPC-B, scale {scale}" for scale in SCALES),
    "one UPDATE in a function, hot row",
    "one UPDATE in a function, 1000 rows",
)
_THINGS = "create sequence bench_thing start 10; grant usage on sequence bench_thing to public;"


@dataclass(frozen=True)
class Row:
    """How many calls of a function there were per second, on one account and on many."""

    system: str
    function: str
    hot: float
    spread: float


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
    """Return two tables: the yardsticks, measured between the systems, and the functions."""
    rows: list[Row] = []
    async with _yardsticks(server) as yardsticks:
        measured = [await yardsticks.measure()]
        for system in SYSTEMS:
            rows += await _rows(server, system)
            measured.append(await yardsticks.measure())
    medians = [statistics.median(rates) for rates in zip(*measured, strict=True)]
    lines = ["| yardstick | per second | spread |", "|---|---|---|"]
    for name, median, rates in zip(_YARDSTICKS, medians, zip(*measured, strict=True), strict=True):
        lines.append(f"| {name} | {median:,.0f} | {min(rates):,.0f} to {max(rates):,.0f} |")
    lines += [
        "",
        f"| function | one account | of one UPDATE | {SPREAD} accounts | of TPC-B, scale {SCALES[-1]} |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.system}.{row.function} | {row.hot:,.0f} | {row.hot / medians[-2]:.0%}"
        f" | {row.spread:,.0f} | {row.spread / medians[1]:.0%} |"
        for row in rows
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


async def _rows(server: Server, system: System) -> list[Row]:
    """Measure the functions of one system in a database of its own."""
    (target,) = find_targets([system.target])
    async with (
        Workbench(server).as_written(target) as form,
        Workbench(server).clone(form) as database,
    ):
        control = await server.connect(database)
        try:
            await control.execute(_THINGS + system.once)
            for account in range(1, SPREAD + 1):
                await control.execute(system.filled(system.each, str(account)))
            await control.execute("vacuum analyze")
            rows = []
            for name, call in system.calls.items():
                await _try(control, target, name, system.filled(call, "1"))
                rows.append(
                    await _row(server, database, target, name, system.filled(call, ":account"))
                )
            return rows
        finally:
            await control.close()


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


async def _row(server: Server, database: str, target: Target, name: str, call: str) -> Row:
    rates = []
    for accounts in (1, SPREAD):
        script = f"\\set account random(1, {accounts})\n{call};"
        role = target.target.role or ""
        rates.append(await pgbench(server, database, script, clients=CLIENTS, role=role))
    return Row(target.name, name, *rates)
