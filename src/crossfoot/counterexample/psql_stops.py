"""Functions as they were written, with a line added where a session has to stop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.nested import steps_within
from crossfoot.explorer.places import Edit, statement_places
from crossfoot.explorer.recognise import recognise

_BODY = re.compile(r"\bAS (\$\w*\$)")
_ATOMIC = re.compile(r"^BEGIN ATOMIC$", re.MULTILINE)
_STEP = re.compile(r"crossfoot\.step\((\d+)")
_DEFINITIONS = """
select n.nspname || '.' || p.proname as name, max(pg_get_functiondef(p.oid)) as definition
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where p.prokind in ('f', 'p') and l.lanname in ('plpgsql', 'sql')
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
group by 1
having count(*) = 1
"""

Stops = Mapping[int, Sequence[str]]
"""By step, the calls that stop there: ``by_hand.stop(1)``."""


async def definitions(connection: asyncpg.Connection) -> dict[str, str]:
    """Return how each function is defined, by name; those that share a name are left out."""
    return {row["name"]: row["definition"] for row in await connection.fetch(_DEFINITIONS)}


def with_stops(definition: str, function: str, instrumented: Instrumented, stops: Stops) -> str:
    """Return a function that stops before some of its steps; "" where its body can't be read."""
    steps = [step for step in instrumented.steps.values() if step.function == function]
    start, end = _body(definition)
    body, is_sql = definition[start:end], "\n LANGUAGE sql" in definition[:start]
    edits = _edits(body, steps, instrumented, is_sql=is_sql)
    if not edits:
        return ""
    placed = _numbered(edits, [step.number for step in steps])
    return definition[:start] + _changed(body, placed, stops, is_sql=is_sql) + definition[end:]


def block_with_stops(text: str, instrumented: Instrumented, stops: Stops) -> str:
    """Return a client statement that stops before some of its steps: those of a DO block."""
    numbers = [int(number) for number in _STEP.findall(instrumented.with_steps(text))]
    if not stops.keys() & set(numbers):
        return text

    def within(body: str) -> list[Edit]:
        return recognise(body, instrumented.callees, return_steps=False).edits

    edits = sorted(steps_within(text, within), key=lambda edit: edit.start)
    return _changed(text, _numbered(edits, numbers), stops, is_sql=False)


def _body(definition: str) -> tuple[int, int]:
    """Return where the body of a function begins and ends; (0, 0) if it is but an expression."""
    if match := _BODY.search(definition):
        return match.end(), definition.rindex(match[1])
    if match := _ATOMIC.search(definition):
        return match.end(), definition.rindex("END")
    return 0, 0


def _edits(
    body: str, steps: Sequence[Step], instrumented: Instrumented, *, is_sql: bool
) -> list[Edit]:
    """Return the edits that put the steps in, in their order; none if they don't match the steps."""
    lines = [step.line for step in steps]
    if is_sql:
        tried = [[Edit(each.offset, each.offset, "", each) for each in statement_places(body)]]
    else:
        tried = [_recognised(body, instrumented, returns=returns) for returns in (False, True)]
    return next((e for e in tried if [each.place.line for each in e if each.place] == lines), [])


def _recognised(body: str, instrumented: Instrumented, *, returns: bool) -> list[Edit]:
    try:
        found = recognise(body, instrumented.callees, return_steps=returns).edits
    except ContentError:
        return []
    return sorted(found, key=lambda edit: edit.start)


def _numbered(edits: Sequence[Edit], numbers: Sequence[int]) -> list[tuple[Edit, int]]:
    """Return edits with the numbers of their steps; 0 for those that put none in."""
    left = iter(numbers)
    return [(edit, next(left) if edit.place else 0) for edit in edits]


def _changed(body: str, placed: Sequence[tuple[Edit, int]], stops: Stops, *, is_sql: bool) -> str:
    """Return a body with a line where it stops.

    The condition of an ELSIF or a WHILE has no room for one. Where a session stops at such a one,
    all of them are taken apart, as the explorer does it.
    """
    data, at, out = body.encode(), 0, b""
    apart = any(edit.start < edit.end and number in stops for edit, number in placed)
    for edit, number in placed:
        moves = edit.start < edit.end or not number
        calls = stops.get(number, ())
        if not (calls or (moves and apart)):
            continue
        out += data[at : edit.start] + edit.before.encode()
        if calls:
            word = edit.written.partition(" ")[0] or ("select" if is_sql else "assert")
            indent = b" " * (edit.start - data.rfind(b"\n", 0, edit.start) - 1)
            out += f"{word} {' and '.join(calls)};  -- added\n".encode() + indent
        out += edit.after.encode() if moves else b""
        at = edit.end
    return (out + data[at:]).decode()
