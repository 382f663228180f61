"""Card payments for leads that go back: because they are owed, or because somebody asks for it."""

from __future__ import annotations

from typing import Any

from clients.lead_marketplace import LeadMarketplace, Purchase
from clients.retry import Busy, OutcomeUnknown, Refused
from clients.stripe_idempotency import StripeIdempotency
from service.checkouts import session_of
from service.claims import Operation
from service.context import Context
from service.problems import Problem

SYSTEM = "lead_marketplace"
PURCHASE = f"{SYSTEM}:purchase"
REFUND = f"{SYSTEM}:refund"

_REFUNDABLE = ("completed", "refund_due", "refunded")


async def pay_back(here: Context, purchase: Purchase) -> tuple[str, bool]:
    """Refund a purchase at Stripe and write that down, once; return the refund and whether it was.

    Raises Problem and Refused.
    """
    if purchase.status not in _REFUNDABLE:
        detail = f"Purchase cannot be refunded. Status: {purchase.status}"
        raise Problem(409, "purchase_not_refundable", detail)
    intent = await _payment_intent(here, purchase)

    async def ask(key: str) -> Any:
        options: Any = {"idempotency_key": key}
        return await here.stripe.v1.refunds.create_async({"payment_intent": intent}, options)

    operation = Operation(REFUND, str(purchase.id), {"payment_intent": intent})
    made = await here.claims.once(operation, ask)
    repeated = await LeadMarketplace(here.caller).settle_card_refund(
        purchase_id=purchase.id, stripe_refund_id=made.resource_id
    )
    return made.resource_id, repeated


async def pay_back_due(here: Context) -> int:
    """Pay back what is owed; return how many payments. One that fails is tried again next time."""
    done = 0
    for purchase in await LeadMarketplace(here.caller).refunds_due():
        try:
            await pay_back(here, purchase)
        except Problem as problem:
            here.log.error("refund_failed", purchase_id=str(purchase.id), reason=problem.reason)
        except (Refused, Busy, OutcomeUnknown) as error:
            here.log.error("refund_failed", purchase_id=str(purchase.id), reason=repr(error))
        else:
            done += 1
    return done


async def _payment_intent(here: Context, purchase: Purchase) -> str:
    check = await StripeIdempotency(here.caller).check_stripe_idempotency(
        operation_type=PURCHASE, operation_id=str(purchase.id)
    )
    if check.stripe_resource_id is None:
        detail = "No checkout of this purchase is on record."
        raise Problem(409, "payment_not_found", detail)
    session = await session_of(here, check.stripe_resource_id)
    if not session.get("payment_intent"):
        raise Problem(409, "payment_not_found", "The purchase's checkout wasn't paid.")
    return str(session["payment_intent"])
