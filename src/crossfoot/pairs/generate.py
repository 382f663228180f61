"""The races of every pair of operations, as race files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.explorer.race import Race, load_race
from crossfoot.pairs.cast import Cast, Stage
from crossfoot.pairs.reach import Reach
from crossfoot.pairs.slots import Callable, callables, drawn
from crossfoot.target import Target


@dataclass(frozen=True)
class Meeting:
    """How the arguments of two calls meet: ``cast`` is the second call's."""

    name: str
    says: str
    cast: Cast


@dataclass(frozen=True)
class Pair:
    """Two calls at once, and the calls that lead up to them."""

    first: Callable
    second: Callable
    meeting: Meeting
    before: tuple[Callable, ...]

    @property
    def name(self) -> str:
        """Return the name of the race."""
        names = [self.first.name, self.second.name]
        told = f"{names[0]}_twice" if names[0] == names[1] else "_and_".join(names)
        return f"{told}_{self.meeting.name}"

    def text(self, target: Target) -> str:
        """Return the race file."""
        stage = Stage(target.fixtures)
        before = [
            stage.call(each, Cast(key=f"before{number}")) for number, each in enumerate(self.before)
        ]
        first = stage.call(self.first, Cast())
        second = stage.call(self.second, self.meeting.cast)
        values = ", ".join(f"{name} {kind}" for name, kind in stage.declared.items())
        title = f"{self.first.name} and {self.second.name} at once, {self.meeting.says}"
        lines = [
            f"-- title:   {title}",
            "-- property: serial, state, ledger",
            "--",
            "-- Generated from the operations and fixtures of target.toml.",
            "",
            f"-- @values {values}" if values else "",
            "",
            "-- @setup",
            *stage.setup(before, target.target.role),
            "",
            "-- @session first",
            f"-- @call {self.first.name}",
            f"{first.strip().rstrip(';')};",
            "",
            "-- @session second",
            f"-- @call {self.second.name}",
            f"{second.strip().rstrip(';')};",
            "",
        ]
        return "\n".join(line for at, line in enumerate(lines) if line or lines[at - 1])


def meetings(first: Callable, second: Callable, target: Target) -> Iterator[Meeting]:
    """Yield how two calls can meet: on the same entities, on one of them, in opposite order."""
    if first.keys & second.keys:
        yield Meeting("same_key", "on the same entities under the same key", Cast(key="a"))
    yield Meeting("same_entities", "on the same entities", Cast(key="b"))
    if first.ordered and second.ordered:
        yield Meeting("opposite_order", "in opposite order", Cast(swapped=True, key="b"))
    for value in _parts(first, second, target):
        cast = Cast(number=2, shared=frozenset([value]), key="b")
        yield Meeting(f"same_{value}", f"that have the {value} in common", cast)


def _parts(first: Callable, second: Callable, target: Target) -> list[str]:
    """Return what two calls on different entities may still share: entities those are made of."""
    stage = Stage(target.fixtures)
    parts: list[set[str]] = []
    for operation in (first, second):
        used = {slot.value for slot in operation.entities}
        made_of = {
            value for each in used for value in drawn(target.fixtures[stage.owner(each)])
        } | used
        parts.append({value for value in made_of if stage.owner(value) == value})
    shared = parts[0] & parts[1]
    return sorted(shared) if max(len(part) for part in parts) > 1 else []


async def pairs(connection: asyncpg.Connection, target: Target) -> tuple[list[Pair], list[str]]:
    """Return the pairs of a target that is applied there, and what can't be paired, in sentences."""
    if not target.operations:
        raise ContentError(
            f"{target.file}: no [operations]", remedy="Name the calls that are to overlap."
        )
    found = await callables(connection, target)
    reach = Reach(connection, target, found)
    left_out = [f"{each.name}: in no pair, {each.problem}" for each in found if each.problem]
    ready: list[tuple[Callable, tuple[Callable, ...]]] = []
    by_name = {each.name: each for each in found}
    for each in found:
        if each.problem:
            continue
        before = await reach.before(each)
        if before is None:
            left_out.append(f"{each.name}: in no pair, it never succeeds on the fixtures")
        else:
            ready.append((each, tuple(by_name[name] for name in before)))
    return list(_pairs(ready, target)), left_out


def _pairs(
    ready: Sequence[tuple[Callable, tuple[Callable, ...]]], target: Target
) -> Iterator[Pair]:
    for (first, before_first), (second, before_second) in combinations_with_replacement(ready, 2):
        before = tuple(dict.fromkeys([*before_first, *before_second]))
        seen: set[str] = set()
        for meeting in meetings(first, second, target):
            pair = Pair(
                first,
                second,
                meeting,
                tuple(each for each in before if each not in (first, second)),
            )
            calls = pair.text(target).partition("-- @values")[2]
            if calls not in seen:
                seen.add(calls)
                yield pair


def write_pairs(found: Sequence[Pair], target: Target, folder: Path, seed: int) -> list[Race]:
    """Write the race files below ``folder`` and return the races."""
    folder.mkdir(parents=True, exist_ok=True)
    races = []
    for pair in found:
        path = folder / f"{pair.name}.race.sql"
        path.write_text(pair.text(target), encoding="utf-8")
        races.append(load_race(path, target, seed))
    return races
