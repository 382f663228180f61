"""SQL and model side by side: the same calls are made in both, answers and whole states compared.

A :class:`World` describes one system. Each of its recipes aims at some outcomes of its functions,
and yields the calls that lead there; what the recipes share (accounts, keys, documents) is few enough
that they meet each other's leavings. Hypothesis chooses their order and their arguments, leaves
some out, and shrinks what fails.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from inspect import signature
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import note
from hypothesis import strategies as st

from crossfoot.background import BackgroundServer

Draw = Callable[[st.SearchStrategy[Any]], Any]
Answer = str | list[dict[str, Any]]
"""A refusal's message, or the rows."""


@dataclass(frozen=True)
class Call:
    """A call of a function of the system, with its arguments in order."""

    function: str
    arguments: Sequence[Any]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Fact:
    """What no function does: a statement of the superuser, and the same for the model's state."""

    statement: str
    arguments: Sequence[Any]
    change: Callable[[Any], Any]

    def __str__(self) -> str:
        return f"{self.statement} {tuple(map(str, self.arguments))}"


Steps = Generator["Call | Fact", Answer, None]
Recipe = Callable[[Any, Draw], Steps]
RECIPES: dict[type[World], list[Recipe]] = {}


def recipe_of(world: type[World]) -> Callable[[Recipe], Recipe]:
    """Enter a recipe: it yields the calls that lead to certain outcomes, in any order of recipes."""

    def enter(recipe: Recipe) -> Recipe:
        RECIPES.setdefault(world, []).append(recipe)
        return recipe

    return enter


class World:
    """One system with a few accounts. A new one is made for every example.

    ``outcomes`` lists every outcome of every function as a glob of its label.
    """

    system: ClassVar[str]
    outcomes: ClassVar[dict[str, list[str]]]
    state: Any

    def __init__(self, model: ModuleType) -> None:
        self.model = model
        self.state = model.State()
        self.ids = random.Random(7)

    def uuid(self) -> UUID:
        """Return an id that was never used before. The same ones in every example."""
        return UUID(int=self.ids.getrandbits(128), version=4)

    def setup(self) -> Iterator[Fact]:
        """Yield what is there before the first call."""
        yield from ()

    def label(self, call: Call, answer: Answer) -> str:
        """Return the name of an outcome, which one of ``outcomes`` has to match."""
        return answer if isinstance(answer, str) else "ok"

    def given(self, call: Call, answer: Answer, now: datetime) -> dict[str, Any]:
        """Return what the model can't know: the time, and the id that the server drew."""
        drawn = answer[0].get(call.function) if isinstance(answer, list) and answer else None
        return {"now": now, "new_id": drawn if isinstance(drawn, UUID) else self.uuid()}

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        """Return all that is in the database, in terms of :meth:`known`."""
        raise NotImplementedError

    def known(self) -> dict[str, Any]:
        """Return all that is in the model's state."""
        raise NotImplementedError


class SideBySide:
    """Plays worlds on one connection, in a transaction that is rolled back; counts outcomes."""

    def __init__(self, server: BackgroundServer, connection: asyncpg.Connection) -> None:
        self.server, self.connection = server, connection
        self.seen: Counter[tuple[str, str]] = Counter()

    def play(self, world: World, recipes: Sequence[Recipe], draw: Draw) -> None:
        """Follow the recipes one after another."""
        transaction = self.connection.transaction()
        self.server.run(transaction.start())
        try:
            now = self.server.run(self.connection.fetchval("select now()"))
            for fact in world.setup():
                self.step(world, fact, now)
            for recipe in recipes:
                self.follow(world, recipe(world, draw), now)
        finally:
            self.server.run(transaction.rollback())

    def follow(self, world: World, steps: Steps, now: datetime) -> None:
        """Make the steps of one recipe, each in SQL and in the model."""
        try:
            step = next(steps)
            while True:
                note(str(step))
                step = steps.send(self.step(world, step, now))
        except StopIteration:
            return

    def step(self, world: World, step: Call | Fact, now: datetime) -> Answer:
        """Make one step in both and compare; return what SQL answered."""
        if isinstance(step, Fact):
            self.server.run(self.connection.execute(step.statement, *step.arguments))
            world.state = step.change(world.state)
            return []
        said = self.server.run(self.in_sql(world, step))
        expected = in_model(world, step, said, now)
        if isinstance(said, list) and isinstance(expected, list) and expected:
            said = [{key: row.get(key) for key in expected[0]} for row in said]
        assert said == expected, f"{step}: SQL says {said}, the model {expected}"
        rows, known = self.server.run(world.rows(self.connection)), world.known()
        for name in known:
            assert rows[name] == known[name], f"{step}: {name} differ"
        self.count(world, step, said)
        return said

    def count(self, world: World, call: Call, answer: Answer) -> None:
        """Count the outcome under the pattern that it matches."""
        label = world.label(call, answer)
        for pattern in world.outcomes[call.function]:
            if fnmatchcase(label, pattern):
                self.seen[call.function, pattern] += 1
                return
        raise AssertionError(f"{call}: {label!r} is no outcome that the world lists")

    async def in_sql(self, world: World, call: Call) -> Answer:
        """Return the rows of a call, or the message of its refusal."""
        places = ", ".join(f"${number}" for number in range(1, len(call.arguments) + 1))
        query = f"select * from {world.system}.{call.function}({places})"
        try:
            async with self.connection.transaction():
                return [dict(row) for row in await self.connection.fetch(query, *call.arguments)]
        except asyncpg.RaiseError as refusal:
            return str(refusal.message)


def in_model(world: World, call: Call, said: Answer, now: datetime) -> Answer:
    """Make the same call in the model; its state goes on from there."""
    function = getattr(world.model, call.function)
    wanted = signature(function).parameters
    given = {k: v for k, v in world.given(call, said, now).items() if k in wanted}
    try:
        world.state, rows = function(world.state, *call.arguments, **given)
    except world.model.Refused as refusal:
        return str(refusal)
    return rows if isinstance(rows, list) else [rows]


@st.composite
def orders(draw: Draw, world: type[World]) -> list[Recipe]:
    """Draw all recipes in some order, with few of them left out; shrinks to few."""
    order = draw(st.permutations(RECIPES[world]))
    return [recipe for recipe in order if draw(st.integers(0, 31))]
