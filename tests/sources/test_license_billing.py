"""Credits of a license are deducted once per generation, or it is said why not.

Mirrors the source's app/tests/test_billing.py: 6 unit tests, which ran against a mocked database.
These run against a real one. What the HTTP service answers (402, 403, 500) is in tests/service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from source_ground import MANY, System, of_kind, reasons

from clients.license_billing import Charge, LicenseBilling
from clients.retry import Busy, Refused

SYSTEM = "license_billing"
LICENSES = "license_billing.licenses"


@dataclass
class Billing:
    """The client, and what the tests need around it."""

    system: System
    client: LicenseBilling

    async def license(
        self, credits: int = 100, *, active: bool = True, ends: datetime | None = None
    ) -> str:
        """Return the key of a new license."""
        key = f"license-{uuid4()}"
        await self.system.backstage.execute(
            f"insert into {LICENSES} (license_key, tenant_id, is_active, expires_at) "
            "values ($1, $2, $3, $4)",
            key,
            uuid4(),
            active,
            ends,
        )
        await self.client.add_credits(license_key=key, amount=credits)
        return key

    async def left(self, key: str) -> int:
        found = await self.client.license(license_key=key)
        assert found
        return found.balance

    async def deductions(self, key: str) -> list[int]:
        rows = await self.system.backstage.fetch(
            "select entry.amount from license_billing.credit_entries as entry "
            f"join {LICENSES} as license on license.id = entry.license_id "
            "where license.license_key = $1 and entry.amount < 0",
            key,
        )
        return [row[0] for row in rows]

    async def refused(self, key: str, amount: int) -> str:
        with pytest.raises(Refused) as caught:
            await self.client.deduct_credits(license_key=key, amount=amount)
        return f"{caught.value.reason}; {caught.value.message}"


@pytest.fixture
def billing(system: System) -> Billing:
    return Billing(system, LicenseBilling(system.caller()))


async def test_a_deduction_returns_the_new_balance_and_a_hundred_movements_add_up(
    system: System, billing: Billing
) -> None:
    """test_billing, success: a deduction, the same again, and what the row lock is there for."""
    key = await billing.license(credits=100)
    first = await billing.client.deduct_credits(license_key=key, amount=30)
    assert first.balance == 70
    again = await billing.client.deduct_credits(
        license_key=key, amount=30, request_id=first.request_id
    )
    assert again == first
    half = MANY // 2
    calls = [billing.client.deduct_credits(license_key=key, amount=1) for _ in range(half)]
    calls += [billing.client.add_credits(license_key=key, amount=2) for _ in range(half)]
    system.random.shuffle(calls)
    outcomes = await system.at_once(LICENSES, calls)
    assert reasons(outcomes) == set()
    assert await billing.left(key) == 70 + half
    assert sorted(await billing.deductions(key)) == [-30] + [-1] * half


async def test_insufficient_credits_are_refused_however_many_ask_at_once(
    system: System, billing: Billing
) -> None:
    """test_billing, insufficient credits: alone, and a hundred who share what is enough for ten."""
    key = await billing.license(credits=100)
    assert await billing.refused(key, 101) == (
        "insufficient_credits; INSUFFICIENT_CREDITS: Current balance 100 is less than required 101"
    )
    assert await billing.left(key) == 100
    calls = [billing.client.deduct_credits(license_key=key, amount=10) for _ in range(MANY)]
    outcomes = await system.at_once(LICENSES, calls)
    assert reasons(outcomes) == {"insufficient_credits"}
    assert len(of_kind(outcomes, Charge)) == 10
    assert await billing.left(key) == 0


async def test_an_unknown_license_is_refused(system: System, billing: Billing) -> None:
    """test_billing, invalid license."""
    assert await billing.refused("no such key", 1) == (
        "invalid_license; INVALID_LICENSE: License key not found"
    )


async def test_an_inactive_license_is_refused(system: System, billing: Billing) -> None:
    """test_billing, inactive license."""
    key = await billing.license(active=False)
    assert await billing.refused(key, 1) == (
        "inactive_license; INACTIVE_LICENSE: License is not active"
    )
    assert await billing.left(key) == 100


async def test_an_expired_license_is_refused(system: System, billing: Billing) -> None:
    """test_billing, expired license: one that ended a second ago, and one that ends in an hour."""
    now = datetime.now(UTC)
    key = await billing.license(ends=now - timedelta(seconds=1))
    assert await billing.refused(key, 1) == (
        "expired_license; EXPIRED_LICENSE: License has expired"
    )
    still = await billing.license(ends=now + timedelta(hours=1))
    charge = await billing.client.deduct_credits(license_key=still, amount=1)
    assert charge.balance == 99


async def test_a_database_error_charges_nothing_and_is_no_refusal(
    system: System, billing: Billing
) -> None:
    """test_billing, database errors: one that will not go away by itself, and one that may."""
    key = await billing.license()
    async with system.fault("fail", f"before update on {LICENSES}"):
        with pytest.raises(asyncpg.DiskFullError):
            await billing.client.deduct_credits(license_key=key, amount=1)
    holder = await system.connect()
    try:
        await holder.execute(
            f"begin; select from {LICENSES} where license_key = '{key}' for update"
        )
        async with system.impatient("10ms") as caller:
            with pytest.raises(Busy):
                await LicenseBilling(caller).deduct_credits(license_key=key, amount=1)
    finally:
        await holder.close()
    assert await billing.deductions(key) == []
    assert await billing.left(key) == 100
