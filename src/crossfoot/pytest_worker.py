"""What one pytest process keeps open for its races: a server, and an explorer for each target.

Apart from the plugin, so that pytest runs without any race don't import the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.bursts.burst import Burst
from crossfoot.bursts.check import BurstRun
from crossfoot.bursts.latency import percentile
from crossfoot.bursts.made import Code, make_burst
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.explorer.client import Client
from crossfoot.explorer.explore import Explorer
from crossfoot.explorer.programs import Program, ProgramClient, program_race
from crossfoot.explorer.race import Race, load_race
from crossfoot.history.record import CallRecord
from crossfoot.report.lanes import draw
from crossfoot.report.plain import one_line, wrap
from crossfoot.results import Check, Finding
from crossfoot.stages import Plan
from crossfoot.target import Target, find_targets, load_target
from crossfoot.verdicts import Outcome, Verdict
from crossfoot.waivers import apply_waivers
from crossfoot.workbench import Form, Workbench

_WIDTH = 100
_TRIES = 3  # of a burst whose calls happen to miss each other


class Worker:
    """Explores races one after the other; everything is opened when first needed."""

    def __init__(self, plan: Plan, dsn: str | None = None) -> None:
        self.plan = plan
        self._dsn = dsn
        self._targets: dict[Path, Target] = {}
        self._forms: dict[Path, Form] = {}
        self._explorers: dict[tuple[Path, type[Client]], tuple[Explorer, AsyncExitStack]] = {}

    @cached_property
    def server(self) -> BackgroundServer:
        """Return the worker's server; it starts now if it hasn't."""
        return BackgroundServer(self._dsn)

    def explore(self, path: Path) -> Check:
        """Return the check of a race file. Raises CrossfootError."""
        target = self.target(target_file(path))
        race = load_race(path, target, self.plan.seed)
        check = self.server.run(self._explore(target, race))
        apply_waivers([check], target.waivers, date.today())
        return check

    def play(self, file: Path, race: Race) -> Check:
        """Return the check of a race of programs on a target. Raises CrossfootError."""
        return self.server.run(self._explore(self.target(file), race, ProgramClient))

    def burst(self, file: Path, burst: Burst) -> BurstOutcome:
        """Send a burst at a new copy of a target, and return what came of it. Raises CrossfootError."""
        return self.server.run(self._burst(self.target(file), burst))

    @contextmanager
    def database(self, file: Path) -> Iterator[str]:
        """Yield the DSN of a new database with a target applied; it is dropped afterwards."""
        form = Workbench(self.server.server).as_written(self.target(file))
        name = self.server.run(form.__aenter__()).database
        try:
            yield self.server.server.dsn(name)
        finally:
            self.server.run(form.__aexit__(None, None, None))

    def close(self) -> None:
        """Close whatever was opened."""
        if "server" in self.__dict__:
            self.server.close()

    def target(self, file: Path) -> Target:
        """Return the target of a target.toml. Raises ContentError."""
        if file not in self._targets:
            self._targets[file] = load_target(file)
        return self._targets[file]

    async def _burst(self, target: Target, burst: Burst) -> BurstOutcome:
        bench = Workbench(self.server.server)
        if target.file not in self._forms:
            self._forms[target.file] = await self.server.opened.enter_async_context(
                bench.as_written(target)
            )
        for attempt in range(_TRIES):
            async with bench.ground(self._forms[target.file]) as ground:
                run = BurstRun(ground, burst, self.plan.seed, burst.callers, first=attempt, tries=1)
                check = await run.check()
            if check.verdict is not Verdict.UNKNOWN:
                break
        return BurstOutcome(check, run.calls)

    async def _explore(self, target: Target, race: Race, client: type[Client] = Client) -> Check:
        explorer, opened = self._explorers.get((target.file, client)) or await self._open(
            target, client
        )
        try:
            return await explorer.explore(race)
        except Exception:
            # Nobody knows what this race has left in there: the next one gets an explorer anew.
            del self._explorers[target.file, client]
            await opened.aclose()
            raise

    async def _open(self, target: Target, client: type[Client]) -> tuple[Explorer, AsyncExitStack]:
        opened = await self.server.opened.enter_async_context(AsyncExitStack())
        bench = Workbench(self.server.server)
        form = await opened.enter_async_context(bench.as_written(target))
        explorer = await opened.enter_async_context(
            bench.explorer(
                form,
                seed=self.plan.seed,
                bounds=self.plan.bounds,
                arenas=self.plan.arenas,
                client=client,
            )
        )
        self._explorers[target.file, client] = explorer, opened
        return explorer, opened


class Explore:
    """What the fixture ``explore`` gives."""

    def __init__(self, worker: Worker, target: Path) -> None:
        self._worker, self._target = worker, target

    def __call__(
        self,
        *programs: Program,
        setup: str = "",
        state: str = "",
        isolation: str = "read committed",
    ) -> Check:
        """Explore the programs; fail the test unless every order is right."""
        check = self.check(*programs, setup=setup, state=state, isolation=isolation)
        if check.verdict is not Verdict.PASS:
            told = [_finding(finding) for finding in check.findings]
            pytest.fail("\n".join(told) or f"{check.verdict.value}: {check.reason}", pytrace=False)
        return check

    def check(
        self,
        *programs: Program,
        setup: str = "",
        state: str = "",
        isolation: str = "read committed",
    ) -> Check:
        """Explore the programs; return what came of it."""
        race = program_race("explore", programs, setup=setup, state=state, isolation=isolation)
        return self._worker.play(self._target, race)


@dataclass(frozen=True)
class BurstOutcome:
    """What came of a burst: its check, and each call. ``ok`` and the others count how calls ended."""

    check: Check
    calls: list[CallRecord]

    @property
    def ok(self) -> int:
        """Return how many calls took effect."""
        return self._count(Outcome.OK)

    @property
    def refused(self) -> int:
        """Return how many calls got a business answer."""
        return self._count(Outcome.REFUSED)

    @property
    def retryable(self) -> int:
        """Return how many calls were told to come again (40001, 40P01, 55P03)."""
        return self._count(Outcome.RETRYABLE)

    @property
    def error(self) -> int:
        """Return how many calls ended in something else."""
        return self._count(Outcome.ERROR)

    @property
    def unknown(self) -> int:
        """Return how many calls got no answer."""
        return self._count(Outcome.UNKNOWN)

    def latency(self, percent: float) -> float:
        """Return the seconds that ``percent`` of the calls took at most, from the common start on."""
        return percentile([call.end - call.start for call in self.calls if call.end], percent) / 1e9

    def _count(self, outcome: Outcome) -> int:
        return sum(call.outcome is outcome for call in self.calls)


class SendBurst:
    """What the fixture ``burst`` gives."""

    def __init__(self, worker: Worker, target: Path) -> None:
        self._worker, self._target = worker, target

    def __call__(self, call: str | Code, callers: int = 50, **more: Any) -> BurstOutcome:
        """Send a burst; fail the test unless the calls overlapped and ended as they should."""
        outcome = self.check(call, callers, **more)
        check = outcome.check
        if check.verdict is not Verdict.PASS:
            told = [_finding(finding) for finding in check.findings]
            pytest.fail("\n".join(told) or f"{check.verdict.value}: {check.reason}", pytrace=False)
        return outcome

    def check(self, call: str | Code, callers: int = 50, **more: Any) -> BurstOutcome:
        """Send a burst and return what came of it, whatever that is.

        ``more`` is what :func:`crossfoot.bursts.made.make_burst` takes.
        """
        try:
            target = self._worker.target(self._target)
            burst = make_burst(call, target, callers=callers, **more)
            return self._worker.burst(self._target, burst)
        except CrossfootError as error:
            problem = str(error)
        pytest.fail(problem, pytrace=False)


def target_file(race: Path) -> Path:
    """Return the target.toml of a race at ``<root>/scenarios/races/<target>/x.race.sql``.

    It is ``<root>/reference_impl/<target>/target.toml`` or else ``<root>/target.toml``.
    """
    folder = race.resolve().parent
    if (folder.parent.name, folder.parent.parent.name) == ("races", "scenarios"):
        root = folder.parent.parent.parent
        for file in (root / "reference_impl" / folder.name / "target.toml", root / "target.toml"):
            if file.is_file():
                return file
    raise ContentError(
        f"{race}: no target.toml belongs to this race",
        remedy="Races lie in scenarios/races/<target>/; the target is bound in"
        " reference_impl/<target>/target.toml or target.toml, beside scenarios/.",
    )


def told(check: Check, race: Path) -> str:
    """Return what a race that didn't pass has to say; the first line says most."""
    if not check.findings:
        return f"{check.verdict.value}: {check.reason}"
    return "\n".join(
        f"{_finding(finding)}\nreplay: {finding.replay}{_target_option(race)}"
        for finding in check.findings
    )


def _finding(finding: Finding) -> str:
    parts = [one_line(finding.summary), ""]
    if finding.lanes:
        parts.append(draw(finding.lanes, _WIDTH))
    parts += wrap(finding.explanation, _WIDTH)
    parts += [*(f"one after the other, {line}" for line in finding.serial), ""]
    if finding.confirmed:
        again, times = finding.confirmed
        parts.append(f"Seen again in {again} of {times} replays.")
    return "\n".join(parts)


def _target_option(race: Path) -> str:
    """Return what ``crossfoot replay`` needs to find the race's target from here; mostly nothing."""
    file = target_file(race)
    try:
        if find_targets([race.parent.name])[0].file.resolve() == file:
            return ""
    except CrossfootError:
        pass
    here = Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return f" --target {shown}"
