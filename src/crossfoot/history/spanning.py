"""Calls that move credit between accounts: do the ledgers of several accounts fit one order?

Each account's ledger may be in order while together they can't be: A's says that transfer 1 came first,
B's that transfer 2 did. Effects alone are looked at here; answers that no entry witnesses are placed in
each account's own order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from crossfoot.history.clocks import View, window
from crossfoot.history.ledger import Entry
from crossfoot.history.matching import ALWAYS, Matched, Request, Violation, describe
from crossfoot.history.moves import Move
from crossfoot.history.order import FIT_ONE_ORDER

Call = tuple[str, str]
"""What the requests of one call have in common: the operation, and its request or its id."""


def spanning(accounts: Sequence[Matched]) -> set[Call]:
    """Return the calls that left entries in more than one of these accounts."""
    seen: dict[Call, str] = {}
    several: set[Call] = set()
    for account in accounts:
        for request in account.asked:
            if request and seen.setdefault(call_of(request), account.name) != account.name:
                several.add(call_of(request))
    return several


def call_of(request: Request) -> Call:
    """Return what the requests that one call makes of several accounts have in common."""
    move = request.moves[0]
    return move.operation, move.request or f"{move.clock}.{move.session}.{move.id}"


class Together:
    """The effects of several accounts as one graph: each ledger's order, and what ended before what."""

    def __init__(self, accounts: Sequence[Matched], view: View) -> None:
        self.after: defaultdict[Call, list[Call]] = defaultdict(list)
        self.waits: dict[Call, int] = {}
        self.windows: dict[Call, tuple[float, float]] = {}
        self.seen: dict[Call, list[tuple[str, Entry]]] = defaultdict(list)
        self.moves: dict[Call, list[Move]] = {}
        for account in accounts:
            before: Call | None = None
            for i, request in enumerate(account.asked):
                if request and not (request.odd or request.guessed):
                    before = self._add(account, i, request, view, before)

    def _add(
        self, account: Matched, i: int, request: Request, view: View, before: Call | None
    ) -> Call:
        call = call_of(request)
        begin, end = self.windows.get(call, (-ALWAYS, ALWAYS))
        other = window(request, view)
        self.windows[call] = (max(begin, other[0]), min(end, other[1]))
        self.seen[call].append((account.name, account.entries[i]))
        self.moves.setdefault(call, request.moves)
        self.waits.setdefault(call, 0)
        if before is not None and before != call:
            self.after[before].append(call)
            self.waits[call] += 1
        return call

    def stuck(self) -> list[Call]:
        """Return calls that can't be put in any order, or none if all can.

        Always the one that may begin first goes next. It can if nothing that is left had ended before
        it began; nothing that goes later changes that.
        """
        waits = dict(self.waits)
        free = [(self.windows[call][0], call) for call, count in waits.items() if not count]
        heapify(free)
        ends = sorted(((self.windows[call][1], call) for call in waits), reverse=True)
        done: set[Call] = set()
        while free:
            begin, call = heappop(free)
            while ends[-1][1] in done:
                ends.pop()
            if begin > ends[-1][0]:
                return self._path(ends[-1][1], set(waits) - done)
            done.add(call)
            for other in self.after[call]:
                waits[other] -= 1
                if not waits[other]:
                    heappush(free, (self.windows[other][0], other))
        return self._circle(set(waits) - done)

    def _path(self, late: Call, left: set[Call]) -> list[Call]:
        """Return ``late`` and what the ledgers have before it, back to one that is free to begin."""
        before = {o: call for call in left for o in self.after[call] if o in left}
        path = [late]
        while path[-1] in before and before[path[-1]] not in path:
            path.append(before[path[-1]])
        return path[::-1]

    def _circle(self, left: set[Call]) -> list[Call]:
        """Return calls of which each comes before the next, and the last before the first."""
        if not left:
            return []
        before = {o: call for call in left for o in self.after[call] if o in left}
        path: list[Call] = [next(iter(sorted(before)))]
        while before[path[-1]] not in path:
            path.append(before[path[-1]])
        return path[path.index(before[path[-1]]) :][::-1]


def check_together(accounts: Sequence[Matched], view: View) -> Iterator[Violation]:
    """Yield why these accounts' ledgers fit no one order, if they don't."""
    together = Together(accounts, view)
    calls = together.stuck()
    if not calls:
        return
    told = [
        f"{name} has " + " before ".join(describe(entry) for entry in entries)
        for name, entries in _by_account(together, calls).items()
    ]
    moves = tuple(move for call in calls for move in together.moves[call])
    entries = tuple(entry for call in calls for _, entry in together.seen[call])
    says = f"no one order fits the ledgers of these accounts and the times: {'; '.join(told)}"
    yield Violation(FIT_ONE_ORDER, "no common order", accounts[0].name, says, moves, entries)


def _by_account(together: Together, calls: Sequence[Call]) -> dict[str, list[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for call in calls:
        for name, entry in together.seen[call]:
            found[name].append(entry)
    return {name: sorted(entries, key=lambda e: e.no) for name, entries in found.items()}
