"""The race file of a finding: it runs the failing schedule first, and survives changes of the code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.counterexample.pinned import Pinned
from crossfoot.errors import ContentError
from crossfoot.explorer.race import Race, Turn, load_race
from crossfoot.explorer.trace import Trace
from crossfoot.results import Check
from crossfoot.verdicts import Verdict

CARDS = SPECIMENS / "gift_cards"
RACY = "select balance into v_balance from gift.card where id = p_card;"
LOCKED = "select balance into v_balance from gift.card where id = p_card for no key update;"
UPDATE = "    update gift.card set balance = v_balance - p_amount where id = p_card;"
REDEEM = "-- @call redeem\nselect gift.redeem(:card, 30);"
SETUP: dict[str, Any] = {"values": "card uuid", "setup": "select gift.open(:card, 100);"}


def changed(folder: Path, old: str, new: str) -> Path:
    """Copy the gift cards, with a change in their functions; return the target.toml."""
    shutil.copytree(CARDS, folder)
    file = folder / "functions.sql"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    return folder / "target.toml"


@pytest.fixture(scope="module")
def cards(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground_of(server, CARDS / "target.toml", tmp_path_factory.mktemp("cards")) as ground:
        yield ground


@pytest.fixture(scope="module")
def kept(cards: Ground) -> str:
    """The text that a finding of three redemptions leaves; two of them are enough for it."""
    race = cards.race(REDEEM, REDEEM, REDEEM, header="expect: exactly 3 ok in redeem", **SETUP)
    check = cards.explore(race, schedules=100, first=True)
    return check.findings[0].regression_race


def again(server: BackgroundServer, target: Path, text: str, folder: Path) -> tuple[Race, Check]:
    """Explore a kept race on a target, up to its first counterexample."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kept_again.race.sql"
    path.write_text(text, encoding="utf-8")
    with ground_of(server, target, folder, arenas=1) as ground:
        race = load_race(path, ground.target, 7)
        return race, ground.explore(race, first=True, schedules=300)


def test_it_fails_at_once_on_the_broken_function_and_passes_on_the_right_one(
    server: BackgroundServer, kept: str, tmp_path: Path
) -> None:
    race, check = again(server, CARDS / "target.toml", kept, tmp_path / "broken")
    assert race.replay
    assert check.verdict is Verdict.FAIL
    assert check.exploration and check.exploration.schedules == 1
    right = changed(tmp_path / "right", RACY, LOCKED)
    _, check = again(server, right, kept, tmp_path / "race")
    assert check.verdict is Verdict.PASS
    assert check.exploration and check.exploration.complete


def test_it_keeps_the_sessions_that_it_takes_and_what_they_are_expected_to_do(
    kept: str, cards: Ground, tmp_path: Path
) -> None:
    path = tmp_path / "kept_again.race.sql"
    path.write_text(kept, encoding="utf-8")
    race = load_race(path, cards.target, 1)
    assert len(race.sessions) == 2
    assert [each.told for each in race.expectations] == ["at most 3 ok in redeem"]
    assert "Kept after a finding: lost update" in race.about


def test_the_schedule_is_found_again_when_statements_were_added(
    server: BackgroundServer, kept: str, tmp_path: Path
) -> None:
    more = f"    perform count(*) from gift.entry where card_id = p_card;\n{UPDATE}"
    target = changed(tmp_path / "target", UPDATE, more)
    _, check = again(server, target, kept, tmp_path / "race")
    assert check.verdict is Verdict.FAIL
    assert check.exploration and check.exploration.schedules == 1


def test_a_schedule_that_is_not_possible_any_more_leaves_the_rest_of_the_race(
    server: BackgroundServer, kept: str, tmp_path: Path
) -> None:
    gone = kept.replace("-- replay: ", "-- replay: ", 1).replace("until update", "until delete")
    assert gone != kept
    _, check = again(server, CARDS / "target.toml", gone, tmp_path)
    assert check.verdict is Verdict.FAIL
    assert check.exploration and check.exploration.schedules > 1


def test_the_same_statement_a_second_time_is_another_place(cards: Ground) -> None:
    twice = f"{REDEEM}\n{REDEEM}"
    race = cards.race(twice, REDEEM, **SETUP)
    names = [session.name for session in race.sessions]

    def run(*turns: Turn) -> Trace:
        return cards.run(cards.arena.run(race, Pinned(turns, names)))

    cards.trace(race)
    early = run(Turn("a", "update gift.card"), Turn("b"), Turn("a"))
    late = run(Turn("a", "update gift.card", 2), Turn("b"), Turn("a"))
    written = [
        [event.session for event in trace.events if event.kind == "commit"]
        for trace in (early, late)
    ]
    assert written == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("line", ["c", "until", "nobody until update gift.card"])
def test_a_turn_of_nobody_is_an_error_with_its_line(cards: Ground, line: str) -> None:
    with pytest.raises(ContentError, match=r"race_\d+\.race\.sql:2: replay: .*can't be read"):
        cards.race(REDEEM, REDEEM, header=f"replay: {line}", **SETUP)


def test_a_turn_reads_as_it_is_written(cards: Ground) -> None:
    turns = (Turn("a", "update gift.card set balance = 1;"), Turn("b", "commit", 2), Turn("a"))
    header = "\n".join(f"replay: {turn}" for turn in turns)
    assert cards.race(REDEEM, REDEEM, header=header, **SETUP).replay == turns
