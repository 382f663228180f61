"""Who is who in a generated race: which entity each argument is, and the fixtures that make them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from crossfoot.pairs.slots import TEXT, Callable, Slot, drawn
from crossfoot.sql import inline, names_in
from crossfoot.target import Fixture


@dataclass(frozen=True)
class Cast:
    """Who a call is about: the number of each kind of entity, from 1; ``key`` tells keys apart.

    ``shared`` are kinds of which it is number 1 all the same. Of two entities of a kind the second is
    the next one; they are ``swapped``, or stand in a ``ring`` of so many, in which 1 comes after the
    last. ``amount`` stands for each number that isn't bound to anything.
    """

    number: int = 1
    shared: frozenset[str] = frozenset()
    swapped: bool = False
    key: str = "a"
    ring: int = 0
    amount: int | None = None

    def of(self, value: str) -> int:
        """Return which entity of a kind this call is about."""
        return 1 if value in self.shared else self.number

    def nth(self, value: str, nth: int, *, several: bool = True) -> int:
        """Return which entity comes ``nth`` (from 0) in a call, which may take ``several`` of a kind."""
        at = 1 - nth if self.swapped and several and nth < 2 else nth
        number = self.of(value) + at
        return (number - 1) % self.ring + 1 if self.ring else number

    def constant(self, slot: Slot) -> str:
        """Return what is bound to nothing. Calls on other entities also say another text."""
        if slot.value == TEXT and self.number > 1:
            return f"'x{self.number}'"
        return slot.value if self.amount is None or not slot.is_amount else str(self.amount)

    def argument(self, slot: Slot, stage: Stage) -> str:
        """Return the SQL of an argument."""
        if slot.kind == "constant":
            return self.constant(slot)
        if slot.kind == "key":
            name = f"key_{self.key}_{slot.name}"
            stage.declared[name] = slot.type
            return f":{name}"
        if slot.kind == "expression":
            return stage.named(slot.value, {name: self.of(name) for name in names_in(slot.value)})
        if slot.kind == "entities":
            both = ", ".join(f":{slot.value}_{self.nth(slot.value, nth)}" for nth in (0, 1))
            return f"array[{both}]"
        return f":{slot.value}_{self.nth(slot.value, slot.nth, several=slot.paired)}"


@dataclass
class Stage:
    """The fixtures of a target, and which of them a race needs."""

    fixtures: Mapping[str, Fixture]
    ran: dict[tuple[str, int], str] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)

    def owner(self, value: str) -> str:
        """Return the fixture that makes a kind of entity: the one of its name, or the first."""
        if value in self.fixtures:
            return value
        return next(name for name, fixture in self.fixtures.items() if value in fixture.values)

    def call(self, operation: Callable, cast: Cast) -> str:
        """Return an operation's call with its arguments, and see to the fixtures it needs."""
        arguments = {slot.name: cast.argument(slot, self) for slot in operation.slots}
        for text in arguments.values():
            for name in names_in(text):
                self.need(name, cast)
        return inline(operation.operation.call, arguments)

    def need(self, name: str, cast: Cast) -> None:
        """See to it that an entity ("lead_2") is there. A key is, once it is drawn."""
        if not name.startswith("key_"):
            value, _, number = name.rpartition("_")
            self.run(self.owner(value), int(number), cast)

    def run(self, fixture_name: str, number: int, cast: Cast) -> None:
        """Run a fixture once for each of its entities, after those of others that it speaks of."""
        if (fixture_name, number) in self.ran:
            return
        fixture = self.fixtures[fixture_name]
        numbers = {}
        for value in drawn(fixture):
            owner = self.owner(value)
            own = owner == fixture_name
            numbers[value] = number if own or number != cast.number else cast.of(value)
            self.declared[f"{value}_{numbers[value]}"] = str(fixture.values[value])
            if not own:
                self.run(owner, numbers[value], cast)
        self.ran[fixture_name, number] = self.named(fixture.sql.strip().rstrip(";"), numbers)

    def named(self, sql: str, numbers: Mapping[str, int]) -> str:
        """Return SQL over a fixture's values with the numbered entities and the constants put in."""
        names = {name: f":{name}_{number}" for name, number in numbers.items()}
        return inline(sql, self.constants() | {n: t for n, t in names.items() if self.is_drawn(n)})

    def is_drawn(self, value: str) -> bool:
        """Say whether a value stands for an entity."""
        return any(value in drawn(fixture) for fixture in self.fixtures.values())

    def constants(self) -> dict[str, str]:
        """Return the values that are numbers, texts or flags, as SQL."""
        return {
            name: _literal(value)
            for fixture in self.fixtures.values()
            for name, value in fixture.values.items()
            if name not in drawn(fixture)
        }

    def setup(self, before: Iterable[str], role: str | None) -> Iterator[str]:
        """Yield the statements that come before the race: fixtures, then calls that lead up to it."""
        for statement in self.ran.values():
            yield f"{statement};"
            if re.search(r"\brole\b", statement):
                yield "reset role;"
        calls = list(before)
        if calls and role:
            yield f"select set_config('role', '{role}', true);"
        yield from (f"{call};" for call in calls)


def _literal(value: str | float | bool) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()
