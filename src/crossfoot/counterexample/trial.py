"""A short look at a race that isn't the one that is being judged: at another level, with a remedy in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crossfoot.checks.audits import AuditSet
from crossfoot.errors import ContentError
from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.judge import Judge, Judgement
from crossfoot.explorer.race import LEVELS, Race
from crossfoot.explorer.search import Search
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.trace import Trace
from crossfoot.results import Exploration
from crossfoot.verdicts import Outcome

Wrong = Callable[[Trace, Judgement], bool]


def any_violation(trace: Trace, judgement: Judgement) -> bool:
    """Say whether a schedule violates anything."""
    return bool(judgement.violates)


def count(done: Exploration, trace: Trace, *, failing: bool) -> None:
    """Count a schedule."""
    done.schedules += 1
    done.steps += trace.steps
    done.with_waits += bool(trace.waits)
    done.deadlocks += trace.deadlocked
    done.retryable += any(result.outcome is Outcome.RETRYABLE for result in trace.every_result)
    done.failing += failing


async def look(
    race: Race,
    arenas: Sequence[Arena],
    audits: AuditSet,
    schedules: int,
    *,
    wrong: Wrong = any_violation,
    first: bool = False,
    seen: Callable[[Trace], None] = lambda trace: None,
) -> Exploration | None:
    """Explore a race up to a number of schedules; None if that can't be done.

    ``wrong`` says which schedules fail; ``first`` stops at the first of them; ``seen`` is told each.
    """
    judge, done = Judge(race, audits), Exploration()
    search = Search(schedules, mirror=True)
    done.isolation = race.isolation

    async def judged(trace: Trace, arena: Arena) -> None:
        judgement = await judge.judge(trace, arena)
        failing = wrong(trace, judgement)
        count(done, trace, failing=failing)
        seen(trace)
        search.stopped = search.stopped or (first and failing)

    try:
        await search.run(race, arenas, judged)
    except (NotDeterministicError, StuckError, ContentError):
        return None
    done.complete, done.stopped, done.left = search.complete, search.stopped, search.left
    done.preemption_bound = None if search.complete else search.bound
    return done


async def at_stronger_levels(
    race: Race, arenas: Sequence[Arena], audits: AuditSet, schedules: int
) -> list[Exploration]:
    """Return what a race does at each stronger isolation level."""
    found = []
    for level in LEVELS[LEVELS.index(race.isolation) + 1 :]:
        other = replace(race, isolation=level, expectations=())
        if done := await look(other, arenas, audits, schedules):
            found.append(done)
    return found
