"""What a session touched between two stops, so that orders which only swap strangers run once.

Two moves of different sessions may be swapped without anybody noticing if neither writes or locks
rows that the other one touches (Mazurkiewicz's independence). Which tables were read and written is
measured, by PostgreSQL's own counters of the running transaction; which of their rows is read from the
statement, where it says so (reach.py). They don't tell a row that was read from one
that was locked as well: where the statement has a locking clause, or a foreign key has the row
locked, all that was read counts as locked. What can't be measured counts as touching everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.rows import RowsOf, rows_apart
from crossfoot.sql import tokens

_WATCHED = """
select
    class.oid::bigint,
    coalesce(index.indrelid, class.oid)::bigint,
    coalesce(index.indrelid, class.oid)::regclass::text
from pg_class as class
inner join pg_namespace as namespace on class.relnamespace = namespace.oid
left join pg_index as index on index.indexrelid = class.oid
where class.relkind in ('r', 'p', 'm', 'i', 'I')
    and namespace.nspname <> all ($1::text[]) and namespace.nspname not like 'pg\\_%'
"""
_REFERENCES = "select conrelid::bigint, confrelid::bigint from pg_constraint where contype = 'f'"
_TOUCHED = """
create or replace function crossfoot.touched() returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return array_to_string(array[{counters}], ' ');
end
$$
"""
_READS = ("numscans", "tuples_returned", "tuples_fetched")
_WRITES = ("tuples_inserted", "tuples_updated", "tuples_deleted")
_HOT = "tuples_hot_updated"
_NOT_COUNTED = """
select exists (select from pg_constraint where condeferrable)
    or exists (select from pg_trigger where tgdeferrable)
    or current_setting('track_counts') <> 'on'
"""
# What sessions may learn from each other without touching a table, and what locks whole tables or
# reads from a snapshot that was taken before.
_UNCOUNTED = re.compile(
    r"\b(\w*advisory\w*|pg_locks|pg_stat\w*|pg_snapshot\w*|pg_current_\w+|txid_\w+|xmin|xmax"
    r"|dblink\w*|nextval|setval|lastval|currval|last_value|commit|rollback|(ref)?cursor"
    r"|lock\s+(table|only|[\w.\"]+\s*(,|;|in\b|nowait\b))"
    r"|truncate|alter|drop|reindex|refresh|create\s+(?!temp|or\s+replace\s+temp|local)\w+)\b",
    re.IGNORECASE,
)

Counters = dict[int, tuple[int, int, int]]
"""By relation: scans and rows read; rows written; of those, the ones whose key may be another now."""
_NONE = (0, 0, 0)


@dataclass(frozen=True)
class Footprint:
    """The tables that one move read, and those that it wrote or locked rows of.

    ``changed`` are those of the latter that it wrote, for whoever reads about it. ``rows`` says which
    rows of a table these were, where that is known.
    """

    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    unknown: bool = False
    changed: frozenset[int] = frozenset()
    rows: RowsOf = field(default_factory=dict)

    @property
    def touched(self) -> frozenset[int]:
        """Return all tables."""
        return self.reads | self.writes

    def meets(self, other: Footprint) -> bool:
        """Say whether the order of two moves with these footprints may matter."""
        if self.unknown or other.unknown:
            return True
        shared = (self.writes & other.touched) | (other.writes & self.touched)
        return any(not rows_apart(self.rows, other.rows, table) for table in shared)

    def with_writes_of(self, other: Footprint) -> Footprint:
        """Return this footprint with another's writes in it, wherever in their tables."""
        unknown = self.unknown or other.unknown
        return Footprint(self.reads, self.writes | other.writes, unknown, self.changed)

    def joined(self, other: Footprint) -> Footprint:
        """Return what was touched by both."""
        rows = dict(self.rows)
        for table in other.touched:
            if table not in self.touched and table in other.rows:
                rows[table] = other.rows[table]
            elif table in rows and table in other.rows:
                rows[table] |= other.rows[table]
            else:
                rows.pop(table, None)
        return Footprint(
            self.reads | other.reads,
            self.writes | other.writes,
            self.unknown or other.unknown,
            self.changed | other.changed,
            rows,
        )

    def of_rows(self, rows: RowsOf) -> Footprint:
        """Return this footprint, given which rows were touched."""
        known = {table: rows[table] for table in self.touched & rows.keys()}
        return replace(self, rows=known)


EVERYTHING = Footprint(unknown=True)
NOTHING_TOUCHED = Footprint()
BEGINNING = Footprint(writes=frozenset({0}))
"""What the beginning of a transaction touches where its moment matters: the clock, which no table is."""


@dataclass(frozen=True)
class Touched:
    """What a transaction has read and written so far.

    ``moment`` counts the looks of the session, less those that were rolled back.
    """

    counters: Counters
    moment: int = 0

    @classmethod
    def read(cls, text: str) -> Touched:
        """Read what a step says: ``"moment oid:reads:writes:moved ..."``."""
        moment, *counted = text.split()
        counters: Counters = {}
        for item in counted:
            oid, reads, writes, moved = map(int, item.split(":"))
            counters[oid] = (reads, writes, moved)
        return cls(counters, int(moment))

    def since(self, before: Touched) -> Counters | None:
        """Return what was counted since ``before``; None if the counters began anew meanwhile."""
        if before.counters.keys() - self.counters.keys():
            return None
        found: Counters = {}
        for oid, now in self.counters.items():
            then = before.counters.get(oid, _NONE)
            if now == then:
                continue
            reads, writes, moved = (a - b for a, b in zip(now, then, strict=True))
            if reads < 0 or writes < 0:
                return None
            found[oid] = (reads, writes, moved)
        return found


@dataclass(frozen=True)
class Watch:
    """What is counted: tables and their indexes, by oid, with the table that each belongs to.

    ``parents`` has the tables that a table's foreign keys refer to, ``children`` those that refer to it.
    """

    tables: Mapping[int, int]
    names: Mapping[int, str] = field(default_factory=dict)
    parents: Mapping[int, frozenset[int]] = field(default_factory=dict)
    children: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    async def of(cls, connection: asyncpg.Connection, schemas: Iterable[str]) -> Watch:
        """Return what there is to be counted in a database; nothing if that wouldn't show it all.

        Deferred constraints look at tables during COMMIT, unseen; and a server may not count at all.
        """
        if await connection.fetchval(_NOT_COUNTED):
            return cls({})
        rows = await connection.fetch(_WATCHED, list(schemas))
        tied = [(row[0], row[1]) for row in await connection.fetch(_REFERENCES)]
        return cls(
            {row[0]: row[1] for row in rows},
            {row[1]: row[2] for row in rows},
            _ends(tied),
            _ends((parent, child) for child, parent in tied),
        )

    @property
    def teller(self) -> str:
        """Return the SQL of a crossfoot.touched() that reads these counters."""
        counters = [_counters(oid, is_table=oid == table) for oid, table in self.tables.items()]
        return _TOUCHED.format(counters=", ".join(counters))

    def footprint(
        self,
        base: Touched | None,
        before: Touched | None,
        after: Touched | None,
        lockable: frozenset[int] = frozenset(),
    ) -> Footprint:
        """Return what was touched between two looks at one transaction, which began at ``base``.

        ``lockable`` are the tables in which rows that were read may have been locked.
        """
        counted = after.since(before) if before and after else None
        whole = after.since(base) if base and after else None
        if counted is None or whole is None:
            return EVERYTHING
        reads = frozenset(self.tables[oid] for oid, (count, _, _) in counted.items() if count)
        changed = frozenset(self.tables[oid] for oid, (_, count, _) in counted.items() if count)
        locked = reads & (lockable | self._locked_along(whole))
        return Footprint(reads, changed | locked, changed=changed)

    def _locked_along(self, whole: Counters) -> frozenset[int]:
        """Return the tables in which a transaction that did this locks the rows that it reads.

        Those that it wrote, and those at the other end of a foreign key: of a row that is written the
        row that it refers to, and of one that is deleted or gets another key those that refer to it.
        """
        written = frozenset(oid for oid, (_, count, _) in whole.items() if count)
        moved = (oid for oid, (_, _, count) in whole.items() if count)
        return written.union(
            *(self.parents.get(oid, ()) for oid in written),
            *(self.children.get(oid, ()) for oid in moved),
        )


def _ends(tied: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for one, other in tied:
        found.setdefault(one, set()).add(other)
    return {one: frozenset(others) for one, others in found.items()}


NOTHING = Watch({})


def _counters(oid: int, *, is_table: bool) -> str:
    """Return the SQL of "oid:reads:writes:moved" for a relation, null if there were none."""

    def count(name: str) -> str:
        return f"pg_stat_get_xact_{name}({oid})"

    # What is fetched through an index is counted by its table, and only a table is written to.
    reads = " + ".join(map(count, _READS if is_table else _READS[:2]))
    writes = " + ".join(map(count, _WRITES)) if is_table else "0"
    # The update of an indexed column is never a heap-only one.
    moved = f"{count(_WRITES[2])} + {count(_WRITES[1])} - {count(_HOT)}" if is_table else "0"
    return f"nullif(concat('{oid}:', {reads}, ':', {writes}, ':', {moved}), '{oid}:0:0:0')"


def not_all_counted(text: str) -> bool:
    """Say whether SQL text can tell sessions apart by other things than what is counted."""
    try:
        code = " ".join(token.text for token in tokens(text))  # without its comments
    except ContentError:
        code = text
    return bool(_UNCOUNTED.search(code))
