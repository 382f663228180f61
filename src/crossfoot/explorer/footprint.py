"""What a session touched between two stops, so that orders which only swap strangers run once.

Two moves of different sessions may be swapped without anybody noticing if neither writes or locks a
table that the other one touches (Mazurkiewicz's independence). What was touched is measured, by
PostgreSQL's own counters of the running transaction and its lock table; it isn't guessed from the
code. Whatever can't be measured counts as touching everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg

from crossfoot.errors import ContentError
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
_TOUCHED = """
create or replace function crossfoot.touched() returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Without a number of its own a transaction has neither written nor locked a row. The lock table
    -- is slow to read.
    if pg_current_xact_id_if_assigned() is null then
        return array_to_string(array[{counters}], ' ') || '|';
    end if;
    return array_to_string(array[{counters}], ' ') || '|' || coalesce(
        (
            select string_agg(distinct held.relation::text, ' ')
            from pg_lock_status() as held
            where held.pid = pg_backend_pid() and held.locktype = 'relation'
                and held.mode <> 'AccessShareLock'
        ),
        ''
    );
end
$$
"""
_READS = ("numscans", "tuples_returned", "tuples_fetched")
_WRITES = ("tuples_inserted", "tuples_updated", "tuples_deleted")
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

Counters = dict[int, tuple[int, int]]
"""By relation: scans and rows read; rows written."""


@dataclass(frozen=True)
class Footprint:
    """The tables that one move read, and those that it wrote or locked rows of.

    ``changed`` are those of the latter that it wrote, for whoever reads about it.
    """

    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    unknown: bool = False
    changed: frozenset[int] = frozenset()

    def meets(self, other: Footprint) -> bool:
        """Say whether the order of two moves with these footprints may matter."""
        if self.unknown or other.unknown:
            return True
        return bool(
            self.writes & (other.reads | other.writes) or other.writes & (self.reads | self.writes)
        )

    def with_writes_of(self, other: Footprint) -> Footprint:
        """Return this footprint with another's writes in it."""
        unknown = self.unknown or other.unknown
        return Footprint(self.reads, self.writes | other.writes, unknown, self.changed)


EVERYTHING = Footprint(unknown=True)


@dataclass(frozen=True)
class Touched:
    """What a transaction has touched so far: counters, and the tables in which it holds locks.

    ``moment`` counts the looks of the session, less those that were rolled back.
    """

    counters: Counters
    locked: frozenset[int]
    moment: int = 0

    @classmethod
    def read(cls, text: str) -> Touched:
        """Read what a step says: ``"moment oid:reads:writes ...|oid ..."``."""
        moment, _, touched = text.partition(" ")
        counted, _, locked = touched.partition("|")
        counters: Counters = {}
        for item in counted.split():
            oid, reads, writes = item.split(":")
            counters[int(oid)] = (int(reads), int(writes))
        return cls(counters, frozenset(map(int, locked.split())), int(moment))

    def since(self, before: Touched) -> Counters | None:
        """Return what was counted since ``before``; None if the counters began anew meanwhile."""
        found: Counters = {}
        for oid in self.counters.keys() | before.counters.keys():
            now, then = self.counters.get(oid, (0, 0)), before.counters.get(oid, (0, 0))
            reads, writes = now[0] - then[0], now[1] - then[1]
            if reads < 0 or writes < 0:
                return None
            if reads or writes:
                found[oid] = (reads, writes)
        return found


@dataclass(frozen=True)
class Watch:
    """What is counted: tables and their indexes, by oid, with the table that each belongs to."""

    tables: Mapping[int, int]
    names: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    async def of(cls, connection: asyncpg.Connection, schemas: Iterable[str]) -> Watch:
        """Return what there is to be counted in a database; nothing if that wouldn't show it all.

        Deferred constraints look at tables during COMMIT, unseen; and a server may not count at all.
        """
        if await connection.fetchval(_NOT_COUNTED):
            return cls({})
        rows = await connection.fetch(_WATCHED, list(schemas))
        return cls({row[0]: row[1] for row in rows}, {row[1]: row[2] for row in rows})

    @property
    def teller(self) -> str:
        """Return the SQL of a crossfoot.touched() that reads these counters."""
        counters = [_counters(oid, is_table=oid == table) for oid, table in self.tables.items()]
        return _TOUCHED.format(counters=", ".join(counters))

    def footprint(self, before: Touched | None, after: Touched | None) -> Footprint:
        """Return what was touched between two looks at one transaction."""
        counted = after.since(before) if before and after else None
        if counted is None or after is None or before is None:
            return EVERYTHING
        reads = {self.tables[oid] for oid, (count, _) in counted.items() if count}
        changed = frozenset(self.tables[oid] for oid, (_, count) in counted.items() if count)
        # A scan of a table in which rows are locked may have locked some. Indexes are locked too.
        newly = {self.tables[oid] for oid in after.locked - before.locked if oid in self.tables}
        writes = changed | (reads & after.locked) | newly
        return Footprint(frozenset(reads), writes, changed=changed)

    def undone(self, base: Touched | None, last: Touched | None) -> Footprint:
        """Return what a rollback shows to others: any row that was read may have been locked."""
        whole = self.footprint(base, last)
        return whole if whole.unknown else Footprint(writes=whole.reads | whole.writes)

    def end(self, base: Touched | None, last: Touched | None) -> Footprint:
        """Return what a COMMIT or ROLLBACK shows to others: all that was written or locked."""
        whole = self.footprint(base, last)
        return whole if whole.unknown else Footprint(writes=whole.writes)


NOTHING = Watch({})


def _counters(oid: int, *, is_table: bool) -> str:
    """Return the SQL of "oid:reads:writes" for a relation, null if there were none."""

    def count(names: Iterable[str]) -> str:
        return " + ".join(f"pg_stat_get_xact_{name}({oid})" for name in names)

    # What is fetched through an index is counted by its table, and only a table is written to.
    reads = count(_READS if is_table else _READS[:2])
    writes = count(_WRITES) if is_table else "0"
    return f"nullif(concat('{oid}:', {reads}, ':', {writes}), '{oid}:0:0')"


def not_all_counted(text: str) -> bool:
    """Say whether SQL text can tell sessions apart by other things than what is counted."""
    try:
        code = " ".join(token.text for token in tokens(text))  # without its comments
    except ContentError:
        code = text
    return bool(_UNCOUNTED.search(code))
