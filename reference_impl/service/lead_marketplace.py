"""Leads: browse, buy with credits, buy by card, refund; top up credits by card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from clients.lead_marketplace import LeadMarketplace, Purchase
from clients.retry import Busy, Caller, Refused
from service.checkouts import Checkout, Order, is_paid, open_checkout
from service.claims import Operation
from service.context import Context, Here
from service.fields import Body, Key
from service.lead_refunds import PURCHASE, SYSTEM, pay_back, pay_back_due
from service.problems import Problem, documented, refused, repeatable
from service.webhooks import RESPONSES, Effect, Event, Receipt, receive

router = APIRouter(prefix="/v1/lead_marketplace", tags=[SYSTEM])

CENTS_PER_CREDIT = 100
# A checkout ends before its purchase does: a payment that comes later is owed back.
_EARLIER = 600  # seconds

Amount = Annotated[Decimal, Field(ge=Decimal("0.50"), le=Decimal("999999.99"), decimal_places=2)]


class LeadForSale(BaseModel):
    """A lead that can be bought."""

    id: UUID
    price: Decimal
    partner_id: UUID | None
    created_at: datetime
    intent_score: int | None
    freshness_score: int | None


class Basket(Body):
    """Leads to buy together: all of them or none."""

    workspace_id: UUID
    lead_ids: list[UUID] = Field(min_length=1, max_length=100)
    request_key: Key = None


class Bought(BaseModel):
    """Leads were bought with credits. ``repeated``: by an earlier request."""

    purchase_id: UUID
    price: Decimal
    balance: Decimal
    repeated: bool


class CardPurchase(Checkout):
    """Where to pay for leads. Stripe's webhook completes the purchase."""

    purchase_id: UUID


class PurchaseState(BaseModel):
    """A purchase as it stands."""

    purchase_id: UUID
    workspace_id: UUID
    method: Literal["credits", "card"]
    status: Literal["pending", "completed", "failed", "refund_due", "refunded"]
    price: Decimal
    expires_at: datetime
    lead_ids: list[UUID]


class RefundRequest(Body):
    """Who asks for a refund: the purchase has to be theirs."""

    workspace_id: UUID


class Refunded(BaseModel):
    """A purchase was paid back: in credits (``balance``), or at Stripe (``stripe_refund_id``)."""

    purchase_id: UUID
    balance: Decimal | None = None
    stripe_refund_id: str | None = None
    repeated: bool


class TopUp(Body):
    """Credits to buy by card."""

    workspace_id: UUID
    credits: Amount
    request_key: Key = None


class Balance(BaseModel):
    """A workspace's credits."""

    balance: Decimal


class PaidBack(BaseModel):
    """How many card payments were paid back that were owed."""

    paid_back: int


@router.get("/leads", responses=documented())
async def browse(here: Here, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> list[LeadForSale]:
    """List leads that can be bought, the newest first."""
    leads = await LeadMarketplace(here.caller).leads_for_sale(limit=limit)
    return [LeadForSale(**vars(lead)) for lead in leads]


@router.post("/purchases/credits", responses=documented(402, 404, 409))
async def buy_with_credits(here: Here, basket: Basket) -> Bought:
    """Buy leads with credits. Too few leave the purchase pending: top up, and repeat the request."""
    key = basket.request_key or uuid4()
    market = LeadMarketplace(here.caller)
    with repeatable(key), _watched(here, key):
        purchase_id = await market.create_lead_purchase(
            lead_ids=basket.lead_ids,
            workspace_id=basket.workspace_id,
            payment_method="credits",
            request_key=key,
        )
        purchase = await _found(here, purchase_id)
        done = await market.complete_credit_lead_purchase(
            purchase_id=purchase_id, workspace_id=basket.workspace_id, amount=purchase.price
        )
    return Bought(
        purchase_id=purchase_id, price=purchase.price, balance=done.balance, repeated=done.repeated
    )


@router.post("/purchases/card", responses=documented(404, 409, 502))
async def buy_by_card(here: Here, basket: Basket) -> CardPurchase:
    """Open a checkout for leads. Nothing is reserved: the first to pay gets them."""
    key = basket.request_key or uuid4()
    with repeatable(key):
        purchase_id = await LeadMarketplace(here.caller).create_lead_purchase(
            lead_ids=basket.lead_ids,
            workspace_id=basket.workspace_id,
            payment_method="card",
            request_key=key,
        )
        purchase = await _found(here, purchase_id)
        order = Order(
            Operation(PURCHASE, str(purchase_id), {"cents": _cents(purchase.price)}),
            f"{len(purchase.lead_ids)} leads",
            _cents(purchase.price),
            {"system": SYSTEM, "kind": "purchase", "purchase_id": str(purchase_id)},
            more={"expires_at": int(purchase.expires_at.timestamp()) - _EARLIER},
        )
        checkout = await open_checkout(here, order)
    return CardPurchase(purchase_id=purchase_id, **checkout.model_dump())


@router.get("/purchases/{purchase_id}", responses=documented(404))
async def show(here: Here, purchase_id: UUID) -> PurchaseState:
    """Show a purchase as it stands."""
    found = vars(await _found(here, purchase_id))
    return PurchaseState(purchase_id=purchase_id, **found)


@router.post("/purchases/{purchase_id}/refund", responses=documented(403, 404, 409, 502))
async def refund(here: Here, purchase_id: UUID, body: RefundRequest) -> Refunded:
    """Pay a completed purchase back, once: in credits, or to the card. The leads stay sold."""
    with repeatable(purchase_id):
        purchase = await _found(here, purchase_id)
        if purchase.method == "credits":
            done = await LeadMarketplace(here.caller).refund_lead_purchase(
                purchase_id=purchase_id, workspace_id=body.workspace_id
            )
            balance, repeated = done.balance, done.repeated
            return Refunded(purchase_id=purchase_id, balance=balance, repeated=repeated)
        if purchase.workspace_id != body.workspace_id:
            raise Problem(403, "foreign_purchase", "The purchase belongs to another workspace.")
        refund_id, repeated = await pay_back(here, purchase)
    return Refunded(purchase_id=purchase_id, stripe_refund_id=refund_id, repeated=repeated)


@router.post("/refunds_due", responses=documented())
async def refunds_due(here: Here) -> PaidBack:
    """Pay back card payments that are owed, as the worker does every few seconds."""
    return PaidBack(paid_back=await pay_back_due(here))


@router.post("/credits/checkouts", responses=documented(404, 409, 502))
async def top_up(here: Here, body: TopUp) -> Checkout:
    """Open a checkout for credits. Stripe's webhook adds them."""
    key = body.request_key or uuid4()
    with repeatable(key):
        bought = await LeadMarketplace(here.caller).create_credit_purchase(
            workspace_id=body.workspace_id, amount=body.credits, request_key=key
        )
        metadata = {
            "system": SYSTEM,
            "kind": "credits",
            "credit_purchase_id": str(bought),
            "workspace_id": str(body.workspace_id),
            "credits": f"{body.credits:f}",
        }
        operation = Operation(f"{SYSTEM}:credits", str(bought), metadata)
        order = Order(operation, f"{body.credits:f} credits", _cents(body.credits), metadata)
        return await open_checkout(here, order)


@router.get("/workspaces/{workspace_id}/credits", responses=documented())
async def credits_of(here: Here, workspace_id: UUID) -> Balance:
    """Show a workspace's credits; one without an account has none."""
    return Balance(balance=await LeadMarketplace(here.caller).balance(workspace_id=workspace_id))


@router.post("/webhook", responses=RESPONSES)
async def webhook(here: Here, request: Request) -> Receipt:
    """Take an event from Stripe."""
    return await receive(here, request, SYSTEM, plan)


async def plan(here: Context, event: Event) -> Effect | None:
    """Decide what an event asks for: a checkout of ours that was paid."""
    if event.type != "checkout.session.completed" or event.metadata.get("system") != SYSTEM:
        return None
    if not is_paid(event.about):
        return None
    if event.metadata["kind"] == "credits":
        return lambda caller: _credited(caller, event)
    return lambda caller: _sold(here, caller, event)


async def _credited(caller: Caller, event: Event) -> str:
    bought = UUID(event.metadata["credit_purchase_id"])
    await LeadMarketplace(caller).complete_stripe_credit_purchase(
        credit_purchase_id=bought,
        workspace_id=UUID(event.metadata["workspace_id"]),
        amount=Decimal(event.metadata["credits"]),
    )
    return f"credit_purchase:{bought}"


async def _sold(here: Context, caller: Caller, event: Event) -> str:
    purchase_id = UUID(event.metadata["purchase_id"])
    with here.measures.timed(SYSTEM, "card_completion_seconds"):
        done = await LeadMarketplace(caller).complete_stripe_lead_purchase(
            purchase_id=purchase_id,
            download_url=f"{here.settings.public_url}/downloads/{purchase_id}",
        )
    if not done.sold:
        here.log.warning("refund_due", purchase_id=str(purchase_id))
    return f"purchase:{purchase_id}"


async def _found(here: Context, purchase_id: UUID) -> Purchase:
    purchase = await LeadMarketplace(here.caller).purchase(purchase_id=purchase_id)
    if purchase is None:
        raise Problem(404, "purchase_not_found", f"Purchase not found: {purchase_id}")
    return purchase


@contextmanager
def _watched(here: Context, key: UUID) -> Iterator[None]:
    """Time a purchase with credits, and count whether it met somebody else's."""
    conflict = False
    try:
        with here.measures.timed(SYSTEM, "credit_completion_seconds"):
            yield
    except Refused as error:
        conflict = error.reason == "leads_unavailable"
        if error.reason == "insufficient_credits":
            raise Problem(402, error.reason, error.message, key=str(key)) from error
        raise refused(error) from error
    except Busy:
        conflict = True
        raise
    finally:
        here.measures.rate(SYSTEM, "conflict_rate_percent", conflict)


def _cents(credits: Decimal) -> int:
    return int(credits * CENTS_PER_CREDIT)
