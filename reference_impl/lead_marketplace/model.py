"""The lead marketplace as a pure state machine: what each function of ``functions/`` must do.

A function here has the name and the arguments of the one in SQL, and is given what only the server
knows (``now``, ``new_id``). It returns the next state and the row that the caller gets, or raises
:class:`Refused` with the message of the P0001; the state then stays as it was. Nothing is read,
written or drawn. Calls come one after another here: there is nothing to wait for and no 55P03.

Ids are UUIDs, amounts are credits as ``Decimal``, times are aware datetimes. Times that no outcome
depends on (created_at, sold_at, completed_at, ...) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rpds import HashTrieMap, List

if TYPE_CHECKING:
    from crossfoot.history.asking import Call, Parts
    from crossfoot.history.ledger import Entry as LedgerEntry

CENT = Decimal("0.01")
LARGEST = Decimal("9999999999.99")
LIFETIME = timedelta(hours=24)

Kind = Literal["grant", "top_up", "purchase", "refund"]


@dataclass(frozen=True)
class Lead:
    """A lead. It is sold at most once, and a refund doesn't undo that."""

    price: Decimal | None
    status: Literal["draft", "available", "sold"] = "available"
    listed: bool = True
    sold_count: int = 0

    @property
    def for_sale(self) -> bool:
        """Say whether it can be bought."""
        return self.status == "available" and self.listed and self.price is not None


@dataclass(frozen=True)
class Purchase:
    """A workspace's purchase: ``prices`` by lead. ``sold`` says that its items are sold."""

    id: UUID
    workspace_id: UUID
    method: str
    prices: Mapping[UUID, Decimal]
    expires_at: datetime
    request_key: UUID | None = None
    status: Literal["pending", "completed", "failed", "refund_due", "refunded"] = "pending"
    sold: bool = False
    download_url: str | None = None
    stripe_refund_id: str | None = None

    @property
    def lead_ids(self) -> list[UUID]:
        """Return the leads in the order in which their rows are locked."""
        return sorted(self.prices)

    @property
    def price(self) -> Decimal:
        """Return what all of it costs."""
        return sum(self.prices.values(), Decimal(0))


@dataclass(frozen=True)
class CreditPurchase:
    """Credits that are bought by card."""

    id: UUID
    workspace_id: UUID
    credits: Decimal
    request_key: UUID | None = None
    status: Literal["pending", "completed"] = "pending"


@dataclass(frozen=True)
class Grant:
    """Credits that were given."""

    id: UUID
    workspace_id: UUID
    amount: Decimal
    reason: str
    request_key: UUID | None = None


@dataclass(frozen=True)
class Entry:
    """One movement of credit. ``reference`` is the purchase, credit purchase or grant."""

    workspace_id: UUID
    amount: Decimal
    balance_before: Decimal
    balance_after: Decimal
    kind: Kind
    reference: UUID


@dataclass(frozen=True)
class State:
    """All there is. A workspace without an account has never had a credit.

    A state shares what hasn't changed with the one before it. ``requests`` has the id of the record
    that was made under each request key, ``posted`` the first entry of each kind for a purchase,
    credit purchase or grant; the newest of the ``entries`` is the first.
    """

    workspaces: frozenset[UUID] = frozenset()
    leads: HashTrieMap[UUID, Lead] = field(default_factory=HashTrieMap)
    accounts: HashTrieMap[UUID, Decimal] = field(default_factory=HashTrieMap)
    purchases: HashTrieMap[UUID, Purchase] = field(default_factory=HashTrieMap)
    credit_purchases: HashTrieMap[UUID, CreditPurchase] = field(default_factory=HashTrieMap)
    grants: HashTrieMap[UUID, Grant] = field(default_factory=HashTrieMap)
    requests: HashTrieMap[tuple[type, Id], UUID] = field(default_factory=HashTrieMap)
    posted: HashTrieMap[tuple[Kind, UUID], Entry] = field(default_factory=HashTrieMap)
    entries: List[Entry] = field(default_factory=List)


class Refused(Exception):  # noqa: N818 (a business answer, not an error)
    """A refusal: P0001 with this message, and nothing has changed."""


# What a caller may send: SQL has no argument that can't be NULL.
Id = UUID | None
Amount = Decimal | None
Text = str | None
LeadIds = Sequence[UUID | None] | None

Row = dict[str, object]
Step = tuple[State, Row]


def validate_and_lock_leads_for_purchase(
    state: State, lead_ids: LeadIds, buyer_workspace_id: Id
) -> tuple[State, list[Row]]:
    """Return id and price of the leads if all of them can be bought now. Changes nothing."""
    wanted = _lead_ids(lead_ids)
    _workspace(state, buyer_workspace_id)
    _all_for_sale(state, wanted)
    return state, [{"id": key, "marketplace_price": state.leads[key].price} for key in wanted]


def create_lead_purchase(
    state: State,
    lead_ids: LeadIds,
    buyer_workspace_id: Id,
    payment_method: Text,
    request_key: Id = None,
    *,
    new_id: UUID,
    now: datetime,
) -> Step:
    """Write a pending purchase down at today's prices. It claims nothing."""
    wanted = _lead_ids(lead_ids)
    if payment_method is None or payment_method not in ("credits", "card"):
        raise Refused(f"Unknown payment method: {_text(payment_method)}")
    buyer = _workspace(state, buyer_workspace_id)

    if first := state.requests.get((Purchase, request_key)):
        made = state.purchases[first]
        if (made.workspace_id, made.method, made.lead_ids) != (buyer, payment_method, wanted):
            raise _conflict(request_key)
        return state, {"create_lead_purchase": first}

    _all_for_sale(state, wanted)
    prices = {key: state.leads[key].price or Decimal(0) for key in wanted}
    made = Purchase(new_id, buyer, payment_method, prices, now + LIFETIME, request_key)
    if made.price > LARGEST:
        raise Refused(f"Price is too large: {made.price:.2f}")
    return _with(state, made), {"create_lead_purchase": new_id}


def complete_credit_lead_purchase(
    state: State, purchase_id: Id, workspace_id: Id, credit_amount: Amount, *, now: datetime
) -> Step:
    """Take the credits, sell the leads and complete the purchase. A refusal is a row here."""

    def refused(reason: object, balance: Amount = None) -> Row:
        return _completion(False, balance, error_message=str(reason), already_completed=False)

    try:
        given = _credit_amount(credit_amount)
        purchase = _purchase(state, purchase_id, "credits", workspace_id)
        if not purchase.prices:
            raise Refused(f"No leads found for purchase: {purchase_id}")
        if given != purchase.price:
            required = f"Given: {given:f}, Required: {purchase.price:.2f}"
            raise Refused(f"Credit amount differs from the price. {required}")
        if purchase.status not in ("pending", "completed"):
            raise Refused(f"Purchase cannot be completed. Status: {purchase.status}")
    except Refused as reason:
        return state, refused(reason)

    if purchase.status == "completed":
        first = state.posted["purchase", purchase.id].balance_after
        return state, _completion(True, first, error_message=None, already_completed=True)

    try:
        if purchase.expires_at <= now:
            raise Refused(f"Purchase has expired: {purchase_id}")
        _all_for_sale(state, purchase.lead_ids)
    except Refused as reason:
        return _with(state, replace(purchase, status="failed")), refused(reason)

    balance = state.accounts.get(purchase.workspace_id, Decimal("0.00"))
    if balance < purchase.price:
        counts = f"Current: {balance:.2f}, Required: {purchase.price:.2f}"
        return state, refused(f"Insufficient credits. {counts}", balance)

    paid, after = _post(state, purchase.workspace_id, -purchase.price, "purchase", purchase.id)
    sold = _with(_sell(paid, purchase.lead_ids), replace(purchase, status="completed", sold=True))
    return sold, _completion(True, after, error_message=None, already_completed=False)


def complete_stripe_lead_purchase(
    state: State, purchase_id: Id, download_url: Text = None, *, now: datetime
) -> Step:
    """Sell what a card has paid for; where that is no longer possible, owe the money back."""

    def row(success: bool, already: bool, leads: list[UUID]) -> Row:
        return {"success": success, "already_completed": already, "lead_ids_marked": leads}

    purchase = _purchase(state, purchase_id, "card")
    leads = purchase.lead_ids
    if not leads:
        raise Refused(f"No leads found for purchase: {purchase_id}")
    if purchase.status == "completed":
        if purchase.download_url != download_url:
            raise Refused(f"Purchase was completed with another download URL: {purchase_id}")
        return state, row(True, True, leads)

    in_time = purchase.status == "pending" and purchase.expires_at > now
    if in_time and all(state.leads[key].for_sale for key in leads):
        done = replace(purchase, status="completed", sold=True, download_url=download_url)
        return _with(_sell(state, leads), done), row(True, False, leads)
    if purchase.status in ("pending", "failed"):
        state = _with(state, replace(purchase, status="refund_due"))
    return state, row(False, False, [])


def mark_leads_sold_bulk(state: State, lead_ids: LeadIds) -> Step:
    """Mark leads sold that were sold elsewhere; count those that were available."""
    wanted = _lead_ids(lead_ids)
    found = [key for key in wanted if key in state.leads]
    if len(found) < len(wanted):
        counts = f"Requested: {len(wanted)}, Found: {len(found)}"
        raise Refused(f"Some leads do not exist. {counts}")
    moved = [key for key in found if state.leads[key].status == "available"]
    return _sell(state, moved), {"leads_marked": len(moved)}


def refund_lead_purchase(state: State, purchase_id: Id, workspace_id: Id) -> Step:
    """Give the credits of a completed purchase back, once. The leads stay sold."""
    purchase = _purchase(state, purchase_id, "credits", workspace_id)
    if purchase.status == "refunded":
        first = state.posted["refund", purchase.id].balance_after
        return state, _completion(True, first, already_refunded=True)
    if purchase.status != "completed":
        raise Refused(f"Purchase cannot be refunded. Status: {purchase.status}")
    charged = -state.posted["purchase", purchase.id].amount
    paid, after = _post(state, purchase.workspace_id, charged, "refund", purchase.id)
    refunded = _with(paid, replace(purchase, status="refunded"))
    return refunded, _completion(True, after, already_refunded=False)


def settle_card_refund(state: State, purchase_id: Id, stripe_refund_id: Text) -> Step:
    """Record that a card payment was paid back at Stripe."""
    refund_id = _filled(stripe_refund_id, "Stripe refund id")
    purchase = _purchase(state, purchase_id, "card")
    if purchase.status == "refunded":
        if purchase.stripe_refund_id != refund_id:
            raise Refused(f"Purchase was refunded by another Stripe refund: {purchase_id}")
        return state, {"success": True, "already_refunded": True}
    if purchase.status not in ("completed", "refund_due"):
        raise Refused(f"Purchase cannot be refunded. Status: {purchase.status}")
    if any(other.stripe_refund_id == refund_id for other in state.purchases.values()):
        raise Refused(f"Stripe refund was used for another purchase: {refund_id}")
    refunded = replace(purchase, status="refunded", stripe_refund_id=refund_id)
    return _with(state, refunded), {"success": True, "already_refunded": False}


def expire_lead_purchases(state: State, workspace_id: Id = None, *, now: datetime) -> Step:
    """Turn pending purchases past their expiry into failed ones: one workspace's, or all."""
    due = {
        key: replace(purchase, status="failed")
        for key, purchase in state.purchases.items()
        if purchase.status == "pending"
        and purchase.expires_at <= now
        and workspace_id in (None, purchase.workspace_id)
    }
    after = replace(state, purchases=state.purchases.update(due)) if due else state
    return after, {"purchases_expired": len(due)}


def add_workspace_credits(
    state: State,
    workspace_id: Id,
    amount: Amount,
    reason: Text,
    request_key: Id = None,
    *,
    new_id: UUID,
) -> Step:
    """Give a workspace credits."""
    given = _credit_amount(amount)
    why = _filled(reason, "Reason")
    receiver = _workspace(state, workspace_id)

    if first := state.requests.get((Grant, request_key)):
        grant = state.grants[first]
        if (grant.workspace_id, grant.amount, grant.reason) != (receiver, given, why):
            raise _conflict(request_key)
        balance = state.posted["grant", first].balance_after
        return state, {"new_credit_balance": balance, "already_added": True}

    state = _with(state, Grant(new_id, receiver, given, why, request_key))
    after, balance = _post(state, receiver, given, "grant", new_id)
    return after, {"new_credit_balance": balance, "already_added": False}


def create_credit_purchase(
    state: State, workspace_id: Id, credits: Amount, request_key: Id = None, *, new_id: UUID
) -> Step:
    """Write down how many credits are about to be bought by card."""
    given = _credit_amount(credits)
    buyer = _workspace(state, workspace_id)

    if first := state.requests.get((CreditPurchase, request_key)):
        made = state.credit_purchases[first]
        if (made.workspace_id, made.credits) != (buyer, given):
            raise _conflict(request_key)
        return state, {"create_credit_purchase": first}

    made = CreditPurchase(new_id, buyer, given, request_key)
    return _with(state, made), {"create_credit_purchase": new_id}


def complete_stripe_credit_purchase(
    state: State, credit_purchase_id: Id, workspace_id: Id, credits: Amount
) -> Step:
    """Credit a workspace with what a card has paid for, once."""
    given = _credit_amount(credits)
    purchase = state.credit_purchases.get(credit_purchase_id) if credit_purchase_id else None
    if purchase is None:
        raise Refused(f"Credit purchase not found: {_text(credit_purchase_id)}")
    if purchase.workspace_id != workspace_id:
        raise Refused(f"Credit purchase belongs to another workspace: {purchase.id}")
    if purchase.credits != given:
        required = f"Given: {given:f}, Required: {purchase.credits:.2f}"
        raise Refused(f"Credit amount differs from the credit purchase. {required}")
    if purchase.status == "completed":
        first = state.posted["top_up", purchase.id].balance_after
        return state, _completion(True, first, already_completed=True)

    paid, after = _post(state, workspace_id, given, "top_up", purchase.id)
    credited = _with(paid, replace(purchase, status="completed"))
    return credited, _completion(True, after, already_completed=False)


def _credit_amount(amount: Amount) -> Decimal:
    """Return the amount if it is a positive number of credits with at most two decimals."""
    if amount is None or not amount.is_finite() or not 0 < amount <= LARGEST:
        raise Refused(f"Invalid credit amount: {_text(amount)}")
    if amount != amount.quantize(CENT):
        raise Refused(f"Invalid credit amount: {_text(amount)}")
    return amount


def _filled(text: Text, what: str) -> str:
    if text is None or not text.strip(" "):
        raise Refused(f"{what} is missing")
    return text


def _lead_ids(lead_ids: LeadIds) -> list[UUID]:
    """Return the ids in the order in which the rows are locked."""
    if not lead_ids:
        raise Refused("No leads given")
    known = sorted(key for key in lead_ids if key is not None)
    if len(known) < len(lead_ids):
        raise Refused("A lead id is null")
    if len(set(known)) < len(known):
        raise Refused("A lead is given twice")
    return known


def _workspace(state: State, workspace_id: Id) -> UUID:
    if workspace_id is None or workspace_id not in state.workspaces:
        raise Refused(f"Workspace not found: {_text(workspace_id)}")
    return workspace_id


def _purchase(state: State, purchase_id: Id, method: str, *buyer: Id) -> Purchase:
    """Return the purchase, if it is paid this way and, where one is named, by this buyer."""
    purchase = state.purchases.get(purchase_id) if purchase_id else None
    if purchase is None:
        raise Refused(f"Purchase not found: {_text(purchase_id)}")
    if buyer and buyer != (purchase.workspace_id,):
        raise Refused(f"Purchase belongs to another workspace: {purchase_id}")
    if purchase.method != method:
        how = "with credits" if method == "credits" else "by card"
        raise Refused(f"Purchase is not paid {how}: {purchase_id}")
    return purchase


def _all_for_sale(state: State, wanted: Sequence[UUID]) -> None:
    found = [key for key in wanted if key in state.leads and state.leads[key].for_sale]
    if len(found) < len(wanted):
        counts = f"Requested: {len(wanted)}, Available: {len(found)}"
        raise Refused(f"Some leads are no longer available for purchase. {counts}")


def _conflict(request_key: Id) -> Refused:
    return Refused(f"Request key was used with other arguments: {request_key}")


def _sell(state: State, lead_ids: Sequence[UUID]) -> State:
    if not lead_ids:
        return state
    sold = {
        key: replace(state.leads[key], status="sold", sold_count=state.leads[key].sold_count + 1)
        for key in lead_ids
    }
    return replace(state, leads=state.leads.update(sold))


def _post(
    state: State, workspace_id: UUID, amount: Decimal, kind: Kind, reference: UUID
) -> tuple[State, Decimal]:
    """Move credit: the balance and the entry that explains it, always together."""
    before = state.accounts.get(workspace_id, Decimal("0.00"))
    after = before + amount
    if after > LARGEST:
        raise Refused(f"Credit balance would be too large: {after:f}")
    after = after.quantize(CENT)
    entry = Entry(workspace_id, amount, before, after, kind, reference)
    first = state.posted.get((kind, reference), entry)
    moved = replace(
        state,
        accounts=state.accounts.insert(workspace_id, after),
        posted=state.posted.insert((kind, reference), first),
        entries=state.entries.push_front(entry),
    )
    return moved, after


def _with(state: State, record: Purchase | CreditPurchase | Grant) -> State:
    """Write a record down, new or changed. Without a request key every request is a new one."""
    key = record.id
    requests = state.requests
    if record.request_key is not None:
        requests = requests.insert((type(record), record.request_key), key)
    match record:
        case Purchase():
            purchases = state.purchases.insert(key, record)
            return replace(state, purchases=purchases, requests=requests)
        case CreditPurchase():
            credit_purchases = state.credit_purchases.insert(key, record)
            return replace(state, credit_purchases=credit_purchases, requests=requests)
        case Grant():
            return replace(state, grants=state.grants.insert(key, record), requests=requests)


def _completion(success: bool, balance: Amount, **more: object) -> Row:
    return {"success": success, "new_credit_balance": balance, **more}


def _text(value: Decimal | UUID | Text) -> str:
    """Write a value as PostgreSQL does in a message."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "<NULL>" if value is None else str(value)


# What a history is checked with (crossfoot check): a workspace by its id, "lead ..." (sold once) and
# "request ..." (one key, one answer), each by itself. To a workspace a purchase stands for its leads.

_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_GONE = "no longer available"
_CREATES = {"create_lead_purchase", "create_credit_purchase"}
_SELLS = {"complete_credit_lead_purchase", "complete_stripe_lead_purchase"}
_LOOKS = {"validate_and_lock_leads_for_purchase", "create_lead_purchase"}
MOST_CALLS = 1_000_000  # of one account: a state shares nearly all with the one before it
# What others have, the price and the hour aren't in one workspace's history.
ELSEWHERE = (
    "*not found*",
    "*belongs to another*",
    "*is not paid*",
    "*used with other arguments*",
    "*amount differs from*",
    "*Invalid credit amount*",
    "*has expired*",
    "*Status: failed*",
    "*is missing*",
    "*download URL*",
)


@lru_cache
def _id(text: object) -> UUID:
    """Return an id of a history as a UUID. Most calls name the same few again."""
    return UUID(str(text))


def touched(operation: str, arguments: Mapping[str, Any], parts: Parts) -> list[str]:
    """Return the leads that a call is about, and the request that it makes."""
    names: list[object] = []
    if operation in _SELLS:
        names += parts.get(str(arguments["purchase_id"]), ())
    elif operation in _LOOKS or operation == "mark_leads_sold_bulk":
        names += arguments["lead_ids"] or ()
    found = [f"lead {name}" for name in names if name is not None]
    if operation in _CREATES and arguments.get("request_key") is not None:
        found.append(f"request {arguments['request_key']}")
    return found


def meanwhile(name: str) -> list[tuple[str, dict[str, object]]]:
    """Return that a lead may be sold by a call of which this history doesn't tell."""
    kind, _, key = name.partition(" ")
    return [("mark_leads_sold_bulk", {"lead_ids": [key]})] if kind == "lead" else []


def opened(name: str, entries: Sequence[LedgerEntry], calls: Sequence[Call]) -> State:
    """Return the state of a workspace to which these entries have led; of a lead, that it is for sale."""
    kind, _, key = name.partition(" ")
    if kind == "lead":
        return State(leads=HashTrieMap({_id(key): Lead(CENT)}))
    if kind == "request":
        return State()
    workspace = _id(name)
    state = State(workspaces=frozenset({workspace}))
    # What is only asked to be refunded has no price that matters.
    for call in sorted(calls, key=lambda call: call.operation == "refund_lead_purchase"):
        state = _begun(state, workspace, call)
    for number, entry in enumerate(entries):
        state = _led_to(state, workspace, entry, UUID(int=number))
    return state


def _begun(state: State, workspace: UUID, call: Call) -> State:
    """Return the state with the purchase that a call is about, before anything was paid."""
    given = call.arguments
    if call.operation == "complete_stripe_credit_purchase":
        key = _id(given["credit_purchase_id"])
        credits = Decimal(str(given["credits"]))
        if call.ok or key not in state.credit_purchases:
            state = _with(state, CreditPurchase(key, workspace, credits))
    elif call.operation == "complete_credit_lead_purchase":
        key = _id(given["purchase_id"])
        asked = re.search(r"Required: (\d+\.\d+)", call.refusal)
        if call.ok or asked or key not in state.purchases:
            state = _with_purchase(
                state, workspace, key, Decimal(asked[1] if asked else str(given["credit_amount"]))
            )
    elif call.operation == "refund_lead_purchase":
        key = _id(given["purchase_id"])
        if key not in state.purchases:
            state = _with_purchase(state, workspace, key, CENT)
    return state


def _with_purchase(state: State, workspace: UUID, key: UUID, price: Decimal) -> State:
    leads = state.leads.insert(key, Lead(price))
    pending = Purchase(key, workspace, "credits", {key: price}, _NOW + LIFETIME)
    return _with(replace(state, leads=leads), pending)


def _led_to(state: State, workspace: UUID, entry: LedgerEntry, unnamed: UUID) -> State:
    """Return the state after an entry that was there before the first call."""
    amount, kind = Decimal(entry.amount).quantize(CENT), entry.kind
    key = _id(entry.reference) if entry.reference else unnamed
    if kind == "purchase":
        state = _with_purchase(state, workspace, key, -amount)
        bought = replace(state.purchases[key], status="completed", sold=True)
        state = _with(_sell(state, [key]), bought)
    elif kind == "refund":
        state = _with(state, replace(state.purchases[key], status="refunded"))
    elif kind == "top_up":
        state = _with(state, CreditPurchase(key, workspace, amount, status="completed"))
    return _post(state, workspace, amount, kind, key)[0]  # type: ignore[arg-type]


def called(state: State, name: str, call: Call) -> tuple[State, Row | str | None]:
    """Make a call that a history tells of, as far as it is about this workspace, lead or request."""
    kind, _, key = name.partition(" ")
    try:
        if kind == "lead":
            return _of_lead(state, _id(key), call)
        if kind == "request":
            return _of_request(state, call)
        return _of_workspace(state, call)
    except Refused as refusal:
        return state, str(refusal)


def _of_workspace(state: State, call: Call) -> tuple[State, Row | None]:
    given = call.arguments
    if _GONE in call.refusal:
        return state, None
    workspace = _id(given["workspace_id"])
    match call.operation:
        case "complete_credit_lead_purchase":
            key, amount = _id(given["purchase_id"]), Decimal(str(given["credit_amount"]))
            return complete_credit_lead_purchase(state, key, workspace, amount, now=_NOW)
        case "refund_lead_purchase":
            return refund_lead_purchase(state, _id(given["purchase_id"]), workspace)
        case "complete_stripe_credit_purchase":
            key, credits = _id(given["credit_purchase_id"]), Decimal(str(given["credits"]))
            return complete_stripe_credit_purchase(state, key, workspace, credits)
        case "add_workspace_credits":
            request = given.get("request_key")
            return add_workspace_credits(
                state,
                workspace,
                Decimal(str(given["amount"])),
                str(given["reason"]),
                None if request is None else _id(request),
                new_id=UUID(int=len(state.entries) << 64 | call.record.id),
            )
    return state, None


def _of_request(state: State, call: Call) -> tuple[State, Row | None]:
    """One key stands for one purchase: whoever sends it is told the same id."""
    told = call.answer.get(call.operation)
    if told is None:
        return state, None
    first = next(iter([*state.purchases, *state.credit_purchases]), None)
    if first is not None:
        return state, {call.operation: first}
    made = CreditPurchase(_id(told), UUID(int=0), CENT)
    return _with(state, made), {call.operation: made.id}


def _of_lead(state: State, lead: UUID, call: Call) -> tuple[State, Row | None]:
    """A lead is sold once. Who was told that it can be bought was told so before that."""
    ids = call.arguments.get("lead_ids")
    if call.operation == "mark_leads_sold_bulk":
        if not state.leads[lead].for_sale:
            return state, {"leads_marked": 0} if len(ids or ()) == 1 else None
        return _sell(state, [lead]), {"leads_marked": 1} if len(ids or ()) == 1 else None
    if call.operation not in _LOOKS:
        return _sale(state, lead, call)
    # A key that is sent again gets its first answer, also when the lead is gone by then.
    again = call.ok and call.arguments.get("request_key") is not None
    if again or (call.refusal and (_GONE not in call.refusal or len(ids or ()) > 1)):
        return state, None
    _all_for_sale(state, [lead])
    return state, {}


def _sale(state: State, lead: UUID, call: Call) -> tuple[State, Row | None]:
    key = _id(call.arguments["purchase_id"])
    for_sale = state.leads[lead].for_sale
    if call.refusal:
        alone = _GONE in call.refusal and len(call.parts[str(key)]) == 1
        return state, {"success": for_sale} if alone else None
    if key in state.purchases or not for_sale:
        return state, {"success": key in state.purchases}
    sold = Purchase(key, UUID(int=0), "credits", {lead: CENT}, _NOW, status="completed", sold=True)
    return _with(_sell(state, [lead]), sold), {"success": True}


def balance(state: State, name: str) -> Decimal:
    """Return how many credits a workspace has."""
    return state.accounts.get(_id(name), Decimal(0))
