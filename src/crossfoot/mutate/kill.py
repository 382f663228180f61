"""What becomes of each mutant: a check kills it, or it is equivalent, or it is a gap in the suite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from crossfoot.errors import ContentError
from crossfoot.mutate.mutants import Mutant, together
from crossfoot.mutate.notice import Comparison, Killed, Notice
from crossfoot.mutate.suite import Suite
from crossfoot.mutate.survivors import Survivors
from crossfoot.results import Fate, Kill
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form

T = TypeVar("T")

SIDE_BY_SIDE = 2
_KEYS = {"foreign key", "primary key", "unique", "unique index", "exclusion"}
_VERDICTS: dict[Fate, Verdict] = {
    "killed": Verdict.PASS,
    "equivalent": Verdict.PASS,
    "stillborn": Verdict.NOT_APPLICABLE,
    "gap": Verdict.FAIL,
}


@dataclass
class Killer:
    """Runs the suite on mutants, the cheapest checks first, up to the first that notices."""

    suite: Suite
    told: Callable[[Kill], None] = lambda kill: None
    notice: Notice = field(init=False)
    survivors: Survivors = field(init=False)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIDE_BY_SIDE))

    def __post_init__(self) -> None:
        self.notice = Notice(self.suite)
        self.survivors = Survivors(self.suite, self.notice)

    async def kill_all(self, mutants: Sequence[Mutant]) -> list[Kill]:
        """Return what became of the mutants: those of functions first, then those of tables.

        What the first run into tells what the second stand behind. Keys that nothing quick notices
        are taken away together: to see that none of them ever mattered, every race has to run.
        """
        kills = await self._gathered([self.kill(each) for each in mutants if not each.schema])
        keys = [each for each in mutants if each.kind in _KEYS]
        alone = [each for each in mutants if each.schema and each not in keys]
        kills += await self._gathered([self.kill(each) for each in alone])
        quick = await self._gathered([self._quickly(each) for each in keys])
        kills += [kill for kill in quick if kill is not None]
        left = [each for each, kill in zip(keys, quick, strict=True) if kill is None]
        return kills + await self._as_group(left)

    async def _gathered(self, jobs: Sequence[Awaitable[T]]) -> list[T]:
        running = [asyncio.ensure_future(job) for job in jobs]
        try:
            return list(await asyncio.gather(*running))
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    # -- one mutant -----------------------------------------------------------------------------

    async def kill(self, mutant: Mutant) -> Kill:
        """Run everything that there is on a mutant, until something notices."""
        kill = await self._concluded(mutant, self._fate)
        assert kill
        return kill

    async def _quickly(self, mutant: Mutant) -> Kill | None:
        """Run what is quick on a mutant; None if nothing of it notices."""
        return await self._concluded(mutant, self._quick_fate)

    async def _concluded(
        self, mutant: Mutant, fate: Callable[[Mutant, Form], Awaitable[tuple[Fate, str] | None]]
    ) -> Kill | None:
        kill = new_kill(mutant)
        async with self._gate:
            started = time.perf_counter()
            try:
                async with self.suite.bench.broken(self.suite.form, mutant, unmasked=False) as form:
                    found = await fate(mutant, form)
                if found is None:
                    return None
                kill.fate, kill.reason = found
            except Killed as killed:
                kill.fate, kill.reason, kill.caught_by = "killed", killed.reason, killed.by
            except ContentError as error:
                kill.fate, kill.reason = "stillborn", f"PostgreSQL doesn't take it: {error.message}"
            kill.seconds = time.perf_counter() - started
        kill.verdict = _VERDICTS[kill.fate]
        self.told(kill)
        return kill

    async def _quick_fate(self, mutant: Mutant, form: Form) -> None:
        await self.notice.quick(mutant, form)

    async def _fate(self, mutant: Mutant, form: Form) -> tuple[Fate, str]:
        books = await self.notice.quick(mutant, form)
        if fate := await self.survivors.without_a_look(mutant):
            return fate
        fired = None
        if mutant.probing:
            fired = await self.survivors.fires(mutant)
            if fired == "" and mutant.decides:
                return await self.survivors.never_fires(mutant)
        compared = await self.notice.races(mutant, form)
        return await self.survivors.fate(mutant, books, compared, fired)

    # -- tables ---------------------------------------------------------------------------------

    async def _as_group(self, mutants: Sequence[Mutant]) -> list[Kill]:
        """Take several keys away at once: if nothing changes, none of them ever mattered.

        If something does, look at each half.
        """
        if not mutants:
            return []
        if len(mutants) == 1:
            return [await self.kill(mutants[0])]
        compared = await self._group(mutants)
        if compared is None:
            middle = len(mutants) // 2
            halves = [
                await self._as_group(mutants[:middle]),
                await self._as_group(mutants[middle:]),
            ]
            return [kill for half in halves for kill in half]
        others = f"{len(mutants) - 1} other{'s' if len(mutants) > 2 else ''}"
        kills = []
        for mutant in mutants:
            kill = new_kill(mutant)
            kill.fate, kill.verdict = "equivalent", Verdict.PASS
            said = self.survivors.second_line(mutant, compared)
            kill.reason = f"{said}, without it and {others} at once"
            self.told(kill)
            kills.append(kill)
        return kills

    async def _group(self, mutants: Sequence[Mutant]) -> Comparison | None:
        """Return how the races come out without all of these; None if that is otherwise."""
        suite = self.suite
        try:
            async with suite.bench.broken(suite.form, together(mutants), unmasked=False) as form:
                # No lints: of two keys that say the same, each can go, and a lint only minds both.
                books = await suite.books(form)
                self.notice.judge(books)
                compared = await self.notice.races(together(mutants), form)
        except (Killed, ContentError):
            return None
        same = not compared.differs and not books.otherwise(suite.right.answers)
        return compared if same else None


def new_kill(mutant: Mutant) -> Kill:
    """Return a mutant's row, before anybody knows what becomes of it."""
    return Kill(
        variant=mutant.name,
        title=mutant.title,
        mistake=mutant.kind,
        hurts="",
        verdict=Verdict.UNKNOWN,
        file=mutant.at,
        line=mutant.line,
        diff=mutant.diff,
    )
