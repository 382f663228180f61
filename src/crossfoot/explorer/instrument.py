"""Put steps into the functions of a disposable clone, so that they can be stopped from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import pairwise

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import (
    INSTRUMENTED,
    QUERY_WORDS,
    Callees,
    body_tokens,
    find_callees,
    spelt,
)
from crossfoot.explorer.footprint import NOTHING, Watch, not_all_counted
from crossfoot.explorer.locking import Locking
from crossfoot.explorer.nested import steps_within
from crossfoot.explorer.places import Edit, Place, statement_places
from crossfoot.explorer.recognise import Recognised, recognise
from crossfoot.sql import tokens

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "crossfoot")

_FUNCTIONS = """
select p.oid::bigint as oid, n.nspname as schema, p.proname as name, l.lanname as language,
       p.provolatile::text as volatility, p.prorettype = 'trigger'::regtype as trigger,
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

_LEFT_BEHIND = {
    re.compile(r"\bpg_(try_)?advisory_lock", re.IGNORECASE): "select pg_advisory_unlock_all();",
    re.compile(r"\btemp(orary)?\b", re.IGNORECASE): "discard temp;",
    re.compile(r"\bset_config\s*\(|\bset\s+session\b", re.IGNORECASE): "reset all;",
}
_TELLS = "pg_catalog.current_setting('crossfoot.tells', true) = 'on'"
_MOST_VARIABLES = 40  # a function takes at most 100 arguments
_COMMENT = r"--[^\n]*\n|/\*.*?\*/"
_PROCEDURE = re.compile(r"\s*create\s+(or\s+replace\s+)?procedure\b", re.IGNORECASE)
_ENDS = re.compile(r"\b(commit|rollback)\b", re.IGNORECASE)
_RELEASES = re.compile(
    rf"\b(exception(\s|{_COMMENT})+when|pg_advisory_unlock\w*|commit|rollback)\b",
    re.IGNORECASE | re.DOTALL,
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
    ``quiet_start`` those among them in which nothing touches data before the first step, ``early``
    those in which something does.
    ``cleaning`` is what takes back what a session keeps from one schedule to the next.
    ``releasing`` are the functions, by unqualified name, that may give up a lock before the calling
    statement ends: by an exception block, an advisory unlock, or a COMMIT of their own.
    ``committing`` are the procedures, by unqualified name, that may end a transaction and go on.
    ``watch`` is what is counted of what they touch, nothing where that wouldn't tell all; ``locking``
    which of the rows that they read may be locked.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    quiet_start: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    callees: Callees = field(default_factory=Callees)
    cleaning: str = ""
    releasing: frozenset[str] = frozenset()
    committing: frozenset[str] = frozenset()
    watch: Watch = NOTHING
    locking: Locking = field(default_factory=Locking)
    _quiet: dict[str, bool] = field(default_factory=dict)
    _released: dict[str, bool] = field(default_factory=dict)
    _stepped: dict[str, str] = field(default_factory=dict)
    _lockable: dict[tuple[str, int], frozenset[int]] = field(default_factory=dict)

    def with_steps(self, text: str) -> str:
        """Return a client statement with steps in it: the body of a DO block has some.

        Raises ContentError where the body can't be read.
        """
        if text not in self._stepped:
            edits = steps_within(text, self._read_block) if "do" in text[:2].lower() else []
            self._stepped[text] = _apply(text, edits, "DO", self, "")
        return self._stepped[text]

    def _read_block(self, body: str) -> list[Edit]:
        read = recognise(body, self.callees, return_steps=False)
        self.callees = replace(self.callees, awaited=self.callees.awaited | read.awaited)
        return read.edits

    def commits(self, text: str) -> bool:
        """Say whether a client statement may end transactions, and so has to begin its own."""
        words = {spelt(token) for token in tokens(text)}
        if "do" in words:
            return bool(_ENDS.search(text))
        return "call" in words and bool(words & self.committing)

    def releases(self, text: str) -> bool:
        """Say whether a client statement may give up a lock before it ends."""
        if text not in self._released:
            words = {spelt(token) for token in tokens(text)}
            block = "do" in words and bool(_RELEASES.search(text))
            self._released[text] = block or bool(words & self.releasing) or "rollback" in words
        return self._released[text]

    def lockable(self, text: str, stop: int) -> frozenset[int]:
        """Return the tables in which a statement may lock rows that it reads, from a stop to the next.

        ``stop`` 0 is its beginning.
        """
        if (key := (text, stop)) not in self._lockable:
            within = self.steps[stop].text if stop else ""
            self._lockable[key] = self.locking.tables(text, within, self.watch)
        return self._lockable[key]

    def shows_all(self, text: str) -> bool:
        """Say whether the counters show all that a client statement touches, where it touches it."""
        return not not_all_counted(text) and not self.locking.locks_late(text, self.callees)

    def starts_quietly(self, text: str) -> bool:
        """Say whether a client statement is a plain call that touches nothing before its first step."""
        if text not in self._quiet:
            self._quiet[text] = self._plainly_calls_quiet(text)
        return self._quiet[text]

    def holds_snapshot(self, text: str, *stops: int) -> bool:
        """Say whether a statement may go on reading, after a stop, from a snapshot taken before it.

        It does if it calls a function and does more than that; so does a function's statement that
        calls one of those that are awaited.
        """
        names = {self.steps[stop].function.rpartition(".")[2] for stop in stops if stop}
        if not names or names & self.callees.awaited:
            return bool(names)
        return not self.starts_quietly(text) and bool(self.callees.called(tokens(text)))

    def _plainly_calls_quiet(self, text: str) -> bool:
        words = tokens(text)
        path = [token.word for token in words]
        at = 3 if path[:3] == ["select", "*", "from"] else 1
        if path[:1] not in (["select"], ["call"]) or path[at + 1 : at + 2] != ["."]:
            return False
        function = f"{path[at]}.{path[at + 2]}"
        rest = words[at + 3 :]
        plain = not self.callees.called(rest) and not {"select", "from", "where"} & {
            token.word for token in rest
        }
        return plain and not self.callees.hidden and function in self.quiet_start


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
    if not any(not_all_counted(str(row["body"])) for row in rows):
        found.watch = await Watch.of(connection, SYSTEM_SCHEMAS)
    if statement_level:
        for row in rows:
            await _instrument_one(connection, row, found)
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
    found = {str(row["name"]) for row in rows if _RELEASES.search(str(row["definition"]))}
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
    early, edits, source, variables = _edits(row, found.callees, name)
    definition = str(row["definition"])
    at = definition.rindex(source)
    written = "select crossfoot.step({});" if row["language"] == "sql" else _asserted(variables)
    changed = _apply(source, edits, name, found, written)
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


def _asserted(variables: Sequence[str]) -> str:
    """Return how a step is written in PL/pgSQL, telling the variables where it is asked to."""
    shown = ", ".join(
        f"'{name.strip(chr(34))}', {name}"
        for name in variables[:_MOST_VARIABLES]
        if "'" not in name
    )
    told = f", case when {_TELLS} then pg_catalog.jsonb_build_object({shown}) end" if shown else ""
    return f"assert crossfoot.step({{}}{told});"


def _edits(
    row: Mapping[str, object], callees: Callees, name: str
) -> tuple[bool, list[Edit], str, list[str]]:
    """Return whether the body touches data before its first step, the edits, the body, its variables."""
    body = str(row["body"])
    try:
        if row["language"] == "plpgsql":
            # A trigger's statement, and so its constraints and other triggers, goes on after it.
            returns = bool(row["trigger"]) or row["name"] in callees.awaited
            recognised = recognise(body, callees, return_steps=returns)
            return recognised.early, recognised.edits, body, recognised.variables
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
            step = (edit.written or written).format(_number(edit.place, name, found))
            out.append(step.encode())
        out.append(edit.after.encode())
        position = edit.end
    return b"".join([*out, data[position:]]).decode()


def _number(place: Place, name: str, found: Instrumented) -> int:
    number = len(found.steps) + 1
    found.steps[number] = Step(number, name, place.line, place.text, place.kind)
    return number
