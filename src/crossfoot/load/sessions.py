"""Connections that many users share: a call takes the one that was used last, or makes a new one."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crossfoot.driver import Caller
from crossfoot.errors import ServerError
from crossfoot.history.record import CallRecord
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.target import Target
from crossfoot.verdicts import Outcome

Note = Callable[[str, CallRecord], None]
_TIMEOUT = 30.0  # seconds that a call may take


class Sessions:
    """Calls operations of targets over at most ``most`` connections.

    ``numbers`` gives calls their ids. ``note`` gets the target's name and each call, in the thread of
    the event loop.
    """

    def __init__(self, dsn: str, most: int, numbers: Iterator[int], note: Note) -> None:
        self._dsn = Dsn.parse(dsn)
        self._slots = asyncio.Semaphore(most)
        self._numbers = numbers
        self._note = note
        self._idle: defaultdict[str, list[Caller]] = defaultdict(list)

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
        async with self._slots:
            idle = self._idle[target.name]
            caller = idle.pop() if idle else None
            if caller is None or caller.connection.is_closed():
                try:
                    caller = await self._another(target)
                except ServerError as error:
                    return self._unsent(target, session, name, error)
            caller.session = session
            try:
                return await caller.call(name, arguments, key=key, attempt=attempt)
            finally:
                idle.append(caller)

    async def close(self) -> None:
        """Close the connections, politely where that is quick."""
        callers = [caller for idle in self._idle.values() for caller in idle]
        self._idle.clear()
        closing = (caller.connection.close(timeout=1) for caller in callers)
        await asyncio.gather(*closing, return_exceptions=True)

    async def _another(self, target: Target) -> Caller:
        settings = {"role": target.target.role} if target.target.role else {}
        connection = await connect(self._dsn, settings=settings)
        return Caller(
            connection,
            target.operations,
            note=lambda call: self._note(target.name, call),
            numbers=self._numbers,
            timeout=_TIMEOUT,
        )

    def _unsent(self, target: Target, session: str, name: str, error: ServerError) -> CallRecord:
        now = time.monotonic_ns()
        result = {"message": error.message}
        call = CallRecord(
            next(self._numbers), session, name, Outcome.ERROR, now, now, result=result
        )
        self._note(target.name, call)
        return call
