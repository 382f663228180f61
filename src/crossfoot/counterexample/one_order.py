"""What might prevent a deadlock: the rows locked in one order first, other locks, one lock for all.

No isolation level does. Of those who want the same locks, someone has to wait before he holds any.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import asyncpg

from crossfoot.apply import Sources
from crossfoot.counterexample.evidence import Evidence
from crossfoot.counterexample.rewriting import (
    LOCK,
    Candidate,
    Change,
    Written,
    called,
    changed_at,
    named_in,
    parts_of,
    place_of,
    reading,
    replaced,
    steps_of,
    written,
)
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace

_CLAUSES = ("for share", "for key share", "for update")
_LOCKS = re.compile(r"\b(update|share|delete|merge)\b", re.IGNORECASE)
_ARRAY = re.compile(r"array\s*\[(.*)\]", re.IGNORECASE | re.DOTALL)


async def one_order(
    connection: asyncpg.Connection,
    evidence: Evidence,
    instrumented: Instrumented,
    sources: Sources,
) -> list[Candidate]:
    """Return what is worth a trial where sessions wait for each other; nothing elsewhere."""
    if not _locked_up(evidence.trace):
        return []
    steps = steps_of(evidence.trace, instrumented)
    functions = await _called_functions(connection, evidence.race)
    return [
        *_rows_first(evidence, functions, steps),
        *await _other_clauses(connection, steps, sources),
        *_one_for_all(functions),
    ]


def _locked_up(trace: Trace) -> bool:
    """Say whether there was a deadlock, or sessions never got an answer."""
    return trace.settled is not None or not all(trace.results)


@dataclass(frozen=True)
class _Handed:
    """A parameter of a called function, and the values that calls hand to it, as text."""

    name: str
    values: frozenset[str]
    is_array: bool


@dataclass
class _Called:
    """A function that the sessions call, and what they hand to it."""

    name: str
    code: Written
    handed: list[_Handed]


async def _called_functions(connection: asyncpg.Connection, race: Race) -> list[_Called]:
    """Return the functions that all calls go to; none if one of them can't be changed."""
    found: dict[str, _Called] = {}
    for call in race.calls:
        target = called(call.shown)
        if not target:
            return []
        name, arguments = target
        if name not in found:
            code = await written(connection, name)
            if not code or code.language != "plpgsql":
                return []
            found[name] = _Called(name, code, [])
        one = found[name]
        one.handed += [
            _handed(text, one.code.parameter(at), race) for text, at in arguments.items()
        ]
    return list(found.values())


def _handed(text: str, parameter: str, race: Race) -> _Handed:
    array = _ARRAY.match(text)
    values = (_value(part.strip(), race) for part in (parts_of(array[1]) if array else [text]))
    return _Handed(parameter, frozenset(values), bool(array))


def _value(text: str, race: Race) -> str:
    """Return what an argument stands for: a value of the race, or a literal without its quotes."""
    named = race.values.get(text[1:]) if text.startswith(":") else None
    return text.strip("'") if named is None else str(named)


# -- the rows in one order --------------------------------------------------------------------------


def _rows_first(
    evidence: Evidence, functions: Sequence[_Called], steps: Sequence[Step]
) -> Iterator[Candidate]:
    """Lock the rows that the calls name before anything else: tables by name, rows by key."""
    tables = sorted(_shared_tables(evidence, steps))
    lines = {
        function.name: {table: _locking(table, function, evidence) for table in tables}
        for function in functions
    }
    held = [table for table in tables if any(each[table] for each in lines.values())]
    changed = [function for function in functions if any(lines[function.name].values())]
    if held:
        yield _beginning(
            f"{LOCK} on {' and '.join(held)}, in one order, before all else",
            changed,
            [" ".join(filter(None, lines[function.name].values())) for function in changed],
        )


def _shared_tables(evidence: Evidence, steps: Sequence[Step]) -> set[str]:
    """Return the tables of which two sessions or more change rows that were there, and lock them."""
    sessions = range(len(evidence.race.sessions))
    rewritten = Counter(chain.from_iterable(_rewritten(evidence, index) for index in sessions))
    locking = [step.text for step in steps if _LOCKS.search(step.text)]
    return {t for t, count in rewritten.items() if count > 1 and named_in(t, locking)}


def _rewritten(evidence: Evidence, session: int) -> set[str]:
    """Return the tables of which a session changes rows; a drawn key alone makes no difference."""
    return {
        table
        for table, rows in evidence.before.items()
        if Counter(map(str, rows.values()))
        - Counter(map(str, evidence.alone[session].get(table, {}).values()))
    }


def _locking(table: str, function: _Called, evidence: Evidence) -> str:
    """Return the statement that locks a table's rows which a function is told of; "" if none is."""
    rows = evidence.before.get(table, {}).values()
    for column in _keys_first(table, evidence):
        there = {str(row[column]) for row in rows}
        chosen = [each for each in function.handed if each.values & there]
        one = dict.fromkeys(each.name for each in chosen if not each.is_array)
        many = dict.fromkeys(each.name for each in chosen if each.is_array)
        told = [f"{column} in ({', '.join(one)})"] if one else []
        told += [f"{column} = any ({name})" for name in many]
        if told:
            return f"perform 1 from {table} where {' or '.join(told)} order by {column} {LOCK};"
    return ""


def _keys_first(table: str, evidence: Evidence) -> list[str]:
    """Return the columns by which a call may name a row: its key, else what holds a drawn value."""
    key = evidence.keys.get(table, ())
    drawn = {str(value) for value in evidence.race.values.values()}
    rows = evidence.before.get(table, {}).values()
    naming = dict.fromkeys(
        column for row in rows for column, value in row.items() if str(value) in drawn
    )
    return [*(key if len(key) == 1 else ()), *(each for each in naming if each not in key)]


# -- other locks ------------------------------------------------------------------------------------


async def _other_clauses(
    connection: asyncpg.Connection, steps: Sequence[Step], sources: Sources
) -> list[Candidate]:
    """Take at once the lock that is needed later, and no stronger one than that."""
    found = []
    for clause in _CLAUSES:
        words = re.compile(r"\b" + clause.replace(" ", r"\s+") + r"\b", re.IGNORECASE)
        other = [step for step in steps if words.search(step.text)]
        apply, undo = await changed_at(connection, other, _with(words, LOCK))
        if apply:
            changed = reading(other, partial(words.sub, LOCK))
            found.append(
                Candidate(
                    f"{LOCK} instead of {clause}",
                    " and ".join(place_of(step, sources) for step in other),
                    "\n".join(dict.fromkeys(step.text for step in changed)),
                    ";\n".join(apply),
                    ";\n".join(undo),
                    changed,
                )
            )
    return found


def _with(words: re.Pattern[str], new: str) -> Change:
    def change(definition: str, steps: Sequence[Step]) -> str:
        return replaced(definition, steps, words, new)

    return change


# -- one lock for all -------------------------------------------------------------------------------


def _one_for_all(functions: Sequence[_Called]) -> Iterator[Candidate]:
    """Let no two of the calls run at once: it costs most, and needs nothing to be known."""
    if functions:
        schema = functions[0].name.partition(".")[0]
        lock = f"perform pg_advisory_xact_lock(hashtextextended('{schema}', 0));"
        what = "pg_advisory_xact_lock, one for all calls"
        yield _beginning(what, functions, [lock] * len(functions))


def _beginning(what: str, functions: Sequence[_Called], lines: Sequence[str]) -> Candidate:
    """Return the change that puts a line at the beginning of each of these functions."""
    pairs = list(zip(functions, lines, strict=True))
    return Candidate(
        what,
        " and ".join(function.name for function, _ in pairs),
        "\n".join(f"{line}  -- first in {function.name}" for function, line in pairs),
        ";\n".join(function.code.beginning_with(line) for function, line in pairs),
        ";\n".join(function.code.definition for function, _ in pairs),
        uncounted=True,
    )
