"""A server on an event loop in a thread of its own, for callers that aren't asyncio themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from crossfoot.loop import new_event_loop
from crossfoot.server import Server, open_server

T = TypeVar("T")

_PATIENCE = 60.0  # seconds that the thread may take to clean up


class BackgroundServer:
    """A server that is up until :meth:`close`; embedded if ``dsn`` is None. Raises ServerError.

    One task of the thread holds the server open and closes it again: signals, timeouts and context
    variables of asyncio belong to tasks. ``opened`` is for what shall be closed before the server.
    """

    server: Server
    opened: AsyncExitStack

    def __init__(self, dsn: str | None = None) -> None:
        self._dsn = dsn
        self._runner = asyncio.Runner(loop_factory=new_event_loop)
        self._loop = self._runner.get_loop()
        self._over = asyncio.Event()
        self._ready: Future[None] = Future()
        self._ended: Future[None] = Future()
        # A daemon: a thread that can't clean up must not keep Python from ending. The watchdog of
        # the embedded server, or the next run's sweep, does the rest.
        self._thread = threading.Thread(target=self._work, name="crossfoot", daemon=True)
        self._thread.start()
        try:
            self._ready.result()
        except KeyboardInterrupt:
            self.close()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread and return what it returns, or raise what it raises.

        An interrupt (Ctrl-C) comes out here, and cancels the work.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End what still runs, then the server and the thread. A second call does nothing.

        Raises what went wrong.
        """
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)
            self._ended.result(_PATIENCE)
            self._thread.join(_PATIENCE)

    def _work(self) -> None:
        try:
            with self._runner:
                self._runner.run(self._hold())
        except BaseException as error:
            waiting = self._ended if self._ready.done() else self._ready
            waiting.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _hold(self) -> None:
        async with open_server(self._dsn) as self.server, AsyncExitStack() as self.opened:
            self._ready.set_result(None)
            await self._over.wait()
            await _cancel_others()


async def _cancel_others() -> None:
    """Let all other tasks end before the server does: they have something to take back there."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
