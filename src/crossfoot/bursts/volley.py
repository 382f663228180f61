"""A volley: calls that wait inside the server, are let go at one instant, and tell when they ran.

Each caller's statement is the call with a gate before it. The gate is an advisory lock that the
controller holds; when it lets go, PostgreSQL wakes all callers at once, without a client in between.
Then the server's clock is read, the call made, and the clock read again, all in one statement and so
in one transaction, which commits afterwards as the application's would. On one processor short calls
run to their ends one after another; ``linger`` keeps each transaction open for a while, as a slow disk
or an application with more to do would, and others come in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from crossfoot.bursts.overlap import Overlap, Span, overlap_of
from crossfoot.bursts.programs import Program, play
from crossfoot.driver import FAILURES, NO_ANSWER, Answer, Prepared
from crossfoot.history.record import CallRecord
from crossfoot.sql import Query
from crossfoot.target import Operation
from crossfoot.verdicts import Outcome

# Of the keys that server/locks.py reserves; these two are used in the database under test.
GATE = 0x43460010
MARK = 0x43460011

# An error takes the answer away and the times with it. A session's advisory lock outlives an error,
# so the beginning is also written down as the number of one: microseconds since the gate was closed.
_GATED = """
select gate.began, {end} as ended, answer.*
from (
    select
        opened.began,
        pg_advisory_lock_shared({mark}, (extract(epoch from opened.began - '{base}') * 1000000)::integer)
    from (
        select case when pg_advisory_xact_lock_shared({gate}, 0) is not null then clock_timestamp() end
    ) as opened (began)
) as gate (began, marked)
left join lateral (select true as answered, called.* from ({call}) as called) as answer on true
"""
_NOW = "clock_timestamp()"
_LATER = "case when pg_sleep({linger}) is not null then clock_timestamp() end"  # void isn't null
_OWN_COLUMNS = 3
_WAITING = """
select count(*) from pg_locks
where locktype = 'advisory' and classid = $1 and not granted
  and database = (select oid from pg_database where datname = current_database())
"""
_MARKS = """
select mark.pid, mark.objid::bigint as began, activity.state_change as ended
from pg_locks as mark
inner join pg_stat_activity as activity on mark.pid = activity.pid
where mark.locktype = 'advisory' and mark.classid = $1 and activity.state = 'idle'
  and mark.database = (select oid from pg_database where datname = current_database())
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOOK = 0.001  # seconds between looks at who waits at the gate


@dataclass(frozen=True)
class Part:
    """What one caller sends: a query with the values that it names, and what goes into the history.

    ``entity`` says which calls are about the same thing, ``key`` what makes a repeat of one known.
    """

    operation: str
    query: Query
    values: Mapping[str, object]
    arguments: Mapping[str, Any]
    entity: int = 0
    key: str = ""


@dataclass(frozen=True)
class Volley:
    """The calls of a volley, with ids from 1 in the callers' order, and how far they overlapped.

    ``linger`` is for how many seconds each transaction stayed open after its call.
    """

    calls: list[CallRecord]
    overlap: Overlap
    linger: float = 0.0


class Range:
    """Connections that volleys are sent over, and the controller's, all to one database.

    ``patience`` is how many seconds callers may take to reach the gate, and again for their answers.
    """

    def __init__(
        self,
        control: asyncpg.Connection,
        callers: Sequence[asyncpg.Connection],
        operations: Mapping[str, Operation],
        patience: float = 60.0,
    ) -> None:
        self.control = control
        self.callers = callers
        self._operations = operations
        self._patience = patience

    async def volley(self, parts: Sequence[Part], linger: float = 0.0) -> Volley:
        """Send a part over each connection, all at once, and return what came of it.

        ``linger`` is for how many seconds each transaction stays open after its call (for a call with
        several rows, after each). Raises asyncpg.PostgresError for a statement that PostgreSQL can't prepare.
        """
        callers = self.callers[: len(parts)]
        await self.control.execute(f"select pg_advisory_lock({GATE}, 0)")
        closed = True
        base = await self.control.fetchval("select clock_timestamp()")
        shooters = [
            _Shooter(connection, part, self._operations.get(part.operation))
            for connection, part in zip(callers, parts, strict=True)
        ]
        tasks: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(*(shooter.prepare(base, linger) for shooter in shooters))
            tasks = [asyncio.create_task(shooter.shoot()) for shooter in shooters]
            await asyncio.wait_for(self._until_at_gate(tasks), self._patience)
            released = time.monotonic_ns()
            await self.control.execute(f"select pg_advisory_unlock({GATE}, 0)")
            closed = False
            await asyncio.wait(tasks, timeout=self._patience)
        finally:
            if closed:
                await self.control.execute(f"select pg_advisory_unlock({GATE}, 0)")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()
        await self._time(shooters, base)
        calls = [shooter.call(number, released) for number, shooter in enumerate(shooters, start=1)]
        spans = [shooter.span for shooter in shooters if shooter.span]
        return Volley(calls, overlap_of(spans, len(calls)), linger)

    async def programs(self, program: Program, schemas: Sequence[str]) -> Volley:
        """Run application code over each connection, all at once, and return what came of it."""
        patience = self._patience
        calls, overlap = await play(program, self.control, self.callers, schemas, patience)
        return Volley(calls, overlap)

    async def _until_at_gate(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        waiting = await self.control.prepare(_WAITING)
        while await waiting.fetchval(GATE) + sum(task.done() for task in tasks) < len(tasks):
            await asyncio.sleep(_LOOK)

    async def _time(self, shooters: Sequence[_Shooter], base: datetime) -> None:
        """Look up when the calls that ended in an error ran, and clear away what they left for it."""
        marks = {row["pid"]: row for row in await self.control.fetch(_MARKS, MARK)}
        for shooter in shooters:
            mark = marks.get(shooter.pid)
            if shooter.span is None and mark is not None:
                began = _microseconds(base) + mark["began"]
                shooter.span = Span(shooter.part.entity, began, _microseconds(mark["ended"]))
        clear = "select pg_advisory_unlock_all()"
        alive = [each.connection for each in shooters if not each.connection.is_closed()]
        await asyncio.gather(*(connection.execute(clear) for connection in alive))


class _Shooter:
    """One caller in one volley."""

    def __init__(
        self, connection: asyncpg.Connection, part: Part, operation: Operation | None
    ) -> None:
        self.connection = connection
        self.pid = connection.get_server_pid()
        self.part = part
        self.span: Span | None = None
        self._operation = operation
        self._values = part.query.arguments(part.values)
        self._end = 0
        self._answer: Answer = Outcome.UNKNOWN, {}, ""

    async def prepare(self, base: datetime, linger: float) -> None:
        text = _GATED.format(
            gate=GATE,
            mark=MARK,
            base=base.isoformat(),
            call=self.part.query.text,
            end=_LATER.format(linger=linger) if linger else _NOW,
        )
        statement = await self.connection.prepare(text)
        self._prepared = Prepared(statement, self.part.query.names, self._operation, _OWN_COLUMNS)

    async def shoot(self) -> None:
        try:
            rows = await self._prepared.fetch(*self._values)
        except FAILURES as error:
            self._end = 0 if isinstance(error, NO_ANSWER) else time.monotonic_ns()
            self._answer = self._prepared.failure(error)
            return
        self._end = time.monotonic_ns()
        began, ended = _microseconds(rows[0][0]), _microseconds(rows[-1][1])
        self.span = Span(self.part.entity, began, ended)
        self._answer = self._prepared.answer(rows if rows[0][2] else [])

    def call(self, number: int, released: int) -> CallRecord:
        outcome, result, sqlstate = self._answer
        return CallRecord(
            id=number,
            session=f"caller_{number}",
            operation=self.part.operation,
            outcome=outcome,
            start=released,
            end=self._end,
            arguments=dict(self.part.arguments),
            key=self.part.key,
            result=result,
            sqlstate=sqlstate,
            server_start=self.span.start if self.span else 0,
            server_end=self.span.end if self.span else 0,
        )


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
