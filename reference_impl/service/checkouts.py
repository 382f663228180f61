"""Checkout sessions: one per operation, with what the webhook has to know in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from service.claims import Operation
from service.context import Context
from service.problems import SOON, Problem
from service.stripe_side import StripeBusy, StripeRefused, StripeUnusable, asked, plain

CURRENCY = "usd"


class Checkout(BaseModel):
    """Where to pay. ``url`` is None once the session is paid or has expired."""

    operation_id: str
    session_id: str
    url: str | None
    repeated: bool


@dataclass(frozen=True)
class Order:
    """What is to be paid for, once. ``more`` are further parameters of the session.

    Everything in here has to be the same whenever the operation is repeated: Stripe compares what
    comes under one key.
    """

    operation: Operation
    name: str
    cents: int
    metadata: Mapping[str, str]
    interval: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


async def open_checkout(here: Context, order: Order) -> Checkout:
    """Open the session, or find the one that was opened before. Raises Problem."""
    parameters = _parameters(here, order)

    async def ask(key: str) -> Any:
        sessions = here.stripe.v1.checkout.sessions
        return await sessions.create_async(parameters, {"idempotency_key": key})  # type: ignore[arg-type]

    made = await here.claims.once(order.operation, ask)
    session = await session_of(here, made.resource_id)
    return Checkout(
        operation_id=order.operation.id,
        session_id=made.resource_id,
        url=session.get("url"),
        repeated=made.repeated,
    )


async def session_of(here: Context, session_id: str) -> dict[str, Any]:
    """Return a session as it stands at Stripe. Raises Problem."""
    try:
        found = await asked(lambda: here.stripe.v1.checkout.sessions.retrieve_async(session_id))
    except StripeBusy as error:
        detail = "Stripe didn't answer, or not now. Repeat the request."
        raise Problem(503, "stripe_busy", detail, retry_after=SOON) from error
    except (StripeRefused, StripeUnusable) as error:
        raise Problem(502, "stripe_failed", "Stripe doesn't show the session.") from error
    return plain(found)


def is_paid(session: Mapping[str, Any]) -> bool:
    """Say whether the money of a completed session is there; some payment methods take days."""
    return session.get("payment_status") in ("paid", "no_payment_required")


def _parameters(here: Context, order: Order) -> dict[str, Any]:
    price: dict[str, Any] = {
        "currency": CURRENCY,
        "unit_amount": order.cents,
        "product_data": {"name": order.name},
    }
    metadata = dict(order.metadata)
    if order.interval:
        price["recurring"] = {"interval": order.interval}
        kind = {"mode": "subscription", "subscription_data": {"metadata": metadata}}
    else:
        kind = {"mode": "payment", "payment_intent_data": {"metadata": metadata}}
    return {
        **kind,
        "line_items": [{"price_data": price, "quantity": 1}],
        "metadata": metadata,
        "client_reference_id": order.operation.id,
        "success_url": f"{here.settings.public_url}/paid",
        **order.more,
    }
