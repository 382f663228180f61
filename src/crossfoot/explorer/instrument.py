"""Put steps into the functions of a disposable clone, so that they can be stopped from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.recognise import Edit, Place, recognise, statement_places
from crossfoot.sql import tokens

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "crossfoot")

_FUNCTIONS = """
select p.oid::bigint as oid, n.nspname as schema, p.proname as name, l.lanname as language,
       p.provolatile = 'v' as volatile, p.prorettype = 'trigger'::regtype as trigger,
       p.prosrc as body, p.prosqlbody is not null as atomic,
       case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end as definition
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where p.prokind in ('f', 'p')
  and n.nspname <> all ($1::text[]) and n.nspname not like 'pg\\_%'
  and not exists (
      select from pg_depend as d
      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
order by n.nspname, p.proname, p.oid
"""

_RELEASES = re.compile(
    r"\b(exception\s+when|pg_advisory_unlock\w*|commit|rollback)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Step:
    """One step: its number, the function and line (of the body, from 1) it stands in, what follows it."""

    number: int
    function: str
    line: int
    text: str
    kind: str


@dataclass
class Instrumented:
    """What the steps of a clone stand for.

    ``steps`` maps numbers to steps. ``functions`` are the instrumented ones, by qualified name;
    ``quiet_start`` those among them in which nothing touches data before the first step.
    ``releases_early`` says that some function may give up a lock before its statement ends: by an
    exception block, an advisory unlock, or a COMMIT of its own.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    quiet_start: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    releases_early: bool = False


async def instrument(
    connection: asyncpg.Connection, *, statement_level: bool = True
) -> Instrumented:
    """Install the step function and rewrite every volatile PL/pgSQL and SQL function.

    ``statement_level=False`` leaves the functions whole, so that only client statements step.
    Raises ContentError naming a function that can't be read or that PostgreSQL won't compile.
    """
    await connection.execute(files("crossfoot.explorer").joinpath("steps.sql").read_text())
    await connection.execute("set check_function_bodies = on")
    rows = await connection.fetch(_FUNCTIONS, list(SYSTEM_SCHEMAS))
    found = Instrumented(names=frozenset(row["name"] for row in rows))
    found.releases_early = any(_RELEASES.search(row["body"] or "") for row in rows)
    if not statement_level:
        return found
    for row in rows:
        await _instrument_one(connection, row, found, nested=_is_nested(row, rows))
    return found


async def _instrument_one(
    connection: asyncpg.Connection,
    row: Mapping[str, object],
    found: Instrumented,
    *,
    nested: bool,
) -> None:
    name = f"{row['schema']}.{row['name']}"
    if not row["volatile"]:
        found.skipped[name] = "stable or immutable: runs on its caller's snapshot"
        return
    if row["language"] not in {"plpgsql", "sql"}:
        found.skipped[name] = f"language {row['language']}: one opaque step"
        return
    early, edits, source = _edits(row, found.names, name, nested=nested)
    definition = str(row["definition"])
    at = definition.rindex(source)
    written = (
        "select crossfoot.step({});" if row["language"] == "sql" else "assert crossfoot.step({});"
    )
    changed = _apply(source, edits, name, found, written)
    try:
        await connection.execute(definition[:at] + changed + definition[at + len(source) :])
    except asyncpg.PostgresError as error:
        raise ContentError(
            f"{name}: the instrumented function doesn't compile: {error}",
            remedy="This is a fault of Crossfoot's; please report the function.",
        ) from error
    found.functions.add(name)
    if not early:
        found.quiet_start.add(name)


def _edits(
    row: Mapping[str, object], names: frozenset[str], name: str, *, nested: bool
) -> tuple[bool, list[Edit], str]:
    """Return whether the body touches data before its first step, the edits, and the body."""
    body = str(row["body"])
    try:
        if row["language"] == "plpgsql":
            recognised = recognise(body, names, return_steps=nested)
            return recognised.early, recognised.edits, body
        if row["atomic"]:
            body = _atomic_body(str(row["definition"]))
        places = statement_places(body)
    except ContentError as error:
        raise ContentError(f"{name}: {error.message}", remedy="Its body can't be read.") from error
    return False, [Edit(place.offset, place.offset, "", place, " ") for place in places], body


def _atomic_body(definition: str) -> str:
    """Return what stands between BEGIN ATOMIC and its END."""
    found = tokens(definition)
    begin = next(i for i, token in enumerate(found) if token.word == "atomic")
    data = definition.encode()
    return data[found[begin].end : found[-1].start].decode()


def _apply(body: str, edits: list[Edit], name: str, found: Instrumented, written: str) -> str:
    """Return the body with its edits; the line of each statement stays what it was.

    ``written`` is how a step is written. PERFORM would overwrite FOUND and ROW_COUNT; ASSERT leaves
    both alone.
    """
    data = body.encode()
    out: list[bytes] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        out += [data[position : edit.start], edit.before.encode()]
        if edit.place:
            out.append(written.format(_number(edit.place, name, found)).encode())
        out.append(edit.after.encode())
        position = edit.end
    return b"".join([*out, data[position:]]).decode()


def _number(place: Place, name: str, found: Instrumented) -> int:
    number = len(found.steps) + 1
    found.steps[number] = Step(number, name, place.line, place.text, place.kind)
    return number


def _is_nested(row: Mapping[str, object], rows: list[Mapping[str, object]]) -> bool:
    """Say whether a statement goes on after this function returns: it is a trigger, or called by another."""
    if row["trigger"]:
        return True
    called = re.compile(rf"\b{re.escape(str(row['name']))}\b\"?\s*\(", re.IGNORECASE)
    return any(
        other["oid"] != row["oid"] and called.search(str(other["definition"])) for other in rows
    ) or bool(called.search(str(row["body"])))
