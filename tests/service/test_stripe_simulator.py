"""The simulator's resources, spoken to by the real client: what they hold, refuse and conserve."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe

if TYPE_CHECKING:
    from stripe_simulator import Simulator

DAY = 24 * 60 * 60
ITEM: Any = {
    "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Credits"}},
    "quantity": 2,
}
MONTHLY: Any = {
    "price_data": {
        "currency": "usd",
        "unit_amount": 900,
        "product": "prod_plan",
        "recurring": {"interval": "month"},
    },
}


def paid(client: stripe.StripeClient, amount: int = 1000, **more: Any) -> stripe.PaymentIntent:
    """Return a payment that succeeded, or that is held with ``capture_method="manual"``."""
    fields = {"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", **more}
    return client.v1.payment_intents.create({**fields, "confirm": True})  # type: ignore[typeddict-item]


def opened(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    """Return an open checkout session over 10 dollars."""
    fields: Any = {"mode": "payment", "line_items": [ITEM], "success_url": "http://127.0.0.1/ok"}
    fields.update(more)
    return client.v1.checkout.sessions.create(fields)


def refused(call: Callable[[], object]) -> stripe.InvalidRequestError:
    """Return the error of a call that has to be refused."""
    with pytest.raises(stripe.InvalidRequestError) as raised:
        call()
    return raised.value


def test_a_session_is_made_paid_and_read_back(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    session = opened(stripe_client, metadata={"order": "7", "note": "a & b [c]"})
    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        1000,
    )
    assert session.url == f"{simulator.url}/pay/{session.id}"
    assert session.payment_intent is None
    simulator.pay(session.id)
    found = stripe_client.v1.checkout.sessions.retrieve(session.id)
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert found.metadata is not None and found.metadata["note"] == "a & b [c]"
    intent = stripe_client.v1.payment_intents.retrieve(str(found.payment_intent))
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)


def test_the_async_client_is_answered_just_the_same(simulator: Simulator) -> None:
    async def work() -> list[str]:
        http = stripe.HTTPXClient()
        client = stripe.StripeClient(
            "sk_test_a", base_addresses={"api": simulator.url}, http_client=http
        )
        try:
            create = client.v1.payment_intents.create_async
            made = await asyncio.gather(
                *(create({"amount": 100 + n, "currency": "eur"}) for n in range(10))
            )
            found = await client.v1.payment_intents.retrieve_async(made[3].id)
            assert found.amount == 103
            return [intent.id for intent in made]
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]

    assert len(set(asyncio.run(work()))) == 10


def test_a_person_pays_on_the_page_once(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    session = opened(stripe_client, success_url="http://127.0.0.1/ok?id={CHECKOUT_SESSION_ID}")
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(str(session.url))
        assert "1000 usd" in page.text and "Pay</button>" in page.text
        declined = browser.post(str(session.url), data={"card": "pm_card_chargeDeclined"})
        assert (declined.status_code, simulator.balance()) == (402, 0)
        done = browser.post(str(session.url), data={"card": "pm_card_visa"})
        assert (done.status_code, simulator.balance()) == (303, 1000)
        assert done.headers["location"] == f"http://127.0.0.1/ok?id={session.id}"
        assert browser.post(str(session.url)).status_code == 400
    assert simulator.balance() == 1000


def test_a_session_that_is_over_is_not_paid(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    expired, forgotten = opened(stripe_client), opened(stripe_client)
    stripe_client.v1.checkout.sessions.expire(expired.id)
    error = refused(lambda: stripe_client.v1.checkout.sessions.expire(expired.id))
    assert 'Only Checkout Sessions with a status in ["open"] can be expired' in str(error)
    simulator.advance(DAY)
    assert stripe_client.v1.checkout.sessions.retrieve(forgotten.id).status == "expired"
    for session in (expired, forgotten):
        with pytest.raises(Exception, match="has a status of `expired`"):
            simulator.pay(session.id)
    assert simulator.objects("charge") == []


def test_refunds_stop_at_what_was_paid(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    intent, refunds = paid(stripe_client), stripe_client.v1.refunds
    error = refused(lambda: refunds.create({"payment_intent": intent.id, "amount": 1001}))
    assert error.user_message == "Refund amount ($10.01) is greater than charge amount ($10.00)"
    assert error.param == "amount"
    refunds.create({"payment_intent": intent.id, "amount": 300})
    error = refused(lambda: refunds.create({"payment_intent": intent.id, "amount": 701}))
    assert "($7.01) is greater than unrefunded amount on charge ($7.00)" in str(error)
    assert refunds.create({"charge": str(intent.latest_charge)}).amount == 700
    error = refused(lambda: refunds.create({"payment_intent": intent.id}))
    assert error.code == "charge_already_refunded"
    assert simulator.balance() == 0
    charge = stripe_client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (1000, True)


def test_refunds_at_one_instant_stop_there_too(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    intent = paid(stripe_client, 1000)
    start = threading.Barrier(16)

    def back(_: int) -> bool:
        start.wait(20)
        try:
            stripe_client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(back, range(16))) == 10
    assert simulator.balance() == 0
    assert sum(refund["amount"] for refund in simulator.objects("refund")) == 1000


def test_a_capture_takes_no_more_than_is_held(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    held = paid(stripe_client, 1000, capture_method="manual")
    intents = stripe_client.v1.payment_intents
    assert (held.status, held.amount_capturable, simulator.balance()) == (
        "requires_capture",
        1000,
        0,
    )
    assert "successful charge" in str(
        refused(lambda: stripe_client.v1.refunds.create({"payment_intent": held.id}))
    )
    error = refused(lambda: intents.capture(held.id, {"amount_to_capture": 1001}))
    assert error.param == "amount_to_capture"
    assert intents.capture(held.id, {"amount_to_capture": 600}).amount_received == 600
    assert refused(lambda: intents.capture(held.id)).code == "payment_intent_unexpected_state"
    error = refused(
        lambda: stripe_client.v1.refunds.create({"payment_intent": held.id, "amount": 601})
    )
    assert "($6.00)" in str(error)
    assert simulator.balance() == 600


def test_a_declined_card_is_a_card_error_and_pays_nothing(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    intents = stripe_client.v1.payment_intents
    intent = intents.create({"amount": 700, "currency": "usd"})
    with pytest.raises(stripe.CardError) as raised:
        intents.confirm(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
        )
    assert raised.value.code == "card_declined" and raised.value.error is not None
    assert raised.value.error.decline_code == "insufficient_funds"
    assert intents.retrieve(intent.id).status == "requires_payment_method"
    assert intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    error = refused(lambda: intents.confirm(intent.id, {"payment_method": "pm_card_visa"}))
    assert error.code == "payment_intent_unexpected_state"
    assert simulator.balance() == 700


def test_money_leaves_only_where_there_is_some(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    payouts, transfers = stripe_client.v1.payouts, stripe_client.v1.transfers
    simulator.add_funds(1000)
    assert refused(lambda: payouts.create({"amount": 1001, "currency": "usd"})).code == (
        "balance_insufficient"
    )
    first = payouts.create({"amount": 400, "currency": "usd"})
    second = payouts.create({"amount": 500, "currency": "usd"})
    assert refused(
        lambda: transfers.create({"amount": 101, "currency": "usd", "destination": "acct_1"})
    )
    transfers.create({"amount": 100, "currency": "usd", "destination": "acct_1"})
    assert stripe_client.v1.balance.retrieve().available[0].amount == 0
    simulator.finish_payout(first.id)
    simulator.finish_payout(second.id, failed=True)
    assert [payouts.retrieve(payout.id).status for payout in (first, second)] == ["paid", "failed"]
    assert simulator.balance() == 500
    with pytest.raises(Exception, match="is failed already"):
        simulator.finish_payout(second.id, failed=True)


def test_a_subscription_is_billed_once_per_period(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    customer = stripe_client.v1.customers.create({"email": "a@example.com"})
    session = opened(
        stripe_client,
        mode="subscription",
        line_items=[MONTHLY],
        customer=customer.id,
        subscription_data={"metadata": {"user": "42"}},
    )
    subscription = str(simulator.pay(session.id)["subscription"])
    simulator.advance(32 * DAY)
    simulator.renew(subscription)
    invoices = [
        event["data"]["object"]
        for event in simulator.objects("event")
        if event["type"] == "invoice.payment_succeeded"
    ]
    periods = [invoice["lines"]["data"][0]["period"] for invoice in invoices]
    assert [invoice["billing_reason"] for invoice in invoices] == [
        "subscription_create",
        "subscription_cycle",
        "subscription_cycle",
    ]
    assert [period["end"] for period in periods[:-1]] == [p["start"] for p in periods[1:]]
    # As with Stripe, the invoice's own period is the one before that of its lines.
    assert invoices[1]["period_start"] == periods[0]["start"]
    details = invoices[2]["parent"]["subscription_details"]
    assert details == {"subscription": subscription, "metadata": {"user": "42"}}
    assert simulator.balance() == 2700
    stripe_client.v1.subscriptions.cancel(subscription)
    simulator.advance(90 * DAY)
    assert len(simulator.objects("invoice")) == 3


def test_a_renewal_that_fails_leaves_the_subscription_past_due(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    session = opened(stripe_client, mode="subscription", line_items=[MONTHLY])
    subscription = str(simulator.pay(session.id)["subscription"])
    assert simulator.renew(subscription, "pm_card_chargeDeclined")["status"] == "past_due"
    assert simulator.objects("event")[-2]["type"] == "invoice.payment_failed"
    assert simulator.balance() == 900


def test_a_month_after_the_31st_ends_on_its_last_day() -> None:
    from stripe_simulator.subscriptions import _after

    first = int(datetime(2027, 1, 31, tzinfo=UTC).timestamp())
    monthly = {"interval": "month", "interval_count": 1}
    days = [datetime.fromtimestamp(_after(first, monthly, n), UTC).date() for n in range(4)]
    assert [str(day) for day in days] == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]


def test_lists_come_in_pages_newest_first(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    create = stripe_client.v1.customers.create
    made = [create({"name": f"n{n}"}).id for n in range(5)]
    listed = stripe_client.v1.customers.list({"limit": 2})
    assert [row.id for row in listed.data] == made[:2:-1] and listed.has_more
    assert [row.id for row in listed.auto_paging_iter()] == made[::-1]
    before = stripe_client.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert [row.id for row in before.data] == made[2:0:-1]
    error = refused(lambda: stripe_client.v1.customers.list({"starting_after": "cus_no"}))
    assert error.code == "resource_missing"


def test_events_can_be_read_and_name_their_request(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    fields: Any = {"amount": 5, "currency": "usd"}
    made = stripe_client.v1.payment_intents.create(fields, {"idempotency_key": "order-5"})
    listed = stripe_client.v1.events.list({"type": "payment_intent.created"}).data
    event = stripe_client.v1.events.retrieve(listed[0].id)
    assert event.data.object["id"] == made.id and event.request is not None
    assert event.request.idempotency_key == "order-5"
    assert made.last_response is not None
    assert event.request.id == made.last_response.request_id
    simulator.pay(opened(stripe_client).id)
    assert simulator.objects("event")[-1]["request"] == {"id": None, "idempotency_key": None}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"currency": "usd"}, "amount", "parameter_missing"),
        ({"amount": "1.5", "currency": "usd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 0, "currency": "usd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount", "amount_too_large"),
        ({"amount": 5, "currency": "dollars"}, "currency", None),
        ({"amount": 5, "currency": "usd", "customer": "cus_no"}, "customer", "resource_missing"),
        ({"amount": 5, "currency": "usd", "payment_method": "pm_x"}, "payment_method", None),
    ],
)
def test_a_parameter_is_refused_by_its_name(
    simulator: Simulator,
    stripe_client: stripe.StripeClient,
    fields: Any,
    param: str,
    code: str | None,
) -> None:
    error = refused(lambda: stripe_client.v1.payment_intents.create(fields))
    assert error.param == param and error.http_status == 400
    assert code is None or error.code == code
    assert simulator.objects("payment_intent") == []


def test_what_does_not_exist_is_not_found(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    error = refused(lambda: stripe_client.v1.payment_intents.retrieve("pi_no"))
    assert (error.http_status, error.code) == (404, "resource_missing")
    assert error.user_message == "No such payment_intent: 'pi_no'"
    assert refused(stripe_client.v1.coupons.list).http_status == 404


@pytest.mark.parametrize("key", ["sk_live_secret", "nonsense"])
def test_only_test_keys_are_taken(simulator: Simulator, key: str) -> None:
    answer = httpx.get(f"{simulator.url}/v1/balance", auth=(key, ""), trust_env=False)
    assert answer.status_code == 401 and "secret" not in answer.text
    assert answer.headers["request-id"].startswith("req_")


def test_what_is_held_is_bounded_and_ids_depend_on_the_seed() -> None:
    from stripe_simulator import Simulator

    def fill() -> list[str]:
        with Simulator(seed=3, limit=5) as small, httpx.Client(trust_env=False) as http:
            ask: Any = {"auth": ("sk_test_x", ""), "data": {"name": "n"}}
            for _ in range(6):
                answer = http.post(f"{small.url}/v1/customers", **ask)
            assert answer.status_code == 503
            return [customer["id"] for customer in small.objects("customer")]

    before = set(threading.enumerate())
    first, second = fill(), fill()
    assert first == second and len(first) == 3
    assert set(threading.enumerate()) <= before


@pytest.mark.skipif(os.name != "posix", reason="stops the process with SIGTERM")
def test_it_can_be_started_from_the_command_line() -> None:
    command = [sys.executable, "-m", "stripe_simulator", "--port", "0", "--seed", "9"]
    folder = str(Path(__file__).parents[2] / "reference_impl")
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            status = httpx.get(f"{url}/_control", trust_env=False).json()
        finally:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
    assert (status["seed"], process.returncode, said) == (9, 0, "seed 9\n")
