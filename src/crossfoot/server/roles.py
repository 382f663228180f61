"""Roles that a target needs and the cluster doesn't have: made, remembered, and removed again.

On a user's cluster a role that Crossfoot made carries a comment that says so. Every run that uses
such a role holds a shared advisory lock on it (locks.py); whoever finds that nobody holds one may
remove the role. So the last run removes it, and after a kill -9 the next one does. A role that
something still depends on, such as a database that was kept, stays until that is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.server.identifiers import quoted
from crossfoot.server.locks import ROLES, signed

MADE = "Made by Crossfoot for its tests. It is removed when no run uses it any more."

_UNUSED = f"""
select rolname from pg_roles
where shobj_description(oid, 'pg_authid') = $1
  and not exists (
      select from pg_locks
      where locktype = 'advisory' and classid = {ROLES} and objsubid = 2 and granted
        and objid = pg_roles.oid
  )
order by rolname
"""


@dataclass
class Roles:
    """The roles of one run. ``keeper`` holds the locks on a user's cluster; None: it is ours."""

    dsn: Dsn
    keeper: asyncpg.Connection | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ensure(self, names: Sequence[str]) -> None:
        """Make the roles of ``names`` that are missing, without login; all can be taken then."""
        async with self._alone() as connection:
            await _make_missing(connection, names)
            await _check_membership(connection, names)
            if self.keeper:
                for (oid,) in await connection.fetch(
                    "select oid from pg_roles where rolname = any($1) "
                    "and shobj_description(oid, 'pg_authid') = $2",
                    list(names),
                    MADE,
                ):
                    await connection.execute(
                        "select pg_advisory_lock_shared($1, $2)", ROLES, signed(oid)
                    )

    async def release(self) -> None:
        """Remove the roles that no run needs any more. The databases have to be gone by now."""
        if not self.keeper:
            return
        async with self._alone() as connection:
            # All locks of ours on roles go, the one that _alone() holds is the transaction's.
            await connection.execute(
                "select pg_advisory_unlock_shared(classid::integer, objid::integer) "
                "from pg_locks where locktype = 'advisory' and classid = $1 and objsubid = 2 "
                "and mode = 'ShareLock' and pid = pg_backend_pid()",
                ROLES,
            )
            await remove_unused(connection)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection in a transaction that no other run makes or removes roles beside."""
        async with self._turn:
            connection = self.keeper or await connect(self.dsn)
            try:
                async with connection.transaction():
                    await connection.execute("select pg_advisory_xact_lock($1, 0)", ROLES)
                    yield connection
            finally:
                if connection is not self.keeper:
                    await connection.close()


async def remove_unused(connection: asyncpg.Connection) -> None:
    """Drop the roles that Crossfoot made and no live run uses."""
    for (name,) in await connection.fetch(_UNUSED, MADE):
        with contextlib.suppress(
            asyncpg.DependentObjectsStillExistError, asyncpg.InsufficientPrivilegeError
        ):
            async with connection.transaction():
                await connection.execute(f"drop role {quoted(name)}")


async def _make_missing(connection: asyncpg.Connection, names: Iterable[str]) -> None:
    wanted = list(dict.fromkeys(names))
    known = {
        name
        for (name,) in await connection.fetch(
            "select rolname from pg_roles where rolname = any($1)", wanted
        )
    }
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    user, superuser, createrole = await connection.fetchrow(
        "select rolname, rolsuper, rolcreaterole from pg_roles where rolname = current_user"
    )
    if not (superuser or createrole):
        raise _may_not_create(user, missing)
    for name in missing:
        await connection.execute(f"create role {quoted(name)} nologin")
        await connection.execute(f"comment on role {quoted(name)} is '{MADE}'")
        if not superuser:
            await connection.execute(f"grant {quoted(name)} to {quoted(user)}")


async def _check_membership(connection: asyncpg.Connection, names: Sequence[str]) -> None:
    """Refuse to go on with roles that we couldn't take with ``set role``."""
    foreign = await connection.fetch(
        "select rolname, current_user as me from pg_roles "
        "where rolname = any($1) and not pg_has_role(current_user, oid, 'member') order by 1",
        list(names),
    )
    if foreign:
        user = foreign[0]["me"]
        found = [row["rolname"] for row in foreign]
        raise ServerError(
            f"{user} isn't a member of {', '.join(found)}, so it can't make calls as them.",
            remedy=f"As a superuser: grant {', '.join(map(quoted, found))} to {quoted(user)};",
        )


def _may_not_create(user: str, missing: Sequence[str]) -> ServerError:
    create = " ".join(f"create role {quoted(name)} nologin;" for name in missing)
    return ServerError(
        f"The target needs roles that don't exist ({', '.join(missing)}), "
        f"and {user} may not create any.",
        remedy=f"As a superuser: alter role {quoted(user)} createrole; "
        f"or: {create} grant {', '.join(map(quoted, missing))} to {quoted(user)};",
    )
