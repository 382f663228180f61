"""What the calls of a race do alone and in turn: evidence for the name of what went wrong.

A failing schedule says how things ended, not why. Each session by itself, on the same rows, says what
it meant to change; the sessions one after the other say what becomes of that when nobody is in the
way. Compared with the schedule, these show what was lost, doubled or read too early.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice, permutations
from typing import Any

import asyncpg

from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.drawn import TIME, Drawn
from crossfoot.explorer.race import Race
from crossfoot.explorer.serial import InOrder
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.trace import Trace
from crossfoot.verdicts import Outcome

_MOST_TURNS = 6  # three sessions in every order
_KEYS = """
select format('%I.%I', n.nspname, c.relname) as name, array_agg(a.attname::text) as key
from pg_index as i
join pg_class as c on c.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum = any (i.indkey)
where i.indisprimary and n.nspname not in ('pg_catalog', 'crossfoot')
group by 1
"""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Key = tuple[str, ...]
Row = dict[str, Any]
Tables = dict[str, dict[Key, Row]]


@dataclass(frozen=True)
class Change:
    """One row that is otherwise than before: ``old`` is None if it is new, ``new`` if it is gone."""

    table: str
    key: Key
    old: Row | None
    new: Row | None


@dataclass(frozen=True)
class Turn:
    """The sessions one after the other: in which order, how it went, and what the tables held then."""

    order: tuple[int, ...]
    trace: Trace
    after: Tables


@dataclass(frozen=True)
class Evidence:
    """The tables before and after a schedule, after each session alone, and after all in turn.

    ``keys`` are the columns of each table's primary key; ``begun`` is what the first transaction of a
    session that has several leaves.
    """

    race: Race
    trace: Trace
    before: Tables
    after: Tables
    alone: tuple[Tables, ...]
    turns: tuple[Turn, ...]
    begun: Mapping[int, Tables]
    keys: Mapping[str, tuple[str, ...]]

    @property
    def ok(self) -> list[int]:
        """Return the sessions whose calls all ended ok."""
        return went_well(self.trace)

    def written_by(self, session: int) -> list[Change]:
        """Return what a session changes by itself."""
        return changes(self.before, self.alone[session])

    def all_well_in(self, turn: Turn, sessions: Iterable[int]) -> bool:
        """Say whether these sessions all end ok in a turn."""
        return set(sessions) <= set(went_well(turn.trace))

    def same_request(self, sessions: Iterable[int]) -> bool:
        """Say whether these sessions send the same statements with the same arguments."""
        sent = {
            tuple(call.shown for each in self.race.sessions[index].transactions for call in each)
            for index in sessions
        }
        return len(sent) == 1


def went_well(trace: Trace) -> list[int]:
    """Return the sessions of a schedule whose calls all ended ok."""
    return [
        index
        for index, results in enumerate(trace.results)
        if results and all(result.outcome is Outcome.OK for result in results)
    ]


async def gather(arena: Arena, race: Race, trace: Trace) -> Evidence | None:
    """Run the sessions alone and in turn, in an arena; None where they don't come to an end."""
    several = [i for i, session in enumerate(race.sessions) if len(session.transactions) > 1]
    orders = list(islice(permutations(range(len(race.sessions))), _MOST_TURNS))

    async def run(of: Race, *order: int) -> Trace:
        return await arena.run(of, InOrder(order))

    try:
        before = await run(replace(race, sessions=()))
        alone = [await run(_only(race, index)) for index in range(len(race.sessions))]
        begun = [await run(_only(race, index, 1)) for index in several]
        turns = []
        for order in orders:
            transactions = [i for i in order for _ in race.sessions[i].transactions]
            turns.append(await run(race, *transactions))
    except (NotDeterministicError, StuckError):
        return None
    reader = _Reader(race, await _keys(arena.control), times_in(before) & times_in(turns[0]))
    return Evidence(
        race,
        trace,
        reader.tables(before),
        reader.tables(trace),
        tuple(reader.tables(each) for each in alone),
        tuple(Turn(order, t, reader.tables(t)) for order, t in zip(orders, turns, strict=True)),
        {index: reader.tables(each) for index, each in zip(several, begun, strict=True)},
        reader.keys,
    )


async def _keys(connection: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    return {row["name"]: tuple(row["key"]) for row in await connection.fetch(_KEYS)}


def _only(race: Race, index: int, transactions: int | None = None) -> Race:
    session = race.sessions[index]
    return replace(
        race, sessions=(replace(session, transactions=session.transactions[:transactions]),)
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the rows that schedules leave: drawn numbers and ids masked, times as far from now.

    ``fixed`` are the times that are the same in every run.
    """

    race: Race
    keys: Mapping[str, tuple[str, ...]]
    fixed: set[str]

    def tables(self, trace: Trace) -> Tables:
        """Return the rows by table and primary key.

        Of a table without a key, a row's key is the row and its number among its equals.
        """
        real = {str(value) for value in self.race.values.values()}
        found: Tables = {}
        for name, text in trace.state:
            if name.startswith("@state"):
                continue
            row = json.loads(text, parse_float=Decimal)
            masked = {
                column: value if str(value) in real else self._masked(value, trace.drawn)
                for column, value in row.items()
            }
            rows = found.setdefault(name, {})
            key = tuple(str(row[column]) for column in self.keys.get(name, ()))
            rows[key or _numbered(masked, rows)] = masked
        return found

    def _masked(self, value: Any, drawn: Drawn) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return "#" if drawn.drew(value) else value
        if not isinstance(value, str):
            return value
        told = TIME.sub(lambda at: at[0] if at[0] in self.fixed else drawn.told(at), value)
        return _UUID.sub("#", told)


def times_in(trace: Trace) -> set[str]:
    """Return the times of day in the rows that a schedule left."""
    return {time[0] for _, row in trace.state for time in TIME.finditer(row)}


def _numbered(row: Row, rows: Mapping[Key, Row]) -> Key:
    text = json.dumps(row, default=str)
    return text, str(sum(key[0] == text for key in rows))


def changes(before: Tables, after: Tables) -> list[Change]:
    """Return the rows that are new, gone, or otherwise."""
    found: list[Change] = []
    for table in before.keys() | after.keys():
        old, new = before.get(table, {}), after.get(table, {})
        found += [
            Change(table, key, old.get(key), new.get(key))
            for key in old.keys() | new.keys()
            if old.get(key) != new.get(key)
        ]
    return sorted(found, key=lambda change: (change.table, change.key))


def inserted(found: Iterable[Change], table: str = "") -> list[Row]:
    """Return the new rows among changes, of one table or of all."""
    return [c.new for c in found if c.old is None and c.new and table in {"", c.table}]


def numbers(row: Row | None) -> Iterator[tuple[str, Decimal]]:
    """Yield the columns of a row that hold a number."""
    for column, value in (row or {}).items():
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            yield column, Decimal(value)
