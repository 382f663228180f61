"""The suite, run on a form of a target: what fails, what the calls answered, what comes out of races."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.checks.contracts import Act, Contract, ContractRunner, load_contracts
from crossfoot.errors import ContentError
from crossfoot.explorer.explore import Explorer
from crossfoot.explorer.race import Race
from crossfoot.mutate.reach import Reach
from crossfoot.mutate.watch import Watched, watch
from crossfoot.prove import name_of
from crossfoot.results import Check
from crossfoot.sql import tokens
from crossfoot.stages import Plan, generated_races, lint_stage, load_races, retry_stage
from crossfoot.verdicts import Outcome, Verdict
from crossfoot.workbench import Form, Workbench

_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
)
PATIENCE = 20.0  # seconds, and so many times what the original took
_ARENAS = 2  # while the original is explored, of which every schedule runs anyway
_CODES = {"'P0002'", "'P0003'", "'23000'", "'23502'", "'23514'"}
Answers = dict[str, list[str]]
"""What the calls of each contract answered, without what chance decides."""


@dataclass
class Books:
    """What contracts and audits said, and on the original lints and retry checks.

    ``hung`` says that a call didn't come back.
    """

    checks: list[Check] = field(default_factory=list)
    answers: Answers = field(default_factory=dict)
    seconds: float = 0.0
    hung: bool = False

    def failing(self) -> dict[str, Verdict]:
        """Return the checks that didn't pass."""
        bad = {Verdict.FAIL, Verdict.UNKNOWN}
        return {name_of(check): check.verdict for check in self.checks if check.verdict in bad}

    def otherwise(self, right: Answers) -> list[str]:
        """Return the contracts whose calls answered otherwise than in ``right``."""
        return [name for name, said in self.answers.items() if said != right.get(name, said)]


@dataclass
class _Listening(ContractRunner):
    """Runs a contract and keeps what its calls answered."""

    said: list[str] = field(default_factory=list)

    async def send(self, act: Act) -> tuple[Outcome, str]:
        outcome, said = await super().send(act)
        self.said.append(f"line {act.line}: {outcome} {_CHANCE.sub('~', said)}")
        return outcome, said


@dataclass
class Suite:
    """The suite of a target, and what it does on the original.

    ``races`` are explored when first asked for: most mutants are noticed before any race has to run.
    """

    bench: Workbench
    plan: Plan
    form: Form
    reach: Reach
    contracts: Sequence[Contract]
    right: Books = field(default_factory=Books)
    races: dict[str, Watched] = field(default_factory=dict)
    known: Sequence[Race] = ()
    generated: frozenset[str] = frozenset()
    left_out: list[str] = field(default_factory=list)
    errors: str = ""
    _exploring: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    async def of(cls, bench: Workbench, plan: Plan, form: Form, folder: Path) -> Suite:
        """Run the suite on the original, but for its races. Generated ones are written below ``folder``."""
        async with connected(bench, form) as connection:
            reach = await Reach.of(connection, form.target)
        suite = cls(bench, plan, form, reach, load_contracts(form.target, plan.seed))
        suite.right = await suite.books(form)
        again = await suite.books(form)
        suite.errors = "\n".join(each for said in suite.right.answers.values() for each in said)
        for name in again.otherwise(suite.right.answers):
            del suite.right.answers[name]  # what differs by chance says nothing
        suite.right.checks += await lint_stage(bench, form)
        suite.right.checks += await retry_stage(bench, form, plan, form.target.operations)
        await suite._know_races(folder)
        return suite

    async def _know_races(self, folder: Path) -> None:
        written = load_races(self.form.target, self.plan.seed)
        try:
            made, self.left_out = await generated_races(
                self.bench, self.form, self.plan, (), folder
            )
        except ContentError as error:
            made, self.left_out = [], [f"no generated races: {error}"]
        names = {race.name for race in written}
        made = [race for race in made if race.name not in names]
        self.generated = frozenset(race.name for race in made)
        self.known = [*written, *made]

    @property
    def doubtful(self) -> list[str]:
        """Return, in sentences, what on the original doesn't pass: it tells nothing of a mutant."""
        names = sorted(self.failing)
        if not names:
            return []
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return [f"{', '.join(names[:3])}{more}: no pass on the target as written, so no help here"]

    @property
    def failing(self) -> set[str]:
        """Return the checks that don't pass on the original: they tell nothing about a mutant."""
        races = {f"race {name}" for name, each in self.races.items() if each.violates or each.stuck}
        return {*self.right.failing(), *races}

    def handles(self, conditions: set[str]) -> bool:
        """Say whether a function may handle errors of these conditions, so that nobody sees them."""
        return any(may_catch(text, conditions) for text in self.reach.functions.values())

    def unexplored(self, touched: frozenset[str]) -> list[Race]:
        """Return the races that come to a change and haven't run on the original, written ones first."""
        names = self.reach.races(self.known, touched)
        return [race for race in self.known if race.name in names - self.races.keys()]

    async def fails(self, race: Race) -> bool:
        """Say whether a race fails on the original, where it is explored if it wasn't yet."""
        async with self._exploring:
            await self._explore([race])
        return f"race {race.name}" in self.failing

    async def reached(self, touched: frozenset[str]) -> list[Watched]:
        """Return the races that come to a change, written ones first, small ones first."""
        names = self.reach.races(self.known, touched)
        async with self._exploring:
            await self._explore([race for race in self.known if race.name in names])
        found = [self.races[name] for name in names if f"race {name}" not in self.failing]
        return sorted(
            found,
            key=lambda each: (
                each.race.name in self.generated,
                not each.complete,
                each.schedules,
                each.race.name,
            ),
        )

    async def _explore(self, races: Sequence[Race]) -> None:
        """Explore those of the races on the original that nobody has asked for yet."""
        new = [race for race in races if race.name not in self.races]
        if not new:
            return
        async with self.explorer(self.form, _ARENAS) as explorer:
            for race in new:
                found = await watch(explorer, race, self.plan.schedules)
                self.races[race.name] = found
                results = [each for trace in found.traces.values() for each in trace.every_result]
                self.errors += "".join(f"\n{each.sqlstate} {each.message}" for each in results)

    @asynccontextmanager
    async def explorer(self, form: Form, arenas: int = 1) -> AsyncIterator[Explorer]:
        """Yield an explorer of a form; with one arena the same schedules run every time."""
        async with self.bench.explorer(
            form, seed=self.plan.seed, bounds=self.plan.bounds, arenas=arenas
        ) as explorer:
            yield explorer

    async def books(self, form: Form) -> Books:
        """Run contracts and audits on a form, in a clone."""
        started = time.perf_counter()
        found = Books()
        async with self.bench.clone(form) as name:
            superuser = await self.bench.server.connect(name)
            runner = _Listening(superuser, lambda: self.bench.server.connect(name), {}, form.target)
            try:
                async with asyncio.timeout(PATIENCE * max(1.0, self.right.seconds)):
                    await self._contracts(runner, found)
                    found.checks += await run_audits(superuser, AuditSet.of(form.target))
            except TimeoutError:
                found.hung = True
            finally:
                for each in [superuser, *runner.callers.values()]:
                    each.terminate()
        found.seconds = time.perf_counter() - started
        return found

    async def _contracts(self, runner: _Listening, found: Books) -> None:
        for contract in self.contracts:
            listening = replace(runner, kept={}, said=[])
            try:
                found.checks.append(await listening.run(contract))
            except asyncpg.PostgresError as error:
                check = contract.new_check()
                check.reason = str(error)
                found.checks.append(check)
            found.answers[contract.name] = listening.said


def may_catch(text: str, conditions: set[str]) -> bool:
    """Say whether a function's body handles errors of these conditions."""
    try:
        words = [token.word for token in tokens(text)]
    except ContentError:
        return True  # in a language of which nobody knows what it catches
    named = list(zip(words, words[1:], [*words[2:], ""], strict=False))
    return any(
        before in {"when", "or"} and (name in conditions or (name == "sqlstate" and code in _CODES))
        for before, name, code in named
    )


@asynccontextmanager
async def connected(bench: Workbench, form: Form) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection to a form's database, which is a template: nobody stays there."""
    connection = await bench.server.connect(form.database)
    try:
        yield connection
    finally:
        await connection.close()
