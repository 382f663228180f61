"""Calls of a target's operations over asyncpg: each is made once, timed, and judged by its ending.

This is what bursts, load runs and fault runs have in common. A call costs one round trip, as it does
in an application that prepares its statements, and nothing is done between sending and hearing.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from time import monotonic_ns
from typing import Any

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.history.record import CallRecord
from crossfoot.outcome import outcome_of_error
from crossfoot.rendering import render
from crossfoot.sql import Query, bind, names_in
from crossfoot.target import Operation
from crossfoot.verdicts import Outcome

Note = Callable[[CallRecord], None]
Answer = tuple[Outcome, dict[str, str | None], str]
"""How a call ended, its first row (or the error's message) as text, and the SQLSTATE of an error."""

NO_ANSWER = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
    TimeoutError,
)
"""What is raised when nobody can say whether the call took effect."""

FAILURES = (asyncpg.PostgresError, *NO_ANSWER)
"""What a call may raise that is about the call, not about us."""

# An enum's members are looked up slowly; these are needed with each call.
_OK = Outcome.OK
_CANCELLED: Answer = Outcome.UNKNOWN, {"message": "cancelled"}, ""

# str() of these types is what render() gives, without looking at each value.
_PLAIN = frozenset({"text", "varchar", "uuid", "int2", "int4", "int8", "numeric", "json", "jsonb"})


class Prepared:
    """A statement that calls an operation, prepared on one connection.

    ``names`` are its arguments, in the order in which PostgreSQL gets them. The first ``skip``
    columns of an answer are the caller's own and no part of what the operation returned.
    """

    def __init__(
        self,
        statement: asyncpg.prepared_stmt.PreparedStatement,
        names: Sequence[str],
        operation: Operation | None,
        skip: int = 0,
    ) -> None:
        self.names = tuple(names)
        self.values = _picker(self.names)
        self._statement = statement  # PostgreSQL forgets it with this object
        # Where statement.fetch() ends up too, by way of three coroutines that only pass on what they
        # get: a fifth of the processor time of a call.
        self._execute = statement._connection._protocol.bind_execute
        self._state = statement._state
        self._operation = operation
        columns = statement.get_attributes()[skip:]
        self._readers = tuple(
            (at, column.name, str if column.type.name in _PLAIN else render)
            for at, column in enumerate(columns, start=skip)
        )
        # Most operations refuse by an error alone; their answers needn't be looked at.
        by_result = operation and any(each.startswith("result.") for each in operation.refused)
        self._refusing = operation if by_result else None

    @classmethod
    async def of(
        cls, connection: asyncpg.Connection, query: Query, operation: Operation | None
    ) -> Prepared:
        """Prepare a query. Raises asyncpg.PostgresError where PostgreSQL can't read it."""
        return cls(await connection.prepare(query.text), query.names, operation)

    def fetch(
        self, *values: object, timeout: float | None = None
    ) -> Awaitable[list[asyncpg.Record]]:
        """Make the call; awaited, this returns its rows or raises one of ``FAILURES``.

        ``timeout`` is seconds.
        """
        rows: Awaitable[list[asyncpg.Record]] = self._execute(
            self._state, values, "", 0, False, timeout
        )
        return rows

    def answer(self, rows: Sequence[asyncpg.Record]) -> Answer:
        """Return what the rows of an answer mean; the first of them as text."""
        if not rows:
            return _OK, {}, ""
        row = rows[0]
        result: dict[str, str | None] = {}
        for at, name, read in self._readers:
            value = row[at]
            result[name] = None if value is None else read(value)
        refused = self._refusing and self._refusing.refuses_result(result)
        return Outcome.REFUSED if refused else _OK, result, ""

    def failure(self, error: Exception) -> Answer:
        """Return what an error means: no answer is ``unknown``, never ``error``."""
        message = str(getattr(error, "message", "") or error) or type(error).__name__
        sqlstate = str(getattr(error, "sqlstate", "") or "")
        if isinstance(error, NO_ANSWER):
            return Outcome.UNKNOWN, {"message": message}, sqlstate
        return outcome_of_error(self._operation, sqlstate, message), {"message": message}, sqlstate


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """Return what takes these values out of a mapping, in their order. It raises KeyError."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


class Caller:
    """One session that makes calls of a target's operations, one after the other.

    ``connection`` is taken as it is: connected as the role that calls are made as. ``note`` hears of
    every call, also of one that is cancelled (its outcome is ``unknown``). ``numbers`` gives calls
    their ids; callers that share it have none in common. ``timeout`` is seconds; a call that takes
    longer is ``unknown`` too.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        operations: Mapping[str, Operation],
        session: str = "",
        *,
        note: Note = lambda call: None,
        numbers: Iterator[int] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.connection = connection
        self.session = session
        self._operations = operations
        self._note = note
        self._numbers = numbers or itertools.count(1)
        self.timeout = timeout
        self._prepared: dict[str, Prepared] = {}

    async def prepare(self, *names: str) -> None:
        """Prepare operations before they are needed; otherwise the first call of each does.

        Raises ContentError for an operation that isn't there or that PostgreSQL can't prepare.
        """
        for name in names:
            self._prepared[name] = await self._prepare(name)

    async def _prepare(self, name: str) -> Prepared:
        operation = self._operations.get(name)
        if operation is None:
            raise ContentError(
                f"no operation {name!r}", remedy=f"There are: {', '.join(self._operations)}."
            )
        query = bind(operation.call, dict.fromkeys(names_in(operation.call), ""))
        try:
            return await Prepared.of(self.connection, query, operation)
        except asyncpg.PostgresError as error:
            if isinstance(error, NO_ANSWER):
                raise
            raise ContentError(
                f"[operations.{name}] call: {error}",
                remedy="PostgreSQL can't prepare it. Name the role under 'role', or mend the call.",
            ) from error

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, key: str = "", attempt: int = 1
    ) -> CallRecord:
        """Call an operation with its arguments, by the names that its ``call`` has in target.toml.

        Values are Python's, as asyncpg takes them. Returns the call with its outcome; whatever the
        server answers is one, so nothing is raised for it. Raises ContentError for an operation or
        an argument that isn't there.
        """
        prepared = self._prepared.get(name)
        if prepared is None:
            await self.prepare(name)
            prepared = self._prepared[name]
        try:
            values = prepared.values(arguments)
        except KeyError as error:
            raise ContentError(
                f"{name} is called without {error}",
                remedy=f"It takes: {', '.join(prepared.names)}.",
            ) from None
        end = 0
        outcome, result, sqlstate = _CANCELLED
        start = monotonic_ns()
        try:
            rows = await prepared.fetch(*values, timeout=self.timeout)
            end = monotonic_ns()
            outcome, result, sqlstate = prepared.answer(rows)
        except FAILURES as error:
            end = 0 if isinstance(error, NO_ANSWER) else monotonic_ns()
            outcome, result, sqlstate = prepared.failure(error)
        finally:
            call = CallRecord(
                next(self._numbers), self.session, name, outcome, start, end,
                {**arguments}, key, result, sqlstate, attempt,
            )  # fmt: skip
            self._note(call)
        return call
