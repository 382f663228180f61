"""Events that no right Stripe would send, or that are none of our business."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from service_checks import BOOKING, CREDITS, LEADS, bought, completed, statuses, subscribed
from service_ground import WEBHOOK_SECRET, WEBHOOKS, Running

pytest_plugins = ["service_fixtures"]


def send(service: Running, body: str, system: str = "credit_purchase") -> Any:
    """Post a body to a webhook, signed as Stripe signs."""
    signed = stripe.WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET)
    headers = {"Stripe-Signature": signed}
    return service.http.post(f"/v1/{system}/webhook", content=body, headers=headers)


def event(user: UUID, id: str = "evt_1", **session: Any) -> str:
    metadata = {"system": "credit_purchase", "user_id": str(user), "credits": "50"}
    about = {
        "id": "cs_1",
        "object": "checkout.session",
        "payment_status": "paid",
        "metadata": {**metadata, "idempotency_key": str(uuid4())},
        **session,
    }
    type = "checkout.session.completed"
    return json.dumps({"id": id, "object": "event", "type": type, "data": {"object": about}})


def balance(service: Running, user: UUID) -> int:
    return int(service.get(f"{CREDITS}/users/{user}/credits").json()["balance"])


def test_a_payment_that_is_still_under_way_brings_nothing(service: Running) -> None:
    user = service.db.buyer()
    answer = send(service, event(user, payment_status="unpaid"))
    assert answer.json() == {"event": "evt_1", "ours": False, "effect": None, "repeated": False}
    assert balance(service, user) == 0


def test_a_subscription_whose_invoice_is_still_open_brings_nothing(service: Running) -> None:
    client, _ = service.db.peers()
    service.stripe.hold_webhooks()
    subscription = subscribed(service, client, service.db.subscription(client), 100)
    service.stripe.renew(subscription, card="pm_card_chargeDeclined")
    (open_one,) = [each for each in service.stripe.objects("invoice") if each["status"] == "open"]
    session = service.stripe.objects("checkout.session")[0] | {"invoice": open_one["id"]}
    body = {"id": "evt_1", "object": "event", "type": "checkout.session.completed"}
    answer = send(service, json.dumps(body | {"data": {"object": session}}), "peer_booking")
    assert answer.json()["ours"] is False
    assert service.get(f"{BOOKING}/users/{client}/credits").json() == {"balance": 0}


def test_two_events_about_one_session_bring_its_credits_once(service: Running) -> None:
    user = service.db.buyer()
    metadata = json.loads(event(user))["data"]["object"]["metadata"]
    for id in ("evt_1", "evt_2"):
        assert send(service, event(user, id, metadata=metadata)).status_code == 200
    assert balance(service, user) == 50
    # Under a key of its own it is a second purchase with the same session: refused.
    answer = send(service, event(user, "evt_3"))
    assert (answer.status_code, answer.json()["reason"]) == (
        409,
        "stripe_session_already_processed",
    )
    assert balance(service, user) == 50


@pytest.mark.parametrize("body", ["", "{", "[1]", "1", "{}", '{"object": "event"}', "\u00e4"])
def test_what_is_signed_but_no_event_is_400(service: Running, body: str) -> None:
    answer = send(service, body)
    assert answer.status_code == 400
    assert answer.json()["reason"] in ("bad_signature", "not_an_event")


def test_a_body_that_is_no_text_is_400(service: Running) -> None:
    headers = {"Stripe-Signature": "t=1,v1=00"}
    answer = service.http.post(f"{CREDITS}/webhook", content=b"\xff\xfe", headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_signature")


def test_every_endpoint_gets_every_event_and_one_of_them_does_it(service: Running) -> None:
    user = service.db.buyer()
    bought(service, user)
    service.stripe.settle()
    assert all(set(statuses(service, name)) == {200} for name in WEBHOOKS)
    events = service.db.all("select event_id, effect from stripe_idempotency.stripe_webhook_events")
    ((id, effect),) = events
    assert id == completed(service)
    assert effect.startswith("credit_operation:")


def test_an_event_that_is_delivered_late_is_too_old_to_be_believed(service: Running) -> None:
    user = service.db.buyer()
    service.stripe.hold_webhooks()
    bought(service, user)
    service.stripe.release_webhooks()
    service.stripe.settle()
    before = len(service.stripe.deliveries())
    service.stripe.set_backoff(attempts=1)
    service.stripe.resend(completed(service), age=400)
    service.stripe.settle()
    late = service.stripe.deliveries()[before:]
    assert {each.status for each in late} == {400}


def test_leads_that_are_gone_are_no_failure_of_the_event(service: Running) -> None:
    lead = service.db.lead(40)
    order = {"workspace_id": service.db.workspace(), "lead_ids": [str(lead)]}
    checkout = service.post(f"{LEADS}/purchases/card", **order).json()
    winner = {"workspace_id": service.db.workspace(100), "lead_ids": [str(lead)]}
    assert service.post(f"{LEADS}/purchases/credits", **winner).status_code == 200
    service.stripe.pay(checkout["session_id"])
    service.stripe.settle()
    assert set(statuses(service, "lead_marketplace")) == {200}
    assert [line["purchase_id"] for line in service.lines("refund_due")] == [
        checkout["purchase_id"]
    ]
