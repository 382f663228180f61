"""Changes that might prevent a finding: row locks, a lock on a key, a constraint.

Each is what somebody who mends such code would try first, written against the instrumented functions
of an arena. Whether it helps is for a trial to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from crossfoot.apply import Sources
from crossfoot.counterexample.evidence import Evidence, changes, numbers
from crossfoot.errors import ContentError
from crossfoot.explorer.instrument import Instrumented, Step
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace
from crossfoot.sql import tokens

LOCK = "for no key update"
INDEX = "crossfoot_remedy"
_MOST_KEYS = 2
_READS = re.compile(r"(select|perform)\b.*\bfrom\b", re.IGNORECASE | re.DOTALL)
_UNLOCKABLE = re.compile(
    r"\bfor\s+(no\s+key\s+update|update|share|key\s+share)\b|\b(distinct|union|intersect|except)\b"
    r"|\bgroup\s+by\b|\b(count|sum|min|max|avg|every|bool_\w+|\w+_agg)\s*\(",
    re.IGNORECASE,
)
_TABLE = re.compile(r"\b(?:from|join)\s+(?:only\s+)?([\w.\"]+)", re.IGNORECASE)
_BODY = re.compile(r"\bAS (\$\w*\$)")
_DEFINITION = """
select p.oid::bigint as oid, pg_get_functiondef(p.oid) as definition, l.lanname as language,
    coalesce(p.proargnames, '{}') as names
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where n.nspname || '.' || p.proname = $1 and p.prokind in ('f', 'p')
"""
_REFERRING = """
select a.attname::text from pg_constraint as c
join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
where c.contype = 'f' and c.conrelid = $1::text::regclass
"""


@dataclass(frozen=True)
class Candidate:
    """A change: what it is, where, as a person would write it, the SQL that makes it, what undoes it.

    ``uncounted`` says that sessions wait for each other by something that no counter shows.
    """

    what: str
    where: str
    shown: str
    apply: str
    undo: str
    uncounted: bool = False
    constraint: bool = False


async def candidates(
    connection: asyncpg.Connection,
    evidence: Evidence,
    instrumented: Instrumented,
    sources: Sources,
) -> list[Candidate]:
    """Return what is worth a trial, in the order in which one would try it."""
    found = [
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
    written = {change.table for change in changes(evidence.before, evidence.after)}
    found = []
    for table in sorted(written):
        steps = [step for step in _steps(evidence.trace, instrumented) if _reads(step, table)]
        by_function: dict[str, list[Step]] = {}
        for step in steps:
            by_function.setdefault(step.function, []).append(step)
        apply, undo = [], []
        for function, each in by_function.items():
            rows = await connection.fetch(_DEFINITION, function)
            if len(rows) == 1 and (locked := with_locks(rows[0]["definition"], each)):
                apply.append(locked)
                undo.append(rows[0]["definition"])
        if apply:
            places = " and ".join(_place(step, sources) for step in steps)
            texts = [f"{step.text.rstrip(';')} {LOCK};" for step in steps]
            found.append(
                Candidate(
                    f"{LOCK} on {table}",
                    places,
                    "\n".join(dict.fromkeys(texts)),
                    ";\n".join(apply),
                    ";\n".join(undo),
                )
            )
    return found


def _steps(trace: Trace, instrumented: Instrumented) -> list[Step]:
    numbers_ = {event.step for event in trace.events if event.kind == "step"}
    return [instrumented.steps[number] for number in sorted(numbers_)]


def _reads(step: Step, table: str) -> bool:
    """Say whether a step is a plain SELECT of a table, whose rows can be locked."""
    if step.kind == "nested" or not _READS.match(step.text) or _UNLOCKABLE.search(step.text):
        return False
    name = table.rpartition(".")[2]
    return any(read.rpartition(".")[2] == name for read in _TABLE.findall(step.text))


def _place(step: Step, sources: Sources) -> str:
    file, first = sources.get(step.function, (step.function, 1))
    return f"{file}:{first + step.line - 1}"


def with_locks(definition: str, steps: Sequence[Step]) -> str:
    """Return an instrumented function whose reads at these steps lock; "" if it can't be written."""
    match = _BODY.search(definition)
    if not match:
        return ""
    start, end = match.end(), definition.rindex(match[1])
    body = definition[start:end].encode()
    for step in steps:
        found = re.search(rb"crossfoot\.step\(%d\b[^;]*;" % step.number, body)
        if not found:
            return ""
        at = found.end() + _end_of_statement(body[found.end() :].decode())
        body = b" ".join([body[:at], LOCK.encode()]) + body[at:]
    return definition[:start] + body.decode() + definition[end:]


def _end_of_statement(text: str) -> int:
    """Return where the first statement of a text ends, in bytes, before its semicolon."""
    ends = (token.start for token in tokens(text) if token.text == ";")
    return next(ends, len(text.rstrip().encode()))


# -- a lock on what the calls have in common --------------------------------------------------------


async def _key_locks(connection: asyncpg.Connection, race: Race) -> list[Candidate]:
    calls = [_called(session.transactions[0][0].shown) for session in race.sessions]
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
            rows = await connection.fetch(_DEFINITION, function)
            if len(rows) != 1 or rows[0]["language"] != "plpgsql":
                break
            name = _parameter(arguments[argument], rows[0]["names"])
            lock = f"perform pg_advisory_xact_lock(hashtextextended({name}::text, 0));"
            apply[function] = _first_statement(rows[0]["definition"], lock)
            undo.append(rows[0]["definition"])
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


def _called(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the function that a statement calls, and by argument its position or name; else None."""
    found = re.match(
        r"\s*(?:select\s+(?:\*\s+from\s+)?|call\s+)([\w.\"]+)\s*\((.*)\)\s*;?\s*$",
        text,
        re.I | re.S,
    )
    if not found:
        return None
    arguments: dict[str, str] = {}
    for number, part in enumerate(_parts(found[2]), start=1):
        name, arrow, value = (piece.strip() for piece in part.rpartition("=>"))
        arguments.setdefault(value, name if arrow else str(number))
    return found[1].replace('"', ""), arguments


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between the commas of an argument list."""
    try:
        found = tokens(text)
    except ContentError:
        return
    data, start, depth = text.encode(), 0, 0
    for token in found:
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if token.text == "," and depth == 0:
            yield data[start : token.start].decode()
            start = token.end
    yield data[start:].decode()


def _parameter(place: str, names: Sequence[str]) -> str:
    """Return a parameter's name, of its position (from 1) or as it is."""
    if not place.isdigit():
        return place
    at = int(place) - 1
    return names[at] if at < len(names) and names[at] else f"${place}"


def _first_statement(definition: str, statement: str) -> str:
    """Return a PL/pgSQL function with one more statement, before all others of its body."""
    match = _BODY.search(definition)
    assert match
    start, end = match.end(), definition.rindex(match[1])
    body = definition[start:end].encode()
    at = next(token.end for token in tokens(body.decode()) if token.word == "begin")
    text = b" ".join([body[:at], statement.encode()]) + body[at:]
    return definition[:start] + text.decode() + definition[end:]


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
