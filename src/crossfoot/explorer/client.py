"""One client of a race on its connection: what it sends, and where it stands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import IntEnum
from typing import Any

import asyncpg

from crossfoot.explorer.footprint import EVERYTHING, Footprint, Touched
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.looks import Looks
from crossfoot.explorer.race import Call, Session
from crossfoot.explorer.rows import RowsOf
from crossfoot.explorer.trace import CallResult, Event, EventKind, Trace
from crossfoot.outcome import outcome_of_error, outcome_of_rows
from crossfoot.rendering import render
from crossfoot.target import Operation
from crossfoot.verdicts import Outcome

_STEP = "crossfoot step "
_TOUCHED = "crossfoot touched "
_BARE_NO_MORE = "reset default_transaction_isolation"
_WAIT_FOR_LOCKS = "select crossfoot.wait_for_locks($1)"
_LOOK = "select crossfoot.tell_touched()"

ALL = 1 << 40
"""More steps than any session makes."""


class Place(IntEnum):
    """Where a session stands. In this order: through, moving, able to go on."""

    DONE = 0
    RUNNING = 1
    WAITING = 2
    READY = 3
    AT_STEP = 4


class Client:
    """One session of the race that is being run.

    ``place`` changes only here (when a session announces itself) and in the arena (when it lets it
    go). ``moved`` is called when it stops, ``passed`` at a step at which it doesn't. ``fresh`` says
    that nothing of the current transaction has touched data yet; ``alone`` that nobody else can move
    before this session stops; ``hasty`` that it is to lose patience with the lock that it waits for
    next. ``timeout`` is its lock_timeout where it stood last, "" for none.
    """

    def __init__(
        self,
        index: int,
        connection: asyncpg.Connection,
        instrumented: Instrumented,
        operations: Mapping[str, Operation],
        moved: Callable[[], None],
        passed: Callable[[Client], None],
    ) -> None:
        self.index = index
        self.connection = connection
        self.instrumented = instrumented
        self.operations = operations
        self.moved = moved
        self.passed = passed
        self.pid: int = connection.get_server_pid()
        self.turn = 0  # up to which arrival it passes, and which lock it waits for then (steps.sql)
        self.arrivals = 0  # how often its session came to a step
        self.alone = False
        self.hasty = False
        self.timeout = ""
        self._allowed = 0  # up to which arrival it may pass stops, those that are no steps too
        self.place = Place.DONE
        self.fresh = True
        self.transaction = 0
        self.step = 0
        self.keys: list[str | None] = []  # what rows its last step is about (steps.sql)
        self.pieces = 0  # transactions that it ended in this schedule, those within a call too
        self.ended = 0  # transactions that ended, one way or the other
        self.results: list[list[CallResult]] = []
        self.task: asyncio.Task[None] | None = None
        self.session = Session("", ())
        self._level = ""
        self._call = 0
        self.kept: dict[str, object] = {}  # what its calls said that later ones are given
        self._begun_at = 0  # the pieces when the call under way was sent
        self._commits = False  # whether the step at which it stood last stood before a COMMIT
        self._trace = Trace()
        self.looks = Looks()
        self._tells = False  # whether its server process says what it has touched
        self.sent = ""  # the statement under way
        self.wakes = 0  # how often it got a lock that it had waited for
        connection.add_log_listener(self._heard)

    @property
    def slot(self) -> int:
        """Return the number by which steps.sql knows this session."""
        return self.index + 1

    @property
    def passes(self) -> int:
        """Return how many steps it passes before it stops at one."""
        limit = self.turn // 2
        return ALL if limit == ALL else max(limit - self.arrivals, 0)

    def allow(self, passes: int, *, alone: bool) -> None:
        """Let it pass so many stops on its way, ``alone`` if nobody else can move meanwhile."""
        self._allowed, self.alone = self.arrivals + passes, alone

    @property
    def counting(self) -> str:
        """Return the SQL that makes its session count how often it comes to a step."""
        return f"select crossfoot.count_arrivals({self.arrivals});"

    @property
    def settings(self) -> str:
        """Return the SQL that makes this session one whose steps stop."""
        return (
            f"set crossfoot.slot = {self.slot}; set plpgsql.check_asserts = on;"
            f" set crossfoot.watched = {'on' if self._tells else 'off'};"
        )

    @property
    def can_go(self) -> bool:
        """Say whether it stands where it can be let go."""
        return self.place >= Place.READY

    @property
    def moving(self) -> bool:
        """Say whether a statement is under way: running, or waiting for a lock."""
        return Place.RUNNING <= self.place <= Place.WAITING

    @property
    def next_call(self) -> Call | None:
        """Return the call that is to be sent next; None before a commit."""
        calls = self.session.transactions[self.transaction]
        return calls[self._call] if self._call < len(calls) else None

    @property
    def sends_bare(self) -> bool:
        """Say whether what is sent next ends transactions itself, and so stands outside of any."""
        calls = self.session.transactions[self.transaction]
        return len(calls) == 1 and self.instrumented.commits(calls[0].query.text)

    @property
    def may_hold(self) -> bool:
        """Say whether it may hold a lock that somebody else could wait for."""
        return not (self.fresh or self.place is Place.DONE or self.looks.untouched)

    def starts_quietly(self) -> bool:
        """Say whether it stands before a call in which nothing touches data before the first step."""
        if self.place is not Place.READY or (call := self.next_call) is None:
            return False
        return self.instrumented.starts_quietly(call.query.text)

    def _heard(self, _connection: Any, message: Any) -> None:
        if message.message.startswith(_TOUCHED):
            self.looks.note(Touched.read(message.message[len(_TOUCHED) :]))
        if not message.message.startswith(_STEP):
            return
        self.woke()
        number, arrival, touched = message.message[len(_STEP) :].split(" ", 2)
        if message.detail:
            self._told(message.detail)
        self.pieces += self._commits
        passes = self.passes > 0
        self.step, self.arrivals = int(number), int(arrival)
        told = json.loads(message.hint) if message.hint else {}
        self.keys, self.timeout = told.get("keys") or [], told.get("timeout", "")
        self._commits = self.instrumented.steps[self.step].kind == "commit"
        if self.looks.counts:
            self.looks.note(Touched.read(touched))
        if passes:
            self.passed(self)
            self._trace.events.append(Event(self.index, "step", self.step))
        else:
            self.place = Place.AT_STEP
            self.moved()

    def _told(self, variables: str) -> None:
        """Write down what the variables were after the session's last event."""
        for event in reversed(self._trace.events):
            if event.session == self.index:
                event.variables = json.loads(variables, parse_float=str)
                return

    def woke(self) -> None:
        """Note that a lock was got, if one was waited for, or that patience was lost with it."""
        if self.place is Place.WAITING:
            self.place = Place.RUNNING
            self.wakes += 1
            kind: EventKind = "timeout" if self.hasty else "wake"
            timeout, self.hasty = self.timeout if self.hasty else "", False
            self._trace.events.append(Event(self.index, kind, self.step, timeout=timeout))

    def lost_patience(self, message: str) -> None:
        """Note by its error that it waited, where that was over before anybody saw it wait."""
        if self.hasty and self.place is Place.RUNNING and "lock timeout" in message:
            self.place = Place.WAITING
            self._trace.events.append(Event(self.index, "wait", self.step, timeout=self.timeout))

    def begin(self, session: Session, isolation: str, trace: Trace) -> None:
        """Take a session's part in a new schedule."""
        self.session, self._trace = session, trace
        self._level = "" if isolation == "read committed" else f" isolation level {isolation}"
        self.place = Place.READY if session.transactions else Place.DONE
        self.transaction = self._call = self.step = 0
        self.fresh, self.alone, self.task = True, False, None
        self.hasty, self.timeout = False, ""
        self.kept, self.results = {}, [[]]
        self.pieces, self._commits = 0, False

    async def open(self, *, look: bool) -> None:
        """Begin the transaction of the next statement, unless it has begun.

        With ``look`` it says what it has touched, which is where counting begins. Without, it says so
        at its first step. Here and not in send(), so that transactions begin in the same order in
        every run: a now() that is a little earlier or later is a different outcome.
        """
        if self.connection.is_in_transaction():
            return
        self.looks.begin()
        if self._tells is not self.looks.counts:
            self._tells = self.looks.counts
            await self.connection.execute(self.settings)
        if self.sends_bare:
            level = self._level.removeprefix(" isolation level ") or "read committed"
            await self.connection.execute(f"set default_transaction_isolation = '{level}'")
            return
        begin = f"begin{self._level}"
        await self.connection.execute(f"{begin}; {_LOOK}" if look and self._tells else begin)

    async def wait_for_locks(self) -> None:
        """Make what is sent next wait for locks for good, or not if ``hasty``."""
        self.timeout = await self.connection.fetchval(_WAIT_FOR_LOCKS, self.hasty)

    def send(self) -> None:
        """Send the next statement of the session, or its commit."""
        call = self.next_call
        self.sent = call.query.text if call else ""
        work: Coroutine[Any, Any, None] = self._send_call(call) if call else self._commit()
        self.place = Place.RUNNING
        self.task = asyncio.get_running_loop().create_task(work)

    async def _send_call(self, call: Call) -> None:
        self._trace.events.append(Event(self.index, "call", call=call))
        bare, self._begun_at = self.sends_bare, self.pieces
        try:
            records = await self.connection.fetch(
                self.instrumented.with_steps(call.query.text), *call.query.arguments(self.kept)
            )
            goes_on = not bare and self._commits_at_once
            if not goes_on:
                await (self.connection.execute(_BARE_NO_MORE) if bare else self.look())
        except asyncpg.PostgresError as error:
            await self._failed(call, error)
            return
        self.woke()
        if call.keep:
            self.kept[call.keep] = records[0][0] if records else None
        result = self._answered(call, records)
        self.results[-1].append(result)
        self._trace.events.append(Event(self.index, "return", call=call, result=result))
        self._call += 1
        if goes_on:
            await self._commit(at_once=True)
        elif bare:
            self._ended()
        else:
            self._stands(Place.READY)

    @property
    def _commits_at_once(self) -> bool:
        """Say whether its call is followed by a COMMIT, and nobody is to go between the two.

        A COMMIT that runs deferred triggers has steps of its own. Then nothing is watched.
        """
        last = self._call + 1 == len(self.session.transactions[self.transaction])
        return last and self.alone and self._allowed > self.arrivals and self.looks.counts

    async def look(self) -> None:
        """Look at what the transaction has touched."""
        if self.looks.counts and self.looks.wanted:
            await self.connection.execute(_LOOK)

    def _answered(self, call: Call, records: Sequence[asyncpg.Record]) -> CallResult:
        columns = tuple(records[0].keys()) if records else ()
        rows = tuple(tuple(render(value) for value in record.values()) for record in records)
        operation = self.operations.get(call.operation or "")
        return CallResult(call, outcome_of_rows(operation, columns, rows), columns, rows)

    async def _failed(self, call: Call, error: asyncpg.PostgresError) -> None:
        """Write the error down as the call's result; the session ends, as the application would."""
        sqlstate, message = str(error.sqlstate), str(getattr(error, "message", "") or error)
        if sqlstate == "40P01" and self.place is Place.WAITING:
            self.place = Place.RUNNING  # it never got the lock: it lost the deadlock
        self.lost_patience(message)
        self.woke()
        outcome = outcome_of_error(self.operations.get(call.operation or ""), sqlstate, message)
        result = CallResult(call, outcome, sqlstate=sqlstate, message=message)
        answered = self.results[-1]
        if answered and answered[-1].call is call:
            answered.pop()  # it had come back well, and its COMMIT failed
        answered.append(result)
        self._trace.events.append(Event(self.index, "error", call=call, result=result))
        if sqlstate == "40P01":
            self._trace.note_deadlock()
        self.ended += 1
        if self.connection.is_closed():
            return  # its server went away: whoever runs the schedule hears of it too
        if self.connection.is_in_transaction():
            await self.connection.execute("rollback")
        elif self.sends_bare:
            await self.connection.execute(_BARE_NO_MORE)
            parted = self.pieces > self._begun_at and outcome is Outcome.RETRYABLE
            self._trace.parted = self._trace.parted or parted
        await self._look_back()
        self._stands(Place.DONE)

    def footprint(
        self,
        before: Touched | None,
        happened: Sequence[Event],
        *,
        lockable: frozenset[int],
        rows: RowsOf | None,
        released: bool,
        held: bool,
    ) -> Footprint:
        """Return what it touched on its way to this stop, ``before`` which it had touched that much.

        ``happened`` are its events on the way. The statement may have locked rows that it read in the
        tables ``lockable``, and touched no other rows than ``rows``. ``released`` says that it may have given
        up locks, which it does by rolling back to a savepoint; ``held`` that it may read from a snapshot
        that it took before.
        """
        kinds = {event.kind for event in happened}
        if kinds == {"commit"}:
            rows = {}  # it touches nothing by itself
        elif held:
            rows = None  # what stands around the statement may have touched more
        moved = self.looks.moved(before, lockable, rows, released=released)
        if held or not self.looks.wanted:
            return EVERYTHING
        if kinds & {"error", "commit"}:
            return self.looks.ended(failed="error" in kinds)
        return moved

    async def _look_back(self) -> None:
        """Look at what the transaction that has failed had touched."""
        before = self.looks.last
        await self.look()
        self.looks.failed(before)

    async def _commit(self, *, at_once: bool = False) -> None:
        """End the transaction; ``at_once`` with a look at it, of whose return nobody has heard yet."""
        commit = Event(self.index, "commit")
        if not at_once:
            self._trace.events.append(commit)
        try:
            await self.connection.execute(f"{_LOOK}; commit" if at_once else "commit")
        except asyncpg.PostgresError as error:
            await self._failed(self.results[-1][-1].call, error)
            return
        if at_once:
            self.step = 0
            self.passed(self)
            self._trace.events.append(commit)
        self._ended()

    def _ended(self) -> None:
        """Go on to the next transaction."""
        self.woke()
        self.pieces += 1
        self._commits = False
        self.ended += 1
        self.transaction += 1
        self._call = 0
        self.fresh = True
        if self.transaction == len(self.session.transactions):
            self._stands(Place.DONE)
            return
        self.results.append([])
        self._stands(Place.READY)

    def _stands(self, place: Place) -> None:
        self.place = place
        self.moved()

    async def leave(self) -> None:
        """Be through with a schedule that was given up."""
        if self.connection.is_in_transaction():
            await self.connection.execute("rollback")
        self.task, self.place = None, Place.DONE
