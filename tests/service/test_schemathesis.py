"""Requests drawn from the OpenAPI document: no 500, and no status that isn't documented.

Half of the ids in drawn requests are of rows that exist, or every request would end at "not found".
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi
from service_checks import bought
from service_ground import Running

pytest_plugins = ["service_fixtures"]

SEED = int(os.environ.get("CROSSFOOT_SEED", "20261121"))
EXAMPLES = 15  # of each kind, for each operation

CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
]
KINDS = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


class Known:
    """Rows that exist, by the names of the fields that refer to such."""

    def __init__(self, service: Running) -> None:
        db = service.db
        client, practitioner = db.peers(1000)
        payer, buyer = db.payer(), db.buyer()
        bought(service, buyer)
        order: dict[str, Any] = {"operation_id": "known", "user_id": payer, "cents": 90_000_000}
        session = service.post("/v1/stripe_payments/checkouts", **order).json()["session_id"]
        intent = service.stripe.pay(session)["payment_intent"]
        service.stripe.settle()
        self.leads = [str(db.lead(1)) for _ in range(30)]
        self.ids: dict[str, list[Any]] = {
            "workspace_id": [db.workspace(1000), db.workspace()],
            "user_id": [client, payer, buyer],
            "client_id": [client],
            "practitioner_id": [practitioner],
            "session_id": [db.session(client, practitioner) for _ in range(3)],
            "subscription_id": [db.subscription(client)],
            "license_key": [db.license(5000), db.license()],
            "payment_intent": [intent],
            "operation_id": ["known", "unknown"],
        }

    def put_into(self, found: Any, draw: Callable[[Any], Any]) -> None:
        """Replace about half of what refers to a row."""
        if not isinstance(found, dict):
            return
        for name in found.keys() & self.ids.keys():
            if draw(st.booleans()):
                chosen = draw(st.sampled_from(self.ids[name]))
                found[name] = str(chosen) if isinstance(chosen, UUID) else chosen
        if "lead_ids" in found and draw(st.booleans()):
            leads = st.lists(st.sampled_from(self.leads), min_size=1, max_size=3, unique=True)
            found["lead_ids"] = draw(leads)


def fuzz(operation: Any, kind: Any, known: Known, url: str, seen: Counter[str]) -> None:
    """Send drawn requests to one operation. Raises FailureGroup for what no answer may be."""

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=kind), data=st.data())
    def example(case: Any, data: st.DataObject) -> None:
        if kind is schemathesis.GenerationMode.POSITIVE:
            known.put_into(case.body, data.draw)
            known.put_into(case.path_parameters, data.draw)
        answer = case.call(base_url=url)
        seen[f"{answer.status_code}"] += 1
        case.validate_response(answer, checks=CHECKS)

    example()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_no_drawn_request_is_answered_with_what_is_not_documented(
    service: Running, kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Known(service)
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json").json())
    seen: Counter[str] = Counter()
    failures: list[str] = []
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if kind is KINDS[1] and not (operation.body or list(operation.iter_parameters())):
            continue  # Nothing to get wrong.
        try:
            fuzz(operation, kind, known, service.url, seen)
        except FailureGroup as group:
            failures += [f"{operation.label}: {each}" for each in group.exceptions]
    with capsys.disabled():
        print(f"\n{kind.value}: {dict(sorted(seen.items()))} with seed {SEED}")
    assert failures == []
    assert service.lines("unexpected") == []
    # It got somewhere: many calls were done, refused and not found.
    wanted = {"200", "404", "409"} if kind is KINDS[0] else {"422"}
    assert {status for status, count in seen.items() if count > 5} >= wanted
