"""Peer booking: book a session with credits, refund it; credits come with a paid subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from clients.peer_booking import PeerBooking
from clients.retry import Caller
from service.checkouts import Checkout, Order, open_checkout
from service.claims import Operation
from service.context import Context, Here
from service.fields import Body, OperationId, Text
from service.problems import documented, repeatable
from service.stripe_side import asked, plain
from service.webhooks import RESPONSES, Effect, Event, Receipt, receive

SYSTEM = "peer_booking"
CENTS_PER_CREDIT = 50
_INTERVALS = {"monthly": "month", "yearly": "year"}

router = APIRouter(prefix="/v1/peer_booking", tags=[SYSTEM])


class Book(Body):
    """A session to book. It has to say what the session says."""

    client_id: UUID
    practitioner_id: UUID
    duration_minutes: int = Field(ge=1, le=1440)


class Cancel(Body):
    """Why a session is refunded."""

    reason: Text


class Moved(BaseModel):
    """What went from one account to the other, and both balances around it."""

    credits: int
    client_balance_before: int
    client_balance_after: int
    practitioner_balance_before: int
    practitioner_balance_after: int


class Subscribe(Body):
    """A subscription to pay for, and how many credits each of its periods brings."""

    operation_id: OperationId
    user_id: UUID
    allocation_type: Literal["monthly", "yearly"] = "monthly"
    credits: Annotated[int, Field(ge=1, le=100_000)]


class Balance(BaseModel):
    """A user's credits."""

    balance: int


class Mismatch(BaseModel):
    """Something in the books that can't be."""

    problem: str
    user_id: UUID
    entry_no: int | None
    expected: int | None
    actual: int | None


@router.post("/sessions/{session_id}/booking", responses=documented(402, 403, 404, 409))
async def book(here: Here, session_id: UUID, body: Book) -> Moved:
    """Book a session, once: the client pays, the practitioner earns."""
    with repeatable(session_id):
        done = await PeerBooking(here.caller).process_peer_booking_credits(
            client_id=body.client_id,
            practitioner_id=body.practitioner_id,
            session_id=session_id,
            duration_minutes=body.duration_minutes,
        )
    return Moved(**vars(done))


@router.post("/sessions/{session_id}/refund", responses=documented(404, 409))
async def refund(here: Here, session_id: UUID, body: Cancel) -> Moved:
    """Give the client back what a session cost, once."""
    with repeatable(session_id):
        done = await PeerBooking(here.caller).process_peer_booking_refund(
            session_id=session_id, reason=body.reason
        )
    return Moved(**vars(done))


@router.post("/subscriptions/{subscription_id}/checkouts", responses=documented(409, 502))
async def subscribe(here: Here, subscription_id: UUID, body: Subscribe) -> Checkout:
    """Open a checkout for a subscription. Each period that is paid brings its credits."""
    metadata = {
        "system": SYSTEM,
        "subscription_id": str(subscription_id),
        "user_id": str(body.user_id),
        "allocation_type": body.allocation_type,
        "credits": str(body.credits),
    }
    order = Order(
        Operation(f"{SYSTEM}:checkout", body.operation_id, metadata),
        f"{body.credits} credits {body.allocation_type}",
        body.credits * CENTS_PER_CREDIT,
        metadata,
        interval=_INTERVALS[body.allocation_type],
    )
    with repeatable(body.operation_id):
        return await open_checkout(here, order)


@router.get("/users/{user_id}/credits", responses=documented())
async def credits_of(here: Here, user_id: UUID) -> Balance:
    """Show a user's credits; one without an account has none."""
    return Balance(balance=await PeerBooking(here.caller).balance(user_id=user_id))


@router.get("/reconciliation", responses=documented())
async def reconcile(here: Here) -> list[Mismatch]:
    """List what in the books can't all be true; nothing when they agree."""
    found = await PeerBooking(here.caller).reconcile_credits()
    return [Mismatch(**vars(problem)) for problem in found]


@router.post("/webhook", responses=RESPONSES)
async def webhook(here: Here, request: Request) -> Receipt:
    """Take an event from Stripe."""
    return await receive(here, request, SYSTEM, plan)


async def plan(here: Context, event: Event) -> Effect | None:
    """Decide what an event asks for: the credits of a period that was paid.

    Two events tell of a subscription's first period. Both lead to its invoice, which says for good
    which period was paid; the subscription itself says which one it is in by now, paid or not.
    """
    if event.type == "invoice.payment_succeeded":
        invoice = event.about
    elif event.type == "checkout.session.completed" and event.metadata.get("system") == SYSTEM:
        if not event.about.get("invoice"):
            return None
        invoice_id = event.about["invoice"]
        invoice = plain(await asked(lambda: here.stripe.v1.invoices.retrieve_async(invoice_id)))
    else:
        return None
    terms = _terms(invoice)
    if terms.get("system") != SYSTEM or invoice.get("status") != "paid":
        return None
    return lambda caller: _allocated(caller, terms, _period(invoice))


async def _allocated(
    caller: Caller, terms: dict[str, Any], period: tuple[datetime, datetime]
) -> str:
    allocation = await PeerBooking(caller).allocate_monthly_credits(
        user_id=UUID(terms["user_id"]),
        subscription_id=UUID(terms["subscription_id"]),
        amount=int(terms["credits"]),
        allocation_type=terms["allocation_type"],
        period_start=period[0],
        period_end=period[1],
    )
    return f"allocation:{allocation}"


def _terms(invoice: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of the invoice's subscription."""
    parent = invoice.get("parent") or {}
    return dict((parent.get("subscription_details") or {}).get("metadata") or {})


def _period(invoice: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return the period that an invoice is for: its line's. The invoice's own looks back."""
    period = invoice["lines"]["data"][0]["period"]
    return datetime.fromtimestamp(period["start"], UTC), datetime.fromtimestamp(period["end"], UTC)
