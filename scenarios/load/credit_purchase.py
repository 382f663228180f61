"""Steady spend on many accounts, and one that everybody spends from.

Half of all spending hits one hot account. Credits are set aside, a part is used up, and the rest is
given back; now and then somebody buys more, and hears of the payment twice.
"""

import uuid

from locust import task

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser, between

AMOUNT = 10


class Spender:
    """What all spenders have in common."""

    target = "credit_purchase"
    wait_time = between(0.02, 0.1)

    def account(self) -> uuid.UUID:
        """Return the hot account, or any other."""
        hot = self.random.random() < 0.5
        return self.population.id("user", self.side) if hot else self.any("user")

    def used_up(self) -> int:
        """Return how much of a reservation is used up."""
        return self.random.randint(1, AMOUNT - 1)


class SpenderOverHttp(Spender, ServiceUser):
    """Spends through the service."""

    @task(20)
    def spend(self) -> None:
        """Set credits aside, use some up, give the rest back."""
        user, reservation, used = self.account(), self.key(), self.used_up()
        body = {"user_id": user, "credits": AMOUNT, "idempotency_key": reservation}
        reserved = self.post("/v1/credit_purchase/reservations", body, key=reservation)
        if reserved.outcome is Outcome.OK:
            self.draw("settlements", reservation, user, used)
            self.draw("returns", reservation, user, AMOUNT - used)

    def draw(self, what: str, reservation: uuid.UUID, user: uuid.UUID, credits: int) -> None:
        """Use up or give back a part of a reservation."""
        key = self.key()
        self.post(
            f"/v1/credit_purchase/reservations/{reservation}/{what}",
            {"user_id": user, "credits": credits, "idempotency_key": key},
            name=f"/v1/credit_purchase/reservations/{{reservation_key}}/{what}",
            key=key,
        )

    @task(2)
    def look(self) -> None:
        """Look at a balance."""
        self.get(
            f"/v1/credit_purchase/users/{self.account()}/credits",
            name="/v1/credit_purchase/users/{user_id}/credits",
        )

    @task(1)
    def buy(self) -> None:
        """Buy credits by card. Stripe's webhook brings them."""
        key = self.key()
        body = {"user_id": self.account(), "credits": 50, "idempotency_key": key}
        opened = self.post("/v1/credit_purchase/checkouts", body, key=key)
        if opened.outcome is Outcome.OK and not opened.body["repeated"]:
            self.at_stripe("pay", session=opened.body["session_id"])


class SpenderInDatabase(Spender, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(20)
    def spend(self) -> None:
        """Set credits aside, use some up, give the rest back."""
        user, reservation, used = self.account(), self.key(), self.used_up()
        reserved = self.call(
            "reserve_credits",
            key=reservation,
            user_id=user,
            amount=AMOUNT,
            idempotency_key=reservation,
        )
        if reserved.outcome is Outcome.OK:
            self.draw("settle_credits", reservation, user, used)
            self.draw("refund_credits", reservation, user, AMOUNT - used)

    def draw(self, operation: str, reservation: uuid.UUID, user: uuid.UUID, amount: int) -> None:
        """Use up or give back a part of a reservation."""
        key = self.key()
        self.call(
            operation,
            key=key,
            user_id=user,
            amount=amount,
            idempotency_key=key,
            reservation_key=reservation,
        )

    @task(2)
    def buy(self) -> None:
        """Have a payment applied, and hear of it twice."""
        user, key = self.account(), self.key()
        for _ in range(2):
            self.call(
                "apply_credit_purchase",
                key=key,
                user_id=user,
                amount=50,
                idempotency_key=key,
                stripe_session_id=f"cs_{key.hex}",
            )
