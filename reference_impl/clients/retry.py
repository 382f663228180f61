"""One logical call of a function that moves credit, however many attempts it takes.

What an attempt can end in, and what follows:

- an answer: it is returned;
- a refusal (P0001 with a documented message): ``Refused``, never tried again;
- a retryable error (40001, 40P01, 55P03), or a query that wasn't sent: nothing happened, so it is
  tried again with the same arguments, the request key among them; in the end ``Busy``;
- a connection lost after the query was sent, or a timeout: nobody knows whether it was committed.
  It is tried again only where a key makes that harmless, and only when the server has ended the
  lost session, so that no late attempt can follow; otherwise, or in the end, ``OutcomeUnknown``.

asyncpg says "cannot switch to state" when a query could not be sent because the connection had
failed before (asyncpg issues 784 and 1069), and ConnectionDoesNotExistError for one that was.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

T = TypeVar("T")
Key = UUID | str

RETRYABLE = (
    asyncpg.SerializationError,  # 40001
    asyncpg.DeadlockDetectedError,  # 40P01
    asyncpg.LockNotAvailableError,  # 55P03
)
# 57P01 and 57P02 come from a session that is being ended; it may have committed just before.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    OSError,  # a timeout is one too
)
_NO_CONNECTION = (
    *_LOST,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


class Refused(Exception):  # noqa: N818 (an outcome)
    """A business answer: the call did nothing, and would do nothing if it were repeated now.

    ``reason`` is a word for programs, ``message`` what the database said.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class Busy(Exception):  # noqa: N818 (an outcome)
    """Every attempt ended before it could do anything. Nothing happened; it may be called again."""


class OutcomeUnknown(Exception):  # noqa: N818 (an outcome)
    """The call may have happened or not. Only the same call under ``key`` can find out.

    ``key`` is None where the operation has none: somebody has to look.
    """

    def __init__(self, key: Key | None) -> None:
        asking = f"ask again under {key}" if key else "it has no request key"
        super().__init__(f"the connection was lost during the call; {asking}")
        self.key = key


@dataclass(frozen=True)
class Policy:
    """How often to try and how long to wait.

    ``first_pause`` and ``longest_pause`` are seconds: the pause before attempt n + 1 is drawn evenly
    between 0 and ``min(longest_pause, first_pause * 2 ** (n - 1))`` ("full jitter", AWS Architecture
    Blog, "Exponential Backoff And Jitter"). ``patience`` is how many seconds an attempt may wait for
    a connection.
    """

    attempts: int = 8
    first_pause: float = 0.02
    longest_pause: float = 1.0
    patience: float = 5.0
    random: Random = field(default_factory=Random, compare=False)

    def pause(self, attempt: int) -> float:
        """Return how many seconds to wait after that attempt, counted from 1."""
        return self.random.uniform(
            0, min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
        )


class Caller:
    """Makes calls on the connections of a pool, as often as ``policy`` allows."""

    def __init__(self, pool: asyncpg.Pool, policy: Policy | None = None) -> None:
        self._pool, self.policy = pool, policy or Policy()

    async def call(self, statement: str, *arguments: object, key: Key | None) -> Any:
        """Run one statement as a transaction of its own and return its first row.

        ``key`` is what makes a repetition harmless: the request key among the arguments, or the
        document that the operation completes once. None: there is no such thing.
        Raises Busy, OutcomeUnknown, and what the database raises otherwise.
        """
        return await self._repeat(lambda session: session.fetchrow(statement, *arguments), key)

    async def read(self, statement: str, *arguments: object) -> list[Any]:
        """Return the rows of a query that changes nothing. Raises Busy."""
        try:
            return await self._repeat(lambda session: session.fetch(statement, *arguments), "read")
        except OutcomeUnknown as error:
            raise Busy("the query could not be read to its end") from error

    async def together(self, work: Callable[[Caller], Awaitable[T]], *, key: Key | None) -> T:
        """Run several calls as one transaction: all of them happen, or none.

        ``work`` is given a caller to make them with. It may run several times, so it does nothing
        else. A refusal that it catches leaves what came before it in place.
        """

        async def attempt(session: Any) -> T:
            async with session.transaction():
                return await work(_Inside(session))

        return await self._repeat(attempt, key)

    async def _repeat(self, attempt: Callable[[Any], Awaitable[T]], key: Key | None) -> T:
        lost: set[int] = set()
        cause: BaseException | None = None
        for number in range(1, self.policy.attempts + 1):
            if number > 1:
                await asyncio.sleep(self.policy.pause(number - 1))
            try:
                session = await self._pool.acquire(timeout=self.policy.patience)
            except _NO_CONNECTION as error:
                cause = error
                continue
            pid = session.get_server_pid()
            try:
                if await _any_left(session, lost):
                    continue
                return await attempt(session)
            except RETRYABLE as error:
                cause = error
            except (*_LOST, asyncpg.InterfaceError) as error:
                cause = error
                if not _was_sent(error, session):
                    continue
                if key is None:
                    raise OutcomeUnknown(None) from error
                lost.add(pid)
                await _close(session, self.policy.patience)
            finally:
                # What this raises says nothing about the call, which has ended.
                with contextlib.suppress(Exception):
                    await self._pool.release(session, timeout=self.policy.patience)
        if lost:
            raise OutcomeUnknown(key) from cause
        raise Busy(f"nothing happened in {self.policy.attempts} attempts: {cause}") from cause


class _Inside(Caller):
    """Calls within a transaction that is open: once each, the whole is what gets repeated."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def _repeat(self, attempt: Callable[[Any], Awaitable[T]], key: Key | None) -> T:
        async with self._session.transaction():
            return await attempt(self._session)


async def _any_left(session: Any, lost: set[int]) -> bool:
    """Tell whether the server still has a lost session: what it was sent might be yet to happen."""
    if not lost:
        return False
    # Numbers of our own in the text: for an array asyncpg would have to look its type up first.
    pids = ", ".join(map(str, lost))
    found = await session.fetchval(
        f"select exists (select from pg_stat_activity where pid in ({pids}))"
    )
    return bool(found)


async def _close(session: Any, patience: float) -> None:
    """Close a connection whose statement timed out: asyncpg cancels it first, and waits for that."""
    with contextlib.suppress(Exception):
        await session.close(timeout=patience)


def _was_sent(error: Exception, session: Any) -> bool:
    """Tell whether the server may have seen the statement. Raises errors that are no lost connection."""
    if isinstance(error, asyncpg.InternalClientError):
        return "cannot switch to state" not in str(error)
    if isinstance(error, asyncpg.InterfaceError):
        if isinstance(error, asyncpg.DataError) or not _is_closed(session):
            raise error
        # Before the statement; or after a loss within a transaction, of which COMMIT wasn't sent.
        return False
    return True


def _is_closed(session: Any) -> bool:
    try:
        return bool(session.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back, as it does once it is closed
        return True
