"""pgbench, which comes with PostgreSQL: the same statements over and over, from C."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

from crossfoot.server import Server

_RATE = re.compile(r"^tps = ([\d.]+) \(without initial", re.M)


async def pgbench(
    server: Server, database: str, script: str, *, clients: int, seconds: int = 1, role: str = ""
) -> float:
    """Run a script with prepared statements over so many connections; return its runs per second.

    Raises RuntimeError if any of them fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script)
        return await _rate(server, database, ["-f", str(file)], clients, seconds, role)


async def tpcb(server: Server, database: str, *, clients: int, seconds: int = 1) -> float:
    """Run the built-in TPC-B in a database that :func:`initialise` has filled; runs per second."""
    return await _rate(server, database, ["-b", "tpcb-like"], clients, seconds, "")


async def initialise(server: Server, database: str, scale: int) -> None:
    """Make the tables of the built-in TPC-B: ``scale`` branches, of 100,000 accounts each."""
    await _run(server, database, ["-i", "-q", "-s", str(scale)], "")


async def _rate(
    server: Server, database: str, what: Sequence[str], clients: int, seconds: int, role: str
) -> float:
    how = ["-n", "-M", "prepared", "-c", str(clients), "-T", str(seconds)]
    said = await _run(server, database, [*how, *what], role)
    found = _RATE.search(said)
    if not found:
        raise RuntimeError(f"pgbench: {said[-500:]}")
    return float(found[1])


async def _run(server: Server, database: str, arguments: Sequence[str], role: str) -> str:
    assert server.binaries, "the bench needs the binaries of the embedded server"
    options = f"-c role={role}" if role else ""
    process = await asyncio.create_subprocess_exec(
        server.binaries / "pgbench", *arguments, server.dsn(database),
        stdout=PIPE, stderr=PIPE, env={**os.environ, "PGOPTIONS": options},
    )  # fmt: skip
    said, complained = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"pgbench: {complained.decode()[-500:]}")
    return said.decode()
