"""Races that Crossfoot makes itself: pairs, then triples; and programs, which Hypothesis draws."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from crossfoot.explorer.explore import NOTHING_RACED
from crossfoot.explorer.race import Race, load_race
from crossfoot.pairs.generate import Ensemble
from crossfoot.pairs.plot import Plot, write_plot
from crossfoot.pairs.triples import Triples
from crossfoot.results import Check, Exploration
from crossfoot.stages import (
    Plan,
    Told,
    ensemble_of,
    load_races,
    named,
    race_stage,
    written,
)
from crossfoot.target import Target
from crossfoot.workbench import Form, Workbench

# As the explorer says it.
BUDGET_ENDED = "the budget ended before the schedules without preemption did"
_KINDS = ("pairs", "programs")  # folders of made races

Begun = Callable[[str, int], None]
Progress = Callable[[str, Exploration, int], None]


@dataclass(frozen=True)
class Making:
    """Which races to make: ``pairs`` and triples, and so many ``programs``. Their files lie in ``out``."""

    out: Path
    pairs: bool = False
    programs: int = 0

    def check(self) -> None:
        """Raise CrossfootError if something that it takes isn't installed."""
        if self.programs:
            import_module("crossfoot.pairs.drawing")


@dataclass
class Generated:
    """The generated races of one form: their checks, and in sentences what no check looks at.

    ``names`` chooses pairs and triples (globs).
    """

    bench: Workbench
    form: Form
    plan: Plan
    names: Sequence[str]
    making: Making
    begun: Begun
    told: Told
    progress: Progress
    checks: list[Check] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Make the races that are asked for, and explore them."""
        async with ensemble_of(self.bench, self.form) as ensemble:
            self.left_out += ensemble.left_out
            if self.making.pairs:
                await self._pairs_and_triples(ensemble)
            if self.making.programs:
                await self._programs(ensemble)

    async def _pairs_and_triples(self, ensemble: Ensemble) -> None:
        """Race every two operations, then those three that meet, as far as the budget goes."""
        plots = ensemble.plots(2, apart=True)
        pairs = await self._written(ensemble, plots)
        await self._explore("races", pairs, lambda race: None, lambda check: None)
        triples = Triples.after(plots, self.checks, self.plan.schedules)
        threes = await self._written(ensemble, triples.choose(named(ensemble.plots(3), self.names)))
        if threes:
            say = f"races of three operations, with {triples.budget} schedules in all"
            await self._explore(say, threes, lambda race: triples.share(), triples.spent)
        self.left_out += triples.said()
        self._forgive({race.name for race in threes})

    async def _programs(self, ensemble: Ensemble) -> None:
        """Draw programs and explore them; those that fail are made smaller, and kept as files."""
        from crossfoot.pairs.drawing import GLANCE, Drawing

        if not ensemble.operations:
            return
        seed, count = self.plan.seed, self.making.programs
        self.begun(f"programs, drawn with seed {seed}", count)
        async with self.bench.explorer(self.form, seed=seed, bounds=GLANCE, arenas=1) as explorer:
            drawing = Drawing(ensemble, explorer, seed, count, self.plan.isolation, self.progress)
            failing = await drawing.run()
        self.checks.append(drawing.check())
        self.told(self.checks[-1])
        self.left_out += drawing.said()
        folder = self.making.out / "programs" / self.form.target.name
        races = [write_plot(each, self.form.target, folder, seed) for each in failing]
        if races:
            say = f"programs that fail, as small as they get, in {folder}"
            await self._explore(say, races, lambda race: None, lambda check: None)

    async def _written(self, ensemble: Ensemble, plots: Sequence[Plot]) -> list[Race]:
        folder = self.making.out / "pairs"
        return await written(ensemble, plots, self.plan, self.names, folder)

    async def _explore(
        self, stage: str, races: Sequence[Race], budget: Callable[[Race], int | None], then: Told
    ) -> None:
        def told(check: Check) -> None:
            then(check)
            self.told(check)

        self.begun(stage, len(races))
        checks, _ = await race_stage(
            self.bench,
            self.form,
            self.plan,
            races,
            told=told,
            progress=self.progress,
            budget=budget,
        )
        self.checks += checks

    def _forgive(self, threes: Container[str]) -> None:
        """Leave out, and say so, where a call never succeeds: not every few can, even alone.

        Likewise of ``threes``, which share a budget, those that it was too small for.
        """
        idle = [
            check
            for check in self.checks
            if check.reason.endswith(NOTHING_RACED)
            or (check.name in threes and check.reason == BUDGET_ENDED)
        ]
        self.checks = [check for check in self.checks if check not in idle]
        self.left_out += (f"{check.name}: {check.reason}" for check in idle)


def race_called(name: str, target: Target, seed: int, out: Path | None) -> Race:
    """Return the race of this name: one of the target's own, or one that was made below ``out``.

    Raises ContentError if there is none.
    """
    made = [out / kind / target.name / f"{name}.race.sql" for kind in _KINDS] if out else []
    written = {path.name for path in target.content.races(target.name)}
    for path in made:
        if path.name not in written and path.is_file():
            return load_race(path, target, seed)
    return load_races(target, seed, [name])[0]
