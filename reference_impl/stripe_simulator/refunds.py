"""Refunds: never more in total than what was captured.

Source: https://docs.stripe.com/api/refunds/create
"""

from __future__ import annotations

from .account import Account, Resource
from .params import Params
from .refusals import Refused, missing

_SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}
_WITHOUT_CENTS = {"jpy", "krw", "vnd", "clp", "xof", "xaf", "pyg", "ugx", "rwf"}
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(account: Account, params: Params, _: str) -> Resource:
    """Give back ``amount`` (default: all that is left) of a ``payment_intent`` or a ``charge``."""
    amount, metadata = params.optional_amount("amount"), params.metadata()
    reason = params.choice("reason", _REASONS, _REASONS[-1]) if "reason" in params else None
    intent, charge = params.text("payment_intent"), params.text("charge")
    if intent is None and charge is None:
        message = "One of the following params should be provided: payment_intent or charge."
        raise Refused(message, executed=False)
    found = _charge_of(account, intent, charge)
    back = _allowed(found, amount)
    return _refund(account, found, back, {"reason": reason, "metadata": metadata})


def _refund(account: Account, charge: Resource, amount: int, fields: Resource) -> Resource:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    # As with Stripe, a refund may take the balance below zero.
    account.move(charge["currency"], -amount)
    refund = account.make(
        "refund",
        "re",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=charge["payment_intent"],
        status="succeeded",
        **fields,
    )
    account.emit("refund.created", refund)
    account.emit("charge.refunded", charge)
    return refund


def _charge_of(account: Account, intent: str | None, charge: str | None) -> Resource:
    """Return the charge that is meant. It has to have been captured."""
    if intent is not None:
        payment = account.find("payment_intent", intent, "payment_intent")
        if charge is not None and charge != payment["latest_charge"]:
            raise missing("charge", charge, "charge", 400)
        if payment["status"] != "succeeded":
            message = f"This PaymentIntent ({intent}) does not have a successful charge to refund."
            raise Refused(message, param="payment_intent")
        charge = payment["latest_charge"]
    found = account.find("charge", str(charge), "charge")
    if not found["captured"]:
        message = f"Charge {found['id']} does not have captured money to refund."
        raise Refused(message, param="charge")
    return found


def _allowed(charge: Resource, wanted: int | None) -> int:
    """Return the amount to give back, or raise Refused in the words that Stripe has for it."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise Refused(message, code="charge_already_refunded")
    if wanted is None or wanted <= left:
        return left if wanted is None else wanted
    which = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
    asked, rest = (_money(amount, charge["currency"]) for amount in (wanted, left))
    message = f"Refund amount ({asked}) is greater than {which} ({rest})"
    raise Refused(message, param="amount")


def _money(amount: int, currency: str) -> str:
    number = str(amount) if currency in _WITHOUT_CENTS else f"{amount // 100}.{amount % 100:02}"
    return f"{_SIGNS[currency]}{number}" if currency in _SIGNS else f"{number} {currency}"
