"""A webhook storm, and a checkout rush while Stripe is slow.

Each event is delivered several times, at once and out of order, and credits a wallet once. Several
requests open the same checkout at once; every fifth call to Stripe takes half a second.
"""

import time
import uuid
from typing import Any

from locust import events, task
from locust.runners import WorkerRunner

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser, at_stripe, between

EVENTS = 20  # new ones per second
CHECKOUTS = 10  # likewise


@events.test_start.add_listener
def slow_down_stripe(environment: Any, **_: Any) -> None:
    """Let every fifth checkout wait for Stripe."""
    if not isinstance(environment.runner, WorkerRunner):
        path = "/v1/checkout/sessions"
        at_stripe("fault", kind="slow", path=path, fraction=0.2, seconds=0.5)


class Payer:
    """What all have in common: which event and which checkout it is about now."""

    target = "stripe_idempotency"
    wait_time = between(0.02, 0.1)

    def event(self) -> tuple[str, uuid.UUID, int]:
        """Return an event's id, whose wallet it credits, and with how much. Old ones come late."""
        number = int(time.time() * EVENTS) - self.random.choice([0, 0, 0, 1, 2, 5, 30])
        wallet = self.population.id("user", 2 * (number % 10) + self.side)
        return f"evt_{number}_{self.side}", wallet, 100 + number % 50

    def operation(self) -> tuple[str, uuid.UUID]:
        """Return the checkout that everybody opens now, and whose it is."""
        number = int(time.time() * CHECKOUTS)
        return f"order-{number}-{self.side}", self.population.id(
            "user", 2 * (number % 10) + self.side
        )


class PayerOverHttp(Payer, ServiceUser):
    """Is Stripe to the service's webhook, and a buyer to its checkouts."""

    @task(10)
    def storm(self) -> None:
        """Deliver an event."""
        event_id, user, cents = self.event()
        session = {
            "id": f"cs_{event_id}",
            "object": "checkout.session",
            "payment_status": "paid",
            "amount_total": cents,
            "metadata": {"system": "stripe_payments", "user_id": str(user)},
        }
        event = {
            "id": event_id,
            "object": "event",
            "type": "checkout.session.completed",
            "data": {"object": session},
        }
        self.deliver("/v1/stripe_payments/webhook", event)

    @task(3)
    def rush(self) -> None:
        """Open the checkout of the moment, and pay it if nobody did before."""
        operation, user = self.operation()
        body = {"operation_id": operation, "user_id": user, "cents": 500}
        opened = self.post("/v1/stripe_payments/checkouts", body, key=operation)
        if opened.outcome is Outcome.OK and not opened.body["repeated"]:
            self.at_stripe("pay", session=opened.body["session_id"])

    @task(1)
    def pay_out(self) -> None:
        """Pay somebody out."""
        operation = f"payout-{self.key()}"
        body = {"operation_id": operation, "user_id": self.any("user"), "cents": 50}
        self.post("/v1/stripe_payments/payouts", body, key=operation)


class PayerInDatabase(Payer, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(10)
    def storm(self) -> None:
        """Apply an event to a wallet."""
        event_id, user, amount = self.event()
        self.call(
            "apply_stripe_wallet_event",
            key=event_id,
            event_id=event_id,
            event_type="checkout.session.completed",
            user_id=user,
            amount=amount,
        )

    @task(5)
    def spend(self) -> None:
        """Take from the wallet of the moment."""
        key = str(self.key())
        self.call(
            "apply_wallet_transaction",
            key=key,
            user_id=self.operation()[1],
            transaction_type="debit",
            amount=20,
            reference="a purchase",
            idempotency_key=key,
        )

    @task(3)
    def rush(self) -> None:
        """Claim the checkout of the moment; whoever gets it calls Stripe and records the answer."""
        operation, user = self.operation()
        named = {"operation_type": "checkout:create", "operation_id": operation, "user_id": user}
        claimed = self.call(
            "claim_stripe_idempotency",
            key=operation,
            request_fingerprint="500",
            lease_seconds=60,
            metadata="{}",
            **named,
        )
        if claimed.result.get("outcome") == "claimed":
            self.call(
                "record_stripe_idempotency",
                key=operation,
                stripe_idempotency_key=claimed.result["stripe_idempotency_key"],
                stripe_resource_id=f"cs_{operation}",
                metadata="{}",
                expires_at=None,
                **named,
            )
