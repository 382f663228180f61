"""Generate text on a license: first the text, then its charge, then the answer.

The answer is handed over when it is paid for, never before. Where the charge is refused, the answer is
withheld, and nothing is owed. Where it is not known whether the charge was made, or it couldn't be
made, the text is kept: it is charged later, once, and the same request then gets it.
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID, uuid4, uuid5

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from clients.license_billing import Charge, LicenseBilling
from clients.retry import Busy, OutcomeUnknown
from service.context import Context, Here
from service.fields import Body, Key, Text
from service.generator import Generation, GenerationFailed
from service.journal import Kept
from service.logs import where
from service.problems import SOON, Problem, documented
from service.settlement import Settled, settle

SYSTEM = "license_billing"

router = APIRouter(tags=[SYSTEM])

LicenseKey = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]


class Ask(Body):
    """What to generate, and on which license."""

    license_key: LicenseKey
    prompt: Text
    max_tokens: int = Field(200, ge=1, le=1000)
    request_id: Key = None


class Answer(BaseModel):
    """A text that has been paid for."""

    request_id: UUID
    text: str
    tokens: int
    balance: int


@router.post("/v1/generate", responses=documented(402, 403, 409, 502))
async def generate(here: Here, ask: Ask) -> Answer:
    """Generate a text and charge its tokens. The same request again gets the same text, uncharged."""
    request_id = ask.request_id or uuid4()
    charge_id = charge_id_of(request_id, ask)
    text = await _kept(here, charge_id) if ask.request_id else None
    generation = text or await _generated(here, ask)
    charge = await _charged(here, ask, request_id, charge_id, generation)
    return Answer(
        request_id=request_id,
        text=generation.text,
        tokens=generation.tokens,
        balance=charge.balance,
    )


@router.post("/v1/license_billing/settlements", responses=documented())
async def settlements(here: Here) -> Settled:
    """Charge generations that were kept, as the worker does every few seconds."""
    return await settle(here)


def charge_id_of(request_id: UUID, ask: Ask) -> UUID:
    """Return the request id of the deduction.

    The prompt is part of it: a request id that comes again with another prompt is another charge, or
    two texts of the same length would be had for one.
    """
    return uuid5(request_id, f"{ask.max_tokens} {ask.prompt}")


async def _kept(here: Context, charge_id: UUID) -> Generation | None:
    """Return the text that this request has got before, if it was kept. Raises Busy."""
    kept = here.journal.find(charge_id)
    if kept:
        return Generation(kept.text, kept.tokens)
    rows = await here.caller.read(
        "select kept.generation, -request.amount from license_billing.unbilled_generations as kept "
        "join license_billing.credit_requests as request using (request_id) "
        "where kept.request_id = $1 and kept.generation is not null",
        charge_id,
    )
    return Generation(*rows[0]) if rows else None


async def _generated(here: Context, ask: Ask) -> Generation:
    try:
        return await here.generator.generate(ask.prompt, ask.max_tokens)
    except GenerationFailed as error:
        detail = "The generator failed. Nothing was charged."
        raise Problem(502, "generation_failed", detail) from error


async def _charged(
    here: Context, ask: Ask, request_id: UUID, charge_id: UUID, generation: Generation
) -> Charge:
    """Charge a generation, or keep it and raise Problem. Raises Refused: nothing is owed then."""
    try:
        return await LicenseBilling(here.caller).deduct_credits(
            license_key=ask.license_key, amount=generation.tokens, request_id=charge_id
        )
    except (Busy, OutcomeUnknown, asyncpg.PostgresError) as error:
        if isinstance(error, asyncpg.RaiseError):
            raise
        kept = Kept(charge_id, ask.license_key, generation.tokens, generation.text)
        await _keep(here, kept)
        raise _unbilled(error, request_id) from error


async def _keep(here: Context, kept: Kept) -> None:
    here.log.error("unbilled", charge_id=str(kept.charge_id), tokens=kept.tokens)
    try:
        await asyncio.to_thread(here.journal.keep, kept)
    except OSError as error:
        # Nobody has the text, and the same request generates it anew.
        here.log.error("journal_failed", **where(error))


def _unbilled(error: Exception, request_id: UUID) -> Problem:
    if isinstance(error, asyncpg.PostgresError):
        status, detail = 500, "The database refused the charge. The text is kept."
    else:
        status, detail = 503, "The text is kept until it is charged. Repeat the request."
    return Problem(status, "unbilled", detail, key=str(request_id), retry_after=SOON)
