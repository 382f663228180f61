"""Is there an order of these calls in which a model gives their answers? (linearizability)

The search of Wing and Gong (1993) with the cache of Lowe (2017): put next some call that no other call had
ended before, go back where none fits, and never look twice at the same calls done with the same state. Four
things keep it near linear. A call that changes nothing is put down as soon as the model agrees with its
answer: that takes no place from any other. Where a ledger says in which order the effects happened, no
other order is tried. What may not have happened is asked about where nothing else gets on. And
the cache is asked only where the search has been as far before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Any, Protocol

from crossfoot.verdicts import Verdict

State = Any

_KEPT = 256
"""How many of the last states are kept, and the how manieth of those before."""
_KEYS_COST = 100_000
"""A key counts as so many steps: the square of the calls put down by this. Long ones take long."""


class Fit(Enum):
    """What the model says to a call in a state.

    SAME is for calls that with this answer never change anything: reads, refusals, repeats. A write of
    what is there already is a CHANGE, since it would be one elsewhere.
    """

    NO = "the answer is another"
    SAME = "the answer fits, and nothing changes"
    CHANGE = "the answer fits, and the state changes"


@dataclass(frozen=True, slots=True)
class Timed:
    """One call to be put in order. ``must`` is False for one that may not have happened: it has no end."""

    begin: float
    end: float
    call: Any
    must: bool = True


class Model(Protocol):
    """What the calls are held against. States are compared by what ``key`` returns; None is no state."""

    def step(self, state: State, call: Any) -> tuple[Fit, State]:
        """Make a call in a state; return whether its answer fits, and the state afterwards."""

    def due(self, state: State, call: Any) -> bool | None:
        """Say whether a witness has this call next, such as the ledger's next entry.

        False if the witness has it later. None if it says nothing of it.
        """

    def key(self, state: State) -> object:
        """Return what two states have in common that nothing tells apart."""

    def over(self, state: State) -> bool:
        """Say whether nothing is missing in a state in which all calls have been made."""

    def alike(self, call: Any) -> object:
        """Return what a call has in common with those that could as well have its place; else None."""


class _Left:
    """Calls that haven't been put down, in the order of their beginnings: a list linked both ways.

    Each was taken out at its place and goes back there, the last one first.
    """

    def __init__(self, count: int) -> None:
        # Number 0 is before the first and after the last, so calls are counted from 1 here.
        self._after = [*range(1, count + 1), 0]
        self._before = [count, *range(count)]
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        at = self._after[0]
        while at:
            yield at - 1
            at = self._after[at]

    def take(self, call: int) -> None:
        before, after = self._before[call + 1], self._after[call + 1]
        self._after[before], self._before[after] = after, before
        self._count -= 1

    def put_back(self, call: int) -> None:
        before, after = self._before[call + 1], self._after[call + 1]
        self._after[before] = self._before[after] = call + 1
        self._count += 1


@dataclass(slots=True)
class _Frame:
    """A place on the way: what was put down there for nothing, and what may come next, the best first.

    Its ``state`` may be forgotten, since the way there can be gone again. ``ready`` is the next call
    with the state after it, if that was found out already. ``doubted`` are labels of what may not have
    happened and was tried; None as long as ``options`` has nothing of that kind.
    """

    state: State
    settled: list[int]
    options: list[int]
    ready: tuple[int, State] | None
    chosen: int = -1
    doubted: set[object] | None = None


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
        ordered = sorted(calls, key=lambda call: (call.begin, call.end))
        certain = [call for call in ordered if call.must]
        self._calls = [*certain, *(call for call in ordered if not call.must)]
        self._model = model
        self._budget = budget
        self._steps = 0
        self._left = _Left(len(certain))
        self._doubtful = set(range(len(certain), len(ordered)))
        self._frames: list[_Frame] = []
        self._farthest = -1
        self._seen: set[object] = set()
        self._stuck: list[int] = []
        self._stuck_in: State = None

    def run(self, state: State) -> Found:
        """Return pass if there is such an order, fail if there is none, unknown at the bound."""
        frames = self._frames
        frames.append(self._enter(state))
        while frames:
            if self._steps > self._budget:
                return Found(Verdict.UNKNOWN, self._steps)
            frame = frames[-1]
            if frame.chosen >= 0:
                self._put_back(frame.chosen)
                frame.chosen = -1
            elif not self._left and self._model.over(frame.state):
                return Found(Verdict.PASS, self._steps)
            way = self._next_way(frame)
            if way is None:
                for call in reversed(frame.settled):
                    self._put_back(call)
                frames.pop()
                continue
            frame.chosen, after = way
            self._take(frame.chosen)
            if self._is_new(after):
                frames.append(self._enter(after))
                self._forget()
        stuck = [self._calls[i].call for i in self._stuck]
        return Found(Verdict.FAIL, self._steps, stuck, self._stuck_in)

    def _forget(self) -> None:
        """Keep the states of the last frames, and some of the others: they are too large for all."""
        old = len(self._frames) - _KEPT
        if old > 0 and old % _KEPT:
            self._frames[old].state = None

    def _remember(self) -> State:
        """Return the state of the last frame, gone to again from the last one that is known."""
        known = next(i for i, frame in enumerate(reversed(self._frames)) if frame.state is not None)
        way = self._frames[len(self._frames) - 1 - known :]
        for here, there in pairwise(way):
            _, there.state = self._step(here.state, here.chosen)
        return way[-1].state

    @property
    def _progress(self) -> int:
        return len(self._calls) - len(self._left) - len(self._doubtful)

    def _take(self, call: int) -> None:
        if self._calls[call].must:
            self._left.take(call)
        else:
            self._doubtful.discard(call)

    def _put_back(self, call: int) -> None:
        if self._calls[call].must:
            self._left.put_back(call)
        else:
            self._doubtful.add(call)

    def _is_new(self, state: State) -> bool:
        """Say whether this is the first time that these calls led to this state."""
        if self._progress > self._farthest:
            return True  # never were so many calls put down
        self._steps += self._progress**2 // _KEYS_COST
        key = frozenset(self._left), frozenset(self._doubtful), self._model.key(state)
        known = key in self._seen
        self._seen.add(key)
        return not known

    def _enter(self, state: State) -> _Frame:
        """Put down what changes nothing, and find out what may come next."""
        settled: list[int] = []
        tried: dict[int, tuple[Fit, State]] = {}
        again = True
        while again:
            again = False
            candidates = self._candidates()
            for call in candidates:
                if call not in tried:
                    later = self._model.due(state, self._calls[call].call) is False
                    tried[call] = (Fit.NO, state) if later else self._step(state, call)
                if tried[call][0] is Fit.SAME:
                    self._take(call)
                    settled.append(call)
                    again = True
        fitting = [call for call in candidates if tried[call][0] is Fit.CHANGE]
        if self._progress > self._farthest:
            self._farthest, self._stuck, self._stuck_in = self._progress, candidates, state
        options = self._first_of_alike(fitting)
        ready = (options[0], tried[options[0]][1]) if options else None
        return _Frame(state, settled, options[1:], ready)

    def _next_way(self, frame: _Frame) -> tuple[int, State] | None:
        """Return the call to go on with and the state after it: what has to happen first, by its end.

        What may not have happened is only asked about once nothing else led to an end.
        """
        if frame.ready:
            way, frame.ready = frame.ready, None
            return way
        if not frame.options and frame.doubted is None:
            frame.options, frame.doubted = self._doubtful_here(), set()
        while frame.options:
            call = frame.options.pop(0)
            label = self._model.alike(self._calls[call].call)
            if label is not None and frame.doubted and label in frame.doubted:
                continue
            fit, after = self._step(self._remember(), call)
            if fit is Fit.CHANGE:
                if frame.doubted is not None:
                    frame.doubted.add(label)
                return call, after
        return None

    def _doubtful_here(self) -> list[int]:
        """Return what may not have happened, and may come next: first what a witness has next."""
        candidates = self._candidates()
        limit = min((self._calls[call].end for call in candidates), default=math.inf)
        found = [call for call in sorted(self._doubtful) if self._calls[call].begin <= limit]
        if self._progress == self._farthest:
            self._stuck = [*candidates, *found]
        if found:
            state = self._remember()
            found.sort(key=lambda call: not self._model.due(state, self._calls[call].call))
        return found

    def _step(self, state: State, call: int) -> tuple[Fit, State]:
        self._steps += 1
        return self._model.step(state, self._calls[call].call)

    def _first_of_alike(self, calls: Sequence[int]) -> list[int]:
        """Return calls by their ends, without those that could change places with one before.

        Where an order has the later one here and the other one further on, there is also one that has
        them the other way round.
        """
        first: dict[object, int] = {}
        for call in sorted(calls, key=lambda call: self._calls[call].end):
            label = self._model.alike(self._calls[call].call)
            first.setdefault((None, call) if label is None else (label, None), call)
        return list(first.values())

    def _candidates(self) -> list[int]:
        """Return the calls that no call which is left had ended before they began."""
        found: list[int] = []
        limit = math.inf
        for call in self._left:
            if self._calls[call].begin > limit:
                break
            found.append(call)
            limit = min(limit, self._calls[call].end)
        return found


def search(calls: Sequence[Timed], model: Model, state: State, budget: int) -> Found:
    """Search for an order of ``calls`` from ``state`` in which the model gives their answers."""
    return Search(calls, model, budget).run(state)
