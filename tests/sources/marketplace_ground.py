"""Workspaces, leads and purchases for the marketplace's suites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from source_ground import System

from clients.lead_marketplace import Completion, LeadMarketplace

LEADS = "lead_marketplace.leads"
ACCOUNTS = "lead_marketplace.workspace_credits"
PURCHASES = "lead_marketplace.marketplace_purchases"
CREDIT_PURCHASES = "lead_marketplace.credit_purchases"


@dataclass
class Marketplace:
    """The marketplace's client, and what the tests need around it. ``price`` is that of a lead."""

    system: System
    client: LeadMarketplace
    price: Decimal = Decimal(10)

    @classmethod
    def of(cls, system: System, attempts: int = 8) -> Marketplace:
        return cls(system, LeadMarketplace(system.caller(attempts)))

    async def workspaces(self, count: int, credits: Decimal | int = 0) -> list[UUID]:
        made = [uuid4() for _ in range(count)]
        await self.system.backstage.execute(
            "insert into lead_marketplace.workspaces (id) select unnest($1::uuid[])", made
        )
        if credits:
            await self.system.backstage.fetch(
                "select lead_marketplace.add_workspace_credits(id, $2, 'opening balance') "
                "from unnest($1::uuid[]) as id",
                made,
                credits,
            )
        return made

    async def workspace(self, credits: Decimal | int = 0) -> UUID:
        return (await self.workspaces(1, credits))[0]

    async def leads(self, count: int) -> list[UUID]:
        made = [uuid4() for _ in range(count)]
        await self.system.backstage.execute(
            "insert into lead_marketplace.leads "
            "(id, marketplace_status, is_marketplace_listed, marketplace_price) "
            "select unnest($1::uuid[]), 'available', true, $2",
            made,
            self.price,
        )
        return made

    async def lead(self) -> UUID:
        return (await self.leads(1))[0]

    async def ordered(self, workspace: UUID, *leads: UUID, method: Any = "credits") -> UUID:
        """Return a new pending purchase."""
        return await self.client.create_lead_purchase(
            lead_ids=leads, workspace_id=workspace, payment_method=method
        )

    async def pay(self, purchase: UUID, workspace: UUID, leads: int = 1) -> Completion:
        return await self.client.complete_credit_lead_purchase(
            purchase_id=purchase, workspace_id=workspace, amount=self.price * leads
        )

    async def order_and_pay(self, workspace: UUID, *leads: UUID) -> Completion:
        """Look, order and pay, as the purchase route does it: three calls."""
        await self.client.validate_and_lock_leads_for_purchase(
            lead_ids=leads, workspace_id=workspace
        )
        purchase = await self.ordered(workspace, *leads)
        return await self.pay(purchase, workspace, len(leads))

    async def sold(self, leads: Sequence[UUID]) -> list[int]:
        """Return how often each lead was sold."""
        rows = await self.system.backstage.fetch(
            "select sold_count from lead_marketplace.leads "
            "join unnest($1::uuid[]) with ordinality as wanted (id, place) using (id) "
            "order by place",
            leads,
        )
        return [row[0] for row in rows]

    async def status(self, purchase: UUID) -> str:
        found = await self.client.purchase(purchase_id=purchase)
        assert found
        return found.status

    async def balance(self, workspace: UUID) -> int:
        return int(await self.client.balance(workspace_id=workspace))

    async def entries(self, workspace: UUID) -> list[int]:
        """Return the amounts in the ledger, the opening balance aside."""
        rows = await self.system.backstage.fetch(
            "select entry.amount from lead_marketplace.credit_entries as entry "
            "left join lead_marketplace.credit_grants as given on given.id = entry.grant_id "
            "where entry.workspace_id = $1 and given.reason is distinct from 'opening balance' "
            "order by entry_no",
            workspace,
        )
        return [int(row[0]) for row in rows]


@pytest.fixture
def market(system: System) -> Marketplace:
    return Marketplace.of(system)
