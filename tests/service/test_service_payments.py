"""Payments over HTTP: checkouts, payouts and refunds, each once, and wallets that agree with Stripe."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from service_ground import Ground, Running

pytest_plugins = ["service_fixtures"]

PAYMENTS = "/v1/stripe_payments"


def wallet(service: Running, user: UUID) -> int:
    return int(service.get(f"{PAYMENTS}/wallets/{user}").json()["cents"])


def paid(service: Running, user: UUID, cents: int, operation: str = "order-1") -> str:
    """Let a user pay; return the payment intent."""
    order: dict[str, Any] = {"operation_id": operation, "user_id": user, "cents": cents}
    session = service.post(f"{PAYMENTS}/checkouts", **order).json()["session_id"]
    intent = service.stripe.pay(session)["payment_intent"]
    service.stripe.settle()
    return str(intent)


def test_a_payment_goes_to_the_wallet_and_a_payout_leaves_it(service: Running) -> None:
    user = service.db.payer()
    paid(service, user, 5000)
    order = {"operation_id": "out-1", "user_id": user, "cents": 3000}
    answers = [service.post(f"{PAYMENTS}/payouts", **order).json() for _ in range(2)]
    assert [answer["repeated"] for answer in answers] == [False, True]
    assert [each["id"] for each in service.stripe.objects("payout")] == [answers[0]["stripe_id"]]
    assert wallet(service, user) == 2000
    assert service.stripe.status()["balance"]["usd"] == 2000
    state = service.get(f"{PAYMENTS}/operations/payout:create/out-1").json()
    assert state == {"completed": True, "stripe_id": answers[0]["stripe_id"]}


def test_a_payout_of_more_than_there_is_never_reaches_stripe(service: Running) -> None:
    user = service.db.payer()
    paid(service, user, 1000)
    order = {"operation_id": "out-1", "user_id": user, "cents": 3000}
    for _ in range(2):
        answer = service.post(f"{PAYMENTS}/payouts", **order)
        assert (answer.status_code, answer.json()["reason"]) == (402, "insufficient_balance")
    paid(service, user, 2000, "order-2")
    assert service.post(f"{PAYMENTS}/payouts", **order).status_code == 200
    assert wallet(service, user) == 0


PASSING: dict[str, dict[str, Any]] = {
    "drop_before_effect": {},
    "drop_after_effect": {},
    "rate_limited": {},
    "lock_timeout": {"status": 409},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_payout_that_stripe_did_not_answer_leaves_the_wallet_once(
    service: Running, fault: str
) -> None:
    user = service.db.payer()
    paid(service, user, 5000)
    order = {"operation_id": "out-1", "user_id": user, "cents": 3000}
    service.stripe.fault(fault, "POST", "/v1/payouts", **PASSING[fault])
    first = service.post(f"{PAYMENTS}/payouts", **order)
    assert (first.status_code, first.json()["reason"]) == (503, "stripe_busy")
    assert service.post(f"{PAYMENTS}/payouts", **order).status_code == 200
    assert wallet(service, user) == 2000
    assert len(service.stripe.objects("payout")) == 1


@pytest.mark.parametrize("fault", ["server_error", "server_error_after_effect"])
def test_a_stripe_that_failed_is_never_asked_again_blindly(service: Running, fault: str) -> None:
    order = {"operation_id": "order-1", "email": "guest@example.org", "cents": 700}
    service.stripe.fault(fault, "POST", "/v1/checkout/sessions")
    answers = [service.post(f"{PAYMENTS}/guest_checkouts", **order) for _ in range(2)]
    assert [(each.status_code, each.json()["reason"]) for each in answers] == [
        (502, "stripe_failed"),
        (409, "needs_attention"),
    ]
    made = fault == "server_error_after_effect"
    assert len(service.stripe.objects("checkout.session")) == made


def test_an_operation_with_other_arguments_is_409(service: Running) -> None:
    order = {"operation_id": "order-1", "email": "guest@example.org"}
    path = f"{PAYMENTS}/guest_checkouts"
    assert service.post(path, **order, cents=700).status_code == 200
    answer = service.post(path, **order, cents=800)
    assert (answer.status_code, answer.json()["reason"]) == (409, "operation_conflict")


def test_a_refund_takes_the_money_out_of_the_wallet_first(service: Running) -> None:
    user = service.db.payer()
    intent = paid(service, user, 5000)
    part = {"operation_id": "back-1", "payment_intent": intent, "cents": 2000}
    answers = [service.post(f"{PAYMENTS}/refunds", **part) for _ in range(2)]
    assert [answer.json()["repeated"] for answer in answers] == [False, True]
    assert wallet(service, user) == 3000
    # What is left of the payment is less than what is asked for: Stripe refuses, the wallet keeps it.
    rest = {"operation_id": "back-2", "payment_intent": intent}
    service.db.all(
        "select stripe_idempotency.apply_wallet_transaction($1, 'credit', 2000, 'gift')", user
    )
    answer = service.post(f"{PAYMENTS}/refunds", **rest)
    assert answer.status_code == 422
    assert wallet(service, user) == 5000
    assert [each["amount"] for each in service.stripe.objects("refund")] == [2000]


def test_a_refund_of_what_was_spent_is_402(service: Running) -> None:
    user = service.db.payer()
    intent = paid(service, user, 5000)
    service.post(f"{PAYMENTS}/payouts", operation_id="out-1", user_id=user, cents=4000)
    answer = service.post(f"{PAYMENTS}/refunds", operation_id="back-1", payment_intent=intent)
    assert (answer.status_code, answer.json()["reason"]) == (402, "insufficient_balance")
    assert service.stripe.objects("refund") == []


def test_a_guest_pays_into_no_wallet_and_is_refunded(service: Running) -> None:
    order = {"operation_id": "order-1", "email": "guest@example.org", "cents": 700}
    session = service.post(f"{PAYMENTS}/guest_checkouts", **order).json()["session_id"]
    intent = service.stripe.pay(session)["payment_intent"]
    assert {each.status for each in service.stripe.settle()} == {200}
    back = service.post(f"{PAYMENTS}/refunds", operation_id="back-1", payment_intent=intent)
    assert back.status_code == 200
    assert service.db.one("select count(*) from stripe_idempotency.wallet_transactions") == 0


def test_a_user_that_does_not_exist_is_404(service: Running) -> None:
    order = {"operation_id": "order-1", "user_id": uuid4(), "cents": 500}
    answer = service.post(f"{PAYMENTS}/checkouts", **order)
    assert (answer.status_code, answer.json()["reason"]) == (404, "user_not_found")


def test_a_key_that_stripe_does_not_take_is_502_and_holds_nobody_up(ground: Ground) -> None:
    order = {"operation_id": "order-1", "email": "guest@example.org", "cents": 700}
    path = f"{PAYMENTS}/guest_checkouts"
    with ground.service(stripe_key="sk_live_wrong") as service:
        answer = service.post(path, **order)
        assert (answer.status_code, answer.json()["reason"]) == (502, "stripe_unusable")
    with ground.service() as service:
        assert service.post(path, **order).status_code == 200
