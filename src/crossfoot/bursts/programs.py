"""Bursts of application code: what every caller runs is a coroutine function, handed a connection.

What it sends can't be known, so no gate can stand in it. Instead all tables are locked until every
caller's first statement that touches one waits inside the server; then they are let go together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from crossfoot.bursts.overlap import Overlap
from crossfoot.driver import NO_ANSWER, Answer
from crossfoot.history.record import CallRecord
from crossfoot.outcome import outcome_of_error
from crossfoot.target import Operation
from crossfoot.verdicts import Outcome

_TABLES = """
select format('%I.%I', namespace.nspname, class.relname)
from pg_class as class
inner join pg_namespace as namespace on class.relnamespace = namespace.oid
where class.relkind in ('r', 'p') and namespace.nspname = any($1)
order by 1
"""
_WAITING = "select count(distinct pid) from pg_locks where pid = any($1) and not granted"
_LOOK = 0.001  # seconds between looks at who waits
# A program that touches no table isn't waited for longer.
_GATHERING = 2.0  # seconds since the last one came

_GIVEN_UP: Answer = (Outcome.UNKNOWN, {"message": "no answer in time"}, "")

Ending = tuple[int, Answer]

# A transaction that began before this statement did, and is still there when the statement looks,
# was open at the moment at which the statement began. All that one look finds share that moment.
_OPEN_NOW = """
select pid from pg_stat_activity where pid = any($1) and xact_start < statement_timestamp()
"""


@dataclass(frozen=True)
class Program:
    """What every caller runs, and which endings are business answers.

    Errors of PostgreSQL are judged by ``operation``; of other exceptions, those of the types in
    ``refused`` are refusals, and the rest errors.
    """

    name: str
    run: Callable[[asyncpg.Connection], Awaitable[object]]
    operation: Operation | None = None
    refused: tuple[type[Exception], ...] = ()

    def judged(self, error: Exception) -> Answer:
        """Return what an exception of the program means."""
        message = str(getattr(error, "message", "") or error)
        if isinstance(error, NO_ANSWER):
            return Outcome.UNKNOWN, {"message": message}, ""
        if isinstance(error, asyncpg.PostgresError):
            sqlstate = str(error.sqlstate)
            outcome = outcome_of_error(self.operation, sqlstate, message)
            return outcome, {"message": message}, sqlstate
        outcome = Outcome.REFUSED if isinstance(error, self.refused) else Outcome.ERROR
        return outcome, {"message": f"{type(error).__name__}: {error}"}, ""


@dataclass
class Watch:
    """Looks again and again which of some sessions have a transaction open."""

    statement: asyncpg.prepared_stmt.PreparedStatement
    pids: Sequence[int]
    most: int = 0
    seen: set[int] = field(default_factory=set)
    together: set[int] = field(default_factory=set)

    async def until_done(self, tasks: Sequence[asyncio.Task[Ending]], patience: float) -> None:
        """Look until the tasks are done, or ``patience`` seconds are over."""
        deadline = time.monotonic() + patience
        while not all(task.done() for task in tasks) and time.monotonic() < deadline:
            found = {row[0] for row in await self.statement.fetch(self.pids)}
            self.most = max(self.most, len(found))
            self.seen |= found
            if len(found) > 1:
                self.together |= found

    @property
    def overlap(self) -> Overlap:
        """Return what was seen. What took place between two looks is left out."""
        return Overlap(len(self.pids), len(self.seen), len(self.together), self.most)


async def play(
    program: Program,
    control: asyncpg.Connection,
    callers: Sequence[asyncpg.Connection],
    schemas: Sequence[str],
    patience: float,
) -> tuple[list[CallRecord], Overlap]:
    """Run a program over each connection, all at once; ``patience`` is seconds for their answers.

    ``schemas`` are those whose tables are locked until all are there.
    """
    pids = [each.get_server_pid() for each in callers]
    watch = Watch(await control.prepare(_OPEN_NOW), pids)
    tasks: list[asyncio.Task[Ending]] = []
    try:
        async with control.transaction():
            if tables := [row[0] for row in await control.fetch(_TABLES, schemas)]:
                await control.execute(f"lock table {', '.join(tables)} in access exclusive mode")
            tasks += [asyncio.create_task(_play(program, connection)) for connection in callers]
            await _gathered(control, pids, tasks)
            start = time.monotonic_ns()
        await watch.until_done(tasks, patience)
    finally:
        for task in tasks:
            task.cancel()
        endings = await asyncio.gather(*tasks, return_exceptions=True)
    calls = []
    for number, ending in enumerate(endings, start=1):
        end, answer = (0, _GIVEN_UP) if isinstance(ending, BaseException) else ending
        outcome, result, sqlstate = answer
        session = f"caller_{number}"
        calls.append(
            CallRecord(number, session, program.name, outcome, start, end, {}, "", result, sqlstate)
        )
    return calls, watch.overlap


async def _gathered(
    control: asyncpg.Connection, pids: Sequence[int], tasks: Sequence[asyncio.Task[Ending]]
) -> None:
    """Wait until every session waits for a lock or is through, as long as more of them come."""
    waiting = await control.prepare(_WAITING)
    most, came = 0, time.monotonic()
    while most < len(tasks) and time.monotonic() < came + _GATHERING:
        there = await waiting.fetchval(pids) + sum(task.done() for task in tasks)
        if there > most:
            most, came = there, time.monotonic()
        await asyncio.sleep(_LOOK)


async def _play(program: Program, connection: asyncpg.Connection) -> Ending:
    """Run a program to its end; return when it ended (0: nobody knows) and how."""
    try:
        value = await program.run(connection)
    except Exception as error:
        ending = 0 if isinstance(error, NO_ANSWER) else time.monotonic_ns(), program.judged(error)
    else:
        ending = time.monotonic_ns(), (Outcome.OK, {"returned": repr(value)}, "")
    if not connection.is_closed() and connection.is_in_transaction():
        await connection.execute("rollback")
    return ending
