"""A flash sale: one lead is on sale at a time, and everybody wants it.

Twice a second the next lead goes on sale. All buyers try at that instant, and again a few times
until it is gone. One of them gets it; the others are refused, by design.
"""

import time
import uuid

from locust import task

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser

EACH = 0.5  # seconds that a lead is the one on sale
PRICE = 1


class Buyer:
    """What all buyers have in common."""

    target = "lead_marketplace"

    def wait_time(self) -> float:
        """Try again soon, and never miss the moment at which the next lead goes on sale."""
        return min(self.random.uniform(0.05, 0.3), EACH - time.time() % EACH)

    def lead(self) -> uuid.UUID:
        """Return the lead that is on sale now: the same one for everybody, on every machine."""
        return self.population.id("lead", int(time.time() / EACH))


class BuyerOverHttp(Buyer, ServiceUser):
    """Buys through the service."""

    @task(30)
    def buy(self) -> None:
        """Buy the lead on sale, and now and then give it back."""
        key = self.key()
        body = {
            "workspace_id": self.own("workspace"),
            "lead_ids": [self.lead()],
            "request_key": key,
        }
        bought = self.post("/v1/lead_marketplace/purchases/credits", body, key=key)
        if bought.outcome is Outcome.OK and self.random.random() < 0.1:
            purchase = bought.body["purchase_id"]
            self.post(
                f"/v1/lead_marketplace/purchases/{purchase}/refund",
                {"workspace_id": self.own("workspace")},
                name="/v1/lead_marketplace/purchases/{purchase_id}/refund",
                key=purchase,
            )

    @task(2)
    def browse(self) -> None:
        """Look at what there is."""
        self.get("/v1/lead_marketplace/leads?limit=10", name="/v1/lead_marketplace/leads")

    @task(1)
    def top_up(self) -> None:
        """Buy credits by card. Stripe's webhook brings them."""
        key = self.key()
        body = {"workspace_id": self.own("workspace"), "credits": "10", "request_key": key}
        opened = self.post("/v1/lead_marketplace/credits/checkouts", body, key=key)
        if opened.outcome is Outcome.OK and not opened.body["repeated"]:
            self.at_stripe("pay", session=opened.body["session_id"])


class BuyerInDatabase(Buyer, DatabaseUser):
    """Calls the functions themselves, as the service does. All buy for one workspace."""

    def on_start(self) -> None:
        """Begin with a bonus, as everybody does at the same moment."""
        super().on_start()
        self.bonus()

    def workspace(self) -> uuid.UUID:
        """Return the workspace that all these buyers buy for."""
        return self.population.id("workspace", self.side)

    @task(3)
    def bonus(self) -> None:
        """Be given credits."""
        key = self.key()
        self.call(
            "add_workspace_credits",
            key=key,
            workspace_id=self.workspace(),
            amount=5,
            reason="bonus",
            request_key=key,
        )

    @task(30)
    def buy(self) -> None:
        """Buy the lead on sale, and now and then give it back."""
        key, workspace = self.key(), self.workspace()
        created = self.call(
            "create_lead_purchase",
            key=key,
            lead_ids=[self.lead()],
            buyer_workspace_id=workspace,
            payment_method="credits",
            request_key=key,
        )
        if created.outcome is not Outcome.OK:
            return
        purchase = created.result["create_lead_purchase"]
        paid = self.call(
            "complete_credit_lead_purchase",
            key=purchase,
            purchase_id=purchase,
            workspace_id=workspace,
            credit_amount=PRICE,
        )
        if paid.outcome is Outcome.OK and self.random.random() < 0.1:
            self.call(
                "refund_lead_purchase",
                key=purchase,
                purchase_id=purchase,
                workspace_id=workspace,
            )

    @task(1)
    def top_up(self) -> None:
        """Buy credits by card, and hear of the payment twice, as Stripe may tell it twice."""
        key, workspace = self.key(), self.workspace()
        created = self.call(
            "create_credit_purchase",
            key=key,
            workspace_id=workspace,
            credits=10,
            request_key=key,
        )
        if created.outcome is Outcome.OK:
            bought = created.result["create_credit_purchase"]
            for _ in range(2):
                self.call(
                    "complete_stripe_credit_purchase",
                    key=bought,
                    credit_purchase_id=bought,
                    workspace_id=workspace,
                    credits=10,
                )
