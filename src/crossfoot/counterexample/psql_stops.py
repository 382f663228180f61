"""Functions as they were written, with a line added where a session has to stop."""

from __future__ import annotations

import re
from collections.abc import Mapping

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.instrument import Instrumented, Step
from crossfoot.explorer.places import Edit, statement_places
from crossfoot.explorer.recognise import recognise

_BODY = re.compile(r"\bAS (\$\w*\$)")
_DEFINITIONS = """
select n.nspname || '.' || p.proname as name, max(pg_get_functiondef(p.oid)) as definition
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where p.prokind in ('f', 'p') and l.lanname in ('plpgsql', 'sql') and p.prosqlbody is null
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
group by 1
having count(*) = 1
"""

Stops = Mapping[int, list[int]]
"""By step, the numbers of the stops that stand there."""


async def definitions(connection: asyncpg.Connection) -> dict[str, str]:
    """Return how each function is defined, by name; those that share a name are left out."""
    return {row["name"]: row["definition"] for row in await connection.fetch(_DEFINITIONS)}


def with_stops(definition: str, function: str, instrumented: Instrumented, stops: Stops) -> str:
    """Return a function that stops before some of its steps; "" where there is no room for a line.

    There is none in the condition of an ELSIF or a WHILE.
    """
    match = _BODY.search(definition)
    steps = [step for step in instrumented.steps.values() if step.function == function]
    if not match:
        return ""
    start, end = match.end(), definition.rindex(match[1])
    body, is_sql = definition[start:end], "\n LANGUAGE sql" in definition[:start]
    edits = _edits(body, steps, instrumented, is_sql=is_sql)
    if not edits:
        return ""
    data, at, out = body.encode(), 0, b""
    for step, edit in sorted(zip(steps, edits, strict=True), key=lambda pair: pair[1].start):
        if step.number not in stops:
            continue
        if edit.start != edit.end or edit.written:
            return ""
        indent = b" " * (edit.start - data.rfind(b"\n", 0, edit.start) - 1)
        line = _line(stops[step.number], is_sql=is_sql).encode()
        out += data[at : edit.start] + line + b"\n" + indent
        at = edit.start
    return definition[:start] + (out + data[at:]).decode() + definition[end:]


def _edits(body: str, steps: list[Step], instrumented: Instrumented, *, is_sql: bool) -> list[Edit]:
    """Return the edits that put the steps in, in the order of the steps; none if they don't match."""
    if is_sql:
        return [Edit(place.offset, place.offset, "", place) for place in statement_places(body)]
    for returns in (False, True):
        try:
            found = recognise(body, instrumented.callees, return_steps=returns).edits
        except ContentError:
            return []
        placed = sorted((edit for edit in found if edit.place), key=lambda edit: edit.start)
        if [edit.place.line for edit in placed if edit.place] == [step.line for step in steps]:
            return placed
    return []


def _line(numbers: list[int], *, is_sql: bool) -> str:
    calls = " and ".join(f"by_hand.stop({number})" for number in numbers)
    added = f"select {calls};" if is_sql else f"assert {calls};"
    return f"{added}  -- added"
