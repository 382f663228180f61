"""Figures are counted from the calls of a run, and held against what target.toml expects."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_ground import BEGAN, SECOND, Spree, call, gift_cards, write_calls, write_run

from crossfoot.errors import ContentError
from crossfoot.figures.bindings import Threshold
from crossfoot.figures.histogram import Histogram
from crossfoot.figures.measure import measure, slice_width
from crossfoot.figures.reading import open_run
from crossfoot.figures.thresholds import hold, judge
from crossfoot.history.record import CallRecord
from crossfoot.results import Check, Figure, Figures, Finding, Kind, Property
from crossfoot.target import load_target
from crossfoot.verdicts import Outcome, Verdict


def measured(folder: Path, calls: list[CallRecord], more: str = "") -> Figures:
    write_calls(folder / "history-0.ndjson", calls)
    return measure(open_run(folder), gift_cards(folder / "target", more))


def figure(figures: Figures | None, name: str) -> Figure:
    assert figures
    (found,) = [each for each in figures.measured if each.name == name]
    return found


# -- histograms ---------------------------------------------------------------------------------


def test_percentiles_are_right_to_half_a_percent_from_a_microsecond_to_an_hour() -> None:
    for scale in (1_000, 250_000, 40_000_000, 3_600_000_000_000):
        times = [scale * number // 1000 for number in range(1, 1001)]
        histogram = Histogram(times)
        for percent in (1, 50, 95, 99):
            right = times[percent * 10 - 1]
            assert histogram.percentile(percent) == pytest.approx(right, rel=0.005)


def test_the_longest_is_exact_and_nothing_has_no_percentile() -> None:
    assert Histogram([3, 123_456_789]).percentile(100) == pytest.approx(123_456_789, rel=0.005)
    assert Histogram([700_001]).longest == 700_001
    assert Histogram([700_001]).milliseconds(100) == 0.7
    assert Histogram().percentile(50) is None


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    assert Histogram([-5]).percentile(50) == 0


# -- what every load has ------------------------------------------------------------------------


def test_latencies_keep_what_lies_below_a_millisecond(tmp_path: Path) -> None:
    calls = [call(number, at=number / 100, ms=0.2) for number in range(200)]
    figures = measured(tmp_path, calls)
    assert figure(figures, "latency_p50_ms").value == pytest.approx(0.2, rel=0.005)
    assert figures.operations[0].p99_ms == pytest.approx(0.2, rel=0.005)


def test_rates_are_of_the_whole_run_and_shares_of_all_calls(tmp_path: Path) -> None:
    calls = [call(number, at=number / 10, ms=100) for number in range(100)]
    calls[3] = call(3, outcome=Outcome.REFUSED, at=0.3, ms=100)
    calls[4] = call(4, outcome=Outcome.UNKNOWN, at=0.4, ms=None)
    calls[5] = call(5, at=0.5, ms=100, attempt=2)
    figures = measured(tmp_path, calls)
    assert figures.seconds == pytest.approx(10)
    assert figure(figures, "calls_per_second").value == pytest.approx(10)
    for name in ("refused_percent", "unknown_percent", "retried_percent"):
        assert figure(figures, name).value == 1
    assert figure(figures, "latency_p50_ms").samples == 99


def test_slices_of_time_count_each_call_where_it_ended(tmp_path: Path) -> None:
    calls = [call(1, at=0, ms=10), call(2, at=0.05, ms=1_900), call(3, at=3, ms=10)]
    calls += [call(4, outcome=Outcome.UNKNOWN, at=1.05, ms=None), call(5, at=3.99, ms=10)]
    figures = measured(tmp_path, calls)
    width, ok = figures.slice_seconds, figures.over_time["ok"]
    assert width == 0.1 and len(ok) == 40
    assert [at for at, value in enumerate(ok) if value] == [0, 19, 30]
    assert [at for at, value in enumerate(figures.over_time["unknown"]) if value] == [10]
    assert figures.over_time["p50_ms"][19] == pytest.approx(1_900, rel=0.005)
    assert figures.over_time["p50_ms"][1] is None
    assert {len(column) for column in figures.over_time.values()} == {40}


@pytest.mark.parametrize("seconds", [0, 0.01, 3, 60, 61, 3600, 86_400, 10**7])
def test_there_are_never_more_than_sixty_slices(seconds: float) -> None:
    assert seconds / slice_width(seconds) <= 60


def test_requests_are_measured_beside_the_calls_and_told_apart(tmp_path: Path) -> None:
    write_calls(tmp_path / "history-0.ndjson", [call(1, at=0)])
    write_calls(tmp_path / "requests-0.ndjson", [call(1, "POST /v1/redeem", at=1, ms=5)])
    figures = measure(open_run(tmp_path), gift_cards(tmp_path / "target"))
    assert {(each.operation, each.over) for each in figures.operations} == {
        ("redeem", "direct"),
        ("POST /v1/redeem", "http"),
    }
    assert figure(figures, "calls_per_second").samples == 2


def test_of_a_mixed_day_each_target_has_its_own_calls(tmp_path: Path) -> None:
    write_calls(tmp_path / "a/history-0.ndjson", [call(1), call(2)])
    write_calls(tmp_path / "b/history-0.ndjson", [call(1, at=9)], target="wallets")
    figures = measure(open_run(tmp_path), gift_cards(tmp_path / "target"))
    assert figure(figures, "calls_per_second").samples == 2
    assert figures.seconds == pytest.approx(9, rel=0.01)


def test_clocks_of_other_machines_count_from_their_own_first_call(tmp_path: Path) -> None:
    write_calls(tmp_path / "history-0.ndjson", [call(1, at=0), call(2, at=2)])
    far = [call(1, at=50_000), call(2, at=50_001)]
    write_calls(tmp_path / "history-1.ndjson", far, clock="CLOCK_MONOTONIC of boot 77")
    figures = measure(open_run(tmp_path), gift_cards(tmp_path / "target"))
    assert figures.seconds == pytest.approx(2, rel=0.01)
    assert figures.over_time["ok"][0] == 2 / figures.slice_seconds


def test_a_folder_without_calls_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no calls in this run") as caught:
        open_run(tmp_path)
    assert "crossfoot load" in caught.value.remedy


# -- what target.toml binds ---------------------------------------------------------------------


def test_a_share_is_of_the_calls_whose_answer_says_so(tmp_path: Path) -> None:
    calls = [
        call(number, result={"again": "true" if number % 4 == 0 else "false"})
        for number in range(8)
    ]
    calls.append(call(9, "top_up", result={"again": "true"}))
    more = '[figures.replay_percent]\nshare = ["result.again = true"]\nof = ["red*"]\n'
    replays = figure(measured(tmp_path, calls, more), "replay_percent")
    assert (replays.value, replays.unit, replays.samples) == (25, "%", 8)


def test_values_of_json_answers_are_written_as_in_toml(tmp_path: Path) -> None:
    calls = [call(1, result={"again": True, "status": 409}), call(2, result={"again": None})]
    for said in ("result.again = true", "result.status = 409", "result.again = null"):
        more = f'[figures.found_percent]\nshare = ["{said}"]\nof = ["redeem"]\n'
        assert figure(measured(tmp_path, calls, more), "found_percent").value == 50


def test_an_attempt_of_two_calls_counts_once_with_per(tmp_path: Path) -> None:
    calls = [call(number, "redeem") for number in range(4)]
    calls += [call(9, "top_up", Outcome.REFUSED), call(10, "redeem", Outcome.REFUSED)]
    more = (
        '[figures.conflict_percent]\nshare = ["outcome = refused"]\n'
        'of = ["redeem", "top_up"]\nper = ["redeem"]\n'
    )
    conflicts = figure(measured(tmp_path, calls, more), "conflict_percent")
    assert (conflicts.value, conflicts.samples) == (40, 5)


SPAN = """
[figures.completion_seconds]
spans = [{ from = "redeem", to = "top_up", by = "result.id = :order" }]
"""


def test_a_span_is_from_the_first_call_to_the_first_end_that_is_ok(tmp_path: Path) -> None:
    calls = [
        call(1, "redeem", at=1, ms=10, result={"id": "a"}),
        call(2, "redeem", at=2, ms=10, result={"id": "b"}),
        call(3, "top_up", Outcome.RETRYABLE, at=2.5, ms=10, arguments={"order": "a"}),
        call(4, "top_up", at=3, ms=500, arguments={"order": "a"}),
        call(5, "top_up", at=9, ms=500, arguments={"order": "a"}),
        call(6, "top_up", at=9, ms=500, arguments={"order": "nobody's"}),
    ]
    completion = figure(measured(tmp_path, calls, SPAN), "completion_seconds")
    assert completion.value == pytest.approx(2.5, rel=0.005)
    assert (completion.samples, completion.unit) == (1, "s")


def test_what_never_happened_has_no_value_and_no_verdict(tmp_path: Path) -> None:
    more = SPAN + '[thresholds.spree]\ncompletion_seconds = { expect = "< 2", alert = "> 10" }\n'
    figures = measured(tmp_path, [call(1)], more)
    assert judge(figures, gift_cards(tmp_path / "target", more), "spree") == []
    completion = figure(figures, "completion_seconds")
    assert (completion.value, completion.standing, completion.expect) == (None, "", "< 2")


def test_a_call_that_does_it_all_is_timed_when_it_ended_ok(tmp_path: Path) -> None:
    calls = [call(1, ms=2_000), call(2, outcome=Outcome.REFUSED, ms=9_000), call(3, "top_up", ms=1)]
    more = '[figures.redeemed_seconds]\ntook = ["redeem"]\n'
    found = figure(measured(tmp_path, calls, more), "redeemed_seconds")
    assert found.value == pytest.approx(2, rel=0.005) and found.samples == 1


def test_an_audit_counts_rows_and_one_that_did_not_run_nothing(tmp_path: Path) -> None:
    audit = Check(
        kind=Kind.AUDIT, name="card_sold_once", title="A card is sold once", verdict=Verdict.FAIL
    )
    audit.findings = [Finding(subject="card 7", summary="twice", total_rows=3)]
    target = gift_cards(tmp_path / "target", '[figures.sold_twice]\naudit = "card_sold_once"\n')
    write_calls(tmp_path / "history-0.ndjson", [call(1)])
    run = open_run(tmp_path)
    assert figure(measure(run, target, [audit]), "sold_twice").value == 3
    audit.verdict = Verdict.UNKNOWN
    assert figure(measure(run, target, [audit]), "sold_twice").value is None


@pytest.mark.parametrize(
    "broken",
    [
        '[figures.x]\nshare = ["result.again is true"]\nof = ["redeem"]\n',
        '[figures.x]\nshare = ["outcome = ok"]\n',
        '[figures.x]\ntook = ["redeem"]\naudit = "card_sold_once"\n',
        '[figures.x]\nspans = [{ from = "redeem", to = "top_up", by = "id" }]\n',
        '[thresholds.spree]\nrefused_percent = { expect = "few" }\n',
        '[thresholds.spree]\nlatency = { expect = "< 5" }\n',
    ],
)
def test_a_figure_or_threshold_that_means_nothing_is_an_error(tmp_path: Path, broken: str) -> None:
    with pytest.raises(ContentError, match=r"target\.toml: \["):
        gift_cards(tmp_path, broken)


def test_a_misspelt_threshold_is_told_which_figures_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        ContentError, match=r"spree\.latency_p98_ms: no such figure.*latency_p99_ms"
    ):
        gift_cards(tmp_path, '[thresholds.spree]\nlatency_p98_ms = { expect = "< 5" }\n')


# -- thresholds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "inside", "outside"),
    [
        ("< 5", 4.99, 5.0),
        ("<= 5", 5.0, 5.01),
        ("> 20", 20.01, 20.0),
        (">= 20", 20.0, 19.9),
        ("= 0", 0.0, 1.0),
        ("5 to 10", 5.0, 10.01),
        ("0.5 to 1.5", 1.5, 0.4),
    ],
)
def test_a_threshold_means_what_it_says(said: str, inside: float, outside: float) -> None:
    threshold = Threshold(expect=said, alert=said)
    assert threshold.expects(inside) and threshold.alerts(inside)
    assert not threshold.expects(outside) and not threshold.alerts(outside)


def test_none_expects_everything_and_alerts_at_nothing() -> None:
    threshold = Threshold(expect="none")
    assert threshold.expects(99) and not threshold.alerts(99)


def loaded(tmp_path: Path, more: str, refused: float = 0.5) -> Check:
    target = gift_cards(tmp_path / "target", more)
    check = Check(
        kind=Kind.LOAD, name="spree", title="A spree", verdict=Verdict.PASS,
        properties=[Property.LEDGER],
    )  # fmt: skip
    run = write_run(tmp_path / "run", Spree(refused=refused))
    hold(check, measure(open_run(run), target), target)
    return check


def test_a_missed_threshold_is_a_finding_that_names_figure_value_and_both_limits(
    tmp_path: Path,
) -> None:
    check = loaded(
        tmp_path, '[thresholds.spree]\nrefused_percent = { expect = "< 5", alert = "> 20" }\n'
    )
    (finding,) = check.findings
    value = figure(check.figures, "refused_percent").value
    assert check.verdict is Verdict.FAIL
    assert value is not None and finding.subject == "refused_percent"
    for part in (f"{value:g} %", "> 20"):
        assert part in finding.summary
    assert "Expected was < 5" in finding.explanation


def test_a_load_that_only_misses_thresholds_says_nothing_about_the_ledger(tmp_path: Path) -> None:
    check = loaded(
        tmp_path, '[thresholds.spree]\nrefused_percent = { expect = "< 5", alert = "> 20" }\n'
    )
    assert check.properties == []


def test_what_is_neither_expected_nor_an_alert_is_no_finding(tmp_path: Path) -> None:
    check = loaded(
        tmp_path, '[thresholds.spree]\nrefused_percent = { expect = "< 5", alert = "> 90" }\n'
    )
    assert (check.verdict, check.findings) == (Verdict.PASS, [])
    assert figure(check.figures, "refused_percent").standing == "unexpected"


def test_a_scenario_is_held_to_monitoring_except_for_what_it_says_itself(tmp_path: Path) -> None:
    always = '[thresholds.monitoring]\nrefused_percent = { expect = "< 5", alert = "> 20" }\n'
    assert loaded(tmp_path / "a", always).verdict is Verdict.FAIL
    own = always + '[thresholds.spree]\nrefused_percent = { expect = "> 10" }\n'
    check = loaded(tmp_path / "b", own)
    assert check.verdict is Verdict.PASS
    assert figure(check.figures, "refused_percent").standing == "expected"
    other = always + '[thresholds.flash_sale]\nrefused_percent = { expect = "> 10" }\n'
    assert loaded(tmp_path / "c", other).verdict is Verdict.FAIL


def test_a_figure_that_only_the_service_measures_may_stand_under_monitoring(tmp_path: Path) -> None:
    gift_cards(
        tmp_path, '[thresholds.monitoring]\nqueue_length = { expect = "< 5", alert = "> 9" }\n'
    )
    assert load_target(tmp_path / "target.toml").thresholds["monitoring"]


def test_times_count_from_the_first_call_by_any_file(tmp_path: Path) -> None:
    write_calls(tmp_path / "history-0.ndjson", [call(1, at=5)])
    write_calls(tmp_path / "history-1.ndjson", [call(1, at=0)])
    (extent,) = open_run(tmp_path).extents.values()
    assert extent.first == BEGAN and extent.last > BEGAN + 5 * SECOND
