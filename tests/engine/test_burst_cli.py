"""``crossfoot burst``: exit codes, the history beside the report, and mistakes with their remedies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from burst_ground import gift_target, written
from test_burst_run import RIGHT, WRONG
from typer.testing import CliRunner, Result

from crossfoot.cli.app import app


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    gift_target(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSFOOT_DSN", raising=False)
    return tmp_path


def crossfoot(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_burst_that_fails_exits_with_1_and_leaves_its_history_beside_the_report(
    project: Path,
) -> None:
    written(project, RIGHT, "right")
    written(project, WRONG, "wrong")
    result = crossfoot("burst")
    assert result.exit_code == 1, result.output
    assert "pass    burst right  12 callers: 3 ok, 9 refused;" in result.output
    assert "fail    burst wrong  12 callers: " in result.output
    assert "FAIL" in result.output
    run = project / "crossfoot-out" / "latest"
    report = json.loads((run / "report.json").read_text())
    assert [check["kind"] for check in report["targets"][0]["checks"]] == ["burst", "burst"]
    for name in ("right", "wrong"):
        lines = (run / "bursts" / "gift" / name / "history.ndjson").read_text().splitlines()
        assert len(lines) == 13
    assert "under way at once" in (run / "report.html").read_text()


def test_one_burst_is_sent_with_as_many_callers_as_the_command_says(project: Path) -> None:
    written(project, RIGHT, "right")
    written(project, WRONG, "wrong")
    result = crossfoot("burst", "--only", "ri*", "--callers", "20")
    assert result.exit_code == 0, result.output
    assert "burst right  20 callers: 3 ok, 17 refused;" in result.output
    assert "wrong" not in result.output


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (["--callers", "501"], "501 callers", "2 to 500"),
        (["--callers", "1"], "1 callers", "2 to 500"),
        (["--only", "left"], "no burst 'left'", "Bursts: right."),
        (["--variant", "nothing"], "no broken variant 'nothing'", ""),
    ],
)
def test_a_wrong_option_is_one_line_with_a_remedy_and_exit_code_2(
    project: Path, arguments: list[str], problem: str, remedy: str
) -> None:
    written(project, RIGHT, "right")
    result = crossfoot("burst", *arguments)
    assert result.exit_code == 2, result.output
    first, *rest = result.stderr.strip().splitlines()
    assert first.startswith("crossfoot: ")
    assert problem in first
    assert len(rest) <= 1
    assert remedy in "".join(rest)


def test_a_target_without_bursts_is_told_where_they_lie(project: Path) -> None:
    result = crossfoot("burst")
    assert result.exit_code == 2
    assert "no bursts" in result.stderr
    assert "scenarios/bursts/<target>/*.burst.sql" in result.stderr
