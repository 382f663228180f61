"""Processor time of a call: that of who makes it, and the server's, for rates depend on who else works."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

_NOTICED = 10.0  # seconds


@dataclass(frozen=True)
class Used:
    """Seconds of processor time so far: our own, that of our children that have ended, the server's."""

    own: float
    ended: float
    server: float


class Meter:
    """Reads processor times. Made while the embedded server runs."""

    def __init__(self) -> None:
        started = psutil.Process().children(recursive=True)
        # Sessions come and go; the server itself is older than all of them.
        self._server = min(filter(_is_postgres, started), key=lambda each: each.create_time())

    async def read_after(self, sessions: int) -> Used:
        """Return what was used once only so many processes of the server are left.

        What a session has used counts as the server's when the server has noticed its end.
        """
        async with asyncio.timeout(_NOTICED):
            while self.sessions > sessions:
                await asyncio.sleep(0.01)
        return self.read()

    @property
    def sessions(self) -> int:
        """Return how many processes the server has, its own helpers included."""
        return len(self._server.children())

    def read(self) -> Used:
        """Return what was used so far."""
        own, ended = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        times = self._server.cpu_times()
        server = sum((times.user, times.system, times.children_user, times.children_system))
        server += sum(map(of_process, self._server.children()))
        return Used(own.ru_utime + own.ru_stime, ended.ru_utime + ended.ru_stime, server)


def _is_postgres(process: psutil.Process) -> bool:
    try:
        return str(process.name()).startswith("postgres") and bool(process.create_time())
    except psutil.NoSuchProcess:
        return False


def of_process(process: psutil.Process) -> float:
    """Return the seconds that a process has used; 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
