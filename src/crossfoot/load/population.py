"""The entities that a load works on. Their ids follow from the seed, so no worker has to ask for them.

``scenarios/load/population.toml`` says how many there are of each; the target's fixtures make them.
"""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from crossfoot.checks.relations import with_relations
from crossfoot.errors import ContentError
from crossfoot.headers import read_text
from crossfoot.sql import bind, inline, statements
from crossfoot.target import Target

FILE = "scenarios/load/population.toml"
_SPACE = uuid.UUID("c0f0f007-0000-4000-8000-000000000001")
_OPENING, _SCARCE = "opening", "scarce"
_DRAWN = {"uuid", "text"}


@dataclass(frozen=True)
class Made:
    """A fixture that is made ``count`` times, with ``numbers`` in place of its own.

    What it draws has ``prefix`` before its name.
    """

    fixture: str
    count: int
    numbers: Mapping[str, object]
    prefix: str = ""


@dataclass(frozen=True)
class Population:
    """The entities of one target.

    ``counts`` says how many there are of each value that a fixture draws: of the user of a wallet,
    say, and of the ``scarce user``, who has next to nothing in it. Those with even numbers are for
    users of the service, the others for users of the database.
    """

    target: str
    seed: int
    made: Sequence[Made]
    counts: Mapping[str, int]
    opening: str = ""

    def id(self, name: str, number: int) -> uuid.UUID:
        """Return the id of an entity; numbers begin at 0 and start over when they run out."""
        number %= self.counts.get(name, number + 1)
        return uuid.uuid5(_SPACE, f"{self.seed}:{self.target}:{name}:{number}")

    def text(self, name: str, number: int) -> str:
        """Return the id of an entity whose id is a text."""
        return f"{name}_{self.id(name, number).hex[:16]}"

    def value(self, name: str, drawn_as: str, number: int) -> uuid.UUID | str:
        """Return the id as a value of type ``uuid`` or ``text``."""
        return self.id(name, number) if drawn_as == "uuid" else self.text(name, number)


def load_population(target: Target, seed: int) -> Population:
    """Return the population of a target. Raises ContentError naming file and key."""
    path = target.content.root / FILE
    if not path.is_file():
        raise ContentError(f"{target.name} has no population: there is no {FILE}")
    try:
        table = tomllib.loads(read_text(path)).get(target.name)
    except tomllib.TOMLDecodeError as error:
        raise ContentError(f"{FILE}: not TOML: {error}") from error
    if not isinstance(table, dict):
        raise ContentError(f"{FILE}: there is no [{target.name}]")
    made = _made(target, table)
    counts: dict[str, int] = {}
    for each in made:
        for name in _drawn(target, each.fixture):
            counts.setdefault(each.prefix + name, each.count)
    return Population(target.name, seed, made, counts, str(table.get(_OPENING, "")))


def _made(target: Target, table: Mapping[str, Any]) -> list[Made]:
    """Return what a target's table asks for, those of which there is enough first."""
    enough = {kind: entry for kind, entry in table.items() if kind not in (_OPENING, _SCARCE)}
    made = []
    for prefix, kinds in (("", enough), (f"{_SCARCE} ", table.get(_SCARCE, {}))):
        if not isinstance(kinds, dict):
            raise ContentError(f"{FILE}: [{target.name}] {_SCARCE} is no table of kinds")
        for kind, entry in kinds.items():
            _check(target, kind, entry, f"{FILE}: [{target.name}] {prefix}{kind}")
            numbers = {name: value for name, value in entry.items() if name != "count"}
            made.append(Made(kind, entry["count"], numbers, prefix))
    return made


def _drawn(target: Target, kind: str) -> dict[str, str]:
    """Return the values that a fixture draws, with their types."""
    values = target.fixtures[kind].values
    return {name: str(how) for name, how in values.items() if how in _DRAWN}


def _check(target: Target, kind: str, entry: object, place: str) -> None:
    if kind not in target.fixtures:
        known = ", ".join(target.fixtures) or "none"
        raise ContentError(f"{place}: no such fixture", remedy=f"Fixtures: {known}.")
    if not isinstance(entry, dict):
        raise ContentError(f"{place} is no table", remedy="Say { count = 100 }.")
    count = entry.get("count")
    if not isinstance(count, int) or count < 2 or count % 2:
        raise ContentError(
            f"{place}: count is {count!r}",
            remedy="It has to be even: half of them are for users of the service.",
        )
    values = target.fixtures[kind].values
    for name in entry:
        if name != "count" and (name not in values or values[name] in _DRAWN):
            raise ContentError(f"{place}: the fixture has no number {name!r}")


async def fill(
    connection: asyncpg.Connection, target: Target, population: Population
) -> frozenset[str]:
    """Make the population in a database that has none of it yet. Raises ContentError.

    Then the statements of ``opening`` run: one of each kind of thing, so that no audit looks at
    nothing. Their names are the last entity of each kind, ``:key_1``, ``:key_2`` and so on.
    Returns the accounts that users of the service work on.
    """
    await _make_half(connection, target, population, 0)
    served: frozenset[str] = frozenset()
    if "account" in target.relations:
        query = with_relations(target, ["account"], "select account_id from account")
        served = frozenset(row[0] for row in await connection.fetch(query))
    await _make_half(connection, target, population, 1)
    async with connection.transaction():
        await _open(connection, target, population)
    return served


async def _make_half(
    connection: asyncpg.Connection, target: Target, population: Population, side: int
) -> None:
    for made in population.made:
        drawn, fixture = _drawn(target, made.fixture), target.fixtures[made.fixture]
        given = {**fixture.values, **made.numbers}
        literals = {name: str(value) for name, value in given.items() if name not in drawn}
        async with connection.transaction():  # a fixture may set a role for the rest of it
            for statement in statements(fixture.sql):
                query = bind(inline(statement.text, literals), drawn)
                rows = [
                    [
                        population.value(made.prefix + name, drawn[name], number)
                        for name in query.names
                    ]
                    for number in range(side, made.count, 2)
                ]
                await _run(connection, query.text, rows, f"{target.name}: fixture {made.fixture}")


async def _open(connection: asyncpg.Connection, target: Target, population: Population) -> None:
    types = {
        name: how for made in population.made for name, how in _drawn(target, made.fixture).items()
    }
    types |= {f"key_{number}": "uuid" for number in range(1, 20)}
    for statement in statements(population.opening):
        query = bind(statement.text, types)
        row = [
            population.value(name, types[name], population.counts.get(name, 1) - 1)
            for name in query.names
        ]
        await _run(connection, query.text, [row], f"{FILE}: [{target.name}] opening")


async def _run(
    connection: asyncpg.Connection, sql: str, rows: Sequence[Sequence[object]], place: str
) -> None:
    try:
        await connection.executemany(sql, rows)
    except asyncpg.PostgresError as error:
        raise ContentError(f"{place}: {error}".splitlines()[0]) from error
