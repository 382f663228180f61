"""Any race at any isolation level: from the command line, in a replay, and for what it expects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from explorer_ground import SPECIMENS
from typer.testing import CliRunner, Result

from crossfoot.cli.app import app
from crossfoot.explorer.race import load_race
from crossfoot.target import load_target


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The racy gift cards, in the current folder."""
    shutil.copytree(SPECIMENS / "gift_cards", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSFOOT_DSN", raising=False)
    return tmp_path


def crossfoot(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def check(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.output)["targets"][0]["checks"][0]
    return found


@pytest.mark.parametrize("level", ["repeatable read", "SERIALIZABLE", "repeatable-read"])
def test_a_lost_update_is_a_retry_at_a_stronger_level(project: Path, level: str) -> None:
    done = check(crossfoot("race", "two_redeem", "--isolation", level, "--json"))
    assert done["verdict"] == "pass"
    assert done["exploration"]["isolation"] == level.lower().replace("-", " ")
    assert done["exploration"]["retryable"] > 0


def test_without_a_level_a_race_runs_at_its_own(project: Path) -> None:
    assert check(crossfoot("race", "two_redeem", "--json"))["verdict"] == "fail"


def test_an_unknown_level_is_one_line(project: Path) -> None:
    result = crossfoot("race", "two_redeem", "--isolation", "snapshot")
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert "no level 'snapshot'" in line
    assert "read committed, repeatable read, serializable" in line


def test_a_replay_runs_at_the_level_of_its_finding(project: Path) -> None:
    found = check(crossfoot("race", "there_and_back", "--isolation", "serializable", "--json"))
    finding = found["findings"][0]
    token = finding["replay"].split()[-1]
    assert "@s-1-" in token
    again = check(crossfoot("replay", token, "--json"))
    assert again["exploration"]["isolation"] == "serializable"
    assert "-- isolation: serializable" in finding["regression_race"]


def test_calls_that_have_to_be_sent_again_are_not_missed(project: Path) -> None:
    path = project / "scenarios" / "races" / "gift_cards" / "both.race.sql"
    text = path.with_name("two_redeem.race.sql").read_text()
    path.write_text(text.replace("-- detects", "-- expect: exactly 2 ok in redeem\n-- detects"))
    race = load_race(path, load_target(project / "target.toml"), 1)
    assert [each.told for each in race.expectations] == ["exactly 2 ok in redeem"]
    assert [each.told for each in race.at("serializable").expectations] == [
        "at most 2 ok in redeem"
    ]
    assert race.at(race.isolation) is race
