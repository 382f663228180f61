"""A run: every stage on every target, one result."""

from __future__ import annotations

import asyncio
import platform
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from crossfoot import __version__
from crossfoot.bursts.check import recorder_in
from crossfoot.bursts.stage import burst_stage, bursts_of
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.explorer.explore import Bounds
from crossfoot.explorer.race import Race
from crossfoot.explorer.token import Token
from crossfoot.generated import Generated, Making, race_called
from crossfoot.listening import Listener, Silent, Turn
from crossfoot.mutate.mutate import Choice, Mutation
from crossfoot.prove import Prover, prove_plan
from crossfoot.results import Check, Environment, MutantTotals, Run, TargetResult
from crossfoot.server import Existing, Server
from crossfoot.stages import (
    LIMITS,
    Plan,
    books_stage,
    lint_stage,
    load_races,
    new_result,
    not_covered,
    race_stage,
    retry_stage,
)
from crossfoot.target import Target
from crossfoot.variant import Variant
from crossfoot.verdicts import exit_code, worst
from crossfoot.waivers import apply_waivers
from crossfoot.workbench import Form, Workbench

_SETTINGS = (
    "server_version",
    "default_transaction_isolation",
    "deadlock_timeout",
    "fsync",
    "synchronous_commit",
    "max_connections",
)


Work = Callable[["Runner", Form], Awaitable[TargetResult]]
_TOGETHER = 2  # targets whose races are explored at once: one alone leaves a processor idle


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
        begun: dict[str, TargetResult] = {}

        async def first(runner: Runner, form: Form) -> TargetResult:
            started = time.perf_counter()
            begun[form.target.name] = result = await runner._books_and_bursts(form)
            result.seconds = time.perf_counter() - started
            return result

        async def then(runner: Runner, form: Form) -> TargetResult:
            result = begun[form.target.name]
            await runner._all_races(form, result)
            if prove:
                await runner._kill_matrix(form, result, ())
            return result

        # Bursts are measured: nothing else goes on meanwhile. A proof has its own way to be quick.
        return await self._over(targets, then, first=first, together=1 if prove else _TOGETHER)

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

        async def work(runner: Runner, form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=unmasked) as chosen:
                if making is None:
                    return await runner._races(chosen, names)
                return await runner._generated(chosen, names, making)

        return await self._over(targets, work, together=_TOGETHER)

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

        async def work(runner: Runner, form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=unmasked) as chosen:
                result = new_result(chosen.target, chosen.title)
                result.checks = await runner._bursts(chosen, names, callers)
                return result

        return await self._over(targets, work)

    async def replay(self, target: Target, token: Token, variant: Variant | None) -> Run:
        """Run one schedule again: the target's only check is the race with that schedule."""

        async def work(runner: Runner, form: Form) -> TargetResult:
            async with self._form(form, variant, unmasked=token.unmasked) as chosen:
                return await runner._replay(chosen, token)

        return await self._over([target], work)

    async def audits(self, target: Target, timeout: float) -> Run:
        """Run audits alone on a database that exists; ``timeout`` is seconds per audit."""
        assert isinstance(self.server, Existing)
        started = time.perf_counter()
        connection = self.server.connection
        self.settings = await settings_of(connection)
        result = new_result(target)
        self.listener.stage(target.name, "audits", 0)
        result.checks = await run_audits(connection, AuditSet.of(target), timeout)
        for check in result.checks:
            self.listener.check(check)
        return self.result([self._judged(result, target, started)])

    async def proof(self, targets: Sequence[Target], names: Sequence[str]) -> Run:
        """Run the reference's own checks and the broken variants, or those of these names."""
        return await self._over(targets, lambda runner, form: runner._proof(form, names))

    async def mutation(self, targets: Sequence[Target], choice: Choice, folder: Path) -> Run:
        """Take each guard away, or the chosen ones; generated races are written below ``folder``."""
        return await self._over(targets, lambda runner, form: runner._mutants(form, choice, folder))

    async def _over(
        self,
        targets: Sequence[Target],
        work: Work,
        *,
        first: Work | None = None,
        together: int = 1,
    ) -> Run:
        """Do a piece of work on each target, on so many at once; before that ``first`` on each alone."""
        async with AsyncExitStack() as stack:
            forms = [
                await stack.enter_async_context(self.bench.as_written(target)) for target in targets
            ]
            for form in forms[:1]:
                connection = await self.bench.server.connect(form.database)
                self.settings = await settings_of(connection)
                await connection.close()
            for form in forms if first else ():
                assert first
                await first(self, form)
            return self.result(await self._side_by_side(forms, work, together))

    async def _side_by_side(
        self, forms: Sequence[Form], work: Work, together: int
    ) -> list[TargetResult]:
        slots = asyncio.Semaphore(together)
        turns = [Turn(self.listener) for _ in forms]

        async def one(form: Form, turn: Turn) -> TargetResult:
            async with slots:
                return await self._target(form, replace(self, listener=turn), work)

        tasks = [
            asyncio.create_task(one(form, turn)) for form, turn in zip(forms, turns, strict=True)
        ]
        results: list[TargetResult] = []
        try:
            for turn, task in zip(turns, tasks, strict=True):
                turn.come()
                results.append(await task)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return results

    @asynccontextmanager
    async def _form(
        self, form: Form, variant: Variant | None, *, unmasked: bool
    ) -> AsyncIterator[Form]:
        if variant is None:
            yield form
        else:
            async with self.bench.broken(form, variant, unmasked=unmasked) as broken:
                yield broken

    async def _target(self, form: Form, runner: Runner, work: Work) -> TargetResult:
        started = time.perf_counter()
        return self._judged(await work(runner, form), form.target, started)

    def _judged(self, result: TargetResult, target: Target, started: float) -> TargetResult:
        apply_waivers(result.checks, target.waivers, self.started_at.date())
        verdicts = [check.verdict for check in result.checks]
        if result.kill_matrix:
            verdicts += [kill.verdict for kill in result.kill_matrix.kills]
        verdicts += [mutant.verdict for mutant in result.mutants]
        result.verdict = worst(verdicts)
        result.seconds += time.perf_counter() - started
        return result

    async def _books_and_bursts(self, form: Form) -> TargetResult:
        bench, target = self.bench, form.target
        result = new_result(target)
        self.listener.stage(target.name, "lints, contracts and audits", 0)
        for check in [
            *await lint_stage(bench, form),
            *await books_stage(bench, form, self.plan),
            *await retry_stage(bench, form, self.plan, target.operations),
        ]:
            result.checks.append(check)
            self.listener.check(check)
        result.checks += await self._bursts(form)
        return result

    async def _all_races(self, form: Form, result: TargetResult) -> None:
        races = load_races(form.target, self.plan.seed)
        self.listener.stage(form.target.name, "races", len(races))
        explored, _ = await race_stage(
            self.bench,
            form,
            self.plan,
            races,
            told=self.listener.check,
            progress=self.listener.exploring,
        )
        result.checks += explored
        result.not_covered = not_covered(form.target, result.checks, races)

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
        result = new_result(form.target, form.title)
        result.checks, result.not_covered = made.checks, made.left_out
        return result

    async def _races(self, form: Form, names: Sequence[str]) -> TargetResult:
        return await self._explored(form, load_races(form.target, self.plan.seed, names))

    async def _explored(self, form: Form, races: Sequence[Race]) -> TargetResult:
        result = new_result(form.target, form.title)
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
        result = new_result(form.target, form.title)
        self.listener.stage(form.target.name, f"replay of {race.name}", 0)
        bounds = Bounds(1)
        async with self.bench.explorer(form, seed=token.seed, bounds=bounds, arenas=1) as explorer:
            check = await explorer.replay(race, token)
        result.checks = [check]
        self.listener.check(check)
        return result

    async def _proof(self, form: Form, names: Sequence[str]) -> TargetResult:
        if names:
            result = new_result(form.target, form.title)
        else:
            result = await self._books_and_bursts(form)
            await self._all_races(form, result)
        await self._kill_matrix(form, result, names)
        return result

    async def _mutants(self, form: Form, choice: Choice, folder: Path) -> TargetResult:
        result = new_result(form.target, form.title)
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
        result.mutant_totals = MutantTotals.of(result.mutants)
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


async def settings_of(connection: asyncpg.Connection) -> dict[str, str]:
    """Return the server's settings that matter to whoever reads a report."""
    return {
        name: await connection.fetchval("select current_setting($1)", name) for name in _SETTINGS
    }
