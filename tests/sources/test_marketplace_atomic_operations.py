"""All of a purchase happens, or nothing of it.

Mirrors the source's suite atomic-operations (tests/integration, 8 tests), which is to prove that
rollbacks work and leave no partial state. The faults are real: a trigger that fails in the middle
of a function, a session that is ended there.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest
from marketplace_ground import LEADS, PURCHASES, Marketplace, market
from source_ground import System

from clients.retry import Refused

SYSTEM = "lead_marketplace"
__all__ = ["market"]

# Credits have been taken, the lead isn't sold yet.
AFTER_THE_DEBIT = f"before update on {LEADS}"
# The lead is sold, the purchase isn't completed yet.
AFTER_THE_SALE = f"before update on {PURCHASES}"


async def picture(market: Marketplace, purchase: UUID, buyer: UUID, lead: UUID) -> object:
    """Return all that a purchase changes."""
    return (
        await market.status(purchase),
        await market.balance(buyer),
        await market.entries(buyer),
        await market.sold([lead]),
    )


async def test_too_few_credits_change_nothing(system: System, market: Marketplace) -> None:
    """atomic-operations: 5 credits, a price of 10; the source's own example."""
    lead, buyer = await market.lead(), await market.workspace(credits=5)
    purchase = await market.ordered(buyer, lead)
    with pytest.raises(Refused) as caught:
        await market.pay(purchase, buyer)
    assert caught.value.reason == "insufficient_credits"
    assert await picture(market, purchase, buyer, lead) == ("pending", 5, [], [0])


async def test_a_failure_after_the_debit_takes_the_debit_back(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, rollback: if any step fails, all of them are undone."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    async with system.fault("fail", AFTER_THE_DEBIT):
        with pytest.raises(asyncpg.DiskFullError):
            await market.pay(purchase, buyer)
    assert await picture(market, purchase, buyer, lead) == ("pending", 50, [], [0])
    await market.pay(purchase, buyer)
    assert await picture(market, purchase, buyer, lead) == ("completed", 40, [-10], [1])


async def test_a_failure_after_the_sale_takes_the_sale_back(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, rollback: the same one step later, for cards and credits."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    by_card = await market.ordered(buyer, lead, method="card")
    async with system.fault("fail", AFTER_THE_SALE):
        with pytest.raises(asyncpg.DiskFullError):
            await market.pay(purchase, buyer)
        with pytest.raises(asyncpg.DiskFullError):
            await market.client.complete_stripe_lead_purchase(purchase_id=by_card)
    assert await picture(market, purchase, buyer, lead) == ("pending", 50, [], [0])
    assert await picture(market, by_card, buyer, lead) == ("pending", 50, [], [0])


async def test_a_session_that_dies_in_the_middle_leaves_nothing_behind(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, no partial state: others see nothing until it is all done."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    async with system.fault("wait", AFTER_THE_DEBIT):
        await system.backstage.execute("select pg_advisory_lock(1)")
        call = asyncio.create_task(Marketplace.of(system, attempts=1).pay(purchase, buyer))
        pid = await system.waiting()
        assert await picture(market, purchase, buyer, lead) == ("pending", 50, [], [0])
        await system.backstage.execute(f"select pg_terminate_backend({pid}, 5000)")
        outcome = (await asyncio.gather(call, return_exceptions=True))[0]
        await system.backstage.execute("select pg_advisory_unlock(1)")
    assert getattr(outcome, "key", None) == purchase
    assert await picture(market, purchase, buyer, lead) == ("pending", 50, [], [0])
    assert not (await market.pay(purchase, buyer)).repeated


async def test_a_reader_sees_all_of_a_purchase_or_nothing(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, no partial state: one picture before the commit, one after it."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    async with system.fault("wait", AFTER_THE_SALE):
        await system.backstage.execute("select pg_advisory_lock(1)")
        call = asyncio.create_task(market.pay(purchase, buyer))
        await system.waiting()
        assert await picture(market, purchase, buyer, lead) == ("pending", 50, [], [0])
        await system.backstage.execute("select pg_advisory_unlock(1)")
        await call
    assert await picture(market, purchase, buyer, lead) == ("completed", 40, [-10], [1])


async def test_a_failed_refund_moves_nothing_and_can_be_made_again(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, rollback: credits that go the other way."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    await market.pay(purchase, buyer)
    async with system.fault("fail", AFTER_THE_SALE):
        with pytest.raises(asyncpg.DiskFullError):
            await market.client.refund_lead_purchase(purchase_id=purchase, workspace_id=buyer)
    assert await picture(market, purchase, buyer, lead) == ("completed", 40, [-10], [1])
    back = await market.client.refund_lead_purchase(purchase_id=purchase, workspace_id=buyer)
    assert (back.balance, back.repeated) == (Decimal(50), False)


async def test_leads_are_marked_sold_all_or_none(system: System, market: Marketplace) -> None:
    """atomic-operations, bulk operations: a list with an unknown lead marks none of the others."""
    leads = await market.leads(5)
    with pytest.raises(Refused, match="Requested: 6, Found: 5"):
        await market.client.mark_leads_sold_bulk(lead_ids=[*leads, uuid4()])
    assert await market.sold(leads) == [0] * 5
    assert await market.client.mark_leads_sold_bulk(lead_ids=leads) == 5
    assert await market.sold(leads) == [1] * 5


async def test_leads_that_are_sold_already_are_neither_sold_again_nor_counted(
    system: System, market: Marketplace
) -> None:
    """atomic-operations, bulk operations: the source adds one to the sold_count of each."""
    leads, buyer = await market.leads(3), await market.workspace(credits=50)
    await market.order_and_pay(buyer, leads[0])
    assert await market.client.mark_leads_sold_bulk(lead_ids=leads) == 2
    assert await market.client.mark_leads_sold_bulk(lead_ids=leads) == 0
    assert await market.sold(leads) == [1, 1, 1]
