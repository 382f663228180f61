"""What right looks like: the outcomes of all orders of whole transactions.

The unit is the transaction, not the session: between two transactions of one session others may
come in, and the application has to live with that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from math import factorial, prod

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.client import Place
from crossfoot.explorer.drawn import DRAWS
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
    """A policy that runs whole transactions, in the order given by their sessions."""

    order: tuple[int, ...]
    overlapping: bool = False
    runs_on: bool = True

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return the session whose transaction is due."""
        done = [
            len(client.session.transactions) if client.place is Place.DONE else client.transaction
            for client in arena.active
        ]
        for index in self.order:
            if done[index] <= 0:
                return index
            done[index] -= 1
        return enabled[0]


@dataclass(frozen=True)
class SerialOutcome:
    """One order of whole transactions, and what came of it."""

    order: tuple[int, ...]
    trace: Trace


async def _run(race: Race, order: tuple[int, ...], arena: Arena) -> Trace:
    trace = await arena.run(race, InOrder(order))
    trace.drawn = await DRAWS.since_last(arena.control, arena)
    return trace


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
            self._learn(outcome.trace, await _run(self._cut(kept), outcome.order, arena))
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
        if (count := count_orders(kept)) > MOST_ORDERS:
            raise NotDeterministicError(
                f"{self.race.file}: {count} serial orders, more than {MOST_ORDERS}",
                remedy="Use fewer sessions or transactions.",
            )
        for order in orders(kept):
            first = await _run(race, order, arena)
            self._learn(first, await _run(race, order, arena))
            yield SerialOutcome(order, first)

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
