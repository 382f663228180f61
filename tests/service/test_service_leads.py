"""Leads over HTTP: bought with credits and by card, refunded, topped up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

from service_ground import Ground, Running

pytest_plugins = ["service_fixtures"]

LEADS = "/v1/lead_marketplace"


def basket(workspace: UUID, *leads: UUID, **more: Any) -> dict[str, Any]:
    return {"workspace_id": workspace, "lead_ids": [str(lead) for lead in leads], **more}


def balance(service: Running, workspace: UUID) -> str:
    return str(service.get(f"{LEADS}/workspaces/{workspace}/credits").json()["balance"])


def state(service: Running, purchase: str) -> str:
    return str(service.get(f"{LEADS}/purchases/{purchase}").json()["status"])


def card_purchase(service: Running, workspace: UUID, *leads: UUID) -> dict[str, Any]:
    answer = service.post(f"{LEADS}/purchases/card", **basket(workspace, *leads))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_leads_are_bought_with_credits_once(service: Running) -> None:
    lead, workspace = service.db.lead(40), service.db.workspace(100)
    order = basket(workspace, lead, request_key=uuid4())
    answers = [service.post(f"{LEADS}/purchases/credits", **order) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["repeated"] for answer in answers] == [False, True]
    assert balance(service, workspace) == "60.00"


def test_browsing_shows_only_what_can_be_bought(service: Running) -> None:
    lead, sold, workspace = service.db.lead(40), service.db.lead(30), service.db.workspace(100)
    service.post(f"{LEADS}/purchases/credits", **basket(workspace, sold))
    (shown,) = service.get(f"{LEADS}/leads").json()
    assert (shown["id"], shown["price"]) == (str(lead), "40.00")


def test_too_few_credits_are_402_and_the_same_request_succeeds_after_a_top_up(
    service: Running,
) -> None:
    lead, workspace = service.db.lead(40), service.db.workspace(10)
    first = service.post(f"{LEADS}/purchases/credits", **basket(workspace, lead))
    assert (first.status_code, first.json()["reason"]) == (402, "insufficient_credits")
    checkout = service.post(f"{LEADS}/credits/checkouts", workspace_id=workspace, credits="30.00")
    service.stripe.pay(checkout.json()["session_id"])
    service.stripe.settle()
    order = basket(workspace, lead, request_key=first.json()["key"])
    again = service.post(f"{LEADS}/purchases/credits", **order)
    assert (again.status_code, again.json()["balance"]) == (200, "0.00")


def test_of_many_buyers_of_one_lead_one_buys_it(service: Running) -> None:
    lead = service.db.lead(40)
    workspaces = [service.db.workspace(100) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(service.patient, f"{LEADS}/purchases/credits", **basket(each, lead))
            for each in workspaces
        ]
        answers = [call.result() for call in calls]
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json().get("reason") for answer in answers} == {None, "leads_unavailable"}
    sold = service.db.one("select sold_count from lead_marketplace.leads where id = $1", lead)
    assert sold == 1


def test_a_locked_account_is_503_with_retry_after_and_the_key_to_repeat(ground: Ground) -> None:
    lead, workspace = ground.db.lead(40), ground.db.workspace(100)
    hold = "begin; select from lead_marketplace.workspace_credits for update"
    dsn = f"{ground.db.dsn}{'&' if '?' in ground.db.dsn else '?'}lock_timeout=50ms"
    with ground.service(dsn) as service:
        session = ground.db.server.run(ground.db.server.server.connect(ground.db.name))
        try:
            ground.db.server.run(session.execute(hold))
            answer = service.post(f"{LEADS}/purchases/credits", **basket(workspace, lead))
            assert (answer.status_code, answer.json()["reason"]) == (503, "busy")
            assert answer.headers["retry-after"] == "1"
            assert balance(service, workspace) == "100.00"
        finally:
            ground.db.server.run(session.close())
        order = basket(workspace, lead, request_key=answer.json()["key"])
        assert service.post(f"{LEADS}/purchases/credits", **order).status_code == 200
        assert balance(service, workspace) == "60.00"


def test_a_key_with_another_basket_is_409(service: Running) -> None:
    first, second, workspace = service.db.lead(), service.db.lead(), service.db.workspace(100)
    key = uuid4()
    path = f"{LEADS}/purchases/credits"
    assert service.post(path, **basket(workspace, first, request_key=key)).status_code == 200
    answer = service.post(path, **basket(workspace, second, request_key=key))
    assert (answer.status_code, answer.json()["reason"]) == (409, "request_key_conflict")


def test_a_card_buys_leads_once_however_often_its_event_comes(service: Running) -> None:
    lead, workspace = service.db.lead(40), service.db.workspace()
    purchase = card_purchase(service, workspace, lead)
    assert service.stripe.objects("checkout.session")[0]["amount_total"] == 4000
    service.stripe.set_delivery(copies=3)
    service.stripe.pay(purchase["session_id"])
    service.stripe.settle()
    assert state(service, purchase["purchase_id"]) == "completed"
    marks = [line["repeated"] for line in service.lines("webhook")]
    assert sorted(marks) == [False, True, True]


def test_a_checkout_that_nobody_paid_changes_nothing(service: Running) -> None:
    lead, workspace = service.db.lead(40), service.db.workspace()
    purchase = card_purchase(service, workspace, lead)
    service.stripe.advance(25 * 3600)
    service.stripe.settle()
    assert state(service, purchase["purchase_id"]) == "pending"
    assert len(service.get(f"{LEADS}/leads").json()) == 1


def test_of_two_card_payments_for_one_lead_the_second_is_paid_back_once(service: Running) -> None:
    lead = service.db.lead(40)
    orders = [card_purchase(service, service.db.workspace(), lead) for _ in range(2)]
    for order in orders:
        service.stripe.pay(order["session_id"])
    service.stripe.settle()
    states = sorted(state(service, order["purchase_id"]) for order in orders)
    assert states == ["completed", "refund_due"]
    # Stripe's answer is lost; the next round finds the refund that was made.
    service.stripe.fault("drop_after_effect", "POST", "/v1/refunds")
    rounds = [service.post(f"{LEADS}/refunds_due").json()["paid_back"] for _ in range(3)]
    assert rounds == [0, 1, 0]
    assert [each["amount"] for each in service.stripe.objects("refund")] == [4000]
    states = sorted(state(service, order["purchase_id"]) for order in orders)
    assert states == ["completed", "refunded"]


def test_credits_are_refunded_once_and_only_to_their_buyer(service: Running) -> None:
    lead, workspace, stranger = service.db.lead(), service.db.workspace(50), service.db.workspace()
    order = basket(workspace, lead)
    purchase = service.post(f"{LEADS}/purchases/credits", **order).json()["purchase_id"]
    path = f"{LEADS}/purchases/{purchase}/refund"
    refused = service.post(path, workspace_id=stranger)
    assert (refused.status_code, refused.json()["reason"]) == (403, "foreign_purchase")
    answers = [service.post(path, workspace_id=workspace).json() for _ in range(2)]
    assert [(each["balance"], each["repeated"]) for each in answers] == [
        ("50.00", False),
        ("50.00", True),
    ]


def test_a_card_payment_is_refunded_once_and_only_to_its_buyer(service: Running) -> None:
    workspace = service.db.workspace()
    purchase = card_purchase(service, workspace, service.db.lead(40))
    path = f"{LEADS}/purchases/{purchase['purchase_id']}/refund"
    early = service.post(path, workspace_id=workspace)
    assert (early.status_code, early.json()["reason"]) == (409, "purchase_not_refundable")
    service.stripe.pay(purchase["session_id"])
    service.stripe.settle()
    assert service.post(path, workspace_id=uuid4()).status_code == 403
    answers = [service.post(path, workspace_id=workspace) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.json()["stripe_refund_id"] for answer in answers}) == 1
    assert len(service.stripe.objects("refund")) == 1


def test_what_does_not_exist_is_404(service: Running) -> None:
    unknown = uuid4()
    assert service.get(f"{LEADS}/purchases/{unknown}").status_code == 404
    order = basket(unknown, service.db.lead())
    answer = service.post(f"{LEADS}/purchases/credits", **order)
    assert (answer.status_code, answer.json()["reason"]) == (404, "workspace_not_found")
