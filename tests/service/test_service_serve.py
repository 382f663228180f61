"""``crossfoot serve``: everything up with one command, lines that work as they are, nothing left."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crossfoot.cli import serve
from crossfoot.cli.app import app
from crossfoot.serving import HOST

LAST_LINE = "/metrics"
PATIENCE = 120  # seconds until something that hangs is given up


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the running command and what it said until it was ready."""
    command = [sys.executable, "-m", "crossfoot", "serve", "--port", "0", *arguments]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    )
    assert process.stdout
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.rstrip().endswith(LAST_LINE):
                break
        yield process, said
    finally:
        process.kill()
        process.communicate()


def address(said: str) -> tuple[str, int]:
    found = re.search(r"answers at http://([\d.]+):(\d+)", said)
    assert found, said
    return found[1], int(found[2])


def cluster(said: str) -> Path:
    found = re.search(r"PGPASSFILE=(\S+)/pgpass", said)
    assert found, said
    return Path(found[1])


def is_open(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, 1):
        return True
    return False


def wait_until_closed(place: tuple[str, int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_open(place):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not shutil.which("curl"), reason="the lines are for curl")
def test_the_lines_work_as_they_are_and_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as (process, said):
        lines = said[said.index("# lead_marketplace") :]
        script = re.sub(r"^(curl .*?)( *#.*)?$", r"\1; echo", lines, flags=re.M)
        shell = ["sh", "-e", "-c", script]
        ran = subprocess.run(shell, capture_output=True, text=True, timeout=PATIENCE, check=True)
        answers = [line for line in ran.stdout.splitlines() if line]
        assert '"price":"40.00"' in answers[0] or '"price":"15.00"' in answers[0]
        assert '"repeated":false' in answers[1]
        assert '"repeated":true' in answers[2]
        assert '"reason":"leads_unavailable"' in answers[3]
        assert '"status": "complete"' in answers[4] or '"status":"complete"' in answers[4]
        assert answers[5] == '{"balance":50}'
        assert '"text":' in answers[6]
        assert '"reason":"invalid_license"' in answers[7]
        assert '"client_balance_after":15' in answers[8]
        assert '"client_balance_after":60' in answers[9]
        assert '"reason":"stripe_busy"' in answers[11]
        assert '"session_id":"cs_test_' in answers[12]
        assert '"drift_accounts"' in answers[13]
        assert "# EOF" in answers
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert not is_open(address(said))
        assert list(tmp_path.iterdir()) == []
        assert not cluster(said).exists()


def test_a_command_that_is_killed_leaves_no_service_behind(tmp_path: Path) -> None:
    with served(tmp_path) as (process, said):
        place = address(said)
        assert is_open(place)
        process.kill()
        process.wait()
        wait_until_closed(place)


def test_a_port_in_use_is_one_line_and_a_remedy() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["serve", "--port", str(port)])
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        f"crossfoot: 127.0.0.1:{port} can't be listened on: Address already in use",
        "  Give another --port; 0 takes a free one.",
    ]


def test_a_missing_package_is_one_line_and_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PACKAGES", ("fastapi", "not_installed_here"))
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "crossfoot: serve needs packages that aren't installed: not_installed_here",
        "  pip install 'crossfoot[service]'",
    ]


def test_a_dead_dsn_is_one_line_and_a_remedy() -> None:
    dsn = "postgresql://somebody:secret@127.0.0.1:1/nowhere"
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--dsn", dsn])
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "crossfoot: 127.0.0.1:1 can't be reached: nothing listens there.",
        "  Check host and port in the DSN, and that the server is running.",
    ]
