"""What the tests of crossfoot.server work against: a "user's server", child processes, poolers."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from crossfoot.server.dsn import Dsn
from crossfoot.server.embedded import Embedded
from crossfoot.server.identifiers import quoted

SECRET = "hunter2/@:'&"


@contextmanager
def running_server() -> Iterator[Embedded]:
    """Yield an embedded server that plays the user's own; it isn't tied to an event loop."""
    server = asyncio.run(Embedded.start())
    try:
        yield server
    finally:
        asyncio.run(server.stop())


@asynccontextmanager
async def admin(server: Embedded, database: str = "postgres") -> AsyncIterator[asyncpg.Connection]:
    """Yield a superuser's connection to the "user's server"."""
    connection = await asyncpg.connect(server.dsn.url(database))
    try:
        yield connection
    finally:
        await connection.close()


async def login(connection: asyncpg.Connection, name: str, options: str = "") -> None:
    """Make a role that can log in with SECRET."""
    password = SECRET.replace("'", "''")
    await connection.execute(f"create role {quoted(name)} login password '{password}' {options}")


def as_user(server: Embedded, name: str, database: str = "postgres") -> str:
    """Return the DSN of a role made by login()."""
    return Dsn(name, SECRET, server.dsn.hosts, database).url()


def eventually(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Wait until ``condition`` holds; return whether it came to, on however busy a machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_mentioning(text: str) -> list[int]:
    """Return the processes that have ``text`` in their command line."""
    listed = _ps("-e", "-o", "pid=,args=")
    rows = (line.split(None, 1) for line in listed.splitlines())
    return [int(row[0]) for row in rows if len(row) > 1 and text in row[1]]


def alive(pid: int) -> bool:
    """Say whether the process runs; one that only waits to be reaped doesn't."""
    return _ps("-o", "stat=", "-p", str(pid)).strip()[:1] not in {"", "Z"}


def _ps(*options: str) -> str:
    # "ww": whole command lines, whatever width the terminal has.
    command = ["ps", "-ww", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


_OPENER = """
import asyncio, sys
from crossfoot.server import open_server

async def main():
    print("opening", flush=True)
    async with open_server({dsn!r}) as server:
        name = await server.create_database("child")
        print(name, server.pid if server.embedded else 0, flush=True)
        await asyncio.sleep(60)

if {uvloop!r}:
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@contextmanager
def opener(
    dsn: str | None = None, *, uvloop: bool = False, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a Python process that opens a server, says "opening", then "NAME PID", and waits."""
    child = subprocess.Popen(
        [sys.executable, "-c", _OPENER.format(dsn=dsn, uvloop=uvloop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.communicate()


def line_of(child: subprocess.Popen[str]) -> str:
    """Return the next line that a child says."""
    assert child.stdout
    return child.stdout.readline().strip()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """Yield a loopback port on which ``handler`` serves each connection."""
    served: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        served.append(task)
        try:
            await handler(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)


def trust_local(server: Embedded, role: str) -> None:
    """Let ``role`` in without a password through the socket, for the pooler below."""
    path = Path(server.folder / "data" / "pg_hba.conf")
    path.write_text(f"local all {role} trust\n" + path.read_text())


class TransactionPooler:
    """A connection pooler that hands each transaction to a free server process.

    ``queue`` decides which: asyncio.LifoQueue or asyncio.Queue. An ``honest`` one tells each client
    the process id of a server process, as PostgreSQL does; others make one up.
    """

    def __init__(self, size: int, queue: type[asyncio.Queue[int]], *, honest: bool) -> None:
        self._size = size
        self._free = queue()
        self._honest = honest
        self._backends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._pids: list[int] = []
        self._greeting = b""
        self._clients = 0

    @asynccontextmanager
    async def listening(self, server: Embedded, role: str) -> AsyncIterator[str]:
        """Yield the DSN of the pooler, which logs in to ``server`` as ``role``."""
        for _ in range(self._size):
            await self._open_backend(server, role)
        for number in reversed(range(self._size)):
            self._free.put_nowait(number)
        try:
            async with listening(self._serve) as port:
                yield f"postgresql://{role}:secret@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            for _, writer in self._backends:
                writer.close()
                await writer.wait_closed()

    async def _open_backend(self, server: Embedded, role: str) -> None:
        path = server.folder / "socket" / f".s.PGSQL.{server.port}"
        reader, writer = await asyncio.open_unix_connection(str(path))
        body = struct.pack("!i", 196608) + f"user\0{role}\0database\0postgres\0\0".encode()
        writer.write(struct.pack("!i", len(body) + 4) + body)
        parameters = b""
        while True:
            kind, message = await _message(reader)
            assert kind != b"E", message
            if kind == b"S":
                parameters += message
            elif kind == b"K":
                self._pids.append(struct.unpack("!i", message[5:9])[0])
            elif kind == b"Z":
                break
        self._greeting = parameters
        self._backends.append((reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transaction: asyncio.Task[None] | None = None
        try:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            await reader.readexactly(length - 4)
            pid = self._pids[self._clients % self._size] if self._honest else 4711
            self._clients += 1
            writer.write(b"R\0\0\0\x08\0\0\0\0" + self._greeting)
            writer.write(b"K" + struct.pack("!iii", 12, pid, 1) + b"Z\0\0\0\x05I")
            number = 0
            while True:
                kind, message = await _message(reader)
                if kind == b"X":
                    break
                if transaction is None or transaction.done():
                    number = await self._free.get()
                    transaction = asyncio.create_task(self._answer(number, writer))
                self._backends[number][1].write(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if transaction:
                transaction.cancel()

    async def _answer(self, number: int, writer: asyncio.StreamWriter) -> None:
        """Pass on what a server process says until its transaction is over."""
        while True:
            kind, message = await _message(self._backends[number][0])
            writer.write(message)
            if kind == b"Z" and message[5:] == b"I":
                self._free.put_nowait(number)
                return


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
