"""A load run: the ground, Locust on it, audits meanwhile, and what all of it comes to."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crossfoot.figures.measure import measure
from crossfoot.figures.reading import open_run
from crossfoot.figures.samples import Samples, drift_of
from crossfoot.figures.thresholds import hold
from crossfoot.load.findings import LiveAudits, check_calls, load_check, read_openings
from crossfoot.load.ground import Ground, make_database, open_ground
from crossfoot.load.locust_process import Intensity, locust, require_success
from crossfoot.load.scenario import Scenario
from crossfoot.load.tally import Tally
from crossfoot.results import Check
from crossfoot.server import Server
from crossfoot.target import Target
from crossfoot.variant import Variant
from crossfoot.verdicts import Verdict

_TICK = 0.5  # seconds between two looks at the histories
_SHARE = 4  # audits rest so many times as long as they took, so as not to be the load themselves
_CONNECTIONS = 200  # of an embedded server's 300; the service, the audits and psql need some too


@dataclass(frozen=True)
class LoadPlan:
    """What is asked of a load run.

    ``folder`` gets the histories, ``every`` is seconds between two audits. Without an ``intensity``
    everything is made ready for a Locust that somebody else starts, until an interrupt.
    """

    scenario: Scenario
    intensity: Intensity | None
    seed: int
    folder: Path
    every: float = 3.0
    variant: Variant | None = None
    unmasked: bool = False
    port: int = 0


@dataclass(frozen=True)
class Progress:
    """How a load stands. Of several targets the counts are added up. ``rate`` is of the last tick."""

    tally: Tally
    live: LiveAudits
    seconds: float
    rate: float


@dataclass
class Load:
    """One load run on a server. ``told`` hears of its progress, ``ready`` when the ground is there."""

    server: Server
    plan: LoadPlan
    told: Callable[[Progress], None]
    ready: Callable[[Ground, str], None]
    live: LiveAudits = field(default_factory=LiveAudits)
    ending: str = ""
    ground: Ground | None = None
    samples: Samples = field(init=False)

    async def run(self) -> dict[str, list[Check]]:
        """Run it; return the checks of each target. The server is kept if an audit is violated.

        An interrupt (a cancellation) while the load goes on ends the load, not the run.
        """
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        with Samples(self.plan.folder) as self.samples:
            return await self._run()

    async def _run(self) -> dict[str, list[Check]]:
        plan, targets = self.plan, self.plan.scenario.targets
        database, served = await make_database(
            self.server, targets, plan.seed, plan.variant, unmasked=plan.unmasked
        )
        tally = Tally(plan.folder)
        async with open_ground(self.server, database, targets, plan.seed, plan.port) as ground:
            self.ground = ground
            openings = await read_openings(ground)
            async with self._locust(ground) as ended:
                await self._watch(ground, ended, tally)
        tally.read()
        return {
            target.name: await self._checks(ground, target, tally, openings, served)
            for target in targets
        }

    async def _checks(
        self,
        ground: Ground,
        target: Target,
        tally: Tally,
        openings: dict[str, dict[str, int]],
        served: dict[str, frozenset[str]],
    ) -> list[Check]:
        """Return the checks of one target when everything stands still."""
        plan, counts = self.plan, tally.counts(target.name)
        folder = plan.folder / target.name if len(plan.scenario.targets) > 1 else plan.folder
        audits = self.live.merged(target.name, await self._audit(ground, target))
        violated = [check.name for check in audits if check.verdict is Verdict.FAIL]
        calls = await check_calls(ground, target, folder, openings, served[target.name])
        if violated or counts.let_through or any(c.verdict is Verdict.FAIL for c in calls):
            self.server.keep = True
        load = load_check(plan.scenario, target, counts, self.live, self.ending, violated)
        if counts.calls:
            hold(load, measure(open_run(plan.folder), target, audits), target)
        return [load, *calls, *audits]

    async def _audit(self, ground: Ground, target: Target) -> list[Check]:
        began = time.monotonic_ns()
        checks = await ground.audits(target)
        self.samples.audited(target.name, checks, began)
        return checks

    @asynccontextmanager
    async def _locust(self, ground: Ground) -> AsyncIterator[asyncio.Future[Any]]:
        """Yield what is done when Locust has ended; without an intensity, nothing ever is."""
        plan = self.plan
        orders = replace(ground.orders, out=str(plan.folder.resolve()))
        if plan.intensity is None:
            self.ready(ground, _written(orders.environment(), plan.folder / "locust.env"))
            yield asyncio.get_running_loop().create_future()
            return
        share = max(_CONNECTIONS // plan.intensity.processes, 1)
        orders = replace(orders, attached=True, connections=share)
        async with locust(
            plan.scenario, plan.intensity, ground.url, orders, plan.folder
        ) as process:
            self.ready(ground, "")
            ended = asyncio.ensure_future(process.wait())
            try:
                yield ended
            finally:
                ended.cancel()
        if not self.ending:
            require_success(process, plan.folder)

    async def _watch(self, ground: Ground, ended: asyncio.Future[Any], tally: Tally) -> None:
        """Tell how it goes until it is over, an audit is violated, or somebody interrupts."""
        audits = asyncio.create_task(self._audit_on_and_on(ground))
        locks = asyncio.create_task(self.samples.watch_locks(ground.connection))
        started = before = time.monotonic()
        try:
            while not ended.done() and not audits.done():
                await asyncio.wait(
                    {ended, audits}, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED
                )
                calls, now = tally.read(), time.monotonic()
                rate = calls / max(now - before, 0.001)
                self.told(Progress(tally, self.live, now - started, rate))
                before = now
                if any(counts.let_through for counts in tally.by_target.values()):
                    self.ending = f"stopped after {now - started:.0f} s at a misuse let through"
                    break
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task:
                task.uncancel()
            self.ending = f"interrupted after {time.monotonic() - started:.0f} s"
        if audits.done():
            audits.result()
            self.ending = f"stopped after {time.monotonic() - started:.0f} s at a violated audit"
        audits.cancel()
        locks.cancel()
        await asyncio.gather(audits, locks, return_exceptions=True)

    async def _audit_on_and_on(self, ground: Ground) -> None:
        """Audit every few seconds; return when something is violated."""
        while True:
            await asyncio.sleep(self.plan.every)
            started = time.monotonic()
            for target in ground.targets:
                self._take(target, await self._audit(ground, target))
            self.live.rounds += 1
            if self.live.violated:
                return
            rest = (time.monotonic() - started) * _SHARE - self.plan.every
            await asyncio.sleep(max(rest, 0))

    def _take(self, target: Target, checks: list[Check]) -> None:
        failed = [check for check in checks if check.verdict is Verdict.FAIL]
        if failed:
            self.live.violated[target.name] = failed
        self.live.drift += drift_of(failed)


def _written(environment: dict[str, str], file: Path) -> str:
    """Write variables to a file that only its owner reads, since a password is among them."""
    lines = [f"{name}='{value}'\n" for name, value in environment.items()]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.writelines(lines)
    return str(file)
