"""What the fixture ``burst`` gives a user's own suite."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPECIMENS = Path(__file__).parents[1] / "specimens"

TESTS = """
import asyncpg

CARD = "00000000-0000-0000-0000-000000000007"
SETUP = f"select gift.open('{CARD}', 100);"
ENOUGH_FOR_THREE = ["exactly 3 ok", "the others refused"]


class TooLittleError(Exception):
    pass


async def look_then_write(connection):
    balance = await connection.fetchval("select balance from gift.card where id = $1", CARD)
    if balance < 30:
        raise TooLittleError
    await connection.execute("select pg_sleep(0.2)")
    await connection.execute("update gift.card set balance = balance - 30 where id = $1", CARD)


async def redeem_under_lock(connection):
    async with connection.transaction():
        await connection.execute("select 1 from gift.card where id = $1 for no key update", CARD)
        return await connection.fetchval("select gift.redeem($1, 30)", CARD)


def test_racy_code(burst):
    burst(look_then_write, callers=10, setup=SETUP, refused=(TooLittleError,), expect=ENOUGH_FOR_THREE)


def test_safe_code(burst):
    outcome = burst(
        redeem_under_lock, callers=10, setup=SETUP, operation="redeem", expect=ENOUGH_FOR_THREE
    )
    assert (outcome.ok, outcome.refused) == (3, 7)
    assert (outcome.retryable, outcome.error, outcome.unknown) == (0, 0, 0)
    assert 0 < outcome.latency(50) <= outcome.latency(100)


def test_a_statement(burst):
    outcome = burst(
        "select gift.redeem(:card, 30) + length(:key) from pg_sleep(0.1)",
        callers=10,
        values={"card": "uuid"},
        each={"key": "text"},
        setup="select gift.open(:card, 5)",
        operation="redeem",
        expect=["all refused"],
    )
    assert len({call.arguments["key"] for call in outcome.calls}) == 10


def test_a_mistake(burst):
    outcome = burst.check(
        "select gift.redeem(:card, null)",
        callers=4,
        values={"card": "uuid"},
        setup="select gift.open(:card, 100)",
    )
    assert (outcome.error, outcome.calls[0].arguments["amount"]) == (4, None)
    assert outcome.check.findings[0].summary == "expected no error, got 4 error"


def test_a_file_of_one_s_own(burst):
    burst("select 1; select 2")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(SPECIMENS / "gift_cards", folder, ignore=shutil.ignore_patterns("scenarios"))
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


def test_code_that_looks_before_it_writes_fails_and_code_under_a_lock_passes(
    project: Path,
) -> None:
    said = run(project, "-n", "2")
    assert "FAILED test_cards.py::test_racy_code" in said
    assert "expected exactly 3 ok, got 10" in said
    assert "10 of the calls overlapped another one" in " ".join(said.split())
    assert "FAILED test_cards.py::test_a_file_of_one_s_own" in said
    assert "a caller sends one select" in said
    assert "2 failed, 3 passed" in said
