"""A webhook may arrive any number of times, and at the wrong time.

Mirrors the source's suite webhook-idempotency (tests/integration, 6 tests), which is to prove that
duplicate webhooks are safe to replay.
"""

from __future__ import annotations

from dataclasses import replace

from marketplace_ground import CREDIT_PURCHASES, PURCHASES, Marketplace, market
from source_ground import MANY, System, reasons

from clients.lead_marketplace import CardCompletion

SYSTEM = "lead_marketplace"
__all__ = ["market"]


async def test_a_webhook_that_is_delivered_five_times_sells_the_lead_once(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: five deliveries of one event; the source's own example."""
    lead, buyer = await market.lead(), await market.workspace()
    purchase = await market.ordered(buyer, lead, method="card")
    for _ in range(5):
        await market.client.complete_stripe_lead_purchase(purchase_id=purchase)
    assert await market.status(purchase) == "completed"
    assert await market.sold([lead]) == [1]


async def test_a_repetition_says_what_the_first_delivery_said(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: already_completed tells that the effect was there before.

    The source's repetition says success false and no leads: whose first answer was lost doesn't
    learn what was sold. Here it says the same as the first.
    """
    leads, buyer = await market.leads(3), await market.workspace()
    order = await market.ordered(buyer, *leads, method="card")
    first = await market.client.complete_stripe_lead_purchase(
        purchase_id=order, download_url=f"/downloads/{order}"
    )
    before = await market.client.purchase(purchase_id=order)
    again = await market.client.complete_stripe_lead_purchase(
        purchase_id=order, download_url=f"/downloads/{order}"
    )
    assert again == replace(first, repeated=True)
    assert sorted(again.lead_ids) == sorted(leads)
    assert await market.client.purchase(purchase_id=order) == before


async def test_a_hundred_deliveries_at_once_sell_the_lead_once(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: deliveries that overlap, where the source's are one after the other."""
    lead, buyer = await market.lead(), await market.workspace()
    purchase = await market.ordered(buyer, lead, method="card")
    outcomes = await system.at_once(
        PURCHASES,
        [market.client.complete_stripe_lead_purchase(purchase_id=purchase) for _ in range(MANY)],
    )
    assert reasons(outcomes) == set()
    assert sorted(answer.repeated for answer in outcomes) == [False] + [True] * (MANY - 1)
    assert {(answer.sold, answer.lead_ids) for answer in outcomes} == {(True, (lead,))}
    assert await market.sold([lead]) == [1]


async def test_credits_that_were_paid_once_are_credited_once(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: the same for a top-up, a hundred deliveries at once and five later."""
    buyer = await market.workspace()
    order = await market.client.create_credit_purchase(workspace_id=buyer, amount=25)
    deliveries = [
        market.client.complete_stripe_credit_purchase(
            credit_purchase_id=order, workspace_id=buyer, amount=25
        )
        for _ in range(MANY + 5)
    ]
    outcomes = await system.at_once(CREDIT_PURCHASES, deliveries[:MANY])
    outcomes += [await delivery for delivery in deliveries[MANY:]]
    assert sorted(answer.repeated for answer in outcomes) == [False] + [True] * (MANY + 4)
    assert {answer.balance for answer in outcomes} == {25}
    assert await market.entries(buyer) == [25]


async def test_a_webhook_for_a_lead_that_was_sold_meanwhile_owes_the_money_back(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: the source sells the lead a second time, whatever is delivered when."""
    lead, (first, second) = await market.lead(), await market.workspaces(2, credits=50)
    late = await market.ordered(second, lead, method="card")
    await market.order_and_pay(first, lead)
    for _ in range(5):
        answer = await market.client.complete_stripe_lead_purchase(purchase_id=late)
        assert answer == CardCompletion(sold=False, repeated=False, lead_ids=())
        assert await market.status(late) == "refund_due"
    assert await market.sold([lead]) == [1]


async def test_a_webhook_after_the_refund_completes_nothing(
    system: System, market: Marketplace
) -> None:
    """webhook-idempotency: a late repetition, when the card has been paid back."""
    lead, buyer = await market.lead(), await market.workspace()
    purchase = await market.ordered(buyer, lead, method="card")
    await market.client.complete_stripe_lead_purchase(purchase_id=purchase)
    for known in (False, True):
        settled = await market.client.settle_card_refund(
            purchase_id=purchase, stripe_refund_id=f"re_{purchase}"
        )
        assert settled is known
    answer = await market.client.complete_stripe_lead_purchase(purchase_id=purchase)
    assert answer == CardCompletion(sold=False, repeated=False, lead_ids=())
    assert await market.status(purchase) == "refunded"
    assert await market.sold([lead]) == [1]
