"""An embedded PostgreSQL: a fresh cluster in a folder of its own, in memory or the temp folder.

The folder is a new one that only its owner can list (mode 0711), and is removed with the server::

    crossfoot-<16 hex>/
        data/      the cluster          (owned by the server's account)
        socket/    its Unix socket      (owned by the server's account)
        programs/  PostgreSQL itself, if the server's account can't reach the original
        pgpass     the password, for psql
        log
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shlex
import signal
import socket
import tempfile
import time
from pathlib import Path

from crossfoot.errors import ServerError
from crossfoot.server.account import server_account
from crossfoot.server.binaries import Binaries, find_binaries, runnable_by
from crossfoot.server.dsn import Dsn
from crossfoot.server.guard import Guard
from crossfoot.server.settings import as_options

_USER = "crossfoot"
_LONGEST_FOLDER = 80  # a Unix socket's path has at most 103 bytes (macOS), ours adds 22
_PATIENCE = 120.0  # seconds for initdb or a start on a machine that is very busy
_RETRIES = 30.0  # seconds
_ROOMY = 4 << 30  # bytes of shared memory from which on a server may live there
_ROOM = "Set TMPDIR to a folder that has room, and that every account can pass through."


class Embedded:
    """The cluster, its processes and its addresses: ``near`` by socket, ``dsn`` by loopback TCP."""

    def __init__(self, folder: Path, binaries: Binaries, connections: int | None = None) -> None:
        self.binaries = binaries
        self._connections = connections
        self.port = 0
        self._password = secrets.token_urlsafe(24)
        self._account = server_account()
        self._programs = binaries.folder
        self.guard = Guard(folder)

    @classmethod
    async def start(cls, connections: int | None = None) -> Embedded:
        """Start a cluster that takes so many connections (default: as settings.py says).

        Raises ServerError; whatever happens, nothing is left behind.
        """
        if os.name == "nt":
            raise ServerError(
                "The embedded PostgreSQL needs Linux or macOS.", remedy="Give a server with --dsn."
            )
        try:
            server = cls(new_folder(), find_binaries(), connections)
            await server._start()
        except OSError as error:
            raise ServerError(f"No embedded PostgreSQL: {error}.", remedy=_ROOM) from error
        return server

    async def _start(self) -> None:
        try:
            self._make_folder()
            await self._initialise()
            await self._boot()
        except BaseException:
            await self.stop()
            raise

    @property
    def folder(self) -> Path:
        """Return the folder of this server."""
        return self.guard.folder

    @property
    def pid(self) -> int | None:
        """Return the process id of ``postgres``, or None if it isn't running."""
        self.guard.listen()
        return self.guard.pid

    @property
    def dsn(self) -> Dsn:
        """Return the address for others: loopback TCP."""
        host = f"127.0.0.1:{self.port}"
        return Dsn(_USER, self._password, host, "postgres", {"sslmode": "disable"}, timeout=60)

    @property
    def near(self) -> Dsn:
        """Return the address for ourselves: the socket, which is quicker."""
        socket_folder = {"host": str(self.folder / "socket"), "port": str(self.port)}
        return Dsn(_USER, self._password, "", "postgres", socket_folder, timeout=60)

    def psql(self, database: str) -> str:
        """Return a psql command that finds the password by itself."""
        psql = self.binaries.folder / "psql"
        program = psql if psql.is_file() else Path("psql")
        host = self.folder / "socket"
        command = [str(program), "-h", str(host), "-p", str(self.port), "-U", _USER, database]
        return f"PGPASSFILE={shlex.quote(str(self.folder / 'pgpass'))} {shlex.join(command)}"

    @property
    def stop_command(self) -> str:
        """Return the command that ends a server which was kept, and removes its folder."""
        return f"kill {self.guard.watchdog_pid}"

    async def restart(self) -> None:
        """Start again after ``postgres`` was killed; end it first, at once, if it still runs."""
        self.guard.listen()
        if self.guard.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.guard.pid, signal.SIGQUIT)
            await self.guard.ended(_PATIENCE)
        await self._boot()

    def leave(self) -> None:
        """Let the server run on without us."""
        self.guard.leave()

    async def stop(self) -> None:
        """End the server and remove its folder."""
        await self.guard.close()

    def _make_folder(self) -> None:
        self.folder.mkdir()
        self.folder.chmod(0o711)
        for name, mode in (("data", 0o700), ("socket", 0o711)):
            self._hand_over(self.folder / name, mode)
        pgpass = self.folder / "pgpass"
        pgpass.touch(0o600)
        pgpass.write_text(f"*:*:*:{_USER}:{self._password}\n")
        self._programs = runnable_by(self._account, self.binaries, self.folder / "programs")

    def _hand_over(self, path: Path, mode: int) -> None:
        path.mkdir()
        path.chmod(mode)
        if self._account:
            self._account.own(path)

    async def _initialise(self) -> None:
        password = self.folder / "password"
        password.touch(0o600)
        password.write_text(self._password)
        if self._account:
            self._account.own(password)
        command = [
            str(self._programs / "initdb"), "--pgdata", str(self.folder / "data"),
            "--username", _USER, "--pwfile", str(password), "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--no-sync",
        ]  # fmt: skip
        if self.binaries.major >= 16:
            command += ["--set", "scram_iterations=1"]
        self.guard.start(command, self.folder / "log", self._account, signal.SIGKILL)
        if await self.guard.ended(_PATIENCE):
            raise ServerError(f"initdb failed: {self._last_words()}", remedy=_ROOM)
        password.unlink()

    async def _boot(self) -> None:
        """Start ``postgres`` and wait until it takes connections.

        Another program may take the port between our choice and the server's, and backends of a
        killed server may need a moment to notice; both end in another attempt.
        """
        deadline = time.monotonic() + _RETRIES
        while time.monotonic() < deadline:
            port = self.port or free_port()
            log_begins = (self.folder / "log").stat().st_size
            self._run_postgres(port)
            if await self._ready():
                self.port = port
                return
            said = self._log(log_begins)
            if "Address already in use" not in said and "shared memory block" not in said:
                break
            await asyncio.sleep(0.05)
        raise ServerError(
            f"The embedded PostgreSQL didn't start: {self._last_words()}", remedy=_ROOM
        )

    def _run_postgres(self, port: int) -> None:
        place = {"port": str(port), "unix_socket_directories": f"{self.folder / 'socket'}"}
        if self._connections:
            place["max_connections"] = str(self._connections)
        options = as_options(self.binaries.major, place)
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
        self.guard.start(command, self.folder / "log", self._account, signal.SIGQUIT)

    async def _ready(self) -> bool:
        """Wait until ``postgres`` is ready (True) or has ended (False)."""
        deadline = time.monotonic() + _PATIENCE
        while self.guard.status is None:
            self.guard.listen()
            if self.guard.pid and self._status_line() == (str(self.guard.pid), "ready"):
                return True
            if time.monotonic() > deadline:
                raise ServerError(f"The embedded PostgreSQL isn't ready after {_PATIENCE:.0f} s.")
            await asyncio.sleep(0.004)
        return False

    def _status_line(self) -> tuple[str, str]:
        """Return the pid and the state that the server wrote to its postmaster.pid (lines 1, 8)."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
            return lines[0].strip(), lines[7].strip()
        except (OSError, IndexError):
            return "", ""

    def _log(self, begin: int = 0) -> str:
        return (self.folder / "log").read_bytes()[begin:].decode(errors="replace")

    def _last_words(self) -> str:
        """Return the last line of the log that says why."""
        lines = [line.strip() for line in self._log().splitlines() if line.strip()]
        told = [line for line in lines if "FATAL" in line or "error:" in line]
        return (told or lines or ["it said nothing"])[-1]


def new_folder() -> Path:
    """Return a path for a server's folder, which doesn't exist yet."""
    name = f"crossfoot-{secrets.token_hex(8)}"
    folder = _home() / name
    return folder if len(os.fsencode(folder)) <= _LONGEST_FOLDER else Path("/tmp") / name  # noqa: S108


def _home() -> Path:
    """Return where servers live: memory that has room and may hold programs, else the temp folder.

    Runs make and drop hundreds of databases, and file systems slow down under that; a TMPDIR that
    somebody has set is what they want.
    """
    memory = Path("/dev/shm")  # noqa: S108 (a fresh folder of our own is made in it)
    if os.environ.get("TMPDIR") or not os.access(memory, os.W_OK | os.X_OK):
        return Path(tempfile.gettempdir())
    found = os.statvfs(memory)
    usable = not found.f_flag & getattr(os, "ST_NOEXEC", 0)
    roomy = found.f_bavail * found.f_frsize >= _ROOMY
    return memory if usable and roomy else Path(tempfile.gettempdir())


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
