"""Changes that might prevent a finding: row locks, a lock on a key, a constraint.

Each is what somebody who mends such code would try first, written against the instrumented functions
of an arena. Whether it helps is for a trial to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import asyncpg

from crossfoot.apply import Sources
from crossfoot.counterexample.evidence import Evidence, changes, numbers
from crossfoot.counterexample.one_order import one_order
from crossfoot.counterexample.patience import patience
from crossfoot.counterexample.rewriting import (
    LOCK,
    Candidate,
    called,
    changed_at,
    place_of,
    reading,
    steps_of,
    with_locks,
    written,
)
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.race import Race

INDEX = "crossfoot_remedy"
_MOST_KEYS = 2
_READS = re.compile(r"(select|perform)\b.*\bfrom\b", re.IGNORECASE | re.DOTALL)
_UNLOCKABLE = re.compile(
    r"\bfor\s+(no\s+key\s+update|update|share|key\s+share)\b|\b(distinct|union|intersect|except)\b"
    r"|\bgroup\s+by\b|\b(count|sum|min|max|avg|every|bool_\w+|\w+_agg)\s*\(",
    re.IGNORECASE,
)
_TABLE = re.compile(r"\b(?:from|join)\s+(?:only\s+)?([\w.\"]+)", re.IGNORECASE)
_REFERRING = """
select a.attname::text from pg_constraint as c
join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
where c.contype = 'f' and c.conrelid = $1::text::regclass
"""


async def candidates(
    connection: asyncpg.Connection,
    evidence: Evidence,
    instrumented: Instrumented,
    sources: Sources,
) -> list[Candidate]:
    """Return what is worth a trial, in the order in which one would try it."""
    found = [
        *await one_order(connection, evidence, instrumented, sources),
        *await patience(connection, evidence, instrumented, sources),
        *await _row_locks(connection, evidence, instrumented, sources),
        *await _key_locks(connection, evidence.race),
        *await _unique(connection, evidence),
        *_not_negative(evidence),
    ]
    return list({candidate.what: candidate for candidate in found}.values())


# -- locks on what was read -------------------------------------------------------------------------


async def _row_locks(
    connection: asyncpg.Connection,
    evidence: Evidence,
    instrumented: Instrumented,
    sources: Sources,
) -> list[Candidate]:
    found = []
    for table in sorted({change.table for change in changes(evidence.before, evidence.after)}):
        steps = [step for step in steps_of(evidence.trace, instrumented) if _reads(step, table)]
        apply, undo = await changed_at(connection, steps, with_locks)
        if apply:
            places = " and ".join(place_of(step, sources) for step in steps)
            locked = reading(steps, lambda text: f"{text.rstrip(';')} {LOCK};")
            found.append(
                Candidate(
                    f"{LOCK} on {table}",
                    places,
                    "\n".join(dict.fromkeys(step.text for step in locked)),
                    ";\n".join(apply),
                    ";\n".join(undo),
                    locked,
                )
            )
    return found


def _reads(step: Step, table: str) -> bool:
    """Say whether a step is a plain SELECT of a table, whose rows can be locked."""
    if step.kind == "nested" or not _READS.match(step.text) or _UNLOCKABLE.search(step.text):
        return False
    name = table.rpartition(".")[2]
    return any(read.rpartition(".")[2] == name for read in _TABLE.findall(step.text))


# -- a lock on what the calls have in common --------------------------------------------------------


async def _key_locks(connection: asyncpg.Connection, race: Race) -> list[Candidate]:
    calls = [called(session.transactions[0][0].shown) for session in race.sessions]
    shared = [
        argument
        for argument in (calls[0][1] if calls[0] else {})
        if all(each and argument in each[1] for each in calls) and argument.startswith(":")
    ]
    found = []
    for argument in shared[:_MOST_KEYS]:
        apply: dict[str, str] = {}
        undo: list[str] = []
        shown: list[str] = []
        for function, arguments in filter(None, calls):
            code = await written(connection, function)
            if not code or code.language != "plpgsql":
                break
            name = code.parameter(arguments[argument])
            lock = f"perform pg_advisory_xact_lock(hashtextextended({name}::text, 0));"
            apply[function] = code.beginning_with(lock)
            undo.append(code.definition)
            shown.append(f"{lock}  -- first in {function}")
        else:
            found.append(
                Candidate(
                    f"pg_advisory_xact_lock on {argument}",
                    " and ".join(dict.fromkeys(apply)),
                    "\n".join(dict.fromkeys(shown)),
                    ";\n".join(apply.values()),
                    ";\n".join(dict.fromkeys(undo)),
                    uncounted=True,
                )
            )
    return found


# -- constraints ------------------------------------------------------------------------------------


async def _unique(connection: asyncpg.Connection, evidence: Evidence) -> list[Candidate]:
    """A unique index on what doubled rows have in common, unless all of it refers to other tables."""
    drawn = {str(value) for value in evidence.race.values.values()}
    found = []
    for table in sorted(evidence.after):
        added = [
            c.new
            for c in changes(evidence.before, evidence.after)
            if c.table == table and c.old is None and c.new
        ]
        most = max(
            sum(c.table == table and c.old is None for c in changes(evidence.before, turn.after))
            for turn in evidence.turns
        )
        if len(added) < 2 or len(added) <= most:
            continue
        same = [
            name
            for name, value in added[0].items()
            if str(value) in drawn and all(row.get(name) == value for row in added)
        ]
        refer = {row[0] for row in await connection.fetch(_REFERRING, table)}
        if set(same) - refer:
            columns = ", ".join(same)
            index = f"create unique index {INDEX} on {table} ({columns})"
            found.append(
                Candidate(
                    f"unique index on {table} ({columns})",
                    table,
                    f"create unique index on {table} ({columns});",
                    index,
                    f"drop index {table.rpartition('.')[0]}.{INDEX}",
                    constraint=True,
                )
            )
    return found


def _not_negative(evidence: Evidence) -> Iterator[Candidate]:
    """A check on a number that went below zero."""
    for table, rows in sorted(evidence.before.items()):
        for key in rows:
            for column, value in numbers(evidence.after.get(table, {}).get(key)):
                if value < 0 <= dict(numbers(rows[key])).get(column, value):
                    check = f"check ({column} >= 0)"
                    yield Candidate(
                        f"{check} on {table}",
                        table,
                        f"alter table {table} add {check};",
                        f"alter table {table} add constraint {INDEX} {check} not valid",
                        f"alter table {table} drop constraint {INDEX}",
                        constraint=True,
                    )
