"""Credits over HTTP: bought at a checkout, set aside, used up, given back."""

from __future__ import annotations

from uuid import UUID, uuid4

from service_ground import Running

pytest_plugins = ["service_fixtures"]

CREDITS = "/v1/credit_purchase"


def balance(service: Running, user: UUID) -> int:
    return int(service.get(f"{CREDITS}/users/{user}/credits").json()["balance"])


def with_credits(service: Running, credits: int) -> UUID:
    user = service.db.buyer()
    answer = service.post(f"{CREDITS}/checkouts", user_id=user, credits=credits)
    service.stripe.pay(answer.json()["session_id"])
    service.stripe.settle()
    return user


def test_a_paid_checkout_brings_its_credits_once(service: Running) -> None:
    user, key = service.db.buyer(), uuid4()
    order = {"user_id": user, "credits": 50, "idempotency_key": key}
    answers = [service.post(f"{CREDITS}/checkouts", **order).json() for _ in range(2)]
    assert [answer["repeated"] for answer in answers] == [False, True]
    assert answers[0]["session_id"] == answers[1]["session_id"]
    assert balance(service, user) == 0
    service.stripe.set_delivery(copies=4)
    service.stripe.pay(answers[0]["session_id"])
    service.stripe.settle()
    assert balance(service, user) == 50
    # Opened again it is paid already: there is no page to pay at any more.
    assert service.post(f"{CREDITS}/checkouts", **order).json()["url"] is None


def test_a_declined_card_brings_nothing(service: Running) -> None:
    from stripe_simulator import Refused

    user = service.db.buyer()
    answer = service.post(f"{CREDITS}/checkouts", user_id=user, credits=50).json()
    try:
        service.stripe.pay(answer["session_id"], "pm_card_chargeDeclined")
    except Refused as refused:
        assert refused.status == 402
    service.stripe.settle()
    assert balance(service, user) == 0


def test_a_checkout_for_nobody_is_404_and_asks_stripe_nothing(service: Running) -> None:
    answer = service.post(f"{CREDITS}/checkouts", user_id=uuid4(), credits=50)
    assert (answer.status_code, answer.json()["reason"]) == (404, "user_profile_not_found")
    assert service.stripe.objects("checkout.session") == []


def test_a_key_with_another_amount_is_409(service: Running) -> None:
    user, key = service.db.buyer(), uuid4()
    path = f"{CREDITS}/checkouts"
    service.post(path, user_id=user, credits=50, idempotency_key=key)
    answer = service.post(path, user_id=user, credits=60, idempotency_key=key)
    assert (answer.status_code, answer.json()["reason"]) == (409, "operation_conflict")


def test_reserved_credits_are_used_up_and_given_back(service: Running) -> None:
    user = with_credits(service, 100)
    reserved = service.post(f"{CREDITS}/reservations", user_id=user, credits=60).json()
    path = f"{CREDITS}/reservations/{reserved['idempotency_key']}"
    assert balance(service, user) == 40
    assert service.post(f"{path}/settlements", user_id=user, credits=35).status_code == 200
    assert service.post(f"{path}/returns", user_id=user, credits=25).status_code == 200
    assert balance(service, user) == 65
    answer = service.post(f"{path}/returns", user_id=user, credits=1)
    assert (answer.status_code, answer.json()["reason"]) == (409, "reservation_exceeded")


def test_more_than_there_is_cannot_be_reserved(service: Running) -> None:
    user = with_credits(service, 10)
    answer = service.post(f"{CREDITS}/reservations", user_id=user, credits=11)
    assert (answer.status_code, answer.json()["reason"]) == (402, "insufficient_credits")
    assert balance(service, user) == 10


def test_a_reservation_belongs_to_its_user(service: Running) -> None:
    user, stranger = with_credits(service, 10), service.db.buyer()
    reserved = service.post(f"{CREDITS}/reservations", user_id=user, credits=5).json()
    path = f"{CREDITS}/reservations/{reserved['idempotency_key']}/returns"
    answer = service.post(path, user_id=stranger, credits=5)
    assert (answer.status_code, answer.json()["reason"]) == (404, "reservation_not_found")
