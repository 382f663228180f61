"""An arena: one disposable, instrumented database in which one schedule runs at a time.

A session stands before a client statement, at a step inside a function, waits for a lock, or is
through. The arena lets one session go on, waits until nothing moves any more (stillness.py), and asks
its policy which one is next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Protocol

import asyncpg

from crossfoot.errors import ContentError, CrossfootError
from crossfoot.explorer import stillness
from crossfoot.explorer.client import ALL, Client, Place
from crossfoot.explorer.drawn import Drawn, Draws
from crossfoot.explorer.footprint import NOTHING
from crossfoot.explorer.gate import Gate
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.legs import Legs
from crossfoot.explorer.patience import one_has_a_timeout, sets_lock_timeout, sets_other_timeout
from crossfoot.explorer.race import Race
from crossfoot.explorer.reach import values_given
from crossfoot.explorer.seed_state import SeedState
from crossfoot.explorer.stillness import Stillness, StuckError
from crossfoot.explorer.trace import Decision, Event, Move, Trace, session_of
from crossfoot.target import Operation

_VACUUM_EVERY = 400  # schedules


class NotDeterministicError(CrossfootError):
    """The same choices led elsewhere than before."""


class Policy(Protocol):
    """Chooses who goes on.

    ``overlapping`` says that a call may begin before its turn, if nobody can tell.
    """

    overlapping: bool

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return one of ``enabled``, or ``~`` one of them: it loses patience if it has to wait."""
        ...

    def passes(self, arena: Arena) -> int:
        """Return how many stops whoever was chosen last may pass before the next choice, or ALL."""
        ...

    def looks(self, arena: Arena) -> bool:
        """Say whether anybody has to know what whoever was chosen last touches until it stops."""
        ...


class Arena:
    """Runs schedules of races in one database; one schedule at a time."""

    def __init__(
        self,
        control: asyncpg.Connection,
        keeper: asyncpg.Connection,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        instrumented: Instrumented,
        operations: dict[str, Operation],
        client: type[Client] = Client,
    ) -> None:
        self._client = client
        self.control = control
        self._keeper = keeper
        self.instrumented = instrumented
        self.operations = operations
        self.active: list[Client] = []
        self.last: int | None = None  # the session that went last
        self._connect = connect
        self._gate = Gate(control)
        self._stillness = Stillness(self._gate)
        self._clients: list[Client] = []
        self._trace = Trace()
        self._enabled: tuple[int, ...] = ()  # those who could have made the present move
        self._legs = Legs()
        self._merges = True
        self._default_timeout = False
        self._seed: SeedState | None = None
        self._runs = 0
        self._dirty: set[str] | None = None  # tables with rows; None: nobody knows

    async def open(self, sessions: int) -> None:
        """Have connections for so many sessions."""
        if self._seed is None:
            self._seed = await SeedState.capture(self.control, self._keeper)
            self._draws = await Draws.of(self.control)
            self._dump = f"select '', {self._draws.look} union all {self._seed.dump}"
            await self._gate.open()
            if self.instrumented.watch.tables:
                await self.control.execute(self.instrumented.watch.teller)
        for index in range(len(self._clients), sessions):
            connection = await self._connect()
            client = self._client(
                index,
                connection,
                self.instrumented,
                self.operations,
                self._stillness.moved,
                self._passed,
            )
            await self._gate.admit(client)
            self._default_timeout |= await connection.fetchval("show lock_timeout") != "0"
            self._clients.append(client)

    def know(self, instrumented: Instrumented) -> None:
        """Go by this from now on: the functions were changed."""
        self.instrumented = instrumented
        for client in self._clients:
            client.instrumented = instrumented

    async def close(self) -> None:
        """Close every connection."""
        own = (client.connection for client in self._clients)
        for connection in [*own, self.control, self._keeper]:
            connection.terminate()

    @property
    def choices(self) -> int:
        """Return how many choices were made in the schedule that is being run."""
        return len(self._trace.decisions)

    @property
    def moves(self) -> list[Move]:
        """Return the moves of the schedule that is being run."""
        return self._trace.moves

    # -- one schedule ---------------------------------------------------------------------------

    async def run(self, race: Race, policy: Policy) -> Trace:
        """Run the race once, from its set-up to its end, as ``policy`` chooses.

        It ends too where all who are left wait for each other; then the trace is stuck, and what they
        did is taken back. Raises NotDeterministicError if the policy's choice isn't possible,
        StuckError if a session hangs; the arena is usable afterwards in both cases.
        """
        self._trace = trace = Trace()
        self.last = None
        self.active = self._clients[: len(race.sessions)]
        self._legs = Legs(self.active, values_given(race.values.values()), trace=trace)
        self._stillness.watch(self.active, trace)
        await self._set_up(race)
        try:
            await self._begin(race, policy)
            while enabled := tuple(client.index for client in self.active if client.can_go):
                await self._decide(enabled, policy)
            trace.stuck = any(client.place is not Place.DONE for client in self.active)
            trace.patient = trace.stuck and one_has_a_timeout(self.active)
            untried = sets_other_timeout(race, self.instrumented)
            if trace.stuck and (untried or (trace.patient and not self._legs.impatient)):
                raise StuckError(f"{race.name}: all wait, until one loses its patience")
        except BaseException:
            await self._abandon()
            raise
        trace.transactions = [client.results for client in self.active]
        if trace.stuck:
            trace = deepcopy(trace)  # the answers of those who are cancelled don't belong to it
            await self._abandon()
        trace.state, trace.drawn = await self._state(race)
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
        also = "".join(self._gate.closing(client) for client in self.active)
        await self._seed.restore(self.control, race, dirty, also)
        if self._runs % _VACUUM_EVERY == 0:
            await self.control.execute("vacuum")

    async def _begin(self, race: Race, policy: Policy) -> None:
        # A higher isolation level takes its snapshot when a statement begins, so when it does matters.
        # In a serial order a call begins when its turn comes: now() is when its transaction began.
        self._legs.keeps_snapshots = race.isolation != "read committed"
        self._merges = policy.overlapping and not self._legs.keeps_snapshots
        self._legs.begins = race.begins or self.instrumented.begins
        self._legs.releases_early = any(
            self.instrumented.releases(call.query.text) for call in race.calls
        ) or (self._client is not Client and bool(self.instrumented.releasing))
        shown = all(self.instrumented.shows_all(call.query.text) for call in race.calls)
        # Serializable transactions are told apart by more than what their moves touch.
        watched = policy.overlapping and shown and race.isolation != "serializable"
        self._stillness.blind = self._legs.releases_early and not (
            watched and self.instrumented.watch.tables
        )
        own_timeout = sets_lock_timeout(race)
        may_time_out = own_timeout or self.instrumented.impatient or self._default_timeout
        self._legs.impatient = may_time_out and policy.overlapping
        for client, session in zip(self.active, race.sessions, strict=True):
            if own_timeout:
                await client.connection.execute("reset lock_timeout")
            client.looks.watch = self.instrumented.watch if watched else NOTHING
            client.begin(session, race.isolation, self._trace)
        if cleaning := self.instrumented.cleaning:
            for client in self._clients:  # whoever isn't active may have left a lock earlier
                await client.connection.execute(f"{cleaning} {client.counting} {client.settings}")
        await self._start_quiet_calls()

    async def _decide(self, enabled: tuple[int, ...], policy: Policy) -> None:
        choice, decision = enabled[0], None
        if self._is_choice(enabled):
            choice = policy.choose(enabled, self)
            if (chosen := session_of(choice)) not in enabled:
                raise NotDeterministicError("not deterministic: a choice isn't possible any more")
            decision = Decision(enabled, chosen, self._unpreempted(enabled), hasty=choice < 0)
            self._trace.decisions.append(decision)
        self.last = session_of(choice)
        client = self.active[self.last]
        client.hasty = choice < 0
        if not client.connection.is_in_transaction():
            client.looks.forget()
        self._policy = policy
        wanted = policy.looks(self)
        for other in self.active:
            if other is client or (wanted and other.place is Place.WAITING):
                other.looks.wanted = wanted
        signs = self._stillness.signs
        passes = self._passes(client, policy.passes(self) if decision else ALL)
        self._enabled = enabled
        self._legs.start(client, client.step if client.place is Place.AT_STEP else 0)
        await self._advance(client, passes)
        await self._stillness.come()
        client.allow(0, alone=False)
        if decision and client.hasty:
            decision.hasty = client.hasty = False  # it didn't wait
        # Who waits may have gone on wherever a lock was given up, and wait for another one again.
        given_up = signs != self._stillness.signs
        waiting = (
            [each for each in self._legs.under_way if each != client.index] if given_up else []
        )
        self._legs.arrive(client, waiting, decided=self._is_choice(enabled))
        if client.place is Place.WAITING:
            await self._gate.prepare_for(client)  # it stops again once it has its lock
        await self._start_quiet_calls()

    def _passed(self, client: Client) -> None:
        """Note that a session has come to a step and goes on at once, as it would be let anyway."""
        enabled = self._enabled
        self._legs.arrive(client, (), decided=self._is_choice(enabled), stop=client.step)
        if self._is_choice(enabled):
            self._trace.decisions.append(Decision(enabled, client.index, (client.index,)))
        self._legs.start(client, client.step)
        client.looks.wanted = self._policy.looks(self)
        self._stillness.passed()

    def _is_choice(self, enabled: tuple[int, ...]) -> bool:
        """Say whether there is more than one way to go on. Who may lose patience has two."""
        return len(enabled) > 1 or self._legs.impatient

    def _unpreempted(self, enabled: tuple[int, ...]) -> tuple[int, ...]:
        """Return those who can go on without preempting the session that went last."""
        if self.last is None or self.last not in enabled or self.active[self.last].fresh:
            return enabled
        return (self.last,)

    def _passes(self, client: Client, asked: int) -> int:
        """Return how many stops a session may pass while nobody else goes on by itself.

        Who waits for a lock does if the lock is given up; most statements give none up before they end.
        """
        waiting = any(other.place is Place.WAITING for other in self.active if other is not client)
        passes = 0 if waiting and self._legs.releases_early else asked
        client.allow(passes, alone=not waiting)
        return passes

    async def _advance(self, client: Client, passes: int) -> None:
        client.fresh = False
        if client.place is Place.AT_STEP:
            self._trace.events.append(Event(client.index, "step", client.step))
            if client.hasty:
                await self._gate.hurry(client)
            await self._gate.let_go(client, passes)
        else:
            await self._send(client, passes)

    async def _send(self, client: Client, passes: int = 0, *, quiet: bool = False) -> None:
        if self._may_stop(client):
            await self._gate.prepare_for(client, passes)
        await client.open(look=not quiet)
        if self._legs.impatient and not quiet:
            await client.wait_for_locks()
        client.send()

    def _may_stop(self, client: Client) -> bool:
        """Say whether what a session is to send may come to a step. A COMMIT that is watched doesn't."""
        if call := client.next_call:
            return self.instrumented.may_stop(call.query.text)
        return not client.looks.counts

    async def _start_quiet_calls(self) -> None:
        """Send the statements in which nothing touches data before their first step.

        Nobody can tell when they began, so a choice there would only multiply equal schedules.
        """
        if not self._merges or self._legs.begins:
            return
        while quiet := [client for client in self.active if client.starts_quietly()]:
            for client in quiet:
                await self._send(client, quiet=True)
            await self._stillness.come()

    # -- ends -----------------------------------------------------------------------------------

    async def _state(self, race: Race) -> tuple[list[tuple[str, str]], Drawn]:
        """Return every row that is there, by table, and what was drawn on the way."""
        assert self._seed, "open() comes first"
        rows: list[tuple[str, str]] = []
        drawn = ""
        for table, row in await self.control.fetch(self._dump):
            if table:
                rows.append((table, row))
            else:
                drawn = row
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
        return rows, self._draws.since_last(drawn)

    async def _abandon(self) -> None:
        """End a schedule in mid-air: every step raises, every transaction is rolled back.

        Cancelling instead would leave a session between its two locks.
        """
        await self._gate.give_up(on=True)
        deadline = time.monotonic() + stillness.STUCK
        while time.monotonic() < deadline:
            for client in self.active:
                if client.place is Place.AT_STEP:
                    await self._gate.let_go(client)
                elif client.place is Place.READY:
                    await client.leave()  # others may wait for its locks
            left = [each for each in self.active if each.task and not each.task.done()]
            stuck = self._trace.stuck and all(each.place is Place.WAITING for each in left)
            if stuck or not left:
                break
            await asyncio.sleep(0.001)
        for client in self.active:
            if client.task and not client.task.done():
                await self._gate.cancel(client)
                await asyncio.wait([client.task], timeout=stillness.STUCK)
            await client.leave()
        await self._gate.give_up(on=False)
