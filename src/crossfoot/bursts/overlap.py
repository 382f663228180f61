"""Did calls overlap? Told from the server's own clock, at the beginning and the end of each call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """When one call was under way for certain, in microseconds; ``entity`` is what it was about."""

    entity: int
    start: int
    end: int


@dataclass(frozen=True)
class Overlap:
    """How far calls on the same entity overlapped.

    ``timed`` of ``calls`` have a span, ``overlapping`` of them share a moment with another one, and
    ``at_once`` is the largest number that share one moment.
    """

    calls: int
    timed: int
    overlapping: int
    at_once: int

    @property
    def proved(self) -> bool:
        """Say whether any two calls overlapped."""
        return self.at_once > 1


def overlap_of(spans: Sequence[Span], calls: int) -> Overlap:
    """Return how far spans overlap. Two that only touch don't: the first may have ended by then."""
    groups: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        if span.start < span.end:
            groups[span.entity].append(span)
    return Overlap(
        calls,
        len(spans),
        sum(_overlapping(group) for group in groups.values()),
        max((_at_once(group) for group in groups.values()), default=0),
    )


def _overlapping(spans: Iterable[Span]) -> int:
    """Return how many of the spans intersect another one."""
    found = 0
    latest: Span | None = None  # of those so far, the one that ends last
    counted = False
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        if latest is not None and span.start < latest.end:
            found += 1 if counted else 2
            counted = True
            if span.end > latest.end:
                latest = span
        else:
            latest, counted = span, False
    return found


def _at_once(spans: Iterable[Span]) -> int:
    """Return the largest number of spans that have a moment in common."""
    # At the same microsecond, an end comes before a beginning.
    moments = sorted(moment for span in spans for moment in _edges(span))
    under_way = most = 0
    for _, change in moments:
        under_way += change
        most = max(most, under_way)
    return most


def _edges(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    return (span.start, 1), (span.end, -1)
