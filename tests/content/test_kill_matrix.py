"""The suite can fail: every broken variant is caught, and every check is needed to catch something."""

from __future__ import annotations

from crossfoot.background import BackgroundServer
from crossfoot.content import shipped_content
from crossfoot.prove import Prover
from crossfoot.results import KillMatrix
from crossfoot.stages import Plan
from crossfoot.target import find_targets
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

LEAST_VARIANTS = 18


async def prove(server: BackgroundServer, name: str) -> KillMatrix:
    bench = Workbench(server.server)
    plan = Plan(schedules=300, first=True, arenas=2)
    async with bench.as_written(find_targets([name])[0]) as form:
        return await Prover(bench, plan).prove(form)


def test_every_broken_variant_is_caught_and_every_check_is_needed(
    server: BackgroundServer,
) -> None:
    matrix = server.run(prove(server, "lead_marketplace"))
    missed = {
        f"{k.variant}, {k.form}": k.reason for k in matrix.kills if k.verdict is not Verdict.PASS
    }
    assert missed == {}
    assert len({kill.variant for kill in matrix.kills}) >= LEAST_VARIANTS
    assert needless(matrix) == []


def needless(matrix: KillMatrix) -> list[str]:
    """Return the checks that are the only catcher of no variant.

    Audits and lints aside: each has something planted that it alone finds (test_planted). Audits speak of
    what a race or a contract has left behind, so they don't take a variant away from one.
    """
    catchers = [{c for c in kill.caught_by if not c.startswith("audit ")} for kill in matrix.kills]
    alone = {next(iter(caught)) for caught in catchers if len(caught) == 1}
    lints = {f"lint {path.stem}" for path in shipped_content().lints}
    return sorted({c for c in matrix.checks if not c.startswith("audit ")} - alone - lints)
