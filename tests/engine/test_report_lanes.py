"""Interleavings drawn as plain text."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_specimen import HOSTILE, double_sale, step, three_in_a_circle, two_spends
from rich.cells import cell_len

from crossfoot.report.lanes import draw
from crossfoot.report.plain import visible, wrap
from crossfoot.report.timeline import Presence, Telling, telling, timeline
from crossfoot.results import Lanes

README = Path(__file__).parents[2] / "reports" / "README.md"
LONG = " ".join(["select", "a_rather_long_name_of_a_column, " * 12, "für 价格 " * 8])


def many(sessions: int) -> Lanes:
    names = [f"session_{number}" for number in range(sessions)]
    steps = [step(i, name, "call", LONG, "s.f:12", LONG) for i, name in enumerate(names, 1)]
    return Lanes(sessions=names, steps=steps, outcomes=dict.fromkeys(names, LONG))


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140])
@pytest.mark.parametrize(
    "lanes", [double_sale(), three_in_a_circle(), many(1), many(2), many(5), many(12)]
)
def test_no_line_is_wider_than_asked(lanes: Lanes, width: int) -> None:
    assert max(cell_len(line) for line in draw(lanes, width).splitlines()) <= width


def test_a_width_below_sixty_is_taken_as_sixty() -> None:
    assert draw(double_sale(), 20) == draw(double_sale(), 60)


def test_steps_stand_under_their_session_in_the_order_of_time() -> None:
    lines = draw(double_sale(), 100).splitlines()
    column = lines[0].index("buyer_b")
    call = next(line for line in lines if line.startswith("   12  "))
    assert call[column:].startswith("┌ call complete(:purchase_b")
    assert call[7] == "│"


def test_a_wait_is_hatched_from_its_step_until_the_session_goes_on() -> None:
    lines = draw(double_sale(), 100).splitlines()
    column = lines[0].index("buyer_b")
    numbered = [line for line in lines if line[:5].strip().isdigit()]
    marks = {line[:5].strip(): line.ljust(column + 1)[column] for line in numbered}
    assert [marks[str(number)] for number in (13, 14, 15, 16, 17, 18)] == list("├░░░░├")


def test_outcomes_and_the_final_state_stand_at_the_foot() -> None:
    foot = draw(double_sale(), 100).splitlines()[-4:-2]
    assert foot[0].split("  ok: ")[1:] and foot[0].strip().startswith("end")
    assert foot[1].strip().startswith("after  lead = lead")
    assert "refunded_at = null" in foot[1]


def test_sessions_that_do_not_fit_side_by_side_share_rails_and_are_named() -> None:
    drawn = draw(three_in_a_circle(), 60)
    assert "    2  │ ┌    second  call lock(:second)" in drawn
    assert "    7  ░ ░ └  third   fails 40P01 deadlock detected" in drawn


def test_a_place_that_is_cut_keeps_its_line_number() -> None:
    assert "…:14" in draw(double_sale(), 60)


def test_a_place_in_a_file_is_shown_by_the_name_of_the_file() -> None:
    lanes = Lanes(sessions=["a"], steps=[step(1, "a", "step", "x", "sql/functions/spend.sql:9")])
    assert "at spend.sql:9" in draw(lanes, 80)


def test_escape_sequences_in_a_value_do_not_reach_the_terminal() -> None:
    lanes = Lanes(sessions=["a"], steps=[step(1, "a", "call", HOSTILE, "", HOSTILE)])
    drawn = draw(lanes, 100)
    assert "\x1b" not in drawn and "\u202e" not in drawn
    assert "\\x1b" in drawn


def test_an_interleaving_without_steps_is_drawn_as_an_empty_table() -> None:
    assert "buyer_a" in draw(Lanes(sessions=["buyer_a"], steps=[]), 80)
    assert draw(Lanes(sessions=[], steps=[]), 80)


def test_the_kind_of_a_step_is_not_said_twice() -> None:
    assert telling(step(1, "a", "commit", "commit")) == Telling("commits", "", "")
    assert telling(step(1, "a", "return", "", "", "ok: 1")) == Telling("returns", "ok: 1", "")
    assert telling(step(1, "a", "wait", "update x", "", "waits for b")).lead == ""
    assert telling(step(1, "a", "wake", "", "", "goes on")).lead == "goes on"
    assert telling(step(1, "a", "wait", "", "", "waits for b")).lead == "waits for b"
    assert telling(step(1, "a", "call", "f(1)")).lead == "call"


def test_a_session_is_away_between_its_transactions() -> None:
    rows = timeline(double_sale()).rows
    assert [row.cells[0].after for row in rows[2:5]] == [
        Presence.OPEN,
        Presence.AWAY,
        Presence.AWAY,
    ]


def test_an_error_ends_a_wait() -> None:
    rows = timeline(three_in_a_circle()).rows
    assert rows[5].cells[2].after is Presence.WAITING
    assert rows[6].cells[2].after is Presence.AWAY


def test_a_session_that_only_a_step_names_gets_a_column() -> None:
    lanes = Lanes(sessions=["a"], steps=[step(1, "b", "call", "f()")])
    assert timeline(lanes).sessions == ("a", "b")


def test_wrapping_breaks_long_names_where_they_may_break_and_marks_what_is_cut() -> None:
    assert wrap("complete_credit_lead_purchase", 16) == ["complete_credit_", "lead_purchase"]
    assert wrap("one two three four", 9, 1) == ["one two…"]
    assert wrap("", 10) == []


def test_hidden_characters_are_spelled_out_and_others_are_left_alone() -> None:
    assert visible("a\x00b\u202ec\u200bd") == "a\\x00b\\u202ec\\u200bd"
    assert visible("Größe 价格 😀\n\t") == "Größe 价格 😀\n\t"


def test_the_example_in_the_guide_is_what_the_report_draws() -> None:
    assert draw(two_spends(), 65) in README.read_text(encoding="utf-8")
