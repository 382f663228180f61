"""Which functions touch data, which of them stop by themselves, and whose return matters.

Every step that stands where another one stands already multiplies equal schedules, so a call gets no
step of its own when the called function begins with one, and a function none before it returns when
nothing in the calling statement can touch data after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from crossfoot.sql import Token, tokens

QUERY_WORDS = frozenset({"select", "insert", "update", "delete", "merge", "execute", "table"})
# In a body, as opposed to an expression, these may touch data too: perform 1 from ..., open, lock.
_STATEMENT_WORDS = QUERY_WORDS | {"from", "open", "fetch", "call", "lock", "truncate", "copy"}
# Whose turn it is shows in the number that nextval gives, and no transaction takes that back.
_TOUCHING_BUILTINS = ("pg_advisory", "pg_try_advisory", "dblink", "nextval", "setval")
INSTRUMENTED = frozenset({"plpgsql", "sql"})
# PostgreSQL uses these where nobody wrote them: IN, BETWEEN, ORDER BY, LIKE, a join's USING.
_UNWRITTEN = frozenset({"=", "<>", "<", "<=", ">", ">=", "~~", "~~*", "!~~", "!~~*"})


@dataclass(frozen=True)
class Callees:
    """What is known of the functions that a body may call, by their unqualified names.

    ``touching`` may read, write or lock something; ``quiet`` are those among them that touch nothing
    before a step of their own; ``awaited`` those after whose return a statement may go on to touch
    data. ``operators`` maps operators to the touching functions that they call. ``hidden`` says that
    one may be called where nothing shows it: by a cast, a domain, an operator that isn't written.
    """

    touching: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()
    awaited: frozenset[str] = frozenset()
    operators: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hidden: bool = False

    def called(self, found: Sequence[Token]) -> list[str]:
        """Return the touching functions that these tokens call, one for each call."""
        named = [spelt(a) for a, b in pairwise(found) if b.text == "(" and self._touches(spelt(a))]
        return named + [each for token in found for each in self.operators.get(token.text, ())]

    def _touches(self, called: str) -> bool:
        return called in self.touching or called.startswith(_TOUCHING_BUILTINS)

    def touches(self, found: Sequence[Token]) -> bool:
        """Say whether evaluating these tokens touches data before any step in what they call."""
        called = self.called(found)
        early = len(called) > 1 or any(each not in self.quiet for each in called)
        return queries(found) or early or (self.hidden and bool(found))

    def awaits(self, statement: Sequence[Token]) -> list[str]:
        """Return the functions after whose return a statement may touch data, on an old snapshot."""
        called = self.called(statement)
        if self.hidden or len(called) > 1:
            return called
        first = statement[0].word if statement else ""
        plain = first in {"select", "perform"} and not _after_from(statement)
        reads = queries(statement[1:] if plain else statement, QUERY_WORDS | {"perform"})
        return called if reads and not only_source(statement, called) else []


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


def only_source(found: Sequence[Token], called: Sequence[str]) -> bool:
    """Say whether all rows of a query come from the one function that it calls.

    PostgreSQL runs such a function to its end before it looks at the first row
    (ExecMakeTableFunctionResult), and then there is nothing left to read from a snapshot.
    """
    asked = [token.word for token in found if token.word in QUERY_WORDS | {"perform"}]
    sources = _after_from(found)
    if asked not in (["select"], ["perform"]) or len(called) != 1 or len(sources) != 1:
        return False
    (rest,) = sources
    opening = next((at for at, token in enumerate(rest) if token.text == "("), 0)
    if not opening or spelt(rest[opening - 1]) != called[0] or not _is_path(rest[:opening]):
        return False
    return _is_alias([token.word for token in rest[_closing(rest, opening) + 1 :]])


def _after_from(found: Sequence[Token]) -> list[Sequence[Token]]:
    """Return what follows each FROM outside of parentheses; ``is distinct from`` isn't one."""
    after, depth = [], 0
    for at, token in enumerate(found):
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if depth == 0 and token.word == "from" and (at == 0 or found[at - 1].word != "distinct"):
            after.append(found[at + 1 :])
    return after


def _is_path(found: Sequence[Token]) -> bool:
    """Say whether this is a name, qualified or not."""
    return len(found) % 2 == 1 and all(token.text == "." for token in found[1::2])


def _closing(found: Sequence[Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(found)):
        depth += (found[at].text == "(") - (found[at].text == ")")
        if depth == 0:
            return at
    return len(found)


def _is_alias(words: list[str]) -> bool:
    """Say whether nothing follows but ``[as] name [(columns)]`` and an INTO, in PL/pgSQL."""
    end = words.index("into") if "into" in words else len(words)
    if "join" in words[end:]:
        return False
    alias = words[1 if words[:1] == ["as"] else 0 : end]
    columns = alias[1:]
    return not columns or (columns[0] == "(" and ")" not in columns[:-1])


@dataclass(frozen=True)
class _Function:
    """A function as far as it matters to those who call it.

    ``defaults`` are the tokens of its arguments' defaults, ``stops`` says that it gets steps,
    ``aggregates`` and ``operators`` are what else calls it, and ``unwritten`` that something does which
    isn't written.
    """

    name: str
    body: Sequence[Token]
    defaults: Sequence[Token]
    language: str
    volatility: str
    aggregates: Sequence[str]
    operators: Sequence[str]
    unwritten: bool

    @property
    def stops(self) -> bool:
        return self.language in INSTRUMENTED and self.volatility == "v"

    def touches(self, known: Callees) -> bool:
        """Say whether a call of it may touch data, as far as is known."""
        if known.called(self.defaults):
            return True
        if self.volatility == "i":
            return False
        opaque = self.language not in INSTRUMENTED or queries(self.body, _STATEMENT_WORDS)
        return opaque or bool(known.called(self.body))


def _function(row: Mapping[str, object]) -> _Function:
    operators = tuple(str(each) for each in _listed(row, "operators"))
    return _Function(
        str(row["name"]),
        body_tokens(row),
        tokens(str(row["defaults"] or "")),
        str(row["language"]),
        str(row["volatility"]),
        tuple(str(each) for each in _listed(row, "aggregates")),
        operators,
        bool(row["unwritten"]) or not _UNWRITTEN.isdisjoint(operators),
    )


def _listed(row: Mapping[str, object], key: str) -> Sequence[object]:
    found = row[key]
    return found if isinstance(found, list) else []


def find_callees(rows: Iterable[Mapping[str, object]], awaited: Iterable[str] = ()) -> Callees:
    """Judge the functions of a database from their catalog rows, as instrument.py reads them.

    ``awaited`` are names that something other than a function calls: a default, a policy, a view.
    """
    functions = [_function(row) for row in rows]
    known = Callees()
    while (more := _judged(functions, known)) != known:
        known = more
    return replace(known, awaited=frozenset(awaited))


def _judged(functions: Sequence[_Function], known: Callees) -> Callees:
    """Judge the functions, given what is known of those that they call."""
    touching = [each for each in functions if each.touches(known)]
    aggregates = {name for each in touching for name in each.aggregates}
    loud = {each.name for each in functions if not each.stops or known.called(each.defaults)}
    operators: dict[str, frozenset[str]] = {}
    for each in touching:
        for operator in each.operators:
            operators[operator] = operators.get(operator, frozenset()) | {each.name}
    names = frozenset(each.name for each in touching)
    return Callees(
        touching=names | aggregates,
        quiet=names - loud - aggregates,
        operators=operators,
        hidden=any(each.unwritten for each in touching),
    )


def body_tokens(row: Mapping[str, object]) -> list[Token]:
    """Return the tokens of a body; none if it is written in a language that isn't SQL's.

    That of a BEGIN ATOMIC function stands in its definition.
    """
    if row["language"] not in INSTRUMENTED:
        return []
    return tokens(str(row["definition"] if row["atomic"] else row["body"]))
