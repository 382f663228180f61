"""Client of Stripe idempotency: one Stripe resource per operation, one effect per event; wallets.

Amounts are whole cents. Every method may raise Busy and OutcomeUnknown (retry.py), and Refused with
one of the reasons that ``StripeIdempotency.refusals`` lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

from clients.client import Client

LEASE = 60  # seconds


@dataclass(frozen=True)
class Check:
    """What is known of an operation."""

    is_completed: bool
    stripe_resource_id: str | None
    stripe_idempotency_key: str | None
    created_at: datetime | None


@dataclass(frozen=True)
class Claim:
    """Whose turn it is: only ``claimed`` may call Stripe, with ``stripe_idempotency_key``.

    A claim whose answer was lost on the way reads as in_progress until its lease lapses; the next
    claim then gets the same key.
    """

    outcome: Literal["claimed", "in_progress", "completed", "needs_attention"]
    stripe_idempotency_key: str | None
    stripe_resource_id: str | None
    attempt: int | None
    lease_expires_at: datetime | None


@dataclass(frozen=True)
class RequestClaim:
    """Whether to do a request to our own API, or which response it has had."""

    outcome: Literal["claimed", "in_progress", "completed"]
    response_status: int | None
    response_body: Any
    attempt: int | None
    lease_expires_at: datetime | None


@dataclass(frozen=True)
class EventClaim:
    """Whether to process an event, or what processing it has done."""

    outcome: Literal["claimed", "in_progress", "processed"]
    effect: str | None
    attempt: int | None
    lease_expires_at: datetime | None


@dataclass(frozen=True)
class WalletMovement:
    """A wallet moved. ``repeated``: by an earlier call, whose balance this is."""

    transaction_id: UUID
    balance: int
    repeated: bool


class StripeIdempotency(Client):
    """The operations. An ``idempotency_key`` that isn't given is drawn once per call."""

    refusals: ClassVar[Mapping[str, str]] = {
        "Invalid operation type: ": "invalid_operation_type",
        "Invalid operation id: ": "invalid_operation_id",
        "Invalid request fingerprint: ": "invalid_fingerprint",
        "Invalid lease: ": "invalid_lease",
        "Invalid Stripe idempotency key: ": "invalid_stripe_key",
        "Invalid Stripe resource id: ": "invalid_stripe_resource",
        "Invalid idempotency key: ": "invalid_idempotency_key",
        "Invalid response status: ": "invalid_response_status",
        "Invalid event id: ": "invalid_event_id",
        "Invalid event type: ": "invalid_event_type",
        "Invalid effect: ": "invalid_effect",
        "Invalid amount: ": "invalid_amount",
        "Invalid start: ": "invalid_start",
        "Metadata is not an object": "invalid_metadata",
        "Response body is missing": "response_body_missing",
        "Reference is missing": "reference_missing",
        "Title is missing": "title_missing",
        "Error is missing": "error_missing",
        "Unknown transaction type: ": "unknown_transaction_type",
        "User not found: ": "user_not_found",
        "Operation not found: ": "operation_not_found",
        "Event not found: ": "event_not_found",
        "Idempotency key not found: ": "idempotency_key_not_found",
        "Operation was claimed with other arguments: ": "operation_conflict",
        "Operation has another Stripe idempotency key: ": "stripe_key_conflict",
        "Stripe idempotency key was used for another operation: ": "stripe_key_conflict",
        "Operation belongs to another user: ": "foreign_operation",
        "Operation is completed with another Stripe resource: ": "stripe_resource_conflict",
        "Operation is completed: ": "operation_completed",
        "Operation needs attention: ": "needs_attention",
        "Lease was lost. ": "lease_lost",
        "Idempotency key was used with other arguments: ": "idempotency_key_conflict",
        "Request is completed with another response: ": "response_conflict",
        "Event was delivered with other content: ": "event_conflict",
        "Event is processed with another effect: ": "effect_conflict",
        "Insufficient balance. ": "insufficient_balance",
        "Balance would be too large: ": "balance_too_large",
    }

    async def check_stripe_idempotency(self, *, operation_type: str, operation_id: str) -> Check:
        """Look whether an operation is completed. It claims nothing."""
        row = await self._call(
            "select * from stripe_idempotency.check_stripe_idempotency($1, $2)",
            operation_type,
            operation_id,
            key=f"{operation_type}:{operation_id}",
        )
        return Check(*row)

    async def claim_stripe_idempotency(
        self,
        *,
        operation_type: str,
        operation_id: str,
        fingerprint: str,
        lease: int = LEASE,
        user_id: UUID | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Claim:
        """Claim an operation, for ``lease`` seconds, before calling Stripe."""
        row = await self._call(
            "select * from stripe_idempotency.claim_stripe_idempotency($1, $2, $3, $4, $5, $6)",
            operation_type,
            operation_id,
            fingerprint,
            lease,
            user_id,
            json.dumps(dict(metadata or {})),
            key=f"{operation_type}:{operation_id}",
        )
        return Claim(*row)

    async def record_stripe_idempotency(
        self,
        *,
        operation_type: str,
        operation_id: str,
        stripe_idempotency_key: str,
        stripe_resource_id: str,
        user_id: UUID | None = None,
        metadata: Mapping[str, object] | None = None,
        expires_at: datetime | None = None,
    ) -> UUID:
        """Record which resource Stripe made for an operation; return the record's id."""
        row = await self._call(
            "select stripe_idempotency.record_stripe_idempotency($1, $2, $3, $4, $5, $6, $7)",
            operation_type,
            operation_id,
            stripe_idempotency_key,
            stripe_resource_id,
            user_id,
            json.dumps(dict(metadata or {})),
            expires_at,
            key=f"{operation_type}:{operation_id}",
        )
        return UUID(str(row[0]))

    async def fail_stripe_idempotency(
        self, *, operation_type: str, operation_id: str, attempt: int, error: str
    ) -> None:
        """Note that Stripe gave a definitive error: the operation needs attention."""
        await self._call(
            "select stripe_idempotency.fail_stripe_idempotency($1, $2, $3, $4)",
            operation_type,
            operation_id,
            attempt,
            error,
            key=f"{operation_type}:{operation_id}",
        )

    async def release_stripe_idempotency(
        self, *, operation_type: str, operation_id: str, attempt: int
    ) -> None:
        """Give a lease back after an error that had no effect."""
        await self._call(
            "select stripe_idempotency.release_stripe_idempotency($1, $2, $3)",
            operation_type,
            operation_id,
            attempt,
            key=f"{operation_type}:{operation_id}",
        )

    async def claim_idempotency_key(
        self,
        *,
        idempotency_key: str,
        fingerprint: str,
        user_id: UUID | None = None,
        lease: int = LEASE,
    ) -> RequestClaim:
        """Claim a request to our own API before doing it."""
        row = await self._call(
            "select * from stripe_idempotency.claim_idempotency_key($1, $2, $3, $4)",
            idempotency_key,
            fingerprint,
            user_id,
            lease,
            key=idempotency_key,
        )
        body = row["response_body"]
        return RequestClaim(
            row["outcome"],
            row["response_status"],
            None if body is None else json.loads(body),
            row["attempt"],
            row["lease_expires_at"],
        )

    async def complete_idempotency_key(
        self,
        *,
        idempotency_key: str,
        user_id: UUID | None,
        attempt: int,
        status: int,
        body: object,
    ) -> bool:
        """Store a claimed request's response; return whether it was stored before."""
        row = await self._call(
            "select stripe_idempotency.complete_idempotency_key($1, $2, $3, $4, $5)",
            idempotency_key,
            user_id,
            attempt,
            status,
            json.dumps(body),
            key=idempotency_key,
        )
        return bool(row[0])

    async def begin_stripe_webhook_event(
        self, *, event_id: str, event_type: str, lease: int = LEASE
    ) -> EventClaim:
        """Claim an event before doing what it asks for.

        Within Caller.together, with the effect and finish_stripe_webhook_event, it all happens or
        none of it.
        """
        row = await self._call(
            "select * from stripe_idempotency.begin_stripe_webhook_event($1, $2, $3)",
            event_id,
            event_type,
            lease,
            key=event_id,
        )
        return EventClaim(*row)

    async def finish_stripe_webhook_event(
        self, *, event_id: str, attempt: int, effect: str | None = None
    ) -> bool:
        """Mark an event as processed; return whether it was before. ``effect``: id of what it did."""
        row = await self._call(
            "select stripe_idempotency.finish_stripe_webhook_event($1, $2, $3)",
            event_id,
            attempt,
            effect,
            key=event_id,
        )
        return bool(row[0])

    async def apply_stripe_wallet_event(
        self, *, event_id: str, event_type: str, user_id: UUID, amount: int
    ) -> WalletMovement:
        """Pay what a user has paid at Stripe into the wallet, once per event."""
        row = await self._call(
            "select * from stripe_idempotency.apply_stripe_wallet_event($1, $2, $3, $4)",
            event_id,
            event_type,
            user_id,
            amount,
            key=event_id,
        )
        return WalletMovement(*row)

    async def apply_wallet_transaction(
        self,
        *,
        user_id: UUID,
        transaction_type: Literal["credit", "debit"],
        amount: int,
        reference: str,
        idempotency_key: str | None = None,
    ) -> WalletMovement:
        """Put an amount into a wallet, or take it out."""
        idempotency_key = idempotency_key or str(uuid4())
        row = await self._call(
            "select * from stripe_idempotency.apply_wallet_transaction($1, $2, $3, $4, $5)",
            user_id,
            transaction_type,
            amount,
            reference,
            idempotency_key,
            key=idempotency_key,
        )
        return WalletMovement(*row)

    async def create_event(
        self,
        *,
        organizer_id: UUID,
        title: str,
        starts_at: datetime,
        idempotency_key: str | None = None,
    ) -> UUID:
        """Create an event of an organizer; return its id."""
        idempotency_key = idempotency_key or str(uuid4())
        row = await self._call(
            "select stripe_idempotency.create_event($1, $2, $3, $4)",
            organizer_id,
            title,
            starts_at,
            idempotency_key,
            key=idempotency_key,
        )
        return UUID(str(row[0]))

    async def wallet_balance(self, *, user_id: UUID) -> int:
        """Return the cents in a user's wallet; one without a wallet has none."""
        rows = await self._caller.read(
            "select balance from stripe_idempotency.wallets where user_id = $1", user_id
        )
        return int(rows[0][0]) if rows else 0
