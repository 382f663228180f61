"""The races of every two operations, and of every three."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.pairs.cast import Cast, Stage
from crossfoot.pairs.plot import Plot, Turn
from crossfoot.pairs.reach import Reach
from crossfoot.pairs.slots import Callable, callables, drawn
from crossfoot.target import Target

_TIMES = {1: "{}", 2: "{}_twice", 3: "{}_three_times"}


@dataclass(frozen=True)
class Meeting:
    """How the arguments of calls meet: a cast for each of them."""

    name: str
    says: str
    casts: tuple[Cast, ...]


@dataclass
class Ensemble:
    """The operations of a target that can succeed on its fixtures; ``left_out`` says which can't."""

    target: Target
    reach: Reach
    operations: list[Callable]
    left_out: list[str]

    @classmethod
    async def of(cls, connection: asyncpg.Connection, target: Target) -> Ensemble:
        """Return those of a target that is applied there. Raises ContentError if it has no operations."""
        if not target.operations:
            raise ContentError(
                f"{target.file}: no [operations]", remedy="Name the calls that are to overlap."
            )
        found = await callables(connection, target)
        ensemble = cls(target, Reach(connection, target, found), [], [])
        for each in found:
            if each.problem:
                ensemble.left_out.append(f"{each.name}: in no pair, {each.problem}")
            elif await ensemble.reach.before(each) is None:
                ensemble.left_out.append(
                    f"{each.name}: in no pair, it never succeeds on the fixtures"
                )
            else:
                ensemble.operations.append(each)
        return ensemble

    def plots(self, sessions: int, *, apart: bool = False) -> list[Plot]:
        """Return a race of one call per session for each way in which so many calls can meet.

        ``apart`` is when they have nothing in common. What leads up to the calls isn't in it.
        """
        return [
            plot
            for calls in combinations_with_replacement(self.operations, sessions)
            for plot in self._plots(calls, apart=apart)
        ]

    def _plots(self, calls: Sequence[Callable], *, apart: bool) -> Iterator[Plot]:
        seen: set[str] = set()
        for meeting in meetings(calls, self.target, apart=apart):
            turns = [Turn(*each) for each in zip(calls, meeting.casts, strict=True)]
            plot = Plot(
                f"{_told(calls)}_{meeting.name}",
                f"{_listed(calls)} at once, {meeting.says}",
                tuple(((turn,),) for turn in turns),
            )
            text = plot.text(self.target).partition("-- @values")[2]
            if text not in seen:
                seen.add(text)
                yield plot


def meetings(
    calls: Sequence[Callable], target: Target, *, apart: bool = False
) -> Iterator[Meeting]:
    """Yield how calls can meet: on the same entities, on some of them, in opposite order, not at all."""
    number = len(calls)
    letters = "abc"[:number]
    keys = frozenset.intersection(*(frozenset(each.keys) for each in calls))
    ordered = all(each.ordered for each in calls)
    if keys:
        one_key = (Cast(),) * number
        yield Meeting("same_key", "on the same entities under the same key", one_key)
    own_keys = tuple(Cast(key=letter) for letter in letters)
    yield Meeting("same_entities", "on the same entities", own_keys)
    if ordered and number == 2:
        back = (Cast(), Cast(swapped=True, key="b"))
        yield Meeting("opposite_order", "in opposite order", back)
    if ordered:
        says = "each beginning where the one before ends"
        ring = number if number > 2 else 0
        row = tuple(Cast(at, key=letter, ring=ring) for at, letter in enumerate(letters, start=1))
        yield Meeting("in_a_ring" if ring else "in_a_row", says, row)
    for value in _parts(calls, target):
        shared = frozenset([value])
        casts = tuple(Cast(at, shared, key=letter) for at, letter in enumerate(letters, start=1))
        yield Meeting(f"same_{value}", f"that have the {value} in common", casts)
    if apart and any(each.entities for each in calls):
        width = max(each.width for each in calls)
        far = tuple(Cast(1 + at * width, key=letter) for at, letter in enumerate(letters))
        yield Meeting("apart", "each on entities of its own", far)
        if keys:
            same = tuple(Cast(1 + at * width) for at in range(number))
            yield Meeting("apart_same_key", "under the same key, on entities of their own", same)


def _parts(calls: Sequence[Callable], target: Target) -> list[str]:
    """Return what calls on different entities may still share: entities those are made of."""
    parts = [made_of(each, target) for each in calls]
    shared = set.intersection(*parts)
    return sorted(shared) if max(len(part) for part in parts) > 1 else []


def made_of(operation: Callable, target: Target) -> set[str]:
    """Return the kinds of entities that an operation takes, and those that they are made of."""
    stage = Stage(target.fixtures)
    used = {slot.value for slot in operation.entities}
    parts = {value for each in used for value in drawn(target.fixtures[stage.owner(each)])} | used
    return {value for value in parts if stage.owner(value) == value}


def _told(calls: Sequence[Callable]) -> str:
    """Return the calls as a part of a file's name."""
    counted = Counter(each.name for each in calls)
    return "_and_".join(_TIMES[times].format(name) for name, times in counted.items())


def _listed(calls: Sequence[Callable]) -> str:
    """Return the calls as a part of a sentence."""
    *first, last = [each.name for each in calls]
    return f"{', '.join(first)} and {last}"
