"""An arena without a database, for the search to drive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import factorial, prod
from typing import cast

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.footprint import EVERYTHING, Footprint
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Follow
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.trace import Decision, Move, Trace

NO_RACE = cast(Race, None)
ORDER = tuple[int, ...]


@dataclass
class Puppets:
    """An arena without a database: sessions of so many transactions of so many steps.

    ``fails_at`` is the number of the run that raises. ``footprints`` says what each step of each
    session touches.
    """

    sessions: Sequence[Sequence[int]]
    last: int | None = None
    runs: int = 0
    fails_at: int = 0
    orders: list[ORDER] = field(default_factory=list)
    footprints: Sequence[Sequence[Footprint]] = ()
    moves: list[Move] = field(default_factory=list)
    choices: int = 0

    async def run(self, race: Race, policy: Follow) -> Trace:
        await asyncio.sleep(0)
        self.runs += 1
        if self.runs == self.fails_at:
            raise StuckError("stuck")
        left = [list(each) for each in self.sessions]
        trace, fresh = Trace(), True
        order: list[int] = []
        self.last, self.moves, self.choices = None, trace.moves, 0
        while enabled := tuple(index for index, each in enumerate(left) if each):
            chosen = enabled[0]
            if len(enabled) > 1:
                chosen = policy.choose(enabled, cast(Arena, self))
                if chosen not in enabled:
                    raise NotDeterministicError("not deterministic")
                preempted = self.last is not None and self.last in enabled and not fresh
                free = (cast(int, self.last),) if preempted else enabled
                trace.decisions.append(Decision(enabled, chosen, free))
                self.choices += 1
            self.last = chosen
            footprint = EVERYTHING
            if self.footprints:
                footprint = self.footprints[chosen][order.count(chosen)]
            decided = len(enabled) > 1
            trace.moves.append(Move(chosen, decided, frozenset((chosen,)), known=footprint))
            order.append(chosen)
            left[chosen][0] -= 1
            fresh = left[chosen][0] == 0
            if fresh:
                left[chosen].pop(0)
        self.orders.append(tuple(order))
        return trace


def merges(lengths: Sequence[int]) -> int:
    return factorial(sum(lengths)) // prod(factorial(length) for length in lengths)
