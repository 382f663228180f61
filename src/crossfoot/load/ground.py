"""What a load runs against: a database with the targets and their population, service and Stripe.

``python -m crossfoot.load.ground TARGET...`` starts it for a plain ``locust -f``. It says where
things are in one line of JSON, answers each line on its standard input with one line of what the
audits found, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from crossfoot.apply import apply_target, apply_text
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.checks.relations import check_bindings
from crossfoot.content import shipped_content
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.load.orders import Orders
from crossfoot.load.population import fill, load_population
from crossfoot.loop import new_event_loop
from crossfoot.results import Check
from crossfoot.server import Server, open_server
from crossfoot.serving import free_port, reference, roles_of
from crossfoot.target import Target, find_targets
from crossfoot.variant import Variant

_HOUSE = 3.0  # seconds between two rounds of vacuum
_TABLES = """
select format('%I.%I', schemaname, relname) from pg_stat_user_tables where schemaname = any($1)
"""


@dataclass(frozen=True)
class Ground:
    """A database with ``targets`` in it, and what runs over it. ``url`` is the service's, if any."""

    server: Server
    database: str
    targets: tuple[Target, ...]
    orders: Orders
    url: str = ""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection to the database."""
        connection = await self.server.connect(self.database)
        try:
            yield connection
        finally:
            await connection.close()

    async def audits(self, target: Target) -> list[Check]:
        """Run a target's audits in one snapshot of their own."""
        async with self.connection() as connection:
            return await run_audits(connection, AuditSet.of(target))


async def make_database(
    server: Server,
    targets: Sequence[Target],
    seed: int,
    variant: Variant | None = None,
    *,
    unmasked: bool = False,
) -> tuple[str, dict[str, frozenset[str]]]:
    """Make a database with the targets and their populations, and a mistake in it if one is given.

    Reference systems come together, since their service has one database. Returns its name, and
    which accounts of each target users of the service work on. Raises CrossfootError.
    """
    applied = find_targets([]) if is_reference(targets) else list(targets)
    await server.ensure_roles(roles_of(applied))
    name = await server.create_database("load")
    connection = await server.connect(name)
    try:
        for target in applied:
            await apply_target(connection, target)
            await check_bindings(connection, target)
        served = {
            target.name: await fill(connection, target, load_population(target, seed))
            for target in targets
        }
        # Only now: with some mistakes the population couldn't be made.
        for shown, text in variant.files().items() if variant else ():
            await apply_text(connection, text, shown)
        for statement in variant.unmask if variant and unmasked else ():
            await apply_text(connection, statement, variant.file if variant else "")
        # Nobody else does, on a server without autovacuum; plans for empty tables wouldn't do.
        await connection.execute("analyze")
    finally:
        await connection.close()
    return name, served


def is_reference(targets: Sequence[Target]) -> bool:
    """Say whether these are systems that the reference service serves."""
    root = shipped_content().root.resolve()
    return all(target.content.root.resolve() == root for target in targets)


@asynccontextmanager
async def open_ground(
    server: Server, database: str, targets: Sequence[Target], seed: int, port: int = 0
) -> AsyncIterator[Ground]:
    """Yield the ground over a database, with the service running where there is one for it."""
    chosen = tuple(targets)
    if not is_reference(targets):
        ground = Ground(server, database, chosen, Orders(server.dsn(database), seed))
        async with _kept(ground):
            yield ground
        return
    async with reference(server, database, free_port(port), seed=seed, quiet=True) as running:
        orders = Orders(running.dsn, seed, stripe=running.stripe, secret=running.secret)
        ground = Ground(server, database, chosen, orders, running.url)
        async with _kept(ground):
            yield ground


@asynccontextmanager
async def _kept(ground: Ground) -> AsyncIterator[None]:
    """Keep house meanwhile. On a server of somebody else's, autovacuum does."""
    if not ground.server.embedded:
        yield
        return
    keeping = asyncio.create_task(_keep_house(ground))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep_house(ground: Ground) -> None:
    """Do on and on what autovacuum would, which an embedded server does without.

    A load begins with tables that are nearly empty, and plans are made for these. Without new
    statistics they stay, and some thousand calls later each call reads whole tables; and a row that
    everybody changes leaves its old versions behind.
    """
    schemas = [schema for target in ground.targets for schema in target.target.schemas]
    async with ground.connection() as connection:
        while True:
            await asyncio.sleep(_HOUSE)
            for (table,) in await connection.fetch(_TABLES, schemas):
                await connection.execute(f"vacuum (analyze, truncate false) {table}")


async def _serve(names: Sequence[str], seed: int) -> None:
    targets = find_targets(names)
    async with open_server(os.environ.get("CROSSFOOT_DSN")) as server:
        database, _ = await make_database(server, targets, seed)
        async with open_ground(server, database, targets, seed) as ground:
            said = {"url": ground.url, **ground.orders.environment()}
            print(json.dumps(said), flush=True)
            while await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps([await _audited(ground, each) for each in targets]), flush=True)


async def _audited(ground: Ground, target: Target) -> dict[str, object]:
    checks = await ground.audits(target)
    verdicts = [check.verdict.value for check in checks]
    findings = [
        f"{check.name}: {finding.summary}" for check in checks for finding in check.findings
    ]
    return {"target": target.name, "passed": verdicts.count("pass"), "findings": findings}


def main() -> int:
    """Serve until the standard input ends."""
    try:
        names, seed = sys.argv[1:], Orders.read().seed
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(names, seed))
    except (CrossfootError, ContentError) as error:
        print(f"crossfoot: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
