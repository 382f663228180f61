"""What a request works with. One per running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import stripe
from fastapi import Depends, Request

from clients.connections import open_pool
from clients.retry import Caller
from service.claims import Claims
from service.generator import Generator
from service.journal import Journal
from service.measures import Measures
from service.settings import Settings
from service.stripe_side import open_stripe

if TYPE_CHECKING:
    from service.monitors import Monitor


@dataclass(frozen=True)
class Context:
    """The connections, and what the parts of the service share."""

    settings: Settings
    pool: asyncpg.Pool
    caller: Caller
    stripe: stripe.StripeClient
    claims: Claims
    generator: Generator
    journal: Journal
    measures: Measures
    log: Any
    monitors: list[Monitor] = field(default_factory=list)


@asynccontextmanager
async def open_context(
    settings: Settings, generator: Generator, log: Any
) -> AsyncIterator[Context]:
    """Yield a context. Nothing has to answer yet: connections are made when they are needed."""
    async with (
        open_pool(
            settings.dsn,
            role=settings.role,
            size=settings.connections,
            timeout=settings.statement_timeout,
            application="crossfoot-service",
        ) as pool,
        open_stripe(settings) as client,
    ):
        caller = Caller(pool, settings.retry)
        yield Context(
            settings,
            pool,
            caller,
            client,
            Claims(caller, settings.lease),
            generator,
            Journal(settings.journal),
            Measures(settings.monitor_window),
            log,
        )


def _here(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Here = Annotated[Context, Depends(_here)]
