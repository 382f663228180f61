"""Guards taken away from a target, one at a time: what the suite notices, and what it doesn't."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from explorer_ground import SPECIMENS, write_target

from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.mutate import suite as suites
from crossfoot.mutate.mutants import Mutant, altered_by, mutant
from crossfoot.mutate.mutate import Choice, Mutation
from crossfoot.mutate.suite import may_catch
from crossfoot.results import Kill
from crossfoot.stages import Plan
from crossfoot.target import load_target
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

KIOSK = SPECIMENS / "mutants" / "target.toml"
Kills = dict[str, Kill]


def mutate(
    server: BackgroundServer, target: Path, folder: Path, *only: str, limit: int | None = None
) -> tuple[Kills, list[str]]:
    """Return what became of a target's mutants, by their guards' names without the file."""

    async def run() -> tuple[list[Kill], list[str]]:
        bench = Workbench(server.server)
        work = Mutation(bench, Plan(schedules=200, first=True, arenas=1, replays=0), folder)
        async with bench.as_written(load_target(target)) as form:
            return await work.run(form, Choice(only, limit))

    kills, left_out = server.run(run())
    return {kill.variant.partition(":")[2]: kill for kill in kills}, left_out


@pytest.fixture(scope="module")
def everything(
    server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Kills, list[str]]:
    patience = suites.PATIENCE
    suites.PATIENCE = 3.0
    try:
        return mutate(server, KIOSK, tmp_path_factory.mktemp("mutants"))
    finally:
        suites.PATIENCE = patience


@pytest.fixture(scope="module")
def kills(everything: tuple[Kills, list[str]]) -> Kills:
    return everything[0]


def of(kills: Kills, guard: str) -> Kill:
    """Return the mutant without this guard, whatever its line."""
    found = [kill for name, kill in kills.items() if name.partition(" ")[2] == guard]
    assert len(found) == 1, (guard, sorted(kills))
    return found[0]


def at(kills: Kills, guard: str, function: str) -> Kill:
    """Return the mutant of a guard that stands in several functions."""
    text = (SPECIMENS / "mutants" / "kiosk.sql").read_text()
    first = text[: text.index(f"create function kiosk.{function}(")].count("\n") + 1
    last = first + text[text.index(f"create function kiosk.{function}(") :].index("$$;")
    found = [
        kill
        for name, kill in kills.items()
        if name.partition(" ")[2] == guard and first < kill.line <= last
    ]
    return min(found, key=lambda kill: kill.line)


@pytest.mark.parametrize(
    ("guard", "by"),
    [
        ("if p_amount is null", "contract paid_once"),
        ("if p_amount <= 0", "contract paid_once"),
        ("perform kiosk.check_amount(p_amount)", "contract paid_once"),
        ("on conflict (key) do nothing", "contract paid_once"),
        ("primary key sale_pkey", "contract paid_once"),
        ("check balance_not_negative", "lint balance_unchecked"),
        ("not null card.balance", "lint balance_can_be_null"),
    ],
)
def test_a_guard_is_killed_by_the_check_that_is_about_it(kills: Kills, guard: str, by: str) -> None:
    kill = of(kills, guard)
    assert (kill.fate, kill.verdict, kill.caught_by) == ("killed", Verdict.PASS, [by])


def test_a_row_lock_is_killed_by_the_race_that_needs_it(kills: Kills) -> None:
    kill = at(kills, "for no key update", "pay")
    assert (kill.fate, kill.caught_by) == ("killed", ["race paid_twice_at_once"])


def test_where_no_race_is_written_a_generated_one_kills(kills: Kills) -> None:
    kill = at(kills, "for no key update", "top_up")
    assert (kill.fate, kill.caught_by) == ("killed", ["race top_up_twice_same_entities"])
    assert "generated" in kill.reason


def test_a_call_that_does_not_come_back_is_noticed(kills: Kills) -> None:
    kill = of(kills, "exit when v_seen > 2")
    assert (kill.fate, kill.caught_by) == ("killed", [])
    assert "doesn't come back" in kill.reason


def test_a_lock_that_another_one_makes_unnecessary_is_equivalent(kills: Kills) -> None:
    kill = of(kills, "for update")
    assert (kill.fate, kill.verdict) == ("equivalent", Verdict.PASS)
    assert re.search(r": 4 races, \d\d schedules, all of them$", kill.reason)


def test_a_guard_that_another_one_masks_is_equivalent_and_says_where_it_takes_effect(
    kills: Kills,
) -> None:
    kill = of(kills, "if v_balance < p_amount")
    assert kill.fate == "equivalent"
    assert "it takes effect (in contract paid_once)" in kill.reason
    assert "something else stands behind it" in kill.reason


def test_a_guard_that_never_takes_effect_is_a_gap(kills: Kills) -> None:
    kill = of(kills, "if v_balance - p_amount < 0")
    assert (kill.fate, kill.verdict) == ("gap", Verdict.FAIL)
    assert kill.reason.startswith("no check ever makes it take effect")


def test_a_guard_whose_effect_no_check_minds_is_a_gap_that_names_where_it_shows(
    kills: Kills,
) -> None:
    kill = of(kills, "where seen < 1")
    assert (kill.fate, kill.verdict) == ("gap", Verdict.FAIL)
    assert re.match(
        r"race \w+ comes out otherwise: first ok, second ok, with other values in kiosk.card;"
        r" and no check says that it mustn't$",
        kill.reason,
    )


def test_a_check_that_is_called_and_never_refuses_anything_is_a_gap(kills: Kills) -> None:
    kill = of(kills, "perform kiosk.check_seen(v_seen)")
    assert (kill.fate, kill.verdict) == ("gap", Verdict.FAIL)
    assert kill.reason.startswith("no check ever has it refuse anything")


def test_a_lock_that_no_race_reaches_is_a_gap(kills: Kills) -> None:
    kill = at(kills, "for no key update", "count_seen")
    assert (kill.fate, kill.verdict) == ("gap", Verdict.FAIL)
    assert kill.reason == "no race that could be run to its end reaches it"


def test_a_gap_that_is_meant_passes_with_its_reason(kills: Kills) -> None:
    kill = of(kills, "if p_amount > 1000000")
    assert (kill.fate, kill.verdict, kill.reason) == ("meant", Verdict.PASS, "nobody has so much")


def test_a_constraint_says_which_guards_it_stands_behind(kills: Kills) -> None:
    kill = of(kills, "check sale_amount_positive")
    assert kill.fate == "equivalent"
    assert "a second line" in kill.reason
    assert "stands behind kiosk.sql:36 if p_amount <= 0" in kill.reason


def test_a_check_for_rows_that_are_always_there_is_equivalent(kills: Kills) -> None:
    kill = of(kills, "into strict v_seen")
    assert kill.fate == "equivalent"
    assert "only raises an error" in kill.reason


def test_every_kind_of_guard_in_the_tables_is_found(kills: Kills) -> None:
    kinds = {kill.mistake for kill in kills.values()}
    assert {"check", "foreign key", "not null", "primary key", "trigger"} <= kinds


def test_a_key_that_another_key_implies_is_no_guard(kills: Kills) -> None:
    assert not [name for name in kills if "sale_of_one_amount" in name]


def test_a_mutant_tells_its_place_and_what_was_changed(kills: Kills) -> None:
    kill = of(kills, "if p_amount <= 0")
    assert kill.file.endswith("kiosk.sql")
    line = (SPECIMENS / "mutants" / "kiosk.sql").read_text().splitlines()[kill.line - 1]
    assert line.strip() == "if p_amount is null or p_amount <= 0 then"
    assert kill.diff.splitlines() == [
        "-    if p_amount is null or p_amount <= 0 then",
        "+    if p_amount is null or false then",
    ]


def test_what_can_not_be_looked_at_is_said(everything: tuple[Kills, list[str]]) -> None:
    _, left_out = everything
    assert "count_seen: in no pair, no value for :at (point)" in left_out
    assert any("lint row_security_off" in each or "more:" in each for each in left_out)


def test_a_check_that_fails_on_the_original_kills_nothing(kills: Kills) -> None:
    assert not [kill for kill in kills.values() if "lint row_security_off" in kill.caught_by]


@pytest.mark.parametrize(
    ("statement", "function"),
    [
        ("alter function s.f(integer) set search_path = s", "s.f"),
        ('alter procedure "s"."f"(a integer) security definer', "s.f"),
        ("alter function s.f(integer) owner to somebody", ""),
        ("alter function s.f(integer) rename to g", ""),
        ("alter table s.f add check (a > 0)", ""),
    ],
)
def test_what_replacing_a_function_would_lose_is_said_again(statement: str, function: str) -> None:
    assert altered_by(statement) == function


@pytest.mark.parametrize(
    ("handler", "caught"),
    [
        ("when check_violation then return", True),
        ("when unique_violation or check_violation then return", True),
        ("when others then return", True),
        ("when sqlstate '23514' then return", True),
        ("when sqlstate 'CP001' then return", False),
        ("when raise_exception then return -- the others wait, check_violation or not", False),
    ],
)
def test_a_handler_that_may_hide_an_error_is_seen(handler: str, caught: bool) -> None:
    body = f"begin\n    perform 1;\nexception\n    {handler}\n;\nend"
    assert may_catch(body, {"others", "check_violation"}) == caught


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(SPECIMENS / "mutants", tmp_path / "kiosk")
    return tmp_path / "kiosk" / "target.toml"


def meant(target: Path, text: str) -> None:
    (target.parent / "mutants.toml").write_text(text)


def test_a_reason_that_no_longer_applies_is_an_error(
    server: BackgroundServer, copied: Path, tmp_path: Path
) -> None:
    meant(copied, '[[meant]]\nguard = "kiosk.sql if p_amount <= 0"\nreason = "why not"\n')
    with pytest.raises(ContentError, match="is no gap any more: killed"):
        mutate(server, copied, tmp_path, "*if p_amount <= 0")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[meant]]\nguard = "kiosk.sql if p_amount < 7"\nreason = "old"\n', "no guard 'kiosk.sql"),
        ('[[meant]]\nguard = "kiosk.sql for update"\n', "reason"),
        ('[[meant]]\nguard = "x"\nreason = ""\n', "reason"),
        ('[[meant]]\nguard = "x"\nreason = "y"\nline = 3\n', "line"),
        ("[[meant]", "not TOML"),
    ],
)
def test_a_faulty_mutants_toml_is_an_error_that_names_it(
    server: BackgroundServer, copied: Path, tmp_path: Path, text: str, problem: str
) -> None:
    meant(copied, text)
    with pytest.raises(ContentError, match=r"mutants\.toml") as error:
        mutate(server, copied, tmp_path, limit=1)
    assert problem in str(error.value)


def test_only_and_limit_choose_and_an_unknown_name_is_an_error(
    server: BackgroundServer, copied: Path, tmp_path: Path
) -> None:
    meant(copied, "")
    chosen, _ = mutate(server, copied, tmp_path, "*p_amount*", limit=2)
    assert [kill.variant for kill in chosen.values()] == [
        "kiosk.sql:36 if p_amount is null",
        "kiosk.sql:36 if p_amount <= 0",
    ]
    with pytest.raises(CrossfootError, match="no guard is called 'nothing'"):
        mutate(server, copied, tmp_path, "nothing")


def test_of_a_function_written_twice_the_last_one_counts_and_of_one_dropped_none(
    server: BackgroundServer, copied: Path, tmp_path: Path
) -> None:
    meant(copied, "")
    text = (copied.parent / "kiosk.sql").read_text()
    start = text.index("create function kiosk.top_up")
    again = text[start:].replace("create function", "create or replace function")
    again = again.replace("for no key update", "for update")
    dropped = text[start : text.index("alter function")].replace("top_up", "gone")
    gone = f"\n{dropped}\ndrop function kiosk.gone(uuid, integer);\n"
    (copied.parent / "kiosk.sql").write_text(f"{text}\n{again}{gone}")
    kills, _ = mutate(server, copied, tmp_path, "*for update", "*for no key update", limit=9)
    lines = [kill.line for name, kill in kills.items() if kill.line > text[:start].count("\n")]
    assert lines == [text.count("\n") + 8]


def test_what_postgresql_does_not_take_is_stillborn_and_not_counted(
    server: BackgroundServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = load_target(KIOSK)
    faulty = mutant(target, "kiosk.sql", 1, "nothing", "branch", {"x": "create nonsense"})
    kept = mutant(target, "kiosk.sql", 39, "if p_amount > 1000000", "branch", {"x": "select 1"})

    async def mutants(self: Mutation, form: object) -> list[Mutant]:
        return [faulty, replace(kept, touches=frozenset())]

    monkeypatch.setattr(Mutation, "_mutants", mutants)
    kills, _ = mutate(server, KIOSK, tmp_path)
    kill = kills["1 nothing"]
    assert (kill.fate, kill.verdict) == ("stillborn", Verdict.NOT_APPLICABLE)
    assert "syntax error" in kill.reason


ORDERED = """
create schema shop;
create table shop.shelf (id integer primary key, n integer not null);
insert into shop.shelf values (1, 0), (2, 0), (3, 0);
create table shop.box as table shop.shelf;
create function shop.each() returns void language plpgsql as $$
declare
    v_id integer;
begin
    for v_id in select shelf.id from shop.shelf where shelf.id < 3 order by shelf.id loop
        update shop.shelf set n = n + 1 where id = v_id;
    end loop;
end $$;
create function shop.at_once() returns void language plpgsql as $$
begin
    perform 1 from shop.box where id < 3 order by box.id for update;
end $$;
create function shop.one() returns void language plpgsql as $$
begin
    perform 1 from shop.shelf where id = 3 order by shelf.n for update;
end $$;
"""


@pytest.fixture(scope="module")
def ordered(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Kills:
    folder = tmp_path_factory.mktemp("ordered")
    operations = dict.fromkeys(("each", "at_once", "one"), "")
    target = write_target(folder, ORDERED, operations)
    return mutate(server, target, folder, "*order by*", "*where id = 3")[0]


def test_an_order_of_locks_is_killed_by_the_deadlock_that_comes_without_it(ordered: Kills) -> None:
    kill = of(ordered, "order by shelf.id")
    assert (kill.fate, kill.caught_by) == ("killed", ["race each_twice_same_entities"])


def test_an_order_within_one_statement_says_that_nobody_can_stop_there(ordered: Kills) -> None:
    kill = of(ordered, "order by box.id")
    assert kill.fate == "equivalent"
    assert "none stops between two rows of a statement" in kill.reason


def test_an_order_of_what_is_never_more_than_one_row_is_a_gap(ordered: Kills) -> None:
    kill = of(ordered, "order by shelf.n")
    assert kill.fate == "gap"
    assert kill.reason.startswith("no race has it put two rows in order")


def test_a_condition_that_decides_only_which_rows_are_locked_is_equivalent(ordered: Kills) -> None:
    kill = of(ordered, "where id = 3")
    assert kill.fate == "equivalent"
    assert "it takes effect (in race" in kill.reason
