"""Mutants on the screen and in the reports: the score, the gaps, and what they mean for the verdict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import cast, get_args
from xml.etree import ElementTree

import jsonschema
import pytest
from explorer_ground import SPECIMENS
from report_specimen import HOSTILE, passing_run
from typer.testing import CliRunner

from crossfoot.cli.app import app
from crossfoot.report import render
from crossfoot.report.mutants import score
from crossfoot.report.schema import report_schema
from crossfoot.results import Fate, Kill, MutantTotals, Run
from crossfoot.verdicts import Verdict


def mutant(name: str, fate: Fate, reason: str = "", by: str = "") -> Kill:
    verdicts = {"gap": Verdict.FAIL, "stillborn": Verdict.NOT_APPLICABLE}
    return Kill(
        variant=name,
        title=f"Without {name}",
        mistake="row lock",
        hurts="",
        verdict=verdicts.get(fate, Verdict.PASS),
        fate=fate,
        reason=reason,
        caught_by=[by] if by else [],
        file="spend.sql",
        line=7,
        diff="- <for update>",
    )


def mutated(*more: Kill) -> Run:
    run = passing_run()
    run.targets[0].mutants = [
        mutant("spend.sql:7 for update", "killed", by="race two_spends"),
        mutant("spend.sql:9 if v_before < p_amount", "equivalent", "something stands behind it"),
        mutant("spend.sql:3 if p_amount > 9", "meant", "nobody has <so> much"),
        mutant("spend.sql:2 strict", "stillborn", "PostgreSQL doesn't take it"),
        *more,
    ]
    return run


GAP = mutant("spend.sql:5 where not `frozen`", "gap", "no check ever makes it <take> effect")


def test_the_score_counts_what_should_have_been_noticed() -> None:
    assert score(mutated(GAP).targets[0].mutants) == (
        "1 of 3 mutants killed, 1 meant, 1 gap;"
        " 1 equivalent, as far as the checks tell; 1 stillborn"
    )
    assert score([mutant("a", "killed")]) == "1 of 1 mutant killed"


def test_the_totals_count_every_end_that_a_mutant_can_come_to() -> None:
    ends = [fate for fate in get_args(Fate) if fate]
    totals = MutantTotals.of(mutant(name, cast(Fate, name)) for name in ends)
    assert totals.model_dump() == dict.fromkeys(MutantTotals.model_fields, 1)
    assert len(ends) == len(MutantTotals.model_fields)
    assert totals.tested == 3


def test_markdown_names_gaps_and_those_that_are_meant() -> None:
    text = render(mutated(GAP), "markdown")
    assert "### Is every guard tested?" in text
    assert "- ✗ `` spend.sql:5 where not `frozen` ``: no check ever makes it &lt;take&gt;" in text
    assert "- ✓ `spend.sql:3 if p_amount > 9`: nobody has &lt;so&gt; much" in text
    assert "spend.sql:9" not in text
    assert "Is every guard tested?" not in render(passing_run(), "markdown")


def test_html_shows_each_mutant_and_the_change_of_a_gap() -> None:
    page = render(mutated(GAP), "html")
    assert 'id="mutants"' in page
    assert page.count("&lt;for update&gt;") == 1
    assert "no check ever makes it &lt;take&gt; effect" in page
    assert "1 of 3 mutants killed, 1 meant, 1 gap;" in page
    assert 'id="mutants"' not in render(passing_run(), "html")


def test_a_guard_with_markup_in_it_stays_text() -> None:
    run = mutated(mutant(HOSTILE, "gap", HOSTILE, HOSTILE))
    run.targets[0].mutants[-1].diff = HOSTILE
    page = render(run, "html")
    assert "<script>document" not in page
    assert page.count("&lt;script&gt;document") == 4
    assert "\x1b" not in page and "\u202e" not in page
    ElementTree.fromstring(render(run, "junit"))


def test_junit_has_a_case_for_each_and_a_gap_fails() -> None:
    root = ElementTree.fromstring(render(mutated(GAP), "junit"))
    cases = [case for case in root.iter("testcase") if ".mutant" in case.get("classname", "")]
    assert [case.get("name") for case in cases if case.find("failure") is not None] == [GAP.variant]
    assert len(cases) == 5


def test_a_run_that_only_a_gap_fails_says_so() -> None:
    run = mutated(GAP)
    run.targets[0].checks = []
    run.targets[0].kill_matrix = None
    run.verdict = Verdict.FAIL
    assert "1 guard could go unnoticed" in render(run, "markdown").splitlines()[0]
    del run.targets[0].mutants[-1]
    run.verdict = Verdict.PASS
    text = render(run, "markdown")
    assert "no guard of lead_marketplace goes untested" in text.splitlines()[0]
    assert "**Guards:** 1 of 2 mutants killed, 1 meant;" in text
    assert "called by no check at all" not in text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(SPECIMENS / "mutants", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSFOOT_DSN", raising=False)
    return tmp_path


def test_prove_mutate_fails_on_a_gap_and_passes_where_every_guard_is_tested(project: Path) -> None:
    (project / "mutants.toml").unlink()
    arguments = ["prove", "--mutate", "--only", "*p_amount > 1000000", "--schedules", "100"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "  gap        kiosk.sql:39 if p_amount > 1000000: no check ever" in result.output
    assert "kiosk: 0 of 1 mutant killed, 1 gap" in result.output
    arguments[3] = "*p_amount <= 0"
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0
    document = json.loads(result.output)
    jsonschema.validate(document, report_schema())
    (target,) = document["targets"]
    assert [each["fate"] for each in target["mutants"]] == ["killed"]
    assert {fate: count for fate, count in target["mutant_totals"].items() if count} == {
        "killed": 1
    }


def test_only_and_limit_without_mutate_are_a_mistake(project: Path) -> None:
    for option in (["--only", "x"], ["--limit", "1"]):
        assert CliRunner().invoke(app, ["prove", *option]).exit_code == 2
    assert CliRunner().invoke(app, ["prove", "--mutate", "--variant", "x"]).exit_code == 2
