"""Payment intents and their charges: create, confirm, capture, cancel.

Sources: https://docs.stripe.com/payments/paymentintents/lifecycle and
https://docs.stripe.com/api/payment_intents. Amounts are whole numbers of the currency's smallest
unit. There are no fees, and money that was captured is available at once.
"""

from __future__ import annotations

from typing import Any

from .account import Account, Resource, public
from .params import Params
from .refusals import Refused, missing, unexpected_state

CARD = "pm_card_visa"
_CAPTURES = ("automatic_async", "automatic", "manual")
_CONFIRMABLE = ("requires_payment_method", "requires_confirmation")


def create(account: Account, params: Params, _: str) -> Resource:
    """Make a payment intent; with ``confirm=true`` also pay it."""
    amount, currency, metadata = params.amount(), params.currency(), params.metadata()
    capture = params.choice("capture_method", _CAPTURES, _CAPTURES[0])
    method = _method(params)
    customer = params.text("customer")
    if customer is not None:
        account.find("customer", customer, "customer")
    fields = {
        "customer": customer,
        "description": params.text("description"),
        "metadata": metadata,
        "payment_method": method,
        "capture_method": capture,
    }
    confirming = params.flag("confirm")
    intent = open_intent(account, amount, currency, **fields)
    return pay(account, intent, method) if confirming else intent


def open_intent(account: Account, amount: int, currency: str, **fields: Any) -> Resource:
    """Make a payment intent that nobody has paid yet."""
    unset = dict.fromkeys(("customer", "description", "payment_method", "latest_charge"))
    intent = account.make(
        "payment_intent",
        "pi",
        **unset | {"metadata": {}, "capture_method": _CAPTURES[0]} | fields,
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        currency=currency,
        canceled_at=None,
        last_payment_error=None,
        payment_method_types=["card"],
        status="requires_payment_method",
    )
    if intent["payment_method"]:
        intent["status"] = "requires_confirmation"
    intent["client_secret"] = f"{intent['id']}_secret_{account.ids('secret')[-24:]}"
    account.emit("payment_intent.created", intent)
    return intent


def confirm(account: Account, params: Params, id: str) -> Resource:
    """Pay an intent with ``payment_method``, or with the one that it has."""
    method = _method(params)
    intent = find(account, id)
    if intent["status"] not in _CONFIRMABLE:
        why = (
            "it has already succeeded after being previously confirmed"
            if intent["status"] == "succeeded"
            else f"it has a status of {intent['status']}"
        )
        message = f"You cannot confirm this PaymentIntent because {why}."
        raise unexpected_state(message, public(intent))
    return pay(account, intent, method or intent["payment_method"])


def pay(account: Account, intent: Resource, method: str | None) -> Resource:
    """Charge ``method``. Raises Refused: 400 without a method, 402 where the card is declined."""
    if method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise unexpected_state(message, public(intent))
    declined = _decline_code(method)
    if declined:
        raise _declined(account, intent, method, declined)
    held = intent["capture_method"] == "manual"
    charge = _charge(account, intent, method, captured=not held)
    intent |= {"payment_method": method, "latest_charge": charge["id"], "last_payment_error": None}
    if held:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        account.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    return _received(account, intent, charge, intent["amount"])


def capture(account: Account, params: Params, id: str) -> Resource:
    """Take what an intent holds, or ``amount_to_capture`` of it. The rest is let go for good."""
    wanted = params.optional_amount("amount_to_capture")
    intent = find(account, id)
    if intent["status"] != "requires_capture":
        message = (
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent['status']}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture."
        )
        raise unexpected_state(message, public(intent))
    amount = intent["amount_capturable"] if wanted is None else wanted
    if amount > intent["amount_capturable"]:
        message = f"The capturable amount is {intent['amount_capturable']}, less than {amount}."
        raise Refused(message, param="amount_to_capture", code="amount_too_large")
    charge = account.find("charge", intent["latest_charge"])
    return _received(account, intent, charge, amount)


def cancel(account: Account, params: Params, id: str) -> Resource:
    """End an intent that hasn't been paid. What it holds is let go."""
    intent = find(account, id)
    if intent["status"] in ("succeeded", "canceled"):
        message = f"You cannot cancel this PaymentIntent because it is {intent['status']}."
        raise unexpected_state(message, public(intent))
    intent |= {"status": "canceled", "amount_capturable": 0, "canceled_at": account.clock.now()}
    account.emit("payment_intent.canceled", intent)
    return intent


def find(account: Account, id: str) -> Resource:
    """Return an intent. Stripe calls the parameter of its path ``intent``."""
    found = account.table("payment_intent").get(id)
    if found is None:
        raise missing("payment_intent", id, "intent")
    return found


def retrieve(account: Account, _: Params, id: str) -> Resource:
    """Return an intent as it stands."""
    return find(account, id)


def _method(params: Params) -> str | None:
    """Return the payment method. Only Stripe's test cards, ``pm_card_...``, exist here.

    Source: https://docs.stripe.com/testing
    """
    method = params.text("payment_method")
    if method is not None and not method.startswith("pm_card_"):
        raise missing("PaymentMethod", method, "payment_method", 400)
    return method


def _decline_code(method: str) -> str | None:
    _, declined, reason = method.partition("chargeDeclined")
    codes = {"InsufficientFunds": "insufficient_funds", "LostCard": "lost_card"}
    return codes.get(reason, "generic_decline") if declined else None


def _declined(account: Account, intent: Resource, method: str, decline: str) -> Refused:
    charge = _charge(account, intent, method, captured=False)
    charge |= {"paid": False, "status": "failed"}
    error = {"code": "card_declined", "decline_code": decline, "charge": charge["id"]}
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "last_payment_error": {"type": "card_error", **error},
    }
    account.emit("charge.failed", charge)
    account.emit("payment_intent.payment_failed", intent)
    message = "Your card was declined."
    return Refused(message, status=402, kind="card_error", payment_intent=public(intent), **error)


def _charge(account: Account, intent: Resource, method: str, captured: bool) -> Resource:
    return account.make(
        "charge",
        "ch",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        captured=captured,
        currency=intent["currency"],
        customer=intent["customer"],
        metadata=dict(intent["metadata"]),
        paid=True,
        payment_intent=intent["id"],
        payment_method=method,
        refunded=False,
        status="succeeded",
    )


def _received(account: Account, intent: Resource, charge: Resource, amount: int) -> Resource:
    later = not charge["captured"]
    charge |= {"captured": True, "amount_captured": amount}
    intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    account.move(intent["currency"], amount)
    account.emit("charge.captured" if later else "charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)
    return intent
