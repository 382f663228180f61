"""Errors in one shape, request ids, health, and logs that say enough and not too much."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from client_ground import read_broken
from service_checks import CREDITS, LEADS, ask
from service_gate import gate_before
from service_ground import BROKEN, SERVICE, Ground, Running

pytest_plugins = ["service_fixtures"]


def is_problem(answer: Any, status: int, reason: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["reason"]) == (status, status, reason)
    assert {"type", "title", "detail"} <= body.keys()


def test_what_http_refuses_is_a_problem_too(service: Running) -> None:
    is_problem(service.get("/v1/nothing"), 404, "not_found")
    wrong = service.get("/v1/generate")
    is_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"", b"[]", b"\xff\xfe{}"):
        answer = service.http.post("/v1/generate", content=body, headers=headers)
        is_problem(answer, 422, "invalid_request")


def test_an_invalid_request_is_told_where_and_not_what_it_said(service: Running) -> None:
    answer = service.post("/v1/generate", license_key="lic_x", prompt="secret\x00prompt")
    is_problem(answer, 422, "invalid_request")
    assert [each["where"] for each in answer.json()["invalid"]] == [["body", "prompt"]]
    assert "secret" not in answer.text


def test_half_a_character_is_refused_and_can_be_answered(service: Running) -> None:
    body = json.dumps({"license_key": "lic_x", "prompt": "\ud800", "\ud801": 1})
    headers = {"Content-Type": "application/json"}
    answer = service.http.post("/v1/generate", content=body, headers=headers)
    is_problem(answer, 422, "invalid_request")


def test_a_database_that_refuses_the_service_is_500_and_says_nothing_more(
    service: Running,
) -> None:
    service.db.script("revoke usage on schema lead_marketplace from service_role")
    answer = service.get(f"{LEADS}/leads")
    is_problem(answer, 500, "database_error")
    assert "lead_marketplace" not in answer.text
    (line,) = service.lines("database_error")
    assert (line["sqlstate"], line["error"]) == ("42501", ["InsufficientPrivilegeError"])
    assert line["request_id"] == answer.headers["x-request-id"]


def test_what_nobody_has_foreseen_is_500_and_logged_without_its_message(ground: Ground) -> None:
    class Faulty(ground.generator.Generator):  # type: ignore[misc, name-defined]
        async def generate(self, prompt: str, max_tokens: int) -> Any:
            raise RuntimeError(f"about {prompt}")

    with ground.service(generator=Faulty()) as service:
        answer = service.post("/v1/generate", **ask("lic_x", "my secret"))
        is_problem(answer, 500, "unexpected")
        (line,) = service.lines("unexpected")
    assert line["error"] == ["RuntimeError"]
    assert line["at"][-1].startswith("test_service_http.py:")
    assert "my secret" not in service.log.getvalue()


def test_a_generator_that_fails_costs_nothing(ground: Ground) -> None:
    key = ground.db.license(100)
    with ground.service(generator=ground.generator.Generator(failing=True)) as service:
        answer = service.post("/v1/generate", **ask(key))
        is_problem(answer, 502, "generation_failed")
    assert (
        ground.db.one("select count(*) from license_billing.credit_entries where amount < 0") == 0
    )


def test_a_charge_that_the_database_refuses_is_500_and_the_text_is_kept(ground: Ground) -> None:
    key, request = ground.db.license(1000), uuid4()
    grant = "execute on function license_billing.deduct_credits"
    ground.db.script(f"revoke {grant} from service_role")
    with ground.service() as service:
        answer = service.post("/v1/generate", **ask(key, request_id=request))
        is_problem(answer, 500, "unbilled")
        assert len(list(ground.journal.iterdir())) == 1
        assert ground.journal.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in ground.journal.iterdir())
        settled = service.post("/v1/license_billing/settlements").json()
        assert settled == {"taken_over": 1, "settled": 1, "open": 0}
        assert list(ground.journal.iterdir()) == []
        ground.db.script(f"grant {grant} to service_role")
        again = service.post("/v1/generate", **ask(key, request_id=request)).json()
    assert again["balance"] == 1000 - again["tokens"]


def test_an_unbilled_text_of_no_license_is_dropped_and_said(ground: Ground) -> None:
    with gate_before(ground.db.dsn) as gate:
        from service_checks import cutting

        generator = cutting(ground, gate.shut)
        with ground.service(gate.dsn, generator=generator) as service:
            assert service.post("/v1/generate", **ask("lic_unknown")).status_code == 503
            gate.open()
            settled = service.post("/v1/license_billing/settlements").json()
            assert settled == {"taken_over": 0, "settled": 0, "open": 0}
            assert [line["reason"] for line in service.lines("unbilled_refused")] == [
                "invalid_license"
            ]
    assert list(ground.journal.iterdir()) == []


def test_a_request_has_an_id_that_is_answered_back_and_logged(service: Running) -> None:
    given = service.http.get("/healthz", headers={"X-Request-Id": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    drawn = service.http.get("/healthz", headers={"X-Request-Id": "not an id\x7f"})
    assert UUID(drawn.headers["x-request-id"])
    ids = [line["request_id"] for line in service.lines("request")]
    assert ids == ["mine-1", drawn.headers["x-request-id"]]
    line = service.lines("request")[0]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/healthz", 200)


def test_it_is_ready_when_database_and_stripe_answer(ground: Ground) -> None:
    with gate_before(ground.db.dsn) as gate, ground.service(gate.dsn) as service:
        ready = service.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"database": "ok", "stripe": "ok"})
        ground.stripe.fault("drop_before_effect", "GET", "/v1/balance")
        assert service.get("/readyz").json() == {"database": "ok", "stripe": "failed"}
        gate.shut()
        gone = service.get("/readyz")
        assert (gone.status_code, gone.json()) == (503, {"database": "failed", "stripe": "ok"})
        assert service.get("/healthz").status_code == 200
        gate.open()
        assert service.get("/readyz").status_code == 200


def test_a_database_that_is_gone_is_503_with_retry_after(ground: Ground) -> None:
    user = ground.db.buyer()
    with gate_before(ground.db.dsn) as gate, ground.service(gate.dsn) as service:
        gate.shut()
        for answer in (
            service.get(f"{CREDITS}/users/{user}/credits"),
            service.post(f"{CREDITS}/reservations", user_id=user, credits=5),
        ):
            is_problem(answer, 503, "busy")
            assert answer.headers["retry-after"] == "1"
        assert UUID(answer.json()["key"])


def test_every_refusal_of_every_client_has_a_status_that_was_chosen() -> None:
    from service.refusals import STATUS_OF

    conflicts = {
        "balance_too_large", "credits_spent", "download_url_conflict", "effect_conflict",
        "event_conflict", "idempotency_key_conflict", "lease_lost", "leads_unavailable",
        "needs_attention", "newer_transactions", "old_transactions_broken", "operation_completed",
        "operation_conflict", "period_conflict",
        "price_too_large", "purchase_closed", "purchase_expired", "purchase_is_empty",
        "purchase_not_refundable", "reference_conflict", "refund_conflict", "request_conflict",
        "request_key_conflict", "response_conflict", "session_closed", "session_not_refundable",
        "stripe_key_conflict", "stripe_refund_conflict", "stripe_resource_conflict",
    }  # fmt: skip
    known = {
        "lead_marketplace": "LeadMarketplace",
        "license_billing": "LicenseBilling",
        "peer_booking": "PeerBooking",
        "stripe_idempotency": "StripeIdempotency",
    }
    reasons = {
        reason
        for module, name in known.items()
        for reason in getattr(importlib.import_module(f"clients.{module}"), name).refusals.values()
    }
    assert reasons - STATUS_OF.keys() == conflicts


def test_the_document_lists_every_status_of_a_write(service: Running) -> None:
    document = service.get("/openapi.json").json()
    writes = {
        f"{path} {status}": content
        for path, methods in document["paths"].items()
        for status, content in methods.get("post", {}).get("responses", {}).items()
    }
    assert all(f"{path} {status}" in writes for path, methods in document["paths"].items()
               if "post" in methods for status in (200, 422, 500, 503))  # fmt: skip
    assert "Retry-After" in writes["/v1/generate 503"]["headers"]


def test_the_readme_lists_every_path_and_no_other(service: Running) -> None:
    import service as package

    text = (Path(package.__path__[0]) / "README.md").read_text(encoding="utf-8")
    requests = text.partition("## Requests")[2].partition("## Errors")[0]
    listed = re.findall(r"`(/[a-z][^`]*)`", requests)
    assert sorted(listed) == sorted(service.get("/openapi.json").json()["paths"])


def test_the_readme_lists_every_broken_variant_and_what_it_breaks() -> None:
    text = (SERVICE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", text.partition("## Broken variants")[2], re.M)
    listed = {name: promise.replace(",", "").replace("didn't", "did not") for name, promise in rows}
    assert listed.keys() == {path.name.split(".")[0] for path in BROKEN.glob("*.py.variant")}
    for name, promise in listed.items():
        assert (
            promise.lower().replace(" ", "_")
            in read_broken(BROKEN / f"{name}.py.variant").caught_by
        )


@pytest.mark.parametrize("lease", [0, 45, 3601])
def test_a_lease_that_two_callers_could_hold_is_refused(lease: int) -> None:
    from service import Settings

    with pytest.raises(ValueError, match=rf"lease is {lease} s: it has to be more than the 45 s"):
        Settings("dsn", "key", ("secret",), lease=lease)
