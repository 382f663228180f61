"""A database that exists already, to be looked at and never written to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn


@dataclass(frozen=True)
class Existing:
    """A read-only connection; ``description`` names the place without the password."""

    connection: asyncpg.Connection
    version: str
    description: str


@asynccontextmanager
async def open_existing(dsn: str) -> AsyncIterator[Existing]:
    """Yield a read-only connection to the database of ``dsn``. Raises ServerError, DSN redacted."""
    place = Dsn.parse(dsn)
    connection = await connect(place, settings={"default_transaction_read_only": "on"})
    try:
        version = str(await connection.fetchval("show server_version")).split()[0]
        database = await connection.fetchval("select current_database()")
        yield Existing(connection, version, f"PostgreSQL {version}, {database} at {place.place}")
    finally:
        await connection.close()
