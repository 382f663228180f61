"""Locust's direct users, who call the smallest of charges again and again without a pause."""

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
