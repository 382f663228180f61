"""Money in and out through Stripe: checkout, guest checkout, payout, refund; each exactly once.

What a user pays at a checkout goes into the user's wallet. What leaves Stripe for a user, as payout or
refund, leaves the wallet first.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from clients.retry import Caller
from clients.stripe_idempotency import StripeIdempotency
from service.checkouts import CURRENCY, Checkout, Order, is_paid, open_checkout
from service.claims import Made, Operation
from service.context import Context, Here
from service.fields import Body, Cents, OperationId
from service.problems import documented, repeatable
from service.stripe_side import plain
from service.webhooks import RESPONSES, Event, Marking, Receipt, receive

SYSTEM = "stripe_payments"
CHECKOUT, GUEST = "checkout:create", "guest_checkout:create"
PAYOUT, REFUND = "payout:create", "refund:create"

router = APIRouter(prefix="/v1/stripe_payments", tags=[SYSTEM])

Email = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[!-?A-~]{1,64}@[!-?A-~]+\.[a-z]+$")
]
IntentId = Annotated[str, StringConstraints(pattern=r"^pi_[A-Za-z0-9_]{1,100}$")]


class UserCheckout(Body):
    """What a user pays into the wallet."""

    operation_id: OperationId
    user_id: UUID
    cents: Cents


class GuestCheckout(Body):
    """What somebody without an account pays."""

    operation_id: OperationId
    email: Email
    cents: Cents


class Payout(Body):
    """What goes from a user's wallet to the bank."""

    operation_id: OperationId
    user_id: UUID
    cents: Cents


class Refund(Body):
    """What goes back to the card; None: all that was paid."""

    operation_id: OperationId
    payment_intent: IntentId
    cents: Cents | None = None


class Resource(BaseModel):
    """What an operation has made at Stripe. ``repeated``: an earlier request has made it."""

    operation_id: str
    stripe_id: str
    repeated: bool


class State(BaseModel):
    """What is known of an operation."""

    completed: bool
    stripe_id: str | None


class Wallet(BaseModel):
    """What is in a user's wallet."""

    cents: int


@router.post("/checkouts", responses=documented(404, 409, 502))
async def checkout(here: Here, body: UserCheckout) -> Checkout:
    """Open a checkout for a user."""
    metadata = {"system": SYSTEM, "user_id": str(body.user_id)}
    operation = Operation(CHECKOUT, body.operation_id, {"cents": body.cents}, body.user_id)
    with repeatable(body.operation_id):
        return await open_checkout(here, Order(operation, "Wallet", body.cents, metadata))


@router.post("/guest_checkouts", responses=documented(409, 502))
async def guest_checkout(here: Here, body: GuestCheckout) -> Checkout:
    """Open a checkout for somebody without an account."""
    arguments = {"cents": body.cents, "email": body.email}
    order = Order(
        Operation(GUEST, body.operation_id, arguments),
        "Order",
        body.cents,
        {"system": SYSTEM},
        more={"customer_email": body.email},
    )
    with repeatable(body.operation_id):
        return await open_checkout(here, order)


@router.post("/payouts", responses=documented(402, 404, 409, 502))
async def payout(here: Here, body: Payout) -> Resource:
    """Pay out from a user's wallet."""
    operation = Operation(PAYOUT, body.operation_id, {"cents": body.cents}, body.user_id)

    async def ask(key: str) -> Any:
        await _move(here.caller, operation, "debit", body.user_id, body.cents)
        parameters: Any = {"amount": body.cents, "currency": CURRENCY}
        return await here.stripe.v1.payouts.create_async(parameters, {"idempotency_key": key})

    async def undo(caller: Caller) -> None:
        await _move(caller, operation, "credit", body.user_id, body.cents)

    with repeatable(body.operation_id):
        return _resource(operation, await here.claims.once(operation, ask, undo))


@router.post("/refunds", responses=documented(402, 404, 409, 502))
async def refund(here: Here, body: Refund) -> Resource:
    """Refund a payment. Where it went into a wallet, it is taken out of there first."""
    arguments = {"payment_intent": body.payment_intent, "cents": body.cents}
    operation = Operation(REFUND, body.operation_id, arguments)
    taken: list[tuple[UUID, int]] = []

    async def ask(key: str) -> Any:
        intents = here.stripe.v1.payment_intents
        intent = plain(await intents.retrieve_async(body.payment_intent))
        cents = body.cents or int(intent["amount_received"])
        owner = (intent.get("metadata") or {}).get("user_id")
        if owner and intent["metadata"].get("system") == SYSTEM:
            await _move(here.caller, operation, "debit", UUID(owner), cents)
            taken.append((UUID(owner), cents))
        parameters: Any = {"payment_intent": body.payment_intent, "amount": cents}
        return await here.stripe.v1.refunds.create_async(parameters, {"idempotency_key": key})

    async def undo(caller: Caller) -> None:
        for owner, cents in taken:
            await _move(caller, operation, "credit", owner, cents)

    with repeatable(body.operation_id):
        return _resource(operation, await here.claims.once(operation, ask, undo))


@router.get("/operations/{operation_type}/{operation_id}", responses=documented())
async def check(
    here: Here,
    operation_type: Literal[
        "checkout:create", "guest_checkout:create", "payout:create", "refund:create"
    ],
    operation_id: OperationId,
) -> State:
    """Look whether an operation is completed. It promises nothing."""
    found = await StripeIdempotency(here.caller).check_stripe_idempotency(
        operation_type=operation_type, operation_id=operation_id
    )
    return State(completed=found.is_completed, stripe_id=found.stripe_resource_id)


@router.get("/wallets/{user_id}", responses=documented())
async def wallet(here: Here, user_id: UUID) -> Wallet:
    """Show what is in a user's wallet; one without a wallet has nothing."""
    return Wallet(cents=await StripeIdempotency(here.caller).wallet_balance(user_id=user_id))


@router.post("/webhook", responses=RESPONSES)
async def webhook(here: Here, request: Request) -> Receipt:
    """Take an event from Stripe."""
    return await receive(here, request, SYSTEM, plan)


async def plan(_: Context, event: Event) -> Marking | None:
    """Decide what an event asks for: a user's checkout that was paid. A guest has no wallet."""
    ours = event.metadata.get("system") == SYSTEM and "user_id" in event.metadata
    if event.type != "checkout.session.completed" or not ours or not is_paid(event.about):
        return None

    async def credited(caller: Caller) -> Receipt:
        done = await StripeIdempotency(caller).apply_stripe_wallet_event(
            event_id=event.id,
            event_type=event.type,
            user_id=UUID(event.metadata["user_id"]),
            amount=int(event.about["amount_total"]),
        )
        effect = str(done.transaction_id)
        return Receipt(event=event.id, ours=True, effect=effect, repeated=done.repeated)

    return Marking(credited)


async def _move(
    caller: Caller,
    operation: Operation,
    kind: Literal["debit", "credit"],
    user_id: UUID,
    cents: int,
) -> None:
    """Take money out of a wallet for an operation, or put it back; each once per operation."""
    await StripeIdempotency(caller).apply_wallet_transaction(
        user_id=user_id,
        transaction_type=kind,
        amount=cents,
        reference=f"{operation.type}:{operation.id}",
        idempotency_key=f"{operation.type}:{operation.id}:{kind}",
    )


def _resource(operation: Operation, made: Made) -> Resource:
    return Resource(operation_id=operation.id, stripe_id=made.resource_id, repeated=made.repeated)
