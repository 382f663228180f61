"""Sessions that are programs: application code, of which each statement that it sends is a stop.

A program is a coroutine function that is handed a connection. What it does between two statements
belongs to the first of them. Inside the functions that its statements call, steps stop it as they do
any session. The unit that must look as if it ran alone is the whole program, not its transactions:
a handler that reads in one and writes in the next is what is looked for here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from crossfoot.explorer.client import Client, Place
from crossfoot.explorer.footprint import NOTHING, not_all_counted
from crossfoot.explorer.race import Call, Race, Session
from crossfoot.explorer.trace import CallResult, Event, Trace
from crossfoot.sql import Query, statements
from crossfoot.verdicts import RETRYABLE_SQLSTATES, Outcome

Program = Callable[["SteppedConnection"], Awaitable[object]]


@dataclass(frozen=True)
class ProgramSession(Session):
    """A session whose one transaction stands for all that its program does."""

    program: Program | None = None

    @property
    def does(self) -> object:
        """Return something of its own: what a program does is nobody's to know."""
        return object()

    @classmethod
    def of(cls, number: int, name: str, program: Program) -> ProgramSession:
        """Return the session of a program."""
        return cls(name, ((Call(Query("", ()), name, number),),), program)


class ProgramClient(Client):
    """One session that a program plays."""

    def begin(self, session: Session, isolation: str, trace: Trace) -> None:
        """Take the program's part in a new schedule. It starts when it is let go for the first time."""
        super().begin(session, isolation, trace)
        self.started = False
        self.explicit = False  # the program has begun a transaction of its own
        self._go: asyncio.Future[None] | None = None
        self._next: str | None = None

    def starts_quietly(self) -> bool:
        """Say whether all that comes next is code of its own: up to its first statement."""
        return self.place is Place.READY and not self.started

    async def open(self, *, look: bool) -> None:
        """Begin a transaction for the next statement, unless it is a COMMIT or there is none."""
        if self._next is not None:
            await super().open(look=look)

    def send(self) -> None:
        """Let the program go on."""
        self.place = Place.RUNNING
        if not self.started:
            self.started = True
            self.task = asyncio.get_running_loop().create_task(self._play())
        elif self._go and not self._go.done():
            self._go.set_result(None)

    async def _play(self) -> None:
        assert isinstance(self.session, ProgramSession)
        assert self.session.program
        call = self.session.transactions[0][0]
        try:
            value = await self.session.program(SteppedConnection(self))
            result = CallResult(call, Outcome.OK, ("returned",), ((repr(value),),))
        except asyncpg.PostgresError as error:
            retryable = str(error.sqlstate) in RETRYABLE_SQLSTATES
            outcome = Outcome.RETRYABLE if retryable else Outcome.REFUSED
            result = CallResult(call, outcome, sqlstate=str(error.sqlstate), message=str(error))
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            result = CallResult(call, Outcome.REFUSED, sqlstate="raised", message=told)
        if self.connection.is_in_transaction():
            await self.connection.execute("rollback")
        self.results[-1].append(result)
        self._stands(Place.DONE)

    async def stand_before(self, statement: str | None) -> None:
        """Stand before a statement, or before a COMMIT (None), until the controller lets it go on."""
        if statement is not None and not_all_counted(statement):
            self.looks.watch = NOTHING
        self._next = statement
        self._go = asyncio.get_running_loop().create_future()
        self._stands(Place.READY)
        await self._go

    async def run(self, shown: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Send one statement when its turn comes; outside of a transaction also its COMMIT."""
        await self.stand_before(shown)
        self.sent = shown
        call = Call(Query(shown, ()), shown, 0)
        self._trace.events.append(Event(self.index, "call", call=call))
        try:
            value = await work()
            await self.look()
        except asyncpg.PostgresError as error:
            await self._statement_failed(call, error)
            raise
        self.woke()
        if not self.explicit:
            await self.commit()
        return value

    async def _statement_failed(self, call: Call, error: asyncpg.PostgresError) -> None:
        sqlstate = str(error.sqlstate)
        if sqlstate == "40P01":
            self._trace.note_deadlock()
            self.place = Place.RUNNING  # it never got the lock
        self.lost_patience(str(error))
        self.woke()
        told = CallResult(call, Outcome.ERROR, sqlstate=sqlstate, message=str(error))
        self._trace.events.append(Event(self.index, "error", call=call, result=told))
        self.ended += 1
        if not self.explicit:
            await self.connection.execute("rollback")
            self.fresh = True

    async def commit(self) -> None:
        """Commit when its turn comes."""
        await self.stand_before(None)
        self._trace.events.append(Event(self.index, "commit"))
        await self.connection.execute("commit")
        self.woke()
        self.ended += 1
        self.fresh = True

    async def rollback(self) -> None:
        """Roll back, at once: nobody can see it but by the locks that it gives up."""
        self.looks.watch = NOTHING
        await self.connection.execute("rollback")
        self.ended += 1
        self.fresh = True

    async def leave(self) -> None:
        """Be through with a schedule that was given up."""
        if self.task and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])
        await super().leave()


class SteppedConnection:
    """What a program sees of its connection: asyncpg's own methods, each statement a stop."""

    def __init__(self, client: ProgramClient) -> None:
        self._client = client

    async def execute(self, query: str, *arguments: object) -> Any:
        """Run a statement; return its command tag."""
        plain = self._client.connection.execute
        return await self._client.run(query, lambda: plain(query, *arguments))

    async def fetch(self, query: str, *arguments: object) -> Any:
        """Run a query; return its rows."""
        plain = self._client.connection.fetch
        return await self._client.run(query, lambda: plain(query, *arguments))

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        """Run a query; return its first row, or None."""
        plain = self._client.connection.fetchrow
        return await self._client.run(query, lambda: plain(query, *arguments))

    async def fetchval(self, query: str, *arguments: object, column: int = 0) -> Any:
        """Run a query; return a value of its first row."""
        plain = self._client.connection.fetchval
        return await self._client.run(query, lambda: plain(query, *arguments, column=column))

    def is_in_transaction(self) -> bool:
        """Say whether the program has begun a transaction of its own."""
        return self._client.explicit

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Make what comes inside one transaction; a savepoint if there is one already."""
        if self._client.explicit:
            async with self._savepoint():
                yield
            return
        self._client.explicit = True
        try:
            yield
        except BaseException:
            self._client.explicit = False
            if self._client.connection.is_in_transaction():
                await self._client.rollback()
            raise
        self._client.explicit = False
        if self._client.connection.is_in_transaction():
            await self._client.commit()

    @asynccontextmanager
    async def _savepoint(self) -> AsyncIterator[None]:
        client = self._client
        client.looks.watch = NOTHING  # rolling back to it gives up locks
        await client.connection.execute("savepoint program")
        try:
            yield
        except BaseException:
            await client.connection.execute("rollback to program; release program")
            raise
        await client.connection.execute("release program")


def program_race(
    name: str,
    programs: Sequence[Program],
    *,
    setup: str = "",
    state: str = "",
    isolation: str = "read committed",
) -> Race:
    """Return the race of some programs; ``setup`` and ``state`` are SQL as in a race file."""
    names = [getattr(program, "__name__", "program") for program in programs]
    shown = [
        each if names.count(each) == 1 else f"{each}_{names[: at + 1].count(each)}"
        for at, each in enumerate(names)
    ]
    return Race(
        name=name,
        title=" and ".join(shown) + " at once",
        file=name,
        about="",
        sessions=tuple(
            ProgramSession.of(number, each, program)
            for number, (each, program) in enumerate(zip(shown, programs, strict=True), start=1)
        ),
        setup=setup,
        state=tuple(statements(state)),
        expectations=(),
        values={},
        isolation=isolation,
    )
