"""What has to be called before an operation, so that it can succeed: found by trying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations

import asyncpg

from crossfoot.outcome import outcome_of_error, outcome_of_rows
from crossfoot.pairs.cast import Cast, Stage
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
    found: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    async def before(self, operation: Callable) -> tuple[str, ...] | None:
        """Return the names of the calls, the fewest that do; None if nothing helps."""
        if operation.name not in self.found:
            self.found[operation.name] = await self._search(operation)
        return self.found[operation.name]

    async def _search(self, operation: Callable) -> tuple[str, ...] | None:
        others = [each for each in self.operations if not each.problem and each is not operation]
        for length in range(_LONGEST + 1):
            for chosen in permutations(others, length):
                if await self._succeeds([*chosen, operation]):
                    return tuple(each.name for each in chosen)
        return None

    async def _succeeds(self, calls: Sequence[Callable]) -> bool:
        """Say whether each of the calls ends ok, one after the other, on the first entities."""
        stage = Stage(self.target.fixtures)
        texts = [stage.call(each, Cast(key=f"before{number}")) for number, each in enumerate(calls)]
        values = draw(stage.declared, 1)
        literals = {n: f"{literal(values[n])}::{kind}" for n, kind in stage.declared.items()}
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            if setup := "\n".join(stage.setup((), None)):
                await self.connection.execute(inline(setup, literals))
            if role := self.target.target.role:
                await self.connection.execute(f'set local role "{role}"')
            for each, text in zip(calls, texts, strict=True):
                if await self._outcome(each, inline(text, literals)) is not Outcome.OK:
                    return False
        except asyncpg.PostgresError:
            return False
        finally:
            await transaction.rollback()
        return True

    async def _outcome(self, operation: Callable, text: str) -> Outcome:
        try:
            rows = await self.connection.fetch(text)
        except asyncpg.PostgresError as error:
            message = str(getattr(error, "message", "") or error)
            return outcome_of_error(operation.operation, str(error.sqlstate), message)
        columns = tuple(rows[0].keys()) if rows else ()
        texts = [tuple(render(value) for value in row.values()) for row in rows]
        return outcome_of_rows(operation.operation, columns, texts)
