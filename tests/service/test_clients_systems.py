"""Each client says what its system's functions say: answers, repetitions and refusals."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from crossfoot.background import BackgroundServer
from crossfoot.target import find_targets
from crossfoot.workbench import Workbench

CLASSES = {
    "credit_purchase": "CreditPurchase",
    "lead_marketplace": "LeadMarketplace",
    "license_billing": "LicenseBilling",
    "peer_booking": "PeerBooking",
    "stripe_idempotency": "StripeIdempotency",
}
NAMED = [system for system in CLASSES if system != "credit_purchase"]
NOW = datetime(2026, 1, 31, tzinfo=UTC)
Story = Callable[[Any, Any], Awaitable[None]]


def client_of(system: str) -> Any:
    return getattr(importlib.import_module(f"clients.{system}"), CLASSES[system])


@contextmanager
def run_on(server: BackgroundServer, system: str) -> Iterator[Callable[[Story], None]]:
    """Yield what runs a story with a client, and with a superuser's connection."""
    from clients.connections import open_pool
    from clients.retry import Caller

    written = Workbench(server.server).as_written(find_targets([system])[0])
    database = server.run(written.__aenter__()).database

    async def play(story: Story) -> None:
        backstage = await server.server.connect(database)
        try:
            async with open_pool(server.server.dsn(database)) as pool:
                await story(client_of(system)(Caller(pool)), backstage)
        finally:
            await backstage.close()

    yield lambda story: server.run(asyncio.wait_for(play(story), 120))
    server.run(written.__aexit__(None, None, None))


async def refusal(call: Awaitable[Any]) -> str:
    from clients.retry import Refused

    with pytest.raises(Refused) as caught:
        await call
    return str(caught.value.reason)


async def purchases(client: Any, backstage: Any) -> None:
    user = uuid4()
    await backstage.execute("insert into credit_purchase.user_profiles (id) values ($1)", user)
    buy = partial(client.apply_credit_purchase, user_id=user, amount=100)
    first = await buy(stripe_session_id="cs_1")
    assert not first.repeated
    again = await buy(stripe_session_id="cs_1", idempotency_key=first.idempotency_key)
    assert again == replace(first, repeated=True)
    assert await refusal(buy(stripe_session_id="cs_1")) == "stripe_session_already_processed"
    assert await refusal(buy(stripe_session_id=" ")) == "missing_stripe_session_id"
    held = await client.reserve_credits(user_id=user, amount=60)
    part = {"user_id": user, "amount": 40, "reservation_key": held.idempotency_key}
    await client.settle_credits(**part)
    assert await refusal(client.refund_credits(**part)) == "reservation_exceeded"
    await client.refund_credits(**{**part, "amount": 20})
    assert await client.balance(user_id=user) == 60
    assert await client.balance(user_id=uuid4()) is None


async def licenses(client: Any, backstage: Any) -> None:
    await backstage.execute(
        "insert into license_billing.licenses (license_key, tenant_id) values ('key', $1)", uuid4()
    )
    bought = await client.add_credits(license_key="key", amount=100)
    assert bought.balance == 100
    charge = await client.deduct_credits(license_key="key", amount=30)
    assert charge.balance == 70
    again = {"license_key": "key", "amount": 30, "request_id": charge.request_id}
    assert await client.deduct_credits(**again) == charge
    assert await refusal(client.deduct_credits(**{**again, "amount": 31})) == "request_conflict"
    assert await refusal(client.deduct_credits(license_key="no", amount=1)) == "invalid_license"
    assert (await client.record_unbilled_generation(**again)).billed
    late = {"license_key": "key", "amount": 50, "request_id": uuid4()}
    kept = await client.record_unbilled_generation(**late, generation="text")
    assert (kept.billed, kept.repeated, await client.unbilled_generations()) == (False, False, 1)
    assert await client.settle_unbilled_generations() == 1
    settled = await client.settle_unbilled_generation(request_id=late["request_id"])
    assert (settled.balance, await client.unbilled_generations()) == (20, 0)
    assert (await client.license(license_key="key")).balance == 20
    assert await client.license(license_key="no") is None


async def bookings(client: Any, backstage: Any) -> None:
    practitioner, peer, session, subscription = (uuid4() for _ in range(4))
    for user in (practitioner, peer):
        await backstage.execute("insert into peer_booking.users (id) values ($1)", user)
        await backstage.execute("insert into peer_booking.practitioners values ($1)", user)
    await backstage.execute(
        "insert into peer_booking.subscriptions (id, user_id) values ($1, $2)", subscription, peer
    )
    await backstage.execute(
        "insert into peer_booking.peer_sessions (id, client_id, practitioner_id, duration_minutes) "
        "values ($1, $2, $3, 60)",
        session,
        peer,
        practitioner,
    )
    book = partial(
        client.process_peer_booking_credits,
        client_id=peer,
        practitioner_id=practitioner,
        session_id=session,
        duration_minutes=60,
    )
    assert await refusal(book()) == "insufficient_credits"
    month = {
        "user_id": peer,
        "subscription_id": subscription,
        "amount": 100,
        "allocation_type": "monthly",
        "period_start": NOW,
        "period_end": NOW + timedelta(days=31),
    }
    allocation = await client.allocate_monthly_credits(**month)
    assert await client.allocate_monthly_credits(**month) == allocation
    booked = await book()
    assert (booked.credits, booked.client_balance_after) == (60, 40)
    assert await book() == booked
    refund = partial(client.process_peer_booking_refund, session_id=session)
    refunded = await refund(reason="ill")
    assert (refunded.credits, refunded.practitioner_balance_after) == (60, 0)
    assert await refund(reason="ill") == refunded
    assert await refusal(refund(reason="late")) == "refund_conflict"
    gift = await client.credits_transfer(from_user_id=peer, to_user_id=practitioner, amount=10)
    assert gift.spend_transaction_id != gift.earn_transaction_id
    await client.allocate_user_credits(user_id=peer, amount=5)
    await client.update_credit_balance(user_id=peer, amount=-5, transaction_type="spend")
    assert await client.balance(user_id=peer) == 90
    assert await client.backfill_balance_before(user_id=peer) == 0
    assert await client.reconcile_credits() == ()


async def stripe_calls(client: Any, backstage: Any) -> None:
    user = uuid4()
    await backstage.execute("insert into stripe_idempotency.users (id) values ($1)", user)
    name = {"operation_type": "checkout:create", "operation_id": "cart_1"}
    assert not (await client.check_stripe_idempotency(**name)).is_completed
    claim = partial(client.claim_stripe_idempotency, **name, fingerprint="f", metadata={"a": 1})
    first = await claim()
    assert (first.outcome, (await claim()).outcome) == ("claimed", "in_progress")
    await client.release_stripe_idempotency(**name, attempt=first.attempt)
    second = await claim()
    assert second.stripe_idempotency_key == first.stripe_idempotency_key
    lost = client.fail_stripe_idempotency(**name, attempt=first.attempt, error="card_declined")
    assert await refusal(lost) == "lease_lost"
    await client.record_stripe_idempotency(
        **name,
        stripe_idempotency_key=first.stripe_idempotency_key,
        stripe_resource_id="cs_1",
    )
    assert (await claim()).stripe_resource_id == "cs_1"
    assert (await client.check_stripe_idempotency(**name)).is_completed
    other = {**name, "operation_id": "cart_2"}
    mine = await client.claim_stripe_idempotency(**other, fingerprint="f")
    await client.fail_stripe_idempotency(**other, attempt=mine.attempt, error="card_declined")
    again = await client.claim_stripe_idempotency(**other, fingerprint="f")
    assert again.outcome == "needs_attention"


async def requests_events_and_wallets(client: Any, backstage: Any) -> None:
    user = uuid4()
    await backstage.execute("insert into stripe_idempotency.users (id) values ($1)", user)
    asked = {"idempotency_key": "k", "user_id": user}
    request = await client.claim_idempotency_key(**asked, fingerprint="f")
    answer = {**asked, "attempt": request.attempt, "status": 201, "body": {"id": [1, None]}}
    assert await client.complete_idempotency_key(**answer) is False
    assert await client.complete_idempotency_key(**answer) is True
    known = await client.claim_idempotency_key(**asked, fingerprint="f")
    assert (known.outcome, known.response_status) == ("completed", 201)
    assert known.response_body == {"id": [1, None]}
    event = {"event_id": "evt_1", "event_type": "charge.refunded"}
    begun = await client.begin_stripe_webhook_event(**event)
    assert begun.outcome == "claimed"
    end = {"event_id": "evt_1", "attempt": begun.attempt, "effect": "re_1"}
    assert await client.finish_stripe_webhook_event(**end) is False
    assert (await client.begin_stripe_webhook_event(**event)).effect == "re_1"
    paid = partial(
        client.apply_stripe_wallet_event,
        event_id="evt_2",
        event_type="payment_intent.succeeded",
        user_id=user,
        amount=500,
    )
    first = await paid()
    assert await paid() == replace(first, repeated=True)
    spend = partial(
        client.apply_wallet_transaction, user_id=user, transaction_type="debit", reference="cart"
    )
    assert (await spend(amount=200)).balance == 300
    assert await refusal(spend(amount=301)) == "insufficient_balance"
    assert await client.wallet_balance(user_id=user) == 300
    create = partial(client.create_event, organizer_id=user, title="Concert", starts_at=NOW)
    assert await create(idempotency_key="e") == await create(idempotency_key="e")
    assert await create() != await create()


STORIES = [
    ("credit_purchase", purchases),
    ("license_billing", licenses),
    ("peer_booking", bookings),
    ("stripe_idempotency", stripe_calls),
    ("stripe_idempotency", requests_events_and_wallets),
]


@pytest.mark.parametrize(
    ("system", "story"), STORIES, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_client_says_what_its_system_says(
    server: BackgroundServer, system: str, story: Story
) -> None:
    with run_on(server, system) as play:
        play(story)


@pytest.mark.parametrize("system", NAMED)
def test_every_documented_refusal_has_a_reason_and_every_reason_a_refusal(system: str) -> None:
    operations = find_targets([system])[0].operations.values()
    documented = {
        pattern.removeprefix("P0001 ").rstrip("*")
        for operation in operations
        for pattern in operation.refused
        if pattern.startswith("P0001 ")
    }
    named = client_of(system).refusals
    assert [text for text in documented if not text.startswith(tuple(named))] == []
    # Refusals that are rows stand in the functions' text alone.
    folder = find_targets([system])[0].file.parent / "functions"
    texts = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.sql"))
    assert [text for text in named if f"'{re.sub(' $', '', text)}" not in texts] == []


@pytest.mark.parametrize("system", CLASSES)
def test_every_operation_has_a_method(system: str) -> None:
    operations = find_targets([system])[0].operations
    assert [name for name in operations if not hasattr(client_of(system), name)] == []


def test_a_refusal_that_nobody_documents_is_raised_as_it_is(server: BackgroundServer) -> None:
    async def story(client: Any, _: Any) -> None:
        with pytest.raises(asyncpg.RaiseError, match="SOMETHING_NEW"):
            await client._call("do $$ begin raise exception 'SOMETHING_NEW'; end $$", key=None)

    with run_on(server, "license_billing") as play:
        play(story)
