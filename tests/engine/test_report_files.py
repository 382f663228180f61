"""Reports as files, report.json and its schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_specimen import empty_run, failing_run, hostile_run, passing_run

from crossfoot.errors import ContentError
from crossfoot.report import FORMATS, files, load_run, render, write_report
from crossfoot.report.schema import report_schema
from crossfoot.results import Run

SCHEMA = Path(__file__).parents[2] / "reports" / "report.schema.json"
RUNS = [passing_run(), failing_run(), empty_run(), hostile_run()]


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("format", FORMATS)
def test_the_same_run_always_gives_the_same_text(run: Run, format: str) -> None:
    again = Run.model_validate_json(run.model_dump_json())
    assert render(run, format) == render(again, format)


@pytest.mark.parametrize("run", RUNS)
def test_report_json_satisfies_its_schema(run: Run) -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render(run, "json")), schema)


def test_the_schema_in_the_repository_is_that_of_the_model() -> None:
    written = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(report_schema())), (
        "out of date: python -m crossfoot.report.schema > reports/report.schema.json"
    )


def test_the_schema_refuses_a_report_with_an_unknown_verdict() -> None:
    report = passing_run().dump() | {"verdict": "mostly fine"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, report_schema())


def test_a_report_is_written_in_every_format_and_read_back_the_same(tmp_path: Path) -> None:
    paths = write_report(failing_run(), tmp_path / "out")
    assert tuple(paths) == FORMATS
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json",
        "report.html",
        "report.md",
        "report.junit.xml",
        "regressions",
    }
    assert load_run(tmp_path / "out") == load_run(paths["json"]) == failing_run()


def test_a_report_replaces_an_older_one(tmp_path: Path) -> None:
    write_report(failing_run(), tmp_path)
    write_report(passing_run(), tmp_path)
    assert load_run(tmp_path) == passing_run()
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 4


def test_what_findings_leave_to_be_kept_lies_beside_the_report(tmp_path: Path) -> None:
    write_report(failing_run(), tmp_path)
    folder = tmp_path / "regressions" / "lead_marketplace"
    assert (folder / "two_buyers_one_lead_again.race.sql").read_text().startswith("-- title:")
    assert "terminals" in (folder / "two_buyers_one_lead_by_hand.sql").read_text()
    report = (tmp_path / "report.html").read_text()
    assert "regressions/lead_marketplace/two_buyers_one_lead_by_hand.sql" in report


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_a_report_can_be_read_by_others_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        paths = write_report(passing_run(), tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in paths.values()} == {0o644}


def test_a_view_that_fails_does_not_lose_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Run) -> str:
        raise RuntimeError("template")

    monkeypatch.setitem(files._RENDERERS, "html", broken)
    with pytest.raises(RuntimeError):
        write_report(passing_run(), tmp_path)
    assert load_run(tmp_path) == passing_run()
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(ContentError) as caught:
        render(passing_run(), "pdf")
    assert "html, markdown, junit, json" in caught.value.remedy


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"report\.json: no such file"):
        load_run(tmp_path)


def test_a_report_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "report.json", passing_run().dump() | {"schema_version": "2"})
    with pytest.raises(ContentError, match="report format '2', this Crossfoot reads '1'") as caught:
        load_run(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>", "not JSON"),
        ("", "not JSON"),
        ("[]", "no Crossfoot report"),
        ('{"run_id": "x"}', "no Crossfoot report"),
        ('{"schema_version": "1"}', "run_id: Field required"),
    ],
)
def test_a_malformed_report_is_refused_by_name_and_place(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=said) as caught:
        load_run(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_a_report_with_a_wrong_part_is_refused_with_the_path_of_the_part(tmp_path: Path) -> None:
    content = passing_run().dump()
    content["targets"][0]["checks"][2]["verdict"] = "great"
    path = write(tmp_path / "report.json", content)
    with pytest.raises(ContentError, match=r"targets\.0\.checks\.2\.verdict"):
        load_run(path)
