"""What one schedule did: decisions, events, results, and the state it left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from crossfoot.explorer.drawn import UNKNOWN, Drawn
from crossfoot.explorer.footprint import EVERYTHING, NOTHING_TOUCHED, Footprint
from crossfoot.explorer.race import Call
from crossfoot.verdicts import Outcome

EventKind = Literal["call", "step", "wait", "wake", "timeout", "return", "commit", "error"]


@dataclass
class CallResult:
    """What one call came back with: rows rendered as text, or an error."""

    call: Call
    outcome: Outcome
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    sqlstate: str = ""
    message: str = ""


@dataclass
class Event:
    """One thing that happened in a schedule, for the lanes.

    ``step`` is the number of an instrumented step, 0 for a client statement; ``blockers`` are the
    sessions waited for; ``result`` is set when a call came back. ``timeout`` is the lock_timeout of who
    waits, or lost patience; "" for none. ``touched`` is what happened up to the session's next stop,
    and ``variables`` are those of the function at that stop, where it told them.
    """

    session: int
    kind: EventKind
    step: int = 0
    call: Call | None = None
    blockers: tuple[int, ...] = ()
    timeout: str = ""
    result: CallResult | None = None
    touched: Footprint | None = None
    variables: dict[str, Any] | None = None


@dataclass
class Decision:
    """A point at which more than one session could go on, or one in more than one way.

    ``free`` are the sessions to which the choice could pass without preempting anybody. ``hasty`` says
    that who was chosen lost patience with a lock on its way, ``impatient`` that it waited and might have.
    """

    enabled: tuple[int, ...]
    chosen: int
    free: tuple[int, ...]
    hasty: bool = False
    impatient: bool = False

    @property
    def choice(self) -> int:
        """Return the session chosen, as ``~session`` if it lost patience."""
        return ~self.chosen if self.hasty else self.chosen


def session_of(choice: int) -> int:
    """Return the session that a choice is about."""
    return max(choice, ~choice)


@dataclass
class Move:
    """What happened between two choices: a session went on until nothing moved any more.

    ``decided`` says that another could have gone. ``took_part`` are the session itself and those that
    waited for it. Who of them is still ``under_way`` waits, so that nobody can say yet what it touches
    until its next stop.
    """

    session: int
    decided: bool
    took_part: frozenset[int]
    under_way: set[int] = field(default_factory=set)
    known: Footprint = NOTHING_TOUCHED

    @property
    def footprint(self) -> Footprint:
        """Return what was touched, by all who took part: everything as long as one is under way."""
        return EVERYTHING if self.under_way else self.known

    def note(self, session: int, footprint: Footprint) -> None:
        """Note what a session touched on its way to the stop at which it now stands."""
        self.under_way.discard(session)
        self.known = self.known.joined(footprint)


@dataclass
class Trace:
    """One schedule. ``transactions`` holds results per session and transaction.

    ``state`` has a (table, row as JSON) for every row that was there at the end. ``steps`` counts
    how often a session was let go. ``settled`` is how many decisions came before the first deadlock,
    None without one: whom PostgreSQL picks to break it is timing, and so is what follows. ``drawn``
    is what it drew. ``parted`` says that a call has to be sent again of which a part is committed,
    ``stuck`` that whoever was left waited for another one, and PostgreSQL saw no deadlock; ``patient``
    that one of those has a lock_timeout, so that really it goes on. Such a trace is no outcome.
    """

    decisions: list[Decision] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    transactions: list[list[list[CallResult]]] = field(default_factory=list)
    state: list[tuple[str, str]] = field(default_factory=list)
    steps: int = 0
    settled: int | None = None
    drawn: Drawn = UNKNOWN
    parted: bool = False
    stuck: bool = False
    patient: bool = False

    @property
    def results(self) -> list[list[CallResult]]:
        """Return the results per session."""
        return [[result for each in session for result in each] for session in self.transactions]

    @property
    def every_result(self) -> list[CallResult]:
        """Return the results of all sessions."""
        return [result for session in self.results for result in session]

    @property
    def choices(self) -> tuple[int, ...]:
        """Return the choices at the decisions, in order, as far as a replay can follow."""
        return tuple(decision.choice for decision in self.decisions[: self.settled])

    def note_deadlock(self) -> None:
        """Remember that from here on the schedule isn't only a matter of choices."""
        if self.settled is None:
            self.settled = len(self.decisions)

    @property
    def waits(self) -> int:
        """Return how often a session waited for a lock."""
        return sum(event.kind == "wait" for event in self.events)

    @property
    def deadlocked(self) -> bool:
        """Say whether PostgreSQL had to break a deadlock."""
        return any(result.sqlstate == "40P01" for result in self.every_result)
