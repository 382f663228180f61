"""Put an arena's tables back to what they held before a schedule, and read them all after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.instrument import SYSTEM_SCHEMAS
from crossfoot.explorer.race import Race
from crossfoot.scenario import literal
from crossfoot.sql import statements

# A partitioned table is read through its root, one with children (INHERITS) without them.
_TABLES = """
select format('%I.%I', n.nspname, c.relname) as name,
       case c.relkind when 'r' then 'only ' else '' end as only,
       (
           select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
           from pg_attribute as a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       ) as columns,
       array(
           select format('%I.%I', f.relnamespace::regnamespace, f.relname)
           from pg_constraint as k
           join pg_class as f on f.oid = k.confrelid
           where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> k.conrelid
       ) as refers_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
  and n.nspname <> all ($1::text[]) and n.nspname not like 'pg\\_%'
order by 1
"""
_SEQUENCES = """
select format('%I.%I', schemaname, sequencename) as name, max_value
from pg_sequences
where schemaname <> all ($1::text[])
order by 1
"""

# Numbers drawn from a sequence while the explorer runs lie in these ranges, so that an outcome
# shows which of its numbers mean nothing but "the next one".
GENERATED = range(5_000_000_000, 6_000_000_000)
GENERATED_INT4 = range(1_500_000_000, 1_690_000_000)


@dataclass(frozen=True)
class SeedState:
    """What the tables held at first, in an order in which no row comes before one that it refers to.

    ``emptying`` is the SQL that empties each table, ``refill`` what puts back the rows of those that
    had some, ``dump`` the query that reads all of them as JSON. Without ``replica`` (a role that may
    not set session_replication_role) triggers are switched off table by table instead.

    What empties the tables runs on a connection of its own, the keeper: to switch triggers on and off
    makes PostgreSQL plan everything anew.
    """

    emptying: dict[str, str]
    refill: dict[str, str]
    dump: str
    replica: bool
    keeper: asyncpg.Connection

    @classmethod
    async def capture(cls, connection: asyncpg.Connection, keeper: asyncpg.Connection) -> SeedState:
        """Remember what the tables hold now, and move the sequences into their ranges."""
        rows = _parents_first(await connection.fetch(_TABLES, list(SYSTEM_SCHEMAS)))
        refill: dict[str, str] = {}
        for number, row in enumerate(rows, start=1):
            table, columns = row["name"], row["columns"]
            if await connection.fetchval(f"select exists (select from {row['only']}{table})"):
                copy = f"crossfoot.seed_{number}"
                await connection.execute(
                    f"create table {copy} as select {columns} from {row['only']}{table}"
                )
                refill[table] = (
                    f"insert into {table} ({columns}) overriding system value table {copy};"
                )
        await _move_sequences(connection)
        dump = " union all ".join(
            f"select {literal(row['name'])}, to_jsonb(x.*)::text from {row['only']}{row['name']} as x"
            for row in rows
        )
        emptying = {row["name"]: f"delete from {row['only']}{row['name']};" for row in rows}
        replica = await _may_be_replica(keeper)
        if replica:
            await keeper.execute(_restorer(emptying, refill))
        return cls(emptying, refill, dump or "select '', '' where false", replica, keeper)

    async def restore(
        self,
        connection: asyncpg.Connection,
        race: Race,
        dirty: set[str] | None,
        also: str = "",
    ) -> None:
        """Restore the tables and run a race's set-up, and ``also`` some SQL before that.

        ``dirty`` are the tables that hold rows, None if that isn't known. Raises ContentError if
        the set-up fails.
        """
        tables = self.stale(dirty)
        try:
            reset = await self._reset(tables)
            if script := f"{also}{reset}\n{race.setup}".strip():
                await connection.execute(script)
        except asyncpg.PostgresError as error:
            await connection.execute(await self._reset(list(self.emptying)) or "select")
            line = await _failing_line(connection, race)
            raise ContentError(
                f"{race.file}:{line}: @setup fails: {error}",
                remedy="It runs as superuser, before every schedule.",
            ) from error

    def stale(self, dirty: set[str] | None) -> list[str]:
        """Return the tables that are to be put back: those with rows, or that had some at first."""
        return [
            table
            for table in self.emptying
            if dirty is None or table in dirty or table in self.refill
        ]

    async def _reset(self, tables: list[str]) -> str:
        """Put these tables back, or return the SQL that does where triggers are in the way."""
        if not tables:
            return ""
        if self.replica:
            await self.keeper.fetch("select crossfoot.restore($1)", tables)
            return ""
        all_tables = list(self.emptying)
        disable = [f"alter table {table} disable trigger user;" for table in all_tables]
        enable = [f"alter table {table} enable trigger user;" for table in all_tables]
        return "\n".join(
            [*disable, f"truncate {', '.join(all_tables)};", *self.refill.values(), *enable]
        )


def _restorer(emptying: Mapping[str, str], refill: Mapping[str, str]) -> str:
    """Return the SQL of a function that puts tables back, and of a session in which it may.

    There neither triggers (an append-only ledger forbids DELETE) nor foreign keys get in the way.
    """
    steps = [
        f"if {literal(table)} = any (tables) then {sql} end if;"
        for table, sql in [*emptying.items(), *refill.items()]
    ]
    return f"""
        set session_replication_role = replica;
        create function crossfoot.restore(tables text[]) returns void language plpgsql as
        $restore$ begin {" ".join(steps)} end $restore$;
    """


def _parents_first(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Put each table behind those that it refers to. Circles stay in the order of their names."""
    left = {row["name"]: row for row in rows}
    ordered: list[asyncpg.Record] = []
    while left:
        ready = [row for row in left.values() if not left.keys() & set(row["refers_to"])]
        for row in ready or list(left.values()):
            ordered.append(left.pop(row["name"]))
    return ordered


async def _may_be_replica(connection: asyncpg.Connection) -> bool:
    """Say whether triggers and foreign keys can be switched off: by a superuser, or by a grant."""
    try:
        await connection.execute("set session_replication_role = origin")
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


async def _failing_line(connection: asyncpg.Connection, race: Race) -> int:
    """Return the line of the first statement of the set-up that fails, running them one by one."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for statement, line in zip(statements(race.setup), race.setup_lines, strict=True):
            try:
                await connection.execute(statement.text)
            except asyncpg.PostgresError:
                return line
        return race.setup_lines[0] if race.setup_lines else 1
    finally:
        await transaction.rollback()


async def _move_sequences(connection: asyncpg.Connection) -> None:
    for number, row in enumerate(await connection.fetch(_SEQUENCES, list(SYSTEM_SCHEMAS))):
        wide = row["max_value"] > GENERATED.stop
        start = (
            GENERATED.start + number * 10_000_000
            if wide
            else GENERATED_INT4.start + number * 1_000_000
        )
        if start < row["max_value"]:
            await connection.execute(f"alter sequence {row['name']} restart with {start}")
