"""Which schedules are still to be run: those that deviate from one that was, where it may matter.

Every schedule is reached at most once: as a prefix of choices whose last one deviates from what its
parent did. Of schedules that only swap moves which don't meet, one is enough. So a deviation is
asked for only where a session that goes later in the schedule meets the move that it is to come
before (C. Flanagan, P. Godefroid, Dynamic Partial-Order Reduction for Model Checking Software, 2005),
and it is left out where it was tried before and nothing has met it since: sleep sets (P. Godefroid,
Partial-Order Methods for the Verification of Concurrent Systems, 1996). Of sessions that are to do the
very same, the one that is named first begins: the other way round is its mirror image. What follows a
deadlock is run in one order only, for nobody can choose whom PostgreSQL picks to break it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from crossfoot.explorer.footprint import Footprint
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Decision, Move, Trace, session_of

Sleep = dict[int, Footprint]
"""Sessions whose next move need not come next: it was tried before, and nothing has met it since."""
Choices = tuple[int, ...]
"""Sessions, each as ``~session`` where it lost patience with a lock (trace.py)."""


@dataclass
class _Node:
    """A choice that was made, after ``moves`` with so many preemptions (``cost``).

    ``asleep`` are the sessions that slept, ``went`` those that it went to, with what their moves
    touched. ``met`` are the sessions of which a later move met the one that was made; ``asked`` are those
    to which the choice has to go, ``known`` those to which it went or will go, ``taken`` those of them
    to which it went.
    """

    decision: Decision
    cost: int
    moves: Sequence[Move]
    asleep: Sleep
    went: Sleep = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    known: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)

    @property
    def begun(self) -> set[int]:
        """Return the sessions that had begun."""
        return {move.session for move in self.moves}


@dataclass(frozen=True, order=True)
class Deviation:
    """A schedule to be run: its first choices, the last of which deviates from its parent's.

    ``cost`` is how many preemptions these have, ``asleep`` who sleeps when the last of them is made.
    """

    cost: int = 0
    number: int = 0
    choices: Choices = ()
    asleep: Sleep = field(default_factory=dict, compare=False)


class Deviations:
    """The schedules of a race that are known and not run.

    With ``reduce`` orders that only swap strangers run once, with ``race`` also those that are each
    other's mirror image.
    """

    def __init__(self, race: Race | None = None, *, reduce: bool = True) -> None:
        self._twins = twins(race) if race else {}
        self._all = not reduce
        self._reduce = reduce
        self._heap = [Deviation()]
        self._nodes: dict[Choices, _Node] = {}
        self._pushed = 0
        self._owed = 1  # how many of the heap were asked for

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def owed(self) -> bool:
        """Say whether one is left that was asked for."""
        return bool(self._owed)

    @property
    def cost(self) -> int:
        """Return how many preemptions the next one has."""
        return self._heap[0].cost

    @property
    def bound(self) -> int | None:
        """Return the number of preemptions up to which every schedule ran; None for not even 0."""
        lowest = min((each.cost for each in self._heap), default=0) - 1
        return lowest if lowest >= 0 else None

    def take(self) -> Deviation:
        """Return the one with the fewest preemptions."""
        found = heappop(self._heap)
        if not found.choices:
            self._owed -= 1
            return found
        node, choice = self._nodes[found.choices[:-1]], found.choices[-1]
        self._owed -= choice in node.asked
        node.taken.add(choice)
        # To lose patience touches everything: nobody who slept before would go on sleeping.
        asleep = node.asleep | node.went if self._reduce and choice >= 0 else {}
        return Deviation(found.cost, found.number, found.choices, asleep)

    def put_back(self, deviation: Deviation) -> None:
        """Give one back that hasn't run."""
        heappush(self._heap, deviation)
        if not deviation.choices:
            self._owed += 1
            return
        node, choice = self._nodes[deviation.choices[:-1]], deviation.choices[-1]
        self._owed += choice in node.asked
        node.taken.discard(choice)

    def widen(self) -> None:
        """Run whatever deviates from now on, whether it was asked for or not."""
        self._all = True
        for choices, node in list(self._nodes.items()):
            self._push_all(choices, node)

    def is_new(self, deviation: Deviation, trace: Trace) -> bool:
        """Say whether a schedule isn't equal to one that is run anyway."""
        moves, fresh = self._moves(deviation, trace)
        return _slept_through(moves, deviation.asleep, fresh) == len(moves)

    def branch(self, deviation: Deviation, trace: Trace) -> None:
        """Push what deviates from a schedule that has run."""
        start, choices = len(deviation.choices), trace.choices
        moves, fresh = self._moves(deviation, trace)
        if start:
            if deviation.choices[-1] >= 0:
                node = self._nodes[deviation.choices[:-1]]
                node.went[deviation.choices[-1]] = moves[fresh].footprint
            self._ask_to_lose_patience(choices[: start - 1], trace.decisions[start - 1])
        ended = _slept_through(moves, deviation.asleep, fresh)
        decided = [number for number, move in enumerate(moves) if move.decided][: len(choices)]
        asleep, since = deviation.asleep, fresh
        cost = preemptions(trace, start)
        for at in range(start, len(choices)):
            decision, number = trace.decisions[at], decided[at]
            if number > ended:
                break
            asleep, since = after(asleep, moves[since:number]), number
            self._nodes[choices[:at]] = node = _Node(decision, cost, moves[:number], asleep)
            if number == ended:
                awake = [each for each in decision.enabled if each not in asleep]
                for session in sorted(awake, key=lambda each: each not in decision.free)[:1]:
                    self._ask(choices[:at], session)
                break
            node.went[decision.chosen] = moves[number].footprint
            for those in (node.met, node.asked, node.known, node.taken):
                those.add(decision.chosen)
            self._ask_to_lose_patience(choices[:at], decision)
            if self._all:
                self._push_all(choices[:at], node)
            cost += (decision.chosen not in decision.free) + decision.hasty
        self._ask_for_what_meets(choices, moves, decided, fresh, ended)

    def _moves(self, deviation: Deviation, trace: Trace) -> tuple[list[Move], int]:
        """Return the moves of a schedule, and from where on they are its own.

        Nobody looked at what those before touched: that is known from the parent.
        """
        if not deviation.choices:
            return trace.moves, 0
        node = self._nodes[deviation.choices[:-1]]
        fresh = len(node.moves)
        return [*node.moves, *trace.moves[fresh:]], fresh

    def _ask_for_what_meets(
        self,
        choices: Choices,
        moves: Sequence[Move],
        decided: Sequence[int],
        fresh: int,
        ended: int,
    ) -> None:
        """Ask for each session to go before the moves that one of its own moves has met."""
        for at, number in enumerate(decided):
            if number >= ended:
                break
            before, met = moves[number], self._nodes[choices[:at]].met
            for move in moves[max(fresh, number + 1) : ended]:
                if move.session in met or move.session in before.took_part:
                    continue
                if before.footprint.meets(move.footprint):
                    met.add(move.session)
                    self._ask(choices[:at], move.session)

    def _ask(self, choices: Choices, session: int) -> None:
        """Have a session go after these choices; whoever can, if that one can't."""
        node = self._nodes[choices]
        enabled = node.decision.enabled
        for one in (session,) if session in enabled else enabled:
            due = self._due(one, node)
            if due in node.asleep or due in node.asked:
                continue
            node.asked.add(due)
            self._owed += due not in node.taken
            self._push(choices, node, due)

    def _ask_to_lose_patience(self, choices: Choices, decision: Decision) -> None:
        """Have the session chosen there lose its patience, if it waited and has a lock_timeout.

        At once: the statement fails and leaves nothing, so what others did meanwhile they may as well
        do before it or after it.
        """
        node, hasty = self._nodes[choices], ~decision.chosen
        if decision.impatient and hasty not in node.asked:
            node.asked.add(hasty)
            self._owed += 1
            self._push(choices, node, hasty)

    def _push_all(self, choices: Choices, node: _Node) -> None:
        for session in node.decision.enabled:
            if self._due(session, node) != session or session in node.asleep:
                continue
            if self._reduce:
                self._push(choices, node, session)
            else:
                self._ask(choices, session)

    def _push(self, choices: Choices, node: _Node, choice: int) -> None:
        if choice in node.known:
            return
        node.known.add(choice)
        self._pushed += 1
        cost = node.cost + (session_of(choice) not in node.decision.free) + (choice < 0)
        heappush(self._heap, Deviation(cost, self._pushed, (*choices, choice)))

    def _due(self, session: int, node: _Node) -> int:
        """Return who is to begin instead of a session: the first of those that do the same."""
        begun = node.begun
        if session in begun:
            return session
        return next((each for each in self._twins.get(session, ()) if each not in begun), session)


def _slept_through(moves: Sequence[Move], asleep: Sleep, since: int) -> int:
    """Return the number of the first move of a sleeper that nothing has woken, or that of all moves."""
    for number in range(since, len(moves)):
        if moves[number].session in asleep:
            return number
        asleep = after(asleep, [moves[number]])
    return len(moves)


def twins(race: Race) -> dict[int, list[int]]:
    """Return, by session, those named before it that send the very same statements."""
    does = [session.does for session in race.sessions]
    return {
        number: [earlier for earlier in range(number) if does[earlier] == does[number]]
        for number in range(len(does))
    }


def after(asleep: Sleep, moves: Iterable[Move]) -> Sleep:
    """Return who still sleeps after these moves: whoever none of them meets."""
    for move in moves:
        asleep = {
            session: footprint
            for session, footprint in asleep.items()
            if session not in move.took_part and not footprint.meets(move.footprint)
        }
    return asleep


def preemptions(trace: Trace, upto: int | None = None) -> int:
    """Return how many of the first ``upto`` choices took the turn from a session that could go on."""
    return sum(
        (decision.chosen not in decision.free) + decision.hasty
        for decision in trace.decisions[:upto]
    )
