"""All that can come out of a race, as a set that compares with that of another form of the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.explore import Explorer
from crossfoot.explorer.judge import Judge
from crossfoot.explorer.outcomes import Masks, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Search
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.trace import Trace
from crossfoot.verdicts import Outcome


@dataclass
class Watched:
    """What a race's schedules did.

    ``traces`` has one of each outcome that differs in more than generated values. ``violates`` is what
    the first counterexample violated, with which the search ended; ``stuck`` why it couldn't go on.
    """

    race: Race
    masks: Masks
    traces: dict[object, Trace] = field(default_factory=dict)
    violates: list[str] = field(default_factory=list)
    schedules: int = 0
    complete: bool = False
    stuck: str = ""

    @property
    def succeeded(self) -> set[str]:
        """Return the operations of which a call succeeded at least once."""
        results = [each for trace in self.traces.values() for each in trace.every_result]
        return {each.call.operation or "" for each in results if each.outcome is Outcome.OK}

    def outcomes(self, other: Watched) -> set[Shape]:
        """Return the outcomes, overlooking what differs by chance here or in ``other``."""
        masks = self.masks.joined(other.masks)
        whole = [len(session.transactions) for session in self.race.sessions]
        return {masks.shape(trace, self.race, whole) for trace in self.traces.values()}

    def same_as(self, other: Watched) -> bool:
        """Say whether the same outcomes come out; both have to be complete."""
        return self.outcomes(other) == other.outcomes(self)


def otherwise(right: Watched, found: Watched) -> str:
    """Say in a few words what comes out now and didn't before, or the other way round."""
    before, now = right.outcomes(found), found.outcomes(right)
    names = [session.name for session in found.race.sessions]
    for shape in sorted(now - before, key=repr):
        ends = ", ".join(
            f"{name} {' then '.join(calls)}" for name, calls in zip(names, shape.calls, strict=True)
        )
        alike = [each for each in before if each.calls == shape.calls]
        if not alike:
            return ends
        places = {name for name, rows in shape.places if all(rows != e.place(name) for e in alike)}
        # An answer may differ only by the name of what it points to.
        tables = sorted(name for name in places if not name.startswith("call "))
        return f"{ends}, with other values in {', '.join(tables) or 'the answers'}"
    return "some of what could come out no longer does"


async def watch(
    explorer: Explorer,
    race: Race,
    schedules: int,
    until: Callable[[Trace], bool] = lambda trace: False,
) -> Watched:
    """Run a race's schedules, at most so many, up to one that violates something or ends it all."""
    for arena in explorer.arenas:
        await arena.open(len(race.sessions))
    judge = Judge(race, explorer.audits)
    search = Search(schedules, mirror=True)
    found = Watched(race, judge.serial.masks)

    async def seen(trace: Trace, arena: Arena) -> None:
        found.schedules += 1
        violates = (await judge.judge(trace, arena)).violates
        found.traces.setdefault(judge.serial.masks.fingerprint(trace), trace)
        found.violates = found.violates or violates
        search.stopped = search.stopped or bool(found.violates) or until(trace)

    try:
        await judge.serial.of(judge.serial.whole, explorer.arenas[0])
        await search.run(race, explorer.arenas, seen)
    except (NotDeterministicError, StuckError) as error:
        found.stuck = str(error)
    found.complete = search.complete and not found.stuck
    return found
