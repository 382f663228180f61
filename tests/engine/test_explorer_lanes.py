"""A drawn counterexample says what each session had read when it went on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.results import Check, LaneStep

SETUP = "select gift.open(:card, 100);"
REDEEM = "-- @call redeem\nselect gift.redeem(:card, 30);"


@pytest.fixture(scope="module")
def found(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ground, Check]]:
    folder = tmp_path_factory.mktemp("lanes")
    with ground_of(server, SPECIMENS / "gift_cards" / "target.toml", folder) as cards:
        race = cards.race(REDEEM, REDEEM, values="card uuid", setup=SETUP)
        yield cards, cards.explore(race)


def steps(check: Check, session: str) -> list[LaneStep]:
    lanes = check.findings[0].lanes
    assert lanes
    return [step for step in lanes.steps if (step.session, step.kind) == (session, "step")]


def test_both_sessions_are_shown_with_the_balance_that_they_read(
    found: tuple[Ground, Check],
) -> None:
    for session in ("a", "b"):
        (read,) = [step for step in steps(found[1], session) if step.text.startswith("select")]
        assert read.note == "v_balance = 100"


def test_what_a_step_writes_is_shown_unless_nobody_could_come_between(
    found: tuple[Ground, Check],
) -> None:
    notes = [step.note for each in ("a", "b") for step in steps(found[1], each)]
    assert "writes card" in notes
    assert "writes entry" in notes


def test_it_says_what_stronger_isolation_levels_would_do_and_cost(
    found: tuple[Ground, Check],
) -> None:
    repeatable, serializable = found[1].findings[0].prevention
    assert repeatable.startswith("repeatable read: no failure in ")
    assert "have to be sent again" in repeatable or "has to be sent again" in repeatable
    assert serializable.startswith("serializable: no failure in ")


def test_a_level_that_does_not_help_is_said_not_to(
    server: BackgroundServer, tmp_path: Path
) -> None:
    """Two sessions read both purses, and each empties another one: a write skew."""
    skew = (
        "begin; select sum(balance) from counting.purse; "
        "update counting.purse set balance = 0 where id = :{}; commit;"
    )
    with ground_of(server, SPECIMENS / "counting" / "target.toml", tmp_path) as cards:
        race = cards.race(
            *(skew.format(name) for name in ("one", "two")),
            values="one uuid, two uuid",
            setup="insert into counting.purse values (:one, 100), (:two, 100);",
        )
        repeatable, serializable = cards.explore(race).findings[0].prevention
    assert "schedules still fail" in repeatable
    assert "no failure in" in serializable


def test_variables_that_cannot_be_looked_at_are_left_alone(
    server: BackgroundServer, tmp_path: Path
) -> None:
    (tmp_path / "target.toml").write_text(
        '[target]\nname = "odd"\nabout = "Odd variables"\nsql = ["odd.sql"]\n'
        '[operations.odd]\ncall = "select odd.odd(:id)"\n'
    )
    (tmp_path / "odd.sql").write_text(
        "create schema odd; create table odd.purse (id uuid primary key, balance integer);"
        "create function odd.odd(p_id uuid) returns void language plpgsql as $$\n"
        "declare\n    v_row record;\n    v_purse odd.purse;\n    v_cursor cursor for select 1;\n"
        '    v_alias alias for p_id;\n    "odd name" integer;\n    v_many integer[];\n'
        'begin\n    select balance into "odd name" from odd.purse where id = p_id;\n'
        "    select * into v_purse from odd.purse where id = p_id;\n"
        "    v_many := array[1, 2];\n    for v_row in select 1 as one loop\n"
        '        update odd.purse set balance = "odd name" + 1 where id = p_id;\n'
        "    end loop;\nend $$;"
    )
    with ground_of(server, tmp_path / "target.toml", tmp_path) as odd:
        call = "-- @call odd\nselect odd.odd(:id);"
        setup = "insert into odd.purse values (:id, 5);"
        check = odd.explore(odd.race(call, call, values="id uuid", setup=setup))
    notes = " | ".join(step.note for step in steps(check, "a"))
    assert "odd name = 5" in notes
    assert "v_purse = (id :id, balance 5)" in notes
    assert "v_many = [1, 2]" in notes
    assert "v_row" not in notes
