"""The smallest part of something that still contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def smallest(parts: Sequence[T], contradict: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return parts that contradict each other, none of which can be left out.

    Delta debugging (Zeller and Hildebrandt, 2002): leave out ever smaller pieces as long as the rest
    still contradicts. If ``parts`` don't contradict in the first place, all are returned.
    """
    kept = list(parts)
    if not contradict(kept):
        return kept
    size = max(1, len(kept) // 2)
    while True:
        start = 0
        removed = False
        while start < len(kept):
            rest = kept[:start] + kept[start + size :]
            if rest and contradict(rest):
                kept, removed = rest, True
            else:
                start += size
        if size > 1:
            size //= 2
        elif not removed:
            return kept
