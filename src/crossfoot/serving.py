"""The reference service and its stand-in for Stripe, started beside a database.

Everything that this starts ends with whoever started it: the stand-in is a thread here, and the
service ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import secrets
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from crossfoot.content import shipped_content
from crossfoot.errors import CrossfootError
from crossfoot.server import Server
from crossfoot.server.identifiers import quoted
from crossfoot.target import Target

HOST = "127.0.0.1"
PACKAGES = ("fastapi", "httpx", "stripe", "structlog", "uvicorn")
PAID = "checkout.session.completed"
# What each of the service's webhooks wants to hear of. A payment is four events at Stripe.
WEBHOOKS = {
    "credit_purchase": (PAID,),
    "lead_marketplace": (PAID,),
    "peer_booking": (PAID, "invoice.payment_succeeded"),
    "stripe_payments": (PAID,),
}
_START = 120.0  # seconds that the service may take to answer on a machine that is very busy
_STOP = 10.0  # seconds that it may take to end


def service_folder() -> Path:
    """Return where the service lies. Raises CrossfootError."""
    folder = shipped_content().root / "reference_impl" / "service"
    if not folder.is_dir():
        raise CrossfootError("the service isn't there", remedy="Install crossfoot anew.")
    return folder


def require_packages(command: str, names: Sequence[str], extra: str) -> None:
    """Raise CrossfootError if one of these packages isn't installed."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise CrossfootError(
            f"{command} needs packages that aren't installed: {', '.join(missing)}",
            remedy=f"pip install 'crossfoot[{extra}]'",
        )


def free_port(port: int) -> int:
    """Return the port, or a free one for 0. Raises CrossfootError if it is taken."""
    try:
        with socket.create_server((HOST, port)) as listening:
            return int(listening.getsockname()[1])
    except OSError as error:
        raise CrossfootError(
            f"{HOST}:{port} can't be listened on: {os.strerror(error.errno or 0)}",
            remedy="Give another --port; 0 takes a free one.",
        ) from error


def roles_of(targets: Sequence[Target]) -> list[str]:
    """Return the roles that these targets need."""
    return sorted({role for target in targets for role in target.target.roles})


@dataclass(frozen=True)
class Reference:
    """The service at ``url``, working in the database at ``dsn``, and its Stripe at ``stripe``.

    ``secret`` signs what the service takes for an event from Stripe.
    """

    url: str
    dsn: str
    stripe: str
    secret: str
    process: Process


@asynccontextmanager
async def reference(
    server: Server, database: str, port: int, *, seed: int | None = None, quiet: bool = False
) -> AsyncIterator[Reference]:
    """Yield the service over a database that has all systems. Raises CrossfootError.

    ``seed`` decides over ids and faults of Stripe's stand-in; ``quiet``: the service's log goes
    nowhere.
    """
    folder = service_folder()
    url = f"http://{HOST}:{port}"
    dsn = await _login(server, database)
    with _stripe(folder, seed) as stripe, tempfile.TemporaryDirectory() as journal:
        endpoints = [
            stripe.add_endpoint(f"{url}/v1/{name}/webhook", events=wanted)
            for name, wanted in WEBHOOKS.items()
        ]
        environment = {
            "DATABASE_URL": dsn,
            "STRIPE_API_KEY": f"sk_test_{secrets.token_hex(12)}",
            "STRIPE_WEBHOOK_SECRETS": ",".join(each.secret for each in endpoints),
        }
        arguments = ["--port", str(port), "--stripe-url", stripe.url, "--journal", journal]
        async with _service(folder, arguments, environment, quiet=quiet) as process:
            await _ready(url, process)
            yield Reference(url, dsn, stripe.url, endpoints[0].secret, process)


async def _login(server: Server, database: str) -> str:
    """Return the DSN that the service logs in with.

    On a server of our own that is a user who may be service_role, or somebody with fewer rights whom
    a load lets try what only service_role may. On somebody else's no user is made.
    """
    dsn = server.dsn(database)
    if not server.embedded:
        return dsn
    login, password = f"{database}_service", secrets.token_hex(16)
    connection = await server.connect(database)
    try:
        await connection.execute(
            f"create role {quoted(login)} login password '{password}';"
            f" grant service_role to {quoted(login)};"
            f" grant anon, authenticated to {quoted(login)} with inherit false"
        )
    finally:
        await connection.close()
    place = urlsplit(dsn)
    host = place.netloc.rpartition("@")[2]
    return place._replace(netloc=f"{login}:{password}@{host}").geturl()


@contextmanager
def _stripe(folder: Path, seed: int | None) -> Iterator[Any]:
    """Yield Stripe's stand-in, running."""
    sys.path.insert(0, str(folder.parent))
    try:
        with importlib.import_module("stripe_simulator").Simulator(seed) as simulator:
            yield simulator
    finally:
        sys.path.remove(str(folder.parent))


@asynccontextmanager
async def _service(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], *, quiet: bool
) -> AsyncIterator[Process]:
    """Yield the service's process; end it afterwards. ``quiet``: its log goes nowhere."""
    known = {**os.environ, **environment, "PYTHONPATH": str(folder.parent)}
    # A proxy of the machine's would be asked for our own addresses too.
    known["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST]))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", "--until-stdin-ends", *arguments,
        stdin=PIPE, stdout=DEVNULL if quiet else None, env=known, start_new_session=True,
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
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
