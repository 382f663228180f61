"""What the catalog says of tables that matters to who meets whom: columns, unique and foreign keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import asyncpg

# Two different texts of one of these are two different values, also of any column they are assigned to.
# crossfoot.key in steps.sql has the same list.
_PLAIN_TYPES = [
    "uuid",
    "smallint",
    "integer",
    "bigint",
    "text",
    "character varying",
    "boolean",
    "date",
]
_COLUMNS = """
select
    class.oid::bigint as oid,
    namespace.nspname as schema,
    class.relname as name,
    class.relkind = 'r' and not class.relhasrules
    and not exists (select from pg_inherits where class.oid in (inhrelid, inhparent))
    and not exists (select from pg_constraint where conrelid = class.oid and contype = 'x') as plain,
    case when not class.relforcerowsecurity then class.relowner::bigint end as owner,
    exists (
        select from pg_policy as policy
        where policy.polrelid = class.oid and (
            concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) ~* '\\mfrom\\M'
            or exists (
                select from pg_depend
                where classid = 'pg_policy'::regclass and objid = policy.oid
                    and refclassid = 'pg_proc'::regclass
            )
        )
    ) as guarded,
    attribute.attname as column,
    attribute.atttypid::regtype::text = any ($2) and attribute.atttypmod = -1
    and attribute.attgenerated = '' and not odd.operator
    and not (odd.collation and attribute.attcollation <> 0) as comparable,
    attribute.attgenerated <> '' as generated,
    attribute.atthasdef or attribute.attidentity <> '' or type.typdefault is not null as defaulted,
    attribute.attidentity <> ''
    or pg_get_expr(def.adbin, def.adrelid) ~ '^(nextval\\(|gen_random_uuid\\(\\)|uuidv7\\(\\))' as fresh,
    attribute.attidentity <> ''
    or pg_get_expr(def.adbin, def.adrelid)
        ~ '(nextval|uuidv7|clock_timestamp|statement_timestamp|timeofday)\\(' as drawn
from pg_class as class
inner join pg_namespace as namespace on class.relnamespace = namespace.oid
inner join pg_attribute as attribute
    on class.oid = attribute.attrelid and attribute.attnum > 0 and not attribute.attisdropped
inner join pg_type as type on attribute.atttypid = type.oid
cross join (
    select
        exists (
            select from pg_operator
            where oprname = '=' and oprnamespace <> 'pg_catalog'::regnamespace
                and oprleft::regtype::text = any ($2) and oprright::regtype::text = any ($2)
        ) as operator,
        exists (select from pg_collation where not collisdeterministic) as collation
) as odd
left join pg_attrdef as def on attribute.attrelid = def.adrelid and attribute.attnum = def.adnum
where class.relkind in ('r', 'p', 'v', 'm', 'f')
    and namespace.nspname <> all ($1::text[]) and namespace.nspname not like 'pg\\_%'
order by class.oid, attribute.attnum
"""
_UNIQUES = """
select
    index.indrelid::bigint as oid,
    array(
        select attribute.attname::text
        from unnest(index.indkey::smallint[]) with ordinality as key (number, place)
        inner join pg_attribute as attribute
            on index.indrelid = attribute.attrelid and key.number = attribute.attnum
        where key.place <= index.indnkeyatts
    ) as columns,
    array(
        select attribute.attname::text
        from pg_depend as depend
        inner join pg_attribute as attribute
            on depend.refobjid = attribute.attrelid and depend.refobjsubid = attribute.attnum
        where depend.classid = 'pg_class'::regclass and depend.objid = index.indexrelid
            and depend.refclassid = 'pg_class'::regclass and depend.refobjid = index.indrelid
    ) as judged,
    index.indexprs is not null as computed,
    index.indnullsnotdistinct as nulls_collide
from pg_index as index
where index.indisunique
"""
_REFERENCES = """
select
    conrelid::bigint as child,
    confrelid::bigint as parent,
    array(
        select attname::text
        from unnest(conkey) with ordinality as key (number, place)
        inner join pg_attribute on attrelid = conrelid and attnum = key.number
        order by key.place
    ) as columns,
    array(
        select attname::text
        from unnest(confkey) with ordinality as key (number, place)
        inner join pg_attribute on attrelid = confrelid and attnum = key.number
        order by key.place
    ) as referred,
    confdeltype <> 'd' and confupdtype <> 'd' as simple
from pg_constraint
where contype = 'f'
"""
_TRIGGERS = """
select
    trigger.tgrelid::bigint as oid,
    trigger.tgtype::integer as type,
    language.lanname in ('plpgsql', 'sql') and function.provolatile = 'v' as stepped
from pg_trigger as trigger
inner join pg_proc as function on trigger.tgfoid = function.oid
inner join pg_language as language on function.prolang = language.oid
where not trigger.tgisinternal
"""
# What a default, a check or the WHEN of a trigger calls.
_CALLS = """
select coalesce(def.adrelid, con.conrelid, trigger.tgrelid)::bigint as oid, function.proname as name
from pg_depend as depend
inner join pg_proc as function on depend.refobjid = function.oid
left join pg_attrdef as def
    on depend.classid = 'pg_attrdef'::regclass and depend.objid = def.oid
left join pg_constraint as con
    on depend.classid = 'pg_constraint'::regclass and depend.objid = con.oid and con.conrelid <> 0
left join pg_trigger as trigger
    on depend.classid = 'pg_trigger'::regclass and depend.objid = trigger.oid
    and trigger.tgfoid <> function.oid
where depend.refclassid = 'pg_proc'::regclass
    and coalesce(def.adrelid, con.conrelid, trigger.tgrelid) is not null
"""
_BEFORE_ROW = 3
EVENTS = {"insert": 4, "delete": 8, "update": 16}


@dataclass(frozen=True)
class Column:
    """A column: whether texts tell its values apart, and what an INSERT that doesn't name it puts there.

    A value that is ``fresh`` is no other row's; one that is ``drawn`` shows which of two came first.
    """

    comparable: bool
    generated: bool
    defaulted: bool
    fresh: bool
    drawn: bool = False


@dataclass(frozen=True)
class Unique:
    """A unique key: its columns, none if it is computed, and those that decide whether a row has it."""

    columns: frozenset[str]
    judged: frozenset[str] = frozenset()
    nulls_collide: bool = False

    def may_change(self, columns: Collection[str]) -> bool:
        """Say whether a row whose columns change may get another key."""
        concerned = self.columns | self.judged
        return not concerned or (bool(columns) and not concerned.isdisjoint(columns))


@dataclass(frozen=True)
class Reference:
    """A foreign key, from the child's side: ``columns`` refer to the columns ``referred``.

    Where it isn't ``simple``, children may come to refer to another row by themselves (SET DEFAULT).
    """

    child: int
    parent: int
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    simple: bool = True


@dataclass
class Table:
    """A table. ``plain`` says that a statement that names it touches it, and nothing behind it.

    Unless it is ``guarded``: then a policy may look elsewhere, for anybody but the ``owner``.
    ``rewritten`` has the events before which a trigger may change the row, ``opaque`` those on which
    something runs that has no steps: a trigger, a default, a check.
    """

    oid: int
    plain: bool
    guarded: bool = False
    owner: int | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    uniques: list[Unique] = field(default_factory=list)
    parents: list[Reference] = field(default_factory=list)
    children: list[Reference] = field(default_factory=list)
    rewritten: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)


@dataclass
class Tables:
    """The tables of a database."""

    by_oid: dict[int, Table] = field(default_factory=dict)
    by_name: dict[tuple[str, str], Table] = field(default_factory=dict)

    @classmethod
    async def of(
        cls,
        connection: asyncpg.Connection,
        schemas: Iterable[str],
        touching: Collection[str] = (),
    ) -> Tables:
        """Read them from the catalog, but for those in these schemas.

        ``touching`` are the names of functions that touch data.
        """
        found = cls()
        for row in await connection.fetch(_COLUMNS, list(schemas), _PLAIN_TYPES):
            found._add_column(row)
        for row in await connection.fetch(_UNIQUES):
            if table := found.by_oid.get(row["oid"]):
                table.uniques.append(_unique(row, table))
        for row in await connection.fetch(_REFERENCES):
            found._add_reference(row)
        for row in await connection.fetch(_TRIGGERS):
            found._add_trigger(row)
        for row in await connection.fetch(_CALLS):
            if row["name"] in touching and (table := found.by_oid.get(row["oid"])):
                table.opaque |= EVENTS.keys()
        return found

    @property
    def names(self) -> set[str]:
        """Return the unqualified names."""
        return {name for _, name in self.by_name}

    def named(self, schema: str, name: str) -> Table | None:
        """Return a table by its name; without a schema, the only one of this name."""
        if schema:
            return self.by_name.get((schema, name))
        found = [table for (_, each), table in self.by_name.items() if each == name]
        return found[0] if len(found) == 1 else None

    def _add_column(self, row: asyncpg.Record) -> None:
        oid = row["oid"]
        made = Table(oid, row["plain"], row["guarded"], row["owner"])
        table = self.by_oid.setdefault(oid, made)
        self.by_name[row["schema"], row["name"]] = table
        table.columns[row["column"]] = Column(
            bool(row["comparable"]),
            bool(row["generated"]),
            bool(row["defaulted"]),
            bool(row["fresh"]),
            bool(row["drawn"]),
        )

    def _add_reference(self, row: asyncpg.Record) -> None:
        reference = Reference(
            row["child"],
            row["parent"],
            tuple(row["columns"]),
            tuple(row["referred"]),
            row["simple"],
        )
        if child := self.by_oid.get(reference.child):
            child.parents.append(reference)
        if parent := self.by_oid.get(reference.parent):
            parent.children.append(reference)

    def _add_trigger(self, row: asyncpg.Record) -> None:
        if table := self.by_oid.get(row["oid"]):
            events = {name for name, bit in EVENTS.items() if row["type"] & bit}
            if row["type"] & _BEFORE_ROW == _BEFORE_ROW:
                table.rewritten |= events
            if not row["stepped"]:
                table.opaque |= events


def _unique(row: asyncpg.Record, table: Table) -> Unique:
    columns = frozenset(row["columns"])
    judged = columns | frozenset(row["judged"])
    if any(table.columns[each].generated for each in judged):
        return Unique(frozenset(), frozenset(), row["nulls_collide"])  # any change may change it
    return Unique(frozenset() if row["computed"] else columns, judged, row["nulls_collide"])
