"""Put steps into the functions of a disposable clone, so that they can be stopped from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.begins import begins_matter
from crossfoot.explorer.callees import (
    INSTRUMENTED,
    QUERY_WORDS,
    Callees,
    body_tokens,
    find_callees,
    spelt,
)
from crossfoot.explorer.footprint import NOTHING, Watch, not_all_counted
from crossfoot.explorer.instrumented import LOCK_TIMEOUT, RELEASES, TIMEOUT, Instrumented
from crossfoot.explorer.locking import Locking
from crossfoot.explorer.places import Edit, statement_places
from crossfoot.explorer.reach import reach_of, told_apart
from crossfoot.explorer.recognise import Recognised, recognise
from crossfoot.explorer.tables import Tables
from crossfoot.sql import tokens

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "crossfoot")

_FUNCTIONS = """
select p.oid::bigint as oid, n.nspname as schema, p.proname as name, l.lanname as language,
       p.provolatile::text as volatility, p.prorettype = 'trigger'::regtype as trigger,
       coalesce(p.proargnames, '{}') as arguments,
       case when p.prosecdef then p.proowner::bigint end as owner,
       p.prosrc as body, p.prosqlbody is not null as atomic,
       pg_get_functiondef(p.oid) as definition,
       pg_get_expr(p.proargdefaults, 0) as defaults,
       array(select o.oprname::text from pg_operator as o where o.oprcode = p.oid) as operators,
       array(
           select g.proname::text
           from pg_depend as d
           join pg_proc as g on g.oid = d.objid and g.prokind = 'a'
           where d.classid = 'pg_proc'::regclass
             and d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
       ) as aggregates,
       exists (select from pg_cast as t where t.castfunc = p.oid)
       or exists (
           select from pg_depend as d
           join pg_constraint as k on k.oid = d.objid and k.contypid <> 0
           where d.classid = 'pg_constraint'::regclass
             and d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
       ) as unwritten,
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

_READS_TIMEOUT = re.compile(
    r"\b(pg_catalog\.)?current_setting\s*\(\s*'lock_timeout'\s*(,\s*\w+\s*)?\)", re.IGNORECASE
)
_LEFT_BEHIND = {
    re.compile(r"\bpg_(try_)?advisory_lock", re.IGNORECASE): "select pg_advisory_unlock_all();",
    re.compile(r"\btemp(orary)?\b", re.IGNORECASE): "discard temp;",
    re.compile(r"\bset_config\s*\(|\bset\s+session\b", re.IGNORECASE): "reset all;",
}
_TELLS = "pg_catalog.current_setting('crossfoot.tells', true) = 'on'"
_RETURN = re.compile(r"return\b(?!\s+(next|query)\b)", re.IGNORECASE)
# Whether a name may mean a variable where there is a column of this name too.
_CONFLICTS = """
select coalesce(current_setting('plpgsql.variable_conflict', true), 'error') <> 'error'
    or exists (select from pg_db_role_setting where setconfig::text like '%variable_conflict%')
"""
_MOST_VARIABLES = 40  # a function takes at most 100 arguments
_PROCEDURE = re.compile(r"\s*create\s+(or\s+replace\s+)?procedure\b", re.IGNORECASE)


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
    found.committing = _committing(rows)
    found.locking = await Locking.of(connection, rows)
    found.cleaning = _cleaning(rows)
    calls_it = ("trigger", "used_elsewhere", "operators", "aggregates", "unwritten")
    found.unseen = any(row[reason] for row in rows for reason in calls_it)
    definitions = [str(row["definition"]) for row in rows]
    found.impatient = any(map(LOCK_TIMEOUT.search, definitions))
    found.begins = await begins_matter(connection, rows)
    found.timed = any(map(TIMEOUT.search, definitions))
    if not any(not_all_counted(str(row["body"])) for row in rows):
        found.watch = await Watch.of(connection, SYSTEM_SCHEMAS)
        if not await connection.fetchval(_CONFLICTS):
            found.tables = await Tables.of(connection, SYSTEM_SCHEMAS, found.callees.touching)
    if statement_level:
        for row in rows:
            await _instrument_one(connection, row, found)
        found.steps = told_apart(found.steps)
        # Functions that share a name are called by it: one of them that isn't quiet speaks for all.
        found.quiet_start -= found.skipped.keys() | found.early
    if any(found.locking.locks_late(step.text, found.callees) for step in found.steps.values()):
        found.watch = NOTHING
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
    return replace(known, quiet=known.quiet - early, awaited=awaited)


def _releasing(rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the words by which a statement shows that it may release locks before it ends."""
    found = {str(row["name"]) for row in rows if RELEASES.search(str(row["definition"]))}
    said = [(str(row["name"]), {spelt(token) for token in body_tokens(row)}) for row in rows]
    while more := {name for name, words in said if words & found} - found:
        found |= more
    if any((row["trigger"] or row["used_elsewhere"]) and row["name"] in found for row in rows):
        # Any statement may fire it.
        found |= QUERY_WORDS | {"call"}
    return frozenset(found)


def _committing(rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Return the procedures that end transactions, themselves or by a CALL."""
    procedures = [
        (str(row["name"]), {spelt(token) for token in body_tokens(row)})
        for row in rows
        if row["language"] == "plpgsql" and _PROCEDURE.match(str(row["definition"]))
    ]
    found = {name for name, words in procedures if words & {"commit", "rollback"}}
    while more := {name for name, words in procedures if words & found} - found:
        found |= more
    return frozenset(found)


def _cleaning(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the statements that give up session locks, temporary tables and settings, where used."""
    text = "\n".join(str(row["definition"]) for row in rows)
    return " ".join(statement for used, statement in _LEFT_BEHIND.items() if used.search(text))


def _read(row: Mapping[str, object], callees: Callees) -> Recognised:
    """Recognise a body.

    Every touching call in a ``language sql`` one is awaited; so is one in a body that isn't volatile,
    for all of that reads from its caller's snapshot.
    """
    if row["language"] == "plpgsql":
        try:
            read = recognise(str(row["body"]), callees, return_steps=False)
        except ContentError as error:
            name = f"{row['schema']}.{row['name']}"
            raise ContentError(
                f"{name}: {error.message}", remedy="Its body can't be read."
            ) from error
        if row["volatility"] == "v":
            return read
    return Recognised(awaited=set(callees.called(body_tokens(row))))


async def _instrument_one(
    connection: asyncpg.Connection, row: Mapping[str, object], found: Instrumented
) -> None:
    name = f"{row['schema']}.{row['name']}"
    if row["volatility"] != "v":
        found.skipped[name] = "stable or immutable: runs on its caller's snapshot"
        return
    if row["language"] not in INSTRUMENTED:
        found.skipped[name] = f"language {row['language']}: one opaque step"
        return
    early, edits, source, variables = _edits(row, found, name)
    definition = str(row["definition"])
    at = definition.rindex(source)
    written = "select crossfoot.step({});" if row["language"] == "sql" else _asserted(variables)
    changed = found.apply(source, edits, name, written)
    # A step puts another value in its place, which isn't for the function to see.
    changed = _READS_TIMEOUT.sub("crossfoot.true_lock_timeout()", changed)
    try:
        await _replace(
            connection, definition, definition[:at] + changed + definition[at + len(source) :]
        )
    except asyncpg.PostgresError as error:
        raise ContentError(
            f"{name}: the instrumented function doesn't compile: {error}",
            remedy="This is a fault of Crossfoot's; please report the function.",
        ) from error
    if (
        "plpgsql.check_asserts" in definition
    ):  # a setting of the function's own would skip the steps
        routine = await connection.fetchval("select $1::oid::regprocedure::text", row["oid"])
        await connection.execute(f"alter routine {routine} reset plpgsql.check_asserts")
    found.functions.add(name)
    (found.early if early else found.quiet_start).add(name)


async def _replace(connection: asyncpg.Connection, written: str, changed: str) -> None:
    """Change a function. Raises PostgresError if it doesn't compile any more.

    One that doesn't compile as it was written either was written under another search_path, and its
    names are looked up when it runs.
    """
    try:
        await connection.execute(changed)
    except asyncpg.PostgresError:
        try:
            await connection.execute(written)
        except asyncpg.PostgresError:
            await connection.execute("set check_function_bodies = off")
            await connection.execute(changed)
            await connection.execute("set check_function_bodies = on")
        else:
            raise


def _with_keys(read: Recognised, row: Mapping[str, object], found: Instrumented) -> list[Edit]:
    """Return the edits of a body, each step of which tells what rows the statement behind it is about."""
    names = [*read.variables, *(str(each) for each in _listed(row["arguments"]))]
    variables = {name.lower() for name in names if name.isidentifier()}
    owner = row["owner"] if isinstance(row["owner"], int) else None
    if not (tables := found.tables) or "variable_conflict" in str(row["definition"]):
        return read.edits

    def told(edit: Edit) -> Edit:
        place = edit.place
        if not place or place.kind != "statement" or edit.written:
            return edit
        if row["trigger"] and _RETURN.match(place.text):
            return edit  # the statement that fired it goes on after this
        reach = reach_of(place.text, tables, found.callees, variables, owner)
        written = _asserted(read.variables, reach.expressions if reach else ())
        return replace(edit, place=replace(place, reach=reach), written=written)

    return [told(edit) for edit in read.edits]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _asserted(variables: Sequence[str], keys: Sequence[str] = ()) -> str:
    """Return how a step is written in PL/pgSQL, telling the variables where it is asked to.

    ``keys`` are the expressions that it always tells.
    """
    shown = ", ".join(
        f"'{name.strip(chr(34))}', {name}"
        for name in variables[:_MOST_VARIABLES]
        if "'" not in name
    )
    told = (
        f"case when {_TELLS} then pg_catalog.jsonb_build_object({shown}) end" if shown else "null"
    )
    rows = f", array[{', '.join(f'crossfoot.key({key})' for key in keys)}]" if keys else ""
    return f"assert crossfoot.step({{}}, {told}{rows});"


def _edits(
    row: Mapping[str, object], found: Instrumented, name: str
) -> tuple[bool, list[Edit], str, list[str]]:
    """Return whether the body touches data before its first step, the edits, the body, its variables."""
    body = str(row["body"])
    try:
        if row["language"] == "plpgsql":
            # A trigger's statement, and so its constraints and other triggers, goes on after it.
            returns = bool(row["trigger"]) or row["name"] in found.callees.awaited
            recognised = recognise(body, found.callees, return_steps=returns)
            edits = _with_keys(recognised, row, found)
            return recognised.early, edits, body, recognised.variables
        if row["atomic"]:
            body, is_expression = _atomic_body(str(row["definition"]))
            if is_expression:
                return False, _returned(body), body, []
        places = statement_places(body)
    except ContentError as error:
        raise ContentError(f"{name}: {error.message}", remedy="Its body can't be read.") from error
    edits = [Edit(place.offset, place.offset, "", place, " ") for place in places]
    return False, edits, body, []


def _atomic_body(definition: str) -> tuple[str, bool]:
    """Return what stands between BEGIN ATOMIC and its END, or RETURN and its expression (and True)."""
    found = tokens(definition)
    data = definition.encode()
    for before, token in pairwise(found):
        if (before.word, token.word) == ("begin", "atomic"):
            return data[token.end : found[-1].start].decode(), False
    start = next(token.start for token in found if token.word == "return")
    return data[start : found[-1].end].decode(), True


def _returned(body: str) -> list[Edit]:
    """Make ``return x`` into ``begin atomic step; select x; end``: an expression has no room for a step."""
    place, end = statement_places(body)[0], len(body.encode())
    return [
        Edit(0, len("return"), "begin atomic ", place, " select"),
        Edit(end, end, "; end", None),
    ]
