"""The report as Markdown."""

from __future__ import annotations

import re

from report_specimen import empty_run, failing_run, hostile_run, passing_run

from crossfoot.report import render
from crossfoot.report.markdown import block, code, escape
from crossfoot.results import Property


def outside_of_code(text: str) -> str:
    """Return Markdown without its fenced blocks and inline code."""
    text = re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.S | re.M)
    return re.sub(r"(?<!\\)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def test_it_begins_with_the_verdict() -> None:
    assert render(failing_run(), "markdown").startswith("## ✗ Fail: 3 of 11 applicable checks")
    assert render(empty_run(), "markdown").startswith("## ? Unknown: nothing was checked")


def test_every_row_of_the_matrix_has_as_many_cells_as_its_head() -> None:
    for run in (failing_run(), hostile_run()):
        table = [line for line in render(run, "markdown").splitlines() if line.startswith("|")]
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
        assert counts == {2 + len(Property)}
        assert len(table) == 9


def test_a_finding_has_its_lanes_and_its_replay_line() -> None:
    text = render(failing_run(), "markdown")
    assert "```text\n       buyer_a  " in text
    assert "replay: crossfoot replay cf1-8qk2" in text


def test_a_waived_finding_is_listed_with_its_reason_and_date() -> None:
    text = render(passing_run(), "markdown")
    assert "### Findings" not in text
    assert "goes with the new dashboard (until 2027-01-01)" in text


def test_it_names_what_was_not_covered() -> None:
    assert "- expire_pending_purchases: no operation bound" in render(passing_run(), "markdown")


def test_many_findings_are_cut_with_a_word_on_where_the_rest_is() -> None:
    run = failing_run()
    check = run.targets[0].checks[0]
    check.findings = check.findings * 30
    text = render(run, "markdown")
    assert text.count("\n#### ") == 10
    assert "22 more findings in `report.html`." in text


def test_hostile_text_stays_text() -> None:
    text = outside_of_code(render(hostile_run(), "markdown"))
    assert "<script" not in text
    assert "\x1b" not in text and "\u202e" not in text


def test_escaped_text_shows_as_it_stands() -> None:
    assert escape("two_buyers_one_lead *x* <b>") == "two_buyers_one_lead \\*x\\* &lt;b&gt;"
    assert escape("# no heading") == "\\# no heading"
    assert escape("1. no list") == "1\\. no list"
    assert escape("_no emphasis_") == "\\_no emphasis\\_"


def test_code_cannot_be_closed_by_what_it_holds() -> None:
    assert code("a `b` c") == "`` a `b` c ``"
    assert block("```\nx").startswith("````text\n")
