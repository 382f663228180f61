"""An arena: one disposable, instrumented database in which one schedule runs at a time.

A session stands before a client statement, at a step inside a function, waits for a lock, or is
through. The arena lets one session go on, waits until nothing moves any more, and asks its policy
which one is next. No fixed sleeps: sessions announce themselves, and only one that has been silent
for a moment is looked up in the lock table.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import asyncpg

from crossfoot.errors import ContentError, CrossfootError
from crossfoot.explorer.client import Client, Place
from crossfoot.explorer.footprint import NOTHING, not_all_counted
from crossfoot.explorer.gate import Gate
from crossfoot.explorer.instrument import Instrumented
from crossfoot.explorer.race import Race
from crossfoot.explorer.seed_state import SeedState
from crossfoot.explorer.trace import Decision, Event, Move, Trace
from crossfoot.target import Operation

_LEAST_PATIENCE = 0.0003  # seconds of silence before the lock table is asked
_LONGEST_PATIENCE = 0.005
_STUCK = 10.0  # seconds after which a session that neither ends nor waits is given up
_LONGEST = 2000  # steps after which a schedule is taken for a livelock
_VACUUM_EVERY = 400  # schedules


class NotDeterministicError(CrossfootError):
    """The same choices led elsewhere than before."""


class StuckError(CrossfootError):
    """A session neither ended nor waited for a lock that the explorer can see."""


class Policy(Protocol):
    """Chooses who goes on.

    ``overlapping`` says that a call may begin before its turn, if nobody can tell.
    """

    overlapping: bool

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return one of ``enabled``."""
        ...


class Arena:
    """Runs schedules of races in one database; one schedule at a time."""

    def __init__(
        self,
        control: asyncpg.Connection,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        instrumented: Instrumented,
        operations: dict[str, Operation],
        client: type[Client] = Client,
    ) -> None:
        self._client = client
        self.control = control
        self.instrumented = instrumented
        self.operations = operations
        self.active: list[Client] = []
        self.last: int | None = None  # the session that went last
        self._connect = connect
        self._gate = Gate(control)
        self._clients: list[Client] = []
        self._trace = Trace()
        self._waiter: asyncio.Future[bool] | None = None
        self._releases_early = self._merges = True
        self._given_up = 0  # ends and wakes when the lock table was last asked
        self._usual = _LEAST_PATIENCE / 2  # seconds that a session takes to announce itself
        self._seed: SeedState | None = None
        self._runs = 0
        self._dirty: set[str] | None = None  # tables with rows; None: nobody knows

    async def open(self, sessions: int) -> None:
        """Have connections for so many sessions."""
        if self._seed is None:
            self._seed = await SeedState.capture(self.control)
            await self._gate.open()
        for index in range(len(self._clients), sessions):
            connection = await self._connect()
            watch = self.instrumented.watch
            client = self._client(index, connection, self.operations, self._moved, watch)
            await self._gate.admit(client)
            self._clients.append(client)

    async def close(self) -> None:
        """Close every connection."""
        for connection in [*(client.connection for client in self._clients), self.control]:
            connection.terminate()

    @property
    def moves(self) -> list[Move]:
        """Return the moves of the schedule that is being run."""
        return self._trace.moves

    # -- one schedule ---------------------------------------------------------------------------

    async def run(self, race: Race, policy: Policy) -> Trace:
        """Run the race once, from its set-up to its end, as ``policy`` chooses.

        Raises NotDeterministicError if the policy's choice isn't possible, StuckError if a session
        hangs; the arena is usable afterwards in both cases.
        """
        self._trace = trace = Trace()
        self.last = None
        self.active = self._clients[: len(race.sessions)]
        await self._set_up(race)
        try:
            await self._begin(race, policy)
            while enabled := tuple(client.index for client in self.active if client.can_go):
                await self._decide(enabled, policy)
            if any(client.place is not Place.DONE for client in self.active):
                raise StuckError(f"{race.name}: all wait, and PostgreSQL sees no deadlock")
        except BaseException:
            await self._abandon()
            raise
        trace.transactions = [client.results for client in self.active]
        trace.state = await self._state(race)
        return trace

    async def told(self, race: Race, policy: Policy) -> Trace:
        """Run the race once with sessions that tell their variables at each step."""
        for client in self._clients:
            await client.connection.execute("set crossfoot.tells = on")
        try:
            return await self.run(race, policy)
        finally:
            for client in self._clients:
                await client.connection.execute("set crossfoot.tells = off")

    async def _set_up(self, race: Race) -> None:
        assert self._seed, "open() comes first"
        self._runs += 1
        dirty, self._dirty = self._dirty, None
        await self._seed.restore(self.control, race, dirty)
        if self._runs % _VACUUM_EVERY == 0:
            await self.control.execute("vacuum")

    async def _begin(self, race: Race, policy: Policy) -> None:
        # A higher isolation level takes its snapshot when a statement begins, so when it does matters.
        # In a serial order a call begins when its turn comes: now() is when its transaction began.
        self._merges = race.isolation == "read committed" and policy.overlapping
        self._releases_early = any(
            self.instrumented.releases(call.query.text) for call in race.calls
        ) or (self._client is not Client and bool(self.instrumented.releasing))
        watched = self._merges and not any(not_all_counted(c.query.text) for c in race.calls)
        for client, session in zip(self.active, race.sessions, strict=True):
            client.watch = self.instrumented.watch if watched else NOTHING
            client.begin(session, race.isolation, self._trace)
            if cleaning := self.instrumented.cleaning:
                await client.connection.execute(f"{cleaning} {client.settings}")
        await self._start_quiet_calls()

    async def _decide(self, enabled: tuple[int, ...], policy: Policy) -> None:
        chosen = enabled[0]
        if len(enabled) > 1:
            chosen = policy.choose(enabled, self)
            if chosen not in enabled:
                raise NotDeterministicError("not deterministic: a choice isn't possible any more")
            self._trace.decisions.append(Decision(enabled, chosen, self._unpreempted(enabled)))
        if self._trace.steps > _LONGEST:
            raise StuckError(f"no end after {_LONGEST} steps: a livelock?")
        self.last = chosen
        client = self.active[chosen]
        client.free = len(enabled) == 1 and self._alone(client)
        touched, events = client.touched, len(self._trace.events)
        stop = client.step if client.place is Place.AT_STEP else 0
        await self._advance(client)
        await self._settle()
        client.free = False
        happened = self._trace.events[events:]
        stops = stop, client.step if client.place is Place.AT_STEP else 0
        held = self.instrumented.holds_snapshot(client.sent, *stops)
        footprint = client.footprint(touched, happened, released=self._releases_early, held=held)
        self._trace.moves.append(Move(chosen, footprint, len(enabled) > 1))
        if sum(event.kind == "step" for event in happened) == 1:
            happened[0].touched = footprint
        await self._start_quiet_calls()

    def _unpreempted(self, enabled: tuple[int, ...]) -> tuple[int, ...]:
        """Return those who can go on without preempting the session that went last."""
        if self.last is None or self.last not in enabled or self.active[self.last].fresh:
            return enabled
        return (self.last,)

    def _alone(self, client: Client) -> bool:
        """Say whether nobody else can go on before this session's statement is through.

        The others are done, or wait for locks that no statement gives up before it ends.
        """
        places = {other.place for other in self.active if other is not client}
        if self._releases_early:
            return places <= {Place.DONE}
        return places <= {Place.DONE, Place.WAITING}

    async def _advance(self, client: Client) -> None:
        self._trace.steps += 1
        client.fresh = False
        if client.place is Place.AT_STEP:
            self._trace.events.append(Event(client.index, "step", client.step))
            await self._gate.let_go(client)
        else:
            await self._send(client)

    async def _send(self, client: Client, *, quiet: bool = False) -> None:
        await self._gate.prepare_for(client)
        if await client.open() and not quiet:
            await client.look()  # before a quiet one nothing is touched until its first step
        client.send()

    async def _start_quiet_calls(self) -> None:
        """Send the statements in which nothing touches data before their first step.

        Nobody can tell when they began, so a choice there would only multiply equal schedules.
        """
        while quiet := [client for client in self.active if self._is_quiet(client)]:
            for client in quiet:
                await self._send(client, quiet=True)
            await self._settle()

    def _is_quiet(self, client: Client) -> bool:
        return self._merges and client.starts_quietly(self.instrumented)

    # -- waiting until nothing moves ------------------------------------------------------------

    def _moved(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(True)

    async def _settle(self) -> None:
        """Wait until every session stands somewhere, is through, or waits for a lock."""
        started, deadlock = time.monotonic(), False
        # Twice what an answer usually takes here: on a busy machine asking earlier only adds work.
        patience = min(max(2 * self._usual, _LEAST_PATIENCE), _LONGEST_PATIENCE)
        while moving := [client for client in self.active if client.moving]:
            running = any(client.place is Place.RUNNING for client in moving)
            if (running or deadlock) and await self._heard(patience):
                self._usual += 0.1 * (time.monotonic() - started - self._usual)
                continue
            if (
                not running
                and not deadlock
                and not self._releases_early
                and not self._something_given_up()
            ):
                return  # who waited still does: no transaction has ended
            _raise_broken(moving)
            everybody, deadlock = await self._all_wait(moving)
            if deadlock:
                self._trace.note_deadlock()
            if everybody and not deadlock:
                return
            patience = min(patience * 1.5, _LONGEST_PATIENCE)
            if time.monotonic() - started > _STUCK:
                raise _stuck(moving)

    def _something_given_up(self) -> bool:
        """Say whether a transaction has ended, or a waiter gone on, since the lock table was last asked.

        A waiter that goes on may give up what others wait for in turn: its place in the queue of a row.

        Since then, not since this move began: a session that is let go may be through before the
        controller hears that it let it go.
        """
        return sum(client.ended + client.wakes for client in self.active) != self._given_up

    async def _heard(self, patience: float) -> bool:
        """Wait until a session announces itself; False after ``patience`` seconds of silence."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(patience, _time_is_up, waiter)
        try:
            return bool(await waiter)
        finally:
            timer.cancel()
            self._waiter = None

    async def _all_wait(self, moving: Sequence[Client]) -> tuple[bool, bool]:
        """Ask the lock table; say whether everybody waits, and whether some wait in a circle.

        PostgreSQL will break a circle, so that isn't the end of it.
        """
        index_of = {client.pid: client.index for client in self.active}
        self._given_up = sum(client.ended + client.wakes for client in self.active)
        found = await self._gate.blockers(moving)
        # Who waits for the controller stands at a step, and its announcement is on the way.
        blockers = {
            index_of[pid]: tuple(index_of[by] for by in blocked_by if by in index_of)
            for pid, blocked_by in found.items()
        }
        everybody = True
        for client in moving:
            waits_for = blockers[client.index]
            if client.moving and waits_for:
                self._now_waits(client, waits_for)
            else:
                client.woke()
                everybody = False
        return everybody, _cycle(blockers)

    def _now_waits(self, client: Client, blockers: tuple[int, ...]) -> None:
        if client.place is Place.RUNNING:
            client.place = Place.WAITING
            self._trace.events.append(Event(client.index, "wait", client.step, blockers=blockers))

    # -- ends -----------------------------------------------------------------------------------

    async def _state(self, race: Race) -> list[tuple[str, str]]:
        assert self._seed, "open() comes first"
        rows = [(row[0], row[1]) for row in await self.control.fetch(self._seed.dump)]
        self._dirty = {name for name, _ in rows}
        for index, query in enumerate(race.state, start=1):
            try:
                found = await self.control.fetch(
                    f"select to_jsonb(x.*)::text from ({query.text}) as x"
                )
            except asyncpg.PostgresError as error:
                raise ContentError(
                    f"{race.file}:{query.line}: @state fails: {error}",
                    remedy="Each statement of @state is one select; it runs as superuser.",
                ) from error
            rows += [(f"@state {index}", row[0]) for row in found]
        return rows

    async def _abandon(self) -> None:
        """End a schedule in mid-air: every step raises, every transaction is rolled back.

        Cancelling instead would leave a session between its two locks.
        """
        await self._gate.give_up(on=True)
        deadline = time.monotonic() + _STUCK
        while time.monotonic() < deadline:
            for client in self.active:
                if client.place is Place.AT_STEP:
                    await self._gate.let_go(client)
                elif client.place is Place.READY:
                    await client.leave()  # others may wait for its locks
            if all(client.task is None or client.task.done() for client in self.active):
                break
            await asyncio.sleep(0.001)
        for client in self.active:
            if client.task and not client.task.done():
                await self._gate.cancel(client)
                await asyncio.wait([client.task], timeout=_STUCK)
            await client.leave()
        await self._gate.give_up(on=False)


def _stuck(moving: Sequence[Client]) -> StuckError:
    names = ", ".join(client.session.name for client in moving)
    return StuckError(
        f"{names}: neither came back nor waited for a lock within {_STUCK:.0f} s",
        remedy="Does the function sleep, or wait for something outside of the database?",
    )


def _time_is_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


def _raise_broken(moving: Sequence[Client]) -> None:
    """Raise what a client's own code ran into; the database's errors are results."""
    for client in moving:
        if client.task and client.task.done() and client.place is Place.RUNNING:
            client.task.result()


def _cycle(blockers: dict[int, tuple[int, ...]]) -> bool:
    """Say whether some of the waiters wait for each other in a circle."""
    for start, first in blockers.items():
        seen: set[int] = set()
        front = list(first)
        while front:
            index = front.pop()
            if index == start:
                return True
            if index not in seen:
                seen.add(index)
                front += blockers.get(index, ())
    return False
