"""One resource at Stripe per operation: claim, call with the stored key, record.

Crashes may come between any two of the three. The claim holds the one Stripe key of the operation,
so whoever takes over sends the same key, and Stripe answers with what the first one has made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clients.retry import Busy, Caller, OutcomeUnknown, Refused
from clients.stripe_idempotency import StripeIdempotency
from service.problems import SOON, Problem
from service.stripe_side import StripeBusy, StripeRefused, StripeUnusable, asked

# Takes the idempotency key to send and returns the new resource.
Ask = Callable[[str], Awaitable[Any]]
# What has to happen together with giving an operation up.
Undo = Callable[[Caller], Awaitable[object]]


@dataclass(frozen=True)
class Operation:
    """What is to be made at Stripe once. ``arguments`` are all that it depends on."""

    type: str
    id: str
    arguments: Mapping[str, Any]
    user_id: UUID | None = None

    @property
    def fingerprint(self) -> str:
        """Return what tells these arguments from others under the same id."""
        text = json.dumps(self.arguments, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """The resource of an operation. ``repeated``: an earlier request has made it."""

    resource_id: str
    repeated: bool


@dataclass(frozen=True)
class Claims:
    """Does operations once. ``lease`` is in seconds."""

    caller: Caller
    lease: int

    async def once(self, operation: Operation, ask: Ask, undo: Undo | None = None) -> Made:
        """Return the operation's resource, made now or before.

        ``undo`` runs in the transaction that gives the operation up after a definitive error.
        Raises Problem: 409 while somebody else is at it, and for an operation that needs attention;
        422 and 502 for what Stripe refuses for good; 503 for what may be tried again.
        """
        claim = await StripeIdempotency(self.caller).claim_stripe_idempotency(
            operation_type=operation.type,
            operation_id=operation.id,
            fingerprint=operation.fingerprint,
            lease=self.lease,
            user_id=operation.user_id,
        )
        if claim.outcome == "completed":
            return Made(str(claim.stripe_resource_id), repeated=True)
        if claim.outcome != "claimed" or not claim.stripe_idempotency_key:
            raise _not_ours(claim.outcome)
        key, attempt = claim.stripe_idempotency_key, claim.attempt or 0
        resource = await self._call(operation, key, attempt, ask, undo)
        await self._record(operation, key, resource)
        return Made(resource, repeated=False)

    async def _call(
        self, operation: Operation, key: str, attempt: int, ask: Ask, undo: Undo | None
    ) -> str:
        try:
            made = await asked(lambda: ask(key))
        except StripeBusy as error:
            await self._release(operation, attempt)
            raise _later() from error
        except StripeUnusable as error:
            await self._release(operation, attempt)
            detail = "Stripe doesn't take the service's API key. Nothing was done."
            raise Problem(502, "stripe_unusable", detail) from error
        except StripeRefused as error:
            await self._give_up(operation, attempt, error, undo)
            raise _refused(error) from error
        except (Refused, Busy, OutcomeUnknown):
            # What comes before the call to Stripe didn't go well, so Stripe wasn't asked.
            await self._release(operation, attempt)
            raise
        return str(made.id)

    async def _record(self, operation: Operation, key: str, resource: str) -> None:
        await StripeIdempotency(self.caller).record_stripe_idempotency(
            operation_type=operation.type,
            operation_id=operation.id,
            stripe_idempotency_key=key,
            stripe_resource_id=resource,
            user_id=operation.user_id,
        )

    async def _release(self, operation: Operation, attempt: int) -> None:
        """Give the lease back, so that nobody has to wait for it to lapse."""
        try:
            await StripeIdempotency(self.caller).release_stripe_idempotency(
                operation_type=operation.type, operation_id=operation.id, attempt=attempt
            )
        except (Refused, Busy, OutcomeUnknown):
            # Somebody has taken over, so there is nothing to give back; or the lease has to lapse.
            return

    async def _give_up(
        self, operation: Operation, attempt: int, error: StripeRefused, undo: Undo | None
    ) -> None:
        async def work(caller: Caller) -> None:
            await StripeIdempotency(caller).fail_stripe_idempotency(
                operation_type=operation.type,
                operation_id=operation.id,
                attempt=attempt,
                error=f"{error.status} {error.code}",
            )
            if undo:
                await undo(caller)

        await self.caller.together(work, key=f"{operation.type}:{operation.id}")


def _not_ours(outcome: str) -> Problem:
    if outcome == "in_progress":
        detail = "The same operation is under way. Ask again."
        return Problem(409, "in_progress", detail, retry_after=SOON)
    detail = "Nobody knows whether Stripe has done it, or Stripe has refused it for good."
    return Problem(409, "needs_attention", detail)


def _later() -> Problem:
    detail = "Stripe didn't answer, or not now. Repeat the request under the same operation id."
    return Problem(503, "stripe_busy", detail, retry_after=SOON)


def _refused(error: StripeRefused) -> Problem:
    if error.status >= 500:
        return Problem(502, "stripe_failed", "Stripe failed. The operation needs attention.")
    detail = f"Stripe refuses it: {error.message}"
    return Problem(422, error.code, detail)
