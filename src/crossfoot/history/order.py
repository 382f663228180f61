"""Do the calls of one account fit the order of its ledger? (linearizability, with a witness)

The entries are the witness: they say in which order the effects happened. So it doesn't have to be searched
for. What is left to ask is whether every effect lies within its call, and whether every answer that no entry
witnesses (a refusal, a read) has a moment within its call at which it was right.

An order exists if and only if each of these finds the earliest place that is late enough for all that
had ended before it began: places only ever grow, so the earliest choice never takes one from another.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import heappop, heappush
from itertools import accumulate

from crossfoot.history.chain import balances
from crossfoot.history.clocks import View, Window, window
from crossfoot.history.ledger import Number
from crossfoot.history.matching import ALWAYS, Matched, Violation, describe
from crossfoot.history.moves import Move
from crossfoot.history.smallest import smallest

FIT_ONE_ORDER = "calls_fit_one_order"
_BLOCK = 256
_MOST = 20  # violations of one account that are told apart


class Balances:
    """The balance before the first entry and after each, and where it had some value."""

    def __init__(self, values: Sequence[Number]) -> None:
        self.values = values

    @cached_property
    def _least(self) -> list[Number]:
        return [min(self.values[i : i + _BLOCK]) for i in range(0, len(self.values), _BLOCK)]

    @cached_property
    def _places(self) -> dict[Number, list[int]]:
        places: defaultdict[Number, list[int]] = defaultdict(list)
        for i, value in enumerate(self.values):
            places[value].append(i)
        return places

    def first(self, reader: Move, low: int, high: int) -> int | None:
        """Return the first place in ``low..high`` at which the reader's answer is right."""
        if low > high:
            return None
        need = -(reader.amount or 0)
        if reader.told is not None:
            if reader.short and reader.told >= need:
                return None
            there = self._places.get(reader.told, [])
            i = bisect_left(there, low)
            return there[i] if i < len(there) and there[i] <= high else None
        return self._first_below(need, low, high)

    def _first_below(self, need: Number, low: int, high: int) -> int | None:
        values, i = self.values, low
        while i <= high:
            if not i % _BLOCK and self._least[i // _BLOCK] >= need:
                i += _BLOCK
            elif values[i] < need:
                return i
            else:
                i += 1
        return None


class Order:
    """The order of one account's effects, on one clock."""

    def __init__(self, found: Matched, view: View) -> None:
        self.found, self.view = found, view
        self.balances = Balances(balances(found))
        self.windows = [window(request, view) for request in found.asked]
        # A reader whose amount or told balance nobody knows says nothing.
        self.readers = [
            r for r in found.readers if r.told is not None or (r.short and r.amount is not None)
        ]

    def violations(self) -> Iterator[Violation]:
        """Yield what contradicts; readers are only placed if the entries are in order."""
        entries = list(self._entries_out_of_order())
        yield from entries or self._misplaced()

    def _entries_out_of_order(self) -> Iterator[Violation]:
        latest, holder = -ALWAYS, -1
        left = _MOST
        for i, (begin, end) in enumerate(self.windows):
            if end < latest:
                yield self._swapped(holder, i)
                left -= 1
                if not left:
                    return
                # One call that came too early is one violation, however many it overtook.
                self.windows[holder] = (-ALWAYS, ALWAYS)
                kept = ((w[0], j) for j, w in enumerate(self.windows[:i]))
                latest, holder = max(kept, default=(-ALWAYS, -1))
            if begin > latest:
                latest, holder = begin, i

    def _swapped(self, early: int, late: int) -> Violation:
        first, second = self.found.entries[early], self.found.entries[late]
        says = (
            f"the ledger has {describe(first)} before {describe(second)}, but the call of entry"
            f" {second.no} had ended before the call of entry {first.no} began"
        )
        moves = [
            m for i in (late, early) if (request := self.found.asked[i]) for m in request.possible
        ]
        return self._violation("wrong order", says, moves, [early, late])

    # -- readers ------------------------------------------------------------------------------------

    def _misplaced(self) -> Iterator[Violation]:
        """Place the readers, each as early as it can be; yield those that have no place."""
        if not self.readers:
            return
        begins, ends = list(accumulate((begin for begin, _ in self.windows), max)), self._ends
        over: list[tuple[float, int, int]] = []
        floor, holder = self.found.opening, -1
        floors: dict[int, int] = {}
        timed = sorted((*self.view(reader), i) for i, reader in enumerate(self.readers))
        for begin, end, i in timed:
            while over and over[0][0] < begin:
                _, place, other = heappop(over)
                if place > floor:
                    floor, holder = place, other
            low = max(floor, bisect_left(ends, begin))
            high = bisect_right(begins, end)
            floors[i] = holder if floor >= low else -1
            found = self.balances.first(self.readers[i], low, high)
            if found is None:
                yield self._no_place(i, (low, high), floors)
            else:
                heappush(over, (end, found, i))

    def _no_place(self, i: int, places: tuple[int, int], floors: dict[int, int]) -> Violation:
        low, high = places
        reader = self.readers[i]
        # What holds it in: the entry that it came after, the one that it came before, and readers
        # that saw a later state before it began, with what holds them.
        entries = {low - 1, high}
        readers = [i]
        while (other := floors.get(readers[-1], -1)) >= 0:
            readers.append(other)
            entries.add(bisect_left(self._ends, self.view(self.readers[other])[0]) - 1)
        suspects: list[tuple[str, int]] = [("reader", r) for r in readers]
        suspects += [("entry", e) for e in sorted(entries) if 0 <= e < len(self.windows)]
        core = smallest(suspects, self._contradict)
        chosen = [e for kind, e in core if kind == "entry"]
        moves = [self.readers[r] for kind, r in core if kind == "reader"]
        for e in chosen:
            request = self.found.asked[e]
            moves += request.possible if request else []
        return self._violation(
            "stale refusal" if reader.short else "stale read",
            self._why(reader, low, high),
            moves,
            chosen,
        )

    @cached_property
    def _ends(self) -> list[float]:
        return list(accumulate((end for _, end in reversed(self.windows)), min))[::-1]

    def _why(self, reader: Move, low: int, high: int) -> str:
        held = [self.balances.values[i] for i in range(low, high + 1)]
        if reader.told is not None:
            answer = f"told a balance of {reader.told}"
        else:
            answer = f"was refused {-(reader.amount or 0)} for lack of credits"
        if not held:
            return f"it {answer}, though what others were told before it began came later"
        if reader.told is not None:
            held = sorted(set(held))
            were = ", ".join(map(str, held[:5])) + (", ..." if len(held) > 5 else "")
            return f"it {answer}, but while it ran the balance was {were}"
        return f"it {answer}, but while it ran the balance was at least {min(held)}"

    def _contradict(self, kept: Sequence[tuple[str, int]]) -> bool:
        """Say whether these calls alone can't be put in an order, the ledger being given."""
        entries = [(e, self.windows[e]) for kind, e in kept if kind == "entry"]
        timed = sorted((*self.view(self.readers[r]), r) for kind, r in kept if kind == "reader")
        placed: list[tuple[float, int]] = []
        for begin, end, r in timed:
            low = max([self.found.opening, *(e + 1 for e, w in entries if w[1] < begin)])
            low = max([low, *(place for over, place in placed if over < begin)])
            high = min([len(self.windows), *(e for e, w in entries if w[0] > end)])
            found = self.balances.first(self.readers[r], low, high)
            if found is None:
                return True
            placed.append((end, found))
        return False

    def _violation(
        self, mistake: str, says: str, moves: Sequence[Move], entries: Sequence[int]
    ) -> Violation:
        shown = tuple(self.found.entries[i] for i in entries)
        certain = not self.found.guessed
        return Violation(
            FIT_ONE_ORDER, mistake, self.found.name, says, tuple(moves), shown, certain
        )


def overlapping(windows: Sequence[Window]) -> int:
    """Return how many of these calls ran while another one did."""
    count, size, latest = 0, 0, -ALWAYS
    for begin, end in sorted(windows):
        if begin > latest:
            count += size if size > 1 else 0
            size = 0
        size += 1
        latest = max(latest, end)
    return count + (size if size > 1 else 0)
