"""The stages of a run on one form of a target: lints, contracts, audits, races.

Each takes what the one before left in the database and can run alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import asyncpg

from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.checks.contracts import Connect, load_contracts, run_contracts
from crossfoot.checks.lints import load_lints, run_lints
from crossfoot.checks.retries import retry_checks, run_retry_check
from crossfoot.errors import ContentError
from crossfoot.explorer.explore import REPLAYS, Bounds
from crossfoot.explorer.race import Race, load_race
from crossfoot.pairs.generate import Ensemble
from crossfoot.pairs.plot import Plot, write_plot
from crossfoot.results import Check, Exploration, Operation, TargetResult
from crossfoot.target import Target
from crossfoot.verdicts import worst
from crossfoot.workbench import Form, Workbench

Told = Callable[[Check], None]

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


@dataclass(frozen=True)
class Plan:
    """What is asked of every stage.

    ``schedules`` is the budget per race; ``first`` stops a race at its first counterexample;
    ``arenas`` is how many schedules run side by side; ``replays`` how often a counterexample is run
    again; ``isolation`` is the level of all races, "" for their own.
    """

    seed: int = 1
    schedules: int = 1000
    first: bool = False
    arenas: int = 3
    replays: int = REPLAYS
    isolation: str = ""

    @property
    def bounds(self) -> Bounds:
        """Return the explorer's bounds."""
        return Bounds(self.schedules, self.first, self.replays)


def nobody(check: Check) -> None:
    """Tell nobody."""


def load_races(target: Target, seed: int, names: Sequence[str] = ()) -> list[Race]:
    """Return the target's races, or those of these names. Raises ContentError for an unknown one."""
    paths = target.content.races(target.name)
    known = [path.name.removesuffix(".race.sql") for path in paths]
    for name in names:
        if not any(fnmatchcase(each, name) for each in known):
            raise ContentError(
                f"{target.name} has no race {name!r}",
                remedy=f"Races: {', '.join(known) or 'none'}.",
            )
    chosen = [
        path
        for path, name in zip(paths, known, strict=True)
        if not names or any(fnmatchcase(name, pattern) for pattern in names)
    ]
    return [load_race(path, target, seed) for path in chosen]


async def generated_races(
    bench: Workbench, form: Form, plan: Plan, names: Sequence[str], folder: Path
) -> tuple[list[Race], list[str]]:
    """Write a race for each way in which two operations can meet; return them, and what was left out.

    ``names`` chooses some (globs). The files lie in ``folder/<target>``, to be kept by whoever wants.
    """
    async with ensemble_of(bench, form) as ensemble:
        plots = ensemble.plots(2)
        return await written(ensemble, plots, plan, names, folder), ensemble.left_out


@asynccontextmanager
async def ensemble_of(bench: Workbench, form: Form) -> AsyncIterator[Ensemble]:
    """Yield the operations that races are made of, tried out in a clone."""
    async with bench.clone(form) as name:
        connection = await bench.server.connect(name)
        try:
            yield await Ensemble.of(connection, form.target)
        finally:
            await connection.close()


async def written(
    ensemble: Ensemble, plots: Sequence[Plot], plan: Plan, names: Sequence[str], folder: Path
) -> list[Race]:
    """Write the race files of those plots that ``names`` chooses, each with what leads up to it."""
    target = ensemble.target
    return [
        write_plot(await ensemble.reach.led_up(plot), target, folder / target.name, plan.seed)
        for plot in named(plots, names)
    ]


def named(plots: Sequence[Plot], names: Sequence[str]) -> list[Plot]:
    """Return the plots whose names fit one of these globs; all of them for none."""
    return [
        plot for plot in plots if not names or any(fnmatchcase(plot.name, each) for each in names)
    ]


def new_result(target: Target, title: str = "") -> TargetResult:
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


async def lint_stage(bench: Workbench, form: Form) -> list[Check]:
    """Read the catalog of a form's database. It is a template: nobody stays connected to it."""
    connection = await bench.server.connect(form.database)
    try:
        return await run_lints(connection, load_lints(form.target), form.target)
    finally:
        await connection.close()


async def books_stage(bench: Workbench, form: Form, plan: Plan) -> list[Check]:
    """Run the contracts in a clone, then audit the books that they left behind."""
    target = form.target
    async with bench.clone(form) as name:
        superuser = await bench.server.connect(name)

        async def connect() -> asyncpg.Connection:
            return await bench.server.connect(name)

        try:
            contracts = load_contracts(target, plan.seed)
            checks = await run_contracts(superuser, connect, contracts, target)
            return checks + await run_audits(superuser, AuditSet.of(target))
        finally:
            await superuser.close()


async def retry_stage(
    bench: Workbench, form: Form, plan: Plan, operations: Container[str]
) -> list[Check]:
    """Disturb a call of each of these operations, in a clone for each."""

    @asynccontextmanager
    async def place() -> AsyncIterator[tuple[asyncpg.Connection, Connect]]:
        async with bench.clone(form) as name:
            superuser = await bench.server.connect(name)
            try:
                yield superuser, lambda: bench.server.connect(name)
            finally:
                await superuser.close()

    checks = retry_checks(form.target, load_contracts(form.target, plan.seed))
    return [
        await run_retry_check(check, example, form.target, place())
        for check, example in checks
        if check.name in operations
    ]


async def race_stage(
    bench: Workbench,
    form: Form,
    plan: Plan,
    races: Sequence[Race],
    *,
    told: Told = nobody,
    progress: Callable[[str, Exploration, int], None] | None = None,
    budget: Callable[[Race], int | None] = lambda race: None,
) -> tuple[list[Check], set[str]]:
    """Explore races; return their checks and what was violated on the way ("audit item_sold_once").

    ``budget`` gives a race a number of schedules of its own; 0 leaves it out.
    """
    if not races:
        return [], set()
    checks: list[Check] = []
    async with bench.explorer(
        form, seed=plan.seed, bounds=plan.bounds, arenas=plan.arenas, progress=progress
    ) as explorer:
        for race in races:
            schedules = budget(race)
            if schedules == 0:
                continue
            asked = race.at(plan.isolation) if plan.isolation else race
            check = await explorer.explore(asked, schedules)
            checks.append(check)
            told(check)
        return checks, explorer.violated


def not_covered(target: Target, checks: Sequence[Check], races: Sequence[Race]) -> list[str]:
    """Return, in sentences, what of a target no check has looked at."""
    raced = {name for race in races for name in race.operations}
    called = {name for check in checks for name in check.operations}
    found = [f"{name}: in no race" for name in target.operations if name not in raced]
    found += [
        f"{name}: called by no check at all" for name in target.operations if name not in called
    ]
    return found


def content_file(path: Path) -> Path:
    """Return the path if it is there. Raises ContentError otherwise."""
    if not path.exists():
        raise ContentError(f"{path}: no such file")
    return path
