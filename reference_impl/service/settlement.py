"""Settling generations that were kept: from the journal to the database, from there to the ledger."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from clients.license_billing import LicenseBilling
from clients.retry import Refused
from service.context import Context
from service.journal import Kept

_AT_ONCE = 100


class Settled(BaseModel):
    """What one round did. ``open``: how many can't be charged yet; they wait for a top-up."""

    taken_over: int
    settled: int
    open: int


async def settle(here: Context) -> Settled:
    """Take over what the journal holds, and charge what can be. Raises Busy and OutcomeUnknown.

    Whatever is interrupted is done again by the next round: the charge's id makes that harmless.
    """
    billing = LicenseBilling(here.caller)
    taken_over = 0
    for kept in await asyncio.to_thread(lambda: list(here.journal.all())):
        taken_over += await _taken_over(here, billing, kept)
    settled = 0
    while done := await billing.settle_unbilled_generations(limit=_AT_ONCE):
        settled += done
    return Settled(
        taken_over=taken_over, settled=settled, open=await billing.unbilled_generations()
    )


async def _taken_over(here: Context, billing: LicenseBilling, kept: Kept) -> bool:
    """Let the database keep a generation in the journal's place."""
    try:
        await billing.record_unbilled_generation(
            license_key=kept.license_key,
            amount=kept.tokens,
            request_id=kept.charge_id,
            generation=kept.text,
        )
    except Refused as error:
        # No such license, so the text was never handed over and nobody owes it.
        here.log.error("unbilled_refused", charge_id=str(kept.charge_id), reason=error.reason)
        here.journal.forget(kept.charge_id)
        return False
    # Only now: a crash before this line leaves both, and the next round finds it recorded.
    here.journal.forget(kept.charge_id)
    return True
