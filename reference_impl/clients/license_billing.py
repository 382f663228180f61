"""Client of license billing: a generation is charged to its license once, at once or later.

Amounts are whole credits (tokens). Every method may raise Busy and OutcomeUnknown (retry.py), and
Refused with one of the reasons that ``LicenseBilling.refusals`` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID, uuid4

from clients.client import Client


@dataclass(frozen=True)
class Charge:
    """Credits of a license moved under this request id; ``balance`` is what it had afterwards."""

    request_id: UUID
    balance: int


@dataclass(frozen=True)
class Recorded:
    """A generation is kept. ``billed``: it has been charged, so there is nothing left to settle."""

    billed: bool
    repeated: bool


@dataclass(frozen=True)
class License:
    """A license as it stands."""

    id: UUID
    tenant_id: UUID
    is_active: bool
    expires_at: datetime | None
    balance: int


class LicenseBilling(Client):
    """The operations. A ``request_id`` that isn't given is drawn once per call."""

    refusals: ClassVar[Mapping[str, str]] = {
        "INVALID_LICENSE: ": "invalid_license",
        "INACTIVE_LICENSE: ": "inactive_license",
        "EXPIRED_LICENSE: ": "expired_license",
        "INVALID_AMOUNT: ": "invalid_amount",
        "INVALID_REQUEST: ": "invalid_request",
        "INVALID_LIMIT: ": "invalid_limit",
        "REQUEST_CONFLICT: ": "request_conflict",
        "INSUFFICIENT_CREDITS: ": "insufficient_credits",
        "BALANCE_TOO_LARGE: ": "balance_too_large",
        "UNKNOWN_GENERATION: ": "unknown_generation",
    }

    async def deduct_credits(
        self, *, license_key: str, amount: int, request_id: UUID | None = None
    ) -> Charge:
        """Charge a generation, of which the request id is the name."""
        request_id = request_id or uuid4()
        row = await self._call(
            "select license_billing.deduct_credits($1, $2, $3)",
            license_key,
            amount,
            request_id,
            key=request_id,
        )
        return Charge(request_id, row[0])

    async def add_credits(
        self, *, license_key: str, amount: int, request_id: UUID | None = None
    ) -> Charge:
        """Add credits to a license."""
        request_id = request_id or uuid4()
        row = await self._call(
            "select license_billing.add_credits($1, $2, $3)",
            license_key,
            amount,
            request_id,
            key=request_id,
        )
        return Charge(request_id, row[0])

    async def record_unbilled_generation(
        self, *, license_key: str, amount: int, request_id: UUID, generation: str | None = None
    ) -> Recorded:
        """Keep a generation whose deduction under the same request id failed or is unknown."""
        row = await self._call(
            "select * from license_billing.record_unbilled_generation($1, $2, $3, $4)",
            license_key,
            amount,
            request_id,
            generation,
            key=request_id,
        )
        return Recorded(row["billed"], row["already_recorded"])

    async def settle_unbilled_generation(self, *, request_id: UUID) -> Charge:
        """Charge a generation that was kept."""
        row = await self._call(
            "select license_billing.settle_unbilled_generation($1)", request_id, key=request_id
        )
        return Charge(request_id, row[0])

    async def settle_unbilled_generations(self, *, limit: int = 100) -> int:
        """Charge kept generations that their licenses can pay; return how many were.

        It has no key, but needs none to be called again: no generation is charged twice.
        """
        row = await self._call(
            "select generations_settled from license_billing.settle_unbilled_generations($1)",
            limit,
            key=None,
        )
        return int(row[0])

    async def license(self, *, license_key: str) -> License | None:
        """Return a license as it stands, None if no license has that key."""
        rows = await self._caller.read(
            "select id, tenant_id, is_active, expires_at, credits_remaining "
            "from license_billing.licenses where license_key = $1",
            license_key,
        )
        return License(*rows[0]) if rows else None

    async def unbilled_generations(self) -> int:
        """Return how many generations are kept and not charged yet."""
        rows = await self._caller.read(
            "select count(*) from license_billing.unbilled_generations where settled_at is null"
        )
        return int(rows[0][0])
