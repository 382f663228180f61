"""A run as pandas frames, as somebody with a notebook meets it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from figure_ground import (
    BEGAN,
    MILLISECOND,
    SECOND,
    Spree,
    call,
    write_calls,
    write_run,
    write_samples,
)

import crossfoot
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.figures.frames import OUTCOMES
from crossfoot.figures.samples import Audited, LockWaits, Look, Sample
from crossfoot.verdicts import Outcome

FRAMES = ("calls", "audits", "lock_waits", "outcomes_per_second", "latency_percentiles")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run with everything in it, and a second without a call."""
    calls = [call(1, at=0, ms=2), call(2, outcome=Outcome.REFUSED, at=0.5, ms=4, key="k")]
    calls += [call(3, outcome=Outcome.UNKNOWN, at=0.9, ms=None, key="k", attempt=2)]
    calls += [call(4, "top_up", at=2.5, ms=8)]
    write_calls(tmp_path / "history-0.ndjson", calls)
    write_calls(tmp_path / "requests-0.ndjson", [call(1, "GET /cards", at=2.6, ms=20)])
    waits = [LockWaits("select gift.redeem($1)", "tuple", 3, 0.25)]
    samples: list[Sample] = [
        Look(BEGAN + SECOND, waits),
        Look(BEGAN + 2 * SECOND),
        Audited(BEGAN + SECOND, "gift_cards", 0.5),
        Audited(BEGAN + 3 * SECOND, "gift_cards", 0.25, 2, ["balance_equals_entries"]),
    ]
    write_samples(tmp_path, samples)
    return tmp_path


def test_each_call_is_a_row_with_its_times_in_seconds_and_milliseconds(run: Path) -> None:
    calls = crossfoot.load_run(run).calls
    assert calls["start"].tolist() == [0.0, 0.5, 0.9, 2.5, 2.6]
    assert calls["latency_ms"].dropna().tolist() == [2, 4, 8, 20]
    assert calls["end"].isna().tolist() == [False, False, True, False, False]
    assert calls["outcome"].tolist() == ["ok", "refused", "unknown", "ok", "ok"]
    assert calls["kind"].tolist() == ["direct"] * 4 + ["http"]
    assert calls["attempt"].tolist() == [1, 1, 2, 1, 1]
    assert calls["key"].tolist()[1:3] == ["k", "k"]
    assert set(calls["file"]) == {"history-0.ndjson", "requests-0.ndjson"}


def test_the_documented_columns_are_those_that_are_there(run: Path) -> None:
    frames = crossfoot.load_run(run)
    said = type(frames).calls.func.__doc__ or ""  # type: ignore[attr-defined]
    assert [name for name in frames.calls.columns if f"``{name}``" not in said] == []


def test_a_second_in_which_nothing_ended_is_in_the_table(run: Path) -> None:
    frames = crossfoot.load_run(run)
    outcomes = frames.outcomes_per_second
    assert outcomes.columns.tolist() == OUTCOMES
    assert outcomes.index.tolist() == [0, 1, 2]
    assert outcomes.sum(axis=1).tolist() == [3, 0, 2]
    latency = frames.latency_percentiles
    assert latency["calls"].tolist() == [2, 0, 2]
    assert latency["p50_ms"].isna().tolist() == [False, True, False]
    assert latency["max_ms"].iloc[2] == 20


@pytest.mark.parametrize("every", [0.1, 0.3, 0.7, 1, 2])
def test_slices_of_any_width_have_every_call_once(tmp_path: Path, every: float) -> None:
    frames = crossfoot.load_run(write_run(tmp_path, Spree(seconds=3)))
    assert frames.outcomes(every).to_numpy().sum() == len(frames.calls) == 360
    assert frames.percentiles(every)["calls"].sum() == 360
    assert frames.outcomes(every, by="operation").to_numpy().sum() == 360


def test_percentiles_are_latencies_that_were_recorded(tmp_path: Path) -> None:
    calls = [call(number, at=number / 100, ms=number) for number in range(1, 101)]
    write_calls(tmp_path / "history-0.ndjson", calls)
    found = crossfoot.load_run(tmp_path).percentiles(None, by="operation")
    assert found.loc["redeem", "p50_ms"] in {50, 51}
    assert found.loc["redeem", "p99_ms"] in {99, 100}
    with pytest.raises(CrossfootError, match="percentiles of what"):
        crossfoot.load_run(tmp_path).percentiles(None)


def test_frames_of_some_calls_follow_from_these(run: Path) -> None:
    frames = crossfoot.load_run(run)
    direct = frames.of(frames.calls[frames.calls["kind"] == "direct"])
    assert direct.outcomes_per_second.to_numpy().sum() == 4
    nothing = frames.of(frames.calls[:0])
    assert nothing.outcomes_per_second.empty and nothing.latency_percentiles.empty


def test_audits_and_lock_waits_have_their_moments(run: Path) -> None:
    frames = crossfoot.load_run(run)
    assert frames.audits["at"].tolist() == [1, 3]
    assert frames.audits["drift"].tolist() == [0, 2]
    assert frames.audits["failed"].tolist() == ["", "balance_equals_entries"]
    assert frames.lock_waits["sessions"].tolist() == [3, 0]
    assert frames.lock_waits["longest_ms"].tolist() == [250, 0]


def test_a_run_without_samples_has_empty_frames_of_them(tmp_path: Path) -> None:
    frames = crossfoot.load_run(write_run(tmp_path, Spree(seconds=1)))
    assert frames.audits.empty and frames.lock_waits.empty
    assert "0 rounds of audits" in repr(frames)


def test_a_run_is_found_by_a_link_and_a_history_by_itself(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(run, target_is_directory=True)
    assert len(crossfoot.load_run(run / "history-0.ndjson").calls) == 4
    assert len(crossfoot.load_run(str(link)).calls) == 5


def test_several_clocks_and_stopped_writers_are_noted(tmp_path: Path) -> None:
    write_calls(tmp_path / "history-0.ndjson", [call(1)])
    path = write_calls(tmp_path / "history-1.ndjson", [call(1, at=900)], clock="CLOCK of 7")
    path.write_text(path.read_text().replace('"calls":1', '"calls":-1'))
    frames = crossfoot.load_run(tmp_path)
    assert frames.calls["start"].tolist() == [0, 0]
    assert [note for note in frames.notes if "2 clocks" in note]
    assert [note for note in frames.notes if "history-1.ndjson: calls may be missing" in note]


def test_frames_are_written_as_csv_and_as_parquet_and_read_back(run: Path, tmp_path: Path) -> None:
    frames = crossfoot.load_run(run)
    csv = frames.to_csv(tmp_path / "csv")
    parquet = frames.to_parquet(tmp_path / "parquet")
    assert [path.name for path in csv] == [f"{name}.csv" for name in FRAMES]
    for text, binary in zip(csv, parquet, strict=True):
        assert len(pd.read_csv(text)) == len(pd.read_parquet(binary)) > 0
    assert pd.read_csv(csv[3])["second"].tolist() == [0, 1, 2]
    assert pd.read_parquet(parquet[0])["latency_ms"].sum() == 34


def test_parquet_without_pyarrow_says_what_to_install(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pyarrow" else found(name)
    )
    with pytest.raises(CrossfootError, match="pyarrow") as caught:
        crossfoot.load_run(run).to_parquet(tmp_path / "parquet")
    assert "crossfoot[parquet]" in caught.value.remedy
    assert not (tmp_path / "parquet").exists()


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pandas" else found(name)
    )
    with pytest.raises(CrossfootError, match="pandas") as caught:
        crossfoot.load_run("anywhere")
    assert "crossfoot[load]" in caught.value.remedy


def test_a_run_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no such run"):
        crossfoot.load_run(tmp_path / "nowhere")


def test_importing_crossfoot_and_its_commands_brings_none_of_the_heavy_packages() -> None:
    heavy = "{'pandas', 'numpy', 'altair', 'vl_convert', 'locust', 'pyarrow'}"
    code = f"import sys, crossfoot, crossfoot.cli; print(sorted({heavy} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_milliseconds_are_exact_to_the_nanosecond(tmp_path: Path) -> None:
    write_calls(tmp_path / "history-0.ndjson", [call(1, ms=0.000_001), call(2, ms=1)])
    latencies = crossfoot.load_run(tmp_path).calls["latency_ms"].tolist()
    assert latencies == [1 / MILLISECOND, 1]
