"""Histories are read as they were written; what is wrong with a file is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.errors import ContentError
from crossfoot.history.ledger import number, read_ledger
from crossfoot.history.reading import History, open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.verdicts import Outcome

CALL = CallRecord(1, "s", "spend", Outcome.OK, 10, 20, {"amount": 3}, "k", {"left": "4"})


def recorder(path: Path, target: str = "gift_cards") -> Recorder:
    return Recorder(path, target=target, scenario="test", seed=7, began="2026-01-01")


def calls_of(history: History) -> list[CallRecord]:
    return [call for _, call in history.calls()]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    with recorder(path) as writer:
        writer.add(CALL)
        writer.add(CallRecord(2, "s", "spend", Outcome.UNKNOWN, 30))
    history = open_history([path])
    assert calls_of(history) == [CALL, CallRecord(2, "s", "spend", Outcome.UNKNOWN, 30)]
    assert history.whole and history.notes == []
    assert history.files[0].head.calls == 2
    assert history.target == "gift_cards"


def test_a_line_that_a_killed_writer_left_half_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    writer = recorder(path)
    writer.add(CALL)
    writer.flush()
    path.write_bytes(path.read_bytes() + b'{"id":2,"session":"s","oper')
    history = open_history([path])
    assert calls_of(history) == [CALL]
    assert not history.whole
    assert history.notes == [
        "history.ndjson: line 3 is cut off and was left out",
        "history.ndjson: its writer was stopped before it was done; calls may be missing",
    ]
    writer.close()


def test_a_whole_line_that_is_no_call_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    with recorder(path) as writer:
        writer.add(CALL)
    path.write_bytes(path.read_bytes() + b'{"id":"two"}\n')
    with pytest.raises(ContentError, match=r"history\.ndjson:3: not a call"):
        calls_of(open_history([path]))


@pytest.mark.parametrize("first", [b"", b"{}\n", b"nonsense\n", b"\xff\xfe\n"])
def test_what_has_no_first_line_is_no_history(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "history.ndjson"
    path.write_bytes(first)
    with pytest.raises(ContentError, match=r"history\.ndjson:1: not the first line"):
        open_history([path])


def test_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    path.write_text('{"crossfoot_history":9,"target":"t","scenario":"","seed":1,"machine":"m"}\n')
    with pytest.raises(ContentError, match="format 9"):
        open_history([path])


def test_a_folder_stands_for_the_histories_in_it(tmp_path: Path) -> None:
    for name in ("history-1.ndjson", "history-2.ndjson", "requests.ndjson"):
        with recorder(tmp_path / name) as writer:
            writer.add(CALL)
    history = open_history([tmp_path, tmp_path / "history-1.ndjson"])
    assert len(calls_of(history)) == 2
    assert len(history.clocks) == 1


def test_histories_of_two_targets_are_not_mixed(tmp_path: Path) -> None:
    for name in ("gift_cards", "wallets"):
        recorder(tmp_path / f"history-{name}.ndjson", name).close()
    with pytest.raises(ContentError, match="is about wallets"):
        open_history([tmp_path])


def test_a_ledger_of_another_target_or_with_a_broken_line_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    path.write_text('{"crossfoot_ledger":1,"target":"gift_cards"}\n{"account":"a","no":1}\n')
    with pytest.raises(ContentError, match=r"ledger\.ndjson:2: .*no amount"):
        read_ledger(path, "gift_cards")
    with pytest.raises(ContentError, match="is the ledger of gift_cards"):
        read_ledger(path, "wallets")


@pytest.mark.parametrize(
    ("text", "value"),
    [("40.00", "40"), ("0.20", "0.20"), (7, "7"), ("NaN", "None"), (True, "None"), ("x", "None")],
)
def test_a_number_is_exact_or_it_is_none(text: object, value: str) -> None:
    assert str(number(text)) == value
