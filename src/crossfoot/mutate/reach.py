"""Which functions and tables a statement may come to, by the names in the texts that it runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg

from crossfoot.explorer.race import Race
from crossfoot.target import Target

_FUNCTIONS = """
select
    format('%s.%s', n.nspname, p.proname) as name,
    coalesce(nullif(p.prosrc, ''), pg_get_functiondef(p.oid), '') as text
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
where n.nspname = any ($1::text[]) and p.prokind in ('f', 'p')
"""
_TABLES = """
select
    format('%I.%I', n.nspname, c.relname) as name,
    coalesce(pg_get_viewdef(c.oid), '') || ' ' || coalesce(
        (
            select string_agg(t.tgfoid::regproc::text, ' ')
            from pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal
        ),
        ''
    ) as text
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm')
"""
_NAME = re.compile(r"\w+")


@dataclass
class Reach:
    """Follows names from text to text: functions to what they call, tables to their triggers.

    It may find too much, never too little, but for SQL that is put together while it runs.
    """

    functions: Mapping[str, str]
    texts: Mapping[str, str]
    _followed: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    async def of(cls, connection: asyncpg.Connection, target: Target) -> Reach:
        """Read the functions, tables and views of a target that is applied there."""
        functions = {
            str(row["name"]): str(row["text"])
            for row in await connection.fetch(_FUNCTIONS, target.schemas)
        }
        tables = {
            str(row["name"]): str(row["text"])
            for row in await connection.fetch(_TABLES, target.schemas)
        }
        return cls(functions, functions | tables)

    def of_text(self, text: str) -> frozenset[str]:
        """Return the functions and tables that SQL text comes to."""
        if text not in self._followed:
            short: dict[str, list[str]] = {}
            for name in self.texts:
                short.setdefault(_short(name), []).append(name)
            found: set[str] = set()
            front = [text]
            while front:
                words = set(_NAME.findall(front.pop()))
                for name in (each for word in words & short.keys() for each in short[word]):
                    if name not in found:
                        found.add(name)
                        front.append(self.texts[name])
            self._followed[text] = frozenset(found)
        return self._followed[text]

    def meets(self, text: str, touched: Collection[str]) -> bool:
        """Say whether SQL text comes to one of these functions or tables."""
        names = {_short(name) for name in touched}
        return any(_short(name) in names for name in self.of_text(text))

    def races(self, races: Iterable[Race], touched: Collection[str]) -> set[str]:
        """Return the names of the races whose sessions come to one of these."""
        return {
            race.name
            for race in races
            if self.meets(" ".join(call.query.text for call in race.calls), touched)
        }

    def operations(self, target: Target, touched: Collection[str]) -> set[str]:
        """Return the operations that come to one of these."""
        return {n for n, each in target.operations.items() if self.meets(each.call, touched)}


def _short(name: str) -> str:
    return name.rpartition(".")[2].strip('"')
