"""Which function answers which URL."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import checkout, outgoing, payments, prices, refunds, subscriptions
from .account import Account, Resource, page
from .params import Params
from .refusals import Refused

# Takes the account, the parameters, and the id in the path ("" where there is none).
Handler = Callable[[Account, Params, str], Resource]


def _listing(kind: str, url: str, *filters: str) -> Handler:
    def answer(account: Account, params: Params, _: str) -> Resource:
        return page(account, kind, url, filters, params)

    return answer


def _one(kind: str) -> Handler:
    return lambda account, _, id: account.find(kind, id)


# (kind, path, what a list can be narrowed by)
_READABLE = (
    ("charge", "charges", ("customer", "payment_intent")),
    ("checkout.session", "checkout/sessions", ("customer", "payment_intent", "subscription")),
    ("customer", "customers", ("email",)),
    ("event", "events", ("type",)),
    ("invoice", "invoices", ("customer", "status")),
    ("payout", "payouts", ("destination", "status")),
    ("payment_intent", "payment_intents", ("customer",)),
    ("price", "prices", ("currency", "product")),
    ("refund", "refunds", ("charge", "payment_intent")),
    ("subscription", "subscriptions", ("customer", "status")),
    ("transfer", "transfers", ("destination", "transfer_group")),
)
_READS = [
    row
    for kind, path, filters in _READABLE
    for row in (
        ("GET", f"/v1/{path}", _listing(kind, f"/v1/{path}", *filters)),
        ("GET", f"/v1/{path}/{{id}}", _one(kind)),
    )
]
_WRITES: list[tuple[str, str, Handler]] = [
    ("POST", "/v1/checkout/sessions", checkout.create),
    ("POST", "/v1/checkout/sessions/{id}/expire", checkout.expire),
    ("POST", "/v1/customers", subscriptions.create_customer),
    ("POST", "/v1/payment_intents", payments.create),
    ("POST", "/v1/payment_intents/{id}/cancel", payments.cancel),
    ("POST", "/v1/payment_intents/{id}/capture", payments.capture),
    ("POST", "/v1/payment_intents/{id}/confirm", payments.confirm),
    ("POST", "/v1/payouts", outgoing.create_payout),
    ("POST", "/v1/prices", prices.create),
    ("POST", "/v1/refunds", refunds.create),
    ("POST", "/v1/subscriptions", subscriptions.create),
    ("DELETE", "/v1/subscriptions/{id}", subscriptions.cancel),
    ("POST", "/v1/transfers", outgoing.create_transfer),
]
_SPECIAL: list[tuple[str, str, Handler]] = [
    ("GET", "/v1/balance", outgoing.balance),
    ("GET", "/v1/payment_intents/{id}", payments.retrieve),
]
_ROUTES = [
    (method, re.compile(re.escape(path).replace(r"\{id\}", "([^/]+)")), handler)
    for method, path, handler in [*_SPECIAL, *_READS, *_WRITES]
]


def find(method: str, path: str) -> tuple[Handler, str]:
    """Return the function for a request and the id in its path, or raise Refused (404)."""
    for known, pattern, handler in _ROUTES:
        match = pattern.fullmatch(path) if known == method else None
        if match:
            return handler, match[1] if pattern.groups else ""
    message = f"Unrecognized request URL ({method}: {path})."
    raise Refused(message, status=404, executed=False)
