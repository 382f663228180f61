"""Checkout sessions in the modes ``payment`` and ``subscription``.

Source: https://docs.stripe.com/api/checkout/sessions. A session stays open for 24 hours unless
``expires_at`` says otherwise. A payment's intent is made when somebody pays, not before.
"""

from __future__ import annotations

from typing import Any

from . import payments, subscriptions
from .account import Account, Resource
from .clock import DAY
from .params import Params
from .prices import keep, line_items, total
from .refusals import Refused, invalid

_MODES = ("payment", "subscription")


def create(account: Account, params: Params, _: str) -> Resource:
    """Open a session. Its ``url`` is a page of the simulator that a person can pay on."""
    mode = params.choice("mode", _MODES)
    items = line_items(account, params.levels("line_items"), mode)
    customer = params.text("customer")
    fields = _given(account, params)
    if customer is not None:
        account.find("customer", customer, "customer")
    keep(account, items)
    amount = total(items)
    session = account.make(
        "checkout.session",
        "cs_test",
        mode=mode,
        customer=customer,
        amount_subtotal=amount,
        amount_total=amount,
        currency=items[0]["price"]["currency"],
        invoice=None,
        payment_intent=None,
        payment_status="unpaid" if amount else "no_payment_required",
        status="open",
        subscription=None,
        _items=items,
        **fields,
    )
    session["url"] = f"{account.pay_url}/{session['id']}"
    return session


def _given(account: Account, params: Params) -> dict[str, Any]:
    now = account.clock.now()
    expires = params.integer("expires_at")
    if expires is not None and not now + 30 * 60 <= expires <= now + DAY:
        message = "The `expires_at` timestamp must be 30 minutes to 24 hours from now."
        raise invalid(message, "expires_at")
    return {
        "metadata": params.metadata(),
        "client_reference_id": params.text("client_reference_id"),
        "customer_email": params.text("customer_email"),
        "cancel_url": params.text("cancel_url"),
        "success_url": params.text("success_url"),
        "expires_at": now + DAY if expires is None else expires,
        "_intent_metadata": params.level("payment_intent_data").metadata(),
        "_subscription_metadata": params.level("subscription_data").metadata(),
    }


def expire(account: Account, _: Params, id: str) -> Resource:
    """Close an open session. Nobody can pay it any more."""
    session = account.find("checkout.session", id)
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
        raise Refused(message)
    session |= {"status": "expired", "url": None}
    account.emit("checkout.session.expired", session)
    return session


def expire_old(account: Account) -> None:
    """Close the sessions whose time is up."""
    now = account.clock.now()
    for session in list(account.table("checkout.session").values()):
        if session["status"] == "open" and session["expires_at"] <= now:
            expire(account, Params({}), session["id"])


def pay(account: Account, id: str, card: str) -> Resource:
    """Pay a session as its buyer would. Once: a second time it is refused.

    Raises Refused: 404 for no such session, 400 for one that isn't open, 402 for a declined card
    (the session then stays open).
    """
    session = account.find("checkout.session", id)
    if session["status"] != "open":
        raise Refused(f"This Checkout Session has a status of `{session['status']}`.")
    if session["mode"] == "subscription":
        _subscribe(account, session, card)
    elif session["amount_total"]:
        _charge(account, session, card)
    session |= {"status": "complete", "url": None}
    account.emit("checkout.session.completed", session)
    return session


def _charge(account: Account, session: Resource, card: str) -> None:
    if session["payment_intent"] is None:
        intent = payments.open_intent(
            account,
            session["amount_total"],
            session["currency"],
            customer=session["customer"],
            metadata=dict(session["_intent_metadata"]),
        )
        session["payment_intent"] = intent["id"]
    payments.pay(account, payments.find(account, session["payment_intent"]), card)
    session["payment_status"] = "paid"


def _subscribe(account: Account, session: Resource, card: str) -> None:
    if session["customer"] is None:
        email = session["customer_email"]
        session["customer"] = subscriptions.make_customer(account, email=email)["id"]
    subscription = subscriptions.start(
        account,
        session["customer"],
        session["_items"],
        dict(session["_subscription_metadata"]),
        card,
    )
    session |= {
        "subscription": subscription["id"],
        "invoice": subscription["latest_invoice"],
        "payment_status": "paid" if session["amount_total"] else "no_payment_required",
    }
