"""What notices a mutant: contracts and audits, retry checks, lints, races. The cheapest come first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crossfoot.errors import ContentError
from crossfoot.explorer.explore import Explorer
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace
from crossfoot.mutate.mutants import Mutant
from crossfoot.mutate.suite import Books, Suite
from crossfoot.mutate.watch import Watched, otherwise, watch
from crossfoot.prove import name_of
from crossfoot.stages import lint_stage, retry_stage
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form

GLANCE = 24  # schedules, of every race before any runs to its end
_VIOLATED = re.compile(r'violates (?:[\w-]+ )*constraint "([^"]+)"')
_NULL = re.compile(r'null value in column "([^"]+)" of relation "([^"]+)" violates')


@dataclass
class Comparison:
    """How the races of a mutant that none of them kills come out, against the original."""

    races: int = 0
    schedules: int = 0
    unfinished: int = 0
    differs: str = ""

    @property
    def said(self) -> str:
        """Return what was compared, in words."""
        races = f"{self.races} race{'' if self.races == 1 else 's'}"
        more = f" ({self.unfinished} more not to their end)" if self.unfinished else ""
        schedules = f", {self.schedules} schedules, all of them" if self.races else ""
        return f"{races}{schedules}{more}"


class Killed(Exception):  # noqa: N818 (how the search for a killer ends, and no error)
    """A check noticed: the names of those that did, and how if that isn't by failing."""

    def __init__(self, by: Sequence[str], reason: str = "") -> None:
        super().__init__(reason)
        self.by = list(by)
        self.reason = reason


@dataclass
class Notice:
    """Runs the suite on a mutant until a check notices.

    ``ran_into`` has, for each constraint, the mutants whose calls it stopped.
    """

    suite: Suite
    ran_into: dict[str, list[str]] = field(default_factory=dict)

    async def quick(self, mutant: Mutant, form: Form) -> Books:
        """Run contracts, audits, retry checks and lints. Raises Killed if one of them notices."""
        suite = self.suite
        books = await suite.books(form)
        self._note(mutant, books)
        self.judge(books)
        if not mutant.passive:
            operations = suite.reach.operations(form.target, mutant.touches)
            plan = suite.plan
            checks = await retry_stage(suite.bench, form, plan, operations)
            self._failed([name_of(each) for each in checks if each.verdict is Verdict.FAIL])
        lints = await lint_stage(suite.bench, form)
        self._failed([name_of(each) for each in lints if each.verdict is Verdict.FAIL])
        return books

    def _failed(self, names: Sequence[str]) -> None:
        if by := [name for name in names if name not in self.suite.failing]:
            raise Killed(by)

    def judge(self, books: Books) -> None:
        """Raise Killed if a contract or an audit says otherwise than on the original."""
        if books.hung:
            raise Killed([], "a call of the contracts doesn't come back")
        failing = books.failing()
        self._failed([name for name, verdict in failing.items() if verdict is Verdict.FAIL])
        undecided = [name for name in failing if name not in self.suite.failing]
        if undecided:
            raise Killed(undecided, f"{undecided[0]} can't be decided, and a run isn't passed")

    def _note(self, mutant: Mutant, books: Books) -> None:
        """Remember which constraints stopped the mutant's calls: they stand behind its guard."""
        if mutant.schema:
            return
        said = "\n".join(each for answers in books.answers.values() for each in answers)
        for name in violated_in(said):
            self.ran_into.setdefault(name, []).append(mutant.name)

    # -- races ----------------------------------------------------------------------------------

    async def races(self, mutant: Mutant, form: Form) -> Comparison:
        """Explore the races that reach the change. Raises Killed at the first that notices."""
        await self._glance(mutant, form)
        compared = Comparison()
        reached = await self.suite.reached(mutant.touches)
        if not reached:
            return compared
        async with self.suite.explorer(form) as explorer:
            for right in reached:
                if right.schedules > 2 * GLANCE:
                    self._violated(await self.watch(explorer, right.race, GLANCE))
            for right in reached:
                if right.complete:
                    found = await self.watch(explorer, right.race, self.suite.plan.schedules)
                    self._violated(found)
                    self._compare(right, found, compared)
                else:
                    self._violated(await self.watch(explorer, right.race, 4 * GLANCE))
                    compared.unfinished += 1
        return compared

    async def _glance(self, mutant: Mutant, form: Form) -> None:
        """Look at races that the original hasn't run yet: it need only run the one that notices."""
        new = self.suite.unexplored(mutant.touches)
        if not new:
            return
        async with self.suite.explorer(form) as explorer:
            for race in new:
                try:
                    self._violated(await self.watch(explorer, race, GLANCE))
                except Killed:
                    if not await self.suite.fails(race):
                        raise

    async def watch(
        self,
        explorer: Explorer,
        race: Race,
        schedules: int,
        until: Callable[[Trace], bool] = lambda trace: False,
    ) -> Watched:
        """Run a race on a mutant. Raises Killed if it can't even be set up."""
        try:
            return await watch(explorer, race, schedules, until)
        except ContentError as error:
            raise Killed([f"race {race.name}"], f"its set-up fails: {error}") from error

    def _violated(self, found: Watched) -> None:
        name = f"race {found.race.name}"
        if found.violates:
            raise Killed([name], self._generated(found))
        if found.stuck:
            raise Killed([name], f"{name} can't be decided, and a run isn't passed: {found.stuck}")

    def _generated(self, found: Watched) -> str:
        return "generated, by race --pairs" if found.race.name in self.suite.generated else ""

    def _compare(self, right: Watched, found: Watched, compared: Comparison) -> None:
        name = right.race.name
        if not found.complete:
            compared.unfinished += 1
            return
        compared.races += 1
        compared.schedules += found.schedules
        if found.same_as(right):
            return
        lost = right.succeeded - found.succeeded
        if lost and name not in self.suite.generated:
            reason = f"{', '.join(sorted(lost))} never succeeds in it: undecided, and no pass"
            raise Killed([f"race {name}"], reason)
        compared.differs = compared.differs or f"race {name} comes out otherwise: " + otherwise(
            right, found
        )


def violated_in(text: str) -> set[str]:
    """Return the constraints that messages name as violated; a NOT NULL as ``table.column``."""
    columns = {f"{table}.{column}" for column, table in _NULL.findall(text)}
    return {*_VIOLATED.findall(text), *columns}
