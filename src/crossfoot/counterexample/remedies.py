"""What would prevent a finding, tried: the change is made in an arena, and the race explored again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg

from crossfoot.apply import Sources
from crossfoot.checks.audits import AuditSet
from crossfoot.counterexample.candidates import candidates
from crossfoot.counterexample.evidence import Evidence, gather
from crossfoot.counterexample.rewriting import Candidate
from crossfoot.counterexample.trial import look
from crossfoot.explorer.arena import Arena
from crossfoot.explorer.footprint import NOTHING
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.judge import Judgement
from crossfoot.explorer.trace import Trace
from crossfoot.results import Exploration, Remedy
from crossfoot.verdicts import Outcome

MOST = 60  # schedules per remedy
_REFUSED = {"23505", "23514", "23P01"}  # by a constraint


async def tried(
    arena: Arena, evidence: Evidence, audits: AuditSet, sources: Sources
) -> list[Remedy]:
    """Try each change that suggests itself on a race that fails; return what came of them.

    One that changes how the calls end one after the other isn't a remedy and is left out.
    """
    found: list[Remedy] = []
    for each in await candidates(arena.control, evidence, arena.instrumented, sources):
        async with _changed(arena, each) as applies:
            again = await gather(arena, evidence.race, evidence.trace) if applies else None
            if again is None or _endings(again) != _endings(evidence):
                continue
            remedy = await _try(arena, each, evidence, audits)
        found += [remedy] if remedy else []
    return sorted(found, key=lambda remedy: not remedy.holds)


def _endings(evidence: Evidence) -> list[list[list[Outcome]]]:
    """Return how the calls end in turn, in every order."""
    return [
        [[result.outcome for result in session] for session in turn.trace.results]
        for turn in evidence.turns
    ]


@asynccontextmanager
async def _changed(arena: Arena, candidate: Candidate) -> AsyncIterator[bool]:
    """Make a change in an arena's database, and take it back; say whether PostgreSQL takes it."""
    instrumented = arena.instrumented
    try:
        await arena.control.execute(candidate.apply)
    except asyncpg.PostgresError:
        yield False
        return
    arena.know(_with_changes(instrumented, candidate))
    try:
        yield True
    finally:
        arena.know(instrumented)
        await arena.control.execute(candidate.undo)


def _with_changes(instrumented: Instrumented, candidate: Candidate) -> Instrumented:
    """Return what is known of the functions once a change is made: which of them lock, and what."""
    if candidate.uncounted:
        return instrumented.changed(watch=NOTHING, quiet_start=set())
    changed = {step.function.rpartition(".")[2] for step in candidate.steps}
    locking = replace(instrumented.locking, functions=instrumented.locking.functions | changed)
    late = any(locking.locks_late(step.text, instrumented.callees) for step in candidate.steps)
    return instrumented.changed(
        steps=instrumented.steps | {step.number: step for step in candidate.steps},
        locking=locking,
        watch=NOTHING if late else instrumented.watch,
    )


async def _try(
    arena: Arena, candidate: Candidate, evidence: Evidence, audits: AuditSet
) -> Remedy | None:
    refused = 0

    def by_constraint(trace: Trace) -> bool:
        return any(result.sqlstate in _REFUSED for result in trace.every_result)

    def wrong(trace: Trace, judgement: Judgement) -> bool:
        """Say whether a schedule fails still.

        A constraint makes one call fail; the books are right then, and the code has to catch it. Of
        calls that have to be sent again, those that a race expects to go well don't count yet.
        """
        if candidate.constraint and by_constraint(trace):
            return bool(judgement.offences or judgement.deadlock)
        if candidate.raises and _sent_again(trace):
            return bool(set(judgement.violates) - _unmet(judgement))
        return bool(judgement.violates)

    def seen(trace: Trace) -> None:
        nonlocal refused
        refused += by_constraint(trace)

    done = await look(evidence.race, [arena], audits, MOST, wrong=wrong, first=True, seen=seen)
    if done is None:
        return None
    says = _said(done, refused if candidate.constraint else 0)
    return Remedy(
        what=candidate.what,
        where=candidate.where,
        sql=candidate.shown,
        holds=not done.failing,
        says=says,
    )


def _sent_again(trace: Trace) -> bool:
    return any(result.outcome is Outcome.RETRYABLE for result in trace.every_result)


def _unmet(judgement: Judgement) -> set[str]:
    return {f"expect {expectation.text}" for expectation, _ in judgement.unmet}


def _said(done: Exploration, refused: int) -> str:
    if done.failing:
        return f"doesn't prevent it: schedule {done.schedules} still fails"
    return f"no failure in {done.coverage}; {_cost(done, refused)}"


def _cost(done: Exploration, refused: int) -> str:
    """Return what schedules that hold have to pay, in figures."""
    costs: Sequence[tuple[int, str, str]] = (
        (done.with_waits, "of them waits for a lock", "of them wait for a lock"),
        (
            done.retryable,
            "ends with a call that has to be sent again",
            "end with a call that has to be sent again",
        ),
        (
            refused,
            "ends with the constraint's error, which the function has to catch",
            "end with the constraint's error, which the function has to catch",
        ),
    )
    said = [f"{count} {one if count == 1 else more}" for count, one, more in costs if count]
    return ", ".join(said) or "nobody waits for it"
