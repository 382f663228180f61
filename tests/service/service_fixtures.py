"""Fixtures of the service's tests. A plugin, so that test modules needn't import them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crossfoot.background import BackgroundServer

if TYPE_CHECKING:
    from service_ground import Database, Ground, Running

    from stripe_simulator import Simulator


@pytest.fixture(scope="session")
def all_systems(server: BackgroundServer) -> str:
    """Return the name of a database with all systems, to be copied."""
    from service_ground import make_template

    return server.run(make_template(server))


@pytest.fixture
def database(server: BackgroundServer, all_systems: str) -> Iterator[Database]:
    """Return a database of this test's own."""
    from service_ground import database_from

    with database_from(server, all_systems) as database:
        yield database


@pytest.fixture
def ground(database: Database, simulator: Simulator, tmp_path: Path) -> Ground:
    """Return what it takes to run the service."""
    from service_ground import Ground

    import service

    return Ground(database, simulator, tmp_path / "journal", service)


@pytest.fixture
def service(ground: Ground) -> Iterator[Running]:
    """Return a running service."""
    with ground.service() as service:
        yield service
