"""A race: a few sessions, what each sends, and what must be true of every interleaving."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from crossfoot.headers import read_text
from crossfoot.results import Property
from crossfoot.scenario import Directive, ScenarioFile, draw, literal, read_scenario
from crossfoot.sql import Query, Statement, inline
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity

_KEYS = {
    "title",
    "property",
    "detects",
    "expect",
    "compare",
    "isolation",
    "allow",
    "severity",
    "replay",
    "begins",
}
_WORDS = {"setup", "session", "call", "let", "state"}
LEVELS = ("read committed", "repeatable read", "serializable")
_EXPECT = re.compile(
    r"(at most|at least|exactly)\s+(\d+)\s+(ok|refused|retryable|error)(?:\s+in\s+(\w+))?"
)
_LOSES_PATIENCE = " loses patience"
_TURN = re.compile(r"(?P<session>.+?)(?:\s+until\s+(?P<until>.+?)(?:\s+\((?P<times>\d+)\))?)?")


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

    @property
    def does(self) -> object:
        """Return something that equals that of any session which is to do the very same."""
        return [
            [(call.query, call.operation, call.keep) for call in calls]
            for calls in self.transactions
        ]


@dataclass(frozen=True)
class Expectation:
    """A sentence about how many calls end in which way, e.g. "at most 1 ok in complete"."""

    text: str
    bound: str
    count: int
    outcome: Outcome
    operation: str | None

    @property
    def told(self) -> str:
        """Return the sentence with the bound as it is now."""
        where = f" in {self.operation}" if self.operation else ""
        return f"{self.bound} {self.count} {self.outcome}{where}"

    def holds(self, count: int) -> bool:
        """Say whether ``count`` calls of this outcome are as expected."""
        return {
            "at most": count <= self.count,
            "at least": count >= self.count,
            "exactly": count == self.count,
        }[self.bound]


@dataclass(frozen=True)
class Turn:
    """A session goes on ``until`` it stands before a statement, for the ``times``-th time in this turn.

    Without ``until`` it goes on until it waits or is through. If ``hasty``, it goes on to its next
    stop, and loses patience with a lock on its way.
    """

    session: str
    until: str = ""
    times: int = 1
    hasty: bool = False

    def __str__(self) -> str:
        if self.hasty:
            return f"{self.session}{_LOSES_PATIENCE}"
        often = f" ({self.times})" if self.times > 1 else ""
        return f"{self.session} until {self.until}{often}" if self.until else self.session


@dataclass(frozen=True)
class Race:
    """A parsed and bound race file.

    ``setup_lines`` are the lines of the statements of ``setup``. ``replay`` is a schedule that runs
    before all others. ``begins`` says that the order in which transactions begin is explored in any
    case. ``text`` is the file; "" where there is none. ``asked`` is the
    isolation level if it isn't the file's own.
    """

    name: str
    title: str
    file: str
    about: str
    sessions: tuple[Session, ...]
    setup: str
    state: tuple[Statement, ...]
    expectations: tuple[Expectation, ...]
    values: dict[str, object]
    properties: tuple[Property, ...] = (Property.SERIAL,)
    detects: tuple[str, ...] = ()
    severity: Severity = Severity.CRITICAL
    state_only: bool = False
    allow_deadlock: bool = False
    isolation: str = "read committed"
    literals: dict[str, str] = field(default_factory=dict)
    setup_lines: tuple[int, ...] = ()
    replay: tuple[Turn, ...] = ()
    begins: bool = False
    text: str = ""
    asked: str = ""

    @property
    def operations(self) -> list[str]:
        """Return the operations that the race calls, in order of appearance."""
        return list(dict.fromkeys(call.operation for call in self.calls if call.operation))

    @property
    def calls(self) -> list[Call]:
        """Return the calls of all sessions."""
        return [call for s in self.sessions for each in s.transactions for call in each]

    def without(self, indexes: Collection[int]) -> Race:
        """Return the same race with some sessions left out."""
        kept = tuple(s for index, s in enumerate(self.sessions) if index not in indexes)
        return replace(self, sessions=kept, expectations=self._at_most())

    def at(self, isolation: str) -> Race:
        """Return the same race at another isolation level, where calls may have to be sent again."""
        if isolation == self.isolation:
            return self
        expected = self._at_most()
        return replace(self, isolation=isolation, asked=isolation, expectations=expected)

    def _at_most(self) -> tuple[Expectation, ...]:
        """Return what is still expected when calls may be missing: less often isn't a violation."""
        kept = (each for each in self.expectations if each.bound != "at least")
        return tuple(replace(each, bound="at most") for each in kept)


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
    race = Race(
        name=source.name,
        title=header.one("title"),
        file=source.file,
        about=header.about,
        sessions=tuple(reader.sessions),
        setup=";\n".join(statement.text for statement in reader.setup),
        setup_lines=tuple(statement.line for statement in reader.setup),
        state=tuple(reader.state),
        expectations=(),
        values=values,
        properties=tuple(read_properties(source, default=[Property.SERIAL])),
        detects=tuple(header.many("detects")),
        severity=read_severity(source, Severity.CRITICAL),
        state_only=source.one_of("compare", {"results", "state"}, "results") == "state",
        allow_deadlock="deadlock" in source.each_of("allow", {"deadlock"}),
        isolation=source.one_of("isolation", LEVELS, "read committed"),
        literals=reader.literals,
        begins="explored" in source.each_of("begins", {"explored"}),
        replay=tuple(_turn(text, source, reader.sessions) for text in header.each("replay")),
        text=read_text(path),
    )
    expected = (_expectation(text, source, race.operations) for text in header.each("expect"))
    return replace(race, expectations=tuple(expected))


def read_properties(source: ScenarioFile, default: list[Property]) -> list[Property]:
    """Return the properties that a header names."""
    names = source.each_of("property", [item.value for item in Property])
    return [Property(name) for name in names] or default


def read_severity(source: ScenarioFile, default: Severity) -> Severity:
    """Return the severity that a header names."""
    return Severity(source.one_of("severity", [item.value for item in Severity], default.value))


def _expectation(text: str, source: ScenarioFile, operations: Sequence[str]) -> Expectation:
    match = _EXPECT.fullmatch(text.strip())
    if not match:
        raise source.fail(
            source.header.lines.get("expect", 1),
            f"expect: {text!r} can't be read",
            "Write e.g. 'at most 1 ok in complete'.",
        )
    if match[4] and match[4] not in operations:
        raise source.fail(
            source.header.lines["expect"],
            f"expect: {match[4]!r} is called by no session",
            f"Called here: {', '.join(operations) or 'none; name one with @call'}.",
        )
    return Expectation(text, match[1], int(match[2]), Outcome(match[3]), match[4])


def _turn(text: str, source: ScenarioFile, sessions: Sequence[Session]) -> Turn:
    names = [session.name for session in sessions]
    if (name := text.strip().removesuffix(_LOSES_PATIENCE)) != text.strip() and name in names:
        return Turn(name, hasty=True)
    match = _TURN.fullmatch(text.strip())
    if not match or match["session"] not in names:
        raise source.fail(
            source.header.lines.get("replay", 1),
            f"replay: {text!r} can't be read",
            f"Write 'SESSION', 'SESSION until <statement>' or 'SESSION loses patience';"
            f" sessions: {', '.join(names)}.",
        )
    return Turn(match["session"], match["until"] or "", int(match["times"] or 1))


class _Reader:
    """Walks the sections of a race file and builds its sessions."""

    def __init__(self, source: ScenarioFile, target: Target, values: Mapping[str, object]) -> None:
        self.source = source
        self.target = target
        self.literals = {
            name: f"{literal(values[name])}::{kind}" for name, kind in source.values.items()
        }
        self.setup: list[Statement] = []
        self.state: list[Statement] = []
        self.sessions: list[Session] = []
        self.section = Directive("", "", 1, "")
        self.calls: list[tuple[Call, ...]] = []
        self.open: list[Call] | None = None
        self.pending: dict[str, Directive] = {}  # @call and @let of the next statement
        self.kept: list[str] = []

    def read(self) -> None:
        for directive in self.source.directives:
            if directive.word in {"call", "let"}:
                self.note(directive)
            else:
                self.close_section()
                self.section = directive
            for statement in self.source.statements(directive):
                self.take(statement)
        self.close_section()

    def note(self, directive: Directive) -> None:
        word = directive.word
        if self.section.word != "session":
            raise self.source.fail(
                directive.line, f"@{word} outside of a session", "It is about the next statement."
            )
        if word in self.pending:
            raise self.source.fail(directive.line, f"@{word} twice for one statement")
        if word == "call" and directive.rest not in self.target.operations:
            raise self.source.fail(
                directive.line,
                f"no operation {directive.rest!r}",
                f"Operations of {self.target.name}: {', '.join(self.target.operations)}.",
            )
        if word == "let":
            self.source.check_name(directive, self.literals)
        self.pending[word] = directive

    def take(self, statement: Statement) -> None:
        if self.section.word == "session":
            self.client_statement(statement)
            return
        word = statement.text.split()[0].lower()
        if word in {"begin", "start", "commit", "end", "rollback", "abort", "savepoint"}:
            raise self.source.fail(
                statement.line,
                f"{word} in @{self.section.word}",
                "Its statements are one transaction as they stand.",
            )
        self.source.query(statement, self.literals, [])
        inlined = Statement(inline(statement.text, self.literals), statement.line)
        (self.setup if self.section.word == "setup" else self.state).append(inlined)

    def client_statement(self, statement: Statement) -> None:
        words = statement.text.lower().split()
        if words[0] in {"begin", "start"}:
            self.begin(statement, words)
        elif words[0] in {"commit", "end"}:
            self.commit(statement)
        elif words[0] == "abort" or (words[0] == "rollback" and "to" not in words):
            raise self.source.fail(
                statement.line,
                f"a session can't end with {words[0]}",
                "It is rolled back at its first error; leave out what it wouldn't have done.",
            )
        else:
            self.call(statement)

    def begin(self, statement: Statement, words: Sequence[str]) -> None:
        if self.open is not None:
            raise self.source.fail(statement.line, "begin inside of a transaction")
        if self.pending:
            raise self.source.fail(
                statement.line, "@call and @let are about a statement, not begin", "Move it down."
            )
        if set(words) - {"begin", "start", "transaction", "work"}:
            raise self.source.fail(
                statement.line,
                "begin takes no options here",
                "Add a line '-- isolation: ...' to the header; it holds for all sessions.",
            )
        self.open = []

    def commit(self, statement: Statement) -> None:
        if not self.open:
            problem = "commit without begin" if self.open is None else "an empty transaction"
            raise self.source.fail(
                statement.line, problem, "A statement by itself is a transaction of its own."
            )
        self.calls.append(tuple(self.open))
        self.open = None

    def call(self, statement: Statement) -> None:
        operation, keep = (
            self.pending[word].rest if word in self.pending else None for word in ("call", "let")
        )
        query = self.source.query(statement, self.literals, self.kept)
        call = Call(query, statement.text, statement.line, operation, keep)
        self.pending = {}
        self.kept += [keep] if keep else []
        if self.open is None:
            self.calls.append((call,))
        else:
            self.open.append(call)

    def close_section(self) -> None:
        for directive in self.pending.values():
            raise self.source.fail(
                directive.line, f"no statement follows @{directive.word}", "Put it above one."
            )
        if self.section.word == "session":
            self.close_session(self.section)
        self.calls, self.open, self.kept = [], None, []

    def close_session(self, directive: Directive) -> None:
        name = directive.rest or f"session {len(self.sessions) + 1}"
        if self.open is not None:
            raise self.source.fail(directive.line, f"session {name}: begin without commit")
        if not self.calls:
            raise self.source.fail(directive.line, f"session {name} sends nothing")
        if name in {session.name for session in self.sessions}:
            raise self.source.fail(directive.line, f"two sessions are called {name!r}")
        self.sessions.append(Session(name, tuple(self.calls)))
