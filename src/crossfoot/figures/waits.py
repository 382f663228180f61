"""Which queries waited for locks, and how many sessions at once, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossfoot.figures.samples import LockWaits, Look
from crossfoot.results import Waits
from crossfoot.target import Target

OTHERS = "other queries"
_MOST = 8  # queries that are told by themselves


@dataclass
class _Query:
    """How often one query was seen waiting, altogether and in each slice."""

    slices: list[int]
    total: int = 0
    longest: float = 0.0

    def add(self, at: int, wait: LockWaits) -> None:
        self.total += wait.sessions
        self.longest = max(self.longest, wait.longest)
        if 0 <= at < len(self.slices):
            self.slices[at] += wait.sessions

    def merge(self, other: _Query) -> None:
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        self.slices = [mine + its for mine, its in zip(self.slices, other.slices, strict=True)]


def waits_of(
    looks: Sequence[Look], target: Target, first: int, width: float, count: int
) -> list[Waits]:
    """Return the queries of this target that waited, those that waited most first.

    ``first`` is when the calls began, in nanoseconds; ``width`` the seconds of a slice, of which there
    are ``count``. A slice in which nobody looked has None.
    """
    looked = [0] * count
    found: dict[str, _Query] = {}
    for look in looks:
        at = int((look.at - first) / 1e9 / width)
        if 0 <= at < count:
            looked[at] += 1
        for wait in look.waits:
            if name := named(wait.query, target):
                found.setdefault(name, _Query([0] * count)).add(at, wait)
    return [
        Waits(
            query=name,
            mean=round(query.total / len(looks), 3),
            longest_seconds=round(query.longest, 6),
            over_time=[
                round(sessions / seen, 3) if seen else None
                for sessions, seen in zip(query.slices, looked, strict=True)
            ],
        )
        for name, query in _most(found, count)
    ]


def named(query: str, target: Target) -> str:
    """Return the operation that a query calls, else the query; nothing if it isn't of this target."""
    for name, operation in target.operations.items():
        if f"{operation.function}(" in query:
            return name
    return query if any(f"{schema}." in query for schema in target.schemas) else ""


def _most(found: dict[str, _Query], count: int) -> list[tuple[str, _Query]]:
    ranked = sorted(found.items(), key=lambda each: (-each[1].total, each[0]))
    if len(ranked) > _MOST:
        others = _Query([0] * count)
        for _, query in ranked[_MOST:]:
            others.merge(query)
        ranked[_MOST:] = [(OTHERS, others)]
    return ranked
