"""The credit RPC is atomic and deterministic.

Mirrors the acceptance criteria of the source's work item on apply_credit_purchase: deterministic
reasons, no pre-check that correctness depends on, a balance update that is verified, and a
concurrent replay that credits exactly once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from source_ground import MANY, System, reasons

from clients.credit_purchase import CreditPurchase

SYSTEM = "credit_purchase"
OPERATIONS = "credit_purchase.credit_operations"
PROFILES = "credit_purchase.user_profiles"


@dataclass
class Shop:
    """The client, and what the tests need around it."""

    system: System
    client: CreditPurchase

    async def user(self) -> UUID:
        user = uuid4()
        await self.system.backstage.execute(f"insert into {PROFILES} (id) values ($1)", user)
        return user

    async def say(
        self, user: UUID | None, amount: int | None, key: UUID | None, session: str | None
    ) -> Any:
        """Return what the function says of these arguments, as it says it."""
        row = await self.client._caller.call(
            "select credit_purchase.apply_credit_purchase($1, $2, $3, $4)",
            user,
            amount,
            key,
            session,
            key=key,
        )
        answer = json.loads(row[0])
        return answer["applied"], answer["reason"]

    async def entries(self, user: UUID) -> list[int]:
        rows = await self.system.backstage.fetch(
            "select amount from credit_purchase.credit_entries where user_id = $1", user
        )
        return [row[0] for row in rows]


@pytest.fixture
def shop(system: System) -> Shop:
    return Shop(system, CreditPurchase(system.caller()))


def session_id() -> str:
    return f"cs_{uuid4().hex}"


async def test_replay_duplicate_and_invalid_input_have_reasons_of_their_own(
    system: System, shop: Shop
) -> None:
    """Criterion 1: deterministic reasons. Each is asked for twice, and is the same both times."""
    user, key, session = await shop.user(), uuid4(), session_id()
    assert await shop.say(user, 100, key, session) == (True, "applied")
    cases = {
        (user, 100, key, session): "idempotency_key_already_processed",
        (user, 101, key, session): "idempotency_key_conflict",
        (user, 100, key, session_id()): "idempotency_key_conflict",
        (user, 100, uuid4(), session): "stripe_session_already_processed",
        (uuid4(), 100, uuid4(), session_id()): "user_profile_not_found",
        (user, 2**31 - 1, uuid4(), session_id()): "balance_overflow",
        (None, 100, uuid4(), session_id()): "missing_user_id",
        (user, 0, uuid4(), session_id()): "invalid_amount",
        (user, -100, uuid4(), session_id()): "invalid_amount",
        (user, None, uuid4(), session_id()): "invalid_amount",
        (user, 100, None, session_id()): "missing_idempotency_key",
        (user, 100, uuid4(), None): "missing_stripe_session_id",
        (user, 100, uuid4(), "  "): "missing_stripe_session_id",
        (None, 0, None, None): "missing_user_id",
    }
    for arguments, reason in [*cases.items()] * 2:
        assert await shop.say(*arguments) == (False, reason)
    assert await shop.entries(user) == [100]


async def test_two_keys_for_one_session_at_once_credit_it_once(system: System, shop: Shop) -> None:
    """Criterion 2: no pre-check. A hundred calls with keys of their own name one Stripe session.

    The source looks for the session first and has one conflict target: of two that both found
    nothing, the second gets a raw unique violation.
    """
    user, session = await shop.user(), session_id()
    calls = [
        shop.client.apply_credit_purchase(user_id=user, amount=100, stripe_session_id=session)
        for _ in range(MANY)
    ]
    outcomes = await system.at_once(OPERATIONS, calls)
    assert reasons(outcomes) == {"stripe_session_already_processed"}
    assert [outcome.repeated for outcome in outcomes if not isinstance(outcome, Exception)] == [
        False
    ]
    assert await shop.entries(user) == [100]


async def test_applied_is_only_said_when_the_balance_was_updated(
    system: System, shop: Shop
) -> None:
    """Criterion 3: a credit for nobody, and one whose update fails, leave nothing behind."""
    nobody, key, session = uuid4(), uuid4(), session_id()
    assert await shop.say(nobody, 100, key, session) == (False, "user_profile_not_found")
    user = await shop.user()
    async with system.fault("fail", f"before update on {PROFILES}"):
        with pytest.raises(asyncpg.DiskFullError):
            await shop.say(user, 100, key, session)
    assert await shop.entries(user) == []
    # Neither the refusal nor the failure has used the key or the session up.
    assert await shop.say(user, 100, key, session) == (True, "applied")
    assert await shop.client.balance(user_id=user) == 100


async def test_a_concurrent_replay_credits_exactly_once(system: System, shop: Shop) -> None:
    """Criterion 4: a hundred calls with the same arguments, all under way at one moment."""
    user, key, session = await shop.user(), uuid4(), session_id()
    calls = [shop.say(user, 100, key, session) for _ in range(MANY)]
    outcomes = await system.at_once(OPERATIONS, calls)
    assert sorted(outcomes) == [
        *[(False, "idempotency_key_already_processed")] * (MANY - 1),
        (True, "applied"),
    ]
    assert await shop.entries(user) == [100]
    assert await shop.client.balance(user_id=user) == 100
