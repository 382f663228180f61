"""The application: the systems' routers, one shape of errors, logs, health, monitors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse

from service import (
    credit_purchase,
    health,
    lead_marketplace,
    license_billing,
    monitors,
    peer_booking,
    stripe_payments,
)
from service.context import open_context
from service.generator import Generator
from service.logs import RequestLog, logger
from service.problems import add_handlers, schemas
from service.settings import Settings
from service.workers import working

_ROUTERS = (
    lead_marketplace.router,
    credit_purchase.router,
    license_billing.router,
    peer_booking.router,
    stripe_payments.router,
    health.router,
    monitors.router,
)


def create_app(settings: Settings, generator: Generator | None = None) -> FastAPI:
    """Return the application. It connects to nothing before it is started."""
    log = logger(settings.log_to, settings.secrets)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings, generator or Generator(), log) as here:
            here.monitors.extend(monitors.monitors_of(here))
            app.state.context = here
            async with working(here):
                yield

    app = FastAPI(title="Crossfoot reference service", version="1", lifespan=lifespan)
    app.state.log = log
    for router in _ROUTERS:
        app.include_router(router)
    app.add_api_route("/paid", _paid, include_in_schema=False, response_class=PlainTextResponse)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    add_handlers(app)
    app.add_middleware(RequestLog, log=log, count=lambda *key: _count(app, key))
    return app


async def _paid() -> str:
    return "Thank you. What was paid for arrives with Stripe's webhook.\n"


def _count(app: FastAPI, key: tuple[str, str, int]) -> None:
    app.state.context.measures.requests[key] += 1


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the schema that all problems have."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        found["components"]["schemas"] |= schemas()
        app.openapi_schema = found
    return app.openapi_schema
