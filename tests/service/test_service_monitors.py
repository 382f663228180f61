"""Monitors raise each alert on a planted fact, and say nothing about a system that is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from service_checks import ask, bought, subscribed
from service_gate import gate_before
from service_ground import Database, Ground, Running

pytest_plugins = ["service_fixtures"]

# Facts that no function writes and no constraint lets in: both are switched off for them.
FORCE = "set session_replication_role = replica;"


def lively(service: Running) -> None:
    """Let a little of everything happen."""
    db = service.db
    workspace, lead = db.workspace(100), db.lead(40)
    order: dict[str, Any] = {"workspace_id": workspace, "lead_ids": [str(lead)]}
    assert service.post("/v1/lead_marketplace/purchases/credits", **order).status_code == 200
    user = db.buyer()
    bought(service, user)
    service.stripe.settle()
    reserve = service.post("/v1/credit_purchase/reservations", user_id=user, credits=20)
    assert reserve.status_code == 200
    assert service.post("/v1/generate", **ask(db.license(1000))).status_code == 200
    client, practitioner = db.peers(100)
    session = db.session(client, practitioner)
    body = {"client_id": client, "practitioner_id": practitioner, "duration_minutes": 30}
    booked = service.post(f"/v1/peer_booking/sessions/{session}/booking", **body)
    assert booked.status_code == 200
    subscribed(service, client, db.subscription(client), 50)
    order = {"operation_id": "order-1", "user_id": db.payer(), "cents": 500}
    opened = service.post("/v1/stripe_payments/checkouts", **order).json()
    service.stripe.pay(opened["session_id"])
    service.stripe.settle()


def alerts(readings: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    return {
        (system, figure)
        for system, figures in readings.items()
        for figure, each in figures.items()
        if each["alerting"]
    }


def age(table: str, shape: str, id: str = "entry_no") -> str:
    """Return SQL that moves entries into the past: ``shape`` is in hours, of the entry's rank."""
    return f"""{FORCE} update {table} as entry
    set created_at = now() - make_interval(hours => ({shape})::integer)
    from (select {id}, row_number() over (order by {id} desc) as rank from {table}) as ranked
    where ranked.{id} = entry.{id}"""


def spend_much_after_little(db: Database) -> str:
    key = db.license(100_000)
    for amount in (10, 10, 10, 5000):
        db.all("select license_billing.deduct_credits($1, $2, null)", key, amount)
    return age("license_billing.credit_entries", "5 * (rank - 1)")


def grant_much_after_little(db: Database) -> str:
    key = db.license(10)
    for amount in (10, 10, 5000):
        db.all("select license_billing.add_credits($1, $2, null)", key, amount)
    return age("license_billing.credit_entries", "5 * (rank - 1)")


def unbilled(db: Database, count: int) -> str:
    key = db.license()
    return f"""select license_billing.record_unbilled_generation(
        '{key}', 7, gen_random_uuid(), 'text'
    ) from generate_series(1, {count});"""


PLANTED: dict[tuple[str, str], Callable[[Database], str]] = {
    ("lead_marketplace", "leads_sold_more_than_once"): lambda db: (
        "alter table lead_marketplace.leads drop constraint lead_sold_once;"
        "update lead_marketplace.leads set sold_count = 2 where sold_count = 1"
    ),
    ("lead_marketplace", "drift_accounts"): lambda _: (
        "update lead_marketplace.workspace_credits set balance = balance + 1"
    ),
    ("credit_purchase", "negative_balances"): lambda _: (
        "alter table credit_purchase.user_profiles drop constraint balance_not_negative;"
        "update credit_purchase.user_profiles set credit_balance = -5"
    ),
    ("credit_purchase", "reservations_exceeded"): lambda _: (
        f"{FORCE} insert into credit_purchase.credit_operations (idempotency_key, user_id,"
        " operation_type, amount, reservation_key)"
        " select gen_random_uuid(), user_id, 'settle', amount + 1, reservation_key"
        " from credit_purchase.credit_reservations"
    ),
    ("credit_purchase", "credits_held_over_a_day"): lambda _: (
        f"{FORCE} update credit_purchase.credit_entries"
        " set created_at = now() - interval '25 hours'"
    ),
    ("license_billing", "drift_accounts"): lambda _: (
        f"{FORCE} delete from license_billing.credit_entries where kind = 'usage'"
    ),
    ("license_billing", "spend_outlier_factor"): spend_much_after_little,
    ("license_billing", "grant_outlier_factor"): grant_much_after_little,
    ("license_billing", "oldest_unbilled_seconds"): lambda db: (
        unbilled(db, 1) + "update license_billing.unbilled_generations"
        " set recorded_at = now() - interval '2 hours'"
    ),
    ("license_billing", "unbilled_generations_open"): lambda db: unbilled(db, 101),
    ("peer_booking", "drift_accounts"): lambda _: (
        "update peer_booking.credits set balance = balance + 1"
    ),
    ("stripe_idempotency", "claims_needing_attention"): lambda _: (
        "insert into stripe_idempotency.stripe_idempotency_keys (operation_type, operation_id,"
        " stripe_idempotency_key, request_fingerprint, attempt, status, last_error)"
        " select 'x', n, 'key' || n, 'f', 1, 'needs_attention', 'why'"
        " from generate_series(1, 21) as n"
    ),
    ("stripe_idempotency", "claims_past_their_lease"): lambda _: (
        "insert into stripe_idempotency.stripe_idempotency_keys (operation_type, operation_id,"
        " stripe_idempotency_key, request_fingerprint, attempt, lease_expires_at)"
        " select 'x', n, 'key' || n, 'f', 1, now() - interval '1 minute'"
        " from generate_series(1, 21) as n"
    ),
    ("stripe_idempotency", "stripe_keys_used_twice"): lambda _: (
        "alter table stripe_idempotency.stripe_idempotency_keys drop constraint stripe_key_once;"
        "update stripe_idempotency.stripe_idempotency_keys set stripe_idempotency_key = 'one'"
    ),
    ("stripe_idempotency", "events_not_processed"): lambda _: (
        "insert into stripe_idempotency.stripe_webhook_events (event_id, event_type, attempt,"
        " lease_expires_at) select 'evt_' || n, 'x', 1, now() from generate_series(1, 21) as n"
    ),
    ("stripe_idempotency", "payments_credited_twice"): lambda _: (
        f"{FORCE} alter table stripe_idempotency.wallet_transactions drop constraint"
        " entry_event_once; insert into stripe_idempotency.wallet_transactions (user_id, amount,"
        " balance_before, balance_after, kind, reference, stripe_event_id) select user_id, amount,"
        " 0, amount, kind, reference, stripe_event_id from stripe_idempotency.wallet_transactions"
    ),
}
# What else is wrong when this is planted, and has to be.
FOLLOWS = {
    ("credit_purchase", "negative_balances"): {("credit_purchase", "drift_accounts")},
    ("stripe_idempotency", "payments_credited_twice"): {("stripe_idempotency", "drift_accounts")},
}


def test_a_right_system_raises_no_alert(service: Running) -> None:
    lively(service)
    assert alerts(service.read_monitors()) == set()
    assert service.lines("alert") == []


@pytest.mark.parametrize("fact", PLANTED, ids="-".join)
def test_a_planted_fact_raises_its_alert_and_no_other(
    service: Running, fact: tuple[str, str]
) -> None:
    lively(service)
    service.db.script(PLANTED[fact](service.db))
    readings = service.read_monitors()
    assert alerts(readings) == {fact} | FOLLOWS.get(fact, set())
    logged = {(line["system"], line["figure"]) for line in service.lines("alert")}
    assert logged == alerts(readings)
    system, figure = fact
    assert (
        f'crossfoot_alert{{system="{system}",figure="{figure}"}} 1' in service.get("/metrics").text
    )


def test_an_alert_is_logged_when_it_begins_and_when_it_is_over(service: Running) -> None:
    lively(service)
    change = "update peer_booking.credits set balance = balance"
    for by in ("+ 1", "+ 0", "- 1"):
        service.db.script(f"{change} {by}")
        service.read_monitors()
    begun, over = service.lines("alert"), service.lines("alert_over")
    assert [line["figure"] for line in begun] == ["drift_accounts"]
    assert [line["figure"] for line in over] == ["drift_accounts"]
    assert begun[0]["subjects"]


def test_figures_that_cannot_be_read_are_an_alert(ground: Ground) -> None:
    with gate_before(ground.db.dsn) as gate, ground.service(gate.dsn) as service:
        service.read_monitors()
        gate.shut()
        readings = service.read_monitors()
        assert {figure for _, figure in alerts(readings)} == {"unreadable"}
        assert len(alerts(readings)) == 5


def test_a_flood_of_repeated_deliveries_is_an_alert(service: Running) -> None:
    user = service.db.buyer()
    service.stripe.set_delivery(copies=4)
    bought(service, user)
    service.stripe.settle()
    readings = service.read_monitors()
    assert readings["credit_purchase"]["purchase_replay_percent"]["value"] == 75
    assert alerts(readings) == {("credit_purchase", "purchase_replay_percent")}


def test_completions_are_timed_and_conflicts_counted(service: Running) -> None:
    lead = service.db.lead(40)
    for _ in range(2):
        order = {"workspace_id": service.db.workspace(100), "lead_ids": [str(lead)]}
        service.post("/v1/lead_marketplace/purchases/credits", **order)
    readings = service.read_monitors()["lead_marketplace"]
    assert readings["conflict_rate_percent"]["value"] == 50
    assert readings["conflict_rate_percent"]["alerting"]
    assert 0 < readings["credit_completion_seconds"]["value"] < 10


def test_every_figure_that_a_target_watches_is_read_or_measured() -> None:
    from service.bindings import load_systems

    for system in load_systems():
        assert system.thresholds.keys() <= system.figures.keys() | set(system.measured)


def test_metrics_are_openmetrics_that_a_parser_reads(service: Running) -> None:
    lively(service)
    service.read_monitors()
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    lines = answer.text.splitlines()
    assert lines[-1] == "# EOF"
    samples = [line for line in lines if not line.startswith("#")]
    assert all(
        len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0 for line in samples
    )
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert all(line.startswith(tuple(families)) for line in samples)
    wanted = 'crossfoot_requests_total{method="POST",route="/v1/generate",status="200"} 1'
    assert wanted in samples


def test_the_monitor_works_by_itself(ground: Ground) -> None:
    import time

    with ground.service(monitor_every=0.1) as service:
        deadline = time.monotonic() + 60
        while any(each["age_seconds"] is None for each in service.get("/monitors").json()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
