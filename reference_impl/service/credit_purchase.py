"""Credits: buy them at a checkout, set them aside, use them up, give them back."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from clients.credit_purchase import Applied, CreditPurchase
from clients.retry import Caller
from service.checkouts import Checkout, Order, is_paid, open_checkout
from service.claims import Operation
from service.context import Context, Here
from service.fields import Body, Credits, Key
from service.problems import Problem, documented, repeatable
from service.webhooks import RESPONSES, Effect, Event, Receipt, receive

SYSTEM = "credit_purchase"
CENTS_PER_CREDIT = 10

router = APIRouter(prefix="/v1/credit_purchase", tags=[SYSTEM])

# 5 credits cost 50 cents, the least that Stripe takes.
Sold = Annotated[int, Field(ge=5, le=1_000_000)]


class Buy(Body):
    """Credits to buy."""

    user_id: UUID
    credits: Sold
    idempotency_key: Key = None


class Set(Body):
    """Credits to set aside. The key names the reservation afterwards."""

    user_id: UUID
    credits: Credits
    idempotency_key: Key = None


class Draw(Body):
    """Reserved credits to use up or to give back, all of them or a part."""

    user_id: UUID
    credits: Credits
    idempotency_key: Key = None


class Done(BaseModel):
    """It was done under this key. ``repeated``: by an earlier request."""

    idempotency_key: UUID
    repeated: bool


class Balance(BaseModel):
    """A user's credits."""

    balance: int


@router.post("/checkouts", responses=documented(404, 409, 502))
async def buy(here: Here, body: Buy) -> Checkout:
    """Open a checkout for credits. Stripe's webhook applies the purchase."""
    key = body.idempotency_key or uuid4()
    metadata = {
        "system": SYSTEM,
        "user_id": str(body.user_id),
        "credits": str(body.credits),
        "idempotency_key": str(key),
    }
    with repeatable(key):
        await _balance(here, body.user_id)
        return await open_checkout(
            here,
            Order(
                Operation(f"{SYSTEM}:checkout", str(key), metadata),
                f"{body.credits} credits",
                body.credits * CENTS_PER_CREDIT,
                metadata,
            ),
        )


@router.post("/reservations", responses=documented(402, 404, 409))
async def reserve(here: Here, body: Set) -> Done:
    """Set credits aside before the work that they pay for begins."""
    key = body.idempotency_key or uuid4()
    with repeatable(key):
        applied = await CreditPurchase(here.caller).reserve_credits(
            user_id=body.user_id, amount=body.credits, idempotency_key=key
        )
    return _done(applied)


@router.post("/reservations/{reservation_key}/settlements", responses=documented(404, 409))
async def settle(here: Here, reservation_key: UUID, body: Draw) -> Done:
    """Use up reserved credits."""
    key = body.idempotency_key or uuid4()
    with repeatable(key):
        applied = await CreditPurchase(here.caller).settle_credits(
            user_id=body.user_id,
            amount=body.credits,
            reservation_key=reservation_key,
            idempotency_key=key,
        )
    return _done(applied)


@router.post("/reservations/{reservation_key}/returns", responses=documented(404, 409))
async def give_back(here: Here, reservation_key: UUID, body: Draw) -> Done:
    """Give reserved credits back that were not used up."""
    key = body.idempotency_key or uuid4()
    with repeatable(key):
        applied = await CreditPurchase(here.caller).refund_credits(
            user_id=body.user_id,
            amount=body.credits,
            reservation_key=reservation_key,
            idempotency_key=key,
        )
    return _done(applied)


@router.get("/users/{user_id}/credits", responses=documented(404))
async def credits_of(here: Here, user_id: UUID) -> Balance:
    """Show a user's credits."""
    return Balance(balance=await _balance(here, user_id))


@router.post("/webhook", responses=RESPONSES)
async def webhook(here: Here, request: Request) -> Receipt:
    """Take an event from Stripe."""
    receipt = await receive(here, request, SYSTEM, plan)
    if receipt.ours:
        here.measures.rate(SYSTEM, "purchase_replay_percent", receipt.repeated)
    return receipt


async def plan(_: Context, event: Event) -> Effect | None:
    """Decide what an event asks for: a checkout of ours that was paid."""
    if event.type != "checkout.session.completed" or event.metadata.get("system") != SYSTEM:
        return None
    return (lambda caller: _credited(caller, event)) if is_paid(event.about) else None


async def _credited(caller: Caller, event: Event) -> str:
    applied = await CreditPurchase(caller).apply_credit_purchase(
        user_id=UUID(event.metadata["user_id"]),
        amount=int(event.metadata["credits"]),
        stripe_session_id=event.about["id"],
        idempotency_key=UUID(event.metadata["idempotency_key"]),
    )
    return f"credit_operation:{applied.idempotency_key}"


async def _balance(here: Context, user_id: UUID) -> int:
    balance = await CreditPurchase(here.caller).balance(user_id=user_id)
    if balance is None:
        raise Problem(404, "user_profile_not_found", f"User not found: {user_id}")
    return balance


def _done(applied: Applied) -> Done:
    return Done(idempotency_key=applied.idempotency_key, repeated=applied.repeated)
