"""Connections that many users share: a call takes the one that was used last, or makes a new one."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import asyncpg

from crossfoot.driver import FAILURES, NO_ANSWER, Answer, Caller, Prepared
from crossfoot.errors import ServerError
from crossfoot.history.record import CallRecord
from crossfoot.outcome import outcome_of_error
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.sql import bind, names_in
from crossfoot.target import Operation, Target
from crossfoot.verdicts import Outcome

Note = Callable[[str, CallRecord], None]
_TIMEOUT = 30.0  # seconds that a call may take
_LOOK = 1.0  # seconds between two looks at who takes longer
_NOT_ALLOWED = "42501"  # insufficient_privilege


class Sessions:
    """Calls operations of targets over at most ``most`` connections.

    ``numbers`` gives calls their ids. ``note`` gets the target's name and each call, in the thread of
    the event loop. A call that takes longer than ``timeout`` seconds is given up, a little later.
    """

    def __init__(
        self,
        dsn: str,
        most: int,
        numbers: Iterator[int],
        note: Note,
        timeout: float = _TIMEOUT,
    ) -> None:
        self._dsn = Dsn.parse(dsn)
        self._timeout = timeout
        self._taken: dict[Caller, float] = {}
        self._watch: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(most)
        self._numbers = numbers
        self._note = note
        self._idle: defaultdict[tuple[str, str], list[Caller]] = defaultdict(list)

    async def call(
        self,
        target: Target,
        session: str,
        name: str,
        arguments: Mapping[str, Any],
        key: str,
        attempt: int,
    ) -> CallRecord:
        """Call an operation once, in the name of a user's session. Raises ContentError.

        Where there is no connection the call isn't made, and its outcome is ``error``.
        """
        role = target.target.role or ""
        try:
            caller = await self._take(target, role)
        except ServerError as error:
            call = _unsent(next(self._numbers), session, name, error)
            self._note(target.name, call)
            return call
        caller.session = session
        outcome = Outcome.UNKNOWN
        try:
            call = await caller.call(name, arguments, key=key, attempt=attempt)
            outcome = call.outcome
            return call
        finally:
            self._give(target, role, caller, outcome)

    async def misuse(
        self, target: Target, session: str, what: str, arguments: Mapping[str, Any], role: str
    ) -> CallRecord:
        """Try once what has to be refused: an operation, or a statement. The call isn't noted.

        It ends ``refused`` if the operation says no, if the role may not, or if no row comes back.
        Raises ContentError for a statement that can't be read.
        """
        operation = target.operations.get(what)
        role = role or target.target.role or ""
        number = next(self._numbers)
        try:
            caller = await self._take(target, role)
        except ServerError as error:
            return _unsent(number, session, what, error)
        start, outcome = time.monotonic_ns(), Outcome.UNKNOWN
        try:
            answer = await _tried(caller.connection, what, operation, arguments)
            outcome, result, sqlstate = answer
        finally:
            self._give(target, role, caller, outcome)
        end = 0 if outcome is Outcome.UNKNOWN else time.monotonic_ns()
        return CallRecord(
            number, session, what, outcome, start, end, dict(arguments),
            result=result, sqlstate=sqlstate,
        )  # fmt: skip

    async def _take(self, target: Target, role: str) -> Caller:
        """Return one that nobody else uses until it is given back. Raises ServerError."""
        await self._slots.acquire()
        idle = self._idle[target.name, role]
        caller = idle.pop() if idle else None
        try:
            if caller is None or caller.connection.is_closed():
                caller = await self._another(target, role)
        except BaseException:
            self._slots.release()
            raise
        self._taken[caller] = time.monotonic()
        return caller

    def _give(self, target: Target, role: str, caller: Caller, outcome: Outcome) -> None:
        """Give one back. Where no answer came, one might come to the next call: so it isn't used."""
        del self._taken[caller]
        if outcome is Outcome.UNKNOWN:
            caller.connection.terminate()
        else:
            self._idle[target.name, role].append(caller)
        self._slots.release()

    async def _give_up_late_ones(self) -> None:
        """End the calls that take too long. A timer for each call would cost a tenth of it."""
        while True:
            await asyncio.sleep(min(_LOOK, self._timeout))
            latest = time.monotonic() - self._timeout
            late = [caller for caller, since in self._taken.items() if since < latest]
            await asyncio.gather(*map(self._give_up, late))

    async def _give_up(self, caller: Caller) -> None:
        pid = caller.connection.get_server_pid()
        caller.connection.terminate()
        # The server would go on with it, and keep its locks.
        with suppress(ServerError, *FAILURES):
            connection = await connect(self._dsn)
            await connection.execute("select pg_cancel_backend($1)", pid)
            await connection.close()

    async def close(self) -> None:
        """Close the connections, politely where that is quick."""
        if self._watch:
            self._watch.cancel()
        callers = [caller for idle in self._idle.values() for caller in idle]
        self._idle.clear()
        closing = (caller.connection.close(timeout=1) for caller in callers)
        await asyncio.gather(*closing, return_exceptions=True)

    async def _another(self, target: Target, role: str) -> Caller:
        # A task of its own: asyncio.timeout(), which connecting needs, works in tasks alone.
        settings = {"role": role} if role else {}
        connection = await asyncio.create_task(connect(self._dsn, settings=settings))
        self._watch = self._watch or asyncio.create_task(self._give_up_late_ones())
        return Caller(
            connection,
            target.operations,
            note=lambda call: self._note(target.name, call),
            numbers=self._numbers,
        )


def _unsent(number: int, session: str, name: str, error: ServerError) -> CallRecord:
    now = time.monotonic_ns()
    return CallRecord(
        number, session, name, Outcome.ERROR, now, now, result={"message": error.message}
    )


async def _tried(
    connection: asyncpg.Connection,
    what: str,
    operation: Operation | None,
    arguments: Mapping[str, Any],
) -> Answer:
    text = operation.call if operation else what
    query = bind(text, dict.fromkeys(names_in(text), ""))
    try:
        prepared = await Prepared.of(connection, query, operation)
        rows = await prepared.fetch(*query.arguments(arguments))
    except FAILURES as error:
        return _failure(operation, error)
    return prepared.answer(rows) if rows else (Outcome.REFUSED, {"message": "no row"}, "")


def _failure(operation: Operation | None, error: Exception) -> Answer:
    message, sqlstate = str(error) or type(error).__name__, str(getattr(error, "sqlstate", ""))
    outcome = outcome_of_error(operation, sqlstate, message)
    if isinstance(error, NO_ANSWER):
        outcome = Outcome.UNKNOWN
    elif sqlstate == _NOT_ALLOWED:
        outcome = Outcome.REFUSED
    return outcome, {"message": message}, sqlstate
