"""Waiting until nothing moves: every session stands somewhere, is through, or waits for a lock.

No fixed sleeps: sessions announce themselves, and only when all has been silent for a moment is the
lock table asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from crossfoot.errors import CrossfootError
from crossfoot.explorer.client import Client, Place
from crossfoot.explorer.gate import Gate
from crossfoot.explorer.trace import Event, Trace

LEAST_PATIENCE = 0.0003  # seconds of silence before the lock table is asked
LONGEST_PATIENCE = 0.005
SURE = 0.05  # seconds, where nobody can be waited for as far as anybody knows
STUCK = 10.0  # seconds after which a session that neither ends nor waits is given up
LONGEST = 2000  # steps after which a schedule is taken for a livelock


class StuckError(CrossfootError):
    """A session neither ended nor waited for a lock that the explorer can see."""


class Stillness:
    """Knows when the sessions of a schedule have come to rest.

    ``blind`` says that locks may be given up without a sign of it.
    """

    def __init__(self, gate: Gate) -> None:
        self.blind = False
        self._gate = gate
        self._active: Sequence[Client] = ()
        self._trace = Trace()
        self._waiter: asyncio.Future[bool] | None = None
        self._news = 0.0  # when somebody was let go, or passed a step
        self._usual = LEAST_PATIENCE / 2  # seconds that a session takes to announce itself
        self._given_up = 0  # signs of a lock given up when the lock table was last asked

    def watch(self, active: Sequence[Client], trace: Trace) -> None:
        """Look after the sessions of a new schedule."""
        self._active, self._trace = active, trace

    def moved(self) -> None:
        """Hear that a session has stopped."""
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(True)

    def passed(self) -> None:
        """Hear that a session has passed a step."""
        self._news = time.monotonic()

    async def come(self) -> None:
        """Wait until every session stands somewhere, is through, or waits for a lock."""
        self._news = started = time.monotonic()
        deadlock = False
        # What an answer usually takes here, and more: asking earlier only adds work.
        usual = min(max(3 * self._usual, LEAST_PATIENCE), LONGEST_PATIENCE)
        patience = usual if self._any_holds() else SURE
        while moving := [client for client in self._active if client.moving]:
            if self._trace.steps > LONGEST:
                raise StuckError(f"no end after {LONGEST} steps: a livelock?")
            running = any(client.place is Place.RUNNING or client.hasty for client in moving)
            news = self._news
            if (running or deadlock) and await self._heard(patience):
                self._usual += 0.1 * (time.monotonic() - self._news - self._usual)
                continue
            if self._news > news:
                continue  # it passed a step meanwhile
            if not running and not deadlock and not self.blind and not self._something_given_up():
                return  # who waited still does: no transaction has ended
            _raise_broken(moving)
            everybody, deadlock = await self._all_wait(moving)
            if deadlock:
                self._trace.note_deadlock()
            if everybody and not deadlock:
                return
            patience = min(max(patience, usual) * 1.5, LONGEST_PATIENCE)
            if time.monotonic() - max(started, self._news) > STUCK:
                raise _stuck(moving)

    def _any_holds(self) -> bool:
        """Say whether somebody may hold a lock for which another one waits."""
        moving = [client for client in self._active if client.moving]
        if any(client.hasty for client in moving):
            return True  # it was seen to wait there, and won't for long
        return any(client.may_hold for client in self._active if moving != [client])

    def _something_given_up(self) -> bool:
        """Say whether somebody may have given up a lock since the lock table was last asked.

        By the end of a transaction, by rolling back to a savepoint, or by going on: who has its lock
        gives up its place in the queue of a row, for which others wait in turn.

        Since then, not since this move began: a session that is let go may be through before the
        controller hears that it let it go.
        """
        return self.signs != self._given_up

    @property
    def signs(self) -> int:
        """Return how many signs there have been of locks that were given up."""
        return sum(client.ended + client.wakes + client.looks.rollbacks for client in self._active)

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
        index_of = {client.pid: client.index for client in self._active}
        self._given_up = self.signs
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
                everybody = everybody and not client.hasty
            else:
                client.woke()
                everybody = False
        # Whoever is hasty ends its wait before PostgreSQL sees a circle.
        return everybody, _cycle({i: by for i, by in blockers.items() if not self._is_hasty(i)})

    def _is_hasty(self, index: int) -> bool:
        return any(client.hasty for client in self._active if client.index == index)

    def _now_waits(self, client: Client, blockers: tuple[int, ...]) -> None:
        if client.place is Place.RUNNING:
            client.place = Place.WAITING
            event = Event(client.index, "wait", client.step, None, blockers, client.timeout)
            self._trace.events.append(event)


def _stuck(moving: Sequence[Client]) -> StuckError:
    names = ", ".join(client.session.name for client in moving)
    return StuckError(
        f"{names}: neither came back nor waited for a lock within {STUCK:.0f} s",
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
