"""The proof of overlap can fail: calls that weren't under way together are not taken for it."""

from __future__ import annotations

import asyncio

import pytest
from marketplace_ground import ACCOUNTS, LEADS, Marketplace, market
from source_ground import System

SYSTEM = "lead_marketplace"
__all__ = ["market"]


async def test_calls_that_nothing_holds_up_are_not_said_to_overlap(
    system: System, market: Marketplace
) -> None:
    buyer = await market.workspace()
    calls = [market.client.create_credit_purchase(workspace_id=buyer, amount=1) for _ in range(3)]
    with pytest.raises(AssertionError):
        await system.at_once(LEADS, calls)


async def test_a_call_that_is_over_before_the_others_is_not_said_to_overlap(
    system: System, market: Marketplace
) -> None:
    buyer = await market.workspace(credits=1)

    async def top_up() -> object:
        return await market.client.add_workspace_credits(
            workspace_id=buyer, amount=1, reason="bonus"
        )

    async def something_quick() -> None:
        await asyncio.sleep(0.1)

    with pytest.raises(AssertionError):
        await system.at_once(ACCOUNTS, [top_up(), top_up(), something_quick()])
    assert await market.balance(buyer) == 3


async def test_a_fault_is_gone_when_its_time_is_over(system: System, market: Marketplace) -> None:
    buyer = await market.workspace(credits=1)
    async with system.fault("fail", f"before update on {ACCOUNTS}"):
        with pytest.raises(Exception, match="disk full"):
            await market.client.add_workspace_credits(workspace_id=buyer, amount=1, reason="bonus")
    await market.client.add_workspace_credits(workspace_id=buyer, amount=1, reason="bonus")
    assert await market.balance(buyer) == 2
