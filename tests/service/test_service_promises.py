"""The service keeps what it promises, whatever the network, the database and Stripe do."""

from __future__ import annotations

import pytest
from service_checks import CHECKS
from service_ground import Ground

pytest_plugins = ["service_fixtures"]


@pytest.mark.parametrize("promise", CHECKS)
def test_the_service_keeps_its_promise(ground: Ground, promise: str) -> None:
    CHECKS[promise](ground)
