"""``crossfoot serve``: the reference service to try out, with a database and a Stripe of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import typer

from crossfoot.apply import apply_file, apply_target
from crossfoot.errors import CrossfootError
from crossfoot.loop import new_event_loop
from crossfoot.server import Server, open_server
from crossfoot.serving import (
    PACKAGES,
    free_port,
    reference,
    require_packages,
    roles_of,
    service_folder,
)
from crossfoot.target import find_targets


def serve(dsn: str | None, port: int) -> None:
    """Serve until Ctrl-C. Raises CrossfootError for what the user can put right."""
    folder = service_folder()
    require_packages("serve", PACKAGES, "service")
    port = free_port(port)
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        runner.run(_serve(dsn, port, folder))


async def _serve(dsn: str | None, port: int, folder: Path) -> None:
    async with open_server(dsn) as server:
        database = await _filled_database(server, folder)
        async with reference(server, database, port) as running:
            typer.echo(_told(server, database, running.url, running.stripe, folder))
            await running.process.wait()
            raise CrossfootError("the service has ended", remedy="Its last lines say why.")


async def _filled_database(server: Server, folder: Path) -> str:
    """Make a database with every system and the demonstration's rows in it; return its name."""
    targets = find_targets([])
    await server.ensure_roles(roles_of(targets))
    name = await server.create_database("serve")
    connection = await server.connect(name)
    try:
        for target in targets:
            await apply_target(connection, target)
        await apply_file(connection, folder / "demo.sql", "reference_impl/service/demo.sql")
    finally:
        await connection.close()
    return name


def _told(server: Server, database: str, url: str, stripe: str, folder: Path) -> str:
    lines = (folder / "demo.txt").read_text(encoding="utf-8").format(url=url, stripe=stripe)
    return "\n".join(
        [
            f"The service answers at {url} ({url}/docs shows what it can do).",
            f"Stripe's stand-in is {stripe}. To look at the database:",
            f"  {server.psql(database)}",
            "Ctrl-C ends everything and leaves nothing. Lines to paste into another terminal:",
            "",
            lines,
        ]
    )
