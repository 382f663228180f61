"""The clients keep their promises when locks, deadlocks and lost connections get in the way.

Each broken client breaks the promises that its header names, and no other.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import client_checks  # noqa: F401 (it fills CHECKS)
import client_loss_checks  # noqa: F401 (likewise)
import pytest
from client_ground import SEED, BrokenClient, Ground, all_broken, broken_package
from client_steps import CHECKS

from crossfoot.background import BackgroundServer
from crossfoot.target import find_targets
from crossfoot.workbench import Form, Workbench

PATIENCE = 120.0  # seconds until something that hangs is ended


@pytest.fixture(scope="module")
def form(server: BackgroundServer) -> Iterator[Form]:
    """Return the marketplace in a database that tests make copies of."""
    written = Workbench(server.server).as_written(find_targets(["lead_marketplace"])[0])
    yield server.run(written.__aenter__())
    server.run(written.__aexit__(None, None, None))


@pytest.fixture
def database(server: BackgroundServer, form: Form) -> Iterator[str]:
    clone = Workbench(server.server).clone(form)
    yield server.run(clone.__aenter__())
    server.run(clone.__aexit__(None, None, None))


async def keeps(ground: Ground, promise: str) -> bool:
    try:
        await asyncio.wait_for(CHECKS[promise](ground), PATIENCE)
    except Exception as error:
        print(f"{promise}: {type(error).__name__} {error}")
        return False
    return True


@pytest.mark.parametrize("promise", CHECKS)
def test_the_clients_keep_their_promise(
    server: BackgroundServer, database: str, promise: str
) -> None:
    print(f"pauses drawn with seed {SEED}")
    ground = Ground(server, database, importlib.import_module("clients"))
    server.run(asyncio.wait_for(CHECKS[promise](ground), PATIENCE))


@pytest.mark.parametrize("variant", all_broken(), ids=lambda variant: variant.name)
def test_a_broken_client_breaks_the_promises_that_its_header_names(
    server: BackgroundServer, database: str, variant: BrokenClient, tmp_path: Path
) -> None:
    async def broken_promises(package: ModuleType) -> set[str]:
        role = variant.header.get("role", "service_role")
        ground = Ground(server, database, package, role)
        return {promise for promise in CHECKS if not await keeps(ground, promise)}

    with broken_package(variant, tmp_path) as package:
        assert server.run(broken_promises(package)) == variant.caught_by


def test_every_promise_of_the_clients_is_broken_by_somebody() -> None:
    broken = {promise for variant in all_broken() for promise in variant.caught_by}
    assert broken <= set(CHECKS)
    # asyncpg's pool keeps this one: it sees that a connection is gone and makes another.
    assert set(CHECKS) - broken == {"a_connection_killed_before_the_call_costs_nothing"}
