"""Customers, subscriptions, and one invoice per period.

Sources: https://docs.stripe.com/api/subscriptions, https://docs.stripe.com/api/invoices and
https://docs.stripe.com/billing/subscriptions/webhooks. As in API versions since 2025-03-31, the
period stands on the subscription's items and on the invoice's lines, and an invoice names its
subscription in ``parent.subscription_details``. An invoice's own ``period_start`` and
``period_end`` look back at the period before, as Stripe's do.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from . import payments
from .account import Account, Resource
from .clock import DAY
from .params import Params
from .prices import Item, keep, line_items, total
from .refusals import Refused

_DAYS = {"day": 1, "week": 7}


def create_customer(account: Account, params: Params, _: str) -> Resource:
    """Make a customer."""
    fields = {name: params.text(name) for name in ("email", "name", "description", "phone")}
    return make_customer(account, metadata=params.metadata(), **fields)


def make_customer(account: Account, **fields: Any) -> Resource:
    """Make a customer from ready fields."""
    customer = account.make("customer", "cus", **{"name": None, "metadata": {}, **fields})
    account.emit("customer.created", customer)
    return customer


def create(account: Account, params: Params, _: str) -> Resource:
    """Subscribe a customer. The first invoice is paid at once, with a card that works."""
    customer = params.needed("customer")
    items = line_items(account, params.levels("items"), "subscription")
    metadata = params.metadata()
    account.find("customer", customer, "customer")
    keep(account, items)
    return start(account, customer, items, metadata, payments.CARD)


def start(
    account: Account,
    customer: str,
    items: Sequence[Item],
    metadata: dict[str, str],
    card: str,
) -> Resource:
    """Begin a subscription that is ``active``, with its first invoice paid.

    Raises Refused (402) where the card is declined; then there is no subscription.
    """
    now = account.clock.now()
    currency = items[0]["price"]["currency"]
    intent = _pay(account, customer, total(items), currency, card)
    subscription = account.make(
        "subscription",
        "sub",
        customer=customer,
        currency=currency,
        metadata=metadata,
        billing_cycle_anchor=now,
        cancel_at_period_end=False,
        canceled_at=None,
        ended_at=None,
        latest_invoice=None,
        start_date=now,
        status="active",
        _periods=0,
    )
    rows = [_item(account, item, subscription["id"]) for item in items]
    subscription["items"] = {"object": "list", "data": rows, "has_more": False}
    _next_period(subscription)
    account.emit("customer.subscription.created", subscription)
    _invoice(account, subscription, "subscription_create", (now, now), intent)
    return subscription


def _item(account: Account, item: Item, subscription: str) -> Resource:
    fields = {"subscription": subscription, "metadata": {}, "price": dict(item["price"])}
    return account.build("subscription_item", "si", quantity=item["quantity"], **fields)


def renew(account: Account, id: str, card: str = payments.CARD) -> Resource:
    """Go on to the next period and bill it, whatever the clock says.

    With a card that is declined the invoice stays open and the subscription is ``past_due``.
    Raises Refused for a subscription that has ended.
    """
    subscription = account.find("subscription", id)
    if subscription["status"] == "canceled":
        raise Refused(f"Subscription {id} is canceled.")
    item = subscription["items"]["data"][0]
    before = (item["current_period_start"], item["current_period_end"])
    _next_period(subscription)
    payer, currency = subscription["customer"], subscription["currency"]
    try:
        intent = _pay(account, payer, total(subscription["items"]["data"]), currency, card)
    except Refused:
        subscription["status"] = "past_due"
        _invoice(account, subscription, "subscription_cycle", before, None, paid=False)
    else:
        subscription["status"] = "active"
        _invoice(account, subscription, "subscription_cycle", before, intent)
    account.emit("customer.subscription.updated", subscription)
    return subscription


def renew_due(account: Account) -> None:
    """Bill every period that the clock has come to."""
    for subscription in list(account.table("subscription").values()):
        item = subscription["items"]["data"][0]
        while (
            subscription["status"] != "canceled"
            and item["current_period_end"] <= account.clock.now()
        ):
            account.require_room()
            renew(account, subscription["id"])


def cancel(account: Account, _: Params, id: str) -> Resource:
    """End a subscription now. Nothing is given back."""
    subscription = account.find("subscription", id)
    if subscription["status"] == "canceled":
        raise Refused(f"No such subscription: '{id}'", status=404, code="resource_missing")
    now = account.clock.now()
    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    account.emit("customer.subscription.deleted", subscription)
    return subscription


def _pay(account: Account, customer: str, amount: int, currency: str, card: str) -> Resource | None:
    if not amount:
        return None
    intent = payments.open_intent(account, amount, currency, customer=customer)
    return payments.pay(account, intent, card)


def _invoice(
    account: Account,
    subscription: Resource,
    reason: str,
    before: tuple[int, int],
    intent: Resource | None,
    paid: bool = True,
) -> None:
    amount = total(subscription["items"]["data"])
    parent = {"subscription": subscription["id"], "metadata": dict(subscription["metadata"])}
    invoice = account.make(
        "invoice",
        "in",
        amount_due=amount,
        amount_paid=amount if paid else 0,
        amount_remaining=0 if paid else amount,
        attempted=True,
        billing_reason=reason,
        currency=subscription["currency"],
        customer=subscription["customer"],
        metadata={},
        parent={"type": "subscription_details", "subscription_details": parent},
        period_start=before[0],
        period_end=before[1],
        status="paid" if paid else "open",
        total=amount,
        _payment_intent=intent and intent["id"],
    )
    rows = [_line(account, subscription, row) for row in subscription["items"]["data"]]
    invoice["lines"] = {"object": "list", "data": rows, "has_more": False}
    subscription["latest_invoice"] = invoice["id"]
    account.emit("invoice.created", invoice)
    endings = ("paid", "payment_succeeded") if paid else ("payment_failed",)
    for ending in endings:
        account.emit(f"invoice.{ending}", invoice)


def _line(account: Account, subscription: Resource, row: Resource) -> Resource:
    details = {"subscription": subscription["id"], "subscription_item": row["id"]}
    return {
        "id": account.ids("il"),
        "object": "line_item",
        "amount": row["price"]["unit_amount"] * row["quantity"],
        "currency": subscription["currency"],
        "metadata": dict(subscription["metadata"]),
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": details,
        },
        "period": {"start": row["current_period_start"], "end": row["current_period_end"]},
        "pricing": {"type": "price_details", "price_details": {"price": row["price"]["id"]}},
        "quantity": row["quantity"],
    }


def _next_period(subscription: Resource) -> None:
    """Set every item's period to the next one, counted from the day of the first.

    Counting from the first day keeps the 31st: January 31, February 28, March 31.
    """
    first, count = subscription["billing_cycle_anchor"], subscription["_periods"]
    for row in subscription["items"]["data"]:
        recurring = row["price"]["recurring"]
        row["current_period_start"] = _after(first, recurring, count)
        row["current_period_end"] = _after(first, recurring, count + 1)
    subscription["_periods"] = count + 1


def _after(first: int, recurring: dict[str, Any], periods: int) -> int:
    steps = int(recurring["interval_count"]) * periods
    if recurring["interval"] in _DAYS:
        return first + steps * _DAYS[recurring["interval"]] * DAY
    months = steps * (12 if recurring["interval"] == "year" else 1)
    start = datetime.fromtimestamp(first, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())
