"""An asyncio event loop that gevent's hub runs, so that greenlets and coroutines share one thread.

What asyncio would learn from a selector, the hub's watchers tell; what has to run, the hub calls. All
else, connections and TLS among it, is asyncio's own. A loop in a thread of its own would do too, but
each call would be handed to it and back, and both threads would wait for the interpreter's lock: that
costs more than the call itself.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
import socket
from asyncio.events import _set_running_loop
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import gevent

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_READ, _WRITE = 1, 2  # as libev numbers them
_BLOCK = 1 << 14  # bytes that are read at once; asyncio would make room for 256 KiB


class HubLoop(asyncio.SelectorEventLoop):
    """Runs from :meth:`start` to :meth:`close`, in the thread whose hub it was made with.

    It works in turns. First the hub reads from all sockets that have something. Then everything runs
    that waited for it, and what that makes ready. What was written meanwhile is sent last: sending
    wakes the server, which would have the processor between any two calls otherwise.
    """

    # What asyncio's loops have, and its declaration for type checkers hasn't.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _clock_resolution: float

    def __init__(self) -> None:
        self._hub = gevent.get_hub().loop
        self._watchers: dict[tuple[int, int], Any] = {}
        self._written: list[tuple[_Transport, Any]] = []
        self._asked = False
        self._timer = self._hub.timer(0)
        self._timed = math.inf
        super().__init__(selectors.SelectSelector())

    def start(self) -> None:
        """Become the loop that runs in this thread."""
        _set_running_loop(self)

    def close(self) -> None:
        """Stop, and take back what the hub has of this."""
        _set_running_loop(None)
        self._timer.stop()
        self._timer.close()
        super().close()

    # -- turns ----------------------------------------------------------------------------------

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Run something in this turn, or else in the next."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        if not self._asked:
            self._ask()
        return handle

    def write(self, transport: _Transport, data: Any) -> None:
        """Send something at the end of the turn."""
        self._written.append((transport, data))
        if not self._asked:
            self._ask()

    def flush(self) -> None:
        """Send what was written in this turn."""
        written, self._written = self._written, []
        for transport, data in written:
            transport.send(data)

    def _ask(self) -> None:
        self._asked = True
        self._hub.run_callback(self._turn)

    def _turn(self) -> None:
        ready = self._ready
        while ready:
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()
        self._asked = False
        self.flush()

    def run_in_executor(
        self, executor: object, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run what may wait, such as the look-up of a host's name, in a greenlet of its own."""
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:
                end = partial(future.set_exception, error)
            else:
                end = partial(future.set_result, result)
            if not future.done():
                end()

        gevent.spawn(work)
        return future

    def _read_from_self(self) -> None:
        # So another thread says that it has called call_soon_threadsafe.
        super()._read_from_self()  # type: ignore[misc]
        self._ask()

    # -- times ----------------------------------------------------------------------------------

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run something at a time of this loop's clock."""
        handle = super().call_at(when, callback, *args, context=context)
        self._look_ahead()
        return handle

    def _look_ahead(self) -> None:
        """Have the hub wake us for the first of the times that are still wanted."""
        scheduled = self._scheduled
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)
        if scheduled and scheduled[0].when() < self._timed:
            self._timed = scheduled[0].when()
            self._timer.stop()
            self._timer = self._hub.timer(max(0.0, self._timed - self.time()))
            self._timer.start(self._due)

    def _due(self) -> None:
        now = self.time() + self._clock_resolution
        while self._scheduled and self._scheduled[0].when() <= now:
            self._ready.append(heapq.heappop(self._scheduled))
        self._timed = math.inf
        self._look_ahead()
        self._ask()

    # -- sockets --------------------------------------------------------------------------------

    def _add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> asyncio.Handle:
        return self._watch(fd, _READ, callback, args)

    def _add_writer(self, fd: Any, callback: Callable[..., Any], *args: Any) -> asyncio.Handle:
        return self._watch(fd, _WRITE, callback, args)

    def _remove_reader(self, fd: Any) -> bool:
        return self._unwatch(fd, _READ)

    def _remove_writer(self, fd: Any) -> bool:
        return self._unwatch(fd, _WRITE)

    def _watch(
        self, fd: Any, event: int, callback: Callable[..., Any], args: tuple[Any, ...]
    ) -> asyncio.Handle:
        self._unwatch(fd, event)
        watcher = self._hub.io(_number(fd), event)
        watcher.start(callback, *args)
        self._watchers[_number(fd), event] = watcher
        return asyncio.Handle(callback, args, self)

    def _unwatch(self, fd: Any, event: int) -> bool:
        watcher = self._watchers.pop((_number(fd), event), None)
        if watcher is None:
            return False
        watcher.stop()
        watcher.close()
        return True

    def _make_socket_transport(self, sock: socket.socket, *args: Any, **kwargs: Any) -> _Transport:
        # gevent's sockets would wait by themselves; this one doesn't, and is asked without a detour.
        return _Transport(self, getattr(sock, "_sock", sock), *args, **kwargs)


class _Transport(_SelectorSocketTransport):  # type: ignore[misc]
    """asyncio's own, but what is written waits for the end of the turn."""

    max_size = _BLOCK
    send = _SelectorSocketTransport.write

    def write(self, data: Any) -> None:
        if self._loop:  # which asyncio takes away once the connection is lost
            self._loop.write(self, data)

    def close(self) -> None:
        self._send_all()
        super().close()

    def abort(self) -> None:
        self._send_all()
        super().abort()

    def _send_all(self) -> None:
        if self._loop:
            self._loop.flush()


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())
