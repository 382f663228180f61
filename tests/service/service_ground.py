"""Ground for the service's tests: a database with all systems, a way to cut it off, the service itself.

Everything is real: PostgreSQL, uvicorn, the stripe client, webhooks over loopback. Only Stripe is the
simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import re
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import uvicorn
from client_ground import BrokenClient

from clients.retry import Policy
from crossfoot.apply import apply_target
from crossfoot.background import BackgroundServer
from crossfoot.target import find_targets
from stripe_simulator import Simulator

T = TypeVar("T")

SYSTEMS = (
    "credit_purchase",
    "lead_marketplace",
    "license_billing",
    "peer_booking",
    "stripe_idempotency",
)
WEBHOOKS = ("lead_marketplace", "credit_purchase", "peer_booking", "stripe_payments")
STRIPE_KEY = "sk_test_4242cafe4242cafe"
WEBHOOK_SECRET = "whsec_0815beef0815beef"
SEED = 20261121
SERVICE = Path(__file__).parents[2] / "reference_impl" / "service"
BROKEN = SERVICE / "broken"


@dataclass
class Database:
    """A database with all five systems, looked at and prepared as its owner."""

    server: BackgroundServer
    name: str
    dsn: str = field(repr=False)

    def all(self, sql: str, *arguments: object) -> list[Any]:
        return self._run(self._fetch(sql, *arguments))

    def one(self, sql: str, *arguments: object) -> Any:
        return self.all(sql, *arguments)[0][0]

    def script(self, sql: str) -> None:
        self._run(self._execute(sql))

    def workspace(self, credits: int = 0) -> UUID:
        id = uuid4()
        self.all("insert into lead_marketplace.workspaces (id) values ($1)", id)
        if credits:
            grant = "select lead_marketplace.add_workspace_credits($1, $2, 'opening')"
            self.all(grant, id, credits)
        return id

    def lead(self, price: int = 40) -> UUID:
        id = uuid4()
        self.all(
            "insert into lead_marketplace.leads "
            "(id, marketplace_status, is_marketplace_listed, marketplace_price) "
            "values ($1, 'available', true, $2)",
            id,
            price,
        )
        return id

    def buyer(self) -> UUID:
        """Return a user of credit_purchase."""
        return UUID(
            str(self.one("insert into credit_purchase.user_profiles default values returning id"))
        )

    def license(self, credits: int = 0, **columns: object) -> str:
        key = f"lic_{secrets.token_hex(12)}"
        self.all(
            "insert into license_billing.licenses (license_key, tenant_id) values ($1, $2)",
            key,
            uuid4(),
        )
        if credits:
            self.all("select license_billing.add_credits($1, $2, null)", key, credits)
        for column, value in columns.items():
            change = f"update license_billing.licenses set {column} = $2 where license_key = $1"
            self.all(change, key, value)
        return key

    def peers(self, credits: int = 0) -> tuple[UUID, UUID]:
        """Return a client, with so many credits, and a practitioner."""
        found = (uuid4(), uuid4())
        for id in found:
            self.all("insert into peer_booking.users (id) values ($1)", id)
            self.all("insert into peer_booking.practitioners (user_id) values ($1)", id)
        if credits:
            self.all(
                "select peer_booking.allocate_user_credits($1, $2, 'opening', $3)",
                found[0],
                credits,
                str(uuid4()),
            )
        return found

    def session(self, client: UUID, practitioner: UUID, minutes: int = 30) -> UUID:
        insert = (
            "insert into peer_booking.peer_sessions (client_id, practitioner_id, duration_minutes)"
            " values ($1, $2, $3) returning id"
        )
        return UUID(str(self.one(insert, client, practitioner, minutes)))

    def subscription(self, user: UUID) -> UUID:
        insert = "insert into peer_booking.subscriptions (user_id) values ($1) returning id"
        return UUID(str(self.one(insert, user)))

    def payer(self) -> UUID:
        """Return a user of stripe_idempotency."""
        return UUID(
            str(self.one("insert into stripe_idempotency.users default values returning id"))
        )

    def claims(self) -> list[Any]:
        return self.all("select * from stripe_idempotency.stripe_idempotency_keys")

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.server.run(work)

    async def _fetch(self, sql: str, *arguments: object) -> list[Any]:
        async with self._session() as session:
            found: list[Any] = await session.fetch(sql, *arguments)
            return found

    async def _execute(self, sql: str) -> None:
        async with self._session() as session:
            await session.execute(sql)

    @contextlib.asynccontextmanager
    async def _session(self) -> Any:
        session = await self.server.server.connect(self.name)
        try:
            yield session
        finally:
            await session.close()


async def make_template(server: BackgroundServer) -> str:
    """Apply all systems to one new database and return its name."""
    targets = find_targets(list(SYSTEMS))
    await server.server.ensure_roles([role for each in targets for role in each.target.roles])
    name = await server.server.create_database("service")
    session = await server.server.connect(name)
    try:
        for target in targets:
            await apply_target(session, target)
    finally:
        await session.close()
    return name


@contextmanager
def database_from(server: BackgroundServer, template: str) -> Iterator[Database]:
    """Yield a database of its own, and a login role that is nothing but the service's."""
    name = server.run(server.server.create_database("service", template))
    login, password = f"{name}_login", secrets.token_hex(8)
    database = Database(server, name, server.server.dsn(name))
    try:
        database.script(
            f"create role {login} login password '{password}'; grant service_role to {login}"
        )
    except asyncpg.InsufficientPrivilegeError:
        login = ""
    else:
        place = urlsplit(database.dsn)
        host = place.netloc.rpartition("@")[2]
        database.dsn = place._replace(netloc=f"{login}:{password}@{host}").geturl()
    try:
        yield database
    finally:
        if login:
            database.script(f"drop role {login}")
        server.run(server.server.drop_database(name))


@dataclass
class Running:
    """A service that answers at ``url``."""

    db: Database
    stripe: Simulator
    url: str
    http: httpx.Client
    app: Any
    log: io.StringIO
    loop: asyncio.AbstractEventLoop

    def get(self, path: str) -> Any:
        return self.http.get(path)

    def post(self, path: str, **body: Any) -> Any:
        shown = {name: str(v) if isinstance(v, UUID) else v for name, v in body.items()}
        return self.http.post(path, json=shown)

    def patient(self, path: str, tries: int = 60, **body: Any) -> Any:
        """Post until there is an answer that isn't "try again"."""
        for _ in range(tries):
            answer = self.post(path, **body)
            if "retry-after" not in answer.headers:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"still {answer.status_code} after {tries} tries: {answer.text}")

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """Return the log, or the lines of one kind."""
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if not event or line["event"] == event]

    def read_monitors(self) -> dict[str, dict[str, Any]]:
        """Let every monitor read now; return the readings by system and figure."""

        async def read() -> None:
            for monitor in self.app.state.context.monitors:
                await monitor.read()

        asyncio.run_coroutine_threadsafe(read(), self.loop).result(120)
        reports = self.get("/monitors").json()
        return {
            report["system"]: {each["figure"]: each for each in report["readings"]}
            for report in reports
        }


@contextmanager
def running(
    db: Database,
    stripe: Simulator,
    journal: Path,
    *,
    package: ModuleType | None = None,
    generator: Any = None,
    **changes: Any,
) -> Iterator[Running]:
    """Run the service in a thread, and let Stripe's events be sent to each of its webhooks.

    ``package`` is the service to run; a broken one is a package of another name. The workers
    don't work: tests do their rounds themselves.
    """
    import service
    from service.listening import listen

    package = package or service
    log = io.StringIO()
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    usual = {
        "dsn": db.dsn,
        "stripe_key": STRIPE_KEY,
        "webhook_secrets": ("whsec_of_another_endpoint", WEBHOOK_SECRET),
        "stripe_url": stripe.url,
        "public_url": url,
        "retry": Policy(4, 0.01, 0.05, patience=1.0, random=Random(SEED)),
        "stripe_timeout": 5.0,
        "stripe_retries": 0,
        "lease": 6,
        "statement_timeout": 5.0,
        "monitor_every": 0.0,
        "settle_every": 0.0,
        "refund_every": 0.0,
        "journal": journal,
        "log_to": lambda: log,
    }
    settings = package.Settings(**{**usual, **changes})
    app = package.create_app(settings, generator)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    )
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="service", daemon=True)
    thread.start()
    try:
        _wait(lambda: server.started or not thread.is_alive())
        for name in WEBHOOKS:
            stripe.add_endpoint(f"{url}/v1/{name}/webhook", WEBHOOK_SECRET)
        with httpx.Client(base_url=url, trust_env=False, timeout=120) as http:
            yield Running(db, stripe, url, http, app, log, loops[0])
    finally:
        for name in WEBHOOKS:
            stripe.remove_endpoint(f"{url}/v1/{name}/webhook")
        server.should_exit = True
        thread.join(60)
        listening.close()
        assert not thread.is_alive()


def _wait(ready: Any, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@dataclass
class Ground:
    """What a promise is tried on: a database, a Stripe, and the service, right or broken."""

    db: Database
    stripe: Simulator
    journal: Path
    package: ModuleType

    @contextmanager
    def service(self, dsn: str = "", **changes: Any) -> Iterator[Running]:
        if dsn:
            changes["dsn"] = dsn
        with running(
            self.db, self.stripe, self.journal, package=self.package, **changes
        ) as service:
            yield service

    @property
    def generator(self) -> Any:
        """The generator of the package under test."""
        return importlib.import_module(f"{self.package.__name__}.generator")


@contextmanager
def broken_service(variant: BrokenClient, folder: Path) -> Iterator[ModuleType]:
    """Yield the service with a mistake in it, as a package of its own."""
    name = f"service_with_{variant.name}"
    place = folder / name
    shutil.copytree(SERVICE, place, ignore=shutil.ignore_patterns("broken", "__pycache__"))
    changed = place / variant.header["changes"]
    text = changed.read_text(encoding="utf-8")
    for right, wrong in variant.changes:
        times = text.count(right)
        assert times == 1, f"{variant.name}: these lines stand {times} times\n{right}"
        text = text.replace(right, wrong)
    changed.write_text(text, encoding="utf-8")
    for module in place.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        renamed = re.sub(r"^(\s*from) service\b", rf"\1 {name}", text, flags=re.M)
        # The systems' target.toml files lie beside the right service.
        renamed = renamed.replace("Path(__file__).parents[1]", f"Path({str(SERVICE.parent)!r})")
        module.write_text(renamed, encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for loaded in [each for each in sys.modules if each.split(".")[0] == name]:
            del sys.modules[loaded]
