"""Webhooks: signatures, order, copies, retries, and that nothing leaves the machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import stripe

if TYPE_CHECKING:
    from stripe_simulator import Simulator

SECRET = "whsec_for_tests"


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, answers with the next of ``answers`` (then 200), and keeps what came."""

    # The system's default of 5 waiting connections is fewer than arrive at once here.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[int] = []
        self.got: list[tuple[str, str]] = []
        self.meet: threading.Barrier | None = None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Return where to send webhooks to."""
        return f"http://127.0.0.1:{self.server_address[1]}/hooks"

    def events(self) -> list[stripe.Event]:
        """Return the events that came, in order, their signatures verified."""
        return [verified(body, signature) for body, signature in self.got]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.meet is not None:
            self.server.meet.wait(60)
        with self.server.lock:
            self.server.got.append((body, self.headers["Stripe-Signature"]))
            status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver(simulator: Simulator) -> Iterator[Receiver]:
    """Return a receiver that the simulator tells of everything, with quick retries."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            simulator.add_endpoint(server.url, SECRET)
            simulator.set_backoff(first=0.01, longest=0.05)
            yield server
        finally:
            simulator.remove_endpoint(server.url)
            server.shutdown()
            thread.join()


def verified(body: str, signature: str) -> stripe.Event:
    """Return the event, or raise SignatureVerificationError."""
    return stripe.Webhook.construct_event(body, signature, SECRET, api_key="sk_test_x")  # type: ignore[no-any-return]


def customers(client: stripe.StripeClient, count: int) -> list[str]:
    """Make customers, each of which is one event, and return their ids."""
    return [client.v1.customers.create({"name": f"n{n}"}).id for n in range(count)]


def subjects(receiver: Receiver) -> list[str]:
    """Return the ids of the objects that the events were about, as they came."""
    return [event.data.object["id"] for event in receiver.events()]


def test_a_webhook_is_signed_and_holds_the_event(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = customers(stripe_client, 1)
    simulator.settle()
    (event,) = receiver.events()
    assert (event.type, event.data.object["id"]) == ("customer.created", made[0])
    stored = stripe_client.v1.events.retrieve(event.id)
    assert stored.data.object["name"] == "n0"


def test_a_tampered_webhook_does_not_verify(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    customers(stripe_client, 1)
    simulator.settle()
    body, signature = receiver.got[0]
    with pytest.raises(stripe.SignatureVerificationError):
        verified(body.replace('"n0"', '"n1"'), signature)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_a_webhook_signed_long_ago_does_not_verify(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    customers(stripe_client, 1)
    simulator.settle()
    event = receiver.events()[0].id
    receiver.got.clear()
    simulator.resend(event, age=200)
    simulator.settle()
    assert receiver.events()[0].id == event
    receiver.got.clear()
    simulator.resend(event, age=400)
    simulator.settle()
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        receiver.events()


def test_paying_tells_what_happened_in_its_order(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    item: Any = {"price_data": {"currency": "usd", "unit_amount": 5, "product": "p"}}
    session = stripe_client.v1.checkout.sessions.create({"mode": "payment", "line_items": [item]})
    simulator.hold_webhooks()
    simulator.pay(session.id)
    assert receiver.got == []
    assert simulator.release_webhooks() == 4
    simulator.settle()
    assert [event.type for event in receiver.events()] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert receiver.events()[-1].data.object["payment_status"] == "paid"


def test_webhooks_come_in_another_order_on_request(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.hold_webhooks()
    made = customers(stripe_client, 8)
    simulator.release_webhooks(order="reversed")
    simulator.settle()
    assert subjects(receiver) == made[::-1]
    receiver.got.clear()
    simulator.hold_webhooks()
    made = customers(stripe_client, 8)
    simulator.release_webhooks(order="shuffled")
    simulator.settle()
    assert sorted(subjects(receiver)) == sorted(made) and subjects(receiver) != made


def test_one_event_comes_twice_at_one_instant(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    # Neither is answered before both have come.
    receiver.meet = threading.Barrier(2)
    simulator.set_delivery(copies=2)
    customers(stripe_client, 1)
    assert [delivery.status for delivery in simulator.settle()] == [200, 200]
    first, second = receiver.events()
    assert first.id == second.id


def test_held_events_can_come_all_at_once_and_twice(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.meet = threading.Barrier(6)
    simulator.hold_webhooks()
    made = customers(stripe_client, 3)
    assert simulator.release_webhooks(at_once=True, copies=2) == 6
    simulator.settle()
    assert sorted(subjects(receiver)) == sorted(made * 2)


def test_more_webhooks_than_connections_wait_their_turn_however_slow_the_receiver(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    # Who waits for a connection of httpx, waits this long at most. Here nobody does.
    limited = httpx.AsyncClient(timeout=httpx.Timeout(20, pool=0.05), trust_env=False)
    simulator._courier._client = limited
    simulator.hold_webhooks()
    customers(stripe_client, 3)
    assert simulator.release_webhooks(at_once=True, copies=100) == 300
    log = simulator.settle(timeout=60)
    assert {(entry.attempt, entry.status, entry.error) for entry in log} == {(1, 200, None)}
    assert len(log) == 300


def test_a_webhook_comes_late_on_request(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.set_delivery(delay=0.3)
    begun = time.time()
    made = customers(stripe_client, 1)
    assert receiver.got == []
    (late,) = simulator.settle()
    assert late.at >= begun + 0.3 and subjects(receiver) == made


def test_a_webhook_is_repeated_until_it_is_taken(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 404]
    customers(stripe_client, 1)
    log = simulator.settle()
    assert [(entry.attempt, entry.status, entry.ok) for entry in log] == [
        (1, 500, False),
        (2, 302, False),
        (3, 404, False),
        (4, 200, True),
    ]
    assert len({event.id for event in receiver.events()}) == 1


def test_an_event_that_fails_does_not_hold_up_the_next(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.hold_webhooks()
    first, second = customers(stripe_client, 2)
    receiver.answers = [500]
    simulator.set_backoff(first=60, longest=60)
    simulator.release_webhooks()
    deadline = time.monotonic() + 60
    while len(receiver.got) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert subjects(receiver) == [first, second]
    with pytest.raises(TimeoutError):
        simulator.settle(timeout=0.01)


def test_repeating_ends_after_so_many_attempts(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.set_backoff(first=0.001, attempts=3)
    receiver.answers = [500] * 20
    customers(stripe_client, 1)
    assert len(simulator.settle()) == 3
    assert simulator.status()["given_up"] == 1


def test_a_receiver_that_is_not_there_is_in_the_log(
    simulator: Simulator, stripe_client: stripe.StripeClient
) -> None:
    simulator.set_backoff(first=0.001, attempts=2)
    simulator.add_endpoint("http://127.0.0.1:9/closed")
    customers(stripe_client, 1)
    assert [(entry.status, entry.error) for entry in simulator.settle()] == [
        (None, "ConnectError")
    ] * 2


def test_an_endpoint_is_told_only_of_what_it_wants(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.remove_endpoint(receiver.url)
    simulator.add_endpoint(receiver.url, SECRET, ["payment_intent.*"])
    customers(stripe_client, 2)
    stripe_client.v1.payment_intents.create({"amount": 5, "currency": "usd"})
    simulator.settle()
    assert [event.type for event in receiver.events()] == ["payment_intent.created"]


def test_a_replayed_request_makes_no_second_event(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    for _ in range(3):
        stripe_client.v1.customers.create({"name": "n"}, {"idempotency_key": "once"})
    simulator.settle()
    assert len(receiver.got) == 1


def test_a_reset_gives_up_what_is_on_its_way(
    simulator: Simulator, stripe_client: stripe.StripeClient, receiver: Receiver
) -> None:
    simulator.set_delivery(delay=60)
    customers(stripe_client, 1)
    simulator.reset()
    assert simulator.settle(timeout=1) == [] and receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/hooks",
        "https://example.com/hooks",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "nonsense",
    ],
)
def test_webhooks_stay_on_this_machine(simulator: Simulator, url: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        simulator.add_endpoint(url)
    control = f"{simulator.url}/_control/add_endpoint"
    assert httpx.post(control, json={"url": url}, trust_env=False).status_code == 400
