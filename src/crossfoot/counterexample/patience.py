"""What might prevent a false refusal: waiting for the lock, or saying that it wasn't to be had.

A call that takes a busy row for a missing one, or a failure that passes for an answer, refuses what it
would have accepted a moment later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import asyncpg

from crossfoot.apply import Sources
from crossfoot.counterexample.answers import false_refusal
from crossfoot.counterexample.evidence import Evidence
from crossfoot.counterexample.rewriting import (
    Candidate,
    Change,
    called,
    changed_at,
    place_of,
    reading,
    replaced,
    steps_of,
    with_handlers,
    written,
)
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.race import Race

_IMPATIENT = {
    "nowait": (re.compile(r"\s+nowait\b", re.IGNORECASE), ""),
    "skip locked": (re.compile(r"\s+skip\s+locked\b", re.IGNORECASE), ""),
    "pg_try_advisory_xact_lock": (
        re.compile(
            r"\bpg_try_(advisory_(?:xact_)?lock\w*)(\((?:[^()]|\([^()]*\))*\))", re.IGNORECASE
        ),
        r"(pg_\1\2 is not null)",
    ),
}
RAISED = "if sqlstate in ('40001', '40P01', '55P03') then raise; end if;"


async def patience(
    connection: asyncpg.Connection,
    evidence: Evidence,
    instrumented: Instrumented,
    sources: Sources,
) -> list[Candidate]:
    """Return what is worth a trial where a call was refused for nothing, or a deadlock passed for it."""
    caught = evidence.trace.settled is not None and not evidence.trace.deadlocked
    if not (caught or false_refusal(evidence)):
        return []
    steps = steps_of(evidence.trace, instrumented)
    found = []
    for words, (pattern, new) in _IMPATIENT.items():
        hasty = [step for step in steps if pattern.search(step.text)]
        apply, undo = await changed_at(connection, hasty, _with(pattern, new))
        if apply:
            what = f"{_lock_of(hasty[0], words)} that waits, without {words}"
            patient = reading(hasty, partial(pattern.sub, new))
            found.append(
                Candidate(
                    what,
                    " and ".join(place_of(step, sources) for step in hasty),
                    "\n".join(dict.fromkeys(step.text for step in patient)),
                    ";\n".join(apply),
                    ";\n".join(undo),
                    patient,
                )
            )
    return [*found, *await _raised(connection, evidence.race, steps)]


def _lock_of(step: Step, words: str) -> str:
    """Return what a hasty statement locks with: "for update"."""
    clause = re.search(
        rf"\b(for\s+(?:no\s+key\s+update|update|key\s+share|share)|lock\s+table)\b.*?{words}",
        step.text,
        re.I | re.S,
    )
    return " ".join(clause[1].lower().split()) if clause else "pg_advisory_xact_lock"


def _with(pattern: re.Pattern[str], new: str) -> Change:
    def change(definition: str, steps: Sequence[Step]) -> str:
        return replaced(definition, steps, pattern, new)

    return change


async def _raised(
    connection: asyncpg.Connection, race: Race, steps: Sequence[Step]
) -> list[Candidate]:
    """Let through what only says that the call has to be sent again, where it is caught."""
    calls = filter(None, (called(call.shown) for call in race.calls))
    apply, undo, where = [], [], []
    for function in dict.fromkeys([*(name for name, _ in calls), *(s.function for s in steps)]):
        code = await written(connection, function)
        if code and (changed := with_handlers(code.definition, RAISED)):
            apply.append(changed)
            undo.append(code.definition)
            where.append(function)
    if not apply:
        return []
    return [
        Candidate(
            "retryable errors raised again",
            " and ".join(where),
            f"{RAISED}  -- first in the exception handler",
            ";\n".join(apply),
            ";\n".join(undo),
            raises=True,
        )
    ]
