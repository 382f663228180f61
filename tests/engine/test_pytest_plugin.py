"""Races as pytest tests, in pytest processes of their own, as a user's project has them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import server_stand_ins as stand_ins

from crossfoot.errors import ContentError
from crossfoot.pytest_worker import target_file

SPECIMENS = Path(__file__).parents[1] / "specimens"
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]

NOTHING_TO_REDEEM = """\
-- title: An empty card is redeemed twice at once
-- @values card uuid
-- @setup
insert into gift.card (id, balance) values (:card, 0);
-- @session first
-- @call redeem
select gift.redeem(:card, 30);
-- @session second
-- @call redeem
select gift.redeem(:card, 30);
"""


@pytest.fixture
def temp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the temp folder of what the test starts; the embedded servers' folders go there."""
    folder = Path(tempfile.mkdtemp(prefix="cf"))
    folder.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(tmp_path: Path, temp: Path) -> Path:
    """Return a project with the specimens in it: their races, and warnings that are errors."""
    for name in ("gift_cards", "gift_cards_safe"):
        shutil.copytree(SPECIMENS / name, tmp_path / name)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTEST, *arguments], cwd=project, capture_output=True, text=True, timeout=600, check=False
    )


def nothing_is_left(temp: Path) -> bool:
    return not list(temp.glob("crossfoot-*")) and not stand_ins.processes_mentioning(
        str(temp / "crossfoot-")
    )


def add_race(project: Path, name: str, text: str) -> Path:
    path = project / f"gift_cards_safe/scenarios/races/gift_cards_safe/{name}.race.sql"
    path.write_text(text)
    return path


def test_right_races_pass_and_wrong_ones_fail_in_two_workers(project: Path, temp: Path) -> None:
    ran = run(project, "-n", "2", "-k", "two_redeem or one_card_twice", "--junitxml=junit.xml")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 failed, 1 passed" in ran.stdout
    assert "gift_cards/two_redeem.race.sql::two_redeem" in ran.stdout
    assert nothing_is_left(temp)

    report = ElementTree.parse(project / "junit.xml")
    explored = {
        case.attrib["name"]: [each.attrib["value"] for each in case.iter("property")]
        for case in report.iter("testcase")
    }
    assert explored["one_card_twice"] == ["3 of 3 schedules"]
    assert explored["two_redeem"][0].endswith("schedules")


def test_a_failure_is_a_drawn_interleaving_and_its_last_line_replays_it(project: Path) -> None:
    ran = run(project, "gift_cards", "-k", "two_redeem", "--crossfoot-seed", "7")
    assert "crossfoot: seed 7" in ran.stdout
    assert re.search(r"^_+ race two_redeem _+$", ran.stdout, re.M)
    assert re.search(r"^lost update: first ok; second ok; ", ran.stdout, re.M)
    assert re.search(r"^    1  ┌ call select gift.redeem\(:card, 30\)", ran.stdout, re.M)
    assert "  end  ok: redeem = 70" in ran.stdout
    assert "first got ok: redeem = 70. second got ok: redeem = 70." in ran.stdout
    assert "Seen again in 10 of 10 replays." in ran.stdout
    assert "Traceback" not in ran.stdout and ".py:" not in ran.stdout

    replay = re.search(r"^replay: crossfoot (replay .*)$", ran.stdout, re.M)
    assert replay and "two_redeem-7-" in replay[1]
    again = subprocess.run(
        [sys.executable, "-m", "crossfoot", *shlex.split(replay[1])],
        cwd=project, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert again.returncode == 1, again.stderr
    assert "lost update" in again.stdout


def test_a_race_that_shows_nothing_fails_and_says_why(project: Path) -> None:
    add_race(project, "empty_card", NOTHING_TO_REDEEM)
    ran = run(project, "-k", "empty_card")
    assert ran.returncode == 1
    assert "unknown: redeem never succeeded, alone or overlapping: nothing was raced" in ran.stdout
    assert "Traceback" not in ran.stdout and ".py:" not in ran.stdout


def test_a_faulty_race_file_fails_with_one_line_and_the_others_run(project: Path) -> None:
    add_race(project, "misspelt", NOTHING_TO_REDEEM.replace("@call redeem", "@call reedem"))
    ran = run(project, "-k", "misspelt or one_card_twice")
    assert "1 failed, 1 passed" in ran.stdout
    assert "misspelt.race.sql:6: no operation 'reedem'" in ran.stdout
    assert "Traceback" not in ran.stdout and ".py:" not in ran.stdout


def test_a_budget_that_is_too_small_for_anything_is_no_pass(project: Path) -> None:
    race = project / "gift_cards_safe/scenarios/races/gift_cards_safe/one_card_twice.race.sql"
    before, _, after = race.read_text().rpartition("30")
    add_race(project, "two_amounts", f"{before}31{after}")  # no mirror image of each other
    ran = run(project, "-k", "two_amounts", "--crossfoot-schedules", "1")
    assert "unknown: the budget ended before" in ran.stdout


def test_collecting_races_starts_no_server(project: Path, temp: Path) -> None:
    ran = run(project, "--collect-only", "-q")
    assert "one_card_twice.race.sql::one_card_twice" in ran.stdout
    assert "4 tests collected" in ran.stdout
    assert not list(temp.iterdir())


def test_a_run_without_races_does_not_import_the_engine(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        "import sys\n\n"
        "def test_modules():\n"
        "    assert 'crossfoot.pytest_plugin' in sys.modules\n"
        "    assert not {'asyncpg', 'asyncio', 'crossfoot.stages', 'postgast'} & set(sys.modules)\n"
    )
    others = ("locust", "hypothesispytest", "anyio", "schemathesis", "pytest_cov")
    ran = run(tmp_path, "-W", "error", *(word for name in others for word in ("-p", f"no:{name}")))
    assert ran.returncode == 0, ran.stdout


def test_ctrl_c_leaves_no_server(project: Path, temp: Path) -> None:
    # At this level every order runs, and there are thousands.
    race = project / "gift_cards/scenarios/races/gift_cards/three_redeem.race.sql"
    race.write_text(f"-- isolation: repeatable read\n{race.read_text()}")
    for arguments in ([], ["-n", "2"]):
        with subprocess.Popen(
            [*PYTEST, *arguments, "-k", "three_redeem", "--crossfoot-schedules", "100000"],
            cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as child:  # fmt: skip
            try:
                started = stand_ins.eventually(
                    lambda: any(temp.glob("crossfoot-*/data/postmaster.pid"))
                )
                assert started
                time.sleep(0.5)  # somewhere in the first race, or on the way there
                os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to every process of it
                said, _ = child.communicate(timeout=120)
            finally:
                child.kill()  # or a test that fails would wait for all schedules
        assert child.returncode == 2, said
        assert "INTERNALERROR" not in said
        assert stand_ins.eventually(lambda: nothing_is_left(temp))


def test_a_dsn_that_does_not_work_is_told_in_one_line(project: Path) -> None:
    dsn = "postgresql://me:hunter2@127.0.0.1:1/x"
    ran = run(project, "-k", "one_card_twice", "--crossfoot-dsn", dsn)
    assert ran.returncode == 1
    assert "nothing listens there" in ran.stdout
    assert "hunter2" not in ran.stdout and ".py:" not in ran.stdout


def test_a_race_finds_its_target_in_both_shapes_of_a_project(tmp_path: Path) -> None:
    race = tmp_path / "scenarios/races/shop/two_buyers.race.sql"
    race.parent.mkdir(parents=True)
    with pytest.raises(ContentError, match=r"no target\.toml belongs to this race"):
        target_file(race)
    (tmp_path / "target.toml").touch()
    assert target_file(race) == tmp_path / "target.toml"
    ours = tmp_path / "reference_impl/shop/target.toml"
    ours.parent.mkdir(parents=True)
    ours.touch()
    assert target_file(race) == ours
