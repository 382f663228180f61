"""What has to be called before an operation, so that it can succeed: found by trying."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import permutations

import asyncpg

from crossfoot.outcome import outcome_of_error, outcome_of_rows
from crossfoot.pairs.cast import Cast, Stage
from crossfoot.pairs.plot import Plot, Turn
from crossfoot.pairs.slots import Callable
from crossfoot.rendering import render
from crossfoot.scenario import draw, literal
from crossfoot.sql import inline
from crossfoot.target import Target
from crossfoot.verdicts import Outcome

_LONGEST = 2  # calls before the one that is to succeed


@dataclass
class Reach:
    """Finds the calls that lead up to each operation, in transactions that are rolled back."""

    connection: asyncpg.Connection
    target: Target
    operations: Sequence[Callable]
    found: dict[str, tuple[Callable, ...] | None] = field(default_factory=dict)

    async def before(self, operation: Callable) -> tuple[Callable, ...] | None:
        """Return the operations to call first, the fewest that do; None if nothing helps."""
        if operation.name not in self.found:
            self.found[operation.name] = await self._search(operation)
        return self.found[operation.name]

    async def led_up(self, plot: Plot) -> Plot:
        """Return the plot with the calls that lead up to each of its own, on that one's entities.

        Without those that the race makes itself, and those with which its set-up would fail.
        """
        made = {turn.on(self.target) for turn in plot.turns}
        for turn in plot.turns:
            for operation in self.found.get(turn.name) or ():
                leading = Turn(operation, replace(turn.cast, swapped=False, amount=None))
                if leading.on(self.target) not in made:
                    made.add(leading.on(self.target))
                    longer = replace(plot, before=(*plot.before, leading))
                    plot = longer if await self._stands(longer) else plot
        return plot

    async def _stands(self, plot: Plot) -> bool:
        """Say whether the set-up of a race runs through."""
        stage, setup = plot.setup(self.target)
        try:
            async with self._rolled_back():
                await self.connection.execute(inline("\n".join(setup), _literals(stage)))
        except asyncpg.PostgresError:
            return False
        return True

    async def _search(self, operation: Callable) -> tuple[Callable, ...] | None:
        others = [each for each in self.operations if not each.problem and each is not operation]
        for length in range(_LONGEST + 1):
            for chosen in permutations(others, length):
                if await self._succeeds([*chosen, operation]):
                    return chosen
        return None

    async def _succeeds(self, calls: Sequence[Callable]) -> bool:
        """Say whether each of the calls ends ok, one after the other, on the first entities."""
        stage = Stage(self.target.fixtures)
        texts = [stage.call(each, Cast(key=f"before{number}")) for number, each in enumerate(calls)]
        literals = _literals(stage)
        try:
            async with self._rolled_back():
                if setup := "\n".join(stage.setup((), None)):
                    await self.connection.execute(inline(setup, literals))
                if role := self.target.target.role:
                    await self.connection.execute(f'set local role "{role}"')
                for each, text in zip(calls, texts, strict=True):
                    if await self._outcome(each, inline(text, literals)) is not Outcome.OK:
                        return False
        except asyncpg.PostgresError:
            return False
        return True

    @asynccontextmanager
    async def _rolled_back(self) -> AsyncIterator[None]:
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            yield
        finally:
            await transaction.rollback()

    async def _outcome(self, operation: Callable, text: str) -> Outcome:
        try:
            rows = await self.connection.fetch(text)
        except asyncpg.PostgresError as error:
            message = str(getattr(error, "message", "") or error)
            return outcome_of_error(operation.operation, str(error.sqlstate), message)
        columns = tuple(rows[0].keys()) if rows else ()
        texts = [tuple(render(value) for value in row.values()) for row in rows]
        return outcome_of_rows(operation.operation, columns, texts)


def _literals(stage: Stage) -> dict[str, str]:
    """Return a value for each name that is declared, as SQL."""
    values = draw(stage.declared, 1)
    return {name: f"{literal(values[name])}::{kind}" for name, kind in stage.declared.items()}
