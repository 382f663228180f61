"""SQL text: cut into statements, with lines that lead back to the file, and named parameters.

The cutting is PostgreSQL's own scanner (libpg_query through postgast), whose offsets are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase

import postgast
from postgast import pg_query_pb2 as pg

from crossfoot.errors import ContentError

_FOLDED = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True)
class Token:
    """One token: its text, its kind as libpg_query names it, and its byte offsets in the source."""

    text: str
    kind: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """Return the token folded to lower case, unless it is quoted.

        PostgreSQL folds letters beyond ASCII only in single-byte encodings (downcase_identifier).
        """
        return self.text if self.text[:1] in {'"', "'", "$"} else self.text.translate(_FOLDED)

    @property
    def is_comment(self) -> bool:
        """Say whether this is a comment."""
        return self.kind in {"SQL_COMMENT", "C_COMMENT"}


@dataclass(frozen=True)
class Statement:
    """One SQL statement and the line of its file on which it starts (from 1)."""

    text: str
    line: int


def tokens(source: str, *, comments: bool = False) -> list[Token]:
    """Return the tokens of ``source``. Raises ContentError where it can't be scanned."""
    return [token for token in _scanned(source) if comments or not token.is_comment]


# Content is read again for every form of a target, and most of it is the same.
@lru_cache(maxsize=4096)
def _scanned(source: str) -> tuple[Token, ...]:
    data = source.encode()
    try:
        scanned = postgast.scan(source).tokens
    except postgast.PgQueryError as error:
        raise ContentError(f"not SQL: {error}") from error
    return tuple(
        Token(
            data[token.start : token.end].decode(),
            pg.Token.Name(token.token),
            token.start,
            token.end,
        )
        for token in scanned
    )


def statements(source: str, first_line: int = 1) -> list[Statement]:
    """Cut ``source`` at its top-level semicolons; comments before a statement don't count as it."""
    data = source.encode()
    found: list[Statement] = []
    start: int | None = None
    end = 0
    atomic = 0
    previous = ""
    for token in tokens(source):
        if token.word == "atomic" and previous == "begin":
            atomic = 1
        elif atomic and token.word == "case":
            atomic += 1
        elif atomic and token.word == "end":
            atomic -= 1
        previous = token.word
        if token.text == ";" and not atomic:
            if start is not None:
                found.append(_statement(data, start, end, first_line))
            start = None
            continue
        start = token.start if start is None else start
        end = token.end
    if start is not None:
        found.append(_statement(data, start, end, first_line))
    return found


def _statement(data: bytes, start: int, end: int, first_line: int) -> Statement:
    return Statement(data[start:end].decode(), first_line + data.count(b"\n", 0, start))


def names_relations(source: str) -> bool:
    """Say whether SQL names a table, a view or a common table expression, or can't be parsed."""
    try:
        return any(postgast.find_nodes(postgast.parse(source), pg.RangeVar))
    except postgast.PgQueryError:
        return True


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Query:
    """A statement with numbered parameters: ``text`` has $1, $2, ... for ``names`` in that order."""

    text: str
    names: tuple[str, ...]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """Return the values of the parameters in their order."""
        return [values[name] for name in self.names]


def bind(source: str, types: Mapping[str, str]) -> Query:
    """Turn each ``:name`` of ``source`` that ``types`` knows into ``$n::type`` (``$n`` for type "").

    Strings, comments, casts (``::``) and array slices (``[a:b]``) are left alone. A name that isn't
    known raises ContentError.
    """
    data = source.encode()
    names: list[str] = []
    out: list[bytes] = []
    position = 0
    for start, end, name in _parameters(source):
        if name not in types:
            raise ContentError(
                f"unknown value ':{name}'",
                remedy=f"Known here: {', '.join(sorted(types)) or 'none'}. Declare it with @values or @let.",
            )
        if name not in names:
            names.append(name)
        cast = f"::{types[name]}" if types[name] else ""
        out += [data[position:start], f"${names.index(name) + 1}{cast}".encode()]
        position = end
    return Query(b"".join([*out, data[position:]]).decode(), tuple(names))


def inline(source: str, literals: Mapping[str, str]) -> str:
    """Replace each ``:name`` by its SQL literal, for text that a person reads or runs in psql."""
    data = source.encode()
    out: list[bytes] = []
    position = 0
    for start, end, name in _parameters(source):
        if name in literals:
            out += [data[position:start], literals[name].encode()]
            position = end
    return b"".join([*out, data[position:]]).decode()


def names_in(source: str) -> list[str]:
    """Return the names that stand as ``:name`` in ``source``, each once."""
    return list(dict.fromkeys(name for _, _, name in _parameters(source)))


def _parameters(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, name) of each ``:name``, in bytes."""
    found = tokens(source)
    for before, colon, name in zip([None, *found], found, found[1:], strict=False):
        starts_name = colon.text == ":" and colon.end == name.start and _NAME.fullmatch(name.text)
        follows_value = (
            before is not None and before.end == colon.start and before.text not in "(,["
        )
        if starts_name and not follows_value:
            yield colon.start, name.end, name.text
