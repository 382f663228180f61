"""The four tests that the source recommends and doesn't have.

Mirrors its list of recommended testing: 10 and more simultaneous bookings, failures while credits
are processed, webhooks that are delivered repeatedly, concurrent balance checks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from source_ground import MANY, System, of_kind, reasons

from clients.peer_booking import Booking, PeerBooking
from clients.retry import Refused

SYSTEM = "peer_booking"
SESSIONS = "peer_booking.peer_sessions"
ACCOUNTS = "peer_booking.credits"
ALLOCATIONS = "peer_booking.credit_allocations"
MINUTES = 30  # a session costs as many credits
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Practice:
    """The client, and what the tests need around it."""

    system: System
    client: PeerBooking

    async def practitioner(self, credits: int = 0) -> UUID:
        user = uuid4()
        await self.system.backstage.execute("insert into peer_booking.users values ($1)", user)
        await self.system.backstage.execute(
            "insert into peer_booking.practitioners (user_id) values ($1)", user
        )
        if credits:
            await self.client.allocate_user_credits(
                user_id=user, amount=credits, event_id=f"opening {user}"
            )
        return user

    async def session(self, client: UUID, practitioner: UUID) -> UUID:
        session = uuid4()
        await self.system.backstage.execute(
            f"insert into {SESSIONS} (id, client_id, practitioner_id, duration_minutes) "
            "values ($1, $2, $3, $4)",
            session,
            client,
            practitioner,
            MINUTES,
        )
        return session

    async def book(self, client: UUID, practitioner: UUID, session: UUID) -> Booking:
        return await self.client.process_peer_booking_credits(
            client_id=client,
            practitioner_id=practitioner,
            session_id=session,
            duration_minutes=MINUTES,
        )

    async def status(self, session: UUID) -> str:
        return str(await self.system.value(f"select status from {SESSIONS} where id = $1", session))

    async def balances(self, *users: UUID) -> list[int]:
        return [await self.client.balance(user_id=user) for user in users]


@pytest.fixture
def practice(system: System) -> Practice:
    return Practice(system, PeerBooking(system.caller(attempts=1)))


async def test_bookings_at_once_spend_no_credit_twice_and_never_deadlock(
    system: System, practice: Practice
) -> None:
    """Recommended 1, concurrency: 10 and more simultaneous bookings; here a hundred, three ways.

    One session that is booked a hundred times, sessions of one client who can pay for ten of them,
    and practitioners who book each other, who would deadlock if accounts were locked as they come.
    """
    ann, bob = await practice.practitioner(10 * MINUTES), await practice.practitioner(300 * MINUTES)
    one = await practice.session(ann, bob)
    outcomes = await system.at_once(SESSIONS, [practice.book(ann, bob, one) for _ in range(MANY)])
    assert reasons(outcomes) == set()
    assert len(set(outcomes)) == 1
    assert await practice.balances(ann, bob) == [9 * MINUTES, 301 * MINUTES]

    many = [await practice.session(ann, bob) for _ in range(MANY)]
    outcomes = await system.at_once(SESSIONS, [practice.book(ann, bob, each) for each in many])
    assert reasons(outcomes) == {"insufficient_credits"}
    assert len(of_kind(outcomes, Booking)) == 9
    assert await practice.balances(ann, bob) == [0, 310 * MINUTES]
    assert (
        sorted([await practice.status(each) for each in many]) == ["booked"] * 9 + ["pending"] * 91
    )

    await practice.client.credits_transfer(from_user_id=bob, to_user_id=ann, amount=100 * MINUTES)
    pairs = [(ann, bob), (bob, ann)] * (MANY // 2)
    both = [(*pair, await practice.session(*pair)) for pair in pairs]
    outcomes = await system.at_once(ACCOUNTS, [practice.book(*each) for each in both])
    assert reasons(outcomes) == set()
    assert await practice.balances(ann, bob) == [100 * MINUTES, 210 * MINUTES]
    assert await practice.client.reconcile_credits() == ()


async def test_a_failure_while_credits_are_processed_leaves_the_session_as_it_was(
    system: System, practice: Practice
) -> None:
    """Recommended 2, failures: in each leg, before the end, and a session that dies."""
    ann, bob = await practice.practitioner(5 * MINUTES), await practice.practitioner(MINUTES)
    session = await practice.session(ann, bob)
    log = "before insert on peer_booking.credit_audit_log"
    moments = [
        (log, "new.balance_after < new.balance_before"),
        (log, "new.balance_after > new.balance_before"),
        (f"before update on {SESSIONS}", "true"),
    ]
    for moment, when in moments:
        async with system.fault("fail", moment, when):
            with pytest.raises(asyncpg.DiskFullError):
                await practice.book(ann, bob, session)
        assert await practice.status(session) == "pending"
        assert await practice.balances(ann, bob) == [5 * MINUTES, MINUTES]
    async with system.fault("wait", f"before update on {SESSIONS}"):
        await system.backstage.execute("select pg_advisory_lock(1)")
        call = asyncio.create_task(practice.book(ann, bob, session))
        await system.backstage.execute(
            f"select pg_terminate_backend({await system.waiting()}, 5000)"
        )
        outcome = (await asyncio.gather(call, return_exceptions=True))[0]
        await system.backstage.execute("select pg_advisory_unlock(1)")
    assert getattr(outcome, "key", None) == session
    assert await practice.balances(ann, bob) == [5 * MINUTES, MINUTES]
    booked = await practice.book(ann, bob, session)
    assert (booked.client_balance_before, booked.practitioner_balance_before) == (
        5 * MINUTES,
        MINUTES,
    )
    assert await practice.client.reconcile_credits() == ()


async def test_webhooks_that_are_delivered_repeatedly_allocate_once_per_period(
    system: System, practice: Practice
) -> None:
    """Recommended 3, idempotency: both events of each of two months, many times and at once."""
    ann, subscription = await practice.practitioner(), uuid4()
    await system.backstage.execute(
        "insert into peer_booking.subscriptions (id, user_id) values ($1, $2)", subscription, ann
    )

    async def delivered(month: int) -> UUID:
        start = JANUARY + timedelta(days=31 * month)
        return await practice.client.allocate_monthly_credits(
            user_id=ann,
            subscription_id=subscription,
            amount=200,
            allocation_type="monthly",
            period_start=start,
            period_end=start + timedelta(days=31),
        )

    months = [system.random.randrange(2) for _ in range(MANY)]
    outcomes = await system.at_once(ALLOCATIONS, [delivered(month) for month in months])
    assert reasons(outcomes) == set()
    first = dict(zip(months, outcomes, strict=True))
    assert [first[month] for month in months] == outcomes
    assert [await delivered(month) for month in (1, 0, 1, 0)] == [first[1], first[0]] * 2
    assert await practice.balances(ann) == [2 * 200]
    kinds = (
        "select array_agg(distinct transaction_type) "
        "from peer_booking.credit_transactions where user_id = $1"
    )
    assert await system.value(kinds, ann) == ["session_earning"]


async def test_balance_checks_at_once_let_nobody_spend_what_is_not_there(
    system: System, practice: Practice
) -> None:
    """Recommended 4, race conditions: a hundred who all see enough credit, and enough for three.

    Bookings, spendings and transfers draw on one account; each would be allowed alone.
    """
    ann, bob = await practice.practitioner(3 * MINUTES), await practice.practitioner()
    assert await practice.balances(ann) == [3 * MINUTES]
    calls: list[Any] = []
    for number in range(MANY):
        if number % 3 == 0:
            calls.append(practice.book(ann, bob, await practice.session(ann, bob)))
        elif number % 3 == 1:
            calls.append(
                practice.client.update_credit_balance(
                    user_id=ann, amount=-MINUTES, transaction_type="spend"
                )
            )
        else:
            calls.append(
                practice.client.credits_transfer(from_user_id=ann, to_user_id=bob, amount=MINUTES)
            )
    system.random.shuffle(calls)
    outcomes = await system.at_once(ACCOUNTS, calls)
    assert reasons(outcomes) == {"insufficient_credits"}
    assert len(of_kind(outcomes, Refused)) == MANY - 3
    assert await practice.balances(ann) == [0]
    assert await practice.client.reconcile_credits() == ()
