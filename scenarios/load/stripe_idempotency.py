"""A webhook storm, and a checkout rush while Stripe is slow.

Each event is delivered several times, at once and out of order, and credits a wallet once. Several
requests open the same checkout at once; every fifth call to Stripe takes half a second. One wallet
pays for one purchase at a time, and some calls are none that anybody may make.
"""

import time
import uuid
from functools import partial
from typing import Any

from locust import events, task
from locust.runners import WorkerRunner

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser, at_stripe, between

EVENTS = 20  # new ones per second
CHECKOUTS = 10  # likewise
SCARCE = 50  # cents that the scarce wallet can pay once


@events.test_start.add_listener
def slow_down_stripe(environment: Any, **_: Any) -> None:
    """Let every fifth checkout wait for Stripe."""
    if not isinstance(environment.runner, WorkerRunner):
        path = "/v1/checkout/sessions"
        at_stripe("fault", kind="slow", path=path, fraction=0.2, seconds=0.5)


def moved(user: uuid.UUID, how: str, amount: int, key: str) -> dict[str, Any]:
    """Return what moves money of a wallet."""
    named = {"user_id": user, "transaction_type": how, "amount": amount}
    return {**named, "reference": "a purchase", "idempotency_key": key}


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

    @task(1)
    def pay_out_what_is_scarce(self) -> None:
        """Pay out, twice at once, what is there once."""
        user = self.population.id("scarce user", self.side)
        operations = [f"payout-{self.key()}" for _ in range(2)]
        path = "/v1/stripe_payments/payouts"
        bodies = [{"operation_id": each, "user_id": user, "cents": SCARCE} for each in operations]
        self.at_once(*[partial(self.post, path, body, key=body["operation_id"]) for body in bodies])

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: pay out and in less than nothing."""
        body = {"operation_id": f"cheat-{self.key()}", "user_id": self.any("user"), "cents": -500}
        self.misuse("/v1/stripe_payments/payouts", body)
        self.misuse("/v1/stripe_payments/checkouts", body)


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
        self.move(self.operation()[1], "debit", 20, str(self.key()))

    @task(5)
    def spend_what_is_scarce(self) -> None:
        """Take at once, twice, what is there once."""
        self.at_once(*[partial(self.borrow, self.population.id("scarce user", self.side))] * 2)

    def borrow(self, user: uuid.UUID) -> None:
        """Take from a wallet, and put it back."""
        if self.move(user, "debit", SCARCE, str(self.key())) is Outcome.OK:
            self.move(user, "credit", SCARCE, str(self.key()))

    @task(1)
    def repeat(self) -> None:
        """Take an answer for lost and pay again, twice at once; use the key for something else."""
        user, key = self.any("user"), str(self.key())
        pay = partial(self.move, user, "debit", 20, key)
        pay()
        self.at_once(pay, pay)
        self.move(user, "debit", 21, key)

    def move(self, user: uuid.UUID, how: str, amount: int, key: str) -> Outcome:
        """Put into a wallet (credit), or take out of it (debit)."""
        return self.call(
            "apply_wallet_transaction", key=key, **moved(user, how, amount, key)
        ).outcome

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: negative amounts, another's functions, tables by hand."""
        user, key = self.any("user"), str(self.key())
        what = "apply_wallet_transaction"
        self.misuse(what, **moved(user, "debit", -50, key))
        self.misuse(what, **moved(user, "credit", -50, key))
        self.misuse(what, role="authenticated", **moved(user, "credit", 50, key))
        self.misuse(
            "update stripe_idempotency.wallets set balance = balance + 1"
            " where user_id = :user returning balance",
            user=user,
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
