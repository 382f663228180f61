"""Stripe keys of the old format are accepted beside operation_type:stable_id:UUID.

Mirrors the source's second phase: the new function draws keys of the new format, and the legacy
function still works. The source doesn't show the legacy format, so several stand here that fit it.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from source_ground import MANY, System

from clients.retry import Refused
from clients.stripe_idempotency import Claim, StripeIdempotency

SYSTEM = "stripe_idempotency"
CLAIMS = "stripe_idempotency.stripe_idempotency_keys"

LEGACY = [
    "checkout-1738022400000-x7k2p9",
    "checkout_cart_42_1738022400",
    "0d8c1f6e5b7a49d3a1c2",
    str(UUID(int=42)),
    "ch:1",
    "k" * 255,
]
TYPES = ["checkout:create", "guest_checkout:create", "payout:create", "refund:create"]


@pytest.fixture
def stripe(system: System) -> StripeIdempotency:
    return StripeIdempotency(system.caller())


def parts(key: str | None) -> tuple[str, str, UUID]:
    """Return type, stable id and UUID. The type may have colons in it, so it is read from behind."""
    assert key
    operation_type, stable_id, drawn = key.rsplit(":", 2)
    return operation_type, stable_id, UUID(drawn)


@pytest.mark.parametrize("operation_type", TYPES)
async def test_a_claim_draws_a_key_of_the_new_format_once(
    system: System, stripe: StripeIdempotency, operation_type: str
) -> None:
    """Format operation_type:stable_id:UUID: every attempt of an operation sends the same one."""
    operation: dict[str, Any] = {
        "operation_type": operation_type,
        "operation_id": f"cart_{uuid4().hex}",
    }
    first = await stripe.claim_stripe_idempotency(**operation, fingerprint="f")
    assert parts(first.stripe_idempotency_key)[:2] == tuple(operation.values())
    assert first.attempt
    await stripe.release_stripe_idempotency(**operation, attempt=first.attempt)
    second = await stripe.claim_stripe_idempotency(**operation, fingerprint="f")
    assert second.stripe_idempotency_key == first.stripe_idempotency_key


@pytest.mark.parametrize("legacy", LEGACY)
async def test_a_key_of_the_old_format_is_recorded_and_found_again(
    system: System, stripe: StripeIdempotency, legacy: str
) -> None:
    """Backwards compatible: who calls Stripe under a key of the old format can record it."""
    operation: dict[str, Any] = {
        "operation_type": "checkout:create",
        "operation_id": f"cart_{uuid4().hex}",
    }
    record: dict[str, Any] = {
        **operation,
        "stripe_idempotency_key": legacy,
        "stripe_resource_id": f"cs_{uuid4().hex}",
    }
    written = await stripe.record_stripe_idempotency(**record)
    assert await stripe.record_stripe_idempotency(**record) == written
    known = await stripe.check_stripe_idempotency(**operation)
    assert known.is_completed
    assert known.stripe_idempotency_key == legacy
    assert known.stripe_resource_id == record["stripe_resource_id"]


async def test_both_formats_stand_side_by_side_and_none_is_used_twice(
    system: System, stripe: StripeIdempotency
) -> None:
    """A key belongs to one operation, of whichever format it is; a claim's isn't replaced."""
    old, new = f"cart_{uuid4().hex}", f"cart_{uuid4().hex}"
    legacy = f"checkout-{uuid4().hex}"
    kind = "checkout:create"
    await stripe.record_stripe_idempotency(
        operation_type=kind,
        operation_id=old,
        stripe_idempotency_key=legacy,
        stripe_resource_id=f"cs_{old}",
    )
    claim = await stripe.claim_stripe_idempotency(
        operation_type=kind, operation_id=new, fingerprint="f"
    )
    for operation_id in (new, f"cart_{uuid4().hex}"):
        with pytest.raises(Refused) as caught:
            await stripe.record_stripe_idempotency(
                operation_type=kind,
                operation_id=operation_id,
                stripe_idempotency_key=legacy,
                stripe_resource_id="cs_other",
            )
        assert caught.value.reason == "stripe_key_conflict"
    assert claim.stripe_idempotency_key
    await stripe.record_stripe_idempotency(
        operation_type=kind,
        operation_id=new,
        stripe_idempotency_key=claim.stripe_idempotency_key,
        stripe_resource_id=f"cs_{new}",
    )
    formats = [
        re.fullmatch(r"checkout:create:cart_[0-9a-f]{32}:[0-9a-f-]{36}", key or "") is not None
        for key in (legacy, claim.stripe_idempotency_key)
    ]
    assert formats == [False, True]


async def test_an_operation_of_the_old_format_is_not_claimed_again(
    system: System, stripe: StripeIdempotency
) -> None:
    """The check before the call: what was completed under an old key isn't sent to Stripe anew."""
    operation: dict[str, Any] = {
        "operation_type": "checkout:create",
        "operation_id": f"cart_{uuid4().hex}",
    }
    await stripe.record_stripe_idempotency(
        **operation, stripe_idempotency_key=f"old-{uuid4().hex}", stripe_resource_id="cs_done"
    )
    claim = await stripe.claim_stripe_idempotency(**operation, fingerprint="f")
    assert (claim.outcome, claim.stripe_resource_id) == ("completed", "cs_done")
    known = await stripe.check_stripe_idempotency(**operation)
    with pytest.raises(Refused) as caught:
        await stripe.record_stripe_idempotency(
            **operation,
            stripe_idempotency_key=known.stripe_idempotency_key or "",
            stripe_resource_id="cs_other",
        )
    assert caught.value.reason == "stripe_resource_conflict"
    assert await stripe.check_stripe_idempotency(**operation) == known


async def test_of_a_hundred_callers_at_once_one_may_call_stripe(
    system: System, stripe: StripeIdempotency
) -> None:
    """The gap between the source's check and its record: a hundred would all have called.

    The first time, and when the one who might has given up.
    """
    operation: dict[str, Any] = {
        "operation_type": "payout:create",
        "operation_id": f"order_{uuid4().hex}",
    }

    async def hundred_claims() -> Claim:
        calls = [stripe.claim_stripe_idempotency(**operation, fingerprint="f") for _ in range(MANY)]
        outcomes = await system.at_once(CLAIMS, calls)
        won: Claim
        (won,) = [claim for claim in outcomes if claim.outcome == "claimed"]
        others = {(c.outcome, c.stripe_idempotency_key) for c in outcomes if c is not won}
        assert others == {("in_progress", None)}
        return won

    first = await hundred_claims()
    assert first.attempt
    await stripe.release_stripe_idempotency(**operation, attempt=first.attempt)
    second = await hundred_claims()
    assert (second.stripe_idempotency_key, second.attempt) == (first.stripe_idempotency_key, 2)
