"""Client of peer booking: practitioners book each other's sessions and pay with credits.

Amounts are whole credits. Every method may raise Busy and OutcomeUnknown (retry.py), and Refused
with one of the reasons that ``PeerBooking.refusals`` lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

from clients.client import Client
from clients.retry import Key, Refused


@dataclass(frozen=True)
class Reference:
    """What a movement is for, which is its request key too: one movement per reference."""

    type: str
    id: UUID


@dataclass(frozen=True)
class Transfer:
    """The two transactions of one transfer."""

    spend_transaction_id: UUID
    earn_transaction_id: UUID


@dataclass(frozen=True)
class Booking:
    """What a session cost, or was refunded with, and both balances around it."""

    credits: int
    client_balance_before: int
    client_balance_after: int
    practitioner_balance_before: int
    practitioner_balance_after: int


@dataclass(frozen=True)
class Problem:
    """Something in the books that can't be: see reconcile_credits."""

    problem: str
    user_id: UUID
    entry_no: int | None
    expected: int | None
    actual: int | None


class PeerBooking(Client):
    """The operations. A reference or event id that isn't given is drawn once per call."""

    refusals: ClassVar[Mapping[str, str]] = {
        "Invalid credit amount": "invalid_amount",
        "Unknown transaction type: ": "unknown_transaction_type",
        "Reference is incomplete": "reference_incomplete",
        "Reference was used with other arguments: ": "reference_conflict",
        "User not found: ": "user_not_found",
        "Insufficient credits. ": "insufficient_credits",
        "Credit balance would be too large: ": "balance_too_large",
        "Sender and receiver are the same: ": "same_user",
        "Unknown allocation type: ": "unknown_allocation_type",
        "Invalid period": "invalid_period",
        "Subscription not found: ": "subscription_not_found",
        "Subscription belongs to another user: ": "foreign_subscription",
        "Period was allocated with other arguments: ": "period_conflict",
        "Event id is blank": "event_id_missing",
        "Event was used with other arguments: ": "event_conflict",
        "Invalid duration: ": "invalid_duration",
        "Client and practitioner are the same: ": "same_user",
        "Session not found: ": "session_not_found",
        "Session has another client or practitioner: ": "foreign_session",
        "Session has another duration. ": "wrong_duration",
        "Session cannot be booked. ": "session_closed",
        "Session cannot be refunded. ": "session_not_refundable",
        "Session was refunded for another reason: ": "refund_conflict",
        "Reason is missing": "reason_missing",
        "Practitioner has spent the credits. ": "credits_spent",
        "Account has newer transactions: ": "newer_transactions",
        "Old transactions do not follow each other: ": "old_transactions_broken",
    }

    async def update_credit_balance(
        self,
        *,
        user_id: UUID,
        amount: int,
        transaction_type: Literal["bonus", "purchase", "spend", "adjustment"],
        description: str | None = None,
        reference: Reference | None = None,
    ) -> UUID:
        """Change one balance by a signed amount; return the transaction's id."""
        reference = reference or Reference("request", uuid4())
        row = await self._call(
            "select peer_booking.update_credit_balance($1, $2, $3, $4, $5, $6)",
            user_id,
            amount,
            transaction_type,
            description,
            reference.id,
            reference.type,
            key=reference.id,
        )
        return UUID(str(row[0]))

    async def credits_transfer(
        self,
        *,
        from_user_id: UUID,
        to_user_id: UUID,
        amount: int,
        description: str | None = None,
        reference: Reference | None = None,
    ) -> Transfer:
        """Send credits from one user to another, both legs or none."""
        reference = reference or Reference("request", uuid4())
        row = await self._call(
            "select * from peer_booking.credits_transfer($1, $2, $3, $4, $5, $6)",
            from_user_id,
            to_user_id,
            amount,
            reference.id,
            reference.type,
            description,
            key=reference.id,
        )
        return Transfer(*row)

    async def allocate_monthly_credits(
        self,
        *,
        user_id: UUID,
        subscription_id: UUID,
        amount: int,
        allocation_type: Literal["monthly", "yearly"],
        period_start: datetime,
        period_end: datetime,
    ) -> UUID:
        """Give the credits of a subscription's period, once; return the allocation's id."""
        row = await self._call(
            "select peer_booking.allocate_monthly_credits($1, $2, $3, $4, $5, $6)",
            user_id,
            subscription_id,
            amount,
            allocation_type,
            period_start,
            period_end,
            key=f"{subscription_id} {period_start.isoformat()}",
        )
        return UUID(str(row[0]))

    async def allocate_user_credits(
        self,
        *,
        user_id: UUID,
        amount: int,
        description: str | None = None,
        event_id: str | None = None,
    ) -> UUID:
        """Give credits for an event, once; return the allocation's id."""
        event_id = event_id or f"request {uuid4()}"
        row = await self._call(
            "select peer_booking.allocate_user_credits($1, $2, $3, $4)",
            user_id,
            amount,
            description,
            event_id,
            key=event_id,
        )
        return UUID(str(row[0]))

    async def process_peer_booking_credits(
        self, *, client_id: UUID, practitioner_id: UUID, session_id: UUID, duration_minutes: int
    ) -> Booking:
        """Book a session: the client pays, the practitioner earns; all or nothing, once."""
        return await self._booking(
            "process_peer_booking_credits($1, $2, $3, $4)",
            client_id,
            practitioner_id,
            session_id,
            duration_minutes,
            key=session_id,
        )

    async def process_peer_booking_refund(self, *, session_id: UUID, reason: str) -> Booking:
        """Give a client back what a session cost, once."""
        return await self._booking(
            "process_peer_booking_refund($1, $2)", session_id, reason, key=session_id
        )

    async def backfill_balance_before(self, *, user_id: UUID) -> int:
        """Take a user's old transactions over into the ledger; return how many it has of them."""
        row = await self._call(
            "select peer_booking.backfill_balance_before($1)", user_id, key=user_id
        )
        return int(row[0])

    async def reconcile_credits(self) -> tuple[Problem, ...]:
        """Return what in the books can't all be true; nothing when they agree."""
        rows = await self._caller.read("select * from peer_booking.reconcile_credits()")
        return tuple(Problem(*row) for row in rows)

    async def balance(self, *, user_id: UUID) -> int:
        """Return a user's credits; one without an account has none."""
        rows = await self._caller.read(
            "select balance from peer_booking.credits where user_id = $1", user_id
        )
        return int(rows[0][0]) if rows else 0

    async def _booking(self, function: str, *arguments: object, key: Key) -> Booking:
        row = await self._call(f"select peer_booking.{function}", *arguments, key=key)
        answer: dict[str, Any] = json.loads(row[0])
        if not answer.pop("success"):
            message = answer["error"]
            raise self._refusal(message) or Refused("refused", message)
        # One of the two names stands there, by which function it was.
        moved = answer.pop("credit_cost", None) or answer.pop("credits_refunded")
        return Booking(moved, **answer)
