"""Client of the lead marketplace: top up credits, buy leads with credits or by card, refund.

Amounts are credits, as Decimal or int with at most two decimals; a float is refused. Every
method may raise Busy and OutcomeUnknown (retry.py), and Refused with one of the reasons that
``LeadMarketplace.refusals`` lists; reference_impl/lead_marketplace/README.md says when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID, uuid4

from clients.client import Client
from clients.retry import Refused

Credits = Decimal | int


@dataclass(frozen=True)
class Lead:
    """A lead that can be bought."""

    id: UUID
    price: Decimal
    partner_id: UUID | None
    created_at: datetime
    intent_score: int | None
    freshness_score: int | None


@dataclass(frozen=True)
class Purchase:
    """A purchase of leads as it stands. ``price`` is the sum of its items' prices."""

    id: UUID
    workspace_id: UUID
    method: str
    status: str
    price: Decimal
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    download_url: str | None
    download_expires_at: datetime | None
    stripe_refund_id: str | None
    lead_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Completion:
    """Leads were paid with credits. ``repeated``: by an earlier call, of which this is the answer."""

    balance: Decimal
    repeated: bool


@dataclass(frozen=True)
class CardCompletion:
    """A card payment was taken note of. Not ``sold``: the money is owed back, and nothing was sold."""

    sold: bool
    repeated: bool
    lead_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Movement:
    """Credits moved. ``repeated``: by an earlier call, whose balance this is."""

    balance: Decimal
    repeated: bool


class LeadMarketplace(Client):
    """The marketplace's operations. A ``request_key`` that isn't given is drawn once per call."""

    refusals: ClassVar[Mapping[str, str]] = {
        "No leads given": "no_leads",
        "A lead id is null": "lead_id_missing",
        "A lead is given twice": "lead_given_twice",
        "Unknown payment method: ": "unknown_payment_method",
        "Invalid credit amount: ": "invalid_amount",
        "Reason is missing": "reason_missing",
        "Stripe refund id is missing": "stripe_refund_id_missing",
        "Workspace not found: ": "workspace_not_found",
        "Purchase not found: ": "purchase_not_found",
        "Credit purchase not found: ": "credit_purchase_not_found",
        "Purchase belongs to another workspace: ": "foreign_purchase",
        "Credit purchase belongs to another workspace: ": "foreign_purchase",
        "Purchase is not paid with credits: ": "wrong_payment_method",
        "Purchase is not paid by card: ": "wrong_payment_method",
        "No leads found for purchase: ": "purchase_is_empty",
        "Credit amount differs from the price. ": "wrong_amount",
        "Credit amount differs from the credit purchase. ": "wrong_amount",
        "Purchase cannot be completed. ": "purchase_closed",
        "Purchase cannot be refunded. ": "purchase_not_refundable",
        "Purchase has expired: ": "purchase_expired",
        "Purchase was completed with another download URL: ": "download_url_conflict",
        "Purchase was refunded by another Stripe refund: ": "stripe_refund_conflict",
        "Stripe refund was used for another purchase: ": "stripe_refund_conflict",
        "Request key was used with other arguments: ": "request_key_conflict",
        "Some leads are no longer available for purchase. ": "leads_unavailable",
        "Some leads do not exist. ": "leads_not_found",
        "Insufficient credits. ": "insufficient_credits",
        "Price is too large: ": "price_too_large",
        "Credit balance would be too large: ": "balance_too_large",
    }

    async def validate_and_lock_leads_for_purchase(
        self, *, lead_ids: Sequence[UUID], workspace_id: UUID
    ) -> tuple[Lead, ...]:
        """Return the leads if all of them can be bought now. It promises nothing for later.

        A lead that somebody is buying at this moment makes the call wait and try again.
        """
        # One row with all of them: the locks end with the statement, which changes nothing.
        row = await self._call(
            "select array_agg(lead order by lead.id) as leads "
            "from lead_marketplace.validate_and_lock_leads_for_purchase($1, $2) as lead",
            lead_ids,
            workspace_id,
            key="validation",
        )
        return tuple(Lead(*lead) for lead in row["leads"])

    async def create_lead_purchase(
        self,
        *,
        lead_ids: Sequence[UUID],
        workspace_id: UUID,
        payment_method: Literal["credits", "card"],
        request_key: UUID | None = None,
    ) -> UUID:
        """Write a pending purchase down, at today's prices, and return its id. It claims nothing."""
        request_key = request_key or uuid4()
        row = await self._call(
            "select lead_marketplace.create_lead_purchase($1, $2, $3, $4)",
            lead_ids,
            workspace_id,
            payment_method,
            request_key,
            key=request_key,
        )
        return UUID(str(row[0]))

    async def complete_credit_lead_purchase(
        self, *, purchase_id: UUID, workspace_id: UUID, amount: Credits
    ) -> Completion:
        """Take the price, which ``amount`` has to be, and sell the leads; all or nothing."""
        row = await self._call(
            "select * from lead_marketplace.complete_credit_lead_purchase($1, $2, $3)",
            purchase_id,
            workspace_id,
            amount,
            key=purchase_id,
        )
        if not row["success"]:
            message = row["error_message"]
            raise self._refusal(message) or Refused("refused", message)
        return Completion(row["new_credit_balance"], row["already_completed"])

    async def complete_stripe_lead_purchase(
        self, *, purchase_id: UUID, download_url: str | None = None
    ) -> CardCompletion:
        """Sell the leads of a purchase whose card was charged, or note that the money is owed back."""
        row = await self._call(
            "select * from lead_marketplace.complete_stripe_lead_purchase($1, $2)",
            purchase_id,
            download_url,
            key=purchase_id,
        )
        return CardCompletion(
            row["success"], row["already_completed"], tuple(row["lead_ids_marked"])
        )

    async def mark_leads_sold_bulk(self, *, lead_ids: Sequence[UUID]) -> int:
        """Mark leads that were sold elsewhere; return how many weren't yet.

        It has no key: the count of a call whose answer was lost can't be asked for again.
        """
        row = await self._call(
            "select leads_marked from lead_marketplace.mark_leads_sold_bulk($1)", lead_ids, key=None
        )
        return int(row[0])

    async def refund_lead_purchase(self, *, purchase_id: UUID, workspace_id: UUID) -> Movement:
        """Give the credits of a completed purchase back, once. Its leads stay sold."""
        row = await self._call(
            "select * from lead_marketplace.refund_lead_purchase($1, $2)",
            purchase_id,
            workspace_id,
            key=purchase_id,
        )
        return Movement(row["new_credit_balance"], row["already_refunded"])

    async def settle_card_refund(self, *, purchase_id: UUID, stripe_refund_id: str) -> bool:
        """Record that Stripe paid a card payment back; return whether that was known already."""
        row = await self._call(
            "select already_refunded from lead_marketplace.settle_card_refund($1, $2)",
            purchase_id,
            stripe_refund_id,
            key=purchase_id,
        )
        return bool(row[0])

    async def expire_lead_purchases(self, *, workspace_id: UUID | None = None) -> int:
        """Fail pending purchases past their expiry, of one workspace or all; return how many."""
        row = await self._call(
            "select purchases_expired from lead_marketplace.expire_lead_purchases($1)",
            workspace_id,
            key=None,
        )
        return int(row[0])

    async def add_workspace_credits(
        self,
        *,
        workspace_id: UUID,
        amount: Credits,
        reason: str,
        request_key: UUID | None = None,
    ) -> Movement:
        """Give a workspace credits."""
        request_key = request_key or uuid4()
        row = await self._call(
            "select * from lead_marketplace.add_workspace_credits($1, $2, $3, $4)",
            workspace_id,
            amount,
            reason,
            request_key,
            key=request_key,
        )
        return Movement(row["new_credit_balance"], row["already_added"])

    async def create_credit_purchase(
        self, *, workspace_id: UUID, amount: Credits, request_key: UUID | None = None
    ) -> UUID:
        """Write down how many credits are about to be bought by card; return the id to pay under."""
        request_key = request_key or uuid4()
        row = await self._call(
            "select lead_marketplace.create_credit_purchase($1, $2, $3)",
            workspace_id,
            amount,
            request_key,
            key=request_key,
        )
        return UUID(str(row[0]))

    async def complete_stripe_credit_purchase(
        self, *, credit_purchase_id: UUID, workspace_id: UUID, amount: Credits
    ) -> Movement:
        """Credit a workspace with what a card has paid for, once."""
        row = await self._call(
            "select * from lead_marketplace.complete_stripe_credit_purchase($1, $2, $3)",
            credit_purchase_id,
            workspace_id,
            amount,
            key=credit_purchase_id,
        )
        return Movement(row["new_credit_balance"], row["already_completed"])

    async def leads_for_sale(self, *, limit: int = 100) -> tuple[Lead, ...]:
        """Return leads that can be bought, the newest first."""
        rows = await self._caller.read(
            "select id, marketplace_price, partner_id, created_at, intent_score_calculated, "
            "freshness_score from lead_marketplace.leads where for_sale "
            "order by created_at desc, id limit $1",
            limit,
        )
        return tuple(Lead(*row) for row in rows)

    async def balance(self, *, workspace_id: UUID) -> Decimal:
        """Return the credits of a workspace; one without an account has none."""
        rows = await self._caller.read(
            "select balance from lead_marketplace.workspace_credits where workspace_id = $1",
            workspace_id,
        )
        return Decimal(rows[0][0]) if rows else Decimal(0)

    async def purchase(self, *, purchase_id: UUID) -> Purchase | None:
        """Return a purchase as it stands, None if there is none of that id."""
        return next(iter(await self._purchases("purchase.id = $1", purchase_id)), None)

    async def refunds_due(self, *, limit: int = 100) -> tuple[Purchase, ...]:
        """Return card payments that are owed back, the oldest first: refund each at Stripe."""
        return await self._purchases("purchase.status = 'refund_due'", limit=limit)

    async def _purchases(
        self, condition: str, *arguments: object, limit: int = 1
    ) -> tuple[Purchase, ...]:
        rows = await self._caller.read(
            "select purchase.id, buyer_workspace_id, payment_method, status, sum(item.price), "
            "created_at, expires_at, completed_at, download_url, download_expires_at, "
            "stripe_refund_id, array_agg(item.lead_id order by item.lead_id) "
            "from lead_marketplace.marketplace_purchases as purchase "
            "join lead_marketplace.marketplace_purchase_items as item "
            f"on item.purchase_id = purchase.id where {condition} "
            f"group by purchase.id order by purchase.created_at, purchase.id limit {limit:d}",
            *arguments,
        )
        return tuple(Purchase(*[*row[:-1], tuple(row[-1])]) for row in rows)
