"""Mutants: a target with one guard taken away, in the shape of a broken variant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.headers import read_text
from crossfoot.mutate.guard import Guard
from crossfoot.mutate.guards import find_guards
from crossfoot.mutate.scan import Body, body_of
from crossfoot.sql import statements, tokens
from crossfoot.target import Target
from crossfoot.variant import Variant

PROBE = """
create schema crossfoot_probe;
create function crossfoot_probe.fires() returns boolean language plpgsql as $$
begin
    raise exception 'a guard takes effect' using errcode = 'XF001';
end
$$;
create function crossfoot_probe.begins() returns integer language plpgsql as $$
begin
    perform pg_catalog.set_config('crossfoot_probe.rows', '0', false);
    return 0;
end
$$;
create function crossfoot_probe.sorts() returns integer language plpgsql as $$
begin
    if pg_catalog.current_setting('crossfoot_probe.rows')::integer > 0 then
        return crossfoot_probe.fires()::integer;
    end if;
    perform pg_catalog.set_config('crossfoot_probe.rows', '1', false);
    return 0;
end
$$;
grant usage on schema crossfoot_probe to public;
"""


@dataclass(frozen=True)
class Mutant(Variant):
    """One mutant. ``sql`` puts it in: texts by the names under which they are shown.

    ``guard`` is the name without its line. ``touches`` are the functions and tables whose use may
    show the difference. ``probing`` is the same with a guard that raises an error where it takes
    effect, and ``decides`` says that it does nothing else. ``constraint`` is how an error names what
    was taken away (``table.column`` for a NOT NULL); ``passive`` says that it only looks at rows that
    are written, and locks nothing.
    """

    guard: str = ""
    kind: str = ""
    at: str = ""
    line: int = 0
    diff: str = ""
    sql: tuple[tuple[str, str], ...] = ()
    probing: tuple[tuple[str, str], ...] = ()
    touches: frozenset[str] = frozenset()
    asserts: bool = False
    loud: bool = False
    decides: bool = False
    constraint: str = ""
    passive: bool = False
    schema: bool = False

    def files(self) -> dict[str, str]:
        """Return the SQL that takes the guard away."""
        return dict(self.sql)

    def probe(self) -> Mutant:
        """Return the mutant that raises an error where the guard takes effect."""
        return replace(self, sql=(("probe", PROBE), *self.probing))


def mutant(
    target: Target, at: str, line: int, guard: str, kind: str, sql: Mapping[str, str]
) -> Mutant:
    """Return a mutant of these texts; what else is known of it is for the caller to replace."""
    return Mutant(
        name=f"{Path(at).name}:{line} {guard}" if line else guard,
        path=target.file,
        file=at,
        title=f"Without {kind} {guard}",
        mistake=kind,
        operation="",
        hurts="",
        caught_by=(),
        guard=f"{Path(at).name} {guard}" if line else guard,
        kind=kind,
        at=at,
        line=line,
        sql=tuple(sql.items()),
    )


def together(mutants: Sequence[Mutant]) -> Mutant:
    """Return one mutant without all of these guards, which are no function's."""
    merged = "\n".join(text for each in mutants for _, text in each.sql)
    return replace(
        mutants[0],
        name=f"{len(mutants)} guards",
        sql=(("several guards", merged),),
        touches=frozenset().union(*(each.touches for each in mutants)),
    )


def told_apart(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Number the mutants that would have one name."""
    seen: Counter[str] = Counter()
    found = []
    for each in mutants:
        seen[each.name] += 1
        again = f" ({seen[each.name]})" if seen[each.name] > 1 else ""
        found.append(replace(each, name=each.name + again, guard=each.guard + again))
    return found


def function_mutants(target: Target, bodies: Mapping[str, str]) -> list[Mutant]:
    """Return the mutants of a target's functions.

    ``bodies`` are the functions of the applied target, by qualified name: of a function that is
    written down twice, only the text that is in the catalog counts.
    """
    raising = {name.rpartition(".")[2] for name, text in bodies.items() if "raise" in _words(text)}
    last: dict[tuple[str, str], tuple[str, Body]] = {}
    altered: dict[str, list[str]] = {}
    for path in target.sql_files:
        for statement in statements(read_text(path)):
            body = body_of(statement)
            if body and _is_applied(body, bodies):
                last[body.name, body.arguments] = (target.content.relative(path), body)
            elif name := altered_by(statement.text):
                altered.setdefault(name, []).append(statement.text)
    found: list[Mutant] = []
    for at, body in last.values():
        after = ";\n".join(altered.get(body.name, []))
        for guard in find_guards(body, lambda name: name in raising):
            found.append(_function_mutant(target, at, body, guard, after))
    return told_apart(found)


def altered_by(text: str) -> str:
    """Return the function whose settings a statement alters, "" if it alters none.

    Replacing a function keeps its owner and its grants, and loses these.
    """
    words = [token.word for token in tokens(text)]
    if words[:1] != ["alter"] or words[1:2] not in (["function"], ["procedure"], ["routine"]):
        return ""
    if {"owner", "rename", "depends"} & set(words) or "(" not in words:
        return ""
    return "".join(words[2 : words.index("(")]).replace('"', "")


def _words(text: str) -> set[str]:
    try:
        return {token.word for token in tokens(text)}
    except ContentError:
        return {"raise"}  # a body in another language may well do so


def _is_applied(body: Body, bodies: Mapping[str, str]) -> bool:
    short = body.name.rpartition(".")[2]
    texts = [text for name, text in bodies.items() if name.rpartition(".")[2] == short]
    return body.source in texts or "" in texts


def _function_mutant(target: Target, at: str, body: Body, guard: Guard, after: str) -> Mutant:
    shown = f"{Path(at).name}~"
    changed = _with(body, guard, guard.without)
    sql = {shown: _runnable(body, changed)} | ({"settings": after} if after else {})
    made = mutant(target, at, guard.line, guard.name, guard.kind, sql)
    probe = _runnable(body, _with(body, guard, guard.probe))
    probing = tuple((sql | {shown: probe}).items()) if guard.probe else ()
    return replace(
        made,
        diff="\n".join(_diff(body, changed)),
        probing=probing,
        touches=frozenset({body.name}),
        asserts=guard.asserts,
        loud=guard.loud,
        decides=guard.kind != "perform",
    )


def _with(body: Body, guard: Guard, text: str) -> bytes:
    return body.data[: guard.start] + text.encode() + body.data[guard.end :]


def _runnable(body: Body, changed: bytes) -> str:
    """Return a statement that replaces the function, its lines where they were in the file."""
    text = changed.decode()
    first, second = tokens(text)[:2]
    if second.word != "or":
        text = f"{text[: first.end]} or replace{text[first.end :]}"
    return "\n" * (body.line - 1) + text


def _diff(body: Body, changed: bytes) -> Iterator[str]:
    before, after = body.data.decode().splitlines(), changed.decode().splitlines()
    for line in list(unified_diff(before, after, n=0, lineterm=""))[2:]:
        if not line.startswith("@@"):
            yield line.rstrip()
