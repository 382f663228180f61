"""A flash sale: one lead is on sale at a time, and everybody wants it.

Twice a second the next lead goes on sale. All buyers try at that instant, and again a few times
until it is gone. One of them gets it; the others are refused, by design. Meanwhile some have a single
credit and two leads in their baskets, some click twice, and some try what nobody may do.
"""

import time
import uuid
from functools import partial

from locust import task

from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser

EACH = 0.5  # seconds that a lead is the one on sale
PRICE = 1
FAR = 1000  # so many leads before it is on sale, nobody else asks for a lead


class Buyer:
    """What all buyers have in common."""

    target = "lead_marketplace"

    def wait_time(self) -> float:
        """Try again soon, and never miss the moment at which the next lead goes on sale."""
        return min(self.random.uniform(0.05, 0.3), EACH - time.time() % EACH)

    def lead(self, ahead: int = 0) -> uuid.UUID:
        """Return the lead that is on sale now: the same one for everybody, on every machine."""
        return self.population.id("lead", int(time.time() / EACH) + ahead)

    def two_leads(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Return leads that hardly anybody else wants."""
        ahead = FAR + self.random.randrange(3 * FAR)
        return self.lead(ahead), self.lead(ahead + 1)

    def changes_mind(self) -> bool:
        """Say whether a purchase is given back."""
        return self.random.random() < 0.1


class BuyerOverHttp(Buyer, ServiceUser):
    """Buys through the service."""

    def pay(self, workspace: uuid.UUID, lead: uuid.UUID, key: uuid.UUID) -> str:
        """Buy a lead; return the purchase, or "" without one."""
        body = {"workspace_id": workspace, "lead_ids": [lead], "request_key": key}
        bought = self.post("/v1/lead_marketplace/purchases/credits", body, key=key)
        return str(bought.body["purchase_id"]) if bought.outcome is Outcome.OK else ""

    def give_back(self, workspace: uuid.UUID, purchase: str) -> None:
        """Give a lead back."""
        self.post(
            f"/v1/lead_marketplace/purchases/{purchase}/refund",
            {"workspace_id": workspace},
            name="/v1/lead_marketplace/purchases/{purchase_id}/refund",
            key=purchase,
        )

    @task(30)
    def buy(self) -> None:
        """Buy the lead on sale, and now and then give it back."""
        workspace = self.own("workspace")
        purchase = self.pay(workspace, self.lead(), self.key())
        if purchase and self.changes_mind():
            self.give_back(workspace, purchase)

    @task(2)
    def buy_with_the_last_credit(self) -> None:
        """Buy two leads at once with one credit, and give back what was bought."""
        workspace = self.any("scarce workspace")
        baskets = [partial(self.pay, workspace, lead, self.key()) for lead in self.two_leads()]
        for purchase in filter(None, self.at_once(*baskets)):
            self.give_back(workspace, purchase)

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

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: buy credits for less than nothing, use a key for something else."""
        key, (lead, other) = self.key(), self.two_leads()
        body = {"workspace_id": self.own("workspace"), "request_key": key}
        self.misuse("/v1/lead_marketplace/credits/checkouts", {**body, "credits": "-10"})
        if self.pay(self.own("workspace"), lead, key):
            self.misuse("/v1/lead_marketplace/purchases/credits", {**body, "lead_ids": [other]})


class BuyerInDatabase(Buyer, DatabaseUser):
    """Calls the functions themselves, as the service does. All buy for one workspace."""

    def on_start(self) -> None:
        """Begin with a bonus, as everybody does at the same moment."""
        super().on_start()
        self.bonus()

    def workspace(self) -> uuid.UUID:
        """Return the workspace that all these buyers buy for."""
        return self.population.id("workspace", self.side)

    def put_in_basket(self, workspace: uuid.UUID, lead: uuid.UUID) -> str:
        """Order a lead; return the purchase, which is still to be paid, or "" without one."""
        key = self.key()
        created = self.call(
            "create_lead_purchase",
            key=key,
            lead_ids=[lead],
            buyer_workspace_id=workspace,
            payment_method="credits",
            request_key=key,
        )
        return str(created.result["create_lead_purchase"]) if created.outcome is Outcome.OK else ""

    def pay(self, workspace: uuid.UUID, purchase: str, give_back: bool) -> None:
        """Pay what was ordered, and give it back or not."""
        named = {"purchase_id": purchase, "workspace_id": workspace}
        paid = self.call(
            "complete_credit_lead_purchase", key=purchase, credit_amount=PRICE, **named
        )
        if paid.outcome is Outcome.OK and give_back:
            self.call("refund_lead_purchase", key=purchase, **named)

    @task(30)
    def buy(self) -> None:
        """Buy the lead on sale, and now and then give it back; one in three clicks twice."""
        workspace = self.workspace()
        if purchase := self.put_in_basket(workspace, self.lead()):
            click = partial(self.pay, workspace, purchase, self.changes_mind())
            self.at_once(*[click] * self.random.choice([1, 1, 2]))

    @task(4)
    def buy_with_the_last_credit(self) -> None:
        """Pay two purchases at once with one credit, and give back what was bought."""
        workspace = self.any("scarce workspace")
        baskets = [self.put_in_basket(workspace, lead) for lead in self.two_leads()]
        self.at_once(*[partial(self.pay, workspace, each, True) for each in baskets if each])

    @task(3)
    def bonus(self) -> None:
        """Be given credits; take the answer for lost, and ask again, twice at once."""
        give = partial(self.give, self.key())
        give()
        self.at_once(give, give)

    def give(self, key: uuid.UUID) -> None:
        """Give the workspace a bonus."""
        named = {"workspace_id": self.workspace(), "amount": 5, "reason": "bonus"}
        self.call("add_workspace_credits", key=key, request_key=key, **named)

    @task(3)
    def top_up(self) -> None:
        """Buy credits by card, and hear of the payment twice at once, as Stripe may tell it."""
        key, named = self.key(), {"workspace_id": self.workspace(), "credits": 10}
        created = self.call("create_credit_purchase", key=key, request_key=key, **named)
        if created.outcome is Outcome.OK:
            bought = created.result["create_credit_purchase"]
            tell = partial(self.call, "complete_stripe_credit_purchase", key=bought, **named)
            self.at_once(*[partial(tell, credit_purchase_id=bought)] * 2)

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: negative amounts, another's functions, tables by hand."""
        workspace, key = self.workspace(), self.key()
        gift = {"workspace_id": workspace, "reason": "a gift to myself", "request_key": key}
        self.misuse("add_workspace_credits", amount=-5, **gift)
        self.misuse("add_workspace_credits", role="authenticated", amount=5, **gift)
        self.misuse(
            "update lead_marketplace.workspace_credits set balance = balance + 1"
            " where workspace_id = :workspace returning balance",
            workspace=workspace,
        )
        if purchase := self.put_in_basket(workspace, self.two_leads()[0]):
            named = {"purchase_id": purchase, "workspace_id": workspace}
            self.misuse("complete_credit_lead_purchase", credit_amount=-PRICE, **named)
