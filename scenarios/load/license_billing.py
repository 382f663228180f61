"""Text is generated on licenses, and each generation is charged once.

A few licenses are used by everybody. One request in ten is sent twice at once under its id. A scarce
license pays for one generation at a time, and some calls are none that anybody may make.
"""

import uuid
from functools import partial

from locust import task

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser, between

FEW = 4
SCARCE = 60  # credits of a generation that the scarce license can pay once


class Caller:
    """What all callers have in common."""

    target = "license_billing"
    wait_time = between(0.02, 0.1)

    def license(self) -> str:
        """Return the key of a license: in half of the cases one of a few."""
        number = self.any_number("license_key")
        if self.random.random() < 0.5:
            number %= 2 * FEW
        return self.population.text("license_key", number)

    def scarce_license(self) -> str:
        """Return the key of the license that never has enough."""
        return self.population.text("scarce license_key", self.side)

    def times(self) -> int:
        """Return how often a request is sent."""
        return 2 if self.random.random() < 0.1 else 1


class CallerOverHttp(Caller, ServiceUser):
    """Generates text through the service."""

    @task(20)
    def generate(self) -> None:
        """Have a text generated and charged."""
        self.ask(self.license())

    @task(2)
    def generate_on_what_is_scarce(self) -> None:
        """Have a text generated that can't be paid, after the first few."""
        self.ask(self.scarce_license())

    def ask(self, license_key: str) -> None:
        """Send a request, once or twice at once."""
        request = self.key()
        body = {
            "license_key": license_key,
            "prompt": f"What do we owe to {request}?",
            "request_id": request,
        }
        send = partial(self.post, "/v1/generate", body, key=request)
        self.at_once(*[send] * self.times())

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: have less than nothing generated, and on no license."""
        body = {"license_key": self.license(), "prompt": "For how much less?"}
        self.misuse("/v1/generate", {**body, "max_tokens": -200})
        self.misuse("/v1/generate", {**body, "license_key": "mine"})


class CallerInDatabase(Caller, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(20)
    def generate(self) -> None:
        """Charge a generation, now and then twice at once."""
        charge = partial(self.deduct, self.license(), self.random.randint(1, 200), self.key())
        self.at_once(*[charge] * self.times())

    @task(10)
    def generate_on_what_is_scarce(self) -> None:
        """Charge at once, twice, what can be paid once."""
        self.at_once(*[partial(self.deduct_and_add, self.scarce_license())] * 2)

    def deduct_and_add(self, license_key: str) -> None:
        """Charge a license, and top it up again."""
        if self.deduct(license_key, SCARCE, self.key()) is Outcome.OK:
            self.add(license_key, SCARCE, self.key())

    @task(1)
    def repeat(self) -> None:
        """Take an answer for lost and charge again, and add again; use the id for something else."""
        license_key, request, top_up = self.license(), self.key(), self.key()
        for amount in (SCARCE, SCARCE, SCARCE + 1):
            self.deduct(license_key, amount, request)
        add = partial(self.add, license_key, SCARCE, top_up)
        self.at_once(add, add)

    def deduct(self, license_key: str, amount: int, request: uuid.UUID) -> Outcome:
        """Charge a license."""
        named = {"license_key": license_key, "amount": amount, "request_id": request}
        return self.call("deduct_credits", key=request, **named).outcome

    def add(self, license_key: str, amount: int, request: uuid.UUID) -> Outcome:
        """Top a license up."""
        named = {"license_key": license_key, "amount": amount, "request_id": request}
        return self.call("add_credits", key=request, **named).outcome

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: negative amounts, another's functions, tables by hand."""
        license_key = self.license()
        named = {"license_key": license_key, "request_id": self.key()}
        self.misuse("deduct_credits", amount=-50, **named)
        self.misuse("add_credits", amount=-50, **named)
        self.misuse("add_credits", role="authenticated", amount=50, **named)
        self.misuse(
            "update license_billing.licenses set credits_remaining = credits_remaining - 1"
            " where license_key = :license_key returning credits_remaining",
            license_key=license_key,
        )
