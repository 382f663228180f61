"""asyncio within gevent: a greenlet runs a coroutine, and the others go on while that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import gevent
from gevent.hub import Waiter

from crossfoot.load.hub_loop import HubLoop

T = TypeVar("T")
Work = Coroutine[Any, Any, Any]
Future = asyncio.Future[Any]
_PATIENCE = 1.0  # seconds, several times; Locust kills workers after three


class Bridge:
    """Runs coroutines for greenlets, from :meth:`start` to :meth:`close`.

    Made in the process that uses it: a fork would share the loop's sockets.
    """

    def __init__(self) -> None:
        self._loop = HubLoop()
        self._hub = gevent.get_hub()
        self._awaited: dict[Work, Future] = {}

    def start(self) -> None:
        """Begin. From now on this thread's running loop is the bridge's."""
        self._loop.start()

    @property
    def under_way(self) -> int:
        """Return how many coroutines haven't ended."""
        return len(self._awaited)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return what it returns, or raise what it raises.

        The greenlet that calls this is its driver; a task would be one more thing to wake with each
        answer. What has to be a task, as asyncio.timeout() does, has to be made one by the coroutine.
        If the greenlet is killed, the coroutine still runs to its end.
        """
        while True:
            try:
                future = work.send(None)
            except BaseException as end:
                self._awaited.pop(work, None)
                if isinstance(end, StopIteration):
                    result: T = end.value
                    return result
                if isinstance(end, asyncio.CancelledError):
                    raise gevent.GreenletExit from None
                raise
            self._wait_for(work, future or self._next_turn())

    def _wait_for(self, work: Work, future: Future) -> None:
        self._awaited[work] = future
        waiter = Waiter(self._hub)
        future.add_done_callback(waiter.switch)
        try:
            waiter.get()
        except BaseException:
            future.remove_done_callback(waiter.switch)
            future.add_done_callback(partial(self._go_on, work))
            raise

    def _next_turn(self) -> Future:
        """Return what asyncio.sleep(0), which yields nothing, waits for."""
        future = self._loop.create_future()
        self._loop.call_soon(future.set_result, None)
        return future

    def _go_on(self, work: Work, _: object) -> None:
        """Take the place of a greenlet that was killed."""
        try:
            future = self._awaited[work] = work.send(None) or self._next_turn()
        except BaseException as end:
            del self._awaited[work]
            if not isinstance(end, (StopIteration, asyncio.CancelledError)):
                raise
        else:
            future.add_done_callback(partial(self._go_on, work))

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait a little for what is under way, cancel the rest, and run ``last``."""
        self._wait()
        for future in list(self._awaited.values()):
            future.cancel()
        self._wait()
        with gevent.Timeout(_PATIENCE, False):
            self.call(last())
        self._loop.close()

    def _wait(self) -> None:
        with gevent.Timeout(_PATIENCE, False):
            while self.under_way:
                gevent.sleep(0.01)
