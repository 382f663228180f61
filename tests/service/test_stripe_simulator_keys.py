"""Idempotency keys and faults, with the real client, in parallel where that matters."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe

if TYPE_CHECKING:
    from stripe_simulator import Simulator

DAY = 24 * 60 * 60
FIELDS: Any = {"amount": 500, "currency": "usd", "metadata": {"order": "1"}}


def create(
    client: stripe.StripeClient, key: str, fields: Any = FIELDS, **options: Any
) -> stripe.PaymentIntent:
    """Make a payment intent under a key."""
    how: Any = {"idempotency_key": key, **options}
    return client.v1.payment_intents.create(fields, how)


def header(made: Any, name: str) -> str | None:
    """Return a header of the answer that an object came in."""
    value: str | None = made.last_response.headers.get(name)
    return value


def told(error: stripe.StripeError, name: str) -> str | None:
    """Return a header of the answer that an error came in."""
    return (error.headers or {}).get(name)


def at_once(client: stripe.StripeClient, count: int, key: str, **options: Any) -> list[str]:
    """Return what each of ``count`` simultaneous creates got: an id, or an error's code."""
    start = threading.Barrier(count)

    def one(_: int) -> str:
        start.wait(60)
        try:
            return create(client, key, **options).id
        except stripe.StripeError as error:
            return str(error.code or (error.error and error.error.code))

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def until_in_flight(simulator: Simulator) -> None:
    """Wait until a request holds its key."""
    deadline = time.monotonic() + 60
    while not simulator.status()["keys"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_fifty_creates_with_one_key_make_one_resource(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("slow", method="POST", seconds=0.2)
    outcomes = Counter(at_once(stripe_client, 50, "k50"))
    made = [row["id"] for row in simulator.objects("payment_intent")]
    assert len(made) == 1 and outcomes[made[0]] >= 1
    assert set(outcomes) <= {made[0], "idempotency_key_in_use"}
    assert outcomes.total() == 50
    replayed = create(stripe_client, "k50")
    assert (replayed.id, header(replayed, "idempotent-replayed")) == (made[0], "true")


@pytest.mark.usefixtures("hasty_retries")
def test_the_clients_own_retries_turn_conflicts_into_replays(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("slow", method="POST", seconds=0.1)
    outcomes = at_once(stripe_client, 12, "retried", max_network_retries=50)
    assert len(set(outcomes)) == 1 and outcomes[0].startswith("pi_")
    assert len(simulator.objects("payment_intent")) == 1


@pytest.mark.usefixtures("hasty_retries")
def test_the_async_clients_retries_do_so_too(simulator: Simulator) -> None:
    async def work() -> set[str]:
        http = stripe.HTTPXClient()
        client = stripe.StripeClient(
            "sk_test_a",
            base_addresses={"api": simulator.url},
            http_client=http,
            max_network_retries=50,
        )
        one = client.v1.payment_intents.create_async
        try:
            made = await asyncio.gather(
                *(one(FIELDS, {"idempotency_key": "async"}) for _ in range(20))
            )
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]
        return {intent.id for intent in made}

    assert len(asyncio.run(work())) == 1
    assert len(simulator.objects("payment_intent")) == 1


def test_a_key_in_flight_is_a_conflict(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("slow", seconds=30)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(create, stripe_client, "busy")
        until_in_flight(simulator)
        with pytest.raises(stripe.APIError) as raised:
            create(stripe_client, "busy")
        with pytest.raises(stripe.IdempotencyError):
            create(stripe_client, "busy", {**FIELDS, "amount": 1})
        assert not first.done()
        simulator.clear_faults()
        made = first.result()
    assert raised.value.http_status == 409 and raised.value.error is not None
    assert raised.value.error.code == "idempotency_key_in_use"
    assert create(stripe_client, "busy").id == made.id


def test_a_replay_repeats_the_first_answer_word_by_word(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    first = create(stripe_client, "same")
    stripe_client.v1.payment_intents.confirm(first.id, {"payment_method": "pm_card_visa"})
    again = create(stripe_client, "same", {**FIELDS, "metadata": {"order": "1"}})
    assert first.last_response is not None and again.last_response is not None
    assert again.last_response.body == first.last_response.body
    assert again.status == "requires_payment_method"
    assert header(first, "idempotent-replayed") is None
    assert header(again, "original-request") == header(first, "request-id")
    assert header(again, "request-id") != header(first, "request-id")


def test_other_parameters_under_a_key_are_an_error(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    made = create(stripe_client, "k")
    for fields in ({**FIELDS, "amount": 501}, {**FIELDS, "metadata": {"order": "2"}}):
        with pytest.raises(stripe.IdempotencyError, match="with the same parameters"):
            create(stripe_client, "k", fields)
    with pytest.raises(stripe.IdempotencyError, match="for the same endpoint"):
        stripe_client.v1.customers.create(FIELDS, {"idempotency_key": "k"})
    assert create(stripe_client, "k").id == made.id
    assert len(simulator.objects("payment_intent")) == 1


def test_keys_belong_to_their_api_key(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    mine = create(stripe_client, "shared")
    other = create(stripe_client, "shared", {**FIELDS, "amount": 9}, api_key="sk_test_other")
    assert mine.id != other.id
    assert create(stripe_client, "shared").id == mine.id


def test_a_key_is_forgotten_after_24_hours_and_not_before(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    first = create(stripe_client, "day")
    simulator.advance(DAY - 60)
    assert create(stripe_client, "day").id == first.id
    simulator.advance(60)
    second = create(stripe_client, "day", {**FIELDS, "amount": 6})
    assert second.id != first.id and header(second, "idempotent-replayed") is None


def test_a_stored_500_is_replayed_and_nothing_happens(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("server_error", method="POST", path="/v1/payment_intents")
    bodies = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as raised:
            create(stripe_client, "k500", max_network_retries=3)
        assert raised.value.http_status == 500
        bodies.append((raised.value.http_body, told(raised.value, "stripe-should-retry")))
    assert bodies[0] == bodies[1] and bodies[0][1] == "false"
    assert told(raised.value, "idempotent-replayed") == "true"
    assert simulator.objects("payment_intent") == []
    assert create(stripe_client, "fresh").id


def test_a_500_may_have_had_its_effect(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("server_error_after_effect", method="POST")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create(stripe_client, "indeterminate")
    assert len(simulator.objects("payment_intent")) == 1


@pytest.mark.parametrize(("kind", "before"), [("drop_before_effect", 0), ("drop_after_effect", 1)])
def test_a_dropped_connection_is_mended_under_the_same_key(
    simulator: Simulator, stripe_client: stripe.StripeClient, kind: str, before: int
) -> None:
    simulator.fault(kind, method="POST", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError):
            create(stripe_client, "dropped")
        assert len(simulator.objects("payment_intent")) == before
    made = create(stripe_client, "dropped")
    assert [row["id"] for row in simulator.objects("payment_intent")] == [made.id]
    assert header(made, "idempotent-replayed") == ("true" if before else None)


@pytest.mark.usefixtures("hasty_retries")
def test_the_client_mends_it_by_itself_only_when_it_is_told_to_retry(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("drop_after_effect", method="POST")
    made = stripe_client.v1.payment_intents.create(FIELDS, {"max_network_retries": 1})
    assert [row["id"] for row in simulator.objects("payment_intent")] == [made.id]


def test_a_client_that_retries_with_a_new_key_charges_twice(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("drop_after_effect", method="POST")
    with pytest.raises(stripe.APIConnectionError):
        stripe_client.v1.payment_intents.create(FIELDS)
    stripe_client.v1.payment_intents.create(FIELDS)
    assert len(simulator.objects("payment_intent")) == 2


def test_an_answer_that_comes_too_late_has_had_its_effect(simulator: Simulator) -> None:
    http = stripe.HTTPXClient(allow_sync_methods=True, timeout=0.1)
    hasty = stripe.StripeClient(
        "sk_test_a", base_addresses={"api": simulator.url}, http_client=http
    )
    simulator.fault("slow", method="POST", seconds=30)
    with pytest.raises(stripe.APIConnectionError):
        create(hasty, "late")
    assert simulator.objects("payment_intent") == []
    simulator.clear_faults()
    deadline = time.monotonic() + 60
    while not simulator.objects("payment_intent"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    http.close()  # type: ignore[no-untyped-call]


def test_what_was_not_executed_uses_no_key_up(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("rate_limited", method="POST")
    with pytest.raises(stripe.RateLimitError) as limited:
        create(stripe_client, "k")
    assert limited.value.error is not None and limited.value.error.code == "rate_limit"
    with pytest.raises(stripe.InvalidRequestError):
        create(stripe_client, "k", {"amount": "x", "currency": "usd"})
    assert create(stripe_client, "k").amount == 500


@pytest.mark.usefixtures("hasty_retries")
@pytest.mark.parametrize("status", [429, 409])
def test_a_lock_timeout_asks_to_be_retried(
    simulator: Simulator, stripe_client: stripe.StripeClient, status: int
) -> None:
    simulator.fault("lock_timeout", method="POST", status=status, times=2)
    with pytest.raises(stripe.StripeError) as raised:
        create(stripe_client, "locked")
    assert (raised.value.http_status, told(raised.value, "stripe-should-retry")) == (
        status,
        "true",
    )
    assert create(stripe_client, "locked", max_network_retries=1).id


def test_what_was_executed_and_refused_is_replayed_too(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    payout: Any = {"amount": 5, "currency": "usd"}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            stripe_client.v1.payouts.create(payout, {"idempotency_key": "poor"})
        simulator.add_funds(100)
    assert told(raised.value, "idempotent-replayed") == "true"
    assert simulator.objects("payout") == []


def test_a_key_has_255_characters_at_most(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    assert create(stripe_client, "x" * 255).id
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        create(stripe_client, "x" * 256)


def test_a_fault_strikes_what_matches_and_no_more(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.fault("rate_limited", method="POST", path="/v1/refunds*", times=2)
    create(stripe_client, "untouched")
    assert [fault["struck"] for fault in simulator.status()["faults"]] == [0]
    for code in ("rate_limit", "rate_limit", "resource_missing"):
        with pytest.raises(stripe.StripeError) as raised:
            stripe_client.v1.refunds.create({"payment_intent": "pi_no"})
        assert raised.value.error is not None and raised.value.error.code == code
    with pytest.raises(ValueError, match="no fault 'explode'"):
        simulator.fault("explode")


def test_a_fraction_of_requests_is_drawn_from_the_seed() -> None:
    from stripe_simulator import Simulator

    def struck(seed: int) -> list[bool]:
        with Simulator(seed=seed, latency=0) as simulator, httpx.Client(trust_env=False) as http:
            simulator.fault("rate_limited", fraction=0.5)
            url, key = f"{simulator.url}/v1/balance", ("sk_test_x", "")
            return [http.get(url, auth=key).status_code == 429 for _ in range(40)]

    first = struck(7)
    assert struck(7) == first != struck(8)
    assert 5 < sum(first) < 35


def test_everything_can_be_controlled_over_http(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    def tell(command: str, **arguments: Any) -> httpx.Response:
        url = f"{simulator.url}/_control/{command}"
        return httpx.post(url, json=arguments, trust_env=False)

    assert tell("fault", kind="server_error", method="POST").json()["result"]["times"] == 1
    with pytest.raises(stripe.APIError):
        create(stripe_client, "over-http")
    assert tell("add_funds", amount=70).json() == {"result": 70}
    assert tell("advance", seconds=DAY).status_code == 200
    assert create(stripe_client, "over-http").id
    for wrong in (tell("pay", session="cs_no"), tell("close"), tell("pay", id=1), tell("advance")):
        assert wrong.status_code in (400, 404) and wrong.json()["error"]
    assert tell("settle", timeout=5).json() == {"result": []}
    assert tell("reset").status_code == 200
    assert simulator.status()["objects"] == {}
