"""The lead marketplace, for SQL and model side by side: three workspaces, a few keys, any leads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from side_by_side import Answer, Call, Draw, Fact, Steps, World, recipe_of

Change = Callable[[Any], Any]
Find = Generator["Call | Fact", Answer, UUID]

LARGEST = Decimal("9999999999.99")
PRICES = st.sampled_from([Decimal(text) for text in ("0.01", "2.50", "10", "40.00")])
NO_AMOUNT = st.sampled_from(
    [None, *map(Decimal, ("0", "-5", "0.005", "NaN", "Infinity", "-Infinity", "10000000000"))]
)
LIST_REFUSALS = ["No leads given", "A lead id is null", "A lead is given twice"]
NOT_FOR_SALE = "Some leads are no longer available for purchase. *"
TOO_LARGE = "Credit balance would be too large: *"
REUSED = "Request key was used with other arguments: *"


class Marketplace(World):
    """Workspaces and request keys are shared by the recipes; leads and purchases they make."""

    system = "lead_marketplace"
    outcomes: ClassVar = {
        "validate_and_lock_leads_for_purchase": [
            *LIST_REFUSALS, "Workspace not found: *", NOT_FOR_SALE, "ok",
        ],
        "create_lead_purchase": [
            *LIST_REFUSALS, "Unknown payment method: *", "Workspace not found: *", REUSED,
            NOT_FOR_SALE, "Price is too large: *", "replayed", "ok",
        ],
        "complete_credit_lead_purchase": [
            "Invalid credit amount: *", "Purchase not found: *",
            "Purchase belongs to another workspace: *", "Purchase is not paid with credits: *",
            "No leads found for purchase: *", "Credit amount differs from the price. *",
            "Purchase cannot be completed. Status: *", "already_completed",
            "Purchase has expired: *", NOT_FOR_SALE, "Insufficient credits. *", "ok",
        ],
        "complete_stripe_lead_purchase": [
            "Purchase not found: *", "Purchase is not paid by card: *",
            "No leads found for purchase: *", "Purchase was completed with another download URL: *",
            "already_completed", "not sold", "ok",
        ],
        "settle_card_refund": [
            "Stripe refund id is missing", "Purchase not found: *", "Purchase is not paid by card: *",
            "Purchase was refunded by another Stripe refund: *",
            "Purchase cannot be refunded. Status: *",
            "Stripe refund was used for another purchase: *", "already_refunded", "ok",
        ],
        "refund_lead_purchase": [
            "Purchase not found: *", "Purchase belongs to another workspace: *",
            "Purchase is not paid with credits: *", "Purchase cannot be refunded. Status: *",
            TOO_LARGE, "already_refunded", "ok",
        ],
        "mark_leads_sold_bulk": [*LIST_REFUSALS, "Some leads do not exist. *", "ok"],
        "expire_lead_purchases": ["ok"],
        "add_workspace_credits": [
            "Invalid credit amount: *", "Reason is missing", "Workspace not found: *", REUSED,
            TOO_LARGE, "already_added", "ok",
        ],
        "create_credit_purchase": [
            "Invalid credit amount: *", "Workspace not found: *", REUSED, "replayed", "ok",
        ],
        "complete_stripe_credit_purchase": [
            "Invalid credit amount: *", "Credit purchase not found: *",
            "Credit purchase belongs to another workspace: *",
            "Credit amount differs from the credit purchase. *", TOO_LARGE,
            "already_completed", "ok",
        ],
    }  # fmt: skip

    def __init__(self, model: ModuleType) -> None:
        super().__init__(model)
        self.workspaces = [self.uuid() for _ in range(3)]
        self.made: set[Any] = set()

    def setup(self) -> Iterator[Fact]:
        for workspace in self.workspaces:
            yield Fact(
                "insert into lead_marketplace.workspaces (id) values ($1)",
                [workspace],
                listed(workspace),
            )

    def label(self, call: Call, answer: Answer) -> str:
        if isinstance(answer, str):
            return answer
        row = answer[0]
        for flag in ("already_completed", "already_refunded", "already_added"):
            if row.get(flag):
                return flag
        if row.get("success") is False:
            return str(row.get("error_message") or "not sold")
        made = row.get(call.function)
        if isinstance(made, UUID):
            if made in self.made:
                return "replayed"
            self.made.add(made)
        return "ok"

    def lead(self, price: Decimal = Decimal(10)) -> tuple[UUID, Fact]:
        """Return a new lead that is for sale, and the fact that it is."""
        lead = self.uuid()
        return lead, Fact(
            "insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed,"
            " marketplace_price) values ($1, 'available', true, $2)",
            [lead, price],
            lambda state: replace(state, leads=state.leads.insert(lead, self.model.Lead(price))),
        )

    def bought(
        self, draw: Draw, method: str = "credits", workspace: UUID | None = None, leads: int = 1
    ) -> Find:
        """Write a purchase down; return its id."""
        wanted = []
        for _ in range(leads):
            lead, fact = self.lead(draw(PRICES))
            yield fact
            wanted.append(lead)
        buyer = workspace or draw(st.sampled_from(self.workspaces))
        answer = yield Call("create_lead_purchase", [wanted, buyer, method, None])
        assert isinstance(answer, list)
        return answer[0]["create_lead_purchase"]  # type: ignore[no-any-return]

    def paid(self, draw: Draw, method: str = "credits") -> Find:
        """Buy something and pay it; return the purchase's id."""
        purchase = yield from self.bought(draw, method, leads=draw(st.integers(1, 2)))
        bought = self.state.purchases[purchase]
        if method == "card":
            yield Call("complete_stripe_lead_purchase", [purchase, None])
        else:
            yield from self.funded(bought.workspace_id, bought.price)
            yield self.completion(purchase)
        return purchase

    def funded(self, workspace: UUID, amount: Decimal) -> Steps:
        """Make sure that a workspace has this many credits."""
        if self.state.accounts.get(workspace, 0) < amount:
            yield Call("add_workspace_credits", [workspace, amount, "gift", None])

    def filled_up(self, workspace: UUID) -> Steps:
        """Leave room for less than a credit in an account."""
        left = LARGEST - self.state.accounts.get(workspace, Decimal(0))
        if left > 0:
            yield Call("add_workspace_credits", [workspace, left, "gift", None])

    def emptied(self, workspace: UUID) -> Steps:
        """Spend what an account has."""
        balance = self.state.accounts.get(workspace, Decimal(0))
        if balance:
            lead, fact = self.lead(balance)
            yield fact
            answer = yield Call("create_lead_purchase", [[lead], workspace, "credits", None])
            assert isinstance(answer, list)
            yield self.completion(answer[0]["create_lead_purchase"])

    def completion(self, purchase: UUID, **other: Any) -> Call:
        """Return the right payment of a purchase, or one with something ``other``."""
        bought = self.state.purchases[purchase]
        right = {"purchase": purchase, "workspace": bought.workspace_id, "amount": bought.price}
        return Call("complete_credit_lead_purchase", list((right | other).values()))

    def top_up(self, draw: Draw, workspace: UUID | None = None) -> Find:
        """Write a purchase of credits down; return its id."""
        buyer = workspace or draw(st.sampled_from(self.workspaces))
        answer = yield Call("create_credit_purchase", [buyer, draw(PRICES), None])
        assert isinstance(answer, list)
        return answer[0]["create_credit_purchase"]  # type: ignore[no-any-return]

    def any_id(self, draw: Draw) -> UUID | None:
        """Return an id that nothing has, or none."""
        return draw(st.sampled_from([None, self.uuid()]))  # type: ignore[no-any-return]

    def stranger_to(self, draw: Draw, workspace: UUID) -> UUID | None:
        """Return anybody but this workspace."""
        others = [each for each in self.workspaces if each != workspace]
        return draw(st.sampled_from([*others, None, self.uuid()]))  # type: ignore[no-any-return]

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        async def read(query: str) -> dict[Any, Any]:
            return {row[0]: tuple(row)[1:] for row in await connection.fetch(query)}

        schema = "from lead_marketplace"
        purchase = "id, buyer_workspace_id, payment_method, status, request_key, download_url"
        entry = "entry_no, workspace_id, amount, balance_before, balance_after, kind"
        reference = "coalesce(purchase_id, credit_purchase_id)"
        items = await connection.fetch(
            f"select purchase_id, lead_id, price, sold {schema}.marketplace_purchase_items"
        )
        grants = await connection.fetch(
            f"select workspace_id, amount, reason, request_key {schema}.credit_grants"
        )
        return {
            "accounts": await read(f"select workspace_id, balance {schema}.workspace_credits"),
            "leads": await read(f"select id, marketplace_status, sold_count {schema}.leads"),
            "purchases": await read(
                f"select {purchase}, stripe_refund_id {schema}.marketplace_purchases"
            ),
            "items": {tuple(item) for item in items},
            "top-ups": await read(f"select id, credits, status {schema}.credit_purchases"),
            "grants": {tuple(each) for each in grants},
            "entries": list(
                (
                    await read(
                        f"select {entry}, {reference} {schema}.credit_entries order by entry_no"
                    )
                ).values()
            ),
        }

    def known(self) -> dict[str, Any]:
        state = self.state
        return {
            "accounts": {key: (balance,) for key, balance in state.accounts.items()},
            "leads": {key: (lead.status, lead.sold_count) for key, lead in state.leads.items()},
            "purchases": {
                p.id: (
                    p.workspace_id,
                    p.method,
                    p.status,
                    p.request_key,
                    p.download_url,
                    p.stripe_refund_id,
                )
                for p in state.purchases.values()
            },
            "items": {
                (p.id, lead, price, p.sold)
                for p in state.purchases.values()
                for lead, price in p.prices.items()
            },
            "top-ups": {p.id: (p.credits, p.status) for p in state.credit_purchases.values()},
            "grants": {
                (g.workspace_id, g.amount, g.reason, g.request_key) for g in state.grants.values()
            },
            "entries": [
                (
                    e.workspace_id,
                    e.amount,
                    e.balance_before,
                    e.balance_after,
                    e.kind,
                    # A grant's id is nobody's business, and not told.
                    None if e.kind == "grant" else e.reference,
                )
                for e in reversed(list(state.entries))
            ],
        }


def listed(workspace: UUID) -> Change:
    """Return a change of the model's state: there is one more workspace."""
    return lambda state: replace(state, workspaces=state.workspaces | {workspace})


def changed(purchase: UUID, **values: Any) -> Change:
    """Return a change of a purchase in the model's state."""

    def change(state: Any) -> Any:
        other = replace(state.purchases[purchase], **values)
        return replace(state, purchases=state.purchases.insert(purchase, other))

    return change


def expired(purchase: UUID) -> Fact:
    past = datetime.now(UTC) - timedelta(hours=1)
    return Fact(
        "update lead_marketplace.marketplace_purchases set expires_at = $2 where id = $1",
        [purchase, past],
        changed(purchase, expires_at=past),
    )


def without_items(purchase: UUID) -> Fact:
    return Fact(
        "delete from lead_marketplace.marketplace_purchase_items where purchase_id = $1",
        [purchase],
        changed(purchase, prices={}),
    )


W = Marketplace


# Lists of leads, the same rules for three functions


@recipe_of(W)
def bad_lists(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead()
    yield fact
    workspace = draw(st.sampled_from(world.workspaces))
    for leads in ([], None, [lead, None], [None], [lead, lead]):
        yield Call("validate_and_lock_leads_for_purchase", [leads, workspace])
        yield Call("create_lead_purchase", [leads, workspace, "card", None])
        yield Call("mark_leads_sold_bulk", [leads])


@recipe_of(W)
def unknown_buyer(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead()
    yield fact
    nobody = world.any_id(draw)
    yield Call("validate_and_lock_leads_for_purchase", [[lead], nobody])
    yield Call("create_lead_purchase", [[lead], nobody, "credits", None])


@recipe_of(W)
def not_for_sale(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead()
    yield fact
    sold = yield from world.paid(draw)
    taken = world.state.purchases[sold].lead_ids
    leads = draw(st.sampled_from([[lead, world.uuid()], taken, [*taken, lead], [world.uuid()]]))
    workspace = draw(st.sampled_from(world.workspaces))
    yield Call("validate_and_lock_leads_for_purchase", [leads, workspace])
    yield Call("create_lead_purchase", [leads, workspace, "credits", None])


@recipe_of(W)
def for_sale(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead(draw(PRICES))
    yield fact
    workspace = draw(st.sampled_from(world.workspaces))
    yield Call("validate_and_lock_leads_for_purchase", [[lead], workspace])


@recipe_of(W)
def bulk_marking(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead()
    yield fact
    leads = [*draw(st.sets(st.sampled_from(sorted(world.state.leads)), max_size=2)), world.uuid()]
    yield Call("mark_leads_sold_bulk", [leads])
    yield Call("mark_leads_sold_bulk", [[lead]])
    yield Call("mark_leads_sold_bulk", [[lead]])


# Purchases


@recipe_of(W)
def unknown_method(world: W, draw: Draw) -> Steps:
    lead, fact = world.lead()
    yield fact
    method = draw(st.sampled_from(["cash", None, "", "Card"]))
    yield Call("create_lead_purchase", [[lead], world.any_id(draw), method, None])


@recipe_of(W)
def dear_leads(world: W, draw: Draw) -> Steps:
    first, fact = world.lead(LARGEST)
    yield fact
    second, fact = world.lead(draw(PRICES))
    yield fact
    workspace = draw(st.sampled_from(world.workspaces))
    yield Call("create_lead_purchase", [[first, second], workspace, "card", world.uuid()])


@recipe_of(W)
def purchase_under_a_key(world: W, draw: Draw) -> Steps:
    (first, fact), (second, other) = world.lead(), world.lead()
    yield fact
    yield other
    key, workspace = world.uuid(), draw(st.sampled_from(world.workspaces))
    right = [[first, second], workspace, "card", key]
    yield Call("create_lead_purchase", [[world.uuid()], workspace, "card", key])
    yield Call("create_lead_purchase", right)
    if draw(st.booleans()):
        yield Call("mark_leads_sold_bulk", [[first]])
    yield Call("create_lead_purchase", [[second, first], workspace, "card", key])
    wrong = [
        [[first], *right[1:]],
        [right[0], next(w for w in world.workspaces if w != workspace), "card", key],
        [*right[:2], "credits", key],
    ]
    yield Call("create_lead_purchase", draw(st.sampled_from(wrong)))


@recipe_of(W)
def invalid_payment(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw)
    yield world.completion(purchase, amount=draw(NO_AMOUNT))


@recipe_of(W)
def unknown_purchase(world: W, draw: Draw) -> Steps:
    nothing, workspace = world.any_id(draw), draw(st.sampled_from(world.workspaces))
    yield Call("complete_credit_lead_purchase", [nothing, workspace, draw(PRICES)])
    yield Call("complete_stripe_lead_purchase", [nothing, None])
    yield Call("settle_card_refund", [nothing, "re_1"])
    yield Call("refund_lead_purchase", [nothing, workspace])


@recipe_of(W)
def stranger(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, draw(st.sampled_from(["credits", "card"])))
    other = world.stranger_to(draw, world.state.purchases[purchase].workspace_id)
    yield world.completion(purchase, workspace=other)
    yield Call("refund_lead_purchase", [purchase, other])


@recipe_of(W)
def card_purchase_paid_with_credits(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, "card")
    yield world.completion(purchase)
    yield Call("refund_lead_purchase", [purchase, world.state.purchases[purchase].workspace_id])


@recipe_of(W)
def credit_purchase_paid_by_card(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw)
    yield Call("complete_stripe_lead_purchase", [purchase, None])
    yield Call("settle_card_refund", [purchase, "re_1"])


@recipe_of(W)
def purchase_of_nothing(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw)
    yield without_items(purchase)
    yield world.completion(purchase, amount=draw(PRICES))
    by_card = yield from world.bought(draw, "card")
    yield without_items(by_card)
    yield Call("complete_stripe_lead_purchase", [by_card, None])


@recipe_of(W)
def wrong_price(world: W, draw: Draw) -> Steps:
    purchase = yield from draw(st.sampled_from([world.bought, world.paid]))(draw)
    price = world.state.purchases[purchase].price
    yield world.completion(purchase, amount=draw(PRICES.filter(lambda amount: amount != price)))


@recipe_of(W)
def refunded_and_completed_again(world: W, draw: Draw) -> Steps:
    purchase = yield from world.paid(draw)
    workspace = world.state.purchases[purchase].workspace_id
    yield Call("refund_lead_purchase", [purchase, workspace])
    yield world.completion(purchase)
    yield Call("refund_lead_purchase", [purchase, workspace])


@recipe_of(W)
def paid_twice(world: W, draw: Draw) -> Steps:
    purchase = yield from world.paid(draw)
    if draw(st.booleans()):
        yield from world.funded(world.state.purchases[purchase].workspace_id, LARGEST)
    yield world.completion(purchase)


@recipe_of(W)
def paid_too_late(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw)
    yield expired(purchase)
    yield world.completion(purchase)
    yield world.completion(purchase)
    yield Call("refund_lead_purchase", [purchase, world.state.purchases[purchase].workspace_id])


@recipe_of(W)
def sold_meanwhile(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, leads=2)
    yield Call("mark_leads_sold_bulk", [world.state.purchases[purchase].lead_ids[:1]])
    yield world.completion(purchase)


@recipe_of(W)
def too_few_credits(world: W, draw: Draw) -> Steps:
    workspace = draw(st.sampled_from(world.workspaces))
    yield from world.emptied(workspace)
    purchase = yield from world.bought(draw, workspace=workspace)
    yield world.completion(purchase)


@recipe_of(W)
def accounts_that_are_full(world: W, draw: Draw) -> Steps:
    purchase = yield from world.paid(draw)
    workspace = world.state.purchases[purchase].workspace_id
    yield from world.filled_up(workspace)
    top_up = yield from world.top_up(draw, workspace)
    yield Call("refund_lead_purchase", [purchase, workspace])
    credits = world.state.credit_purchases[top_up].credits
    yield Call("complete_stripe_credit_purchase", [top_up, workspace, credits])
    yield Call("add_workspace_credits", [workspace, draw(PRICES), "gift", world.uuid()])
    yield from world.emptied(workspace)


# Cards


@recipe_of(W)
def card_paid_twice(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, "card", leads=2)
    yield Call("complete_stripe_lead_purchase", [purchase, "url"])
    yield Call("complete_stripe_lead_purchase", [purchase, "url"])
    yield Call("complete_stripe_lead_purchase", [purchase, draw(st.sampled_from([None, "", "no"]))])


@recipe_of(W)
def card_paid_too_late(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, "card")
    if draw(st.booleans()):
        yield expired(purchase)
    else:
        yield Call("mark_leads_sold_bulk", [world.state.purchases[purchase].lead_ids])
    yield Call("complete_stripe_lead_purchase", [purchase, None])
    yield Call("complete_stripe_lead_purchase", [purchase, None])
    refund = f"re_{world.uuid()}"
    yield Call("settle_card_refund", [purchase, refund])
    yield Call("complete_stripe_lead_purchase", [purchase, None])
    yield Call("settle_card_refund", [purchase, refund])
    yield Call("settle_card_refund", [purchase, f"re_{world.uuid()}"])
    other = yield from world.paid(draw, "card")
    yield Call("settle_card_refund", [other, refund])


@recipe_of(W)
def card_refund_of_nothing(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, "card")
    yield Call("settle_card_refund", [purchase, draw(st.sampled_from([None, "", "  "]))])
    yield Call("settle_card_refund", [purchase, "re_1"])


@recipe_of(W)
def expiry(world: W, draw: Draw) -> Steps:
    purchase = yield from world.bought(draw, draw(st.sampled_from(["credits", "card"])))
    if draw(st.booleans()):
        yield expired(purchase)
    yield Call("expire_lead_purchases", [draw(st.sampled_from([*world.workspaces, None]))])
    yield Call("expire_lead_purchases", [None])


# Credits


@recipe_of(W)
def bad_grants(world: W, draw: Draw) -> Steps:
    workspace, amount = draw(st.sampled_from(world.workspaces)), draw(PRICES)
    yield Call("add_workspace_credits", [workspace, draw(NO_AMOUNT), None, None])
    nothing = draw(st.sampled_from(["", "  ", None]))
    yield Call("add_workspace_credits", [world.any_id(draw), amount, nothing, None])
    yield Call("add_workspace_credits", [world.any_id(draw), amount, "gift", None])


@recipe_of(W)
def grant_under_a_key(world: W, draw: Draw) -> Steps:
    workspace, key = draw(st.sampled_from(world.workspaces)), world.uuid()
    yield from world.emptied(workspace)
    yield Call("add_workspace_credits", [workspace, Decimal(10), "gift", key])
    yield Call("add_workspace_credits", [workspace, Decimal(5), "gift", None])
    yield Call("add_workspace_credits", [workspace, Decimal("10.00"), "gift", key])
    wrong = [
        [next(w for w in world.workspaces if w != workspace), Decimal(10), "gift", key],
        [workspace, Decimal(20), "gift", key],
        [workspace, Decimal(10), "another", key],
    ]
    yield Call("add_workspace_credits", draw(st.sampled_from(wrong)))


@recipe_of(W)
def credit_purchase_under_a_key(world: W, draw: Draw) -> Steps:
    workspace, key = draw(st.sampled_from(world.workspaces)), world.uuid()
    yield Call("create_credit_purchase", [workspace, draw(NO_AMOUNT), key])
    yield Call("create_credit_purchase", [world.any_id(draw), Decimal(5), key])
    yield Call("create_credit_purchase", [workspace, Decimal(5), key])
    yield Call("create_credit_purchase", [workspace, Decimal("5.00"), key])
    other = next(each for each in world.workspaces if each != workspace)
    wrong = [[workspace, Decimal(6), key], [other, Decimal(5), key]]
    yield Call("create_credit_purchase", draw(st.sampled_from(wrong)))


@recipe_of(W)
def credits_paid_by_card(world: W, draw: Draw) -> Steps:
    top_up = yield from world.top_up(draw)
    bought = world.state.credit_purchases[top_up]
    workspace, credits = bought.workspace_id, bought.credits
    yield Call("complete_stripe_credit_purchase", [top_up, workspace, draw(NO_AMOUNT)])
    yield Call("complete_stripe_credit_purchase", [world.any_id(draw), workspace, credits])
    stranger = world.stranger_to(draw, workspace)
    yield Call("complete_stripe_credit_purchase", [top_up, stranger, credits])
    yield Call("complete_stripe_credit_purchase", [top_up, workspace, credits + 1])
    yield Call("complete_stripe_credit_purchase", [top_up, workspace, credits])
    yield Call("complete_stripe_credit_purchase", [top_up, workspace, credits])
