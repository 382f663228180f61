"""A user's mistake gives one clear line, a remedy, and exit code 2."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crossfoot.cli.app import app

SPECIMEN = Path(__file__).resolve().parent.parent / "specimens" / "gift_cards_safe"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small target of one's own, in the current folder."""
    shutil.copytree(SPECIMEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSFOOT_DSN", raising=False)
    return tmp_path


def crossfoot(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def edit(file: Path, change: Callable[[str], str]) -> None:
    file.write_text(change(file.read_text()))


def explained(result: Result, *parts: str) -> None:
    """Assert exit code 2, one line that holds every part, and at most one of remedy."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert lines[0].startswith("crossfoot: "), result.output
    assert len(lines) <= 2, result.stderr
    for part in parts:
        assert part in result.stderr


def test_toml_that_is_no_toml(project: Path) -> None:
    edit(project / "target.toml", lambda text: text + "\n[relations\n")
    explained(crossfoot("run"), "target.toml", "not TOML", "line")


def test_a_misspelt_key(project: Path) -> None:
    edit(project / "target.toml", lambda text: text.replace("about =", "abuot =", 1))
    explained(crossfoot("run"), "target.toml", "abuot")


def test_an_unknown_relation(project: Path) -> None:
    edit(
        project / "target.toml",
        lambda text: text.replace("[relations]", '[relations]\nentires = "select 1"'),
    )
    explained(crossfoot("run"), "unknown relation 'entires'", "account")


def test_a_binding_that_lacks_a_column(project: Path) -> None:
    edit(
        project / "target.toml",
        lambda text: text.replace("account = ", 'account = "select 1 as account_id"\n#', 1),
    )
    explained(crossfoot("run"), "[relations] account", "lacks balance")


def test_a_binding_of_a_table_that_is_not_there(project: Path) -> None:
    edit(project / "target.toml", lambda text: text.replace("from gift.card", "from gift.crad", 1))
    explained(crossfoot("run"), "[relations] account", "gift.crad")


def test_sql_that_does_not_apply_names_file_and_line(project: Path) -> None:
    edit(project / "schema.sql", lambda text: text.replace("primary key", "primary kee", 1))
    line = 1 + (project / "schema.sql").read_text().partition("primary kee")[0].count("\n")
    explained(crossfoot("run"), f"schema.sql:{line}", "syntax error")


def test_sql_that_can_not_be_read(project: Path) -> None:
    edit(project / "schema.sql", lambda text: text + "\nselect 'never closed")
    explained(crossfoot("run"), "schema.sql", "unterminated")


def test_a_file_that_is_not_there(project: Path) -> None:
    (project / "schema.sql").unlink()
    explained(crossfoot("run"), "no file matches 'schema.sql'", "relative to the folder")


def test_a_race_of_an_unknown_operation_names_file_and_line(project: Path) -> None:
    race = next((project / "scenarios/races/gift_cards_safe").glob("*.race.sql"))
    edit(race, lambda text: text.replace("@call redeem", "@call redeeem", 1))
    explained(crossfoot("race"), race.name, "no operation 'redeeem'", "Operations of")


def test_a_race_whose_setup_fails(project: Path) -> None:
    race = next((project / "scenarios/races/gift_cards_safe").glob("*.race.sql"))
    edit(race, lambda text: text.replace("-- @setup", "-- @setup\nselect 1 / 0;", 1))
    explained(crossfoot("race"), race.name, "division by zero")


def test_an_unknown_target(project: Path) -> None:
    explained(crossfoot("run", "gift_crads"), "no target 'gift_crads'", "gift_cards_safe")


def test_an_unknown_race(project: Path) -> None:
    explained(crossfoot("race", "no_such_race"), "no race 'no_such_race'", "Races:")


def test_an_unknown_variant(project: Path) -> None:
    explained(crossfoot("race", "--variant", "nothing"), "no broken variant 'nothing'")


def test_a_token_that_is_none(project: Path) -> None:
    explained(crossfoot("replay", "cf2-what"), "not a replay token", "cf1-")


def test_a_dsn_at_which_nobody_listens(project: Path) -> None:
    result = crossfoot("run", "--dsn", "postgresql://me:secret@127.0.0.1:1/db")
    explained(result, "127.0.0.1:1")
    assert "secret" not in result.output + result.stderr


def test_an_audit_without_a_database(project: Path) -> None:
    explained(crossfoot("audit"), "which database?", "CROSSFOOT_DSN")


def test_a_report_of_a_run_that_is_not_there(project: Path) -> None:
    explained(crossfoot("report", "crossfoot-out/latest"), "no such file", "report.json")


def test_a_folder_that_can_not_be_written_to(project: Path) -> None:
    (project / "out").write_text("a file is in the way")
    explained(crossfoot("race", "--out", "out"), "out", "--out")
