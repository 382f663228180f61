"""A run: every stage on every target, one result."""

from __future__ import annotations

import platform
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import asyncpg

from crossfoot import __version__
from crossfoot.bursts.check import recorder_in
from crossfoot.bursts.stage import burst_stage, bursts_of
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.explorer.explore import Bounds
from crossfoot.explorer.race import Race
from crossfoot.explorer.token import Token
from crossfoot.generated import Generated, Making, race_called
from crossfoot.mutate.mutate import Choice, Mutation
from crossfoot.prove import Prover, prove_plan
from crossfoot.results import Check, Environment, Exploration, Kill, Operation, Run, TargetResult
from crossfoot.server import Existing, Server
from crossfoot.stages import (
    Plan,
    books_stage,
    lint_stage,
    load_races,
    not_covered,
    race_stage,
    retry_stage,
)
from crossfoot.target import Target
from crossfoot.variant import Variant
from crossfoot.verdicts import exit_code, worst
from crossfoot.waivers import apply_waivers
from crossfoot.workbench import Form, Workbench

LIMITS = [
    "The explorer stops between statements. Two sessions that meet inside one statement, between"
    " two of its rows, aren't stepped.",
    "Of schedules that only swap steps of which neither writes or locks a table that the other"
    " touches, one runs. What a step touched is read from PostgreSQL's counters, table by table.",
    "A race shows what its own calls with its own arguments can do. Calls that no race makes are"
    " listed as not covered.",
    "Functions in languages other than SQL and PL/pgSQL run as one step; STABLE and IMMUTABLE"
    " functions run on their caller's snapshot and aren't stepped.",
    "Audits speak of the rows that were there; their populations are shown beside them.",
]
_SETTINGS = (
    "server_version",
    "default_transaction_isolation",
    "deadlock_timeout",
    "fsync",
    "synchronous_commit",
    "max_connections",
)


Work = Callable[[Form], Awaitable[TargetResult]]


class Listener(Protocol):
    """Who is told how a run goes on."""

    def stage(self, target: str, stage: str, total: int) -> None:
        """A stage with ``total`` checks begins (0: nobody knows)."""

    def check(self, check: Check) -> None:
        """A check is done."""

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """A schedule ran."""

    def kill(self, kill: Kill) -> None:
        """A broken variant is done."""


class Silent:
    """A listener that says nothing."""

    def stage(self, target: str, stage: str, total: int) -> None:
        """Say nothing."""

    def check(self, check: Check) -> None:
        """Say nothing."""

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """Say nothing."""

    def kill(self, kill: Kill) -> None:
        """Say nothing."""


@dataclass
class Runner:
    """Runs stages on a server and gathers what they find into a :class:`Run`.

    Histories are written into the run's folder below ``out``; without one they aren't kept.
    """

    server: Server | Existing
    plan: Plan
    command: str
    listener: Listener = field(default_factory=Silent)
    started: float = field(default_factory=time.perf_counter)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    settings: dict[str, str] = field(default_factory=dict)
    out: Path | None = None
    suffix: str = field(default_factory=lambda: secrets.token_hex(2))

    @property
    def run_id(self) -> str:
        """Return the name of this run, which is also that of its folder below ``out``."""
        return self.started_at.strftime("%Y%m%d-%H%M%S-") + self.suffix

    @property
    def bench(self) -> Workbench:
        """Return a workbench on the server. Audits of an existing database have none."""
        assert isinstance(self.server, Server)
        return Workbench(self.server)

    async def everything(self, targets: Sequence[Target], *, prove: bool = False) -> Run:
        """Run lints, contracts, audits and races on each target, and the broken variants if asked."""
        return await self._over(targets, lambda form: self._everything(form, prove=prove))

    async def races(
        self,
        targets: Sequence[Target],
        names: Sequence[str],
        variant: Variant | None = None,
        *,
        unmasked: bool = False,
        making: Making | None = None,
    ) -> Run:
        """Run races alone, on the targets as written or on a broken variant of the first.

        With ``making`` they are generated.
        """

        async def work(form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=unmasked) as chosen:
                if making is None:
                    return await self._races(chosen, names)
                return await self._generated(chosen, names, making)

        return await self._over(targets, work)

    async def bursts(
        self,
        targets: Sequence[Target],
        names: Sequence[str],
        callers: int | None = None,
        variant: Variant | None = None,
        *,
        unmasked: bool = False,
    ) -> Run:
        """Run bursts alone, on the targets as written or on a broken variant of the first."""

        async def work(form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=unmasked) as chosen:
                result = _new_result(chosen.target, chosen.title)
                result.checks = await self._bursts(chosen, names, callers)
                return result

        return await self._over(targets, work)

    async def replay(self, target: Target, token: Token, variant: Variant | None) -> Run:
        """Run one schedule again: the target's only check is the race with that schedule."""

        async def work(form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=token.unmasked) as chosen:
                return await self._replay(chosen, token)

        return await self._over([target], work)

    async def audits(self, target: Target, timeout: float) -> Run:
        """Run audits alone on a database that exists; ``timeout`` is seconds per audit."""
        assert isinstance(self.server, Existing)
        started = time.perf_counter()
        connection = self.server.connection
        self.settings = await _settings(connection)
        result = _new_result(target)
        self.listener.stage(target.name, "audits", 0)
        result.checks = await run_audits(connection, AuditSet.of(target), timeout)
        for check in result.checks:
            self.listener.check(check)
        return self.result([self._judged(result, target, started)])

    async def proof(self, targets: Sequence[Target], names: Sequence[str]) -> Run:
        """Run the reference's own checks and the broken variants, or those of these names."""
        return await self._over(targets, lambda form: self._proof(form, names))

    async def mutation(self, targets: Sequence[Target], choice: Choice, folder: Path) -> Run:
        """Take each guard away, or the chosen ones; generated races are written below ``folder``."""
        return await self._over(targets, lambda form: self._mutants(form, choice, folder))

    async def _over(self, targets: Sequence[Target], work: Work) -> Run:
        results = [await self._target(target, work) for target in targets]
        return self.result(results)

    @asynccontextmanager
    async def _form(
        self, form: Form, variant: Variant | None, *, unmasked: bool
    ) -> AsyncIterator[Form]:
        if variant is None:
            yield form
        else:
            async with self.bench.broken(form, variant, unmasked=unmasked) as broken:
                yield broken

    async def _target(self, target: Target, work: Work) -> TargetResult:
        started = time.perf_counter()
        async with self.bench.as_written(target) as form:
            connection = await self.bench.server.connect(form.database)
            self.settings = await _settings(connection)
            await connection.close()
            result = await work(form)
        return self._judged(result, target, started)

    def _judged(self, result: TargetResult, target: Target, started: float) -> TargetResult:
        apply_waivers(result.checks, target.waivers, self.started_at.date())
        verdicts = [check.verdict for check in result.checks]
        if result.kill_matrix:
            verdicts += [kill.verdict for kill in result.kill_matrix.kills]
        verdicts += [mutant.verdict for mutant in result.mutants]
        result.verdict = worst(verdicts)
        result.seconds = time.perf_counter() - started
        return result

    async def _everything(self, form: Form, *, prove: bool) -> TargetResult:
        bench, target = self.bench, form.target
        result = _new_result(target)
        self.listener.stage(target.name, "lints, contracts and audits", 0)
        for check in [
            *await lint_stage(bench, form),
            *await books_stage(bench, form, self.plan),
            *await retry_stage(bench, form, self.plan, target.operations),
        ]:
            result.checks.append(check)
            self.listener.check(check)
        result.checks += await self._bursts(form)
        races = load_races(target, self.plan.seed)
        self.listener.stage(target.name, "races", len(races))
        explored, _ = await race_stage(
            bench,
            form,
            self.plan,
            races,
            told=self.listener.check,
            progress=self.listener.exploring,
        )
        result.checks += explored
        result.not_covered = not_covered(target, result.checks, races)
        if prove:
            await self._kill_matrix(form, result, ())
        return result

    async def _bursts(
        self, form: Form, names: Sequence[str] = (), callers: int | None = None
    ) -> list[Check]:
        chosen = bursts_of(form.target, names)
        name, seed, told = form.target.name, self.plan.seed, self.listener.check
        if chosen:
            self.listener.stage(name, "bursts", len(chosen))
        record = recorder_in(self.out / self.run_id, name, seed) if self.out else None
        return await burst_stage(
            self.bench, form, chosen, seed, callers=callers, record=record, told=told
        )

    async def _generated(self, form: Form, names: Sequence[str], making: Making) -> TargetResult:
        made = Generated(
            self.bench,
            form,
            self.plan,
            names,
            making,
            lambda stage, total: self.listener.stage(form.target.name, stage, total),
            self.listener.check,
            self.listener.exploring,
        )
        await made.run()
        result = _new_result(form.target, form.title)
        result.checks, result.not_covered = made.checks, made.left_out
        return result

    async def _races(self, form: Form, names: Sequence[str]) -> TargetResult:
        return await self._explored(form, load_races(form.target, self.plan.seed, names))

    async def _explored(self, form: Form, races: Sequence[Race]) -> TargetResult:
        result = _new_result(form.target, form.title)
        self.listener.stage(form.target.name, "races", len(races))
        result.checks, _ = await race_stage(
            self.bench,
            form,
            self.plan,
            races,
            told=self.listener.check,
            progress=self.listener.exploring,
        )
        return result

    async def _replay(self, form: Form, token: Token) -> TargetResult:
        race = race_called(token.race, form.target, token.seed, self.out)
        race = race.without(token.without) if token.without else race
        race = race.at(token.isolation) if token.isolation else race
        result = _new_result(form.target, form.title)
        self.listener.stage(form.target.name, f"replay of {race.name}", 0)
        bounds = Bounds(1)
        async with self.bench.explorer(form, seed=token.seed, bounds=bounds, arenas=1) as explorer:
            check = await explorer.replay(race, token)
        result.checks = [check]
        self.listener.check(check)
        return result

    async def _proof(self, form: Form, names: Sequence[str]) -> TargetResult:
        result = (
            _new_result(form.target, form.title)
            if names
            else await self._everything(form, prove=False)
        )
        await self._kill_matrix(form, result, names)
        return result

    async def _mutants(self, form: Form, choice: Choice, folder: Path) -> TargetResult:
        result = _new_result(form.target, form.title)
        name = form.target.name
        self.listener.stage(name, "the suite on the target as written", 0)
        work = Mutation(
            self.bench,
            replace(self.plan, first=True, arenas=1, replays=0),
            folder,
            lambda total: self.listener.stage(name, "guards taken away", total),
            self.listener.kill,
        )
        result.mutants, result.not_covered = await work.run(form, choice)
        return result

    async def _kill_matrix(self, form: Form, result: TargetResult, names: Sequence[str]) -> None:
        self.listener.stage(form.target.name, "broken variants", len(form.target.broken))
        prover = Prover(self.bench, prove_plan(self.plan.seed), self.listener.kill)
        result.kill_matrix = await prover.prove(form, names)

    def result(self, results: Sequence[TargetResult]) -> Run:
        """Return the run that these target results make."""
        verdict = worst(result.verdict for result in results)
        return Run(
            run_id=self.run_id,
            command=self.command,
            started_at=self.started_at,
            seconds=time.perf_counter() - self.started,
            verdict=verdict,
            exit_code=exit_code(verdict),
            seed=self.plan.seed,
            bounds={
                "schedules per race": f"at most {self.plan.schedules}, fewest preemptions first",
                "replays of a counterexample": "10",
            },
            limits=LIMITS,
            environment=self._environment(),
            targets=list(results),
        )

    def _environment(self) -> Environment:
        return Environment(
            crossfoot=__version__,
            postgresql=self.server.version,
            server=self.server.description,
            python=sys.version.split()[0],
            platform=f"{platform.system()} {platform.machine()}",
            settings=self.settings,
        )


async def _settings(connection: asyncpg.Connection) -> dict[str, str]:
    return {
        name: await connection.fetchval("select current_setting($1)", name) for name in _SETTINGS
    }


def _new_result(target: Target, title: str = "") -> TargetResult:
    """Return a result without checks; ``title`` says so if it is of a broken variant."""
    return TargetResult(
        name=title or target.name,
        about=target.about,
        verdict=worst([]),
        operations=[
            Operation(name=name, function=operation.function, call=operation.call)
            for name, operation in target.operations.items()
        ],
        absent=target.absent,
    )
