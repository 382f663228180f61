"""Events from Stripe: signed, delivered more than once and in any order, each done exactly once.

Answers: 2xx for what is done or none of our business, 400 for a bad signature, anything else when
Stripe shall deliver it again (https://docs.stripe.com/webhooks).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import stripe
from fastapi import Request
from pydantic import BaseModel

from clients.retry import Caller, Refused
from clients.stripe_idempotency import StripeIdempotency
from service.context import Context
from service.problems import SOON, Problem, documented, refused, repeatable
from service.stripe_side import StripeBusy, StripeRefused, StripeUnusable, plain

RESPONSES = documented(400, 402, 403, 404, 409)


@dataclass(frozen=True)
class Event:
    """A verified event: what it is about, as Stripe had it when the event was made."""

    id: str
    type: str
    about: dict[str, Any]

    @property
    def metadata(self) -> dict[str, str]:
        """Return the metadata of what it is about."""
        return dict(self.about.get("metadata") or {})


class Receipt(BaseModel):
    """What became of an event. ``effect``: the id of what it did, now or before."""

    event: str
    ours: bool
    effect: str | None = None
    repeated: bool = False


# Does what an event asks for, with a caller inside a transaction, and returns the id of it.
Effect = Callable[[Caller], Awaitable[str]]


@dataclass(frozen=True)
class Marking:
    """An effect by one function of the database that marks the event too."""

    do: Callable[[Caller], Awaitable[Receipt]]


# Decides what an event asks for; None: nothing. It may ask Stripe, it writes nothing.
Plan = Callable[[Context, Event], Awaitable[Effect | Marking | None]]


async def receive(here: Context, request: Request, system: str, plan: Plan) -> Receipt:
    """Verify an event and process it. Raises Problem."""
    event = verified(
        await request.body(),
        request.headers.get("stripe-signature"),
        here.settings.webhook_secrets,
    )
    with repeatable(event.id):
        effect = await _planned(here, event, plan)
        if effect is None:
            return Receipt(event=event.id, ours=False)
        try:
            receipt = await _processed(here, event, effect)
        except Refused as error:
            # Nothing that is delivered again changes it, but the payment is real: somebody has to look.
            here.log.error("webhook_refused", stripe_event=event.id, reason=error.reason)
            raise refused(error) from error
    here.measures.rate(system, "webhook_replay_percent", receipt.repeated)
    here.log.info(
        "webhook", stripe_event=event.id, effect=receipt.effect, repeated=receipt.repeated
    )
    return receipt


def verified(body: bytes, signature: str | None, secrets: Sequence[str]) -> Event:
    """Return the event that Stripe has signed with one of the secrets. Raises Problem (400)."""
    for secret in secrets:
        try:
            found = plain(stripe.Webhook.construct_event(body, signature, secret, api_key="unused"))
            return Event(found["id"], found["type"], found["data"]["object"])
        except (stripe.SignatureVerificationError, ValueError):
            continue
        except (AttributeError, KeyError, TypeError) as error:
            raise Problem(400, "not_an_event", "This is no event.") from error
    raise Problem(400, "bad_signature", "Stripe hasn't signed this.")


async def _planned(here: Context, event: Event, plan: Plan) -> Effect | Marking | None:
    try:
        return await plan(here, event)
    except (StripeBusy, StripeRefused, StripeUnusable) as error:
        detail = "Stripe was asked about the event, and didn't say. Deliver it again."
        raise Problem(503, "stripe_busy", detail, retry_after=SOON) from error


async def _processed(here: Context, event: Event, effect: Effect | Marking) -> Receipt:
    """Do the effect and mark the event in one transaction: both are there afterwards, or neither."""
    if isinstance(effect, Marking):
        return await effect.do(here.caller)

    async def work(caller: Caller) -> Receipt:
        events = StripeIdempotency(caller)
        claim = await events.begin_stripe_webhook_event(
            event_id=event.id, event_type=event.type, lease=here.settings.lease
        )
        if claim.outcome == "processed":
            return Receipt(event=event.id, ours=True, effect=claim.effect, repeated=True)
        if claim.outcome == "in_progress" or claim.attempt is None:
            detail = "The event is being processed. Deliver it again."
            raise Problem(503, "in_progress", detail, retry_after=SOON)
        done = await effect(caller)
        await events.finish_stripe_webhook_event(
            event_id=event.id, attempt=claim.attempt, effect=done
        )
        return Receipt(event=event.id, ours=True, effect=done)

    return await here.caller.together(work, key=event.id)
