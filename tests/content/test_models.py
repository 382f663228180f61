"""The SQL of each system and its model give the same answers and end in the same state."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from side_by_side import RECIPES, Recipe, SideBySide, World, orders

from crossfoot.background import BackgroundServer
from crossfoot.target import Target, find_targets
from crossfoot.workbench import Workbench

SEED = int(os.environ.get("CROSSFOOT_SEED", "1"))
LEAST_CALLS, LEAST_OF_EACH = 2000, 20
WORLDS = sorted(path.stem for path in (Path(__file__).parent / "worlds").glob("[a-z]*.py"))


def model_of(target: Target) -> ModuleType:
    """Load model.py by its path: a system's folder isn't a package."""
    name = f"model_of_{target.name}"
    spec = importlib.util.spec_from_file_location(name, target.file.parent / "model.py")
    assert spec
    assert spec.loader
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def world_of(system: str) -> type[World]:
    importlib.import_module(f"worlds.{system}")
    return next(world for world in RECIPES if world.system == system)


@contextmanager
def database_of(server: BackgroundServer, target: Target) -> Iterator[str]:
    """Yield the name of a database with the target applied; it is dropped afterwards."""
    form = Workbench(server.server).as_written(target)
    yield server.run(form.__aenter__()).database
    server.run(form.__aexit__(None, None, None))


def play(server: BackgroundServer, database: str, world: type[World], model: ModuleType) -> Any:
    """Let Hypothesis play examples until each outcome was surely seen; return the counts."""
    connection = server.run(server.server.connect(database))
    both = SideBySide(server, connection)

    @seed(SEED)
    @settings(
        max_examples=40, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(recipes=orders(world), data=st.data())
    def example(recipes: list[Recipe], data: st.DataObject) -> None:
        both.play(world(model), recipes, data.draw)

    try:
        example()
    finally:
        server.run(connection.close())
    return both.seen


@pytest.mark.parametrize("system", WORLDS)
def test_sql_and_model_agree_on_every_call_and_show_every_outcome(
    server: BackgroundServer, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, world = find_targets([system])[0], world_of(system)
    with database_of(server, target) as database:
        seen = play(server, database, world, model_of(target))
    with capsys.disabled():
        print(f"\n{system}: {seen.total()} calls with seed {SEED}")
    wanted = [(name, label) for name, labels in world.outcomes.items() for label in labels]
    for each in wanted:
        print(f"{seen[each]:6} {each[0]}: {each[1]}")
    assert seen.total() >= LEAST_CALLS
    assert [each for each in wanted if seen[each] < LEAST_OF_EACH] == []


def test_a_model_that_is_wrong_is_found_and_what_shows_it_is_little(
    server: BackgroundServer,
) -> None:
    target, world = find_targets(["lead_marketplace"])[0], world_of("lead_marketplace")
    wrong = model_of(target)
    right = wrong.refund_lead_purchase

    def refunds_nothing(state: Any, purchase_id: Any, workspace_id: Any) -> Any:
        return state, right(state, purchase_id, workspace_id)[1]

    setattr(wrong, "refund_lead_purchase", refunds_nothing)  # noqa: B010 (mypy knows no such name)
    with (
        database_of(server, target) as database,
        pytest.raises(AssertionError, match=r"refund_lead_purchase.* differ") as caught,
    ):
        play(server, database, world, wrong)
    calls = [line for line in caught.value.__notes__ if line.startswith("refund_lead_purchase")]
    assert len(calls) == 1


def test_every_system_has_a_world() -> None:
    assert sorted(target.name for target in find_targets([])) == WORLDS
