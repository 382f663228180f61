"""What races and contracts have in common: a header, drawn values, and SQL in ``-- @`` sections."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.headers import Header, read_header, read_text
from crossfoot.sql import statements

_DIRECTIVE = re.compile(r"--\s@([a-z]+)\b\s*(.*)$")
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
            values |= _declared(directive, shown_as)
    kept = [directive for directive in directives if directive.word != "values"]
    return ScenarioFile(path.name.removesuffix(suffix), shown_as, header, values, kept)


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


def _declared(directive: Directive, file: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in directive.rest.split(","):
        words = part.split()
        if len(words) != 2 or words[1] not in _TYPES:
            raise ContentError(
                f"{file}:{directive.line}: @values wants 'name type', not {part.strip()!r}",
                remedy=f"Types: {', '.join(sorted(_TYPES))}.",
            )
        found[words[0]] = words[1]
    if statements(directive.sql):
        raise ContentError(f"{file}:{directive.line}: SQL below @values belongs to no section")
    return found


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
