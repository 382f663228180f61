"""Locust as a process of its own: the command that starts it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import CrossfootError
from crossfoot.load.orders import Orders
from crossfoot.load.scenario import Scenario
from crossfoot.serving import HOST, free_port

LOG = "locust.log"
_STOP = 60.0  # seconds that Locust may take to end; it notes the last calls meanwhile


@dataclass(frozen=True)
class Intensity:
    """How much load. ``spawn_rate`` is users per second; ``processes`` 1 is Locust without workers."""

    users: int
    spawn_rate: float
    run_time: str
    processes: int = 1
    classes: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Return it as options of Locust."""
        said = ["--users", str(self.users), "--spawn-rate", f"{self.spawn_rate:g}"]
        said += ["--run-time", self.run_time]
        if self.processes > 1:
            port = str(free_port(0))
            said += ["--processes", str(self.processes), "--master-bind-host", HOST]
            said += ["--master-bind-port", port, "--master-host", HOST, "--master-port", port]
        return [*said, *self.classes]


@asynccontextmanager
async def locust(
    scenario: Scenario, intensity: Intensity, url: str, orders: Orders, folder: Path
) -> AsyncIterator[Process]:
    """Yield a running Locust; end it afterwards. It writes its log to ``locust.log`` in the folder."""
    host = ["--host", url] if url else []
    command = [
        sys.executable, "-m", "locust", "-f", str(scenario.file), "--headless", "--only-summary",
        "--loglevel", "WARNING", "--exit-code-on-error", "0",
        *host, *intensity.arguments(),
    ]  # fmt: skip
    with (folder / LOG).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=log, stderr=log, start_new_session=True,
            env={**_plain_environment(), **orders.environment()},
        )  # fmt: skip
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    """End it as its own SIGTERM does, so that it writes down what it knows; else by SIGKILL.

    Its standard input stays open meanwhile: all its processes end by themselves once that is closed.
    """
    assert process.stdin
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    finally:
        process.stdin.close()


def _plain_environment() -> dict[str, str]:
    """Return our environment without what Locust would read as options of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}


def require_success(process: Process, folder: Path) -> None:
    """Raise CrossfootError, with Locust's last words, if it couldn't work."""
    if process.returncode == 0:
        return
    words = (folder / LOG).read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise CrossfootError(
        f"Locust ended with exit code {process.returncode}: {words[-1]}",
        remedy=f"{folder / LOG} has the rest.",
    )
