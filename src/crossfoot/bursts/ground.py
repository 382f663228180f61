"""Where bursts take place: a throw-away database, with the callers' connections opened before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from crossfoot.bursts.volley import Range
from crossfoot.checks.audits import AuditSet, Offence
from crossfoot.driver import NO_ANSWER
from crossfoot.errors import ServerError
from crossfoot.target import Target

_AT_A_TIME = 16  # connections that are opened at once
_ROOM = """
select
    current_setting('max_connections')::integer as most,
    current_setting('max_connections')::integer
    - case when current_setting('is_superuser')::boolean then 0
      else current_setting('superuser_reserved_connections')::integer end
    - (
        select count(*) from pg_stat_activity
        where coalesce(backend_type, 'client backend') = 'client backend'
    ) as free
"""

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Ground:
    """A database with a target in it, and connections to it. Bursts follow each other here.

    Each has entities of its own, so what an earlier one left is in no later one's way; ``offences``
    are those that the audits have found so far, so that none is reported twice.
    """

    def __init__(
        self,
        target: Target,
        audits: AuditSet,
        control: asyncpg.Connection,
        connect: Connect,
    ) -> None:
        self.target = target
        self.audits = audits
        self.control = control
        self.offences: set[Offence] = set()
        self._connect = connect
        self._callers: list[asyncpg.Connection] = []

    async def range(self, callers: int, isolation: str) -> Range:
        """Return so many connections, all open. Raises ServerError if there is no room for them."""
        self._callers = [each for each in self._callers if not each.is_closed()]
        missing = callers - len(self._callers)
        if missing > 0:
            await self._make_room(callers, missing)
            gate = asyncio.Semaphore(_AT_A_TIME)
            await asyncio.gather(*(self._add(gate) for _ in range(missing)))
        level = f"set default_transaction_isolation = '{isolation}'"
        chosen = self._callers[:callers]
        await asyncio.gather(*(each.execute(level) for each in chosen))
        return Range(self.control, chosen, self.target.operations)

    async def _make_room(self, callers: int, missing: int) -> None:
        room = await self.control.fetchrow(_ROOM)
        if missing > room["free"]:
            raise ServerError(
                f"{callers} callers need a connection each, and the server has {room['free']} left"
                f" of max_connections = {room['most']}.",
                remedy="Use fewer with --callers (or callers: in the file), or raise max_connections.",
            )

    async def _add(self, gate: asyncio.Semaphore) -> None:
        async with gate:
            self._callers.append(await self._connect())

    async def warm_up(self, texts: Sequence[str]) -> None:
        """Run SQL once over each connection, in a transaction that is rolled back.

        A session that calls a function for the first time reads the catalog and compiles; the
        sessions of an application have done that long before.
        """
        await asyncio.gather(
            *(_rolled_back(each, text) for each, text in zip(self._callers, texts, strict=False))
        )

    async def new_offences(self) -> list[Offence]:
        """Return the rows that audits find, and that weren't there before."""
        found = await self.audits.offences(self.control)
        new = [offence for offence in found if offence not in self.offences]
        self.offences.update(new)
        return new

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(each.close(timeout=5) for each in [*self._callers, self.control]))


async def _rolled_back(connection: asyncpg.Connection, text: str) -> None:
    try:
        # In one message: locks are held for no longer than the call takes.
        await connection.execute(f"begin; {text}; rollback")
    except NO_ANSWER:
        return  # the call for good will tell
    except asyncpg.PostgresError:
        await connection.execute("rollback")
