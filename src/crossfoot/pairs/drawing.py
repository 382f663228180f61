"""Explore programs as they are drawn, and add up what came of them."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from crossfoot.errors import ContentError, CrossfootError
from crossfoot.explorer.explore import NOTHING_RACED, Bounds, Explorer
from crossfoot.pairs.generate import Ensemble
from crossfoot.pairs.plot import Plot, write_plot
from crossfoot.results import Check, Exploration, Kind, Property
from crossfoot.verdicts import Severity, Verdict

try:
    from crossfoot.pairs.programs import Program, Search
except ModuleNotFoundError as error:
    raise CrossfootError(
        "programs are drawn by Hypothesis, which isn't installed",
        remedy="pip install 'crossfoot[programs]'",
    ) from error

# A glance at each program: one schedule at a time, so that the same ones run every time.
GLANCE = Bounds(100, first=True, replays=0)


@dataclass
class Drawing:
    """Draws ``count`` programs and explores each, in the only arena of ``explorer``."""

    ensemble: Ensemble
    explorer: Explorer
    seed: int
    count: int
    isolation: str = ""  # "" for the races' own
    progress: Callable[[str, Exploration, int], None] = lambda name, done, left: None
    done: Exploration = field(default_factory=Exploration)
    explored: int = 0
    started: float = field(default_factory=time.perf_counter)
    looked_at: int = 0
    bounds: list[int | None] = field(default_factory=list)  # preemptions, of incomplete ones
    unclear: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    found: list[Plot] = field(default_factory=list)

    async def run(self) -> list[Plot]:
        """Return the failing programs, shrunk, each with other operations than those before."""
        left = self.count
        everything = {each.name for each in self.ensemble.operations}
        while left > 0 and not any(set(plot.operations) == everything for plot in self.found):
            avoid = [frozenset(plot.operations) for plot in self.found]
            search = Search(self.ensemble, self.seed + len(avoid), left, self._fails, avoid)
            program = await search.smallest()
            if program is None:
                break
            self.found.append(await self._plot(program))
            left -= search.drawn
        return self.found

    async def _plot(self, program: Program) -> Plot:
        plot = program.plot(self.ensemble.target, self.seed)
        return await self.ensemble.reach.led_up(plot) if program.led_up else plot

    async def _fails(self, program: Program) -> bool:
        """Explore a program as far as a glance goes."""
        plot = await self._plot(program)
        with tempfile.TemporaryDirectory() as folder:
            race = write_plot(plot, self.ensemble.target, Path(folder), self.seed)
            race = race.at(self.isolation) if self.isolation else race
        self.explored += 1
        name = f"program {self.explored}"
        self.explorer.progress = lambda race, done, left: self.progress(name, done, left)
        try:
            check = await self.explorer.explore(race)
        except ContentError:
            self.unclear["their set-up fails"] += 1
            return False
        if not check.findings:
            self._count(check)
        return bool(check.findings)

    def _count(self, check: Check) -> None:
        self.looked_at += 1
        self.operations |= set(check.operations)
        if check.verdict is Verdict.UNKNOWN:
            idle = check.reason.endswith(NOTHING_RACED)
            self.unclear["a call in them never succeeds" if idle else check.reason] += 1
        if done := check.exploration:
            self.bounds += [] if done.complete else [done.preemption_bound]
            for name in ("schedules", "equal", "left", "serial_orders", "with_waits", "steps"):
                setattr(self.done, name, getattr(self.done, name) + getattr(done, name))

    @property
    def all_done(self) -> Exploration:
        """Return what was explored of all programs: as complete as the least complete."""
        self.done.complete = not self.bounds
        known = [bound for bound in self.bounds if bound is not None]
        self.done.preemption_bound = min(known) if known and known == self.bounds else None
        return self.done

    def check(self) -> Check:
        """Return one check for all programs that didn't fail."""
        clear = self.looked_at - self.unclear.total()
        return Check(
            kind=Kind.RACE,
            name="programs",
            title=f"{self.looked_at} programs of two or three sessions, one to three calls each",
            verdict=Verdict.PASS if clear > 0 else Verdict.UNKNOWN,
            severity=Severity.CRITICAL,
            properties=[Property.SERIAL, Property.STATE, Property.LEDGER, Property.DEADLOCK],
            operations=sorted(self.operations, key=list(self.ensemble.target.operations).index),
            about=f"Drawn from the operations and fixtures of target.toml with seed {self.seed}.",
            reason="" if clear > 0 else "no program in which every call succeeds at least once",
            exploration=self.all_done,
            seconds=time.perf_counter() - self.started,
        )

    def said(self) -> Iterator[str]:
        """Yield, in sentences, what of the programs wasn't looked at."""
        for reason, count in self.unclear.items():
            yield f"{count} of {self.looked_at} programs: {reason}"
        if self.bounds:
            most = f"explored up to {GLANCE.schedules} schedules"
            yield f"{len(self.bounds)} of {self.looked_at} programs: {most}, fewest preemptions first"
        for plot in self.found:
            names = ", ".join(dict.fromkeys(plot.operations))
            yield f"programs that call all of {names}: not drawn any more once one had failed"
