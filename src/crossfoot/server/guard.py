"""Crossfoot's end of the watchdog: start it, have it start processes, hear what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from crossfoot.errors import ServerError
from crossfoot.server import watchdog
from crossfoot.server.account import Account

_POLL = 0.004  # seconds
_PATIENCE = 20.0  # seconds until a watchdog that doesn't answer is given up


class Guard:
    """A watchdog process that owns ``folder`` and one process at a time.

    ``pid`` is the running process's, or None; ``status`` is how the last one ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid: int | None = None
        self.status: int | None = None
        self._failure = ""
        self._unread = b""
        self._dog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(os.getpid()), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd="/", env=_environment(), start_new_session=True,
        )  # fmt: skip
        assert self._dog.stdin and self._dog.stdout
        self._orders, self._answers = self._dog.stdin, self._dog.stdout
        os.set_blocking(self._answers.fileno(), False)

    @property
    def watchdog_pid(self) -> int:
        """Return the watchdog's process id; SIGTERM to it ends and removes everything."""
        return self._dog.pid

    def start(
        self, program: Sequence[str], log: Path, account: Account | None, ending: signal.Signals
    ) -> None:
        """Have a process started. It is running once :meth:`listen` has set ``pid``."""
        self.pid = self.status = None
        owner = {"uid": account and account.uid, "gid": account and account.gid}
        self._order({"start": list(program), "log": str(log), "end": ending, **owner})

    def listen(self) -> None:
        """Take in what the watchdog has said so far. Raises ServerError if it can't go on."""
        with contextlib.suppress(BlockingIOError):
            *lines, self._unread = (self._unread + os.read(self._answers.fileno(), 65536)).split(
                b"\n"
            )
            for line in lines:
                self._hear(*line.decode(errors="replace").split(" ", 1))
        if self._failure:
            raise ServerError(f"PostgreSQL's programs can't be started: {self._failure}.")
        if self._dog.poll() is not None:
            raise ServerError("The watchdog of the embedded PostgreSQL has died.")

    def _hear(self, word: str, rest: str) -> None:
        if word == "started":
            self.pid = int(rest)
        elif word == "exited":
            self.pid, self.status = None, int(rest)
        elif word == "failed":
            self._failure = rest

    async def ended(self, patience: float) -> int:
        """Wait until the process has ended and return its status (negative: by that signal)."""
        deadline = time.monotonic() + patience
        while self.status is None:
            self.listen()
            if time.monotonic() > deadline:
                raise ServerError(f"A PostgreSQL program hasn't ended in {patience:.0f} s.")
            await asyncio.sleep(_POLL)
        return self.status

    def leave(self) -> None:
        """Let the process go on without us; the watchdog stays with it."""
        self._order({"keep": True})
        self._close_pipes()
        self._dog.returncode = 0  # it isn't ours any more, so nobody waits for it

    async def close(self) -> None:
        """End the process and remove the folder, however far the start had come."""
        # The end of its input is all that the watchdog needs. What follows only waits for it, so a
        # second cancellation does no harm.
        self._close_pipes()
        deadline = time.monotonic() + _PATIENCE
        while self._dog.poll() is None:
            if time.monotonic() > deadline:
                self._dog.kill()
            await asyncio.sleep(_POLL)
        if self.folder.exists():
            self._clean_up()

    def _clean_up(self) -> None:
        """Do the work of a watchdog that was killed itself."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGQUIT)
        watchdog.remove(str(self.folder))

    def _order(self, order: dict[str, object]) -> None:
        with contextlib.suppress(BrokenPipeError):  # told by the next listen()
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()

    def _close_pipes(self) -> None:
        for pipe in (self._orders, self._answers):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _environment() -> dict[str, str]:
    """Return our environment without what PostgreSQL's programs would read from it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_", "PYTHON")) and name not in {"LANG", "TZ"}
    }
    return {**kept, "LC_ALL": "C"}
