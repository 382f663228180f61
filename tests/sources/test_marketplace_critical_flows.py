"""The marketplace's flows from end to end.

Mirrors the source's suite critical-flows (tests/flows, 7 tests), which is to prove that purchase
flows work end to end. The source names three of them: duplicate purchase prevention, purchase
completion, webhook handling; the others are the flows that its routes and its list of what went
wrong before speak of.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from marketplace_ground import Marketplace, market
from source_ground import System

from clients.retry import Refused

SYSTEM = "lead_marketplace"
__all__ = ["market"]


async def test_a_lead_is_found_ordered_and_paid_with_credits(
    system: System, market: Marketplace
) -> None:
    """critical-flows, purchase completion: the purchase route's calls, one after the other."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    assert lead in [found.id for found in await market.client.leads_for_sale(limit=1000)]
    looked_at = await market.client.validate_and_lock_leads_for_purchase(
        lead_ids=[lead], workspace_id=buyer
    )
    assert [(found.id, found.price) for found in looked_at] == [(lead, market.price)]
    purchase = await market.ordered(buyer, lead)
    assert await market.status(purchase) == "pending"
    answer = await market.pay(purchase, buyer)
    assert (answer.balance, answer.repeated) == (50 - market.price, False)
    assert await market.status(purchase) == "completed"
    assert await market.sold([lead]) == [1]
    assert await market.entries(buyer) == [-market.price]


async def test_a_lead_is_paid_by_card_and_the_webhook_completes_the_purchase(
    system: System, market: Marketplace
) -> None:
    """critical-flows, webhook handling: the download lasts 90 days."""
    lead, buyer = await market.lead(), await market.workspace()
    order = await market.ordered(buyer, lead, method="card")
    answer = await market.client.complete_stripe_lead_purchase(
        purchase_id=order, download_url=f"/downloads/{order}"
    )
    assert (answer.sold, answer.repeated, answer.lead_ids) == (True, False, (lead,))
    purchase = await market.client.purchase(purchase_id=order)
    assert purchase
    assert purchase.status == "completed"
    assert purchase.download_expires_at
    assert purchase.completed_at
    assert purchase.download_expires_at - purchase.completed_at == timedelta(days=90)
    assert await market.sold([lead]) == [1]
    assert await market.balance(buyer) == 0


async def test_a_lead_that_is_sold_cannot_be_bought_again(
    system: System, market: Marketplace
) -> None:
    """critical-flows, duplicate purchase prevention: before the order, and after it."""
    lead, (first, second) = await market.lead(), await market.workspaces(2, credits=50)
    waiting = await market.ordered(second, lead)
    await market.order_and_pay(first, lead)
    for attempt in (
        market.order_and_pay(second, lead),
        market.order_and_pay(first, lead),
        market.pay(waiting, second),
    ):
        with pytest.raises(Refused) as caught:
            await attempt
        assert caught.value.reason == "leads_unavailable"
    assert await market.status(waiting) == "failed"
    assert await market.sold([lead]) == [1]
    assert await market.balance(second) == 50


async def test_who_has_too_few_credits_can_pay_after_a_top_up(
    system: System, market: Marketplace
) -> None:
    """critical-flows: the purchase that the source leaves pending can be paid in the end."""
    lead, buyer = await market.lead(), await market.workspace(credits=4)
    purchase = await market.ordered(buyer, lead)
    with pytest.raises(Refused, match=r"Current: 4\.00, Required: 10\.00"):
        await market.pay(purchase, buyer)
    assert await market.status(purchase) == "pending"
    await market.client.add_workspace_credits(workspace_id=buyer, amount=6, reason="bonus")
    assert (await market.pay(purchase, buyer)).balance == 0
    assert await market.sold([lead]) == [1]


async def test_credits_that_were_bought_by_card_can_be_spent(
    system: System, market: Marketplace
) -> None:
    """critical-flows: top-up, then purchase. The source lists the top-up's test as still to do."""
    lead, buyer = await market.lead(), await market.workspace()
    order = await market.client.create_credit_purchase(workspace_id=buyer, amount=25)
    assert await market.balance(buyer) == 0
    paid = await market.client.complete_stripe_credit_purchase(
        credit_purchase_id=order, workspace_id=buyer, amount=25
    )
    assert (paid.balance, paid.repeated) == (Decimal(25), False)
    await market.order_and_pay(buyer, lead)
    assert await market.balance(buyer) == 25 - market.price
    assert await market.entries(buyer) == [25, -market.price]


async def test_a_basket_of_which_one_lead_is_gone_sells_none(
    system: System, market: Marketplace
) -> None:
    """critical-flows: several leads in one purchase, all of them or none."""
    leads, (first, second) = await market.leads(3), await market.workspaces(2, credits=50)
    basket = await market.ordered(first, *leads)
    await market.order_and_pay(second, leads[1])
    with pytest.raises(Refused, match="Requested: 3, Available: 2"):
        await market.pay(basket, first, leads=3)
    assert await market.sold(leads) == [0, 1, 0]
    assert await market.balance(first) == 50
    await market.order_and_pay(first, leads[0], leads[2])
    assert await market.balance(first) == 50 - 2 * market.price


async def test_a_refund_gives_the_credits_back_and_the_lead_stays_sold(
    system: System, market: Marketplace
) -> None:
    """critical-flows: after a refund the source lets the purchase be completed once more."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    await market.pay(purchase, buyer)
    for repeated in (False, True):
        back = await market.client.refund_lead_purchase(purchase_id=purchase, workspace_id=buyer)
        assert (back.balance, back.repeated) == (Decimal(50), repeated)
    with pytest.raises(Refused, match="Status: refunded"):
        await market.pay(purchase, buyer)
    assert await market.entries(buyer) == [-market.price, market.price]
    assert await market.sold([lead]) == [1]
