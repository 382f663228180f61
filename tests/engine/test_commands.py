"""The commands as their users run them, on a small target of one's own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from crossfoot.cli.app import app
from crossfoot.report.schema import report_schema

SPECIMEN = Path(__file__).resolve().parent.parent / "specimens" / "gift_cards"
RACY = "select balance into v_balance from gift.card where id = p_card;"
LOCKED = "select balance into v_balance from gift.card where id = p_card for no key update;"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The racy gift cards, in the current folder."""
    shutil.copytree(SPECIMEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSFOOT_DSN", raising=False)
    return tmp_path


def crossfoot(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def rewrite(project: Path, old: str, new: str) -> None:
    file = project / "functions.sql"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_row_lock_turns_a_racy_function_green_and_taking_it_out_turns_it_red(
    project: Path,
) -> None:
    assert crossfoot("race", "two_redeem").exit_code == 1
    rewrite(project, RACY, LOCKED)
    assert crossfoot("race", "two_redeem").exit_code == 0
    rewrite(project, LOCKED, RACY)
    assert crossfoot("race", "two_redeem").exit_code == 1


def test_a_counterexample_is_drawn_named_and_confirmed(project: Path) -> None:
    result = crossfoot("race", "two_redeem")
    assert "lost update" in result.output
    assert "Seen again in 10 of 10 replays." in result.output
    assert "functions.sql:" in result.output


def test_a_replay_shows_the_same_schedule_and_passes_once_the_function_is_right(
    project: Path,
) -> None:
    found = json.loads(crossfoot("race", "two_redeem", "--json").output)
    finding = found["targets"][0]["checks"][0]["findings"][0]
    token = finding["replay"].split()[-1]
    again = json.loads(crossfoot("replay", token, "--json").output)
    replayed = again["targets"][0]["checks"][0]
    assert replayed["verdict"] == "fail"
    assert replayed["findings"][0]["lanes"] == finding["lanes"]
    rewrite(project, RACY, LOCKED)
    assert crossfoot("replay", token).exit_code in {0, 3}


def test_json_is_one_document_that_fits_the_schema(project: Path) -> None:
    for command in (["run"], ["race", "two_redeem", "--first"]):
        result = crossfoot(*command, "--json")
        jsonschema.validate(json.loads(result.stdout), report_schema())


def test_a_finished_run_is_rendered_again_in_every_format(project: Path) -> None:
    crossfoot("race", "two_redeem", "--first")
    for name in ("html", "markdown", "junit", "json"):
        result = crossfoot("report", "crossfoot-out/latest", "--format", name)
        assert result.exit_code == 0
        assert "two_redeem" in result.output


def test_list_says_what_there_is(project: Path) -> None:
    listed = json.loads(crossfoot("list", "--json").output)
    assert listed["targets"][0]["races"]["two_redeem"] == "Two redemptions of one card"
    assert "balance_equals_entries" in listed["audits"]
    assert "two_redeem" in crossfoot("list").output


def test_audit_prints_the_sql_that_it_runs(project: Path) -> None:
    printed = crossfoot("audit", "--print").output
    assert "as not materialized" in printed
    assert "balance_equals_entries" in printed


def test_every_command_has_an_example_in_its_help() -> None:
    for command in ("run", "race", "audit", "prove", "replay", "report", "list"):
        result = crossfoot(command, "--help")
        assert result.exit_code == 0
        assert "Example:" in result.output


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for servers, with a path short enough for a Unix socket, that every account can pass."""
    folder = Path(tempfile.mkdtemp(prefix="cf"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_run_that_is_killed_leaves_no_server_and_no_folder(project: Path, home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "crossfoot", "race", "three_redeem", "--schedules", "100000"],
        env={**os.environ, "TMPDIR": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: _postmaster(home) is not None)
        pid = _postmaster(home)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _until(lambda: not Path(f"/proc/{pid}").exists() and not any(home.iterdir()))


def _postmaster(home: Path) -> int | None:
    """Return the pid of the server below ``home``, once it has written it down."""
    for file in home.glob("crossfoot-*/data/postmaster.pid"):
        if lines := file.read_text().splitlines():
            return int(lines[0])
    return None


def _until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
