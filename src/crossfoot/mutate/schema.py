"""The guards that a target's tables hold: constraints, unique indexes, NOT NULL, triggers.

They are read from the catalog, so however they were written, they are found. What a key needs to
be there for another table's foreign key is taken away with it, and said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from crossfoot.headers import read_text
from crossfoot.mutate.mutants import Mutant, mutant, told_apart
from crossfoot.sql import statements, tokens
from crossfoot.target import Target

# A key that holds another key's columns, too, forbids nothing by itself: it is there to be referred
# to. Partitions' constraints are those of the table that they are partitions of.
_GUARDS = """
with implied as (
    select mine.indexrelid
    from pg_index as mine
    join pg_index as less on less.indrelid = mine.indrelid
    where mine.indisunique and less.indisunique and less.indexrelid <> mine.indexrelid
        and less.indpred is null and less.indexprs is null
        and mine.indpred is null and mine.indexprs is null
        and less.indnkeyatts < mine.indnkeyatts
        and (less.indkey::smallint[])[0:less.indnkeyatts - 1]
            <@ (mine.indkey::smallint[])[0:mine.indnkeyatts - 1]
)
select
    case k.contype
        when 'c' then 'check' when 'f' then 'foreign key' when 'p' then 'primary key'
        when 'x' then 'exclusion' else 'unique'
    end as kind,
    k.conname::text as name,
    format('%I.%I', n.nspname, c.relname) as table_name,
    case when k.contype = 'f' then k.confrelid::regclass::text else '' end as other,
    pg_get_constraintdef(k.oid) as definition,
    format(
        'alter table %I.%I drop constraint if exists %I cascade;', n.nspname, c.relname, k.conname
    ) as sql,
    array(
        select f.conname::text from pg_constraint as f
        where f.contype = 'f' and f.conindid = k.conindid and k.contype in ('p', 'u')
    ) as needed_by
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and k.contype in ('c', 'f', 'p', 'u', 'x')
    and k.coninhcount = 0 and k.conparentid = 0
    and (k.contype not in ('p', 'u') or k.conindid not in (select indexrelid from implied))
union all
select
    'unique index', i.relname::text, format('%I.%I', n.nspname, c.relname), '',
    pg_get_indexdef(i.oid), format('drop index %I.%I cascade;', n.nspname, i.relname),
    array(select f.conname::text from pg_constraint as f where f.conindid = i.oid)
from pg_index as x
join pg_class as i on i.oid = x.indexrelid
join pg_class as c on c.oid = x.indrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and x.indisunique
    and i.oid not in (select indexrelid from implied)
    and not exists (
        select from pg_constraint as k where k.conindid = i.oid and k.contype in ('p', 'u', 'x')
    )
union all
select
    'not null', a.attname::text, format('%I.%I', n.nspname, c.relname), '',
    'not null',
    format(
        'alter table %I.%I alter column %I drop not null;', n.nspname, c.relname, a.attname
    ),
    '{}'
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and a.attnotnull and not a.attisdropped and a.attidentity = ''
    and not exists (
        select from pg_index as x
        where x.indrelid = c.oid and x.indisprimary and a.attnum = any (x.indkey)
    )
union all
select
    'trigger', t.tgname::text, format('%I.%I', n.nspname, c.relname), '',
    pg_get_triggerdef(t.oid), format('drop trigger %I on %I.%I;', t.tgname, n.nspname, c.relname),
    '{}'
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and not t.tgisinternal and t.tgparentid = 0
order by 3, 1, 2
"""
_PASSIVE = {"check", "not null"}


async def schema_mutants(connection: asyncpg.Connection, target: Target) -> list[Mutant]:
    """Return the mutants of a target's tables; the target is applied there."""
    places = _Places.of(target)
    rows = await connection.fetch(_GUARDS, target.schemas)
    return told_apart([_mutant(target, row, places) for row in rows])


def _mutant(target: Target, row: asyncpg.Record, places: _Places) -> Mutant:
    kind, name = str(row["kind"]), str(row["name"])
    table = str(row["table_name"])
    short = table.rpartition(".")[2].strip('"')
    column = kind == "not null"
    said = f"not null {short}.{name}" if column else f"{kind} {name}"
    if row["needed_by"]:
        said += f", with {', '.join(row['needed_by'])}"
    at, line = places.find(short, name)
    made = mutant(target, at, line, said, kind, {f"without {name}": str(row["sql"])})
    return replace(
        made,
        diff=f"- {row['definition']}",
        touches=frozenset({table, str(row["other"])} - {""}),
        constraint=f"{short}.{name}" if column else name,
        passive=kind in _PASSIVE,
        schema=True,
    )


@dataclass(frozen=True)
class _Places:
    """Where the words of a target's tables stand, for a line to point to."""

    words: Sequence[tuple[str, int, list[tuple[str, int]]]]

    @classmethod
    def of(cls, target: Target) -> _Places:
        found = []
        for path in target.sql_files:
            for statement in statements(read_text(path)):
                words = [
                    (token.word.strip('"'), statement.line + _lines(statement.text, token.start))
                    for token in tokens(statement.text)
                ]
                if words[0][0] in {"create", "alter"}:
                    found.append((target.content.relative(path), statement.line, words))
        return cls(found)

    def find(self, table: str, name: str) -> tuple[str, int]:
        """Return file and line of the name, in the statement that is about the table.

        The name that PostgreSQL gave to an unnamed constraint begins with the table's: then it is
        the line on which the table is made.
        """
        for file, _, words in self.words:
            lines = [line for word, line in words[2:] if word == name]
            if lines and any(word == table for word, _ in words):
                return file, lines[0]
        for file, line, words in self.words:
            head = [word for word, _ in words[:6]]
            if "table" in head and table in head:
                return file, line
        return "", 0


def _lines(text: str, offset: int) -> int:
    return text.encode()[:offset].count(b"\n")
