"""What all tests share: one server per test process."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

from crossfoot.background import BackgroundServer
from crossfoot.pytest_plugin import worker_of

# A shell's background job ignores Ctrl-C, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An example may take as long as it takes: a machine that is busy stands still for a second.
settings.register_profile("crossfoot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crossfoot")

# Specimens are what tests are about. Their races are meant to fail.
collect_ignore = ["specimens"]


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> BackgroundServer:
    """Return this test process's server: embedded, or the one that CROSSFOOT_DSN names.

    ``server.run(coroutine)`` runs in its event loop, ``server.server`` is the Server. Make
    databases of your own there and drop them. The races that this process runs use it too.
    """
    return worker_of(pytestconfig).server
