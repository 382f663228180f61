"""Which rows a statement may lock though it doesn't write them: no counter of PostgreSQL's shows that.

The lock table would, but it is slow to read. So it is judged from the statement's own text, and
where that isn't plain, a row that was read counts as locked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from crossfoot.explorer.callees import INSTRUMENTED, Callees, body_tokens
from crossfoot.explorer.footprint import Watch
from crossfoot.sql import tokens

_COMMENT = re.compile(r"--|/\*")
_OPAQUE = re.compile(r"--|/\*|\bexecute\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\bfor\s+((no\s+key\s+)?update|(key\s+)?share)\b|\b(conflict|execute)\b", re.IGNORECASE
)
# In text that was put on one line nobody sees where a comment ends.
_CLAUSE_OR_COMMENT = re.compile(r"\b(update|share|conflict|execute)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(update|delete|merge)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
# A row trigger that runs before an UPDATE or DELETE finds its row locked, and may leave it at that.
_GUARDED = """
select distinct tgrelid::bigint from pg_trigger
where not tgisinternal and tgtype::integer & 3 = 3 and tgtype::integer & 24 <> 0
"""


@dataclass(frozen=True)
class Locking:
    """What is known of a database's locks on rows.

    ``functions`` may lock rows that they don't write, by unqualified name; ``guarded`` are the tables,
    by oid, with a trigger that runs before a row is updated or deleted.
    """

    functions: frozenset[str] = frozenset()
    guarded: frozenset[int] = frozenset()

    @classmethod
    async def of(
        cls, connection: asyncpg.Connection, rows: Sequence[Mapping[str, object]]
    ) -> Locking:
        """Judge the functions of a database from their catalog rows, as instrument.py reads them."""
        said = [(str(row["name"]), str(row["language"]), _code(row)) for row in rows]
        found = {
            name
            for name, language, code in said
            if language not in INSTRUMENTED or _has_clause(code)
        }
        named = [(name, set(_WORD.findall(code))) for name, _, code in said]
        while more := {name for name, words in named if words & found} - found:
            found |= more
        return cls(frozenset(found), frozenset(row[0] for row in await connection.fetch(_GUARDED)))

    def tables(self, statement: str, within: str, watch: Watch) -> frozenset[int]:
        """Return the tables in which rows that are read may be locked.

        ``statement`` is the client's, ``within`` that of a function in which it stopped last.
        """
        here = within or statement
        if _has_clause(statement) or _has_clause(here) or self._calls_locking(here):
            return frozenset(watch.tables.values())
        return self.guarded if not within or _WRITES.search(here) else frozenset()

    def locks_late(self, text: str, callees: Callees) -> bool:
        """Say whether a statement may lock rows after a function that it calls has stopped.

        It read them before, so that nothing shows when it locked them.
        """
        if not (_has_clause(text) or (self.guarded and _WRITES.search(text))):
            return False
        if _OPAQUE.search(text):
            return not callees.touching.isdisjoint(_WORD.findall(text))
        return bool(callees.called(tokens(text)))

    def _calls_locking(self, text: str) -> bool:
        return not self.functions.isdisjoint(_WORD.findall(text))


def _has_clause(text: str) -> bool:
    clause = _CLAUSE_OR_COMMENT if _COMMENT.search(text) else _CLAUSE
    return bool(clause.search(text))


def _code(row: Mapping[str, object]) -> str:
    return " ".join(token.text for token in body_tokens(row))
