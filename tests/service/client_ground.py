"""Ground for the clients' tests: a database, ways to disturb it, and the client's own packages.

A broken client is a copy of the package with some lines changed, imported under a name of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

from crossfoot.background import BackgroundServer

CLIENTS = Path(__file__).parents[2] / "reference_impl" / "clients"
BROKEN = CLIENTS / "broken"
SEED = 20261121


class Pauses(Random):
    """Randomness that remembers which pauses were drawn, in seconds, and from which range."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        pause = super().uniform(a, b)
        self.drawn.append((pause, b))
        return pause


@dataclass
class Disturber:
    """A second client, as superuser: it holds locks, ends sessions and looks what is there."""

    session: Any

    async def workspace(self, credits: int = 0) -> UUID:
        workspace = uuid4()
        await self.session.execute(
            "insert into lead_marketplace.workspaces (id) values ($1)", workspace
        )
        if credits:
            await self.session.fetch(
                "select * from lead_marketplace.add_workspace_credits($1, $2, 'opening')",
                workspace,
                credits,
            )
        return workspace

    async def lead(self, price: int = 40) -> UUID:
        lead = uuid4()
        await self.session.execute(
            "insert into lead_marketplace.leads "
            "(id, marketplace_status, is_marketplace_listed, marketplace_price) "
            "values ($1, 'available', true, $2)",
            lead,
            price,
        )
        return lead

    async def hold(self, workspace: UUID) -> None:
        """Begin a transaction that has the workspace's account."""
        await self.session.execute("begin")
        await self.session.execute(
            "select from lead_marketplace.workspace_credits where workspace_id = $1 for update".replace(
                "$1", f"'{workspace}'"
            )
        )

    async def waiting(self) -> int:
        """Return the process id of a session that waits for a lock, once there is one."""
        while True:
            pid = await self.session.fetchval(
                # pg_stat_activity shows a transaction the same picture all the time.
                "select pid from pg_locks "
                "where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"
            )
            if pid:
                return int(pid)
            await asyncio.sleep(0.002)

    async def until_waiting(self, other: Disturber, statement: asyncio.Task[Any]) -> None:
        """Wait until the other's statement waits for a lock, or is through."""
        waits = "select exists (select from pg_locks where not granted and pid = $1)"
        pid = other.session.get_server_pid()
        while not statement.done() and not await self.session.fetchval(waits, pid):
            await asyncio.sleep(0.002)

    async def end(self, pid: int) -> None:
        await self.session.execute(f"select pg_terminate_backend({pid}, 5000)")

    async def grants(self, workspace: UUID) -> list[tuple[UUID, int]]:
        """Return the request key and amount of every grant, the opening balance aside."""
        rows = await self.session.fetch(
            "select request_key, amount from lead_marketplace.credit_grants "
            "where workspace_id = $1 and reason <> 'opening'",
            workspace,
        )
        return [(row[0], int(row[1])) for row in rows]

    async def balance(self, workspace: UUID) -> int:
        found = await self.session.fetchval(
            "select balance from lead_marketplace.workspace_credits where workspace_id = $1",
            workspace,
        )
        return int(found or 0)


@dataclass
class Ground:
    """A database, and the clients that are to be tested on it: the right ones or broken ones."""

    server: BackgroundServer
    database: str
    package: ModuleType
    role: str = "service_role"
    pauses: Pauses = field(default_factory=lambda: Pauses(SEED))

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.package.__name__}.{name}")

    @property
    def retry(self) -> Any:
        return self.module("retry")

    @property
    def dsn(self) -> str:
        """The database's address, without TLS: the proxy has to read along."""
        return f"{self.server.server.dsn(self.database).split('?')[0]}?sslmode=disable"

    @asynccontextmanager
    async def disturber(self) -> AsyncIterator[Disturber]:
        session = await self.server.server.connect(self.database)
        try:
            yield Disturber(session)
        finally:
            await session.close()

    @asynccontextmanager
    async def caller(
        self, *, dsn: str = "", attempts: int = 8, timeout: float = 10.0, **settings: str
    ) -> AsyncIterator[Any]:
        """Yield a caller of the package under test; ``settings`` are those of its sessions."""
        query = "".join(f"&{name}={value}" for name, value in settings.items())
        policy = self.retry.Policy(attempts, 0.01, 0.1, patience=3.0, random=self.pauses)
        pool = self.module("connections").open_pool(
            (dsn or self.dsn) + query, role=self.role, timeout=timeout, size=20
        )
        self.pauses.drawn.clear()
        async with pool as opened:
            yield self.retry.Caller(opened, policy)

    @asynccontextmanager
    async def market(self, **how: Any) -> AsyncIterator[Any]:
        """Yield a marketplace client; ``how`` as for :meth:`caller`."""
        async with self.caller(**how) as caller:
            yield self.module("lead_marketplace").LeadMarketplace(caller)


@dataclass(frozen=True)
class BrokenClient:
    """A mistake in the clients: lines of one module, and what stands in their place."""

    name: str
    header: dict[str, str]
    changes: tuple[tuple[str, str], ...]

    @property
    def caught_by(self) -> set[str]:
        return set(self.header["caught-by"].split(", "))


KEYS = {"title", "class", "hurts", "changes", "caught-by", "role"}
_PAIR = re.compile(r"^# @instead of\n(.*?)^# @write\n(.*?)(?=^# @instead of\n|\Z)", re.S | re.M)


def read_broken(path: Path) -> BrokenClient:
    """Read a variant: a header of ``# key: value`` lines, then pairs of lines."""
    text = path.read_text(encoding="utf-8")
    head, _, body = text.partition("# @instead of\n")
    header: dict[str, str] = {}
    name = ""
    for line in head.splitlines():
        if found := re.match(r"# ([a-z-]+): (.+)", line):
            name = found[1]
            header[name] = found[2]
        elif line.startswith("#    ") and name:
            header[name] += f" {line[5:]}"
    if not KEYS - {"role"} <= header.keys() <= KEYS:
        raise ValueError(f"{path.name}: keys {sorted(header.keys() ^ KEYS)}")
    pairs = _PAIR.findall(f"# @instead of\n{body}")
    return BrokenClient(path.name.split(".")[0], header, tuple(pairs))


def all_broken() -> list[BrokenClient]:
    return [read_broken(path) for path in sorted(BROKEN.glob("*.py.variant"))]


@contextmanager
def broken_package(variant: BrokenClient, folder: Path) -> Iterator[ModuleType]:
    """Yield the clients with the mistake in them, as a package of its own."""
    name = f"clients_with_{variant.name}"
    place = folder / name
    shutil.copytree(CLIENTS, place, ignore=shutil.ignore_patterns("broken", "__pycache__"))
    _apply(variant, place / variant.header["changes"])
    for module in place.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace("from clients.", f"from {name}."), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for loaded in [each for each in sys.modules if each.split(".")[0] == name]:
            del sys.modules[loaded]


def _apply(variant: BrokenClient, module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    for right, wrong in variant.changes:
        times = text.count(right)
        assert times == 1, (
            f"{variant.name}: these lines stand {times} times in {module.name}\n{right}"
        )
        text = text.replace(right, wrong)
    module.write_text(text, encoding="utf-8")
