"""Running schedules, in which order, and how far that came: those with the fewest preemptions first.

When no schedule is left that was asked for (deviations.py), the search was exhaustive. That may take
more than the budget. So from half of it on whatever deviates runs, and what can be said at the end is
that every schedule below some number of preemptions has run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.client import ALL
from crossfoot.explorer.deviations import Deviation, Deviations, Sleep, after
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Move, Trace

_AHEAD = 6  # how many schedules may begin before the deviations of one are known
_TRIES = 10  # at a prefix that doesn't repeat at once


@dataclass
class Follow:
    """A policy: the given choices first, then nobody is preempted.

    What is touched before the last of those choices is of interest only if ``whole``.
    """

    choices: tuple[int, ...] = ()
    asleep: Sleep = field(default_factory=dict)
    overlapping: bool = True
    whole: bool = False

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return the next choice of the prefix; after it, the session that went last if it can."""
        if arena.choices < len(self.choices):
            return self.choices[arena.choices]
        asleep = after(self.asleep, arena.moves[self._last_of_prefix(arena.moves) :])
        awake = [session for session in enabled if session not in asleep] or enabled
        return next((session for session in awake if session == arena.last), awake[0])

    def passes(self, arena: Arena) -> int:
        """Return how often the prefix goes on with the same session: ALL if it ends so.

        Whoever goes when the prefix is made isn't asleep, and isn't preempted.
        """
        rest = self.choices[arena.choices :]
        same = sum(1 for _ in takewhile(lambda session: session == arena.last, rest))
        return ALL if same == len(rest) else same

    def looks(self, arena: Arena) -> bool:
        """Say whether the last session's next move, or the one after it, comes behind the prefix."""
        return self.whole or arena.last not in self.choices[arena.choices : -1]

    def _last_of_prefix(self, moves: Sequence[Move]) -> int:
        """Return where the move is that the last choice of the prefix was about."""
        decided = [number for number, move in enumerate(moves) if move.decided]
        return decided[len(self.choices) - 1] if self.choices else 0


@dataclass
class Search:
    """The schedules of one race that are known and not run yet.

    With ``reduce`` orders that only swap strangers run once, with ``mirror`` also those that are each
    other's mirror image.
    """

    budget: int
    reduce: bool = True
    mirror: bool = False
    ran: int = 0
    equal: int = 0
    stopped: bool = False
    _deviations: Deviations = field(default_factory=Deviations)
    _wide: bool = False
    _begun: int = 0  # how many schedules were begun
    _used: int = 0  # of how many of them the deviations are known
    _costs: dict[int, int] = field(default_factory=dict)  # of those that were begun and not used
    _results: dict[int, tuple[Deviation, Trace] | None] = field(default_factory=dict)
    _over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def left(self) -> int:
        """Return how many schedules are known and not run."""
        return len(self._deviations) if self._deviations.owed else 0

    @property
    def complete(self) -> bool:
        """Say whether no schedule is left."""
        return not self._deviations.owed and not self.stopped

    @property
    def bound(self) -> int | None:
        """Return the number of preemptions up to which every schedule ran; None for not even 0."""
        return self._deviations.bound

    async def run(
        self,
        race: Race,
        arenas: Sequence[Arena],
        seen: Callable[[Trace, Arena], Awaitable[None]],
    ) -> None:
        """Run schedules in all arenas until none is left, the budget ends, or ``stopped`` is set.

        ``seen`` is awaited for each, while its arena still holds the result.
        """
        self._deviations = Deviations(race if self.mirror else None, reduce=self.reduce)
        workers = [asyncio.create_task(self._work(race, arena, seen)) for arena in arenas]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            self._over = True
            self._news.set()
            await asyncio.wait(workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            for number in sorted(self._results):
                self._use(number)
            if self._deviations.owed:
                self._widen()  # for the bound
        for worker in workers:
            worker.result()

    async def _work(
        self, race: Race, arena: Arena, seen: Callable[[Trace, Arena], Awaitable[None]]
    ) -> None:
        while deviation := await self._next():
            number = self._begun - 1
            try:
                trace = await self._follow(race, arena, deviation.choices, deviation.asleep)
            except BaseException:
                self._deviations.put_back(deviation)
                self._results[number] = None
                # The others end their schedules: one that is cut off leaves its arena between two locks.
                self._over = True
                self._news.set()
                raise
            self.ran += 1
            self._results[number] = deviation, trace
            self._news.set()
            if self._deviations.is_new(deviation, trace) and not trace.patient:
                await seen(trace, arena)
            else:
                self.equal += 1

    async def _next(self) -> Deviation | None:
        """Return the next schedule to be run; None if there is none, or it isn't to be run.

        What is known of a schedule is used after a fixed number of others have begun, so that the
        same schedules run whichever is through first.
        """
        while not (self.stopped or self._over):
            if self._has_to_wait:
                if self._used in self._results:
                    self._use(self._used)
                else:
                    self._news.clear()
                    await self._news.wait()
            elif self._begun >= self.budget or not self._deviations.owed:
                return None
            else:
                if 2 * self._begun >= self.budget:
                    self._widen()
                self._costs[self._begun] = self._deviations.cost
                self._begun += 1
                return self._deviations.take()
        return None

    def _use(self, number: int) -> None:
        """Push what deviates from a schedule that has run."""
        result = self._results.pop(number)
        self._used = number + 1
        self._costs.pop(number, None)
        if result:
            self._deviations.branch(*result)

    @property
    def _has_to_wait(self) -> bool:
        """Say whether what deviates from a schedule that has begun may come first."""
        if self._used == self._begun or self._begun - self._used >= _AHEAD:
            return self._used < self._begun
        lowest = min(self._costs.values(), default=0)
        return not self._deviations.owed or lowest < self._deviations.cost

    def _widen(self) -> None:
        if not self._wide:
            self._deviations.widen()
        self._wide = True

    @staticmethod
    async def _follow(race: Race, arena: Arena, prefix: tuple[int, ...], asleep: Sleep) -> Trace:
        """Run a schedule that begins with these choices.

        Two sessions that wait for one row may be woken at once, by an update of it. Which of them
        then locks the new version is up to the machine, and is tried until it is as before.
        """
        tries = _TRIES if len(set(prefix)) > 2 or min(prefix, default=0) < 0 else 1
        for left in reversed(range(tries)):
            try:
                trace = await arena.run(race, Follow(prefix, asleep))
                if trace.choices[: len(prefix)] == prefix:
                    return trace
            except NotDeterministicError:
                if not left:
                    raise
        raise NotDeterministicError("not deterministic: a schedule ended before its choices")
