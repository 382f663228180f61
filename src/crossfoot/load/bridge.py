"""asyncio in one real thread beside gevent: greenlets hand over coroutines and are woken when they end.

An event loop in a greenlet would stand still whenever gevent does something else, and the other way
round. Here each has its thread. The loop's thread tells gevent's hub by an async watcher, the one
thing of gevent that another thread may touch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import gevent
from gevent import monkey
from gevent.hub import Waiter

from crossfoot.loop import new_event_loop

T = TypeVar("T")
Task = asyncio.Task[Any]
_PATIENCE = 1.0  # seconds, several times; Locust kills workers after three


class Bridge:
    """Runs coroutines in a thread of its own, from :meth:`start` to :meth:`close`.

    Made in the process that uses it: a fork would have the loop, and not the thread.
    """

    def __init__(self) -> None:
        self._loop = new_event_loop()
        self._watcher = gevent.get_hub().loop.async_()
        self._begun: deque[tuple[Coroutine[Any, Any, Any], Waiter]] = deque()
        self._asked = False
        self._tasks: dict[Task, Waiter] = {}
        self._ended: deque[tuple[Task, Waiter]] = deque()
        self._running = True
        self.under_way = 0

    def start(self) -> None:
        """Start the thread. A real one: threading's are greenlets by now."""
        self._watcher.start(self._wake)
        monkey.get_original("_thread", "start_new_thread")(self._work, ())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return what it returns, or raise what it raises.

        If the greenlet that waits here is killed, the coroutine still runs to its end.
        """
        waiter: Waiter = Waiter()
        self.under_way += 1
        self._begun.append((work, waiter))
        if not self._asked:
            self._asked = True
            self._loop.call_soon_threadsafe(self._begin)
        result: T = waiter.get()
        return result

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait a little for what is under way, cancel the rest, run ``last``, and end the thread."""
        self._wait(lambda: self.under_way == 0)
        self._loop.call_soon_threadsafe(self._cancel)
        self._wait(lambda: self.under_way == 0)
        with gevent.Timeout(_PATIENCE, False):
            self.call(last())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._wait(lambda: not self._running)
        self._watcher.stop()
        self._watcher.close()

    def _wait(self, over: Callable[[], bool]) -> None:
        with gevent.Timeout(_PATIENCE, False):
            while not over():
                gevent.sleep(0.01)

    # -- in the loop's thread -------------------------------------------------------------------

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
            self._running = False

    def _begin(self) -> None:
        # First this: whoever comes while the others are begun asks again.
        self._asked = False
        while self._begun:
            work, waiter = self._begun.popleft()
            task = self._loop.create_task(work)
            self._tasks[task] = waiter
            task.add_done_callback(self._finished)

    def _finished(self, task: Task) -> None:
        self._ended.append((task, self._tasks.pop(task)))
        self._watcher.send()

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    # -- in gevent's thread ---------------------------------------------------------------------

    def _wake(self) -> None:
        # Several sends may come as one call. What ends meanwhile sends again, so that others have
        # their turn in between.
        for _ in range(len(self._ended)):
            self._deliver(*self._ended.popleft())

    def _deliver(self, task: Task, waiter: Waiter) -> None:
        """Let the greenlet go on, here and now: nothing else has to be woken for that."""
        self.under_way -= 1
        if task.cancelled():
            waiter.throw(gevent.GreenletExit())
        elif error := task.exception():
            waiter.throw(error)
        else:
            waiter.switch(task.result())
