"""Each known mistake in the service is caught by the promises that it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from client_ground import BrokenClient, read_broken
from service_checks import CHECKS
from service_ground import BROKEN, Ground, broken_service

pytest_plugins = ["service_fixtures"]

VARIANTS = [read_broken(path) for path in sorted(BROKEN.glob("*.py.variant"))]
CAUGHT = [(variant, promise) for variant in VARIANTS for promise in sorted(variant.caught_by)]


@pytest.mark.parametrize(
    ("variant", "promise"), CAUGHT, ids=[f"{each.name}-{promise}" for each, promise in CAUGHT]
)
def test_a_broken_service_breaks_its_promise(
    ground: Ground, tmp_path: Path, variant: BrokenClient, promise: str
) -> None:
    with broken_service(variant, tmp_path) as package:
        ground.package = package
        # Not any error: the service works, and what it does is wrong.
        with pytest.raises(AssertionError) as caught:
            CHECKS[promise](ground)
    assert Path(caught.traceback[-1].path).name == "service_checks.py"


def test_every_promise_is_named_by_a_broken_service_or_needs_none() -> None:
    named = {promise for variant in VARIANTS for promise in variant.caught_by}
    assert named <= CHECKS.keys()
    assert CHECKS.keys() - named == {
        # The retry sends the same key, or none: Stripe has not heard of either.
        "a_checkout_that_never_reached_stripe_is_made_by_the_retry",
        # Whoever answers 2xx without the database loses it too: there is no line to change for that.
        "an_event_that_comes_while_the_database_is_gone_is_done_when_it_comes_again",
    }
