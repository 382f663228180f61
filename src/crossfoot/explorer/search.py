"""Which schedules run, and in which order: those with the fewest preemptions first.

Every schedule is reached exactly once: as a prefix of choices whose last one deviates from what its
parent did, continued without preempting anybody. When nothing is left the search was exhaustive;
when the budget ends first, every schedule below some number of preemptions has run. Of schedules
that only swap moves which don't meet, one is enough: sleep sets (P. Godefroid, Partial-Order Methods
for the Verification of Concurrent Systems, 1996) leave the others out. Of sessions that are to do the
very same, the one that is named first begins: the other way round is its mirror image. What follows a
deadlock is run in one order only, for nobody can choose whom PostgreSQL picks to break it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.client import ALL
from crossfoot.explorer.footprint import Footprint
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Move, Trace

Sleep = dict[int, Footprint]
"""Sessions whose next move need not come next: it was tried before, and nothing has met it since."""
_TRIES = 10  # at a prefix that doesn't repeat at once
_Item = tuple[int, int, tuple[int, ...], Sleep]


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


def twins(race: Race) -> dict[int, list[int]]:
    """Return, by session, those named before it that send the very same statements."""
    does = [session.does for session in race.sessions]
    return {
        number: [earlier for earlier in range(number) if does[earlier] == does[number]]
        for number in range(len(does))
    }


def after(asleep: Sleep, moves: Iterable[Move]) -> Sleep:
    """Return who still sleeps after these moves: whoever none of them meets."""
    for move in moves:
        asleep = {
            session: footprint
            for session, footprint in asleep.items()
            if session != move.session and not footprint.meets(move.footprint)
        }
    return asleep


def preemptions(trace: Trace, upto: int | None = None) -> int:
    """Return how many of the first ``upto`` choices took the turn from a session that could go on."""
    return sum(
        (decision.chosen not in decision.free) + decision.hasty
        for decision in trace.decisions[:upto]
    )


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
    _heap: list[_Item] = field(default_factory=lambda: [(0, 0, (), {})])
    _pushed: int = 0
    _running: int = 0
    _over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False
    _twins: dict[int, list[int]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Return how many schedules are known and not run."""
        return len(self._heap)

    @property
    def complete(self) -> bool:
        """Say whether no schedule is left."""
        return not self._heap and not self.stopped

    @property
    def bound(self) -> int | None:
        """Return the number of preemptions up to which every schedule ran; None for not even 0."""
        lowest = min((cost for cost, *_ in self._heap), default=0) - 1
        return lowest if lowest >= 0 else None

    async def run(
        self,
        race: Race,
        arenas: Sequence[Arena],
        seen: Callable[[Trace, Arena], Awaitable[None]],
    ) -> None:
        """Run schedules in all arenas until none is left, the budget ends, or ``stopped`` is set.

        ``seen`` is awaited for each, while its arena still holds the result.
        """
        self._twins = twins(race) if self.mirror else {}
        workers = [asyncio.create_task(self._work(race, arena, seen)) for arena in arenas]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            # The others end their schedules: one that is cut off leaves its arena between two locks.
            self._over = True
            self._news.set()
            await asyncio.wait(workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        for worker in workers:
            worker.result()

    async def _work(
        self, race: Race, arena: Arena, seen: Callable[[Trace, Arena], Awaitable[None]]
    ) -> None:
        while not (self.stopped or self._over) and self.ran + self._running < self.budget:
            if not self._heap:
                if not self._running:
                    break
                self._news.clear()
                await self._news.wait()
                continue
            item = heappop(self._heap)
            self._running += 1
            try:
                await self._one(race, arena, item, seen)
            except BaseException:
                heappush(self._heap, item)  # it hasn't run
                raise
            finally:
                self._running -= 1
                self._news.set()

    async def _one(
        self,
        race: Race,
        arena: Arena,
        item: _Item,
        seen: Callable[[Trace, Arena], Awaitable[None]],
    ) -> None:
        _, _, prefix, asleep = item
        trace = await self._follow(race, arena, prefix, asleep)
        self.ran += 1
        if self._branch(trace, len(prefix), asleep) and not trace.patient:
            await seen(trace, arena)
        else:
            self.equal += 1

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

    def _branch(self, trace: Trace, start: int, asleep: Sleep) -> bool:
        """Push what deviates from a schedule; say whether it isn't equal to one that is run anyway."""
        cost = preemptions(trace, start)
        choices = trace.choices
        decided = [number for number, move in enumerate(trace.moves) if move.decided]
        since = decided[start - 1] if start else 0
        self._lose_patience(trace, start - 1)
        for at in range(start, len(choices)):
            decision, number = trace.decisions[at], decided[at]
            asleep, since = after(asleep, trace.moves[since:number]), number
            if decision.chosen in asleep:
                return False
            self._lose_patience(trace, at)
            move = trace.moves[number]
            begun = {earlier.session for earlier in trace.moves[:number]}
            for other in decision.enabled:
                if other != decision.chosen and other not in asleep and self._due(other, begun):
                    self._pushed += 1
                    extra = other not in decision.free
                    sleepers = asleep | {move.session: move.footprint} if self.reduce else {}
                    item = (cost + extra, self._pushed, (*choices[:at], other), sleepers)
                    heappush(self._heap, item)
            cost += decision.chosen not in decision.free
        return not self._slept_through(trace, asleep, since)

    def _lose_patience(self, trace: Trace, at: int) -> None:
        """Push, if the session chosen there waited and has a lock_timeout, that it runs out at once.

        The statement fails and leaves nothing, so what others did meanwhile they may as well do before
        it or after it. A move that ends so counts as touching everything, which wakes all sleepers.
        """
        if at >= 0 and trace.decisions[at].impatient:
            self._pushed += 1
            cost, choices = preemptions(trace, at + 1) + 1, trace.choices
            prefix = (*choices[:at], ~choices[at])
            heappush(self._heap, (cost, self._pushed, prefix, {}))

    def _due(self, session: int, begun: set[int]) -> bool:
        """Say whether a session may begin, or has: those before it that are to do the same have."""
        return session in begun or begun.issuperset(self._twins.get(session, ()))

    @staticmethod
    def _slept_through(trace: Trace, asleep: Sleep, since: int) -> bool:
        """Say whether a sleeper went on, after the last choice, without having been woken."""
        for number in range(since, len(trace.moves)):
            if trace.moves[number].session in asleep:
                return True
            asleep = after(asleep, [trace.moves[number]])
        return False
