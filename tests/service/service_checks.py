"""What the service promises, each promise a function that fails where it isn't kept.

They run on the right service (test_service_promises.py) and on each broken one
(test_service_broken.py).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import stripe
from service_gate import COMMITTING, RELEASED, SLOW_ANSWER, gate_before
from service_ground import STRIPE_KEY, WEBHOOK_SECRET, Ground, Running

Check = Callable[[Ground], None]
CHECKS: dict[str, Check] = {}

LEADS, CREDITS = "/v1/lead_marketplace", "/v1/credit_purchase"
BOOKING, PAYMENTS = "/v1/peer_booking", "/v1/stripe_payments"


def check(promise: Check) -> Check:
    CHECKS[promise.__name__] = promise
    return promise


def statuses(ground: Ground | Running, system: str) -> list[int | None]:
    """Return the answers of one webhook, in the order in which they came."""
    found = ground.stripe.deliveries()
    return [each.status for each in found if f"/{system}/" in each.url]


# -- Stripe, and what was made there --------------------------------------------------------------


@check
def a_checkout_whose_answer_was_lost_is_the_same_one_after_a_retry(ground: Ground) -> None:
    order: dict[str, Any] = {"operation_id": "order-1", "user_id": ground.db.payer(), "cents": 500}
    with ground.service() as service:
        ground.stripe.fault("drop_after_effect", "POST", "/v1/checkout/sessions")
        first = service.post(f"{PAYMENTS}/checkouts", **order)
        assert (first.status_code, first.json()["reason"]) == (503, "stripe_busy")
        assert first.headers["retry-after"] == "1"
        second = service.post(f"{PAYMENTS}/checkouts", **order)
        assert second.status_code == 200
    assert one_session(ground) == second.json()["session_id"]


@check
def a_checkout_that_never_reached_stripe_is_made_by_the_retry(ground: Ground) -> None:
    order: dict[str, Any] = {"operation_id": "order-1", "user_id": ground.db.payer(), "cents": 500}
    with ground.service() as service:
        ground.stripe.fault("drop_before_effect", "POST", "/v1/checkout/sessions")
        assert service.post(f"{PAYMENTS}/checkouts", **order).status_code == 503
        assert ground.stripe.objects("checkout.session") == []
        second = service.post(f"{PAYMENTS}/checkouts", **order)
        assert second.status_code == 200
    assert one_session(ground) == second.json()["session_id"]


@check
def fifty_checkouts_of_one_operation_make_one_session(ground: Ground) -> None:
    """A third of the calls to Stripe breaks before the effect, another third after it."""
    print(f"faults drawn with the simulator's seed {ground.stripe.seed}")
    order: dict[str, Any] = {"operation_id": "order-1", "user_id": ground.db.payer(), "cents": 500}
    with ground.service() as service, ThreadPoolExecutor(50) as pool:
        ground.stripe.fault("drop_before_effect", "POST", "/v1/checkout/sessions", fraction=1 / 3)
        # Half of the other two thirds.
        ground.stripe.fault("drop_after_effect", "POST", "/v1/checkout/sessions", fraction=1 / 2)
        # The first calls surely meet both, whatever is drawn.
        ground.stripe.fault("drop_before_effect", "POST", "/v1/checkout/sessions", times=1)
        ground.stripe.fault("drop_after_effect", "POST", "/v1/checkout/sessions", times=5)
        calls = [
            pool.submit(service.patient, f"{PAYMENTS}/checkouts", 200, **order) for _ in range(50)
        ]
        answers = [call.result() for call in calls]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["session_id"] for answer in answers} == {one_session(ground)}
    assert [answer.json()["repeated"] for answer in answers].count(False) == 1


def one_session(ground: Ground) -> str:
    """Return the one session that there is at Stripe and on record."""
    sessions = [each["id"] for each in ground.stripe.objects("checkout.session")]
    claims = [(claim["status"], claim["stripe_resource_id"]) for claim in ground.db.claims()]
    assert len(sessions) == 1, sessions
    assert claims == [("completed", sessions[0])]
    return str(sessions[0])


@check
def a_payout_that_stripe_refuses_goes_back_into_the_wallet(ground: Ground) -> None:
    user = ground.db.payer()
    fill_wallet(ground, user, 5000)
    order: dict[str, Any] = {"operation_id": "out-1", "user_id": user, "cents": 3000}
    with ground.service() as service:
        # There is nothing in the account at Stripe.
        answers = [service.post(f"{PAYMENTS}/payouts", **order) for _ in range(2)]
        assert [(each.status_code, each.json()["reason"]) for each in answers] == [
            (422, "balance_insufficient"),
            (409, "needs_attention"),
        ]
        assert service.get(f"{PAYMENTS}/wallets/{user}").json() == {"cents": 5000}
    assert ground.stripe.objects("payout") == []


def fill_wallet(ground: Ground, user: UUID, cents: int) -> None:
    call = "select stripe_idempotency.apply_wallet_transaction($1, 'credit', $2, 'opening')"
    ground.db.all(call, user, cents)


# -- Events ---------------------------------------------------------------------------------------


def bought(service: Running, user: UUID, credits: int = 50) -> str:
    """Open a checkout for credits and pay it; return the session."""
    answer = service.post(f"{CREDITS}/checkouts", user_id=user, credits=credits)
    session = str(answer.json()["session_id"])
    service.stripe.pay(session)
    return session


@check
def an_event_that_stripe_did_not_sign_does_nothing(ground: Ground) -> None:
    user = ground.db.buyer()
    metadata = {"system": "credit_purchase", "user_id": str(user), "credits": "1000"}
    session = {
        "id": "cs_1",
        "object": "checkout.session",
        "payment_status": "paid",
        "metadata": {**metadata, "idempotency_key": str(uuid4())},
    }
    event = {"id": "evt_1", "object": "event", "type": "checkout.session.completed"}
    body = json.dumps({**event, "data": {"object": session}})
    signed = stripe.WebhookSignature.generate_signature_header
    old = int(time.time()) - 3600
    headers = [
        {},
        {"Stripe-Signature": "t=1,v1=00"},
        {"Stripe-Signature": signed(body, "whsec_of_somebody_else")},
        {"Stripe-Signature": signed(f"{body} ", WEBHOOK_SECRET)},
        {"Stripe-Signature": signed(body, WEBHOOK_SECRET, timestamp=old)},
    ]
    with ground.service() as service:
        for header in headers:
            answer = service.http.post(f"{CREDITS}/webhook", content=body, headers=header)
            assert (answer.status_code, answer.json().get("reason")) == (400, "bad_signature")
        assert service.get(f"{CREDITS}/users/{user}/credits").json() == {"balance": 0}


@check
def an_event_whose_effect_failed_is_done_when_it_comes_again(ground: Ground) -> None:
    user = ground.db.buyer()
    with ground.service() as service:
        ground.stripe.hold_webhooks()
        bought(service, user)
        # The account is away for a moment: the effect is refused.
        ground.db.all("delete from credit_purchase.user_profiles where id = $1", user)
        ground.stripe.set_backoff(attempts=1)
        ground.stripe.release_webhooks()
        ground.stripe.settle()
        assert 404 in statuses(ground, "credit_purchase")
        ground.db.all("insert into credit_purchase.user_profiles (id) values ($1)", user)
        event = completed(ground)
        ground.stripe.resend(event)
        ground.stripe.settle()
        assert service.get(f"{CREDITS}/users/{user}/credits").json() == {"balance": 50}
    assert effects(ground) == [event]


@check
def an_event_that_comes_while_the_database_is_gone_is_done_when_it_comes_again(
    ground: Ground,
) -> None:
    user = ground.db.buyer()
    with gate_before(ground.db.dsn) as gate, ground.service(gate.dsn) as service:
        ground.stripe.hold_webhooks()
        bought(service, user)
        gate.shut()
        ground.stripe.set_backoff(attempts=1)
        ground.stripe.release_webhooks()
        ground.stripe.settle()
        assert 503 in statuses(ground, "credit_purchase")
        gate.open()
        ground.stripe.resend(completed(ground))
        ground.stripe.settle()
        assert service.get(f"{CREDITS}/users/{user}/credits").json() == {"balance": 50}


@check
def an_event_that_is_delivered_many_times_pays_into_the_wallet_once(ground: Ground) -> None:
    user = ground.db.payer()
    with ground.service() as service:
        order = {"operation_id": "order-1", "user_id": user, "cents": 500}
        session = service.post(f"{PAYMENTS}/checkouts", **order).json()["session_id"]
        ground.stripe.set_delivery(copies=5)
        ground.stripe.pay(session)
        ground.stripe.settle()
        ground.stripe.resend(completed(ground), copies=3, at_once=False)
        ground.stripe.settle()
        assert service.get(f"{PAYMENTS}/wallets/{user}").json() == {"cents": 500}
    assert set(statuses(ground, "stripe_payments")) == {200}
    assert effects(ground) == [completed(ground)]


@check
def a_period_that_was_not_paid_brings_no_credits(ground: Ground) -> None:
    """The checkout's event comes late: the subscription is in its second period, which is unpaid."""
    client, _ = ground.db.peers()
    with ground.service() as service:
        ground.stripe.hold_webhooks()
        subscription = subscribed(service, client, ground.db.subscription(client), 100)
        ground.stripe.renew(subscription, card="pm_card_chargeDeclined")
        ground.stripe.release_webhooks(order="reversed")
        ground.stripe.settle()
        assert service.get(f"{BOOKING}/users/{client}/credits").json() == {"balance": 100}


def subscribed(service: Running, client: UUID, subscription: UUID, credits: int) -> str:
    """Open a subscription's checkout and pay it; return Stripe's subscription."""
    path = f"{BOOKING}/subscriptions/{subscription}/checkouts"
    answer = service.post(path, operation_id="sub-1", user_id=client, credits=credits)
    assert answer.status_code == 200, answer.text
    return str(service.stripe.pay(answer.json()["session_id"])["subscription"])


def completed(ground: Ground | Running) -> str:
    """Return the one event which says that a checkout was completed."""
    events = ground.stripe.objects("event")
    (found,) = [each["id"] for each in events if each["type"] == "checkout.session.completed"]
    return str(found)


def effects(ground: Ground) -> list[str]:
    """Return the events that are marked as processed."""
    sql = "select event_id from stripe_idempotency.stripe_webhook_events where status = 'processed'"
    return [row[0] for row in ground.db.all(sql)]


# -- Generations ----------------------------------------------------------------------------------


def ask(key: str, prompt: str = "what is owed", **more: Any) -> dict[str, Any]:
    return {"license_key": key, "prompt": prompt, **more}


def charged(ground: Ground) -> list[int]:
    sql = "select -amount from license_billing.credit_entries where kind = 'usage'"
    return [row[0] for row in ground.db.all(sql)]


@check
def a_refused_deduction_withholds_the_answer(ground: Ground) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    cases = {
        ground.db.license(): (402, "insufficient_credits"),
        "lic_unknown": (403, "invalid_license"),
        ground.db.license(1000, is_active=False): (403, "inactive_license"),
        ground.db.license(1000, expires_at=past): (403, "expired_license"),
    }
    with ground.service() as service:
        for key, expected in cases.items():
            answer = service.post("/v1/generate", **ask(key))
            assert (answer.status_code, answer.json().get("reason")) == expected
            assert "text" not in answer.json()
    assert charged(ground) == []
    assert kept(ground) == 0


@check
def a_generation_is_kept_while_the_database_is_gone_and_charged_once(ground: Ground) -> None:
    key, request = ground.db.license(1000), uuid4()
    with gate_before(ground.db.dsn) as gate:
        generator = cutting(ground, gate.shut)
        with ground.service(gate.dsn, generator=generator) as service:
            answer = service.post("/v1/generate", **ask(key, request_id=request))
            assert (answer.status_code, answer.json()["reason"]) == (503, "unbilled")
            assert answer.json()["key"] == str(request)
            assert "text" not in answer.json()
        # The service is started anew; what was generated has survived that.
        gate.open()
        with ground.service(gate.dsn) as service:
            rounds = [service.post("/v1/license_billing/settlements").json() for _ in range(2)]
            assert [each["settled"] for each in rounds] == [1, 0]
            again = service.post("/v1/generate", **ask(key, request_id=request))
            assert again.status_code == 200
    assert again.json()["tokens"] == sum(charged(ground))
    assert len(charged(ground)) == 1
    assert kept(ground) == 1


@check
def a_charge_whose_answer_was_lost_is_made_once(ground: Ground) -> None:
    """The deduction has committed when the connection breaks, so nobody knows that it has."""
    key, request = ground.db.license(1000), uuid4()
    ground.db.script(SLOW_ANSWER)
    with (
        gate_before(ground.db.dsn) as gate,
        ground.service(gate.dsn) as service,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(service.post, "/v1/generate", **ask(key, request_id=request))
        while not ground.db.one(COMMITTING):
            time.sleep(0.01)
        gate.shut()
        answer = call.result()
        assert (answer.status_code, answer.json()["reason"]) == (503, "unbilled")
        ground.db.script(RELEASED)
        gate.open()
        service.post("/v1/license_billing/settlements")
        again = service.patient("/v1/generate", **ask(key, request_id=request))
        assert again.status_code == 200
    assert len(charged(ground)) == 1


@check
def a_request_id_with_another_prompt_is_charged_too(ground: Ground) -> None:
    key, request = ground.db.license(1000), uuid4()
    # Two prompts whose answers have the same length.
    first, second = same_length(ground)
    with ground.service() as service:
        one = service.post("/v1/generate", **ask(key, first, request_id=request)).json()
        two = service.post("/v1/generate", **ask(key, second, request_id=request)).json()
    assert one["tokens"] == two["tokens"]
    assert one["text"] != two["text"]
    assert charged(ground) == [one["tokens"], two["tokens"]]


def cutting(ground: Ground, cut: Callable[[], None]) -> Any:
    """Return a generator that does something when it has generated."""
    right = ground.generator.Generator

    class Cutting(right):  # type: ignore[misc, valid-type]
        async def generate(self, prompt: str, max_tokens: int) -> Any:
            found = await super().generate(prompt, max_tokens)
            cut()
            return found

    return Cutting()


def kept(ground: Ground) -> int:
    return int(ground.db.one("select count(*) from license_billing.unbilled_generations"))


def same_length(ground: Ground) -> tuple[str, str]:
    generator, seen = ground.generator.Generator(), dict[int, str]()
    for number in range(1000):
        prompt = f"prompt {number}"
        length = asyncio.run(generator.generate(prompt, 200)).tokens
        if length in seen:
            return seen[length], prompt
        seen[length] = prompt
    raise AssertionError("no two of them")


# -- Logs -----------------------------------------------------------------------------------------


@check
def logs_hold_no_secret(ground: Ground) -> None:
    key, user = ground.db.license(10), ground.db.buyer()
    secrets = [STRIPE_KEY, WEBHOOK_SECRET, key, ground.db.dsn, "my secret prompt"]
    with gate_before(ground.db.dsn) as gate, ground.service(gate.dsn) as service:
        bought(service, user)
        ground.stripe.settle()
        service.post("/v1/generate", **ask(key, "my secret prompt", max_tokens=1))
        service.post("/v1/generate", **ask(key, "my secret prompt"))
        service.post("/v1/generate", license_key=key, prompt="my secret prompt", max_tokens=-1)
        service.http.get(f"/v1/generate/{key}", headers={"Authorization": f"Bearer {key}"})
        gate.shut()
        service.post("/v1/generate", **ask(key, "my secret prompt", request_id=uuid4()))
        service.read_monitors()
        log = service.log.getvalue()
        secrets += [gate.dsn]
    assert [line["event"] for line in service.lines()].count("request") >= 5
    assert [secret for secret in secrets if secret in log] == []
