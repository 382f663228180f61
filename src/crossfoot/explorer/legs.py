"""The ways of the sessions from stop to stop, and what each of them touched there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from crossfoot.explorer.client import Client, Place
from crossfoot.explorer.footprint import BEGINNING, EVERYTHING, Touched
from crossfoot.explorer.reach import value_told
from crossfoot.explorer.rows import RowsOf
from crossfoot.explorer.trace import Event, Move, Trace


@dataclass
class _Leg:
    """The way of a session from the stop where it was let go, or which it passed, to its next one.

    ``stop`` is the step's number (0 for none), ``before`` what the transaction had touched there,
    ``rows`` what it may touch on its way, None if nobody can tell; ``events`` is how many had happened.
    ``begins`` says that the transaction had yet to begin. ``moves`` are those that it takes part in:
    more than one if it has to wait.
    """

    stop: int
    before: Touched | None
    rows: RowsOf | None
    events: int
    begins: bool
    moves: list[Move] = field(default_factory=list)


@dataclass
class Legs:
    """The legs that are under way in one schedule, by session.

    ``keeps_snapshots`` says that a transaction reads from one snapshot, which it takes when it begins;
    ``begins`` that the order in which transactions begin may matter anyway; ``releases_early`` that a
    statement may give up locks before it ends; ``impatient`` that it may give up waiting for one.
    ``given`` are the values that the race gives, as steps tell them: they are the same in each schedule.
    ``number`` is that of this one.
    """

    active: Sequence[Client] = ()
    given: frozenset[str] = frozenset()
    number: int = field(default_factory=count().__next__)
    trace: Trace = field(default_factory=Trace)
    keeps_snapshots: bool = False
    begins: bool = False
    releases_early: bool = True
    impatient: bool = False
    under_way: dict[int, _Leg] = field(default_factory=dict)

    def start(self, client: Client, stop: int) -> None:
        """Note where a session starts from."""
        self.under_way[client.index] = _Leg(
            stop,
            client.looks.last,
            self._rows_ahead(client, stop),
            len(self.trace.events),
            not client.connection.is_in_transaction(),
        )
        self.trace.steps += 1

    def arrive(
        self, client: Client, waiting: Sequence[int], *, decided: bool, stop: int = 0
    ) -> None:
        """Note a session's move, in which those who were ``waiting`` may have taken part.

        What those touched who stand somewhere is noted too. ``stop`` is the step that it passes.
        """
        took_part = frozenset((client.index, *waiting))
        move = Move(client.index, decided, took_part, set(took_part))
        self.trace.moves.append(move)
        if self.impatient and any(
            map(_timed, self._happened(client, self.under_way[client.index]))
        ):
            self.trace.decisions[-1].impatient = not self.trace.decisions[-1].hasty
        for index in sorted(took_part):
            self.under_way[index].moves.append(move)
            if self.active[index].place is not Place.WAITING:
                self._note(self.active[index], self.under_way.pop(index), stop)

    def _note(self, client: Client, leg: _Leg, stop: int) -> None:
        """Note what a session touched on its way here, for each move of that."""
        happened = self._happened(client, leg)
        stop = client.step if client.place is Place.AT_STEP else stop
        held = client.instrumented.holds_snapshot(client.sent, leg.stop, stop)
        footprint = client.footprint(
            leg.before,
            happened,
            lockable=client.instrumented.lockable(client.sent, leg.stop),
            rows=leg.rows,
            released=self.releases_early,
            held=held or (self.keeps_snapshots and leg.begins),
        )
        if any(map(_timed, happened)):
            footprint = EVERYTHING
        if self.begins and leg.begins and any(event.kind == "call" for event in happened):
            footprint = footprint.joined(BEGINNING)
        for move in leg.moves:
            move.note(client.index, footprint)
        if sum(event.kind == "step" for event in happened) == 1:
            happened[0].touched = footprint

    def _happened(self, client: Client, leg: _Leg) -> list[Event]:
        """Return a session's events on its way."""
        events = self.trace.events[leg.events :]
        return [event for event in events if event.session == client.index]

    def _rows_ahead(self, client: Client, stop: int) -> RowsOf | None:
        """Return all that a session may touch on its way from a step, or (0) from where it stands.

        None if nobody can tell.
        """
        known = client.instrumented
        if known.reads_on(client.sent):
            return None
        if stop:
            reach = known.steps[stop].reach
            return reach.rows(client.keys, self.given, self.number) if reach else None
        if not (call := client.next_call) or not (reach := known.reach(call.query.text)):
            return None
        arguments = call.query.arguments(client.kept)
        told = [value_told(each, arguments) for each in reach.expressions]
        return reach.rows(told, self.given, self.number)


def _timed(event: Event) -> bool:
    """Say whether a session waited with a lock_timeout."""
    return bool(event.timeout)
