"""What right looks like: the outcomes of all orders of whole transactions.

The unit is the transaction, not the session: between two transactions of one session others may
come in, and the application has to live with that.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import factorial, prod

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.client import ALL, Place
from crossfoot.explorer.outcomes import Masks, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace

MOST_ORDERS = 1000


def orders(lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield every way to merge sessions of these lengths that keeps each session's own order."""
    if not any(lengths):
        yield ()
    for index, length in enumerate(lengths):
        if length:
            rest = [*lengths[:index], length - 1, *lengths[index + 1 :]]
            yield from ((index, *order) for order in orders(rest))


def count_orders(lengths: Sequence[int]) -> int:
    """Return how many orders there are: the multinomial coefficient."""
    return factorial(sum(lengths)) // prod(factorial(length) for length in lengths)


@dataclass
class InOrder:
    """A policy that runs whole transactions, in the order given by their sessions.

    What comes after that order it chooses itself: ``taken``, and each time who could have gone instead.
    How many transactions a procedure commits shows only when it runs; it has to stop between them.
    """

    order: tuple[int, ...]
    overlapping: bool = False
    stops: bool = False
    taken: list[int] = field(default_factory=list)
    others: list[tuple[int, ...]] = field(default_factory=list)

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return the session whose transaction is due."""
        done = [
            math.inf if client.place is Place.DONE else client.pieces for client in arena.active
        ]
        for index in (*self.order, *self.taken):
            if done[index] <= 0:
                return index
            done[index] -= 1
        self.taken.append(enabled[0])
        self.others.append(enabled[1:])
        return enabled[0]

    def passes(self, arena: Arena) -> int:
        """Return how many stops may be passed: all, unless it has to stop."""
        return 0 if self.stops else ALL

    def looks(self, arena: Arena) -> bool:
        """Return False: nobody asks what a serial order touches on its way."""
        return False

    @property
    def branches(self) -> list[tuple[int, ...]]:
        """Return the beginnings of the orders that part with what was taken."""
        return [
            (*self.order, *self.taken[:at], other)
            for at, others in enumerate(self.others)
            for other in others
        ]

    def whole(self, arena: Arena) -> tuple[int, ...]:
        """Return the order that came of it, with those at the end that had no choice."""
        begun = (*self.order, *self.taken)
        left = (max(c.pieces - begun.count(c.index), 0) * (c.index,) for c in arena.active)
        return sum(left, begun)


@dataclass(frozen=True)
class SerialOutcome:
    """One order of whole transactions, and what came of it."""

    order: tuple[int, ...]
    trace: Trace


class SerialOrders:
    """The serial outcomes of a race, and of what is left of it when transactions are left out."""

    def __init__(self, race: Race) -> None:
        self.race = race
        self.masks = Masks(race)
        self.whole = tuple(len(session.transactions) for session in race.sessions)
        self._found: dict[tuple[int, ...], list[SerialOutcome]] = {}
        self._shapes: dict[tuple[int, ...], tuple[object, dict[Shape, SerialOutcome]]] = {}

    async def of(self, kept: tuple[int, ...], arena: Arena) -> dict[Shape, SerialOutcome]:
        """Return the right outcomes when only the first ``kept`` transactions of each session count.

        Each order runs twice. Raises NotDeterministicError if the two disagree in more than
        generated values.
        """
        if kept not in self._found:
            self._found[kept] = [outcome async for outcome in self._run(kept, arena)]
        return self._shaped(kept)

    async def again(self, kept: tuple[int, ...], arena: Arena) -> dict[Shape, SerialOutcome]:
        """Run the orders once more, here and now, and return the right outcomes.

        A schedule may differ from them only because it ran a second later, or in another database,
        than they did: a date, a rounded time, a process id. This run shows what differs by that.
        """
        for outcome in self._found[kept]:
            policy = InOrder(outcome.order, stops=True)
            self._learn(outcome.trace, await arena.run(self._cut(kept), policy))
        return self._shaped(kept)

    def _shaped(self, kept: tuple[int, ...]) -> dict[Shape, SerialOutcome]:
        known = self.masks.version
        version, shapes = self._shapes.get(kept, (None, {}))
        if version != known:
            shapes = {self.masks.shape(o.trace, self.race, kept): o for o in self._found[kept]}
            self._shapes[kept] = (known, shapes)
        return shapes

    async def _run(self, kept: tuple[int, ...], arena: Arena) -> AsyncIterator[SerialOutcome]:
        race = self._cut(kept)
        if any(arena.instrumented.commits(call.query.text) for call in race.calls):
            async for outcome in self._run_pieces(race, arena):
                yield outcome
            return
        if (count := count_orders(kept)) > MOST_ORDERS:
            raise self._too_many(str(count))
        for order in orders(kept):
            first = await arena.run(race, InOrder(order))
            self._learn(first, await arena.run(race, InOrder(order)))
            yield SerialOutcome(order, first)

    async def _run_pieces(self, race: Race, arena: Arena) -> AsyncIterator[SerialOutcome]:
        """Run every order of what is committed, where procedures commit: each piece by itself."""
        beginnings: list[tuple[int, ...]] = [()]
        ran = 0
        while beginnings:
            if ran == MOST_ORDERS:
                raise self._too_many("even more")
            policy = InOrder(beginnings.pop(), stops=True)
            first = await arena.run(race, policy)
            order = policy.whole(arena)
            beginnings += policy.branches
            self._learn(first, await arena.run(race, InOrder(order, stops=True)))
            ran += 1
            yield SerialOutcome(order, first)

    def _too_many(self, count: str) -> NotDeterministicError:
        return NotDeterministicError(
            f"{self.race.file}: {count} serial orders, more than {MOST_ORDERS}",
            remedy="Use fewer sessions or transactions.",
        )

    def _cut(self, kept: tuple[int, ...]) -> Race:
        """Return the race with the first ``kept`` transactions of each session."""
        return replace(
            self.race,
            sessions=tuple(
                replace(session, transactions=session.transactions[:count])
                for session, count in zip(self.race.sessions, kept, strict=True)
            ),
        )

    def _learn(self, first: Trace, second: Trace) -> None:
        if not self.masks.learn(first, second, self.race):
            raise NotDeterministicError(
                "not deterministic: two runs of the same serial order ended differently",
                remedy="Does the code draw lots, or decide by the time of day?",
            )

    @property
    def count(self) -> int:
        """Return how many serial orders of the whole race ran."""
        return len(self._found.get(self.whole, []))
