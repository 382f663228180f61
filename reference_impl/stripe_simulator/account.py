"""What Stripe holds for one account: objects, balances and events."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .ids import Ids
from .params import Params
from .refusals import Refused, full, missing

Resource = dict[str, Any]

# The version that stripe 16 asks for. Event bodies and subscriptions have its shape.
API_VERSION = "2026-10-28.endive"


@dataclass
class Account:
    """All objects by kind and id, in the order in which they were made.

    ``announce`` is called with every new event. Sessions are paid at ``pay_url``/id. ``request``
    is the id of the request that is being executed and its idempotency key; events name it.
    Whoever calls holds the world's lock.
    """

    ids: Ids
    clock: Clock
    limit: int
    announce: Callable[[Resource], None]
    pay_url: str = ""
    tables: dict[str, dict[str, Resource]] = field(default_factory=dict)
    balance: dict[str, int] = field(default_factory=dict)
    request: dict[str, str | None] = field(
        default_factory=lambda: {"id": None, "idempotency_key": None}
    )

    def table(self, kind: str) -> dict[str, Resource]:
        """Return the objects of a kind, such as ``payment_intent``."""
        return self.tables.setdefault(kind, {})

    def require_room(self) -> None:
        """Raise Refused (503) when the simulator holds as much as it may.

        One request makes a handful of objects, so the limit may be passed by that much.
        """
        if sum(map(len, self.tables.values())) >= self.limit:
            raise full(self.limit)

    def build(self, kind: str, prefix: str, **fields: Any) -> Resource:
        """Return a new object with an id of its own, without keeping it."""
        return {
            "id": self.ids(prefix),
            "object": kind,
            "created": self.clock.now(),
            "livemode": False,
            **fields,
        }

    def make(self, kind: str, prefix: str, **fields: Any) -> Resource:
        """Make an object and keep it."""
        made = self.build(kind, prefix, **fields)
        self.table(kind)[made["id"]] = made
        return made

    def find(self, kind: str, id: str, param: str | None = None) -> Resource:
        """Return an object, or raise Refused: 404, or 400 where a parameter named it."""
        found = self.table(kind).get(id)
        if found is None:
            raise missing(kind, id, param or "id", 404 if param is None else 400)
        return found

    def emit(self, type: str, about: Resource) -> None:
        """Record an event with the object as it is now, and announce it."""
        event = self.make(
            "event",
            "evt",
            type=type,
            api_version=API_VERSION,
            data={"object": public(about)},
            pending_webhooks=0,
            request=dict(self.request),
        )
        self.announce(event)

    def move(self, currency: str, amount: int) -> None:
        """Change the balance by ``amount``, which is negative for money that goes out."""
        self.balance[currency] = self.balance.get(currency, 0) + amount

    def spend(self, currency: str, amount: int) -> None:
        """Take money out for a payout or a transfer, or raise Refused if there isn't enough."""
        if self.balance.get(currency, 0) < amount:
            message = "You have insufficient funds in your Stripe account."
            raise Refused(message, code="balance_insufficient", param="amount")
        self.move(currency, -amount)


def public(resource: Resource) -> Resource:
    """Return a copy without what is only the simulator's business."""
    return {
        name: copy.deepcopy(value) for name, value in resource.items() if not name.startswith("_")
    }


def page(account: Account, kind: str, url: str, filters: Sequence[str], params: Params) -> Resource:
    """Return a list, newest first: ``limit`` (1 to 100), ``starting_after``, ``ending_before``.

    Source: https://docs.stripe.com/api/pagination
    """
    limit = params.integer("limit", 1) or 10
    wanted = {name: params.text(name) for name in filters if name in params}
    rows = [
        row
        for row in reversed(account.table(kind).values())
        if all(row.get(name) == value for name, value in wanted.items())
    ]
    after, before = params.text("starting_after"), params.text("ending_before")
    if after is not None:
        rows = rows[1 + _position(rows, kind, after, "starting_after") :]
    if before is not None:
        rows = rows[: _position(rows, kind, before, "ending_before")]
    taken = rows[-min(limit, 100) :] if before is not None else rows[: min(limit, 100)]
    data = [public(row) for row in taken]
    return {"object": "list", "url": url, "has_more": len(taken) < len(rows), "data": data}


def _position(rows: Sequence[Resource], kind: str, id: str, param: str) -> int:
    for position, row in enumerate(rows):
        if row["id"] == id:
            return position
    raise missing(kind, id, param, 400)
