"""Put steps into the functions of a disposable clone, so that they can be stopped from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import Callees, find_callees
from crossfoot.explorer.recognise import Edit, Place, Recognised, recognise, statement_places
from crossfoot.sql import tokens

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "crossfoot")

_FUNCTIONS = """
select p.oid::bigint as oid, n.nspname as schema, p.proname as name, l.lanname as language,
       p.provolatile::text as volatility, p.prorettype = 'trigger'::regtype as trigger,
       p.prosrc as body, p.prosqlbody is not null as atomic,
       pg_get_functiondef(p.oid) as definition,
       exists (
           select from pg_depend as d
           where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
             and d.classid not in ('pg_proc'::regclass, 'pg_trigger'::regclass)
       ) as used_elsewhere
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
    ``releasing`` are the functions, by unqualified name, that may give up a lock before the calling
    statement ends: by an exception block, an advisory unlock, or a COMMIT of their own.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    quiet_start: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    callees: Callees = field(default_factory=Callees)
    releasing: frozenset[str] = frozenset()


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
    found = Instrumented(callees=_callees(rows))
    found.releasing = _releasing(rows)
    if statement_level:
        for row in rows:
            await _instrument_one(connection, row, found)
    return found


def _callees(rows: Sequence[Mapping[str, object]]) -> Callees:
    """Judge all functions, then once more with what the first look found out about their bodies.

    A function that begins by touching data isn't quiet; one that returns what an awaited function
    returns makes that one awaited too.
    """
    known = find_callees(rows, (str(row["name"]) for row in rows if row["used_elsewhere"]))
    read = {(str(row["name"]), number): _read(row, known) for number, row in enumerate(rows)}
    early = {key[0] for key, each in read.items() if each.early}
    awaited = known.awaited.union(*(each.awaited for each in read.values()))
    while (
        more := {
            called for key, each in read.items() if key[0] in awaited for called in each.returned
        }
        - awaited
    ):
        awaited |= more
    return Callees(known.touching, known.quiet - early, awaited)


def _releasing(rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the functions that release locks early, and all that call them or may fire them."""
    found = {str(row["name"]) for row in rows if _RELEASES.search(str(row["body"]))}
    if any(row["trigger"] and row["name"] in found for row in rows):
        return frozenset(str(row["name"]) for row in rows)
    words = {str(row["name"]): {token.word for token in tokens(str(row["body"]))} for row in rows}
    while more := {each for each, said in words.items() if said & found} - found:
        found |= more
    return frozenset(found)


def _read(row: Mapping[str, object], callees: Callees) -> Recognised:
    """Recognise a body; every touching call in a ``language sql`` one is awaited."""
    if row["language"] == "plpgsql":
        try:
            return recognise(str(row["body"]), callees, return_steps=False)
        except ContentError as error:
            name = f"{row['schema']}.{row['name']}"
            raise ContentError(
                f"{name}: {error.message}", remedy="Its body can't be read."
            ) from error
    source = str(row["definition"] if row["atomic"] else row["body"])
    called = set(callees.called(tokens(source))) if row["language"] == "sql" else set()
    return Recognised(awaited=called)


async def _instrument_one(
    connection: asyncpg.Connection, row: Mapping[str, object], found: Instrumented
) -> None:
    name = f"{row['schema']}.{row['name']}"
    if row["volatility"] != "v":
        found.skipped[name] = "stable or immutable: runs on its caller's snapshot"
        return
    if row["language"] not in {"plpgsql", "sql"}:
        found.skipped[name] = f"language {row['language']}: one opaque step"
        return
    early, edits, source = _edits(row, found.callees, name)
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


def _edits(row: Mapping[str, object], callees: Callees, name: str) -> tuple[bool, list[Edit], str]:
    """Return whether the body touches data before its first step, the edits, and the body."""
    body = str(row["body"])
    try:
        if row["language"] == "plpgsql":
            # A trigger's statement, and so its constraints and other triggers, goes on after it.
            returns = bool(row["trigger"]) or row["name"] in callees.awaited
            recognised = recognise(body, callees, return_steps=returns)
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
