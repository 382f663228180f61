"""Every audit and every lint finds the one wrong fact that was planted for it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_target import PLANTED, database_of, planted_target

from crossfoot.background import BackgroundServer
from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.checks.lints import load_lints, run_lints
from crossfoot.content import shipped_content
from crossfoot.results import Check
from crossfoot.verdicts import Verdict

AUDITS = [path.stem for path in shipped_content().audits]
LINTS = [path.stem for path in shipped_content().lints]
ROLES = ["anon", "authenticated", "service_role", "planted_owner"]


def failing(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.verdict is Verdict.FAIL]


async def audited(server: BackgroundServer, folder: Path, *files: Path) -> list[Check]:
    target = planted_target(folder)
    async with database_of(server, PLANTED / "clean.sql", *files) as connection:
        return await run_audits(connection, AuditSet.of(target))


async def linted(server: BackgroundServer, folder: Path, *files: Path) -> list[Check]:
    target = planted_target(folder)
    await server.server.ensure_roles(ROLES)
    async with database_of(server, PLANTED / "lints_clean.sql", *files) as connection:
        return await run_lints(connection, load_lints(target), target)


def test_every_audit_passes_on_a_clean_world(server: BackgroundServer, tmp_path: Path) -> None:
    checks = server.run(audited(server, tmp_path))
    assert {check.verdict for check in checks} == {Verdict.PASS}
    assert [check.name for check in checks] == AUDITS


def test_every_lint_passes_on_clean_code(server: BackgroundServer, tmp_path: Path) -> None:
    checks = server.run(linted(server, tmp_path))
    assert {check.name: check.verdict for check in checks} == dict.fromkeys(LINTS, Verdict.PASS)


@pytest.mark.parametrize("name", AUDITS)
def test_a_planted_fact_is_found_by_its_audit_alone(
    server: BackgroundServer, tmp_path: Path, name: str
) -> None:
    planted = PLANTED / "audits" / f"{name}.sql"
    assert failing(server.run(audited(server, tmp_path, planted))) == [name]


@pytest.mark.parametrize("name", LINTS)
def test_planted_code_is_found_by_its_lint_alone(
    server: BackgroundServer, tmp_path: Path, name: str
) -> None:
    planted = PLANTED / "lints" / f"{name}.sql"
    assert failing(server.run(linted(server, tmp_path, planted))) == [name]


def test_nothing_is_planted_for_a_check_that_is_gone() -> None:
    assert sorted(path.stem for path in (PLANTED / "audits").glob("*.sql")) == AUDITS
    assert sorted(path.stem for path in (PLANTED / "lints").glob("*.sql")) == LINTS
