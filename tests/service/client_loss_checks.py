"""What the clients promise where connections are lost; see client_checks.py."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from client_ground import Ground
from client_steps import (
    check,
    complete,
    one_grant,
    settled,
    through_proxy,
    top_up,
    until,
)
from proxy_ground import Loss


@check
async def a_connection_killed_before_the_call_costs_nothing(ground: Ground) -> None:
    key = uuid4()
    async with ground.disturber() as other, ground.market() as market:
        workspace = await other.workspace()
        assert await market.leads_for_sale(limit=1) is not None
        await other.end(
            await other.session.fetchval(
                "select pid from pg_stat_activity where application_name = 'clients' "
                "and datname = current_database()"
            )
        )
        answer = await top_up(market, workspace, key)
        assert answer.balance == 10
        assert one_grant(await other.grants(workspace), key)


@check
async def a_connection_killed_during_the_call_ends_in_one_effect(ground: Ground) -> None:
    async with ground.disturber() as other, ground.market() as market:
        workspace = await other.workspace(100)
        await other.hold(workspace)
        call = asyncio.create_task(top_up(market, workspace))
        await other.end(await other.waiting())
        await other.session.execute("rollback")
        answer = await call
        assert (answer.balance, answer.repeated) == (110, False)
        assert len(await other.grants(workspace)) == 1


@check
async def an_answer_lost_after_the_commit_ends_in_one_effect(ground: Ground) -> None:
    async with through_proxy(ground, Loss.ANSWER, Loss.ANSWER) as (proxy, other, market):
        workspace = await other.workspace()
        answer = await top_up(market, workspace)
        assert proxy.losses == []
        assert len(await other.grants(workspace)) == 1
        assert (answer.balance, answer.repeated) == (10, True)


@check
async def a_query_lost_on_its_way_ends_in_one_effect(ground: Ground) -> None:
    async with through_proxy(ground, Loss.QUERY, Loss.QUERY) as (proxy, other, market):
        workspace = await other.workspace()
        answer = await top_up(market, workspace)
        assert proxy.losses == []
        assert len(await other.grants(workspace)) == 1
        assert (answer.balance, answer.repeated) == (10, False)


@check
async def a_lost_purchase_is_asked_for_again_by_its_id(ground: Ground) -> None:
    async with through_proxy(ground) as (proxy, other, market):
        workspace, lead = await other.workspace(100), await other.lead()
        purchase = await market.create_lead_purchase(
            lead_ids=[lead], workspace_id=workspace, payment_method="credits"
        )
        proxy.losses.append(Loss.ANSWER)
        answer = await complete(market, purchase, workspace)
        assert proxy.losses == []
        assert (answer.balance, answer.repeated) == (60, True)
        assert await other.balance(workspace) == 60


@check
async def a_lost_call_without_a_key_is_not_tried_again(ground: Ground) -> None:
    async with through_proxy(ground, Loss.ANSWER) as (proxy, _, market):
        outcome = await settled(market.expire_lead_purchases())
        assert isinstance(outcome, ground.retry.OutcomeUnknown)
        assert outcome.key is None
        assert (proxy.executed, ground.pauses.drawn) == (1, [])


@check
async def an_outcome_that_stays_unknown_says_under_which_key_to_ask(ground: Ground) -> None:
    key = uuid4()
    async with through_proxy(ground, *[Loss.ANSWER] * 9, attempts=3) as (proxy, other, market):
        workspace = await other.workspace()
        outcome = await settled(top_up(market, workspace, key))
        assert isinstance(outcome, ground.retry.OutcomeUnknown)
        assert outcome.key == key
        assert str(key) in str(outcome)
        proxy.losses.clear()
        answer = await top_up(market, workspace, outcome.key)
        assert (answer.balance, answer.repeated) == (10, True)
        assert one_grant(await other.grants(workspace), key)


@check
async def what_was_drawn_as_a_key_is_told_when_the_outcome_is_unknown(ground: Ground) -> None:
    async with through_proxy(ground, *[Loss.ANSWER] * 9, attempts=2) as (_, other, market):
        workspace = await other.workspace()
        outcome = await settled(top_up(market, workspace))
        assert isinstance(outcome, ground.retry.OutcomeUnknown)
        assert one_grant(await other.grants(workspace), outcome.key)


@check
async def an_answer_holds_although_a_lost_query_arrives_late(ground: Ground) -> None:
    """A repetition that overtakes the lost query is refused, and then the query is carried out."""
    async with through_proxy(ground, attempts=20) as (proxy, other, market):
        workspace, lead = await other.workspace(), await other.lead()
        purchase = await market.create_lead_purchase(
            lead_ids=[lead], workspace_id=workspace, payment_method="credits"
        )
        proxy.losses.append(Loss.LATE)
        call = asyncio.create_task(settled(complete(market, purchase, workspace)))
        # The query is given up, and what comes after it has been tried once.
        await until(lambda: len(ground.pauses.drawn) >= 2 or call.done())
        await top_up(market, workspace)
        await top_up(market, workspace)
        await top_up(market, workspace)
        await top_up(market, workspace)
        proxy.released.set()
        outcome = await call
        sessions = "select count(*) from pg_stat_activity where datname = current_database()"
        while await other.session.fetchval(f"{sessions} and state = 'active'") > 1:
            await asyncio.sleep(0.01)
        sold = (await market.purchase(purchase_id=purchase)).status == "completed"
        assert sold is not isinstance(outcome, ground.retry.Refused)


@check
async def a_statement_that_times_out_ends_in_one_effect(ground: Ground) -> None:
    # So many attempts, since on a busy machine one that nobody holds up may take as long as well.
    async with ground.disturber() as other, ground.market(timeout=0.05, attempts=60) as market:
        workspace = await other.workspace(100)
        await other.hold(workspace)
        call = asyncio.create_task(top_up(market, workspace))
        await until(lambda: bool(ground.pauses.drawn) or call.done())
        await other.session.execute("rollback")
        answer = await call
        assert answer.balance == 110
        assert len(await other.grants(workspace)) == 1
