"""``crossfoot serve``: the reference service to try out, with a database and a Stripe of its own.

Everything that this starts ends with it: PostgreSQL has its watchdog, Stripe's stand-in is a thread
here, and the service ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
import secrets
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import typer

from crossfoot.apply import apply_file, apply_target
from crossfoot.content import shipped_content
from crossfoot.errors import CrossfootError
from crossfoot.loop import new_event_loop
from crossfoot.server import Server, open_server
from crossfoot.server.identifiers import quoted
from crossfoot.target import Target, find_targets

HOST = "127.0.0.1"
_PACKAGES = ("fastapi", "httpx", "stripe", "structlog", "uvicorn")
_LOGIN = "crossfoot_service"
_WEBHOOKS = ("credit_purchase", "lead_marketplace", "peer_booking", "stripe_payments")
_START = 30.0  # seconds that the service may take to answer
_STOP = 10.0  # seconds that it may take to end


def serve(dsn: str | None, port: int) -> None:
    """Serve until Ctrl-C. Raises CrossfootError for what the user can put right."""
    folder = _service_folder()
    _require_packages()
    port = _free(port)
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=new_event_loop) as runner,
    ):
        runner.run(_serve(dsn, port, folder))


async def _serve(dsn: str | None, port: int, folder: Path) -> None:
    url = f"http://{HOST}:{port}"
    async with open_server(dsn) as server:
        database = await _filled_database(server, folder)
        with _stripe(folder) as stripe, tempfile.TemporaryDirectory() as journal:
            endpoints = [stripe.add_endpoint(f"{url}/v1/{name}/webhook") for name in _WEBHOOKS]
            environment = {
                "DATABASE_URL": await _login(server, database),
                "STRIPE_API_KEY": f"sk_test_{secrets.token_hex(12)}",
                "STRIPE_WEBHOOK_SECRETS": ",".join(each.secret for each in endpoints),
            }
            arguments = ["--port", str(port), "--stripe-url", stripe.url, "--journal", journal]
            async with _service(folder, arguments, environment) as process:
                await _ready(url, process)
                typer.echo(_told(server, database, url, stripe.url, folder))
                await process.wait()
                raise CrossfootError("the service has ended", remedy="Its last lines say why.")


def _service_folder() -> Path:
    folder = shipped_content().root / "reference_impl" / "service"
    if not folder.is_dir():
        raise CrossfootError("the service isn't there", remedy="Install crossfoot anew.")
    return folder


def _require_packages() -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise CrossfootError(
            f"serve needs packages that aren't installed: {', '.join(missing)}",
            remedy="pip install 'crossfoot[service]'",
        )


def _free(port: int) -> int:
    """Return the port, or a free one for 0. Raises CrossfootError if it is taken."""
    try:
        with socket.create_server((HOST, port)) as listening:
            return int(listening.getsockname()[1])
    except OSError as error:
        raise CrossfootError(
            f"{HOST}:{port} can't be listened on: {os.strerror(error.errno or 0)}",
            remedy="Give another --port; 0 takes a free one.",
        ) from error


async def _filled_database(server: Server, folder: Path) -> str:
    """Make a database with every system and the demonstration's rows in it; return its name."""
    targets = find_targets([])
    await server.ensure_roles(_roles(targets))
    name = await server.create_database("serve")
    connection = await server.connect(name)
    try:
        for target in targets:
            await apply_target(connection, target)
        await apply_file(connection, folder / "demo.sql", "reference_impl/service/demo.sql")
    finally:
        await connection.close()
    return name


def _roles(targets: list[Target]) -> list[str]:
    return sorted({role for target in targets for role in target.target.roles})


async def _login(server: Server, database: str) -> str:
    """Return the DSN that the service logs in with.

    On a server of our own that is a user who may be service_role and nothing else. On somebody
    else's no user is made.
    """
    dsn = server.dsn(database)
    if not server.embedded:
        return dsn
    password = secrets.token_hex(16)
    connection = await server.connect(database)
    try:
        await connection.execute(
            f"create role {quoted(_LOGIN)} login password '{password}';"
            f" grant service_role to {quoted(_LOGIN)}"
        )
    finally:
        await connection.close()
    place = urlsplit(dsn)
    host = place.netloc.rpartition("@")[2]
    return place._replace(netloc=f"{_LOGIN}:{password}@{host}").geturl()


@contextmanager
def _stripe(folder: Path) -> Iterator[Any]:
    """Yield Stripe's stand-in, running."""
    sys.path.insert(0, str(folder.parent))
    try:
        with importlib.import_module("stripe_simulator").Simulator() as simulator:
            yield simulator
    finally:
        sys.path.remove(str(folder.parent))


@asynccontextmanager
async def _service(
    folder: Path, arguments: list[str], environment: dict[str, str]
) -> AsyncIterator[Process]:
    """Yield the service's process; end it afterwards."""
    known = {**os.environ, **environment, "PYTHONPATH": str(folder.parent)}
    # A proxy of the machine's would be asked for our own addresses too.
    known["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST]))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", "--until-stdin-ends", *arguments,
        stdin=PIPE, env=known, start_new_session=True,
    )  # fmt: skip
    assert process.stdin
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(url: str, process: Process) -> None:
    """Wait until the service answers. Raises CrossfootError if it doesn't."""
    deadline = asyncio.get_running_loop().time() + _START
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        if await asyncio.to_thread(_answers, f"{url}/healthz"):
            return
        await asyncio.sleep(0.05)
    raise CrossfootError("the service didn't start", remedy="The line above says why.")


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
