"""What the service does by itself, every few seconds, until it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from clients.retry import Busy, OutcomeUnknown
from service.context import Context
from service.lead_refunds import pay_back_due
from service.logs import where
from service.settlement import settle


@asynccontextmanager
async def working(here: Context) -> AsyncIterator[None]:
    """Let the workers work while the service is up."""
    settings = here.settings
    jobs = [
        (settings.monitor_every, monitor.read, f"monitor_{monitor.system.name}")
        for monitor in here.monitors
    ]
    rounds: list[tuple[float, Callable[[], Awaitable[object]], str]] = [
        *jobs,
        (settings.settle_every, lambda: settle(here), "settle"),
        (settings.refund_every, lambda: pay_back_due(here), "refund"),
    ]
    tasks = [asyncio.create_task(_every(here, *each)) for each in rounds if each[0] > 0]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _every(
    here: Context, seconds: float, job: Callable[[], Awaitable[object]], name: str
) -> None:
    while True:
        try:
            await job()
        except (Busy, OutcomeUnknown) as error:
            here.log.warning("worker_waits", worker=name, error=type(error).__name__)
        except Exception as error:
            # A worker that has died would be missed only when it is too late.
            here.log.error("worker_failed", worker=name, **where(error))
        await asyncio.sleep(seconds)
