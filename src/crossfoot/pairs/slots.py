"""What the arguments of an operation are filled with: entities of fixtures, keys, amounts, constants.

An argument is an entity if words of its name are a fixture's value ("buyer_workspace_id" and
"workspace"), or if target.toml says so under ``arguments``. Otherwise its type decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.sql import bind, names_in
from crossfoot.target import Fixture, Operation, Target

Kind = Literal["entity", "entities", "key", "constant", "expression"]

_KEY_WORDS = {"key", "id", "session", "reference", "event", "request", "token"}
_LABEL_WORDS = {"type", "kind", "method", "reason", "description", "url", "name", "status"}
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}
TEXT = "'x'"
_FIXED = {
    "bool": "true",
    "date": "date '2030-01-01'",
    "timestamp": "timestamp '2030-01-01 00:00:00'",
    "timestamptz": "timestamptz '2030-01-01 00:00:00Z'",
    "interval": "interval '1 hour'",
    "json": "json '{}'",
    "jsonb": "jsonb '{}'",
}


@dataclass(frozen=True)
class Slot:
    """One argument. ``value`` names the fixture's value, or is SQL.

    ``nth`` counts entities of the same kind, of which there are others if it is ``paired``.
    """

    name: str
    type: str
    kind: Kind
    value: str
    nth: int = 0
    paired: bool = False

    @property
    def is_amount(self) -> bool:
        """Say whether it is a number that stands for no entity."""
        return self.kind == "constant" and self.type in _NUMBERS


@dataclass(frozen=True, eq=False)
class Callable:
    """An operation whose arguments can be filled, or the reason why it can't be called."""

    name: str
    operation: Operation
    slots: tuple[Slot, ...] = ()
    problem: str = ""

    @property
    def entities(self) -> list[Slot]:
        """Return the arguments that stand for an entity, or for a list of them."""
        return [slot for slot in self.slots if slot.kind in {"entity", "entities"}]

    @property
    def keys(self) -> set[str]:
        """Return the arguments that are keys. Calls may have those of one name in common."""
        return {slot.name for slot in self.slots if slot.kind == "key"}

    @property
    def ordered(self) -> bool:
        """Say whether it takes several entities of a kind, which have an order."""
        return self.width > 1

    @property
    def width(self) -> int:
        """Return how many entities of one kind it takes at most."""
        return max((2 if s.kind == "entities" else s.nth + 1 for s in self.entities), default=1)


def drawn(fixture: Fixture) -> list[str]:
    """Return the values of a fixture that stand for something new: those given as a type."""
    return [
        name
        for name, value in fixture.values.items()
        if value in {"uuid", "text", "bigint", "integer"}
    ]


async def callables(connection: asyncpg.Connection, target: Target) -> list[Callable]:
    """Return the operations of a target with their arguments. The target is applied there."""
    return [
        await _callable(connection, target, name, operation)
        for name, operation in target.operations.items()
    ]


async def _callable(
    connection: asyncpg.Connection, target: Target, name: str, operation: Operation
) -> Callable:
    query = bind(operation.call, dict.fromkeys(names_in(operation.call), ""))
    try:
        prepared = await connection.prepare(query.text)
    except asyncpg.PostgresError as error:
        raise ContentError(
            f"{target.file}: [operations.{name}] call: {error}",
            remedy="The call is a statement with :names for its arguments.",
        ) from error
    kinds = [kind.name for kind in prepared.get_parameters()]
    slots: list[Slot] = []
    for argument, kind in zip(query.names, kinds, strict=True):
        slot = _slot(argument, kind, target, operation)
        if slot is None:
            return Callable(name, operation, problem=f"no value for :{argument} ({kind})")
        if slot.kind == "entity":
            before = sum(each.kind == "entity" and each.value == slot.value for each in slots)
            slot = replace(slot, nth=before)
        slots.append(slot)
    paired = {slot.value for slot in slots if slot.nth}
    return Callable(
        name, operation, tuple(replace(slot, paired=slot.value in paired) for slot in slots)
    )


def _slot(name: str, kind: str, target: Target, operation: Operation) -> Slot | None:
    given = operation.arguments.get(name, "")
    if given and given.removeprefix(":") not in _entities(target):
        return Slot(name, kind, "expression", given)
    if value := given.removeprefix(":") or _entity(name, target):
        return Slot(name, kind, "entities" if kind.endswith("[]") else "entity", value)
    words = name.split("_")
    if kind == "uuid" or (
        kind == "text" and _KEY_WORDS & set(words) and words[-1] not in _LABEL_WORDS
    ):
        return Slot(name, kind, "key", kind)
    if kind in _NUMBERS:
        return Slot(name, kind, "constant", str(_amount(target)))
    if kind in {"text", "varchar"}:
        return Slot(name, kind, "constant", TEXT)
    return Slot(name, kind, "constant", _FIXED[kind]) if kind in _FIXED else None


def _entity(name: str, target: Target) -> str | None:
    """Return the longest value of a fixture whose words the name contains, a plural included."""
    words = f"_{name}_"
    known = _entities(target)
    found = [value for value in known if f"_{value}_" in words or f"_{value}s_" in words]
    return max(found, key=lambda value: (len(value), value), default=None)


def _entities(target: Target) -> set[str]:
    return {value for fixture in target.fixtures.values() for value in drawn(fixture)}


def _amount(target: Target) -> int:
    """Return an amount of which one fits into the fixtures' largest number, and two don't."""
    numbers = [
        value
        for fixture in target.fixtures.values()
        for value in fixture.values.values()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return max(1, int(max(numbers, default=1) * 6) // 10)
