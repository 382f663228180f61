"""Work that is shared among processes ends as it would in one, and nothing that fails there is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from crossfoot.processes import in_processes, processors

# Forks, so each test has a process without threads of its own.
SHARES = [[1, 2], [3], [4, 5]]


def double(share: Sequence[int]) -> list[int]:
    return [2 * each for each in share]


def fail_for_three(share: Sequence[int]) -> list[int]:
    if 3 in share:
        raise ValueError("three is too many")
    return double(share)


def die_for_three(share: Sequence[int]) -> list[int]:
    if 3 in share:
        os._exit(1)
    return double(share)


def said(work: str) -> str:
    """Return what a process of its own prints of the work, or how it failed."""
    script = f"import test_processes as t; print(t.in_processes(t.{work}, t.SHARES))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout.strip() or ran.stderr


def test_results_come_in_the_order_of_the_shares() -> None:
    assert said("double") == "[[2, 4], [6], [8, 10]]"


@pytest.mark.parametrize(
    ("work", "why"),
    [("fail_for_three", "three is too many"), ("die_for_three", "was ended from outside")],
)
def test_a_share_that_fails_fails_the_work(work: str, why: str) -> None:
    assert why in said(work)


def test_one_share_needs_no_other_process() -> None:
    assert in_processes(lambda share: os.getpid(), [[1]]) == [os.getpid()]


def test_there_is_one_processor_where_threads_would_be_forked() -> None:
    script = (
        "import threading, crossfoot.processes as p; one = threading.Event();"
        "threading.Thread(target=one.wait, daemon=True).start(); print(p.processors()); one.set()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == b"1"
    assert processors() >= 1
