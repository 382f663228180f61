"""The controller's connection: it holds the locks that steps wait for, and reads the lock table."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from crossfoot.explorer.client import ALL, Client, Place

LOCK_CLASS = 1128681263  # the advisory locks of steps.sql

# The next lock is taken and the turn set before the present lock is given up: the session finds the
# next step closed however fast it gets there.
_NEXT = """
select pg_advisory_lock($1, $2), setval($3::text::regclass, $4::bigint), pg_advisory_unlock($1, $5)
"""
_LOCK = "select pg_advisory_lock($1, $2)"
_TURN = "select setval($1::text::regclass, $2::bigint)"
_HURRY = "select setval('crossfoot.hasty', $1::bigint)"
_BLOCKERS = "select pid, pg_blocking_pids(pid) from unnest($1::integer[]) as pid"


class Gate:
    """Opens and closes steps. Two locks per session are used in turn."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def open(self) -> None:
        """Prepare the statements."""
        prepare = self.connection.prepare
        self._next, self._turn = await prepare(_NEXT), await prepare(_TURN)
        self._lock, self._blockers = await prepare(_LOCK), await prepare(_BLOCKERS)

    async def admit(self, client: Client) -> None:
        """Make the steps of a new client's session wait here."""
        sequence = _sequence(client)
        await self.connection.execute(
            f"create sequence if not exists {sequence} minvalue 0; select setval('{sequence}', 0)"
        )
        await self._lock.fetch(LOCK_CLASS, 2 * client.slot)
        await client.connection.execute(f"{client.counting} {client.settings}")

    async def let_go(self, client: Client, passes: int = 0) -> None:
        """Let a session that stands at a step go on, and pass so many steps before it stops."""
        client.place = Place.RUNNING
        base, old = 2 * client.slot, client.turn % 2
        client.turn = _turn(client, passes, 1 - old)
        await self._next.fetch(
            LOCK_CLASS, base + 1 - old, _sequence(client), client.turn, base + old
        )

    async def prepare_for(self, client: Client, passes: int = 0) -> None:
        """Let a session that doesn't stand at a step pass so many of them before it stops."""
        if client.passes != passes:
            client.turn = _turn(client, passes, client.turn % 2)
            await self._turn.fetch(_sequence(client), client.turn)

    async def hurry(self, client: Client) -> None:
        """Have a session lose its patience if it has to wait on its way from the step it stands at."""
        await self.connection.fetch(_HURRY, 1000 * client.arrivals + client.slot)

    @staticmethod
    def closing(client: Client) -> str:
        """Return the SQL that has a session stop at its next step, where it would pass."""
        if not client.passes:
            return ""
        client.turn = _turn(client, 0, client.turn % 2)
        return f"select setval('{_sequence(client)}', {client.turn});"

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


def _sequence(client: Client) -> str:
    """Return the sequence that tells steps.sql how far a session may go."""
    return f"crossfoot.turn_{client.slot}"


def _turn(client: Client, passes: int, lock: int) -> int:
    return 2 * (ALL if passes == ALL else client.arrivals + passes) + lock
