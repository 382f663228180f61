"""Steady spend on many accounts, one that everybody spends from, and one that never has enough.

Half of all spending hits one hot account. Credits are set aside, a part is used up, and the rest is
given back; now and then somebody buys more, and hears of the payment twice. A scarce account holds
one reservation and a half. Some calls come again under their key, and some are none that anybody may make.
"""

import uuid
from functools import partial

from locust import task

from crossfoot.load.users import DatabaseUser, LoadUser, Outcome, ServiceUser, between

AMOUNT = 10


class Spender(LoadUser):
    """What all spenders have in common."""

    abstract = True
    target = "credit_purchase"
    wait_time = between(0.02, 0.1)

    def account(self) -> uuid.UUID:
        """Return the hot account, or any other."""
        hot = self.random.random() < 0.5
        return self.population.id("user", self.side) if hot else self.any("user")

    @task(20)
    def spend(self) -> None:
        """Set credits aside, use some up, give the rest back."""
        user, reservation, used = self.account(), self.key(), self.random.randint(1, AMOUNT - 1)
        if self.reserve(user, reservation) is Outcome.OK:
            self.draw("settle", reservation, user, used)
            self.draw("refund", reservation, user, AMOUNT - used)

    @task(10)
    def spend_what_is_scarce(self) -> None:
        """Set aside at once, twice, what is there once."""
        self.at_once(*[partial(self.hold, self.population.id("scarce user", self.side))] * 2)

    def hold(self, user: uuid.UUID) -> None:
        """Set credits aside for a moment, and give them back in two halves at once."""
        reservation = self.key()
        if self.reserve(user, reservation) is Outcome.OK:
            half = partial(self.draw, "refund", reservation, user, AMOUNT // 2)
            self.at_once(half, half)

    @task(1)
    def repeat(self) -> None:
        """Take an answer for lost and reserve again, twice at once; use the key for something else."""
        user, reservation = self.account(), self.key()
        self.reserve(user, reservation)
        again = partial(self.reserve, user, reservation)
        self.at_once(again, again)
        self.reserve(user, reservation, AMOUNT + 1)


class SpenderOverHttp(Spender, ServiceUser):
    """Spends through the service."""

    def reserve(self, user: uuid.UUID, key: uuid.UUID, credits: int = AMOUNT) -> Outcome:
        """Set credits aside."""
        body = {"user_id": user, "credits": credits, "idempotency_key": key}
        return self.post("/v1/credit_purchase/reservations", body, key=key).outcome

    def draw(self, what: str, reservation: uuid.UUID, user: uuid.UUID, credits: int) -> None:
        """Use up (settle) or give back (refund) a part of a reservation."""
        key, noun = self.key(), {"settle": "settlements", "refund": "returns"}[what]
        self.post(
            f"/v1/credit_purchase/reservations/{reservation}/{noun}",
            {"user_id": user, "credits": credits, "idempotency_key": key},
            name=f"/v1/credit_purchase/reservations/{{reservation_key}}/{noun}",
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

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: reserve and buy less than nothing."""
        body = {"user_id": self.account(), "credits": -AMOUNT}
        self.misuse("/v1/credit_purchase/reservations", body)
        self.misuse("/v1/credit_purchase/checkouts", body)


class SpenderInDatabase(Spender, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    def reserve(self, user: uuid.UUID, key: uuid.UUID, credits: int = AMOUNT) -> Outcome:
        """Set credits aside."""
        named = {"user_id": user, "amount": credits, "idempotency_key": key}
        return self.call("reserve_credits", key=key, **named).outcome

    def draw(self, what: str, reservation: uuid.UUID, user: uuid.UUID, credits: int) -> None:
        """Use up (settle) or give back (refund) a part of a reservation."""
        key = self.key()
        self.call(
            f"{what}_credits",
            key=key,
            user_id=user,
            amount=credits,
            idempotency_key=key,
            reservation_key=reservation,
        )

    @task(2)
    def buy(self) -> None:
        """Have a payment applied, and hear of it twice at once."""
        payment = self.payment(self.account(), 50)
        tell = partial(
            self.call, "apply_credit_purchase", key=payment["idempotency_key"], **payment
        )
        self.at_once(tell, tell)

    def payment(self, user: uuid.UUID, amount: int) -> dict[str, object]:
        """Return what a new payment is told with."""
        key = self.key()
        named = {"user_id": user, "amount": amount, "idempotency_key": key}
        return {**named, "stripe_session_id": f"cs_{key.hex}"}

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: negative amounts, another's functions, tables by hand."""
        user = self.account()
        self.misuse("apply_credit_purchase", **self.payment(user, -50))
        self.misuse("apply_credit_purchase", role="authenticated", **self.payment(user, 50))
        self.misuse("reserve_credits", user_id=user, amount=-AMOUNT, idempotency_key=self.key())
        self.misuse(
            "update credit_purchase.user_profiles set credit_balance = credit_balance + 1"
            " where id = :user returning credit_balance",
            user=user,
        )
        self.misuse(
            "delete from credit_purchase.credit_entries where user_id = :user returning entry_no",
            user=user,
        )
