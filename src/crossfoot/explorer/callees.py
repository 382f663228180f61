"""Which functions touch data, which of them stop by themselves, and whose return matters.

Every step that stands where another one stands already multiplies equal schedules, so a call gets no
step of its own when the called function begins with one, and a function none before it returns when
nothing in the calling statement can touch data after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crossfoot.sql import Token, tokens

QUERY_WORDS = frozenset({"select", "insert", "update", "delete", "merge", "execute", "table"})
# In a body, as opposed to an expression, these may touch data too: perform 1 from ..., open, lock.
_STATEMENT_WORDS = QUERY_WORDS | {"from", "open", "fetch", "call", "lock", "truncate", "copy"}
# Whose turn it is shows in the number that nextval gives, and no transaction takes that back.
_TOUCHING_BUILTINS = ("pg_advisory", "pg_try_advisory", "dblink", "nextval", "setval")
_INSTRUMENTED = frozenset({"plpgsql", "sql"})


@dataclass(frozen=True)
class Callees:
    """What is known of the functions that a body may call, by their unqualified names.

    ``touching`` may read, write or lock something; ``quiet`` are those among them that touch nothing
    before a step of their own; ``awaited`` those after whose return a statement may go on to touch
    data.
    """

    touching: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    awaited: frozenset[str] = frozenset()

    def called(self, found: Sequence[Token]) -> list[str]:
        """Return the touching functions that these tokens call, one for each call."""
        return [spelt(a) for a, b in pairwise(found) if b.text == "(" and self._touches(spelt(a))]

    def _touches(self, called: str) -> bool:
        return called in self.touching or called.startswith(_TOUCHING_BUILTINS)

    def touches(self, found: Sequence[Token]) -> bool:
        """Say whether evaluating these tokens touches data before any step in what they call."""
        called = self.called(found)
        return queries(found) or len(called) > 1 or any(each not in self.quiet for each in called)


def spelt(token: Token) -> str:
    """Return an identifier as the catalog spells it."""
    return token.text.strip('"') if token.text.startswith('"') else token.word


def queries(found: Sequence[Token], words: frozenset[str] = QUERY_WORDS) -> bool:
    """Say whether these tokens hold SQL that reads or writes, or may."""
    before = [None, *found]
    return any(
        token.word in words and (previous is None or previous.text != ".")
        for previous, token in zip(before, found, strict=False)
    )


def find_callees(rows: Iterable[Mapping[str, object]], awaited: Iterable[str] = ()) -> Callees:
    """Judge the functions of a database from their catalog rows (name, language, volatility, body).

    ``awaited`` are names that something other than a function calls: a default, a policy, a view.
    """
    bodies = {(str(row["name"]), index): row for index, row in enumerate(rows)}
    words = {key: body_tokens(row) for key, row in bodies.items()}
    pure = {key[0] for key, row in bodies.items() if row["volatility"] == "i"}
    touching = frozenset(
        key[0]
        for key, row in bodies.items()
        if row["language"] not in _INSTRUMENTED or queries(words[key], _STATEMENT_WORDS)
    ).difference(pure)
    while (
        more := {key[0] for key in bodies if Callees(touching).called(words[key])} - touching - pure
    ):
        touching |= more
    loud = {
        key[0]
        for key, row in bodies.items()
        if row["language"] not in _INSTRUMENTED or row["volatility"] != "v"
    }
    return Callees(touching, touching - loud, frozenset(awaited))


def body_tokens(row: Mapping[str, object]) -> list[Token]:
    """Return the tokens of a body; none if it is written in a language that isn't SQL's.

    That of a BEGIN ATOMIC function stands in its definition.
    """
    if row["language"] not in _INSTRUMENTED:
        return []
    return tokens(str(row["definition"] if row["atomic"] else row["body"]))
