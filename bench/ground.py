"""What is called when drivers are compared, where it lives, and closed loops of calls by ours."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processor import Meter
from bench.reference_calls import SYSTEMS
from bench.references import open_reference
from crossfoot.driver import Caller, Note
from crossfoot.server import Server
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.sql import bind, names_in
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Outcome
from crossfoot.workbench import Workbench

_DRAWN = 1000  # accounts that a caller of ours has drawn beforehand, as pgbench draws in C
_PAY = Path(__file__).parent / "pay"
_DEDUCT = next(system for system in SYSTEMS if system.target == "license_billing")


@dataclass(frozen=True)
class Work:
    """A call of an operation on one of so many accounts, as each driver is told of it.

    ``script`` is pgbench's statement about ``:account``, ``arguments`` are a caller's for an account's
    number, and ``user`` is the class of Locust's users that make the call without a pause.
    """

    name: str
    operation: str
    script: str
    arguments: Callable[[int], Mapping[str, Any]]
    accounts: int
    user: str


def _charge(where: str, accounts: int, user: str) -> Work:
    statement = "select * from pay.charge(:account, 1)"
    arguments = lambda account: {"account": account, "amount": 1}  # noqa: E731
    return Work(f"one UPDATE, {where}", "charge", statement, arguments, accounts, user)


def _deduct(account: int) -> Mapping[str, Any]:
    return {"license_key": f"key {account}", "amount": 1, "request_id": uuid.uuid4()}


CHARGES = [
    _charge("a hot row", 1, "HotPayer"),
    _charge("1000 rows", 1000, "SpreadPayer"),
]
DEDUCTION = Work(
    "deduct_credits, one license",
    "deduct_credits",
    _DEDUCT.filled(_DEDUCT.calls["deduct_credits"], ":account"),
    _deduct,
    1,
    "Licensee",
)


@dataclass(frozen=True)
class Loop:
    """How a closed loop went: calls per second, and processor time per call in µs."""

    rate: float
    client: float
    server: float


@dataclass(frozen=True)
class Ground:
    """A database with what is called in it."""

    server: Server
    target: Target
    database: str

    @property
    def role(self) -> str:
        """Return whose rights calls are made with; empty for the server's own user."""
        return self.target.target.role or ""

    async def vacuum(self) -> None:
        """Take dead rows away, since nobody else does here and whoever comes later has more of them."""
        connection = await self.server.connect(self.database)
        await connection.execute("vacuum")
        await connection.close()

    @asynccontextmanager
    async def callers(
        self, count: int, work: Work, note: Note = lambda call: None
    ) -> AsyncIterator[list[Caller]]:
        """Yield callers of our driver, connected as pgbench is: over loopback."""
        dsn = Dsn.parse(self.server.dsn(self.database))
        settings = {"role": self.role} if self.role else {}
        connections = [await connect(dsn, settings=settings) for _ in range(count)]
        callers = [
            Caller(each, self.target.operations, f"caller {number}", note=note)
            for number, each in enumerate(connections)
        ]
        for caller in callers:
            await caller.prepare(work.operation)
        try:
            yield callers
        finally:
            await asyncio.gather(*(each.close() for each in connections))


@asynccontextmanager
async def open_charges(server: Server) -> AsyncIterator[Ground]:
    """Yield a database with the smallest of charges in it: one UPDATE in a function."""
    target, bench = load_target(_PAY / "target.toml"), Workbench(server)
    async with bench.as_written(target) as form, bench.clone(form) as database:
        yield Ground(server, target, database)


@asynccontextmanager
async def open_deductions(server: Server) -> AsyncIterator[Ground]:
    """Yield a database with a reference function that charges a license, once for each request."""
    async with open_reference(server, _DEDUCT) as (_, database, target):
        yield Ground(server, target, database)


async def closed_loop(callers: Sequence[Caller], work: Work, seconds: float) -> Loop:
    """Let each caller make one call after the other. Raises RuntimeError for one that doesn't end ok."""
    ok, operation, arguments = Outcome.OK, work.operation, work.arguments

    async def calls(caller: Caller, drawn: list[int], until: float) -> int:
        done = 0
        while not done or time.perf_counter() < until:
            call = await caller.call(operation, arguments(drawn[done % _DRAWN]))
            if call.outcome is not ok:
                raise RuntimeError(f"{call.outcome}: {call.result}")
            done += 1
        return done

    return await _measured(calls, callers, work, seconds)


async def asyncpg_loop(
    callers: Sequence[Caller], target: Target, work: Work, seconds: float
) -> Loop:
    """Do the same with asyncpg alone: nothing is judged, timed or noted."""
    called = target.operations[work.operation].call
    query = bind(called, dict.fromkeys(names_in(called), ""))

    async def calls(caller: Caller, drawn: list[int], until: float) -> int:
        statement = await caller.connection.prepare(query.text)
        done = 0
        while not done or time.perf_counter() < until:
            await statement.fetch(*work.arguments(drawn[done % _DRAWN]).values())
            done += 1
        return done

    return await _measured(calls, callers, work, seconds)


async def _measured(
    calls: Callable[[Caller, list[int], float], Awaitable[int]],
    callers: Sequence[Caller],
    work: Work,
    seconds: float,
) -> Loop:
    draws = [random.Random(number) for number in range(len(callers))]  # noqa: S311
    drawn = [[draw.randint(1, work.accounts) for _ in range(_DRAWN)] for draw in draws]
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
