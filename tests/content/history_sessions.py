"""Sessions that call a system's operations at random, at once, on a real PostgreSQL, and note it all."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import asyncpg

from crossfoot.background import BackgroundServer
from crossfoot.driver import Caller
from crossfoot.history.judge import judge
from crossfoot.history.ledger import read_ledger, read_opening, save_ledger
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.results import Check
from crossfoot.target import Target, find_targets
from crossfoot.variant import load_variants
from crossfoot.verdicts import Outcome
from crossfoot.workbench import Form, Workbench

SESSIONS, CALLS = 6, 40
Made = tuple[str, dict[str, Any], str]
"""A call: operation, arguments, and the key under which it is sent again."""


def number(kind: int, which: int) -> UUID:
    """Return an id that says what it is of."""
    return UUID(int=kind << 64 | which, version=4)


@dataclass
class Session:
    """One caller. ``world`` is what all sessions share: ids of what others have made."""

    system: ClassVar[str]
    caller: Caller
    draw: random.Random
    world: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def setup(cls) -> str:
        """Return SQL that makes what is there before the first call."""
        raise NotImplementedError

    def next_call(self) -> Made:
        """Draw a call."""
        raise NotImplementedError

    def heard(self, call: CallRecord) -> None:
        """Take an answer in."""

    async def prelude(self) -> None:
        """Make the calls that broken variants answer wrongly, whatever happens later."""

    async def once(self, operation: str, key: object = "", **arguments: Any) -> CallRecord:
        """Make one call, and hear its answer."""
        return await self.caller.call(operation, arguments, key=str(key))

    async def work(self, calls: int) -> None:
        """Make so many requests; send again what has no answer, and now and then what has one."""
        for _ in range(calls):
            operation, arguments, key = self.next_call()
            for attempt in itertools.count(1):
                if await self._answered(operation, arguments, key, attempt):
                    break

    async def _answered(
        self, operation: str, arguments: dict[str, Any], key: str, attempt: int
    ) -> bool:
        call = asyncio.ensure_future(
            self.caller.call(operation, arguments, key=key, attempt=attempt)
        )
        if self.draw.random() < 0.08:
            await asyncio.sleep(self.draw.random() / 1000)
            call.cancel()
        (answer,) = await asyncio.gather(call, return_exceptions=True)
        if isinstance(answer, asyncio.CancelledError):
            return attempt > 2
        if isinstance(answer, BaseException):
            raise answer
        if answer.outcome is Outcome.OK:
            self.heard(answer)
        return answer.outcome is not Outcome.RETRYABLE and self.draw.random() < 0.9

    def key(self) -> UUID:
        """Return a new key."""
        return UUID(int=self.draw.getrandbits(128), version=4)

    def one_of(self, what: str, otherwise: Any = None) -> Any:
        """Return something that was made before."""
        made = self.world.setdefault(what, [])
        return self.draw.choice(made) if made else otherwise


@asynccontextmanager
async def form_of(bench: Workbench, target: Target, variant: str) -> AsyncIterator[Form]:
    """Yield the target as written, or one of its broken variants without what stands behind it."""
    async with bench.as_written(target) as form:
        if not variant:
            yield form
            return
        broken = next(each for each in load_variants(target) if each.name == variant)
        async with bench.broken(form, broken, unmasked=True) as changed:
            yield changed


async def _recorded(
    server: BackgroundServer, kind: type[Session], variant: str, folder: Path, seed: int, calls: int
) -> None:
    (target,) = find_targets([kind.system])
    connections: list[asyncpg.Connection] = []
    async with form_of(Workbench(server.server), target, variant) as form:

        async def connect(role: str | None = None) -> asyncpg.Connection:
            connections.append(await server.server.connect(form.database, role=role))
            return connections[-1]

        control = await connect()
        await control.execute(kind.setup())
        opening = await read_opening(control, target)
        path = folder / "history.ndjson"
        world: dict[str, list[Any]] = {}
        with Recorder(path, target=target.name, scenario="test", seed=seed, began="") as recorder:
            sessions = [
                kind(
                    Caller(
                        await connect(target.target.role),
                        target.operations,
                        f"s{n}",
                        note=recorder.add,
                        numbers=itertools.count(n * 1000 + 1),
                    ),
                    random.Random(f"{seed}:{n}"),
                    world,
                )
                for n in range(SESSIONS)
            ]
            await sessions[0].prelude()
            await asyncio.gather(*(session.work(calls) for session in sessions))
        await save_ledger(control, target, folder / "ledger.ndjson", opening)
        for connection in connections:
            await connection.close()


def recorded(
    server: BackgroundServer,
    kind: type[Session],
    folder: Path,
    *,
    variant: str = "",
    seed: int = 1,
    calls: int = CALLS,
) -> None:
    """Let sessions loose; leave ``history.ndjson`` and ``ledger.ndjson`` in ``folder``."""
    server.run(_recorded(server, kind, variant, folder, seed, calls))


def checked(folder: Path, system: str) -> dict[str, Check]:
    """Return what is concluded from the files in ``folder``, by the names of the checks."""
    (target,) = find_targets([system])
    ledger = read_ledger(folder / "ledger.ndjson", target.name)
    return {each.name: each for each in judge(open_history([folder]), target, ledger).checks}
