"""What the sources' suites share: a database per module, tests that are coroutines, and the audits.

A module says which system it is about: ``SYSTEM = "lead_marketplace"``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import cast

import pytest
from source_ground import SEED, System, open_system

from crossfoot.background import BackgroundServer

PATIENCE = 120.0  # seconds until something that hangs is ended


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in the event loop of the server that it works on."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    system = cast(System, pyfuncitem.funcargs["system"])
    names = inspect.signature(pyfuncitem.obj).parameters
    story = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    system.server.run(asyncio.wait_for(story, PATIENCE))
    return True


@pytest.fixture(scope="module")
def opened(server: BackgroundServer, request: pytest.FixtureRequest) -> Iterator[System]:
    """Return the module's system in a database of its own."""
    opening = open_system(server, request.module.SYSTEM)
    yield server.run(opening.__aenter__())
    server.run(opening.__aexit__(None, None, None))


@pytest.fixture
def system(opened: System) -> Iterator[System]:
    """Return the system, and hold it to its audits after the test."""
    print(f"random choices with seed {SEED}")
    yield opened
    assert opened.server.run(opened.failing_audits()) == []
