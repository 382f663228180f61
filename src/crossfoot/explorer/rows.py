"""Which rows of a table a move may touch, where its statement says so: ``where id = p_id``.

PostgreSQL's counters tell tables. Two moves on one table meet all the same only if their rows may be
the same; the rows are described by the values that their columns have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Use(Enum):
    """What a statement does with rows of a table.

    SHARE is what a foreign key does with the row it refers to: it locks its key (FOR KEY SHARE) and reads
    nothing else. ADD gives rows a new key: an INSERT, an UPDATE of a unique column.
    """

    READ = auto()
    SHARE = auto()
    UPDATE = auto()
    DELETE = auto()
    ADD = auto()


_CHANGES = {Use.UPDATE, Use.DELETE, Use.ADD}


@dataclass(frozen=True)
class Rows:
    """Rows of one table: those of which these columns have these values; without any, all rows.

    For ADD ``uniques`` are the unique keys, each as its columns, in which the new rows may collide with
    others. What is ``drawn``, from a sequence or the clock, shows which of two came first.
    """

    use: Use
    values: frozenset[tuple[str, str]] = frozenset()
    uniques: tuple[frozenset[str], ...] = ()
    drawn: bool = False

    def apart(self, other: Rows) -> bool:
        """Say whether nothing that is done to these rows matters to the others."""
        if self.drawn and other.drawn:
            return False
        uses = {self.use, other.use}
        if uses <= {Use.SHARE, Use.UPDATE} and Use.SHARE in uses:
            return True
        mine, theirs = dict(self.values), dict(other.values)
        differing = {name for name in mine.keys() & theirs if _differ(mine[name], theirs[name])}
        if Use.ADD in uses and uses <= _CHANGES:
            collide = any(not differing & unique for unique in (*self.uniques, *other.uniques))
            return not collide and (uses == {Use.ADD} or bool(differing))
        return bool(differing)


def _differ(one: str, other: str) -> bool:
    """Say whether two values of one type differ, each told as "type value", or "run:type value"."""
    (kind, value), (other_kind, other_value) = one.split(" ", 1), other.split(" ", 1)
    return kind == other_kind and value != other_value


ANYTHING = (frozenset[str](),)
"""A unique key in which nothing is known to differ."""
RowsOf = Mapping[int, frozenset[Rows]]
"""By table: the rows that were touched. All rows of a table that isn't there."""


def rows_apart(one: RowsOf, other: RowsOf, table: int) -> bool:
    """Say whether in a table that both touch, they touch rows that have nothing to do with each other."""
    if table not in one or table not in other:
        return False
    return all(mine.apart(theirs) for mine in one[table] for theirs in other[table])


@dataclass(frozen=True)
class Access:
    """Rows of one table as a statement describes them: ``keys`` maps columns to its expressions."""

    table: int
    use: Use
    keys: tuple[tuple[str, int], ...] = ()
    uniques: tuple[frozenset[str], ...] = ()
    drawn: bool = False


@dataclass(frozen=True)
class Reach:
    """All that a statement may touch: its ``expressions`` give the values that describe the rows."""

    accesses: tuple[Access, ...] = ()
    expressions: tuple[str, ...] = ()

    @property
    def tables(self) -> frozenset[int]:
        """Return the tables that it may touch."""
        return frozenset(access.table for access in self.accesses)

    def anywhere_in(self, tables: frozenset[int]) -> Reach:
        """Return this with all rows of these tables in it."""
        others = (access for access in self.accesses if access.table not in tables)
        whole = (Access(table, Use.ADD, (), ANYTHING) for table in sorted(tables))
        return Reach((*others, *whole), self.expressions)

    def rows(
        self, values: Sequence[str | None], given: frozenset[str], run: int
    ) -> dict[int, frozenset[Rows]]:
        """Return the rows, given the expressions' values in a run; a null describes none.

        What isn't ``given`` may be drawn anew in each run, so in another one the same row has another
        value.
        """
        values = [
            value if value is None or value in given or expression.isdigit() else f"{run}:{value}"
            for value, expression in zip(values, self.expressions, strict=True)
        ]
        found: dict[int, set[Rows]] = {}
        for access in self.accesses:
            told = ((column, values[number]) for column, number in access.keys)
            known = frozenset((column, value) for column, value in told if value is not None)
            found.setdefault(access.table, set()).add(
                Rows(access.use, known, access.uniques, access.drawn)
            )
        return {table: frozenset(rows) for table, rows in found.items()}
