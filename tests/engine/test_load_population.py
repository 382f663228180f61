"""The entities of a load: the same for every worker, made by fixtures, one opening of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.apply import apply_target
from crossfoot.background import BackgroundServer
from crossfoot.errors import ContentError
from crossfoot.load.population import FILE, fill, load_population
from crossfoot.load.scenario import find_scenario
from crossfoot.target import Target, load_target

SCHEMA = """
create table public.purse (id uuid primary key, label text unique, balance integer not null);
create table public.note (id uuid primary key, purse uuid not null references public.purse);
"""
BINDING = """
[target]
name = "purses"
about = "Purses"
sql = ["schema.sql"]
schemas = ["public"]

[fixtures.purse]
values = { purse = "uuid", label = "text", balance = 100 }
sql = "insert into public.purse (id, label, balance) values (:purse, :label, :balance)"

[relations]
account = "select id::text as account_id, balance from public.purse"
"""
POPULATION = """
[purses]
purse = { count = 6, balance = 30 }
scarce.purse = { count = 2, balance = 3 }
opening = "insert into public.note (id, purse) values (:key_1, :purse)"
"""


def target_with(folder: Path, population: str = POPULATION) -> Target:
    (folder / "schema.sql").write_text(SCHEMA)
    (folder / "target.toml").write_text(BINDING)
    file = folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(population)
    return load_target(folder / "target.toml")


def test_ids_follow_from_the_seed_and_start_over_when_they_run_out(tmp_path: Path) -> None:
    target = target_with(tmp_path)
    one, again, other = (load_population(target, seed) for seed in (1, 1, 2))
    assert one.id("purse", 4) == again.id("purse", 4) == one.id("purse", 10)
    assert one.id("purse", 4) != other.id("purse", 4)
    assert one.text("label", 4) != one.text("label", 5)
    assert one.id("scarce purse", 1) == again.id("scarce purse", 3) != one.id("purse", 1)


def test_fixtures_make_the_population_with_its_own_numbers_and_an_opening(
    tmp_path: Path, server: BackgroundServer
) -> None:
    target = target_with(tmp_path)
    population = load_population(target, 1)

    async def filled() -> tuple[frozenset[str], list[tuple[str, int]], str]:
        name = await server.server.create_database("load")
        connection = await server.server.connect(name)
        try:
            await apply_target(connection, target)
            served = await fill(connection, target, population)
            rows = await connection.fetch("select id::text, balance from public.purse")
            noted = await connection.fetchval("select purse::text from public.note")
        finally:
            await connection.close()
            await server.server.drop_database(name)
        return served, [(row[0], row[1]) for row in rows], noted

    served, purses, noted = server.run(filled())
    enough = {str(population.id("purse", number)): 30 for number in range(6)}
    scarce = {str(population.id("scarce purse", number)): 3 for number in range(2)}
    assert dict(purses) == enough | scarce
    assert served == {*list(enough)[::2], *list(scarce)[::2]}
    assert noted == str(population.id("purse", 5))


@pytest.mark.parametrize(
    ("population", "said"),
    [
        ("[others]", f"{FILE}: there is no [purses]"),
        ("[purses", f"{FILE}: not TOML"),
        ("[purses]\npurse = { count = 3 }", "[purses] purse: count is 3"),
        ("[purses]\npurse = {}", "[purses] purse: count is None"),
        ("[purses]\npurse = { count = 2, prize = 1 }", "the fixture has no number 'prize'"),
        ("[purses]\nbag = { count = 2 }", "[purses] bag: no such fixture"),
        ("[purses]\npurse = 2", "[purses] purse is no table"),
        ("[purses]\nscarce = 2", "[purses] scarce is no table of kinds"),
        ("[purses]\nscarce.purse = { count = 1 }", "[purses] scarce purse: count is 1"),
    ],
)
def test_a_mistake_in_a_population_names_its_place(
    tmp_path: Path, population: str, said: str
) -> None:
    with pytest.raises(ContentError) as raised:
        load_population(target_with(tmp_path, population), 1)
    assert said in raised.value.message


def test_a_locustfile_is_found_beside_its_target_and_read_without_being_run(
    tmp_path: Path,
) -> None:
    target = target_with(tmp_path)
    path = tmp_path / "scenarios/load/purses.py"
    path.write_text('"""Everybody pays at once.\n\nAt noon.\n"""\n\nraise SystemExit\n')
    scenario = find_scenario(str(target.file), None)
    assert scenario.file == path
    assert scenario.title == "Everybody pays at once"
    assert [each.name for each in scenario.targets] == ["purses"]
