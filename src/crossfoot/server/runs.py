"""A run's identity on a server, and what runs that were killed have left there."""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass, field

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.identifiers import quoted
from crossfoot.server.locks import RUNS, signed

KEPT = "Kept by Crossfoot for a look at it. Drop it when you are done."
_OURS = r"^crossfoot_[0-9a-f]{8}_[a-z0-9_]+_[0-9]+$"

# A run takes its lock before it makes its first database. The databases are listed first (the
# statement's snapshot) and the locks read afterwards, so a run that starts meanwhile isn't "dead".
_DEAD = f"""
select datname from pg_database
where datname ~ $1
  and shobj_description(oid, 'pg_database') is distinct from $2
  and not exists (
      select from pg_locks
      where locktype = 'advisory' and classid = {RUNS} and objsubid = 2 and granted
        and objid::bigint = ('x' || substr(datname, 11, 8))::bit(32)::bigint
  )
order by datname
"""


@dataclass(frozen=True)
class Run:
    """One run of Crossfoot on one server; ``id`` is 8 hex digits."""

    id: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def prefix(self) -> str:
        """Return how the names of this run's databases begin."""
        return f"crossfoot_{self.id}_"

    async def hold(self, connection: asyncpg.Connection) -> None:
        """Mark the run as live for as long as ``connection`` stays open."""
        key = signed(int(self.id, 16))
        if not await connection.fetchval("select pg_try_advisory_lock($1, $2)", RUNS, key):
            raise ServerError(f"Another run has the id {self.id} on this server. Start again.")


async def sweep(connection: asyncpg.Connection) -> list[str]:
    """Drop the databases of runs that are no longer alive; return their names.

    Those that were kept on purpose stay, and so do those that belong to somebody else.
    """
    dropped = []
    for (name,) in await connection.fetch(_DEAD, _OURS, KEPT):
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
            await connection.execute(f"drop database if exists {quoted(name)} with (force)")
            dropped.append(name)
    return dropped


def purpose_is_valid(purpose: str) -> bool:
    """Say whether ``purpose`` may stand in a database's name."""
    return re.fullmatch(r"[a-z0-9_]{1,30}", purpose) is not None
