"""The controller's connection: it holds the locks that steps wait for, and reads the lock table."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from crossfoot.explorer.client import Client, Place

LOCK_CLASS = 1128681263  # the advisory locks of steps.sql

# The next lock is taken and the turn set before the present lock is given up: the session finds the
# next step closed however fast it gets there.
_NEXT = """
select pg_advisory_lock($1, $2), setval($3::text::regclass, $4::bigint), pg_advisory_unlock($1, $5)
"""
_LOCK = "select pg_advisory_lock($1, $2)"
_UNLOCK = "select pg_advisory_unlock($1, $2)"
_BLOCKERS = "select pid, pg_blocking_pids(pid) from unnest($1::integer[]) as pid"


class Gate:
    """Opens and closes steps. Two locks per session are used in turn."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def open(self) -> None:
        """Prepare the statements."""
        prepare = self.connection.prepare
        self._next, self._lock = await prepare(_NEXT), await prepare(_LOCK)
        self._unlock, self._blockers = await prepare(_UNLOCK), await prepare(_BLOCKERS)

    async def admit(self, client: Client) -> None:
        """Make the steps of a new client's session wait here."""
        sequence = f"crossfoot.turn_{client.slot}"
        await self.connection.execute(
            f"create sequence if not exists {sequence} minvalue 0; select setval('{sequence}', 0)"
        )
        await self._lock.fetch(LOCK_CLASS, 2 * client.slot)
        await client.connection.execute(client.settings)

    async def let_go(self, client: Client) -> None:
        """Let a session that stands at a step go on: to its next step, or through if it is free."""
        client.place = Place.RUNNING
        base, old, new = 2 * client.slot, client.turn, 1 - client.turn
        if client.free:
            client.held = False
            await self._unlock.fetch(LOCK_CLASS, base + old)
        else:
            client.turn = new
            sequence = f"crossfoot.turn_{client.slot}"
            await self._next.fetch(LOCK_CLASS, base + new, sequence, new, base + old)

    @staticmethod
    def closing(client: Client) -> str:
        """Return the SQL that closes a session's next step."""
        return f"select pg_advisory_lock({LOCK_CLASS}, {2 * client.slot + client.turn});"

    async def prepare_for(self, client: Client) -> None:
        """Close a session's next step before it is sent a statement, or open it if it is free."""
        if client.held is client.free:
            statement = self._unlock if client.free else self._lock
            client.held = not client.free
            await statement.fetch(LOCK_CLASS, 2 * client.slot + client.turn)

    async def blockers(self, clients: Sequence[Client]) -> dict[int, list[int]]:
        """Return, by pid, the pids that each session waits for; none if it doesn't wait."""
        rows = await self._blockers.fetch([client.pid for client in clients])
        return {row[0]: row[1] for row in rows}

    async def give_up(self, *, on: bool) -> None:
        """Make every step raise (57014), or stop that again."""
        await self.connection.execute(f"select setval('crossfoot.given_up', {2 if on else 1})")

    async def cancel(self, client: Client) -> None:
        """Cancel what a session is doing."""
        await self.connection.execute("select pg_cancel_backend($1)", client.pid)
