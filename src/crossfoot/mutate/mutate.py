"""Take each guard of a target away, one at a time, and say what became of each mutant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from crossfoot.errors import CrossfootError
from crossfoot.mutate.kill import Killer
from crossfoot.mutate.meant import apply_meant, check_meant, load_meant
from crossfoot.mutate.mutants import Mutant, function_mutants
from crossfoot.mutate.reach import Reach
from crossfoot.mutate.schema import schema_mutants
from crossfoot.mutate.suite import Suite, connected
from crossfoot.results import Kill
from crossfoot.stages import Plan
from crossfoot.workbench import Form, Workbench


@dataclass(frozen=True)
class Choice:
    """Which mutants to run: those whose name fits one of these globs, and at most so many."""

    only: Sequence[str] = ()
    limit: int | None = None

    def of(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Return the chosen ones. Raises CrossfootError if there is none."""
        chosen = [
            each
            for each in mutants
            if not self.only
            or any(each.name == name or fnmatchcase(each.name, name) for name in self.only)
        ]
        if self.only and not chosen:
            raise CrossfootError(
                f"no guard is called {self.only[0]!r}",
                remedy="A name is a file, a line and a guard; * stands for anything.",
            )
        return chosen[: self.limit]


@dataclass
class Mutation:
    """Guard mutation of one target. Generated races are written below ``folder``."""

    bench: Workbench
    plan: Plan
    folder: Path
    begun: Callable[[int], None] = lambda total: None
    told: Callable[[Kill], None] = lambda kill: None

    async def run(self, form: Form, choice: Choice) -> tuple[list[Kill], list[str]]:
        """Return what became of the mutants, and what couldn't be looked at, in sentences."""
        target = form.target
        meant = load_meant(target)
        mutants = await self._mutants(form)
        check_meant(meant, mutants, target)
        chosen = choice.of(mutants)
        suite = await Suite.of(self.bench, self.plan, form, self.folder)
        self.begun(len(chosen))
        kills = await Killer(suite, self.told).kill_all(chosen)
        apply_meant(meant, kills, {each.name: each.guard for each in mutants}, target)
        return kills, [*suite.left_out, *suite.doubtful]

    async def _mutants(self, form: Form) -> list[Mutant]:
        async with connected(self.bench, form) as connection:
            reach = await Reach.of(connection, form.target)
            tables = await schema_mutants(connection, form.target)
        return function_mutants(form.target, reach.functions) + tables
