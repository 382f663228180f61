"""Alone, a function does with steps what it does without: answers, errors with their lines, tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from specimen import FORMS, SPECIMENS, Specimen
from witness import Pair, open_pair

from crossfoot.background import BackgroundServer
from crossfoot.checks.contracts import SUPERUSER, Contract, load_contracts
from crossfoot.content import Content
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.race import load_race
from crossfoot.headers import read_text
from crossfoot.sql import Query, inline, statements
from crossfoot.target import Target, load_target

OFTEN = 10  # calls of one operation that are also made with faults
SYSTEMS = Content(Path(__file__).parents[2]).targets


async def with_pair(server: BackgroundServer, target: Target, real: list[str], story: Any) -> None:
    """Tell a story in two databases of a target, one of them with steps."""
    await server.server.ensure_roles(target.target.roles)
    files = {path.name: read_text(path) for path in target.sql_files}
    async with AsyncExitStack() as stack:
        work: Coroutine[Any, Any, None] = story(await open_pair(stack, server, files, real))
        await work


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda each: each.name)
def test_a_specimen_does_the_same_with_steps_as_without(
    server: BackgroundServer, specimen: Specimen, form: str, tmp_path: Path
) -> None:
    target = load_target(specimen.target(form, tmp_path))
    race = load_race(specimen.write_race(tmp_path), target, 1)
    extra = statements(inline(specimen.sections.get("alone", ""), race.literals))

    async def story(pair: Pair) -> None:
        await pair.set_up(race.setup)
        for call in race.calls:
            if not call.query.text.lower().startswith("call "):  # it may commit
                await pair.both_with_faults(call.query)
            await pair.both(call.query, keep=call.keep)
        for statement in extra:
            await pair.both(Query(statement.text, ()))
        assert pair.silent() == set()

    server.run(with_pair(server, target, [str(v) for v in race.values.values()], story))


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: file.parent.name)
def test_a_reference_system_does_the_same_with_steps_as_without(
    server: BackgroundServer, file: Path
) -> None:
    target = load_target(file)
    contracts = load_contracts(target, 1)

    async def story(pair: Pair) -> None:
        hit: Counter[str] = Counter()
        for contract in contracts:
            await tell_contract(pair, contract, hit)
        assert pair.silent() == set()

    server.run(with_pair(server, target, [], story))


async def tell_contract(pair: Pair, contract: Contract, hit: Counter[str]) -> None:
    """Make the calls of a contract in both databases; its checks of the state aren't needed."""
    pair.plain.kept, pair.stepped.kept = {}, {}
    for act in contract.acts:
        known = all(name in pair.plain.kept for name in act.query.names)
        if act.check or not known:
            continue
        role = None if act.role == SUPERUSER else act.role
        if act.operation and hit[act.operation] < OFTEN:
            hit[act.operation] += 1
            await pair.both_with_faults(act.query, role)
        await pair.both(act.query, role, act.keep)


def test_a_step_that_moved_a_line_would_be_noticed(
    server: BackgroundServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The contexts of the faults tell it."""
    apply = Instrumented.apply

    def moving(self: Instrumented, body: str, edits: Any, name: str, written: str) -> str:
        moved = [replace(each, written="\n" + (each.written or written)) for each in edits]
        return apply(self, body, moved, name, written)

    monkeypatch.setattr(Instrumented, "apply", moving)
    (specimen,) = (each for each in SPECIMENS if each.name == "loyalty_points_spent_twice")
    with pytest.raises(AssertionError, match="line"):
        test_a_specimen_does_the_same_with_steps_as_without(server, specimen, "safe", tmp_path)
