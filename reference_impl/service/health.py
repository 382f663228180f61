"""Is it alive, and can it work? /healthz asks nobody, /readyz asks the database and Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from service.context import Here

router = APIRouter(tags=["health"])

_PATIENCE = 2.0  # seconds

State = Literal["ok", "failed"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What the service needs, and whether it is there."""

    database: State
    stripe: State


@router.get("/healthz")
async def healthz() -> Alive:
    """Say that the process answers."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready, "description": "Something is missing"}})
async def readyz(here: Here) -> JSONResponse:
    """Say whether the database and Stripe answer."""
    database, stripe = await asyncio.gather(
        _works(here.pool.fetchval("select 1")),
        _works(here.stripe.v1.balance.retrieve_async(options={"max_network_retries": 0})),
    )
    ready = Ready(database=database, stripe=stripe)
    return JSONResponse(ready.model_dump(), 200 if {database, stripe} == {"ok"} else 503)


async def _works(question: Awaitable[Any]) -> State:
    try:
        async with asyncio.timeout(_PATIENCE):
            await question
    except Exception:
        return "failed"
    return "ok"
