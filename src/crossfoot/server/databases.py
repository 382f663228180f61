"""The databases that this run makes; no others are ever written to or dropped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.server.identifiers import quoted
from crossfoot.server.runs import KEPT, Run, purpose_is_valid


@dataclass
class Databases:
    """Makes, clones and drops databases over short connections to the maintenance database.

    ``strategy`` is how templates are copied ("" leaves it to the server).
    """

    dsn: Dsn
    run: Run
    strategy: str = ""
    names: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _templates: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def create(self, purpose: str, template: str | None) -> str:
        """Make a database, empty or as a copy of ``template``; return its name."""
        if not purpose_is_valid(purpose):
            raise ServerError(
                f"A database can't be named for {purpose!r}.",
                remedy="Use 1 to 30 of a-z, 0-9 and _.",
            )
        name = f"{self.run.prefix}{purpose}_{next(self._numbers)}"
        self.names.add(name)  # before it exists: a cancelled "create" may still have made it
        async with self._templates[template or "template0"], self._admin() as admin:
            options = f"template {quoted(template)}" if template else await _empty(admin)
            try:
                await admin.execute(f"create database {quoted(name)} {options} {self._strategy()}")
            except asyncpg.PostgresError as error:
                self.names.discard(name)
                raise _not_made(error, template) from error
        return name

    async def drop(self, name: str) -> None:
        """Drop a database of this run, with whoever is connected to it."""
        if name not in self.names:
            raise ServerError(
                f"The database \"{name}\" isn't one that this run made, so it isn't dropped.",
                remedy="Crossfoot only writes to and drops databases of its own.",
            )
        async with self._admin() as admin:
            try:
                await admin.execute(f"drop database if exists {quoted(name)} with (force)")
            except asyncpg.PostgresError as error:
                raise ServerError(
                    f'The database "{name}" can\'t be dropped: {error}.',
                    remedy="The next run on this server tries again.",
                ) from error
        self.names.discard(name)

    async def drop_all(self) -> None:
        """Drop every database of this run."""
        for name in sorted(self.names):
            await self.drop(name)

    async def mark_kept(self) -> None:
        """Tell later runs' sweeps to leave this run's databases alone."""
        async with self._admin() as admin:
            for name in sorted(self.names):
                with contextlib.suppress(asyncpg.InvalidCatalogNameError):
                    await admin.execute(f"comment on database {quoted(name)} is '{KEPT}'")

    def _strategy(self) -> str:
        return f"strategy {self.strategy}" if self.strategy else ""

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()


async def _empty(admin: asyncpg.Connection) -> str:
    """Return the options of an empty UTF-8 database, with the cluster's locale where that fits.

    template0 is what PostgreSQL came with; template1 may hold anything, and somebody may be in it.
    """
    encoding = await admin.fetchval(
        "select pg_encoding_to_char(encoding) from pg_database where datname = 'template0'"
    )
    locale = "" if encoding == "UTF8" else " lc_collate 'C' lc_ctype 'C'"
    return f"template template0 encoding 'UTF8'{locale}"


def _not_made(error: asyncpg.PostgresError, template: str | None) -> ServerError:
    if isinstance(error, asyncpg.ObjectInUseError):
        return ServerError(
            f'The database "{template}" can\'t be copied while somebody is connected to it.',
            remedy="Close its connections first.",
        )
    return ServerError(f"A database can't be made: {error}.", remedy="Check the server's log.")
