"""Changes of instrumented functions, as a remedy makes them and takes them back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import asyncpg

from crossfoot.apply import Sources
from crossfoot.errors import ContentError
from crossfoot.explorer.instrumented import Instrumented, Step
from crossfoot.explorer.trace import Trace
from crossfoot.sql import tokens

LOCK = "for no key update"
_BODY = re.compile(r"\bAS (\$\w*\$)")
# The conditions of a handler are names; those of a CASE are expressions.
_HANDLER = re.compile(
    r"(?:\bexception\s+|;\s*)when\s+(?:\w+|sqlstate\s+'\w+')(?:\s+or\s+(?:\w+|sqlstate\s+'\w+'))*"
    r"\s+then\b",
    re.IGNORECASE,
)
_WRITTEN = """
select pg_get_functiondef(p.oid) as definition, l.lanname as language,
    coalesce(p.proargnames, '{}') as names
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where n.nspname || '.' || p.proname = $1 and p.prokind in ('f', 'p')
"""

Change = Callable[[str, Sequence[Step]], str]
"""Returns a function's definition, changed at some of its steps; "" if that can't be written."""


@dataclass(frozen=True)
class Candidate:
    """A change: what it is, where, as a person would write it, the SQL that makes it, what undoes it.

    ``steps`` are those that it changes, as they read then. ``uncounted`` says that sessions wait for
    each other before any step, or by something that no counter shows; ``raises`` that calls fail which
    have to be sent again, ``constraint`` that the code has to catch its error.
    """

    what: str
    where: str
    shown: str
    apply: str
    undo: str
    steps: tuple[Step, ...] = ()
    uncounted: bool = False
    constraint: bool = False
    raises: bool = False


@dataclass(frozen=True)
class Written:
    """A function as it is written: its definition, its language, the names of its parameters."""

    definition: str
    language: str
    names: tuple[str, ...]

    def parameter(self, place: str) -> str:
        """Return a parameter's name, of its position (from 1) or as it is."""
        if not place.isdigit():
            return place
        at = int(place) - 1
        return self.names[at] if at < len(self.names) and self.names[at] else f"${place}"

    def beginning_with(self, statement: str) -> str:
        """Return it, if it is PL/pgSQL, with one more statement, before all others of its body."""
        match = _BODY.search(self.definition)
        assert match
        start, end = match.end(), self.definition.rindex(match[1])
        body = self.definition[start:end].encode()
        at = next(token.end for token in tokens(body.decode()) if token.word == "begin")
        text = b" ".join([body[:at], statement.encode()]) + body[at:]
        return self.definition[:start] + text.decode() + self.definition[end:]


async def written(connection: asyncpg.Connection, function: str) -> Written | None:
    """Return how a function is written, by its qualified name; None if several or none have it."""
    rows = await connection.fetch(_WRITTEN, function)
    if len(rows) != 1:
        return None
    return Written(rows[0]["definition"], rows[0]["language"], tuple(rows[0]["names"]))


async def changed_at(
    connection: asyncpg.Connection, steps: Sequence[Step], change: Change
) -> tuple[list[str], list[str]]:
    """Change the functions of some steps; return the definitions that do it and those that undo it."""
    apply, undo = [], []
    by_function: dict[str, list[Step]] = {}
    for step in steps:
        by_function.setdefault(step.function, []).append(step)
    for function, each in by_function.items():
        found = await written(connection, function)
        if found and (changed := change(found.definition, each)):
            apply.append(changed)
            undo.append(found.definition)
    return apply, undo


def steps_of(trace: Trace, instrumented: Instrumented) -> list[Step]:
    """Return the steps that sessions came to in a schedule, each once."""
    numbers = {event.step for event in trace.events if event.kind == "step"}
    return [instrumented.steps[number] for number in sorted(numbers)]


def named_in(table: str, texts: Iterable[str]) -> bool:
    """Say whether some statement speaks of a table."""
    name = re.escape(table.rpartition(".")[2].strip('"'))
    return any(re.search(rf"\b{name}\b", text, re.IGNORECASE) for text in texts)


def reading(steps: Sequence[Step], change: Callable[[str], str]) -> tuple[Step, ...]:
    """Return steps with their statements changed."""
    return tuple(replace(step, text=change(step.text)) for step in steps)


def place_of(step: Step, sources: Sources) -> str:
    """Return where a step stands: "functions.sql:7"."""
    file, first = sources.get(step.function, (step.function, 1))
    return f"{file}:{first + step.line - 1}"


def with_locks(definition: str, steps: Sequence[Step]) -> str:
    """Return an instrumented function whose reads at these steps lock; "" if it can't be written."""

    def locked(statement: str) -> str:
        at = _end_of_statement(statement)
        data = statement.encode()
        return (b" ".join([data[:at], LOCK.encode()]) + data[at:]).decode()

    return _at_steps(definition, steps, locked)


def replaced(definition: str, steps: Sequence[Step], old: re.Pattern[str], new: str) -> str:
    """Return an instrumented function with other words in its statements at these steps."""
    return _at_steps(definition, steps, lambda statement: old.sub(new, statement, count=1))


def with_handlers(definition: str, statement: str) -> str:
    """Return a function each of whose exception handlers begins with a statement; "" without any."""
    match = _BODY.search(definition)
    if not match:
        return ""
    start, end = match.end(), definition.rindex(match[1])
    body = _HANDLER.sub(rf"\g<0> {statement}", definition[start:end])
    return definition[:start] + body + definition[end:] if body != definition[start:end] else ""


def _at_steps(definition: str, steps: Sequence[Step], change: Callable[[str], str]) -> str:
    """Change what follows on some steps; "" if one isn't there, or nothing changes there."""
    match = _BODY.search(definition)
    if not match:
        return ""
    start, end = match.end(), definition.rindex(match[1])
    body = definition[start:end]
    for step in steps:
        found = re.search(rf"crossfoot\.step\({step.number}\b[^;]*;", body)
        if not found or (changed := change(body[found.end() :])) == body[found.end() :]:
            return ""
        body = body[: found.end()] + changed
    return definition[:start] + body + definition[end:]


def _end_of_statement(text: str) -> int:
    """Return where the first statement of a text ends, in bytes, before its semicolon."""
    ends = (token.start for token in tokens(text) if token.text == ";")
    return next(ends, len(text.rstrip().encode()))


# -- what is called with what -----------------------------------------------------------------------


def called(text: str) -> tuple[str, dict[str, str]] | None:
    """Return the function that a statement calls, and by argument its position or name; else None."""
    found = re.match(
        r"\s*(?:select\s+(?:\*\s+from\s+)?|call\s+)([\w.\"]+)\s*\((.*)\)\s*(?:as\s+\w+\s*)?;?\s*$",
        text,
        re.I | re.S,
    )
    if not found:
        return None
    arguments: dict[str, str] = {}
    for number, part in enumerate(parts_of(found[2]), start=1):
        name, arrow, value = (piece.strip() for piece in part.rpartition("=>"))
        arguments.setdefault(value, name if arrow else str(number))
    return found[1].replace('"', ""), arguments


def parts_of(text: str) -> Iterator[str]:
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
