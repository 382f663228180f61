"""Own the processes and the folder of one embedded server, so that neither outlives Crossfoot.

Run as ``python -I -S watchdog.py PARENT FOLDER``, in a session of its own so that Ctrl-C at a
terminal reaches Crossfoot only. The server's processes are children of this one, not of Crossfoot:
there is no moment at which kill -9 could end Crossfoot and leave a process that nobody knows of.

Standard input takes one JSON object a line, standard output answers in lines of words::

    {"start": [program, argument, ...], "log": path, "uid": 5 or null, "gid": 5 or null,
     "end": the signal that ends it}
                    started PID | failed REASON, later: exited CODE (negative: by that signal)
    {"keep": true}  go on without Crossfoot, until SIGTERM comes or the server ends

When the input ends, or the parent is another, or SIGTERM comes, the process is ended and FOLDER is
removed. Only the standard library is used, and the slow part of it is imported late.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

_PATIENCE = 10.0  # seconds that a server has to end; its own postmaster gives its children five


def main() -> None:
    """Serve Crossfoot until it is gone, then clean up."""
    watchdog = Watchdog(int(sys.argv[1]))
    watchdog.serve()
    if watchdog.process:
        end(watchdog.process, watchdog.ending)
    remove(sys.argv[2])


class Watchdog:
    """The process being watched, and whether there still is a Crossfoot to watch it for."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.process: subprocess.Popen[bytes] | None = None
        self.ending = signal.SIGKILL
        self.kept = False
        self.over = False
        self._unread = b""

    def serve(self) -> None:
        """Return when the end has come."""
        woken = _wake_on_signals(self._stop)
        while not self.over:
            watched = [woken] if self.kept else [woken, 0]
            # The timeout is for the parent's number: a fork of Crossfoot may still hold our input
            # open when Crossfoot itself is long dead.
            ready, _, _ = select.select(watched, [], [], 1.0)
            if woken in ready:
                os.read(woken, 512)
            if 0 in ready:
                self._read()
            self._reap()
            self.over = self.over or (not self.kept and os.getppid() != self.parent)

    def _stop(self) -> None:
        self.over = True

    def _read(self) -> None:
        data = os.read(0, 65536)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        self.over = self.over or (not data and not self.kept)

    def _obey(self, order: dict[str, Any]) -> None:
        if "keep" in order:
            self.kept = True
            return
        try:
            self.ending = signal.Signals(order["end"])
            self.process = _start(order)
        except (OSError, subprocess.SubprocessError) as error:
            _say(f"failed {error}")
        else:
            _say(f"started {self.process.pid}")

    def _reap(self) -> None:
        if self.process and self.process.poll() is not None:
            _say(f"exited {self.process.returncode}")
            self.process = None
            self.over = self.over or self.kept


def _wake_on_signals(stop: Callable[[], None]) -> int:
    """Return a descriptor that can be read when a signal came; SIGTERM also calls ``stop``."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: stop())
    for harmless in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        # A handler, not SIG_IGN: the server would inherit that.
        signal.signal(harmless, lambda *_: None)
    return woken


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            order["start"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", process_group=0,
            user=order["uid"], group=order["gid"],
            extra_groups=None if order["uid"] is None else [],
        )  # fmt: skip
    finally:
        os.close(log)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # Crossfoot may be gone
        os.write(1, line.encode() + b"\n")


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a process and its group, in the end by SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def remove(folder: str) -> None:
    """Remove a folder, again if a dying process writes into it meanwhile."""
    import shutil

    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
