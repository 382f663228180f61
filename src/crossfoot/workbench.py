"""Databases to work on: a target as written or as one of its broken variants, and clones of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from crossfoot.apply import Sources, apply_target, apply_text
from crossfoot.bursts.ground import Ground
from crossfoot.checks.audits import AuditSet
from crossfoot.checks.relations import check_bindings
from crossfoot.counterexample.psql_script import Recipe
from crossfoot.counterexample.psql_stops import definitions
from crossfoot.errors import ContentError
from crossfoot.explorer.arena import Arena
from crossfoot.explorer.client import Client
from crossfoot.explorer.explore import Bounds, Explorer
from crossfoot.explorer.instrument import instrument
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.token import Token
from crossfoot.results import Exploration
from crossfoot.server import Server
from crossfoot.target import Target
from crossfoot.variant import Variant

Progress = Callable[[str, Exploration, int], None]


@dataclass(frozen=True)
class Form:
    """One form of a target in a database of its own, which nobody is connected to: a template.

    ``variant`` is the mistake that was put in, ``unmasked`` says that the constraint behind it was
    taken out too.
    """

    target: Target
    database: str
    sources: Sources
    variant: Variant | None = None
    unmasked: bool = False

    @property
    def title(self) -> str:
        """Return the target's name, and the name of the mistake in it if there is one."""
        if not self.variant:
            return self.target.name
        how = ", without its constraint" if self.unmasked else ""
        return f"{self.target.name} with {self.variant.name}{how}"

    def token(self, seed: int) -> Token:
        """Return the beginning of this form's replay tokens."""
        name = self.variant.name if self.variant else ""
        return Token(self.target.name, "", seed, (), name, self.unmasked)


@dataclass
class Workbench:
    """Builds forms of targets on one server and clones them for whoever needs to write."""

    server: Server

    @asynccontextmanager
    async def as_written(self, target: Target) -> AsyncIterator[Form]:
        """Yield the target, applied to a database that is dropped afterwards."""
        await self.server.ensure_roles(target.target.roles)
        async with self._database(target.name) as name:
            connection = await self.server.connect(name)
            try:
                sources = await apply_target(connection, target)
                await check_bindings(connection, target)
            finally:
                await connection.close()
            yield Form(target, name, sources)

    @asynccontextmanager
    async def broken(self, form: Form, variant: Variant, *, unmasked: bool) -> AsyncIterator[Form]:
        """Yield ``form`` with a broken variant applied to it."""
        async with self._database(form.target.name, form.database) as name:
            connection = await self.server.connect(name)
            try:
                sources: Sources = {}
                for shown, text in variant.files().items():
                    sources |= await apply_text(connection, text, shown)
                for statement in variant.unmask if unmasked else ():
                    await _unmask(connection, statement, variant)
            finally:
                await connection.close()
            yield Form(form.target, name, form.sources | sources, variant, unmasked)

    @asynccontextmanager
    async def clone(self, form: Form) -> AsyncIterator[str]:
        """Yield the name of a throw-away copy."""
        async with self._database(form.target.name, form.database, kept=True) as name:
            yield name

    @asynccontextmanager
    async def explorer(
        self,
        form: Form,
        *,
        seed: int,
        bounds: Bounds,
        arenas: int = 2,
        progress: Progress | None = None,
        statement_level: bool = True,
        client: type[Client] = Client,
    ) -> AsyncIterator[Explorer]:
        """Yield an explorer of this form with so many arenas, each a database of its own.

        ``client`` is who plays the sessions: statements of race files, or programs.
        """
        async with AsyncExitStack() as stack:
            template = await stack.enter_async_context(
                self._database(form.target.name, form.database)
            )
            recipe = await self._recipe(form, template)
            instrumented = await self._instrument(template, statement_level=statement_level)
            opened = [
                await stack.enter_async_context(self._arena(form, template, instrumented, client))
                for _ in range(arenas)
            ]
            audits = await self._usable(opened[0].control, AuditSet.of(form.target))
            yield Explorer(
                opened,
                audits,
                bounds,
                form.sources,
                form.token(seed),
                progress or (lambda name, done, left: None),
                recipe=recipe,
            )

    @asynccontextmanager
    async def ground(self, form: Form) -> AsyncIterator[Ground]:
        """Yield a throw-away copy of this form for bursts to take place in."""
        role = form.target.target.role
        async with self.clone(form) as name:
            control = await self.server.connect(name)
            audits = await self._usable(control, AuditSet.of(form.target))
            ground = Ground(
                form.target, audits, control, lambda: self.server.connect(name, role=role)
            )
            try:
                yield ground
            finally:
                await ground.close()

    async def _recipe(self, form: Form, database: str) -> Recipe:
        """Return what a form is made of, for whoever wants to build it without Crossfoot."""
        connection = await self.server.connect(database)
        try:
            functions = await definitions(connection)
        finally:
            await connection.close()
        mistake: list[str] = []
        if form.variant:
            unmask = form.variant.unmask if form.unmasked else ()
            mistake = [*form.variant.files().values(), *(f"{each};" for each in unmask)]
        files = tuple(form.target.content.relative(path) for path in form.target.sql_files)
        return Recipe(files, "\n".join(mistake), functions, form.target.target.role)

    async def _instrument(self, database: str, *, statement_level: bool) -> Instrumented:
        connection = await self.server.connect(database)
        try:
            return await instrument(connection, statement_level=statement_level)
        finally:
            await connection.close()

    @asynccontextmanager
    async def _arena(
        self, form: Form, template: str, instrumented: Instrumented, client: type[Client]
    ) -> AsyncIterator[Arena]:
        async with self._database(form.target.name, template, kept=True) as name:
            control, keeper = await self.server.connect(name), await self.server.connect(name)
            role = form.target.target.role

            async def connect() -> asyncpg.Connection:
                return await self.server.connect(name, role=role)

            arena = Arena(control, keeper, connect, instrumented, form.target.operations, client)
            try:
                yield arena
            finally:
                await arena.close()

    @staticmethod
    async def _usable(connection: asyncpg.Connection, audits: AuditSet) -> AuditSet:
        """Leave out the audits that PostgreSQL can't run here; the audit stage reports them."""
        usable = []
        for audit in audits.applicable:
            try:
                await connection.prepare(audit.composed(audits.target))
            except asyncpg.PostgresError:
                continue
            usable.append(audit)
        return AuditSet(audits.target, tuple(usable), audits.left_out)

    @asynccontextmanager
    async def _database(
        self, purpose: str, template: str | None = None, *, kept: bool = False
    ) -> AsyncIterator[str]:
        """Yield a database that is dropped afterwards, or left for a look (``kept``) with --keep."""
        name = await self.server.create_database(purpose[:20], template)
        try:
            yield name
        finally:
            if not (kept and self.server.keep):
                await asyncio.shield(self.server.drop_database(name))


async def _unmask(connection: asyncpg.Connection, statement: str, variant: Variant) -> None:
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        raise ContentError(f"{variant.file}: unmask: {error}") from error


def reached(target: Target, operations: Sequence[str]) -> set[str]:
    """Return the functions that these operations call directly."""
    return {target.operations[name].function for name in operations if name in target.operations}
