"""What a user's own suite gets: application code explored, and a database to work in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPECIMENS = Path(__file__).parents[1] / "specimens"

TESTS = """
import asyncio

import asyncpg
import pytest

CARD = "00000000-0000-0000-0000-000000000007"
SETUP = f"select gift.open('{CARD}', 100);"


async def redeem(connection):
    return await connection.fetchval("select gift.redeem($1, 30)", CARD)


async def redeem_under_lock(connection):
    async with connection.transaction():
        await connection.execute("select 1 from gift.card where id = $1 for no key update", CARD)
        return await connection.fetchval("select gift.redeem($1, 30)", CARD)


def test_racy(explore):
    explore(redeem, redeem, setup=SETUP)


def test_safe(explore):
    check = explore(redeem_under_lock, redeem_under_lock, setup=SETUP)
    assert check.exploration.complete


@pytest.mark.crossfoot("../elsewhere/target.toml")
def test_named(crossfoot_database):
    assert crossfoot_database


def test_database(crossfoot_database):
    async def count():
        connection = await asyncpg.connect(crossfoot_database)
        try:
            await connection.execute(SETUP)
            return await connection.fetchval("select count(*) from gift.card")
        finally:
            await connection.close()

    assert asyncio.run(count()) == 1


test_database_again = test_database
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(SPECIMENS / "gift_cards", folder, ignore=shutil.ignore_patterns("scenarios"))
    shutil.copytree(folder, tmp_path / "elsewhere")
    (folder / "test_cards.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n"
    )
    return folder


def run(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
    ran = subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=600, check=False
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_application_code_is_explored_and_what_races_fails(
    project: Path, workers: list[str]
) -> None:
    said = run(project, *workers)
    assert "FAILED test_cards.py::test_racy" in said
    assert "4 passed" in said
    assert "1 failed" in said


def test_a_failure_shows_both_sessions_and_what_they_read(project: Path) -> None:
    said = run(project, "-k", "test_racy")
    # pytest repeats the message in its summary where the variable CI is set.
    told, _, _ = said.partition("short test summary info")
    assert "redeem_1" in told
    assert "redeem_2" in told
    assert told.count("v_balance = 100") == 2
    assert "Seen again in 10 of 10 replays." in said


def test_without_a_target_it_says_how_to_name_one(project: Path) -> None:
    (project / "target.toml").unlink()
    said = run(project, "-k", "test_safe")
    assert "no target.toml here or above" in said
