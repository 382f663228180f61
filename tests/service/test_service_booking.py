"""Peer booking over HTTP: sessions, refunds, and credits that come with paid periods."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from service_checks import subscribed
from service_ground import Running

pytest_plugins = ["service_fixtures"]

BOOKING = "/v1/peer_booking"


def balance(service: Running, user: UUID) -> int:
    return int(service.get(f"{BOOKING}/users/{user}/credits").json()["balance"])


def booking(client: UUID, practitioner: UUID, minutes: int = 30) -> dict[str, object]:
    return {"client_id": client, "practitioner_id": practitioner, "duration_minutes": minutes}


def test_a_session_is_booked_and_refunded_once(service: Running) -> None:
    client, practitioner = service.db.peers(100)
    path = f"{BOOKING}/sessions/{service.db.session(client, practitioner)}"
    booked = [service.post(f"{path}/booking", **booking(client, practitioner)) for _ in range(2)]
    assert [answer.status_code for answer in booked] == [200, 200]
    assert booked[0].json() == booked[1].json()
    assert (balance(service, client), balance(service, practitioner)) == (70, 30)
    for _ in range(2):
        assert service.post(f"{path}/refund", reason="ill").json()["client_balance_after"] == 100
    assert (balance(service, client), balance(service, practitioner)) == (100, 0)
    assert service.get(f"{BOOKING}/reconciliation").json() == []


def test_a_booking_that_is_refused_says_why(service: Running) -> None:
    client, practitioner = service.db.peers(10)
    session = service.db.session(client, practitioner)
    path = f"{BOOKING}/sessions/{session}/booking"
    poor = service.post(path, **booking(client, practitioner))
    assert (poor.status_code, poor.json()["reason"]) == (402, "insufficient_credits")
    foreign = service.post(path, **booking(practitioner, client))
    assert (foreign.status_code, foreign.json()["reason"]) == (403, "foreign_session")
    alone = service.post(path, **booking(client, client))
    assert (alone.status_code, alone.json()["reason"]) == (422, "same_user")
    unknown = service.post(f"{BOOKING}/sessions/{uuid4()}/booking", **booking(client, practitioner))
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "session_not_found")
    # It is as it was: with credits it can still be booked.
    service.db.all("select peer_booking.allocate_user_credits($1, 90, 'more', 'more')", client)
    assert service.post(path, **booking(client, practitioner)).status_code == 200


@pytest.mark.parametrize("order", ["made", "reversed", "shuffled"])
def test_a_period_brings_its_credits_once_in_whatever_order_its_events_come(
    service: Running, order: str
) -> None:
    client, _ = service.db.peers()
    service.stripe.hold_webhooks()
    subscription = subscribed(service, client, service.db.subscription(client), 100)
    service.stripe.renew(subscription)
    service.stripe.release_webhooks(order=order, copies=2, at_once=order == "shuffled")
    service.stripe.settle()
    assert balance(service, client) == 200
    assert service.get(f"{BOOKING}/reconciliation").json() == []


def test_an_event_waits_while_stripe_cannot_be_asked_about_it(service: Running) -> None:
    client, _ = service.db.peers()
    service.stripe.fault("drop_before_effect", "GET", "/v1/invoices/*")
    subscribed(service, client, service.db.subscription(client), 100)
    deliveries = service.stripe.settle()
    ours = [each.status for each in deliveries if "peer_booking" in each.url]
    assert ours.count(503) == 1
    assert balance(service, client) == 100


def test_a_period_that_could_not_be_paid_brings_nothing(service: Running) -> None:
    client, _ = service.db.peers()
    subscription = subscribed(service, client, service.db.subscription(client), 100)
    service.stripe.renew(subscription, card="pm_card_chargeDeclined")
    service.stripe.settle()
    assert balance(service, client) == 100


def test_a_subscription_of_somebody_else_is_not_credited(service: Running) -> None:
    client, practitioner = service.db.peers()
    service.stripe.set_backoff(attempts=1)
    subscribed(service, client, service.db.subscription(practitioner), 100)
    service.stripe.settle()
    assert balance(service, client) == 0
    refused = service.lines("webhook_refused")
    assert {line["reason"] for line in refused} == {"foreign_subscription"}
