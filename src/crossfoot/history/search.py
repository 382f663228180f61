"""Is there an order of these calls in which a model gives their answers? (linearizability)

The search of Wing and Gong (1993) with the cache of Lowe (2017): put next some call that no other call had
ended before, go back where none fits, and never look twice at the same calls done with the same state. Two
things keep it near linear. A call that changes nothing is put down as soon as the model agrees with its
answer: that takes no place from any other. And where a ledger says in which order the effects
happened, no other order is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from crossfoot.verdicts import Verdict

State = Any


class Fit(Enum):
    """What the model says to a call in a state.

    SAME is for calls that with this answer never change anything: reads, refusals, repeats. A write of
    what is there already is a CHANGE, since it would be one elsewhere.
    """

    NO = "the answer is another"
    SAME = "the answer fits, and nothing changes"
    CHANGE = "the answer fits, and the state changes"


@dataclass(frozen=True)
class Timed:
    """One call to be put in order. ``must`` is False for a call that may not have happened."""

    begin: float
    end: float
    call: Any
    must: bool = True


class Model(Protocol):
    """What the calls are held against. States are compared by what ``key`` returns."""

    def step(self, state: State, call: Any) -> tuple[Fit, State]:
        """Make a call in a state; return whether its answer fits, and the state afterwards."""

    def key(self, state: State) -> object:
        """Return what two states have in common that nothing tells apart."""

    def over(self, state: State) -> bool:
        """Say whether nothing is missing in a state in which all calls have been made."""

    def alike(self, call: Any) -> object:
        """Return what a call has in common with those that could as well have its place; else None."""


@dataclass
class Frame:
    """A state on the way, with what was put down in it for nothing, and what may come next."""

    state: State
    settled: list[int]
    options: list[tuple[int, State]]
    chosen: int = -1


@dataclass
class Found:
    """What came of a search. ``stuck`` are the calls that could be next where it got farthest.

    ``state`` is the one in which none of them fitted.
    """

    verdict: Verdict
    steps: int = 0
    stuck: list[Any] = field(default_factory=list)
    state: State = None


class Search:
    """One search. ``budget`` is how many times the model may be asked."""

    def __init__(self, calls: Sequence[Timed], model: Model, budget: int) -> None:
        self._calls = sorted(calls, key=lambda call: (call.begin, call.end))
        self._model = model
        self._budget = budget
        self._steps = 0
        self._left = set(range(len(self._calls)))
        self._first = 0
        self._seen: set[object] = set()
        self._farthest = -1
        self._stuck: list[int] = []
        self._stuck_in: State = None

    def run(self, state: State) -> Found:
        """Return pass if there is such an order, fail if there is none, unknown at the bound."""
        frames = [self._enter(state)]
        while frames:
            if self._steps > self._budget:
                return Found(Verdict.UNKNOWN, self._steps)
            frame = frames[-1]
            if self._done(frame):
                return Found(Verdict.PASS, self._steps)
            if frame.chosen >= 0:
                self._put_back(frame.chosen)
                frame.chosen = -1
            if not frame.options:
                for call in frame.settled:
                    self._put_back(call)
                frames.pop()
                continue
            frame.chosen, after = frame.options.pop()
            self._left.discard(frame.chosen)
            if self._new(after, frame):
                frames.append(self._enter(after))
        stuck = [self._calls[i].call for i in self._stuck]
        return Found(Verdict.FAIL, self._steps, stuck, self._stuck_in)

    def _done(self, frame: Frame) -> bool:
        missing = any(self._calls[i].must for i in self._left)
        return frame.chosen < 0 and not missing and self._model.over(frame.state)

    def _new(self, state: State, frame: Frame) -> bool:
        """Say whether this is the first time that these calls led to this state."""
        if not frame.options:
            return True
        key = frozenset(self._left), self._model.key(state)
        known = key in self._seen
        self._seen.add(key)
        return not known

    def _put_back(self, call: int) -> None:
        self._left.add(call)
        self._first = min(self._first, call)

    def _enter(self, state: State) -> Frame:
        """Put down what changes nothing, and find out what may come next."""
        settled: list[int] = []
        tried: dict[int, tuple[Fit, State]] = {}
        again = True
        while again:
            again = False
            candidates = self._candidates()
            for call in candidates:
                if call not in tried:
                    self._steps += 1
                    tried[call] = self._model.step(state, self._calls[call].call)
                if tried[call][0] is Fit.SAME and self._calls[call].must:
                    self._left.discard(call)
                    settled.append(call)
                    again = True
        changing = [c for c in candidates if tried[c][0] is Fit.CHANGE]
        options = [(c, tried[c][1]) for c in self._first_of_alike(changing)]
        # Taken from the end: those that have to happen and end first.
        options.sort(key=lambda o: (self._calls[o[0]].must, -self._calls[o[0]].end))
        progress = len(self._calls) - len(self._left)
        if progress > self._farthest:
            self._farthest, self._stuck, self._stuck_in = progress, candidates, state
        return Frame(state, settled, options)

    def _first_of_alike(self, calls: Sequence[int]) -> list[int]:
        """Leave out calls that could change places with one that ends earlier, and fits here too.

        Where an order has the later one here and the other one further on, there is also one that has
        them the other way round.
        """
        first: dict[object, int] = {}
        for call in sorted(calls, key=lambda i: self._calls[i].end):
            label = self._model.alike(self._calls[call].call)
            first.setdefault(call if label is None else (label, self._calls[call].must), call)
        return list(first.values())

    def _candidates(self) -> list[int]:
        """Return the calls that no call which is left had ended before they began."""
        calls, left, count = self._calls, self._left, len(self._calls)
        while self._first < count and self._first not in left:
            self._first += 1
        found: list[int] = []
        limit = float("inf")
        for i in range(self._first, count):
            if calls[i].begin > limit:
                break
            if i in left:
                found.append(i)
                limit = min(limit, calls[i].end)
        return found


def search(calls: Sequence[Timed], model: Model, state: State, budget: int) -> Found:
    """Search for an order of ``calls`` from ``state`` in which the model gives their answers."""
    return Search(calls, model, budget).run(state)
