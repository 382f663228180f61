"""One PostgreSQL to work on, embedded or the user's, and the databases and roles of this run."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.binaries import local_binaries
from crossfoot.server.connections import connect
from crossfoot.server.databases import Databases
from crossfoot.server.dsn import Dsn
from crossfoot.server.embedded import Embedded
from crossfoot.server.external import UserServer
from crossfoot.server.identifiers import quoted
from crossfoot.server.roles import Roles
from crossfoot.server.runs import Run
from crossfoot.server.signals import ending_on_signals


class Server:
    """A running PostgreSQL. Only databases that this run made are written to or dropped.

    ``keep`` may be changed until the end: a server (or, on a user's server, the databases of this
    run) stays up after a clean exit if it is true then.
    """

    def __init__(self, place: Embedded | UserServer, run: Run, *, keep: bool) -> None:
        self.keep = keep
        self._place = place
        if isinstance(place, Embedded):
            self.embedded, self.superuser, self.version = True, True, place.binaries.version
            self.description = f"embedded PostgreSQL {self.version}"
            self._dsn, self._near = place.dsn, place.near
            self._roles = Roles(place.near)
        else:
            self.embedded, self.superuser = False, place.facts.superuser
            self.version = place.facts.version
            self.description = f"PostgreSQL {self.version} at {place.dsn.place}"
            self._dsn = self._near = place.dsn
            self._roles = place.roles
        # A copy of the files is three times quicker than a copy through the log, but it takes two
        # checkpoints, which only a server without fsync makes at once.
        quick = self.embedded and int(self.version.split(".")[0]) >= 15
        self._databases = Databases(self._near, run, "file_copy" if quick else "")

    def dsn(self, database: str) -> str:
        """Return a DSN that asyncpg and libpq read. The password is in it: never print it."""
        return self._dsn.url(database)

    async def connect(
        self,
        database: str,
        *,
        role: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> asyncpg.Connection:
        """Connect, and ``set role`` where one is named. Raises ServerError.

        In a database that isn't this run's own, transactions are read-only unless ``settings`` says
        ``default_transaction_read_only = off``.
        """
        own = database in self._databases.names
        guarded = {} if own else {"default_transaction_read_only": "on"}
        connection = await connect(self._near, database, settings={**guarded, **(settings or {})})
        if role is not None:
            try:
                await connection.execute(f"set role {quoted(role)}")
            except BaseException as error:
                connection.terminate()
                if isinstance(error, asyncpg.PostgresError):
                    raise ServerError(
                        f'The role "{role}" can\'t be taken: {error}.',
                        remedy="Name it under roles in target.toml, so that it exists.",
                    ) from error
                raise
        return connection

    async def create_database(self, purpose: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of ``template``; return its name.

        ``purpose`` is 1 to 30 of a-z, 0-9, _. Nobody may be connected to the template.
        """
        return await self._databases.create(purpose, template)

    async def drop_database(self, name: str) -> None:
        """Drop a database, whoever is in it. Raises ServerError if it isn't this run's."""
        await self._databases.drop(name)

    async def ensure_roles(self, names: Sequence[str]) -> None:
        """Make the roles that are missing; those that this made go when the last run is over."""
        await self._roles.ensure(names)

    async def restart(self) -> None:
        """Start the embedded server again, after it was killed or while it runs (which ends it)."""
        await self._own().restart()

    @property
    def pid(self) -> int | None:
        """Return the process id of the embedded ``postgres``; None if it isn't running."""
        return self._own().pid

    @property
    def binaries(self) -> Path | None:
        """Return the bin folder with psql and pgbench, if this machine has one."""
        if isinstance(self._place, Embedded):
            return self._place.binaries.folder
        found = local_binaries()
        return found.folder if found else None

    def psql(self, database: str) -> str:
        """Return a psql command for a person to run; it doesn't show the password."""
        if isinstance(self._place, Embedded):
            return self._place.psql(database)
        return f"psql {shlex.quote(self._dsn.without_password().url(database))}"

    def keep_hint(self) -> str:
        """Return how to look at what was kept and how to remove it; nothing if nothing is kept."""
        if not self.keep:
            return ""
        look = [self.psql(name) for name in sorted(self._databases.names)]
        if isinstance(self._place, Embedded):
            look = look or [self.psql("postgres")]
            end = [f"{self._place.stop_command}   # ends it and removes {self._place.folder}"]
        else:
            names = sorted(self._databases.names)
            end = [f"drop database {quoted(name)};" for name in names]
        return "\n".join([*look, *end])

    def _own(self) -> Embedded:
        if not isinstance(self._place, Embedded):
            raise ServerError(
                "Only the embedded server can be killed and restarted.",
                remedy="Run without --dsn for this.",
            )
        return self._place

    async def _close(self, *, clean: bool) -> None:
        kept = self.keep and clean
        if isinstance(self._place, Embedded):
            if kept:
                self._place.leave()
            else:
                await self._place.stop()
            return
        try:
            await (self._databases.mark_kept() if kept else self._databases.drop_all())
        finally:
            await self._place.close()


@asynccontextmanager
async def open_server(
    dsn: str | None = None, *, keep: bool = False, connections: int | None = None
) -> AsyncIterator[Server]:
    """Yield the server at ``dsn``, or without one an embedded server of our own.

    An embedded one takes so many ``connections``, if they are named.

    Everything is removed at the end, also on exceptions, cancellation, Ctrl-C and SIGTERM. Raises
    ServerError (one clear line, a remedy, no password) if there is no server to work on.
    """
    run = Run()
    with ending_on_signals():
        if dsn:
            place: Embedded | UserServer = await UserServer.open(Dsn.parse(dsn), run)
        else:
            place = await Embedded.start(connections)
        server = Server(place, run, keep=keep)
        try:
            yield server
        except BaseException:
            # What went wrong first is what counts; leftovers are swept by the next run.
            with contextlib.suppress(ServerError):
                await server._close(clean=False)
            raise
        await server._close(clean=True)
