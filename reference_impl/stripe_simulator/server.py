"""A web server in a thread of its own, on this machine's loopback address only."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
_START = 20.0
_STOP = 10.0

Result = TypeVar("Result")


class Connections:
    """The open connections by the client's address, so that one can be broken."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Return uvicorn's protocol, which writes down here what is open."""
        known = self._open

        class Known(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client:
                    known[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client:
                    known.pop(self.client, None)
                super().connection_lost(exc)

        return Known

    async def hang_up(self, request: Request) -> None:
        """Break a request's connection, and return when the server has noticed."""
        client = request.scope["client"]
        transport = self._open.get((client[0], client[1]))
        if transport is not None:
            transport.abort()
        while (await request.receive())["type"] != "http.disconnect":
            pass


class Server:
    """Serves an app from :meth:`start` to :meth:`close`."""

    def __init__(self, app: ASGIApp, port: int, connections: Connections) -> None:
        config = uvicorn.Config(
            app,
            http=connections.protocol(),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=None,
            access_log=False,
            # Longer than clients keep idle connections: they would meet one that is closing.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._socket = _listen(port)
        self.port = int(self._socket.getsockname()[1])
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="stripe-simulator", daemon=True)

    def start(self) -> None:
        """Start serving. Requests are taken from the first moment on."""
        self._thread.start()
        if not self._ready.wait(_START) or self._loop is None:
            raise RuntimeError("the simulator's server didn't start")

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Do ``last`` in the server's loop, then stop, and wait for the thread to end."""
        if not self._thread.is_alive():
            self._socket.close()
            return
        self.wait_for(last())
        self._uvicorn.should_exit = True
        self._thread.join(_STOP)
        if self._thread.is_alive():
            raise RuntimeError(f"the simulator's server didn't stop within {_STOP:.0f} s")

    def soon(self, function: Callable[..., object], *args: object) -> None:
        """Call a function in the server's loop, without waiting for it. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def wait_for(self, work: Awaitable[Result]) -> Result:
        """Run a coroutine in the server's loop and return its result. Not from that loop."""
        if self._loop is None:
            raise RuntimeError("the simulator isn't running")
        return asyncio.run_coroutine_threadsafe(_as_coroutine(work), self._loop).result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._ready.set)
        await self._uvicorn.serve(sockets=[self._socket])


def _listen(port: int) -> socket.socket:
    # With the protocol left at 0 asyncio doesn't turn Nagle's algorithm off, and every answer
    # would wait 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


async def _as_coroutine(work: Awaitable[Result]) -> Result:
    return await work
