"""A burst file: how many callers, on how many entities, what is there before, what each calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from crossfoot.bursts.arguments import arguments_in
from crossfoot.bursts.expect import Expectation, read_expectations
from crossfoot.bursts.programs import Program
from crossfoot.explorer.race import read_properties, read_severity
from crossfoot.results import Check, Kind, Property
from crossfoot.scenario import Directive, ScenarioFile, declared, read_scenario
from crossfoot.sql import Query, Statement, bind, names_in
from crossfoot.target import Target
from crossfoot.verdicts import Severity, Verdict

SUFFIX = ".burst.sql"
FEWEST, MOST = 2, 500

_KEYS = {
    "title", "property", "detects", "severity", "callers", "spread", "expect", "isolation",
}  # fmt: skip
_WORDS = {"setup", "entity", "caller", "call", "check"}
_LEVELS = {"read committed", "repeatable read", "serializable"}
# Whose a section is, by the values that it can speak of: everybody's, an entity's, a caller's.
_RANK = {"setup": 0, "entity": 1, "caller": 2}
_SCOPES = ("setup", "entity", "caller")


@dataclass(frozen=True)
class Section:
    """Statements that run before the burst: once, for each entity, or for each caller."""

    scope: str
    statements: tuple[Statement, ...]
    line: int


@dataclass(frozen=True)
class BurstCall:
    """One statement that callers send; ``weight`` of every ``sum of weights`` callers send this one.

    ``arguments`` gives the operation's arguments, by the names that they have in target.toml, as
    SQL; it is empty where the statement isn't written as the operation's ``call`` is.
    """

    operation: str
    query: Query
    shown: str
    line: int
    weight: int
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A query that has to return a row, and true in every column of it. Asked once per ``scope``."""

    sentence: str
    statement: Statement
    scope: str


@dataclass(frozen=True)
class Burst:
    """A parsed burst file. ``types`` has the values of each scope with their types.

    ``program`` is application code that every caller runs instead of sending a statement.
    """

    name: str
    title: str
    file: str
    about: str
    severity: Severity
    properties: tuple[Property, ...]
    detects: tuple[str, ...]
    isolation: str
    callers: int
    spread: int
    types: dict[str, dict[str, str]]
    sections: tuple[Section, ...]
    calls: tuple[BurstCall, ...]
    questions: tuple[Question, ...]
    expectations: tuple[Expectation, ...]
    program: Program | None = None

    @property
    def operations(self) -> list[str]:
        """Return the operations that are called."""
        return list(dict.fromkeys(call.operation for call in self.calls if call.operation))

    def new_check(self) -> Check:
        """Return the check of this burst, without a verdict yet."""
        return Check(
            kind=Kind.BURST,
            name=self.name,
            title=self.title,
            verdict=Verdict.UNKNOWN,
            severity=self.severity,
            properties=list(self.properties),
            detects=list(self.detects),
            operations=self.operations,
            file=self.file,
            about=self.about,
        )


def load_burst(path: Path, target: Target) -> Burst:
    """Read a burst file. Raises ContentError naming file, line and remedy."""
    source = read_scenario(path, target.content.relative(path), SUFFIX, _WORDS)
    header = source.header
    header.only(_KEYS)
    reader = _Reader(source, target)
    reader.read()
    if not reader.calls:
        raise source.fail(1, "nobody calls anything", "Add '-- @call OPERATION' and a statement.")
    callers = _number(source, "callers", 100, FEWEST, MOST)
    return Burst(
        name=source.name,
        title=header.one("title"),
        file=source.file,
        about=header.about,
        severity=read_severity(source, Severity.CRITICAL),
        properties=tuple(read_properties(source, default=[Property.SERIAL])),
        detects=tuple(header.many("detects")),
        isolation=source.one_of("isolation", _LEVELS, "read committed"),
        callers=callers,
        spread=_number(source, "spread", 1, 1, callers // 2),
        types=reader.types,
        sections=tuple(reader.sections),
        calls=tuple(reader.calls),
        questions=tuple(reader.questions),
        expectations=read_expectations(source, [call.operation for call in reader.calls]),
    )


def load_bursts(target: Target) -> list[Burst]:
    """Return the target's bursts, by name."""
    return [load_burst(path, target) for path in target.content.bursts(target.name)]


def _number(source: ScenarioFile, key: str, default: int, least: int, most: int) -> int:
    text = source.header.one(key, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise source.fail(
            source.header.lines.get(key, 1),
            f"{key}: {text!r} isn't a number from {least} to {most}",
            "An entity needs two callers at least." if key == "spread" else "",
        )
    return int(text)


class _Reader:
    """Walks the sections of a burst file."""

    def __init__(self, source: ScenarioFile, target: Target) -> None:
        self.source = source
        self.target = target
        self.types: dict[str, dict[str, str]] = {"setup": source.values, "entity": {}, "caller": {}}
        self.sections: list[Section] = []
        self.calls: list[BurstCall] = []
        self.questions: list[Question] = []

    def read(self) -> None:
        for directive in self.source.directives:
            if directive.word in {"entity", "caller"} and directive.rest:
                self.declare(directive)
        for directive in self.source.directives:
            statements = self.source.statements(directive)
            if directive.word == "call":
                self.calls.append(self.call(directive, self.one(directive, statements)))
            elif directive.word == "check":
                self.question(directive, self.one(directive, statements))
            elif statements:
                known = self.known(directive.word)
                for statement in statements:
                    self.source.query(statement, dict.fromkeys(known, "null"), [])
                self.sections.append(Section(directive.word, tuple(statements), directive.line))

    def declare(self, directive: Directive) -> None:
        for name, kind in declared(directive, self.source.file).items():
            if any(name in types for types in self.types.values()):
                raise self.source.fail(directive.line, f"@{directive.word}: {name!r} has a value")
            self.types[directive.word][name] = kind

    def known(self, scope: str) -> dict[str, str]:
        """Return the values, with their types, that a section of this scope can speak of."""
        wider = _SCOPES[: _RANK[scope] + 1]
        return {name: kind for each in wider for name, kind in self.types[each].items()}

    def one(self, directive: Directive, statements: list[Statement]) -> Statement:
        if len(statements) != 1:
            raise self.source.fail(
                directive.line, f"@{directive.word} wants one statement, not {len(statements)}"
            )
        return statements[0]

    def call(self, directive: Directive, statement: Statement) -> BurstCall:
        name, weight = _weighed(self.source, directive)
        if name not in self.target.operations:
            raise self.source.fail(
                directive.line,
                f"no operation {name!r}",
                f"Operations of {self.target.name}: {', '.join(self.target.operations)}.",
            )
        if statement.text.split()[0].lower() != "select":
            raise self.source.fail(
                statement.line,
                "a caller sends a select",
                "It is one statement, so that all callers can be let go inside the server.",
            )
        known = self.known("caller")
        self.source.query(statement, {}, known)
        template = self.target.operations[name].call
        return BurstCall(
            name,
            bind(statement.text, known),
            statement.text,
            statement.line,
            weight,
            arguments_in(statement.text, template),
        )

    def question(self, directive: Directive, statement: Statement) -> None:
        if not directive.rest:
            raise self.source.fail(
                directive.line, "@check wants a sentence", "Say what the query makes sure of."
            )
        self.source.query(statement, dict.fromkeys(self.known("caller"), "null"), [])
        names = set(names_in(statement.text))
        scope = max(
            (s for s in _SCOPES if names & set(self.types[s])), key=_SCOPES.index, default="setup"
        )
        self.questions.append(Question(directive.rest, statement, scope))


def _weighed(source: ScenarioFile, directive: Directive) -> tuple[str, int]:
    """Return the operation and the weight of ``@call OPERATION`` or ``@call OPERATION times N``."""
    words = directive.rest.split()
    if len(words) == 1:
        return words[0], 1
    if len(words) == 3 and words[1] == "times" and words[2].isdecimal() and int(words[2]) > 0:
        return words[0], int(words[2])
    raise source.fail(
        directive.line,
        f"@call {directive.rest!r} can't be read",
        "Write '@call OPERATION', or '@call OPERATION times 3' for three callers to one of another.",
    )
