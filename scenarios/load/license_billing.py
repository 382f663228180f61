"""Text is generated on licenses, and each generation is charged once.

A few licenses are used by everybody. One request in ten is sent a second time under its id.
"""

from locust import task

from crossfoot.load.users import DatabaseUser, ServiceUser, between

FEW = 4


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

    def times(self) -> int:
        """Return how often a request is sent."""
        return 2 if self.random.random() < 0.1 else 1


class CallerOverHttp(Caller, ServiceUser):
    """Generates text through the service."""

    @task
    def generate(self) -> None:
        """Have a text generated and charged."""
        request = self.key()
        body = {
            "license_key": self.license(),
            "prompt": f"What do we owe to {request}?",
            "request_id": request,
        }
        for _ in range(self.times()):
            self.post("/v1/generate", body, key=request)


class CallerInDatabase(Caller, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(20)
    def deduct(self) -> None:
        """Charge a generation."""
        request, license_key = self.key(), self.license()
        amount = self.random.randint(1, 200)
        for _ in range(self.times()):
            self.call(
                "deduct_credits",
                key=request,
                license_key=license_key,
                amount=amount,
                request_id=request,
            )

    @task(1)
    def add(self) -> None:
        """Top a license up."""
        request = self.key()
        self.call(
            "add_credits",
            key=request,
            license_key=self.license(),
            amount=100,
            request_id=request,
        )
