"""Ground for the sources' suites: a system's database, many sessions, and faults in mid-call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import asyncpg
import pytest

from clients.connections import open_pool
from clients.retry import Caller, Policy
from crossfoot.background import BackgroundServer
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

MANY = 100
SESSIONS = MANY + 10
SEED = 20260205

_UNDER_WAY = """
select count(*), max(query_start), clock_timestamp()
from pg_stat_activity
where datname = current_database() and application_name = 'clients'
    and state = 'active' and wait_event_type = 'Lock'
"""

# Raises in mid-call, or waits there until advisory lock 1 is to be had.
_FAULTS = """
create schema faults;
grant usage on schema faults to public;
create function faults.fail() returns trigger language plpgsql as
$$ begin raise exception 'disk full' using errcode = 'disk_full'; end $$;
create function faults.wait() returns trigger language plpgsql as
$$ begin perform pg_advisory_xact_lock(1); return new; end $$;
"""


@dataclass
class System:
    """One system in a database of its own.

    ``backstage`` is a superuser's session: it sets the scene and looks what is there. ``pool`` are
    the sessions of the backend, at most SESSIONS of them.
    """

    server: BackgroundServer
    target: Target
    backstage: Any
    pool: asyncpg.Pool
    dsn: str
    connect: Any
    random: Random = field(default_factory=lambda: Random(SEED))

    def caller(self, attempts: int = 8) -> Caller:
        policy = Policy(attempts, 0.01, 0.2, patience=30.0, random=Random(SEED))
        return Caller(self.pool, policy)

    async def at_once(self, table: str, calls: Sequence[Awaitable[Any]]) -> list[Any]:
        """Make calls that overlap, and return what they return or raise.

        A lock on ``table`` holds them up where they first need it. It is released when the server
        has seen all of them under way at one moment: each began before it and had not ended.
        """
        gate = await self.connect()
        try:
            await gate.execute(f"begin; lock table {table} in exclusive mode")
            tasks = [asyncio.ensure_future(call) for call in calls]
            under_way, last_began, seen = 0, None, None
            while under_way < len(tasks) and not any(task.done() for task in tasks):
                await asyncio.sleep(0.01)
                under_way, last_began, seen = await self.backstage.fetchrow(_UNDER_WAY)
            released = await gate.fetchval("select clock_timestamp()")
            ended_before = [task for task in tasks if task.done()]
            await gate.execute("commit")
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await gate.close()
        assert (under_way, ended_before) == (len(tasks), [])
        assert last_began is not None
        assert last_began < seen < released
        return outcomes

    @asynccontextmanager
    async def fault(self, kind: str, moment: str, when: str = "true") -> AsyncIterator[None]:
        """Let calls ``fail`` or ``wait`` at a moment such as "before update on schema.table".

        ``when`` is a condition on the row, as of a trigger.
        """
        table = moment.rsplit(maxsplit=1)[-1]
        await self.backstage.execute(
            f"create trigger fault {moment} for each row when ({when}) "
            f"execute function faults.{kind}()"
        )
        try:
            yield
        finally:
            await self.backstage.execute(f"drop trigger fault on {table}")

    async def waiting(self) -> int:
        """Return the process id of the session that waits for advisory lock 1."""
        while True:
            pid = await self.backstage.fetchval(
                "select pid from pg_locks where locktype = 'advisory' and not granted "
                "and database = (select oid from pg_database where datname = current_database())"
            )
            if pid:
                return int(pid)
            await asyncio.sleep(0.005)

    @asynccontextmanager
    async def impatient(self, lock_timeout: str) -> AsyncIterator[Caller]:
        """Yield a caller whose calls wait that long for a lock and are tried twice."""
        dsn = f"{self.dsn}{'&' if '?' in self.dsn else '?'}lock_timeout={lock_timeout}"
        async with open_pool(dsn, size=1) as pool:
            yield Caller(pool, Policy(attempts=2, first_pause=0.01, random=Random(SEED)))

    async def value(self, query: str, *arguments: object) -> Any:
        return await self.backstage.fetchval(query, *arguments)

    async def failing_audits(self) -> list[str]:
        """Return the audits of the target that fail on what the tests have left behind."""
        checks = await run_audits(self.backstage, AuditSet.of(self.target))
        assert any(check.verdict is Verdict.PASS for check in checks)
        return [check.name for check in checks if check.verdict is Verdict.FAIL]


@asynccontextmanager
async def open_system(server: BackgroundServer, name: str) -> AsyncIterator[System]:
    """Yield a system in a new database. Skips where the server has too few connections."""
    target = find_targets([name])[0]
    async with Workbench(server.server).as_written(target) as form:
        dsn = server.server.dsn(form.database)
        backstage = await server.server.connect(form.database)
        try:
            limit = int(await backstage.fetchval("show max_connections"))
            if limit < SESSIONS + 20:
                pytest.skip(f"the server allows {limit} connections, {SESSIONS + 20} are needed")
            await backstage.execute(_FAULTS)
            async with open_pool(dsn, size=SESSIONS) as pool:
                connect = partial(server.server.connect, form.database)
                yield System(server, target, backstage, pool, dsn, connect)
        finally:
            await backstage.close()


def of_kind(outcomes: Sequence[Any], kind: type) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]


def reasons(outcomes: Sequence[Any]) -> set[str]:
    """Return why calls were refused. What is neither an answer nor a refusal is raised."""
    from clients.retry import Refused

    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, Refused):
            raise outcome
    return {outcome.reason for outcome in outcomes if isinstance(outcome, Refused)}
