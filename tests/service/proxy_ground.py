"""A proxy on the loopback that loses queries and answers between a client and PostgreSQL.

It reads the frontend/backend protocol just far enough to know when a statement is executed
(PostgreSQL documentation, "Message Formats"), so it breaks the connection at that moment and not
somewhere in the handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit, urlunsplit


class Loss(Enum):
    """What becomes of an executed statement whose connection the proxy breaks."""

    QUERY = "the server never hears of it"
    ANSWER = "the server has answered, the client doesn't hear it"
    LATE = "the client hears nothing; the server gets the query when it is released"


@dataclass
class Proxy:
    """What the next executed statements and the next COMMITs meet.

    ``executed`` counts the statements; ``released`` lets those that are late go on.
    """

    dsn: str
    losses: list[Loss] = field(default_factory=list)
    commits: list[Loss] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    executed: int = 0

    async def link(self, client: Pipe, server: Pipe) -> None:
        """Carry messages both ways until one side is gone or a loss is due."""
        answers = asyncio.create_task(server.copy(client))
        try:
            await self._queries(client, server, answers)
        finally:
            answers.cancel()
            client.close()
            server.close()

    async def _queries(self, client: Pipe, server: Pipe, answers: asyncio.Task[None]) -> None:
        startup = True
        while message := await client.message(startup=startup):
            startup = False
            due = self._due(message)
            if not due:
                server.write(message)
                continue
            loss = due.pop(0)
            # An Execute is followed by the Sync that commits; COMMIT comes as one message.
            rest = await client.message() if message[:1] == b"E" else b""
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            if loss is Loss.LATE:
                client.close()
                await self.released.wait()
            if loss is not Loss.QUERY:
                server.write(message + rest)
                await server.answer()
            return

    def _due(self, message: bytes) -> list[Loss]:
        """Return what there is for an Execute, or for a simple query that ends a transaction."""
        if message[:1] == b"E":
            self.executed += 1
            return self.losses
        return self.commits if message[:1] == b"Q" and message[5:].startswith(b"COMMIT") else []


@dataclass
class Pipe:
    """One side of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def message(self, *, startup: bool = False) -> bytes:
        """Return the next message of a frontend, nothing at the end. The first has no type byte."""
        try:
            head = await self.reader.readexactly(4 if startup else 5)
            return head + await self.reader.readexactly(int.from_bytes(head[-4:]) - 4)
        except (asyncio.IncompleteReadError, OSError):
            return b""

    async def copy(self, other: Pipe) -> None:
        with contextlib.suppress(OSError):
            while data := await self.reader.read(65536):
                other.write(data)
        other.close()

    async def answer(self) -> None:
        """Wait until the server is ready for the next query: the transaction has ended."""
        while message := await self.message():
            if message[:1] == b"Z":
                return

    def write(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.writer.close()


@asynccontextmanager
async def proxy_before(dsn: str) -> AsyncIterator[Proxy]:
    """Yield a proxy; its ``dsn`` leads through it to the server of ``dsn``."""
    place = urlsplit(dsn)
    links: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await asyncio.open_connection(place.hostname, place.port)
        task = asyncio.create_task(proxy.link(Pipe(reader, writer), Pipe(*opened)))
        links.add(task)
        task.add_done_callback(links.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    user = place.netloc.rpartition("@")[0]
    through = place._replace(netloc=f"{user}@127.0.0.1:{port}")
    proxy = Proxy(urlunsplit(through))
    try:
        yield proxy
    finally:
        listening.close()
        for task in links:
            task.cancel()
        await asyncio.gather(*links, return_exceptions=True)
