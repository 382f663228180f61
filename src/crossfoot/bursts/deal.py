"""What each caller of a burst gets: an entity, a call, and values of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crossfoot.bursts.burst import Burst, BurstCall
from crossfoot.scenario import draw, literal

Values = dict[str, object]


@dataclass(frozen=True)
class Deal:
    """The values that a burst's sections speak of: everybody's, each entity's, each caller's.

    An entity's contain everybody's, a caller's contain those of its entity.
    """

    burst: Burst
    setup: Values
    entities: tuple[Values, ...]
    callers: tuple[Values, ...]

    @classmethod
    def of(cls, burst: Burst, callers: int, seed: int) -> Deal:
        """Draw the values for so many callers: the same for the same seed, and distinct."""
        types = dict(burst.types["setup"])
        for scope, number in (("entity", burst.spread), ("caller", callers)):
            own = burst.types[scope].items()
            types |= {f"{name}-{at}": kind for at in range(number) for name, kind in own}
        drawn = draw(types, seed)

        def of_one(scope: str, at: int) -> Values:
            return {name: drawn[f"{name}-{at}"] for name in burst.types[scope]}

        setup = {name: drawn[name] for name in burst.types["setup"]}
        entities = tuple(setup | of_one("entity", at) for at in range(burst.spread))
        each = (
            entities[at * burst.spread // callers] | of_one("caller", at) for at in range(callers)
        )
        return cls(burst, setup, entities, tuple(each))

    def of_scope(self, scope: str) -> tuple[Values, ...]:
        """Return the values of each of whom a section is: once, each entity's or each caller's."""
        return {"setup": (self.setup,), "entity": self.entities, "caller": self.callers}[scope]

    def parts(self) -> Iterator[tuple[int, BurstCall, Values]]:
        """Yield what each caller calls: (entity, call, values).

        Those of one entity stand side by side, as they are let go in this order. Kinds of call take
        turns, so each entity gets all of them if it has callers enough.
        """
        kinds = [call for call in self.burst.calls for _ in range(call.weight)]
        for at, values in enumerate(self.callers):
            entity = at * self.burst.spread // len(self.callers)
            yield entity, kinds[at % len(kinds)], values

    def literals(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return values as SQL literals of their types."""
        types = {name: kind for each in self.burst.types.values() for name, kind in each.items()}
        return {name: f"{literal(value)}::{types[name]}" for name, value in values.items()}
