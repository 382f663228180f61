"""Two runs of the same scenario: what got worse is found, and what is chance is left alone."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from figure_ground import BEGAN, MILLISECOND, Spree, write_calls, write_run
from report_specimen import passing_run
from typer.testing import CliRunner, Result

from crossfoot.cli.app import app
from crossfoot.errors import ContentError
from crossfoot.figures.compare import Comparison, Direction, compare
from crossfoot.figures.terms import GROUPS, Terms
from crossfoot.history.record import CallRecord
from crossfoot.results import Check, Finding, Kind, Run
from crossfoot.verdicts import Outcome, Verdict

# Long enough for p99 of each operation.
USUAL = Spree(seconds=20, per_second=120)


def compared(folder: Path, after: Spree, terms: Terms | None = None, seed: int = 2) -> Comparison:
    before = write_run(folder / "before", USUAL, 1)
    return compare(before, write_run(folder / "after", after, seed), terms or Terms())


def worse(comparison: Comparison) -> set[tuple[str, str]]:
    return {(each.operation, each.figure) for each in comparison.worse}


@pytest.mark.parametrize("seed", range(2, 6))
def test_two_runs_of_the_same_thing_are_the_same(tmp_path: Path, seed: int) -> None:
    comparison = compared(tmp_path, USUAL, seed=seed)
    assert comparison.verdict is Verdict.PASS, comparison.worse
    assert {each.direction for each in comparison.changes} == {Direction.SAME}


def test_a_run_is_the_same_as_itself_with_intervals_around_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path, USUAL)
    for each in compare(run, run, Terms()).changes:
        assert each.direction is Direction.SAME and each.change == 0
        assert each.low <= 0 <= each.high


def test_slower_calls_are_worse_at_every_percentile_of_each_operation(tmp_path: Path) -> None:
    found = worse(compared(tmp_path, replace(USUAL, slow=1.4)))
    assert {(name, p) for name in ("redeem", "top_up") for p in ("p50", "p95")} <= found
    assert not {figure for _, figure in found} - {"p50", "p95", "p99"}


def test_quicker_calls_are_better_and_no_failure(tmp_path: Path) -> None:
    comparison = compared(tmp_path, replace(USUAL, slow=0.6))
    assert comparison.verdict is Verdict.PASS
    better = {each.figure for each in comparison.changes if each.direction is Direction.BETTER}
    assert {"p50", "p95"} <= better <= {"p50", "p95", "p99"}


@pytest.mark.parametrize(
    ("after", "figure"),
    [
        (replace(USUAL, per_second=90), "calls"),
        (replace(USUAL, refused=0.32), "refused"),
        (replace(USUAL, retried=0.03), "retried"),
        (replace(USUAL, error=0.03), "error"),
    ],
)
def test_what_else_gets_worse_is_found(tmp_path: Path, after: Spree, figure: str) -> None:
    comparison = compared(tmp_path, after)
    assert comparison.verdict is Verdict.FAIL
    assert {(name, figure) for name in ("redeem", "top_up")} <= worse(comparison)


def test_an_interval_holds_the_change_that_was_made(tmp_path: Path) -> None:
    changes = compared(tmp_path, replace(USUAL, slow=1.4)).changes
    for each in changes:
        if each.figure in {"p50", "p95"}:
            assert each.low < 40 < each.high
    (all_calls,) = [each for each in changes if each.operation == "all calls"]
    assert all_calls.before == pytest.approx(120, rel=0.01)


def test_a_change_within_the_margin_is_the_same(tmp_path: Path) -> None:
    slower = replace(USUAL, slow=1.4)
    assert compared(tmp_path, slower, Terms(margin=10)).verdict is Verdict.FAIL
    assert compared(tmp_path, slower, Terms(margin=90)).verdict is Verdict.PASS


def test_only_what_is_asked_for_fails(tmp_path: Path) -> None:
    slower = replace(USUAL, slow=1.4)
    assert compared(tmp_path, slower, Terms(fail_on=("error",))).verdict is Verdict.PASS
    assert compared(tmp_path, slower, Terms(fail_on=("latency",))).verdict is Verdict.FAIL
    assert compared(tmp_path, slower, Terms(fail_on=("none",))).verdict is Verdict.PASS


def test_the_same_seed_draws_the_same_intervals(tmp_path: Path) -> None:
    first, again = (compared(tmp_path, USUAL, Terms(seed=5)).changes for _ in range(2))
    other = compared(tmp_path, USUAL, Terms(seed=6)).changes
    assert first == again != other


def test_calls_that_come_slow_in_a_row_are_no_proof(tmp_path: Path) -> None:
    """One pause of a second slows many calls. They share one cause, and count as one."""
    calls = USUAL.calls(2)
    pause = calls[1200].start
    stalled = [
        each
        if not pause <= each.start < pause + 10**9
        else type(each)(
            each.id, each.session, each.operation, each.outcome, each.start, pause + 10**9 + each.id
        )
        for each in calls
    ]
    before = write_run(tmp_path / "before", USUAL, 1)
    write_calls(tmp_path / "after/history-0.ndjson", stalled)
    comparison = compare(before, tmp_path / "after", Terms())
    p95 = [each for each in comparison.changes if each.figure == "p95"]
    assert all(each.change > 10 for each in p95)
    assert {each.direction for each in p95} == {Direction.SAME}


def test_too_short_a_run_proves_nothing(tmp_path: Path) -> None:
    comparison = compared(tmp_path, Spree(seconds=1))
    assert comparison.verdict is Verdict.UNKNOWN
    assert {each.direction for each in comparison.changes} == {Direction.TOO_LITTLE}


def test_a_percentile_needs_calls_beyond_it(tmp_path: Path) -> None:
    small = Spree(seconds=12, per_second=40)
    before, after = (write_run(tmp_path / name, small, seed) for name, seed in (("a", 1), ("b", 2)))
    by_figure = {each.figure: each.direction for each in compare(before, after, Terms()).changes}
    assert by_figure["p50"] is Direction.SAME and by_figure["p95"] is Direction.SAME
    assert by_figure["p99"] is Direction.TOO_LITTLE


def test_operations_that_only_one_run_has_are_noted_and_not_judged(tmp_path: Path) -> None:
    comparison = compared(tmp_path, replace(USUAL, operations=("redeem", "transfer")))
    assert {each.operation for each in comparison.changes} == {"all calls", "redeem"}
    assert len([note for note in comparison.notes if "in one of the runs only" in note]) == 2


def test_runs_of_different_scenarios_are_not_compared(tmp_path: Path) -> None:
    before = write_run(tmp_path / "before", USUAL)
    write_calls(tmp_path / "after/history-0.ndjson", USUAL.calls(1), scenario="flash_sale")
    with pytest.raises(
        ContentError, match="no scenario in common: gift_cards spree, then gift_cards flash_sale"
    ):
        compare(before, tmp_path / "after", Terms())


# -- the command --------------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str, str]:
    """Return a run, another one like it, and a slower one."""
    sprees = {"a": (USUAL, 1), "b": (USUAL, 2), "slow": (replace(USUAL, slow=1.5), 3)}
    first, second, slow = (
        str(write_run(tmp_path / name, spree, seed)) for name, (spree, seed) in sprees.items()
    )
    return first, second, slow


def said(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", *arguments])


def test_the_exit_code_says_whether_something_got_worse(
    runs: tuple[str, str, str], tmp_path: Path
) -> None:
    first, second, slow = runs
    assert said(first, second).exit_code == 0
    assert said(first, slow).exit_code == 1
    assert said(slow, first).exit_code == 0
    assert said(first, slow, "--fail-on", "error", "--fail-on", "throughput").exit_code == 0
    assert said(first, slow, "--margin", "200").exit_code == 0
    assert said(first, str(write_run(tmp_path / "short", Spree(seconds=1)))).exit_code == 3


def test_the_table_names_operation_figure_and_interval_and_the_method(
    runs: tuple[str, str, str],
) -> None:
    shown = said(runs[0], runs[2], "--seed", "9").output
    assert "✗ worse" in shown and "redeem" in shown and "p95" in shown
    assert "99 % intervals by a bootstrap over slices of time (2000 draws, seed 9)" in shown
    assert "FAIL  2 operations" in shown


def test_json_has_every_change_and_is_all_there_is(runs: tuple[str, str, str]) -> None:
    found = json.loads(said(runs[0], runs[2], "--json").output)
    assert found["verdict"] == "fail" and found["seed"] == 1 and found["margin"] == 10
    assert {each["group"] for each in found["changes"]} == set(GROUPS)
    slower = next(each for each in found["changes"] if each["figure"] == "p50")
    assert slower["low"] < slower["change"] < slower["high"]


def test_markdown_is_a_table_for_a_ci_summary(runs: tuple[str, str, str]) -> None:
    lines = said(runs[0], runs[2], "--markdown").output.splitlines()
    assert lines[0] == "## Something got worse"
    rows = [line for line in lines if line.startswith("| ✗ worse | `redeem` | p50 |")]
    assert len(rows) == 1
    same = said(runs[0], runs[1], "--markdown").output
    assert same.startswith("## Nothing got worse") and "|---|" not in same


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no such run"),
        (["{a}", "--fail-on", "speed"], "--fail-on 'speed'"),
        (["{empty}"], "no calls in this run"),
    ],
)
def test_mistakes_are_one_line_with_the_remedy_and_exit_code_2(
    runs: tuple[str, str, str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [each.format(a=runs[0], empty=tmp_path / "empty") for each in arguments]
    ended = said(runs[0], *filled)
    assert ended.exit_code == 2
    assert words in ended.output and "Traceback" not in ended.output


# -- bursts -------------------------------------------------------------------------------------


def volley(folder: Path, seed: int, *, slow: float = 1.0, errors: int = 0) -> Path:
    """Write a burst of 300 callers, of which each comes after the one before it at one lock."""
    draw = random.Random(seed)
    now, calls = BEGAN, []
    for number in range(300):
        now += int(draw.lognormvariate(0.0, 0.3) * slow * MILLISECOND)
        outcome = Outcome.ERROR if number < errors else Outcome.OK
        calls.append(CallRecord(number, f"caller {number}", "redeem", outcome, BEGAN, now))
    place = folder / "bursts/gift_cards/everybody"
    write_calls(place / "history.ndjson", calls, scenario="everybody")
    return folder


@pytest.mark.parametrize("seed", range(2, 6))
def test_two_bursts_of_the_same_thing_are_the_same(tmp_path: Path, seed: int) -> None:
    before, after = volley(tmp_path / "a", 1), volley(tmp_path / "b", seed, slow=1.1)
    comparison = compare(before, after, Terms())
    assert comparison.verdict is Verdict.PASS
    judged = [e for e in comparison.changes if e.direction is not Direction.TOO_LITTLE]
    assert {each.figure for each in judged} >= {"p50", "p95", "calls", "error", "refused"}
    assert any("a burst is one volley" in note for note in comparison.notes)


def test_a_burst_that_takes_twice_as_long_is_worse(tmp_path: Path) -> None:
    before, after = volley(tmp_path / "a", 1), volley(tmp_path / "b", 2, slow=2.2)
    found = compare(before, after, Terms()).worse
    assert {each.figure for each in found} == {"p50", "p95", "calls"}
    for each in found:
        assert each.low < each.change < each.high


def test_a_burst_in_which_calls_fail_is_worse(tmp_path: Path) -> None:
    before, after = volley(tmp_path / "a", 1), volley(tmp_path / "b", 2, errors=30)
    (found,) = compare(before, after, Terms()).worse
    assert (found.figure, found.before, found.after) == ("error", 0.0, 10.0)
    assert 0 < found.low < 10 < found.high


# -- verdicts and findings ----------------------------------------------------------------------


def reported(folder: Path, run: Run) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(run.dump()))
    return str(folder)


def with_audit(verdict: Verdict, *anomalies: str, reason: str = "") -> Run:
    run = passing_run()
    found = [
        Finding(subject="a", summary=f"it shows {each}", anomaly=each, violates=["audit x"])
        for each in anomalies
    ]
    run.targets[0].checks = [
        Check(kind=Kind.AUDIT, name="x", title="X", verdict=verdict, findings=found, reason=reason)
    ]
    return run


@pytest.mark.parametrize(
    ("before", "after", "code", "words"),
    [
        ((Verdict.PASS,), (Verdict.FAIL, "lost update"), 1, "audit x: pass, then fail"),
        ((Verdict.PASS,), (Verdict.UNKNOWN,), 1, "audit x: pass, then unknown"),
        ((Verdict.UNKNOWN,), (Verdict.FAIL, "deadlock"), 1, "audit x: unknown, then fail"),
        ((Verdict.FAIL, "deadlock"), (Verdict.PASS,), 0, "audit x: fail, then pass"),
        ((Verdict.FAIL, "deadlock"), (Verdict.FAIL, "deadlock"), 0, "1 check in both, 0 worse"),
        (
            (Verdict.FAIL, "deadlock"),
            (Verdict.FAIL, "deadlock", "lost update"),
            1,
            "it shows lost update",
        ),
    ],
)
def test_a_check_that_comes_out_worse_gates(
    tmp_path: Path,
    before: tuple[Verdict, *tuple[str, ...]],
    after: tuple[Verdict, *tuple[str, ...]],
    code: int,
    words: str,
) -> None:
    runs_ = [
        reported(tmp_path / name, with_audit(*run)) for name, run in (("a", before), ("b", after))
    ]
    ended = said(*runs_)
    assert (ended.exit_code, words in ended.output) == (code, True), ended.output
    assert words in said(*runs_, "--markdown").output.replace("\\", "")
    assert said(*runs_, "--fail-on", "latency").exit_code == 0


def test_a_check_of_one_run_only_is_told_and_gates_if_it_fails(tmp_path: Path) -> None:
    none = passing_run()
    none.targets[0].checks = []
    first = reported(tmp_path / "a", none)
    passes = reported(tmp_path / "b", with_audit(Verdict.PASS))
    fails = reported(tmp_path / "c", with_audit(Verdict.FAIL, "lost update"))
    assert said(first, passes).exit_code == 3
    assert "audit x: not in the first run, then pass" in said(first, passes).output
    assert said(first, fails).exit_code == 1
    assert "audit x: fail, then not in the second run" in said(fails, first).output


def test_checks_are_compared_beside_the_calls(tmp_path: Path) -> None:
    first, second = (write_run(tmp_path / name, USUAL, seed) for name, seed in (("a", 1), ("b", 2)))
    reported(first, with_audit(Verdict.PASS))
    reported(second, with_audit(Verdict.FAIL, "lost update"))
    found = json.loads(said(str(first), str(second), "--json").output)
    assert found["verdict"] == "fail"
    (check,) = found["checks"]
    assert (check["before"], check["after"], check["says"]) == (
        "pass",
        "fail",
        ["it shows lost update"],
    )
