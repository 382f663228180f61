"""Targets over planted facts: tables that are the canonical relations themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from crossfoot.apply import apply_file
from crossfoot.background import BackgroundServer
from crossfoot.target import RELATIONS, Target, load_target

PLANTED = Path(__file__).parent / "planted"


def planted_target(folder: Path) -> Target:
    """Write a target.toml that binds every relation to its planted table, and load it."""
    bound = "\n".join(f'{name} = "select * from planted.{name}"' for name in RELATIONS)
    file = folder / "target.toml"
    file.write_text(
        '[target]\nname = "planted"\nabout = "Planted facts"\nsql = ["*.sql"]\n'
        'balance = "planted.account.balance"\nledger = "planted.entry"\nrole = "service_role"\n'
        f"[relations]\n{bound}\n"
    )
    return load_target(file)


@asynccontextmanager
async def database_of(server: BackgroundServer, *files: Path) -> AsyncIterator[asyncpg.Connection]:
    """Yield a superuser's connection to a new database in which these files ran."""
    name = await server.server.create_database("planted")
    connection = await server.server.connect(name)
    try:
        for file in files:
            await apply_file(connection, file, file.name)
        yield connection
    finally:
        await connection.close()
        await server.server.drop_database(name)
