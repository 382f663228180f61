"""What the clients promise, each promise a coroutine that fails where it isn't kept.

They run on the right clients and on each broken one (test_clients.py). Every disturbance is real:
the locks of a second session, its pg_terminate_backend, a proxy that breaks the connection.
The promises about lost connections are in client_loss_checks.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import asyncpg
from client_ground import Ground
from client_steps import (
    WAITING,
    check,
    complete,
    one_grant,
    pay,
    settled,
    top_up,
    until,
)
from proxy_ground import Loss, proxy_before

from crossfoot.checks.audits import AuditSet, run_audits
from crossfoot.target import find_targets
from crossfoot.verdicts import Verdict


@check
async def a_serialization_failure_is_tried_again_under_one_key(ground: Ground) -> None:
    key = uuid4()
    async with (
        ground.disturber() as other,
        ground.market(default_transaction_isolation="repeatable%20read") as market,
    ):
        workspace = await other.workspace(100)
        await other.hold(workspace)
        call = asyncio.create_task(top_up(market, workspace, key))
        await other.waiting()
        await other.session.execute(
            "update lead_marketplace.workspace_credits set updated_at = now(); commit"
        )
        answer = await call
        assert len(ground.pauses.drawn) == 1
        assert (answer.balance, answer.repeated) == (110, False)
        assert one_grant(await other.grants(workspace), key)


@check
async def a_deadlock_is_tried_again_under_one_key(ground: Ground) -> None:
    key = uuid4()
    async with (
        ground.disturber() as other,
        ground.disturber() as third,
        ground.market(deadlock_timeout="100ms") as market,
    ):
        workspace = await other.workspace(100)
        # PostgreSQL looks for a deadlock once in each wait. The call waits last, and looks first.
        await other.session.execute("set deadlock_timeout = '10s'")
        await other.hold(workspace)
        await third.session.execute(
            f"begin; select from lead_marketplace.workspaces where id = '{workspace}' for update"
        )
        call = asyncio.create_task(top_up(market, workspace, key))
        await third.waiting()  # it has the key, and not yet the account
        insertion = asyncio.create_task(
            other.session.execute(
                "insert into lead_marketplace.credit_grants"
                f" (workspace_id, amount, reason, request_key) values ('{workspace}', 10, 'other', '{key}')"
                " on conflict do nothing"
            )
        )
        await third.until_waiting(other, insertion)
        await third.session.execute("rollback")
        await insertion
        await other.session.execute("rollback")
        answer = await call
        assert len(ground.pauses.drawn) >= 1
        assert (answer.balance, answer.repeated) == (110, False)
        assert one_grant(await other.grants(workspace), key)


@check
async def a_lock_that_is_not_to_be_had_is_asked_for_again(ground: Ground) -> None:
    async with ground.disturber() as other, ground.market() as market:
        workspace, lead = await other.workspace(), await other.lead()
        await other.session.execute("begin")
        await other.session.execute(
            f"select from lead_marketplace.leads where id = '{lead}' for update"
        )
        call = asyncio.create_task(
            market.validate_and_lock_leads_for_purchase(lead_ids=[lead], workspace_id=workspace)
        )
        await until(lambda: len(ground.pauses.drawn) >= 2 or call.done())
        await other.session.execute("rollback")
        assert [found.id for found in await call] == [lead]


@check
async def a_call_that_finds_no_gap_ends_as_busy_and_did_nothing(ground: Ground) -> None:
    async with (
        ground.disturber() as other,
        ground.market(attempts=3, lock_timeout="5ms") as market,
    ):
        workspace = await other.workspace(100)
        await other.hold(workspace)
        outcome = await settled(top_up(market, workspace))
        await other.session.execute("rollback")
        assert isinstance(outcome, ground.retry.Busy)
        assert isinstance(outcome.__cause__, asyncpg.LockNotAvailableError)
        assert len(ground.pauses.drawn) == 2
        assert await other.grants(workspace) == []


@check
async def a_refusal_is_never_tried_again(ground: Ground) -> None:
    async with ground.disturber() as other, ground.market() as market:
        workspace, lead = await other.workspace(10), await other.lead()
        outcome = await settled(top_up(market, uuid4()))
        assert isinstance(outcome, ground.retry.Refused)
        assert outcome.reason == "workspace_not_found"
        purchase = await market.create_lead_purchase(
            lead_ids=[lead], workspace_id=workspace, payment_method="credits"
        )
        outcome = await settled(complete(market, purchase, workspace))
        assert isinstance(outcome, ground.retry.Refused)
        assert outcome.reason == "insufficient_credits"
        assert outcome.message == "Insufficient credits. Current: 10.00, Required: 40.00"
        assert ground.pauses.drawn == []


@check
async def pauses_are_drawn_evenly_and_never_longer_than_said(ground: Ground) -> None:
    async with (
        ground.disturber() as other,
        ground.market(attempts=9, lock_timeout="1ms") as market,
    ):
        workspace = await other.workspace(100)
        await other.hold(workspace)
        started = time.monotonic()
        outcome = await settled(top_up(market, workspace))
        took = time.monotonic() - started
        await other.session.execute("rollback")
        assert isinstance(outcome, ground.retry.Busy)
        ceilings = [ceiling for _, ceiling in ground.pauses.drawn]
        assert ceilings == [0.01, 0.02, 0.04, 0.08, 0.1, 0.1, 0.1, 0.1]
        drawn = [pause for pause, _ in ground.pauses.drawn]
        assert all(0 <= pause <= ceiling for pause, ceiling in ground.pauses.drawn)
        assert len(set(drawn)) == len(drawn)
        assert took >= sum(drawn)


@check
async def simultaneous_card_payments_all_count(ground: Ground) -> None:
    async with ground.disturber() as other, ground.market() as market:
        workspace = await other.workspace(100)
        bought = [
            await market.create_credit_purchase(workspace_id=workspace, amount=10)
            for _ in range(10)
        ]
        await other.hold(workspace)
        calls = [asyncio.create_task(pay(market, purchase, workspace)) for purchase in bought]
        while await other.session.fetchval(WAITING) < 10:
            await asyncio.sleep(0.002)
        await other.session.execute("rollback")
        await asyncio.gather(*calls)
        assert await other.balance(workspace) == 200


@check
async def the_books_agree_with_what_the_clients_did(ground: Ground) -> None:
    async with ground.disturber() as other, ground.market() as market:
        workspace, lead = await other.workspace(), await other.lead()
        for _ in range(5):
            await top_up(market, workspace)
        bought = await market.create_credit_purchase(workspace_id=workspace, amount=10)
        await pay(market, bought, workspace)
        purchase = await market.create_lead_purchase(
            lead_ids=[lead], workspace_id=workspace, payment_method="credits"
        )
        await complete(market, purchase, workspace)
        await market.refund_lead_purchase(purchase_id=purchase, workspace_id=workspace)
        audits = AuditSet.of(find_targets(["lead_marketplace"])[0])
        checks = await run_audits(other.session, audits)
        assert [found.name for found in checks if found.verdict is Verdict.FAIL] == []


@check
async def calls_made_together_happen_together_and_once(ground: Ground) -> None:
    key = uuid4()
    async with (
        proxy_before(ground.dsn) as proxy,
        ground.disturber() as other,
        ground.caller(dsn=proxy.dsn) as caller,
    ):
        workspace, lead = await other.workspace(), await other.lead()
        market = ground.module("lead_marketplace").LeadMarketplace

        async def work(inside: Any) -> Any:
            try:
                await market(inside).mark_leads_sold_bulk(lead_ids=[])
            except ground.retry.Refused as refusal:
                assert refusal.reason == "no_leads"
            await market(inside).mark_leads_sold_bulk(lead_ids=[lead])
            return await top_up(market(inside), workspace, key)

        proxy.commits.append(Loss.ANSWER)
        answer = await caller.together(work, key=key)
        assert proxy.commits == []
        assert (answer.balance, answer.repeated) == (10, True)
        assert one_grant(await other.grants(workspace), key)


@check
async def calls_made_together_are_undone_together(ground: Ground) -> None:
    async with ground.disturber() as other, ground.caller() as caller:
        workspace = await other.workspace()
        market = ground.module("lead_marketplace").LeadMarketplace

        async def work(inside: Any) -> None:
            await top_up(market(inside), workspace)
            await market(inside).mark_leads_sold_bulk(lead_ids=[])

        outcome = await settled(caller.together(work, key="an event"))
        assert isinstance(outcome, ground.retry.Refused)
        assert await other.grants(workspace) == []


@check
async def without_a_server_a_call_ends_as_busy(ground: Ground) -> None:
    nobody = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = nobody.sockets[0].getsockname()[1]
    nobody.close()
    await nobody.wait_closed()
    dsn = f"postgresql://somebody@127.0.0.1:{port}/nothing?sslmode=disable"
    async with ground.market(dsn=dsn, attempts=3) as market:
        outcome = await settled(top_up(market, uuid4()))
        assert isinstance(outcome, ground.retry.Busy)
        assert len(ground.pauses.drawn) == 2
