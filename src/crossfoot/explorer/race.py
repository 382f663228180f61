"""A race: a few sessions, what each sends, and what must be true of every interleaving."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from crossfoot.results import Property
from crossfoot.scenario import Directive, ScenarioFile, draw, literal, read_scenario
from crossfoot.sql import Query, bind, inline, statements
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity

_KEYS = {"title", "property", "detects", "expect", "compare", "isolation", "allow", "severity"}
_WORDS = {"setup", "session", "call", "let", "state"}
_LEVELS = {"read committed", "repeatable read", "serializable"}
_EXPECT = re.compile(
    r"(at most|at least|exactly)\s+(\d+)\s+(ok|refused|retryable|error)(?:\s+in\s+(\w+))?"
)


@dataclass(frozen=True)
class Call:
    """One statement that a client sends.

    ``operation`` classifies its outcome; ``keep`` is the name under which the first column of its
    first row is bound for the session's later statements; ``shown`` is the text with its :names.
    """

    query: Query
    shown: str
    line: int
    operation: str | None = None
    keep: str | None = None


@dataclass(frozen=True)
class Session:
    """One client: its transactions in order, each a list of calls."""

    name: str
    transactions: tuple[tuple[Call, ...], ...]


@dataclass(frozen=True)
class Expectation:
    """A sentence about how many calls end in which way, e.g. "at most 1 ok in complete"."""

    text: str
    bound: str
    count: int
    outcome: Outcome
    operation: str | None

    def holds(self, count: int) -> bool:
        """Say whether ``count`` calls of this outcome are as expected."""
        return {
            "at most": count <= self.count,
            "at least": count >= self.count,
            "exactly": count == self.count,
        }[self.bound]


@dataclass(frozen=True)
class Race:
    """A parsed and bound race file."""

    name: str
    title: str
    file: str
    about: str
    sessions: tuple[Session, ...]
    setup: str
    state: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    values: dict[str, object]
    properties: tuple[Property, ...] = (Property.SERIAL,)
    detects: tuple[str, ...] = ()
    severity: Severity = Severity.CRITICAL
    state_only: bool = False
    allow_deadlock: bool = False
    isolation: str = "read committed"
    literals: dict[str, str] = field(default_factory=dict)

    @property
    def operations(self) -> list[str]:
        """Return the operations that the race calls, in order of appearance."""
        calls = (
            call for session in self.sessions for each in session.transactions for call in each
        )
        return list(dict.fromkeys(call.operation for call in calls if call.operation))

    def without(self, indexes: Collection[int]) -> Race:
        """Return the same race with some sessions left out."""
        kept = tuple(s for index, s in enumerate(self.sessions) if index not in indexes)
        return replace(self, sessions=kept)


def load_race(path: Path, target: Target, seed: int) -> Race:
    """Read a race file. Raises ContentError naming file, line and remedy."""
    source = read_scenario(path, target.content.relative(path), ".race.sql", _WORDS)
    header = source.header
    header.only(_KEYS)
    values = draw(source.values, seed)
    reader = _Reader(source, target, values)
    reader.read()
    if len(reader.sessions) < 2:
        raise source.fail(
            1, "a race needs two sessions or more", "Add sections '-- @session NAME'."
        )
    isolation = header.one("isolation", "read committed")
    if isolation not in _LEVELS:
        raise source.fail(1, f"isolation: {isolation!r}", f"Levels: {', '.join(sorted(_LEVELS))}.")
    return Race(
        name=source.name,
        title=header.one("title"),
        file=source.file,
        about=header.about,
        sessions=tuple(reader.sessions),
        setup=";\n".join(reader.setup),
        state=tuple(reader.state),
        expectations=tuple(_expectation(text, source, target) for text in header.each("expect")),
        values=values,
        properties=tuple(read_properties(source, default=[Property.SERIAL])),
        detects=tuple(header.many("detects")),
        severity=Severity(header.one("severity", "critical")),
        state_only=header.one("compare", "results") == "state",
        allow_deadlock="deadlock" in header.many("allow"),
        isolation=isolation,
        literals=reader.literals,
    )


def read_properties(source: ScenarioFile, default: list[Property]) -> list[Property]:
    """Return the properties that a header names."""
    known = [item.value for item in Property]
    for name in source.header.many("property"):
        if name not in known:
            raise source.fail(
                1, f"property: {name!r} isn't one", f"Properties: {', '.join(known)}."
            )
    return [Property(name) for name in source.header.many("property")] or default


def _expectation(text: str, source: ScenarioFile, target: Target) -> Expectation:
    match = _EXPECT.fullmatch(text.strip())
    if not match:
        raise source.fail(
            source.header.lines.get("expect", 1),
            f"expect: {text!r} can't be read",
            "Write e.g. 'at most 1 ok in complete'.",
        )
    if match[4] and match[4] not in target.operations:
        raise source.fail(source.header.lines["expect"], f"expect: no operation {match[4]!r}")
    return Expectation(text, match[1], int(match[2]), Outcome(match[3]), match[4])


class _Reader:
    """Walks the sections of a race file and builds its sessions."""

    def __init__(self, source: ScenarioFile, target: Target, values: Mapping[str, object]) -> None:
        self.source = source
        self.target = target
        self.literals = {
            name: f"{literal(values[name])}::{kind}" for name, kind in source.values.items()
        }
        self.setup: list[str] = []
        self.state: list[str] = []
        self.sessions: list[Session] = []
        self.calls: list[tuple[Call, ...]] = []
        self.open: list[Call] | None = None
        self.session = ""
        self.kept: dict[str, str] = {}
        self.operation: str | None = None
        self.keep: str | None = None

    def read(self) -> None:
        section = ""
        for directive in self.source.directives:
            if directive.word == "call":
                self.operation = self.known_operation(directive)
            elif directive.word == "let":
                self.keep = directive.rest
            else:
                section = directive.word
            if directive.word == "session":
                self.close_session()
                self.session, self.kept = directive.rest or f"session {len(self.sessions) + 1}", {}
            self.take(section, directive)
        self.close_session()

    def known_operation(self, directive: Directive) -> str:
        if directive.rest not in self.target.operations:
            raise self.source.fail(
                directive.line,
                f"no operation {directive.rest!r}",
                f"Operations of {self.target.name}: {', '.join(self.target.operations)}.",
            )
        return directive.rest

    def take(self, section: str, directive: Directive) -> None:
        for statement in statements(directive.sql, directive.line + 1):
            if section == "session":
                self.client_statement(statement.text, statement.line)
            elif section in {"setup", "state"}:
                bind(inline(statement.text, self.literals), {})
                getattr(self, section).append(inline(statement.text, self.literals))
            else:
                raise self.source.fail(statement.line, "SQL outside of a section")

    def client_statement(self, text: str, line: int) -> None:
        word = text.split(maxsplit=1)[0].lower()
        if word in {"begin", "start"}:
            self.open = []
        elif word in {"commit", "end"} and self.open is not None:
            self.calls.append(tuple(self.open))
            self.open = None
        else:
            query = bind(inline(text, self.literals), dict.fromkeys(self.kept, ""))
            call = Call(query, text, line, self.operation, self.keep)
            if self.keep:
                self.kept[self.keep] = ""
            self.operation = self.keep = None
            if self.open is None:
                self.calls.append((call,))
            else:
                self.open.append(call)

    def close_session(self) -> None:
        if self.open is not None:
            raise self.source.fail(1, f"session {self.session}: begin without commit")
        if self.session:
            if not self.calls:
                raise self.source.fail(1, f"session {self.session} sends nothing")
            self.sessions.append(Session(self.session, tuple(self.calls)))
        self.calls = []
