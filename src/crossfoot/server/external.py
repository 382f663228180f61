"""A user's own server: refuse what can't work with one clear line, then make room for this run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.binaries import OLDEST
from crossfoot.server.connections import QUIET, connect
from crossfoot.server.dsn import Dsn
from crossfoot.server.identifiers import quoted
from crossfoot.server.pooler import refuse_pooler
from crossfoot.server.roles import Roles, remove_unused
from crossfoot.server.runs import Run, sweep

_FACTS = """
select current_setting('server_version_num')::integer as number,
       split_part(current_setting('server_version'), ' ', 1) as version,
       version() as product,
       pg_is_in_recovery() as in_recovery,
       current_setting('default_transaction_read_only')::boolean as read_only,
       rolname as user, rolsuper as superuser, rolcreatedb as createdb
from pg_roles where rolname = current_user
"""


@dataclass(frozen=True)
class Facts:
    """What a server said about itself and about us."""

    number: int  # 180006
    version: str  # "18.6"
    product: str
    in_recovery: bool
    read_only: bool
    user: str
    superuser: bool
    createdb: bool


@dataclass
class UserServer:
    """A user's server that passed all checks; ``keeper``, while open, marks the run as live."""

    dsn: Dsn
    facts: Facts
    keeper: asyncpg.Connection
    run: Run
    roles: Roles

    @classmethod
    async def open(cls, dsn: Dsn, run: Run) -> UserServer:
        """Check the server, mark the run as live, and remove what dead runs left."""
        await refuse_pooler(dsn)
        facts = await read_facts(dsn)
        check(facts, dsn)
        home, keeper = await _keeper(dsn)
        try:
            await run.hold(keeper)
            await sweep(keeper)
            await remove_unused(keeper)
        except BaseException:
            keeper.terminate()
            raise
        return cls(home, facts, keeper, run, Roles(home, keeper))

    async def close(self) -> None:
        """Remove the roles that nobody needs now, and say that this run is over."""
        try:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self.roles.release()
                await self.keeper.close(timeout=5)
        finally:
            self.keeper.terminate()


async def read_facts(dsn: Dsn) -> Facts:
    """Ask a server about itself."""
    connection = await connect(dsn)
    try:
        return Facts(**await connection.fetchrow(_FACTS))
    except asyncpg.PostgresError as error:
        raise ServerError(
            f"{dsn.place} isn't a PostgreSQL that Crossfoot knows: {error}.",
            remedy=f"Give one of version {OLDEST} or newer.",
        ) from error
    finally:
        await connection.close()


def check(facts: Facts, dsn: Dsn) -> None:
    """Raise ServerError if the server, or our role on it, can't serve a run."""
    if not facts.product.startswith("PostgreSQL") or facts.number < OLDEST * 10000:
        product = " ".join(facts.product.split()[:2])
        raise ServerError(
            f"{dsn.place} is {product}, which is too old or not PostgreSQL.",
            remedy=f"Give a PostgreSQL of version {OLDEST} or newer.",
        )
    if facts.in_recovery:
        raise ServerError(
            f"{dsn.place} is a standby, on which nothing can be written.",
            remedy="Give the primary's address.",
        )
    if facts.read_only:
        raise ServerError(
            f"{dsn.place} makes every transaction read-only (default_transaction_read_only).",
            remedy=f"alter role {quoted(facts.user)} set default_transaction_read_only = off;",
        )
    if not (facts.superuser or facts.createdb):
        raise ServerError(
            f"{facts.user} may not create databases on {dsn.place}; Crossfoot works in its own.",
            remedy=f"As a superuser: alter role {quoted(facts.user)} createdb;",
        )


async def _keeper(dsn: Dsn) -> tuple[Dsn, asyncpg.Connection]:
    """Connect to the database ``postgres``, where all runs meet; without one, to the DSN's."""
    try:
        return dsn.at("postgres"), await connect(dsn, "postgres", settings=QUIET)
    except ServerError:
        return dsn, await connect(dsn, settings=QUIET)
