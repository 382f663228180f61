"""The lead marketplace under a hundred simultaneous attempts.

Mirrors the source's suite concurrent-purchases (tests/stress, 7 tests), which is to prove that only
one of a hundred and more concurrent purchases succeeds. The source lets promises loose and hopes
that they meet. Here every test holds its calls up until the server has seen all of them under way
at one moment (System.at_once).
"""

from __future__ import annotations

from marketplace_ground import ACCOUNTS, LEADS, PURCHASES, Marketplace, market
from source_ground import MANY, System, of_kind, reasons

from clients.lead_marketplace import CardCompletion, Completion
from clients.retry import Busy, Refused

SYSTEM = "lead_marketplace"
__all__ = ["market"]


async def test_one_of_a_hundred_buyers_gets_the_lead(system: System, market: Marketplace) -> None:
    """concurrent-purchases: "Only 1 of 100 concurrent purchases succeeds"."""
    lead, buyers = await market.lead(), await market.workspaces(MANY, credits=50)
    purchases = [await market.ordered(buyer, lead) for buyer in buyers]
    outcomes = await system.at_once(
        PURCHASES, [market.pay(*pair) for pair in zip(purchases, buyers, strict=True)]
    )
    assert reasons(outcomes) == {"leads_unavailable"}
    assert len(of_kind(outcomes, Completion)) == 1
    assert await market.sold([lead]) == [1]
    assert sum([await market.balance(buyer) for buyer in buyers]) == MANY * 50 - market.price
    statuses = [await market.status(purchase) for purchase in purchases]
    assert sorted(set(statuses)) == ["completed", "failed"]


async def test_one_of_a_hundred_card_payments_gets_the_lead_and_the_others_are_owed_back(
    system: System, market: Marketplace
) -> None:
    """concurrent-purchases: one lead, a hundred purchases, the same by card."""
    lead, buyers = await market.lead(), await market.workspaces(MANY)
    purchases = [await market.ordered(buyer, lead, method="card") for buyer in buyers]
    outcomes = await system.at_once(
        PURCHASES,
        [market.client.complete_stripe_lead_purchase(purchase_id=each) for each in purchases],
    )
    assert reasons(outcomes) == set()
    assert [answer.lead_ids for answer in outcomes if answer.sold] == [(lead,)]
    assert len(of_kind(outcomes, CardCompletion)) == MANY
    assert await market.sold([lead]) == [1]
    due = {purchase.id for purchase in await market.client.refunds_due(limit=1000)}
    assert len(due & set(purchases)) == MANY - 1


async def test_a_hundred_whole_purchase_routes_sell_the_lead_once(system: System) -> None:
    """concurrent-purchases: the route's steps, each a call of its own, from the first look on.

    Nothing is tried again here: a lead that somebody is looking at just now is a conflict.
    """
    market = Marketplace.of(system, attempts=1)
    lead, buyers = await market.lead(), await market.workspaces(MANY, credits=50)
    outcomes = await system.at_once(LEADS, [market.order_and_pay(buyer, lead) for buyer in buyers])
    assert len(of_kind(outcomes, Completion)) == 1
    assert len(of_kind(outcomes, Busy)) + len(of_kind(outcomes, Refused)) == MANY - 1
    assert await market.sold([lead]) == [1]


async def test_a_workspace_that_can_pay_for_ten_of_a_hundred_leads_gets_ten(
    system: System, market: Marketplace
) -> None:
    """concurrent-purchases: credits can't be spent twice, and no balance falls below zero."""
    buyer, leads = await market.workspace(credits=10 * market.price), await market.leads(MANY)
    purchases = [await market.ordered(buyer, lead) for lead in leads]
    outcomes = await system.at_once(ACCOUNTS, [market.pay(each, buyer) for each in purchases])
    assert reasons(outcomes) == {"insufficient_credits"}
    assert len(of_kind(outcomes, Completion)) == 10
    assert await market.balance(buyer) == 0
    assert sum(await market.sold(leads)) == 10


async def test_a_hundred_completions_of_one_purchase_charge_once(
    system: System, market: Marketplace
) -> None:
    """concurrent-purchases: one buyer who clicks a hundred times."""
    lead, buyer = await market.lead(), await market.workspace(credits=50)
    purchase = await market.ordered(buyer, lead)
    outcomes = await system.at_once(PURCHASES, [market.pay(purchase, buyer) for _ in range(MANY)])
    assert reasons(outcomes) == set()
    assert sorted(answer.repeated for answer in outcomes) == [False] + [True] * (MANY - 1)
    assert {answer.balance for answer in outcomes} == {50 - market.price}
    assert await market.entries(buyer) == [-market.price]
    assert await market.sold([lead]) == [1]


async def test_a_hundred_baskets_that_share_leads_sell_each_lead_once_and_never_deadlock(
    system: System,
) -> None:
    """concurrent-purchases: consistency where purchases overlap in part, in any order."""
    market = Marketplace.of(system, attempts=1)
    leads, buyers = await market.leads(12), await market.workspaces(MANY, credits=50)
    baskets = [system.random.sample(leads, 3) for _ in buyers]
    purchases = [
        await market.ordered(buyer, *basket) for buyer, basket in zip(buyers, baskets, strict=True)
    ]
    outcomes = await system.at_once(
        PURCHASES, [market.pay(*pair, 3) for pair in zip(purchases, buyers, strict=True)]
    )
    assert reasons(outcomes) == {"leads_unavailable"}
    won = [
        b for b, outcome in zip(baskets, outcomes, strict=True) if isinstance(outcome, Completion)
    ]
    taken = [lead for basket in won for lead in basket]
    assert len(taken) == len(set(taken)) > 0
    assert await market.sold(leads) == [int(lead in taken) for lead in leads]


async def test_top_ups_and_purchases_at_once_lose_no_credit(
    system: System, market: Marketplace
) -> None:
    """concurrent-purchases: consistency of one balance with a hundred movements at once."""
    half = MANY // 2
    buyer, leads = await market.workspace(credits=half * market.price), await market.leads(half)
    purchases = [await market.ordered(buyer, lead) for lead in leads]
    top_ups = [
        market.client.add_workspace_credits(workspace_id=buyer, amount=3, reason="bonus")
        for _ in range(half)
    ]
    payments = [market.pay(purchase, buyer) for purchase in purchases]
    outcomes = await system.at_once(ACCOUNTS, [*payments, *top_ups])
    assert reasons(outcomes) == set()
    assert await market.balance(buyer) == half * 3
    assert sorted(await market.entries(buyer)) == [-market.price] * half + [3] * half
    assert await market.sold(leads) == [1] * half
