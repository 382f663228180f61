"""What is counted of histories that are still being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.history.record import CallRecord, Recorder
from crossfoot.load.orders import Orders
from crossfoot.load.tally import Latencies, Tally
from crossfoot.verdicts import Outcome

MILLISECOND = 1_000_000


def recorder(path: Path, target: str = "gift_cards") -> Recorder:
    return Recorder(path, target=target, scenario="spree", seed=1, began="")


def call(number: int, outcome: Outcome = Outcome.OK, session: str = "w0u0") -> CallRecord:
    start = number * MILLISECOND
    end = 0 if outcome is Outcome.UNKNOWN else start + MILLISECOND
    return CallRecord(number, session, "redeem", outcome, start, end)


def test_a_tally_follows_a_history_that_grows(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    assert tally.read() == 0
    with recorder(tmp_path / "history-0.ndjson") as history:
        history.add(call(1))
        history.flush()
        assert tally.read() == 1
        history.add(call(2, Outcome.REFUSED, "w0u1"))
        history.add(call(3, Outcome.UNKNOWN))
        history.flush()
        assert tally.read() == 2
    assert tally.read() == 0
    counts = tally.counts("gift_cards")
    assert counts.outcomes == {Outcome.OK: 1, Outcome.REFUSED: 1, Outcome.UNKNOWN: 1}
    assert counts.sessions == {"w0u0", "w0u1"}
    assert counts.seconds == pytest.approx(0.002)


def test_a_line_that_is_only_half_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    path = tmp_path / "history-0.ndjson"
    with recorder(path) as history:
        history.add(call(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert tally.read() == 0
    path.write_bytes(whole)
    assert tally.read() == 1


def test_histories_below_a_folder_are_counted_by_their_targets(tmp_path: Path) -> None:
    for target in ("gift_cards", "wallets"):
        (tmp_path / target).mkdir()
        with recorder(tmp_path / target / "history-0.ndjson", target) as history:
            history.add(call(1))
        with recorder(tmp_path / target / "requests-0.ndjson", target) as requests:
            requests.add(call(2))
    tally = Tally(tmp_path)
    assert tally.read() == 4
    assert {name: counts.calls for name, counts in tally.by_target.items()} == {
        "gift_cards": 2,
        "wallets": 2,
    }


def test_what_had_to_be_refused_is_counted_apart_and_kept_if_it_was_not(tmp_path: Path) -> None:
    with recorder(tmp_path / "history-0.ndjson") as history:
        history.add(call(1))
    with recorder(tmp_path / "misuse-0.ndjson") as misuse:
        misuse.add(call(2, Outcome.REFUSED))
        misuse.add(call(3))
        misuse.add(call(4, Outcome.ERROR))
    tally = Tally(tmp_path)
    assert tally.read() == 1
    counts = tally.counts("gift_cards")
    assert counts.outcomes == {Outcome.OK: 1}
    assert counts.misuse.total() == 3
    assert [each.id for each in counts.let_through] == [3, 4]


def test_percentiles_are_right_to_two_percent_below_a_millisecond_too() -> None:
    times = Latencies()
    for microseconds in range(1, 1001):
        times.add(microseconds * 1000)
    assert times.percentile(0.5) == pytest.approx(0.5, rel=0.02)
    assert times.percentile(0.99) == pytest.approx(0.99, rel=0.02)
    assert Latencies().percentile(0.5) == 0.0


def test_what_a_process_is_told_comes_back_from_its_environment() -> None:
    told = Orders("postgresql://u:p@h/d", 7, "out", "http://stripe", "whsec", 12, True)
    assert Orders.read(told.environment()) == told
    assert Orders.read({}) == Orders()
