"""Find out that a connection pooler stands between us and PostgreSQL.

A pooler in transaction mode hands every transaction to whichever server process is free. Session
locks, ``set role`` and the process ids in ``pg_locks`` then mean nothing, and every result would be
wrong in silence. Two signs give one away:

* The process id that the server named when the connection was made isn't the one that
  ``pg_backend_pid()`` returns. Poolers handle cancel requests themselves, so they make one up.
* A connection is served by another process than before. To see that, three connections hold
  transactions at once and end them in orders which change the process in a pool that hands out the
  last one returned, and in a pool that hands out the first one.
"""

from __future__ import annotations

import asyncio

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn

_ORDERS = ((0, 1, 2), (0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_PATIENCE = 10.0  # seconds for each begin, which PostgreSQL itself answers at once


async def refuse_pooler(dsn: Dsn) -> None:
    """Raise ServerError if sessions at this address aren't PostgreSQL's own."""
    connections: list[asyncpg.Connection] = []
    try:
        for _ in range(3):
            # Without a cache, statements have no names that another process wouldn't know.
            connections.append(await connect(dsn, statement_cache_size=0))
        reason = await _sign(connections)
    except TimeoutError:
        reason = "a transaction waits for another one to end"
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        reason = "a statement is unknown to the process that has to run it"
    finally:
        for connection in connections:
            connection.terminate()
    if reason:
        raise ServerError(
            f"A connection pooler answers at {dsn.place}: {reason}.",
            remedy="Give the address of PostgreSQL itself. Hosted services show it as the direct "
            "connection, often with port 5432 instead of 6543 or 6432.",
        )


async def _sign(connections: list[asyncpg.Connection]) -> str:
    """Return what gives a pooler away, or nothing. Raises TimeoutError for a begin without an answer."""
    served: dict[int, int] = {}
    for order in _ORDERS:
        for index in order:
            async with asyncio.timeout(_PATIENCE):
                await connections[index].execute("begin")
            pid = await connections[index].fetchval("select pg_backend_pid()")
            if served.setdefault(index, pid) != pid:
                return "a connection's transactions are served by different processes"
            if pid != connections[index].get_server_pid():
                return "its process numbers aren't PostgreSQL's"
        for index in order:
            await connections[index].execute("commit")
    return ""
