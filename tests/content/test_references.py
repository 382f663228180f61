"""The reference systems hold under every check but the races, which pytest runs by themselves."""

from __future__ import annotations

import asyncpg
import pytest

from crossfoot.apply import apply_target
from crossfoot.background import BackgroundServer
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.checks.contracts import load_contracts, run_contracts
from crossfoot.checks.lints import load_lints, run_lints
from crossfoot.checks.relations import check_bindings
from crossfoot.content import shipped_content
from crossfoot.results import Check
from crossfoot.stages import Plan, books_stage, lint_stage, retry_stage
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

TARGETS = find_targets([path.parent.name for path in shipped_content().targets])


def flagged(checks: list[Check]) -> list[str]:
    """Return the checks that say anything against a target, or that couldn't be decided."""
    fine = {Verdict.PASS, Verdict.NOT_APPLICABLE}
    return [
        f"{each.kind} {each.name}: {each.verdict}" for each in checks if each.verdict not in fine
    ]


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.name)
def checks(request: pytest.FixtureRequest, server: BackgroundServer) -> list[Check]:
    """Lints, contracts, audits and retry checks of one target as written."""

    async def run(target: Target) -> list[Check]:
        bench, plan = Workbench(server.server), Plan()
        async with bench.as_written(target) as form:
            return [
                *await lint_stage(bench, form),
                *await books_stage(bench, form, plan),
                *await retry_stage(bench, form, plan, target.operations),
            ]

    return server.run(run(request.param))


def test_nothing_flags_a_reference(checks: list[Check]) -> None:
    assert flagged(checks) == []


def test_every_stage_had_something_to_say(checks: list[Check]) -> None:
    passed = {str(check.kind) for check in checks if check.verdict is Verdict.PASS}
    assert passed == {"lint", "contract", "audit", "retry"}


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_all_references_stand_side_by_side_in_one_database(
    server: BackgroundServer, order: int
) -> None:
    """In any order, and each keeps its contracts and its books with the others there."""
    targets = TARGETS[::order]
    assert len(targets) == 5

    async def look_at(target: Target, connection: asyncpg.Connection, name: str) -> list[Check]:
        await check_bindings(connection, target)
        contracts = load_contracts(target, seed=1)
        return [
            *await run_lints(connection, load_lints(target), target),
            *await run_contracts(
                connection, lambda: server.server.connect(name), contracts, target
            ),
            *await run_audits(connection, AuditSet.of(target)),
        ]

    async def run() -> dict[str, list[str]]:
        await server.server.ensure_roles([role for each in targets for role in each.target.roles])
        name = await server.server.create_database("side_by_side")
        connection = await server.server.connect(name)
        try:
            for target in targets:
                await apply_target(connection, target)
            return {each.name: flagged(await look_at(each, connection, name)) for each in targets}
        finally:
            await connection.close()
            await server.server.drop_database(name)

    assert server.run(run()) == {target.name: [] for target in TARGETS}
