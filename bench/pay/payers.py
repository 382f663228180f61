"""Locust's direct users, who make one call again and again without a pause."""

from pathlib import Path

from locust import task

from crossfoot.load.users import DatabaseUser


class Payer(DatabaseUser):
    """What all payers have in common."""

    abstract = True
    target = str(Path(__file__).parent)
    accounts = 1

    @task
    def charge(self) -> None:
        """Charge one of the accounts."""
        self.call("charge", account=self.random.randint(1, self.accounts), amount=1)


class HotPayer(Payer):
    """Charges the one account that everybody charges."""


class SpreadPayer(Payer):
    """Charges any of a thousand."""

    accounts = 1000


class Licensee(DatabaseUser):
    """Has a text charged to the one license that everybody has."""

    target = "license_billing"

    @task
    def generate(self) -> None:
        """Charge a text."""
        self.call("deduct_credits", license_key="key 1", amount=1, request_id=self.key())
