"""What the tests of the service share: Stripe's stand-in, and its real client."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe

sys.path.insert(0, str(Path(__file__).parents[2] / "reference_impl"))

if TYPE_CHECKING:
    from stripe_simulator import Simulator


def pytest_configure(config: pytest.Config) -> None:
    """Let the stripe package's httpx client work where warnings are errors.

    It hands httpx its text in a way that httpx warns of, and takes the warning, once it is raised,
    for a broken connection.
    """
    ignored = "ignore:Use 'content=<...>' to upload raw bytes/text content:DeprecationWarning"
    config.addinivalue_line("filterwarnings", ignored)


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """Return this test process's simulator, which runs until the end."""
    from stripe_simulator import Simulator

    with pytest.MonkeyPatch.context() as patch:
        # A proxy of the machine's would be asked for 127.0.0.1 too.
        patch.setenv("NO_PROXY", ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"])))
        with Simulator(seed=4711) as simulator:
            yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """Return the simulator as good as new. Its ids go on: none comes twice in a session."""
    running_simulator.reset()
    return running_simulator


@pytest.fixture(scope="session")
def stripe_client(running_simulator: Simulator) -> Iterator[stripe.StripeClient]:
    """Return the real client, which retries nothing unless a request asks it to."""
    http = stripe.HTTPXClient(allow_sync_methods=True)
    yield stripe.StripeClient(
        "sk_test_crossfoot", base_addresses={"api": running_simulator.url}, http_client=http
    )
    http.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def hasty_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's own retries follow each other quickly; it waits half a second at least."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.1)
