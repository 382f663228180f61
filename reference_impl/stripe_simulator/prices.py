"""Prices, and the line items of sessions and subscriptions.

Source: https://docs.stripe.com/api/prices
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .account import Account, Resource
from .params import LARGEST_AMOUNT, Params
from .refusals import invalid

# One line of a session or a subscription: {"price": the price, "quantity": a number}.
Item = dict[str, Any]

_INTERVALS = ("day", "week", "month", "year")


def create(account: Account, params: Params, _: str) -> Resource:
    """Make a price that items can name; ``recurring[interval]`` makes it one for subscriptions."""
    return account.make("price", "price", **_read(params), metadata=params.metadata())


def line_items(account: Account, rows: list[Params], mode: str) -> list[Item]:
    """Return what is bought: ``{"price", "quantity"}`` each, with ``price`` or ``price_data``.

    Raises Refused where there are none, where a price doesn't fit the mode (``payment`` or
    ``subscription``), and where currencies or intervals differ. Nothing is kept yet.
    """
    items = [_line_item(account, row, mode) for row in rows]
    prices = [item["price"] for item in items]
    if not items or any(_terms(price) != _terms(prices[0]) for price in prices):
        message = "One item or more is needed, all of one currency and interval."
        raise invalid(message, "line_items" if mode == "payment" else "items")
    if total(items) > LARGEST_AMOUNT:
        message = f"Amount must be no more than {LARGEST_AMOUNT}."
        raise invalid(message, "line_items", "amount_too_large")
    return items


def keep(account: Account, items: Sequence[Item]) -> None:
    """Keep the prices that came as ``price_data``."""
    for item in items:
        account.table("price").setdefault(item["price"]["id"], item["price"])


def total(items: Sequence[Item]) -> int:
    """Return what the items cost together."""
    return sum(int(item["price"]["unit_amount"]) * int(item["quantity"]) for item in items)


def _line_item(account: Account, params: Params, mode: str) -> Item:
    id = params.text("price")
    quantity = params.integer("quantity", 1) or 1
    if id is not None:
        price = account.find("price", id, params.name("price"))
    else:
        fields = _read(params.level("price_data"))
        price = account.build("price", "price", **fields, metadata={})
    if (price["recurring"] is not None) != (mode == "subscription"):
        kind = "recurring" if mode == "subscription" else "one-time"
        raise invalid(f"In `{mode}` mode every price has to be {kind}.", params.name("price"))
    return {"price": price, "quantity": quantity}


def _terms(price: Resource) -> tuple[Any, Any]:
    return price["currency"], price["recurring"]


def _read(params: Params) -> dict[str, Any]:
    """Return a price's fields. Free is allowed."""
    currency = params.currency()
    amount = params.integer("unit_amount")
    if amount is None:
        raise invalid(f"Missing required param: {params.name('unit_amount')}.", "unit_amount")
    return {
        "currency": currency,
        "unit_amount": amount,
        "product": params.text("product"),
        "recurring": _recurring(params.level("recurring")),
        "type": "recurring" if "recurring" in params else "one_time",
    }


def _recurring(params: Params) -> dict[str, Any] | None:
    if not params.values:
        return None
    interval = params.choice("interval", _INTERVALS)
    count = params.integer("interval_count", 1) or 1
    if count > 36:
        raise invalid("interval_count can be 36 at most.", params.name("interval_count"))
    return {"interval": interval, "interval_count": count}
