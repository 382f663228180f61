"""Histories of a real PostgreSQL: the reference passes, and broken variants contradict themselves."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from crossfoot.background import BackgroundServer
from crossfoot.driver import Caller
from crossfoot.history.judge import judge
from crossfoot.history.ledger import fetch_ledger, read_ledger, read_opening, save_ledger
from crossfoot.history.reading import open_history
from crossfoot.history.record import Recorder
from crossfoot.results import Check
from crossfoot.target import find_targets
from crossfoot.variant import load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form, Workbench

TARGET = find_targets(["credit_purchase"])[0]
SESSIONS, CALLS = 6, 40
Checks = dict[str, Check]


@dataclass
class Session:
    """One caller: buys, reserves, settles and gives back, and sends again what it has no answer to."""

    caller: Caller
    draw: random.Random
    users: list[UUID]
    reserved: list[tuple[UUID, UUID]] = field(default_factory=list)

    async def work(self) -> None:
        for _ in range(CALLS):
            operation, arguments = self.next_call()
            key = str(arguments["idempotency_key"])
            for attempt in itertools.count(1):
                if await self.answered(operation, arguments, key, attempt):
                    break

    def next_call(self) -> tuple[str, dict[str, Any]]:
        user, key = self.draw.choice(self.users), self.key()
        amount = self.draw.randrange(1, 60)
        name = self.draw.choice(
            ["apply_credit_purchase", *["reserve_credits"] * 3, "settle_credits", "refund_credits"]
        )
        arguments: dict[str, Any] = {"user_id": user, "amount": amount, "idempotency_key": key}
        if name == "apply_credit_purchase":
            arguments["stripe_session_id"] = f"cs_{key}"
        elif name == "reserve_credits":
            self.reserved.append((user, key))
        else:
            owner, held = self.draw.choice(self.reserved or [(user, self.key())])
            arguments |= {"user_id": owner, "reservation_key": held}
        return name, arguments

    def key(self) -> UUID:
        return UUID(int=self.draw.getrandbits(128), version=4)

    async def answered(
        self, operation: str, arguments: dict[str, Any], key: str, attempt: int
    ) -> bool:
        """Make a call. Now and then nobody waits for its answer, or it is sent twice."""
        call = asyncio.ensure_future(
            self.caller.call(operation, arguments, key=key, attempt=attempt)
        )
        if self.draw.random() < 0.1:
            await asyncio.sleep(self.draw.random() / 1000)
            call.cancel()
        answers = await asyncio.gather(call, return_exceptions=True)
        if isinstance(answers[0], asyncio.CancelledError):
            return False
        return self.draw.random() < 0.9


async def prelude(session: Session) -> None:
    """Make the calls that the broken variants answer wrongly, whatever happens later."""
    user, bought, held = session.users[0], session.key(), session.key()
    given: dict[str, Any] = {"user_id": user, "amount": 50}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("reserve_credits", {"idempotency_key": session.key(), "amount": 10}),
        ("apply_credit_purchase", {"idempotency_key": bought, "stripe_session_id": "cs_first"}),
        ("reserve_credits", {"idempotency_key": held}),
        ("reserve_credits", {"idempotency_key": held}),
        (
            "settle_credits",
            {"idempotency_key": session.key(), "reservation_key": held, "amount": 30},
        ),
        (
            "refund_credits",
            {"idempotency_key": session.key(), "reservation_key": held, "amount": 40},
        ),
    ]
    for operation, more in calls:
        arguments = {**given, **more}
        key = str(arguments["idempotency_key"])
        await session.caller.call(operation, arguments, key=key)


@asynccontextmanager
async def form_of(bench: Workbench, variant: str) -> AsyncIterator[Form]:
    async with bench.as_written(TARGET) as form:
        if not variant:
            yield form
            return
        broken = next(each for each in load_variants(TARGET) if each.name == variant)
        async with bench.broken(form, broken, unmasked=True) as changed:
            yield changed


async def recorded(server: BackgroundServer, variant: str, folder: Path) -> str:
    """Let sessions loose on two users; return the name of their database, which stays."""
    async with form_of(Workbench(server.server), variant) as form, AsyncClosing() as closing:
        control = await closing.connect(server, form.database)
        users = [UUID(int=n, version=4) for n in (1, 2)]
        await control.executemany(
            "insert into credit_purchase.user_profiles (id) values ($1)", [[u] for u in users]
        )
        opening = await read_opening(control, TARGET)
        with Recorder(
            folder / "history.ndjson", target=TARGET.name, scenario="test", seed=1, began=""
        ) as recorder:
            sessions = [
                Session(
                    Caller(
                        await closing.connect(server, form.database, TARGET.target.role),
                        TARGET.operations,
                        f"s{n}",
                        note=recorder.add,
                        numbers=itertools.count(n * 1000 + 1),
                    ),
                    random.Random(n),
                    users,
                )
                for n in range(SESSIONS)
            ]
            await prelude(sessions[0])
            await asyncio.gather(*(session.work() for session in sessions))
        await save_ledger(control, TARGET, folder / "ledger.ndjson", opening)
        assert await fetch_ledger(control, TARGET, opening) == read_ledger(
            folder / "ledger.ndjson", TARGET.name
        )
        return form.database


class AsyncClosing:
    """Connections that are closed in the end."""

    def __init__(self) -> None:
        self.connections: list[asyncpg.Connection] = []

    async def connect(
        self, server: BackgroundServer, database: str, role: str | None = None
    ) -> asyncpg.Connection:
        self.connections.append(await server.server.connect(database, role=role))
        return self.connections[-1]

    async def __aenter__(self) -> AsyncClosing:
        return self

    async def __aexit__(self, *error: object) -> None:
        for connection in self.connections:
            await connection.close()


def checked(folder: Path) -> Checks:
    ledger = read_ledger(folder / "ledger.ndjson", TARGET.name)
    return {each.name: each for each in judge(open_history([folder]), TARGET, ledger).checks}


def test_a_history_of_the_reference_passes_every_check(
    server: BackgroundServer, tmp_path: Path
) -> None:
    server.run(recorded(server, "", tmp_path))
    checks = checked(tmp_path)
    said = {name: (check.verdict, check.reason, check.findings) for name, check in checks.items()}
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}, said
    assert int(checks["calls_left_what_they_said"].population["refused"]) > 5
    assert int(checks["calls_left_what_they_said"].population["unknown"]) > 5
    assert int(checks["calls_fit_one_order"].population["calls that overlapped others"]) > 50
    assert int(checks["answers_follow_the_model"].population["calls"]) > 200


@pytest.mark.parametrize(
    ("variant", "rule"),
    [
        ("no_ledger_entry", "calls_left_what_they_said"),
        ("unguarded_debit", "balances_follow_from_entries"),
        ("settled_credits_given_back", "answers_follow_the_model"),
        ("replayed_reservation_says_applied", "answers_follow_the_model"),
    ],
)
def test_a_history_of_a_broken_variant_contradicts_itself(
    server: BackgroundServer, variant: str, rule: str, tmp_path: Path
) -> None:
    server.run(recorded(server, variant, tmp_path))
    check = checked(tmp_path)[rule]
    assert check.verdict is Verdict.FAIL
    assert all(finding.rows and finding.explanation for finding in check.findings)
