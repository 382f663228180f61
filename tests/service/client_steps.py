"""What the checks of the clients are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from client_ground import Disturber, Ground
from proxy_ground import Loss, Proxy, proxy_before

Check = Callable[[Ground], Awaitable[None]]


CHECKS: dict[str, Check] = {}


WAITING = "select count(distinct pid) from pg_locks where not granted"


def check(promise: Check) -> Check:
    CHECKS[promise.__name__] = promise
    return promise


async def top_up(market: Any, workspace: UUID, key: UUID | None = None) -> Any:
    return await market.add_workspace_credits(
        workspace_id=workspace, amount=10, reason="bonus", request_key=key
    )


def one_grant(grants: list[tuple[UUID, int]], key: UUID) -> bool:
    return grants == [(key, 10)]


async def complete(market: Any, purchase: UUID, workspace: UUID) -> Any:
    return await market.complete_credit_lead_purchase(
        purchase_id=purchase, workspace_id=workspace, amount=40
    )


async def pay(market: Any, credit_purchase: UUID, workspace: UUID) -> Any:
    return await market.complete_stripe_credit_purchase(
        credit_purchase_id=credit_purchase, workspace_id=workspace, amount=10
    )


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


async def settled(call: Awaitable[Any]) -> Any:
    """Return what a call returns or raises."""
    return (await asyncio.gather(call, return_exceptions=True))[0]


@asynccontextmanager
async def through_proxy(
    ground: Ground, *losses: Loss, attempts: int = 8
) -> AsyncIterator[tuple[Proxy, Disturber, Any]]:
    """Yield a marketplace client behind a proxy that does this to the next statements."""
    async with (
        proxy_before(ground.dsn) as proxy,
        ground.disturber() as other,
        ground.market(dsn=proxy.dsn, attempts=attempts) as market,
    ):
        proxy.losses += losses
        yield proxy, other, market
