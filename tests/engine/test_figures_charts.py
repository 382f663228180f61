"""How a load went, drawn in the report: readable offline, and only where there was a load."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from figure_ground import BEGAN, SECOND, Spree, gift_cards, write_run, write_samples
from report_specimen import HOSTILE, failing_run

from crossfoot.figures.measure import measure
from crossfoot.figures.reading import open_run
from crossfoot.figures.samples import Audited, LockWaits, Look, Sample
from crossfoot.figures.thresholds import hold
from crossfoot.report import charts, load_run, render, write_report
from crossfoot.results import Check, Figures, Kind, Run
from crossfoot.verdicts import Verdict

ODD = f"select\x1b gift.x {HOSTILE}"
ALERT = '[thresholds.spree]\nrefused_percent = { expect = "< 5", alert = "> 10" }\n'


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    """Return the figures of a load in which there is something to see in every chart."""
    return measured(tmp_path, 2)


def measured(folder: Path, drift: int) -> Figures:
    run = write_run(folder / "run", Spree(seconds=6, retried=0.1, error=0.02))
    samples: list[Sample] = [
        Look(BEGAN + number * SECOND // 4, _waits(number)) for number in range(24)
    ]
    samples += [
        Audited(BEGAN + SECOND, "gift_cards", 0.1),
        Audited(BEGAN + 5 * SECOND, "gift_cards", 0.1, drift),
    ]
    write_samples(run, samples)
    return measure(open_run(run), gift_cards(folder / "target"))


def _waits(number: int) -> list[LockWaits]:
    if number % 3:
        return []
    waits = [LockWaits("select gift.redeem($1)", "tuple", number, 0.1)]
    return [*waits, LockWaits(ODD, "transactionid", 1, 0.2)]


def run_with(figures: Figures, folder: Path) -> Run:
    run = failing_run()
    check = Check(kind=Kind.LOAD, name="spree", title="A spree", verdict=Verdict.PASS)
    hold(check, figures, gift_cards(folder / "alerting", ALERT))
    run.targets[0].checks.append(check)
    return run


def section(html: str) -> str:
    return html[html.index('<section id="figures"') : html.index('<section id="checks"')]


def test_a_load_has_five_charts_with_a_sentence_each(figures: Figures, tmp_path: Path) -> None:
    shown = section(render(run_with(figures, tmp_path), "html"))
    assert shown.count("<svg") == shown.count("<figcaption>") == 5
    for title in ("Outcomes", "Latency", "Retries", "Lock waits", "Balance drift"):
        assert f"<strong>{title}</strong>" in shown
    assert "isn&#39;t the sum of its entries" not in shown
    assert "up to 2, in 2 rounds of audits" in shown


def test_a_chart_loads_nothing_runs_nothing_and_follows_the_theme(
    figures: Figures, tmp_path: Path
) -> None:
    for chart in charts.charts(figures):
        svg = str(chart.svg)
        # Addresses are those of the format's own names.
        assert set(re.findall(r"https?://[^\"]+", svg)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }
        assert not re.search(r"<script|<style|<image|<foreignObject|style=| on\w+=| id=", svg)
        assert "var(--series-" in svg or "var(--fail)" in svg or "var(--pass)" in svg
        assert "var(--soft)" in svg


def test_colours_of_charts_are_in_the_stylesheet(figures: Figures, tmp_path: Path) -> None:
    html = render(run_with(figures, tmp_path), "html")
    style = html[html.index("<style>") : html.index("</style>")]
    for name in set(re.findall(r"var\((--[\w-]+)\)", section(html))):
        assert f"{name}:" in style


def test_a_query_cannot_break_out_of_the_page(figures: Figures, tmp_path: Path) -> None:
    shown = section(render(run_with(figures, tmp_path), "html"))
    assert "<script>document" not in shown and "&lt;script&gt;document" in shown
    assert not re.search("[\\x00-\\x08\\x1b\\u202e]", shown)


def test_the_same_run_gives_the_same_charts(figures: Figures) -> None:
    first, again = ([str(each.svg) for each in charts.charts(figures)] for _ in range(2))
    assert first == again


def test_drift_that_is_zero_is_said_and_drawn_as_a_flat_line(tmp_path: Path) -> None:
    *_, drift = charts.charts(measured(tmp_path, 0))
    assert "none, in 2 rounds of audits" in drift.says
    assert "var(--pass)" in str(drift.svg) and "var(--fail)" not in str(drift.svg)
    line = re.findall(r'd="(M[^"]*)" stroke="var\(--pass\)"', str(drift.svg))[0]
    heights = {point.split(",")[1] for point in re.findall(r"[\d.]+,[\d.]+", line)}
    assert len(heights) == 1


def test_looks_that_are_rarer_than_slices_are_drawn_until_the_next_one(figures: Figures) -> None:
    assert figures.waits[0].over_time.count(None) > len(figures.waits[0].over_time) / 2
    chart = next(each for each in charts.charts(figures) if each.title == "Lock waits")
    drawn = re.findall(r'd="(M[^"]*)" fill="var\(--series-1\)"', str(chart.svg))
    area = max(drawn, key=len)  # the other one is in the legend
    # One shape from look to look, not one without a width at each of them.
    shapes = [re.findall(r"([\d.]+),[\d.]+", shape) for shape in area.split("M")]
    assert max(len(set(places)) for places in shapes) > 20


def test_what_nobody_looked_at_is_not_drawn(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Spree(seconds=2))
    figures = measure(open_run(run), gift_cards(tmp_path / "target"))
    assert [each.title for each in charts.charts(figures)] == ["Outcomes", "Latency", "Retries"]


def test_a_load_of_one_call_can_be_drawn(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Spree(seconds=0.01, per_second=100))
    figures = measure(open_run(run), gift_cards(tmp_path / "target"))
    assert len(list(charts.charts(figures))) == 3


def test_a_missed_threshold_stands_in_the_table_and_among_the_findings(
    figures: Figures, tmp_path: Path
) -> None:
    html = render(run_with(figures, tmp_path), "html")
    row = re.search(r'<tr class="fail">.*?</tr>', section(html), re.DOTALL)
    assert row and "refused_percent" in row[0].replace("<wbr>", "") and "alert" in row[0]
    assert "asks for an alert" in html[html.index('id="findings"') :]


def test_figures_come_back_from_report_json(figures: Figures, tmp_path: Path) -> None:
    run = run_with(figures, tmp_path)
    write_report(run, tmp_path / "out")
    back = load_run(tmp_path / "out")
    assert back.targets[0].checks[-1].figures == run.targets[0].checks[-1].figures
    assert render(back, "html") == (tmp_path / "out/report.html").read_text(encoding="utf-8")


def test_without_the_packages_tables_stay_and_the_reader_is_told(
    figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "PACKAGES", ("a_package_that_nobody_has",))
    shown = section(render(run_with(figures, tmp_path), "html"))
    assert "<svg" not in shown and "crossfoot[load]" in shown
    assert "calls_per_second" in shown.replace("<wbr>", "")


def test_a_report_without_a_load_needs_none_of_the_packages() -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from report_specimen import failing_run
from crossfoot.report import render
html = render(failing_run(), "html")
print('id="figures"' in html, sorted({"altair", "vl_convert", "pandas"} & sys.modules.keys()))
"""
    here = str(Path(__file__).parent)
    said = subprocess.run(
        [sys.executable, "-c", code, here], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "False []"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "ms", "–"), (0.0, "%", "0 %"), (0.2137, "ms", "0.214 ms"), (12.345, "", "12.35"),
     (345.67, "/s", "345.7 /s"), (98765.4, "/s", "98765 /s"), (50.0, "%", "50 %")],
)  # fmt: skip
def test_numbers_have_the_digits_that_mean_something(
    value: float | None, unit: str, text: str
) -> None:
    assert charts.number(value, unit) == text


# -- as Markdown --------------------------------------------------------------------------------


def test_markdown_has_the_figures_the_operations_and_the_waits(
    figures: Figures, tmp_path: Path
) -> None:
    text = render(run_with(figures, tmp_path), "markdown")
    assert "### How the load went: lead_marketplace, spree" in text
    lines = text.splitlines()
    (refused,) = (line for line in lines if line.startswith("| refused_percent |"))
    assert refused.endswith("| < 5 | > 10 | ✗ alert |".replace("<", "&lt;").replace(">", "&gt;"))
    head = next(line for line in lines if line.startswith("| operation |"))
    (redeem,) = (line for line in lines if line.startswith("| redeem |"))
    cells = [cell.strip() for cell in redeem.split("|")[1:-1]]
    shown = dict(zip([cell.strip() for cell in head.split("|")[1:-1]], cells, strict=True))
    (measured_,) = (each for each in figures.operations if each.operation == "redeem")
    assert shown["calls"] == str(measured_.calls)
    assert measured_.p99_ms and float(shown["p99 ms"]) == pytest.approx(measured_.p99_ms, rel=0.1)
    assert "Waited for locks most:\n\n- `" in text


def test_markdown_without_a_load_has_no_figures() -> None:
    assert "How the load went" not in render(failing_run(), "markdown")


def test_in_markdown_every_row_of_figures_has_as_many_cells_as_its_head(
    figures: Figures, tmp_path: Path
) -> None:
    figures.operations[0].operation = f"odd | {HOSTILE}"
    text = render(run_with(figures, tmp_path), "markdown")
    part = text.split("### How the load went")[1].split("\n### ")[0]
    tables = [block.splitlines() for block in part.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
