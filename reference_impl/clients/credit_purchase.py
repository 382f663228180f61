"""Client of credit purchases: credits are bought through Stripe, then reserved, settled, given back.

Amounts are whole credits. Every method may raise Busy and OutcomeUnknown (retry.py), and Refused
with the reason that the function answers; reference_impl/credit_purchase/ says when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

from clients.client import Client
from clients.retry import Refused


@dataclass(frozen=True)
class Applied:
    """It was done under this key. ``repeated``: by an earlier call."""

    idempotency_key: UUID
    repeated: bool


class CreditPurchase(Client):
    """The operations. An ``idempotency_key`` that isn't given is drawn once per call."""

    async def apply_credit_purchase(
        self,
        *,
        user_id: UUID,
        amount: int,
        stripe_session_id: str,
        idempotency_key: UUID | None = None,
    ) -> Applied:
        """Credit a user with what was paid in a Stripe session.

        A session that was credited under another key is refused as stripe_session_already_processed.
        """
        return await self._apply(
            "apply_credit_purchase($1, $2, $3, $4)",
            idempotency_key or uuid4(),
            user_id,
            amount,
            stripe_session_id,
        )

    async def reserve_credits(
        self, *, user_id: UUID, amount: int, idempotency_key: UUID | None = None
    ) -> Applied:
        """Set credits aside. The key is the reservation's name afterwards."""
        return await self._apply(
            "reserve_credits($1, $2, $3)", idempotency_key or uuid4(), user_id, amount
        )

    async def settle_credits(
        self,
        *,
        user_id: UUID,
        amount: int,
        reservation_key: UUID,
        idempotency_key: UUID | None = None,
    ) -> Applied:
        """Use up reserved credits, all of them or a part."""
        return await self._apply(
            "settle_credits($1, $2, $3, $4)",
            idempotency_key or uuid4(),
            user_id,
            amount,
            reservation_key,
        )

    async def refund_credits(
        self,
        *,
        user_id: UUID,
        amount: int,
        reservation_key: UUID,
        idempotency_key: UUID | None = None,
    ) -> Applied:
        """Give reserved credits back that were not settled, all of them or a part."""
        return await self._apply(
            "refund_credits($1, $2, $3, $4)",
            idempotency_key or uuid4(),
            user_id,
            amount,
            reservation_key,
        )

    async def balance(self, *, user_id: UUID) -> int | None:
        """Return a user's credits, None if there is no such user."""
        rows = await self._caller.read(
            "select credit_balance from credit_purchase.user_profiles where id = $1", user_id
        )
        return int(rows[0][0]) if rows else None

    async def _apply(
        self, function: str, key: UUID, user_id: UUID, amount: int, *last: object
    ) -> Applied:
        row = await self._call(
            f"select credit_purchase.{function}", user_id, amount, key, *last, key=key
        )
        reason = json.loads(row[0])["reason"]
        if reason not in ("applied", "idempotency_key_already_processed"):
            raise Refused(reason, reason.replace("_", " "))
        return Applied(key, repeated=reason != "applied")
