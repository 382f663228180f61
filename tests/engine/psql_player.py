"""Plays a finding's script for psql as a person would: a psql per terminal, the blocks in their order."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Set
from pathlib import Path

from crossfoot.background import BackgroundServer

_BLOCK = re.compile(r"^-- \[([A-Z])\].*$", re.MULTILINE)
_ENDS_BY_ITSELF = re.compile(r"wait until \[([A-Z])\] has lost patience")
_PATIENCE = 120.0  # seconds until a terminal that neither answers nor waits for a lock is given up
_WAITING = """
select application_name from pg_stat_activity
where datname = current_database() and state = 'active' and wait_event_type = 'Lock'
"""


class Terminal:
    """One psql. ``said`` is what it has printed."""

    def __init__(self, letter: str, psql: Path, dsn: str) -> None:
        self.said: list[str] = []
        self.asked = self.answered = 0
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [psql, "--no-psqlrc", "--quiet", dsn],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PGAPPNAME": letter},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def paste(self, block: str) -> None:
        """Type a block, and a line that shows when it is done."""
        self.asked += 1
        assert self.process.stdin
        self.process.stdin.write(f"{block}\n\\echo done {self.asked}\n")
        self.process.stdin.flush()

    def busy(self) -> bool:
        """Say whether it hasn't answered yet."""
        while not self._lines.empty():
            line = self._lines.get()
            if line.startswith("done "):
                self.answered = int(line.split()[1])
            else:
                self.said.append(line)
        return self.answered < self.asked

    def close(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(_PATIENCE)
        finally:
            self.process.kill()
            self._reader.join(_PATIENCE)
            assert self.process.stdout
            self.process.stdout.close()


def blocks(script: str) -> list[tuple[str, str]]:
    """Return the terminal and the text of each block."""
    starts = list(_BLOCK.finditer(script))
    ends = [match.start() for match in starts[1:]] + [len(script)]
    return [(match[1], script[match.end() : end]) for match, end in zip(starts, ends, strict=True)]


def play(server: BackgroundServer, database: str, script: str) -> dict[str, list[str]]:
    """Play a script in a database; return what each terminal printed, "end" being its last block."""
    psql = server.server.binaries
    assert psql, "no psql on this machine"
    terminals: dict[str, Terminal] = {}
    try:
        for (letter, text), head in zip(blocks(script), _heads(script), strict=True):
            if letter not in terminals:
                dsn = server.server.dsn(database)
                terminals[letter] = Terminal(letter, psql / "psql", dsn)
            before = len(terminals["A"].said)
            terminals[letter].paste(text)
            _settle(server, database, terminals, set(_ENDS_BY_ITSELF.findall(head)))
        said = {letter: terminal.said for letter, terminal in terminals.items()}
        return said | {"end": said["A"][before:]}
    finally:
        for terminal in terminals.values():
            terminal.close()


def _heads(script: str) -> list[str]:
    """Return the first line of each block."""
    return [match[0] for match in _BLOCK.finditer(script)]


def _settle(
    server: BackgroundServer,
    database: str,
    terminals: Mapping[str, Terminal],
    impatient: Set[str],
) -> None:
    """Wait until each terminal has answered or waits for a lock: twice in a row, to be sure.

    Those that are ``impatient`` don't wait for long.
    """

    async def waiting() -> set[str]:
        connection = await server.server.connect(database)
        try:
            return {row[0] for row in await connection.fetch(_WAITING)}
        finally:
            await connection.close()

    deadline, still = time.monotonic() + _PATIENCE, 0
    while still < 2:
        seen = server.run(waiting())
        busy = {letter for letter, terminal in terminals.items() if terminal.busy()}
        still = still + 1 if busy <= seen - impatient else 0
        assert time.monotonic() < deadline, f"{busy} neither answer nor wait"
        time.sleep(0.01)
