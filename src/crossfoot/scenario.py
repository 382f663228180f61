"""What races and contracts have in common: a header, drawn values, and SQL in ``-- @`` sections."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.headers import Header, read_header, read_text
from crossfoot.sql import Query, Statement, bind, inline, statements

# However it is spaced: a section that passes for a comment would silently belong to the one above.
_DIRECTIVE = re.compile(r"\s*--\s*@([a-z]+)\b\s*(.*)$")
_FILE = re.compile(r"[a-z0-9_]+")
_VALUE = re.compile(r"[a-z_][a-z0-9_]*")
_TYPES = {"uuid", "bigint", "integer", "text"}


@dataclass(frozen=True)
class Directive:
    """One ``-- @word rest`` line, with the SQL below it up to the next one."""

    word: str
    rest: str
    line: int
    sql: str


@dataclass(frozen=True)
class ScenarioFile:
    """A parsed content file: ``values`` maps each declared name to its SQL type, in order."""

    name: str
    file: str
    header: Header
    values: dict[str, str]
    directives: list[Directive]

    def fail(self, line: int, problem: str, remedy: str = "") -> ContentError:
        """Return the error that a mistake on ``line`` deserves."""
        return ContentError(f"{self.file}:{line}: {problem}", remedy=remedy)

    def one_of(self, key: str, known: Iterable[str], default: str) -> str:
        """Return the value of a header key that has only these values. Raises ContentError."""
        value = self.header.one(key, default)
        if value not in known:
            raise self.fail(
                self.header.lines.get(key, 1),
                f"{key}: {value!r} isn't one",
                f"One of: {', '.join(sorted(known))}.",
            )
        return value

    def each_of(self, key: str, known: Iterable[str]) -> list[str]:
        """Return the values of a header key, each of which is one of these. Raises ContentError."""
        for value in self.header.many(key):
            if value not in known:
                raise self.fail(
                    self.header.lines.get(key, 1),
                    f"{key}: {value!r} isn't one",
                    f"One or more of: {', '.join(sorted(known))}.",
                )
        return self.header.many(key)

    def check_name(self, directive: Directive, taken: Iterable[str]) -> None:
        """Raise ContentError unless the directive names something that has no value yet."""
        if not _VALUE.fullmatch(directive.rest) or directive.rest in taken:
            raise self.fail(
                directive.line,
                f"@{directive.word} wants a name of its own, not {directive.rest!r}",
                "Names are made of a-z, 0-9 and _; those of @values are taken.",
            )

    def statements(self, directive: Directive) -> list[Statement]:
        """Return the SQL statements of a section. Raises ContentError."""
        return _statements(directive, self.file)

    def query(
        self, statement: Statement, literals: Mapping[str, str], kept: Iterable[str]
    ) -> Query:
        """Return a statement with drawn values put in and ``kept`` ones left to be bound."""
        try:
            return bind(inline(statement.text, literals), dict.fromkeys(kept, ""))
        except ContentError as error:
            known = ", ".join([*literals, *kept]) or "none"
            raise self.fail(
                statement.line,
                error.message,
                f"Known here: {known}. Declare it with @values, or @let above an earlier statement.",
            ) from error


def read_scenario(path: Path, shown_as: str, suffix: str, words: set[str]) -> ScenarioFile:
    """Read a content file whose sections are ``words`` (``values`` is always one of them)."""
    text = read_text(path)
    header = read_header(text, shown_as)
    directives = list(read_directives(text))
    values: dict[str, str] = {}
    for directive in directives:
        if directive.word not in words | {"values"}:
            raise ContentError(
                f"{shown_as}:{directive.line}: unknown section '@{directive.word}'",
                remedy=f"Sections here: {', '.join('@' + word for word in sorted(words | {'values'}))}.",
            )
        if directive.word == "values":
            values |= declared(directive, shown_as)
            if _statements(directive, shown_as):
                raise ContentError(
                    f"{shown_as}:{directive.line}: SQL below @values belongs to no section"
                )
    kept = [directive for directive in directives if directive.word != "values"]
    name = path.name.removesuffix(suffix)
    if not _FILE.fullmatch(name):
        raise ContentError(
            f"{shown_as}: a file name is made of a-z, 0-9 and _, before {suffix}",
            remedy="It is the name by which reports and replay tokens call it.",
        )
    return ScenarioFile(name, shown_as, header, values, kept)


def read_directives(text: str) -> Iterator[Directive]:
    """Yield the ``-- @word rest`` lines of a text, each with what stands below it."""
    word, rest, start = "", "", 1
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _DIRECTIVE.match(line):
            if word:
                yield Directive(word, rest, start, "\n".join(body))
            word, rest, start, body = match[1], match[2].strip(), number, []
        else:
            body.append(line)
    if word:
        yield Directive(word, rest, start, "\n".join(body))


def declared(directive: Directive, file: str) -> dict[str, str]:
    """Return the types of the values that a directive declares, by name. Raises ContentError."""
    found: dict[str, str] = {}
    for part in directive.rest.split(","):
        words = part.split()
        if len(words) != 2 or not _VALUE.fullmatch(words[0]) or words[1] not in _TYPES:
            raise ContentError(
                f"{file}:{directive.line}: @{directive.word} wants 'name type', not {part.strip()!r}",
                remedy=f"Names are lower case. Types: {', '.join(sorted(_TYPES))}.",
            )
        if words[0] in found:
            raise ContentError(f"{file}:{directive.line}: @{directive.word} has {words[0]!r} twice")
        found[words[0]] = words[1]
    return found


def _statements(directive: Directive, file: str) -> list[Statement]:
    try:
        return statements(directive.sql, directive.line + 1)
    except ContentError as error:
        raise ContentError(
            f"{file}:{directive.line}: below @{directive.word}: {error.message}",
            remedy="Is a quote or a comment left open?",
        ) from error


def draw(types: Mapping[str, str], seed: int) -> dict[str, object]:
    """Draw a value for each name: the same for the same seed, and distinct.

    They ascend in the order of the names, so that "the first lead" is first in every lock order and
    a replay meets the locks as the first run did.
    """
    source = random.Random(seed)  # noqa: S311 (test data, not secrets)
    base = source.getrandbits(40)
    drawn: dict[str, object] = {}
    for index, (name, kind) in enumerate(types.items(), start=1):
        number = 7_000_000_000 + (base % 1_000_000) * 1000 + index
        drawn[name] = {
            "uuid": uuid.UUID(int=(index << 112) | (0x4000 << 64) | (0x8 << 60) | base),
            "bigint": number,
            "integer": 1_700_000_000 + (base % 100_000) * 1000 + index,
            "text": f"{name}-{number}",
        }[kind]
    return drawn


def literal(value: object) -> str:
    """Return the SQL literal of a drawn value."""
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
