"""Peer booking as a pure state machine: what each function of ``functions/`` must do.

A function here has the name and the arguments of the one in SQL, and is given what only the server
knows (``new_id``). It returns the next state and the row that the caller gets, or raises
:class:`Refused` with the message of the P0001; the state then stays as it was. The two functions
that answer with JSON answer refusals so, too. Nothing is read, written or drawn. Calls come one after
another here: there is nothing to wait for.

Ids are UUIDs, amounts whole credits, times aware datetimes. Times that no outcome depends on
(created_at, booked_at, ...) are left out, and so is the audit log, whose lines repeat the entries.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from rpds import HashTrieMap, List

if TYPE_CHECKING:
    from crossfoot.history.asking import Call
    from crossfoot.history.ledger import Entry as LedgerEntry

LARGEST = 2**31 - 1
LONGEST = 24 * 60

Kind = Literal["transfer", "booking", "refund"]
LEGS: dict[Kind, tuple[str, str]] = {
    "transfer": ("transfer_out", "transfer_in"),
    "booking": ("session_payment", "session_earning"),
    "refund": ("session_reversal", "session_refund"),
}
UPDATE_TYPES = ("bonus", "purchase", "spend", "adjustment")


@dataclass(frozen=True)
class Session:
    """What a client and a practitioner have agreed to. The cost is written down when it is paid."""

    client_id: UUID
    practitioner_id: UUID
    duration_minutes: int
    status: Literal["pending", "booked", "refunded", "cancelled"] = "pending"
    credit_cost: int | None = None
    refund_reason: str | None = None


@dataclass(frozen=True)
class Reference:
    """What the caller calls a request. The same one again is the same request."""

    id: UUID | None
    type: str | None


NO_REFERENCE = Reference(None, None)


@dataclass(frozen=True)
class Update:
    """A change of one balance that was asked for."""

    user_id: UUID
    amount: int
    transaction_type: str
    description: str | None
    reference: Reference

    @property
    def name(self) -> Hashable:
        """Return what makes it the same request when it comes again; None if nothing does."""
        return None if self.reference == NO_REFERENCE else ("update", self.reference)


@dataclass(frozen=True)
class Transfer:
    """Credits that one user has sent to another. ``earn_id`` is the receiver's transaction."""

    earn_id: UUID = field(compare=False)
    from_user_id: UUID
    to_user_id: UUID
    amount: int
    description: str | None
    reference: Reference

    @property
    def name(self) -> Hashable:
        """Return what makes it the same request when it comes again; None if nothing does."""
        return None if self.reference == NO_REFERENCE else ("transfer", self.reference)


@dataclass(frozen=True)
class Allocation:
    """Credits that were given: for a subscription's period or for an event."""

    user_id: UUID
    amount: int
    allocation_type: str
    subscription_id: UUID | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    event_id: str | None = None
    description: str | None = None

    @property
    def name(self) -> Hashable:
        """Return the period, or the event, that is given for once; None if it is neither."""
        period = self.subscription_id, self.period_start
        return self.event_id if self.allocation_type == "event" else period


@dataclass(frozen=True)
class OldTransaction:
    """A transaction from before the balance before it was kept."""

    user_id: UUID
    amount: int
    balance_after: int
    transaction_type: str
    created_at: datetime
    description: str | None = None


@dataclass(frozen=True)
class Entry:
    """One movement of credit."""

    user_id: UUID
    amount: int
    balance_before: int
    balance_after: int
    transaction_type: str
    description: str | None
    reference: Reference


@dataclass(frozen=True)
class State:
    """All there is. A user without an account has never had a credit.

    A state shares what hasn't changed with the one before it. ``updates`` are kept by the id of their
    transaction, ``transfers`` by that of the sender's; ``asked`` has the id of each request that has
    a name. The newest of the ``entries`` is the first; ``legs`` has the oldest of each type and
    reference's id.
    """

    users: frozenset[UUID] = frozenset()
    accounts: HashTrieMap[UUID, int] = field(default_factory=HashTrieMap)
    subscriptions: HashTrieMap[UUID, UUID] = field(default_factory=HashTrieMap)
    sessions: HashTrieMap[UUID, Session] = field(default_factory=HashTrieMap)
    updates: HashTrieMap[UUID, Update] = field(default_factory=HashTrieMap)
    transfers: HashTrieMap[UUID, Transfer] = field(default_factory=HashTrieMap)
    allocations: HashTrieMap[UUID, Allocation] = field(default_factory=HashTrieMap)
    asked: HashTrieMap[Hashable, UUID] = field(default_factory=HashTrieMap)
    old_transactions: HashTrieMap[UUID, OldTransaction] = field(default_factory=HashTrieMap)
    taken_over: frozenset[UUID] = frozenset()
    entries: List[Entry] = field(default_factory=List)
    legs: HashTrieMap[tuple[str, UUID | None], Entry] = field(default_factory=HashTrieMap)


class Refused(Exception):  # noqa: N818 (a business answer, not an error)
    """A refusal: P0001 with this message, and nothing has changed."""


# What a caller may send: SQL has no argument that can't be NULL.
Id = UUID | None
Amount = int | None
Text = str | None
Time = datetime | None

Row = dict[str, object]
Step = tuple[State, Row]


def update_credit_balance(
    state: State,
    user_id: Id,
    amount: Amount,
    transaction_type: Text,
    description: Text = None,
    reference_id: Id = None,
    reference_type: Text = None,
    *,
    new_id: UUID,
) -> Step:
    """Add to one user's balance, or take from it; return the transaction's id."""
    if not amount:
        raise Refused(f"Invalid credit amount: {_text(amount)}")
    if transaction_type is None or transaction_type not in UPDATE_TYPES:
        raise Refused(f"Unknown transaction type: {_text(transaction_type)}")
    if transaction_type != "adjustment" and (transaction_type == "spend") != (amount < 0):
        raise Refused(f"Invalid credit amount for {transaction_type}: {amount}")
    reference = _reference(reference_id, reference_type)
    user = _user(state, user_id)

    wanted = Update(user, amount, transaction_type, description, reference)
    if first := state.asked.get(wanted.name):
        _is_the_same(state.updates[first], wanted)
        return state, {"update_credit_balance": first}

    state = _recorded(state, new_id, wanted)
    state = _post(state, user, amount, transaction_type, description, reference)
    return state, {"update_credit_balance": new_id}


def credits_transfer(
    state: State,
    from_user_id: Id,
    to_user_id: Id,
    amount: Amount,
    reference_id: Id = None,
    reference_type: Text = None,
    description: Text = None,
    *,
    new_ids: tuple[UUID, UUID],
) -> Step:
    """Send credits from one user to another; return the ids of both transactions."""
    given = _amount(amount)
    reference = _reference(reference_id, reference_type)
    if from_user_id is not None and from_user_id == to_user_id:
        raise Refused(f"Sender and receiver are the same: {from_user_id}")
    sender, receiver = _user(state, from_user_id), _user(state, to_user_id)

    spend_id, earn_id = new_ids
    wanted = Transfer(earn_id, sender, receiver, given, description, reference)
    if first := state.asked.get(wanted.name):
        _is_the_same(state.transfers[first], wanted)
        return state, _legs(first, state.transfers[first].earn_id)

    state = _recorded(state, spend_id, wanted)
    state = _move(state, "transfer", sender, receiver, given, description, reference)
    return state, _legs(spend_id, earn_id)


def allocate_monthly_credits(
    state: State,
    user_id: Id,
    subscription_id: Id,
    amount: Amount,
    allocation_type: Text,
    period_start: Time,
    period_end: Time,
    *,
    new_id: UUID,
) -> Step:
    """Give a user the credits of a subscription's period, once; return the allocation's id."""
    given = _amount(amount)
    if allocation_type is None or allocation_type not in ("monthly", "yearly"):
        raise Refused(f"Unknown allocation type: {_text(allocation_type)}")
    if period_start is None or period_end is None or period_start >= period_end:
        raise Refused("Invalid period")
    user = _user(state, user_id)
    subscription = _subscription(state, subscription_id, user)

    wanted = Allocation(user, given, allocation_type, subscription, period_start, period_end)
    if first := state.asked.get(wanted.name):
        if state.allocations[first] != wanted:
            raise Refused(f"Period was allocated with other arguments: {subscription}")
        return state, {"allocate_monthly_credits": first}

    state = _recorded(state, new_id, wanted)
    why, reference = f"{allocation_type} credits", Reference(subscription, "subscription")
    state = _post(state, user, given, "session_earning", why, reference)
    return state, {"allocate_monthly_credits": new_id}


def allocate_user_credits(
    state: State,
    user_id: Id,
    amount: Amount,
    description: Text = None,
    event_id: Text = None,
    *,
    new_id: UUID,
) -> Step:
    """Give a user credits for an event, once; return the allocation's id."""
    given = _amount(amount)
    if event_id is not None and not event_id.strip(" "):
        raise Refused("Event id is blank")
    user = _user(state, user_id)

    wanted = Allocation(user, given, "event", event_id=event_id, description=description)
    if first := state.asked.get(wanted.name):
        if state.allocations[first] != wanted:
            raise Refused(f"Event was used with other arguments: {event_id}")
        return state, {"allocate_user_credits": first}

    state = _recorded(state, new_id, wanted)
    state = _post(state, user, given, "bonus", description, Reference(new_id, "event"))
    return state, {"allocate_user_credits": new_id}


def process_peer_booking_credits(
    state: State, client_id: Id, practitioner_id: Id, session_id: Id, duration_minutes: Amount
) -> Step:
    """Book a session: the client pays a credit per minute, the practitioner earns it."""
    cost = peer_credit_cost(duration_minutes)
    try:
        if cost is None:
            raise Refused(f"Invalid duration: {_text(duration_minutes)}")
        state = _booked(state, client_id, practitioner_id, session_id, cost)
    except Refused as reason:
        answer = _json(success=False, error=str(reason), credit_cost=cost)
        return state, {"process_peer_booking_credits": answer}

    paid, earned = _legs_of_session(state, "booking", session_id)
    answer = _json(
        success=True,
        credit_cost=cost,
        client_balance_before=paid.balance_before,
        client_balance_after=paid.balance_after,
        practitioner_balance_before=earned.balance_before,
        practitioner_balance_after=earned.balance_after,
    )
    return state, {"process_peer_booking_credits": answer}


def process_peer_booking_refund(state: State, session_id: Id, reason: Text) -> Step:
    """Give a client back what a session cost, once; the practitioner has to have it still."""
    try:
        state = _refunded(state, session_id, reason)
    except Refused as refusal:
        answer = _json(success=False, error=str(refusal), credits_refunded=0)
        return state, {"process_peer_booking_refund": answer}

    taken, returned = _legs_of_session(state, "refund", session_id)
    answer = _json(
        success=True,
        credits_refunded=returned.amount,
        client_balance_before=returned.balance_before,
        client_balance_after=returned.balance_after,
        practitioner_balance_before=taken.balance_before,
        practitioner_balance_after=taken.balance_after,
    )
    return state, {"process_peer_booking_refund": answer}


def backfill_balance_before(state: State, user_id: Id) -> Step:
    """Take a user's old transactions over; return how many of them the ledger has."""
    user = _user(state, user_id)
    old = {key: row for key, row in state.old_transactions.items() if row.user_id == user}
    opened = state
    if user not in state.accounts:
        opened = replace(state, accounts=state.accounts.insert(user, 0))
    if state.taken_over.issuperset(old):
        return opened, {"backfill_balance_before": len(old)}
    if any(entry.user_id == user for entry in state.entries):
        raise Refused(f"Account has newer transactions: {user}")

    order = sorted(old, key=lambda key: (old[key].created_at, key))
    before = 0
    for key in order:
        if before + old[key].amount != old[key].balance_after:
            raise Refused(f"Old transactions do not follow each other: {key}")
        before = old[key].balance_after
    for row in (old[key] for key in order):
        kind, why = row.transaction_type, row.description
        opened = _post(opened, user, row.amount, kind, why, NO_REFERENCE)
    taken_over = state.taken_over.union(old)
    return replace(opened, taken_over=taken_over), {"backfill_balance_before": len(old)}


def reconcile_credits(state: State) -> tuple[State, list[Row]]:
    """List the accounts whose entries don't sum to the balance.

    Broken chains and entries without an account can't come about here.
    """
    sums = dict.fromkeys(state.accounts, 0)
    for entry in state.entries:
        sums[entry.user_id] += entry.amount
    return state, [
        {
            "problem": "balance_differs",
            "user_id": user,
            "entry_no": None,
            "expected": sums[user],
            "actual": balance,
        }
        for user, balance in sorted(state.accounts.items())
        if balance != sums[user]
    ]


def peer_credit_cost(duration_minutes: Amount) -> int | None:
    """Return what a session costs: one credit per minute. None where no session lasts so long."""
    if duration_minutes is None or not 1 <= duration_minutes <= LONGEST:
        return None
    return duration_minutes


def _booked(state: State, client_id: Id, practitioner_id: Id, session_id: Id, cost: int) -> State:
    """Return the state in which the session is booked; the same one if it is already."""
    if client_id is not None and client_id == practitioner_id:
        raise Refused(f"Client and practitioner are the same: {client_id}")
    key, session = _session(state, session_id)
    if (session.client_id, session.practitioner_id) != (client_id, practitioner_id):
        raise Refused(f"Session has another client or practitioner: {key}")
    if session.duration_minutes != cost:
        minutes = f"Given: {cost}, Required: {session.duration_minutes}"
        raise Refused(f"Session has another duration. {minutes}")
    if session.status not in ("pending", "booked"):
        raise Refused(f"Session cannot be booked. Status: {session.status}")
    if session.status == "booked":
        return state

    reference = Reference(key, "peer_session")
    paid = _move(
        state, "booking", session.client_id, session.practitioner_id, cost, None, reference
    )
    booked = replace(session, status="booked", credit_cost=cost)
    return replace(paid, sessions=paid.sessions.insert(key, booked))


def _refunded(state: State, session_id: Id, reason: Text) -> State:
    """Return the state in which the session is refunded; the same one if it is already."""
    if reason is None or not reason.strip(" "):
        raise Refused("Reason is missing")
    key, session = _session(state, session_id)
    if session.status == "refunded" and session.refund_reason != reason:
        raise Refused(f"Session was refunded for another reason: {key}")
    if session.status not in ("booked", "refunded"):
        raise Refused(f"Session cannot be refunded. Status: {session.status}")
    if session.status == "refunded":
        return state

    cost = session.credit_cost or 0
    reference = Reference(key, "peer_session")
    paid = _move(
        state, "refund", session.practitioner_id, session.client_id, cost, reason, reference
    )
    refunded = replace(session, status="refunded", refund_reason=reason)
    return replace(paid, sessions=paid.sessions.insert(key, refunded))


def _amount(amount: Amount) -> int:
    if amount is None or amount <= 0:
        raise Refused(f"Invalid credit amount: {_text(amount)}")
    return amount


def _reference(reference_id: Id, reference_type: Text) -> Reference:
    half = (reference_id is None) != (reference_type is None)
    if half or (reference_type is not None and not reference_type.strip(" ")):
        raise Refused("Reference is incomplete")
    return Reference(reference_id, reference_type)


def _user(state: State, user_id: Id) -> UUID:
    if user_id is None or user_id not in state.users:
        raise Refused(f"User not found: {_text(user_id)}")
    return user_id


def _subscription(state: State, subscription_id: Id, user_id: UUID) -> UUID:
    if subscription_id is None or subscription_id not in state.subscriptions:
        raise Refused(f"Subscription not found: {_text(subscription_id)}")
    if state.subscriptions[subscription_id] != user_id:
        raise Refused(f"Subscription belongs to another user: {subscription_id}")
    return subscription_id


def _session(state: State, session_id: Id) -> tuple[UUID, Session]:
    if session_id is None or session_id not in state.sessions:
        raise Refused(f"Session not found: {_text(session_id)}")
    return session_id, state.sessions[session_id]


def _is_the_same(earlier: Update | Transfer, wanted: Update | Transfer) -> None:
    if earlier != wanted:
        what = f"{wanted.reference.type} {wanted.reference.id}"
        raise Refused(f"Reference was used with other arguments: {what}")


def _recorded(state: State, key: UUID, wanted: Update | Transfer | Allocation) -> State:
    """Return the state with a new request, which is found by its name when it comes again."""
    asked = state.asked if wanted.name is None else state.asked.insert(wanted.name, key)
    match wanted:
        case Update():
            return replace(state, asked=asked, updates=state.updates.insert(key, wanted))
        case Transfer():
            return replace(state, asked=asked, transfers=state.transfers.insert(key, wanted))
        case Allocation():
            return replace(state, asked=asked, allocations=state.allocations.insert(key, wanted))


def _move(
    state: State,
    kind: Kind,
    payer: UUID,
    receiver: UUID,
    amount: int,
    description: Text,
    reference: Reference,
) -> State:
    """Move credit from one account to another: both entries or none."""
    spend_type, earn_type = LEGS[kind]
    spent = _post(state, payer, -amount, spend_type, description, reference)
    return _post(spent, receiver, amount, earn_type, description, reference)


def _post(
    state: State,
    user_id: UUID,
    amount: int,
    transaction_type: str,
    description: Text,
    reference: Reference,
) -> State:
    """Move credit: the balance and the entry that explains it, always together."""
    before = state.accounts.get(user_id, 0)
    after = before + amount
    if after < 0:
        spent = transaction_type == "session_reversal"
        why = "Practitioner has spent the credits." if spent else "Insufficient credits."
        raise Refused(f"{why} Current: {before}, Required: {-amount}")
    if after > LARGEST:
        raise Refused(f"Credit balance would be too large: {after}")
    entry = Entry(user_id, amount, before, after, transaction_type, description, reference)
    leg = transaction_type, reference.id
    return replace(
        state,
        accounts=state.accounts.insert(user_id, after),
        entries=state.entries.push_front(entry),
        legs=state.legs if leg in state.legs else state.legs.insert(leg, entry),
    )


def _legs_of_session(state: State, kind: Kind, session_id: Id) -> Sequence[Entry]:
    """Return the two entries of a session's booking or refund: the payer's and the receiver's."""
    return [state.legs[leg, session_id] for leg in LEGS[kind]]


def _legs(spend_id: UUID, earn_id: UUID) -> Row:
    return {"spend_transaction_id": spend_id, "earn_transaction_id": earn_id}


def _json(**members: object) -> str:
    """Write an object as PostgreSQL's json_build_object does."""
    return "{" + ", ".join(f'"{name}" : {json.dumps(m)}' for name, m in members.items()) + "}"


def _text(value: int | UUID | Text) -> str:
    """Write a value as PostgreSQL does in a message."""
    return "<NULL>" if value is None else str(value)


# What a history is checked with (crossfoot check): one user, as far as its own calls tell. Whoever is on
# the other side of a transfer has enough, and what it answers about that one's balance isn't compared.

_uuid = lru_cache(maxsize=1000)(UUID)  # the same few users are in one call after another
_PLENTY = LARGEST // 2
_SOMEBODY = UUID(int=0)
_SHORT = "Insufficient credits."
_SPENT = "Practitioner has spent the credits."
MOST_CALLS = 1_000_000  # of one account: a state shares nearly all with the one before it
# What was agreed with others, and what a reference means to them, isn't in one user's history.
ELSEWHERE = (
    "*not found*",
    "*used with other arguments*",
    "*Invalid *",
    "*Unknown *",
    "*are the same*",
    "*has another*",
    "*is incomplete*",
    "*is missing*",
    "*is blank*",
    "*belongs to another*",
    "*was allocated with other*",
    "*would be too large*",
    "*Status: cancelled*",
)


def touched(operation: str, arguments: Mapping[str, object], parts: object) -> tuple[str, ...]:
    """Return nothing more: a call is about the users that it names, or whose entries it left."""
    return ()


def opened(name: str, entries: Sequence[LedgerEntry], calls: Sequence[Call]) -> State:
    """Return the state of one user to which these entries have led."""
    user = _uuid(name)
    state = State(users=frozenset({user}), accounts=HashTrieMap({user: 0}))
    for call in calls:
        if call.operation == "process_peer_booking_credits":
            state = _agreed(state, call)
    for entry in entries:
        state = _led_to(state, user, entry)
    return state


def _agreed(state: State, call: Call) -> State:
    """Return the state with the session that a call books. What is refused may be about none."""
    given = call.arguments
    key = UUID(str(given["session_id"]))
    if not (call.ok or _SHORT in call.refusal or key not in state.sessions):
        return state
    client, practitioner = _uuid(str(given["client_id"])), _uuid(str(given["practitioner_id"]))
    session = Session(client, practitioner, int(given["duration_minutes"]))
    return replace(state, sessions=state.sessions.insert(key, session))


def _led_to(state: State, user: UUID, entry: LedgerEntry) -> State:
    """Return the state after an entry that was there before the first call."""
    amount, document = int(entry.amount), UUID(entry.reference)
    reference = Reference(document, None)
    for kind in ("booking", "refund"):
        if entry.kind not in LEGS[kind] or (kind == "booking" and document not in state.sessions):
            continue
        session = state.sessions[document]
        paid = session.client_id == user
        spent, earned = (user, _SOMEBODY) if paid == (kind == "booking") else (_SOMEBODY, user)
        after = _move(_rich(state, {_SOMEBODY}), kind, spent, earned, abs(amount), None, reference)
        status: Literal["booked", "refunded"] = "booked" if kind == "booking" else "refunded"
        changed = replace(session, status=status, credit_cost=abs(amount))
        return _alone(replace(after, sessions=after.sessions.insert(document, changed)), user)
    return _post(state, user, amount, entry.kind, None, reference)


def called(state: State, name: str, call: Call) -> tuple[State, Row | str | None]:
    """Make a call that a history tells of, as far as it is about this user."""
    user, given = _uuid(name), _with_ids(call.arguments)
    session = state.sessions.get(given.get("session_id", _SOMEBODY))
    if _lacks_elsewhere(user, given, session, call):
        return state, None
    parties = (session.client_id, session.practitioner_id) if session else ()
    others = {given.get(each) for each in _USERS}.union(parties) - {user, None}
    rich = _rich(state, others) if others else state
    try:
        after, row = _made(rich, given, call)
    except Refused as refusal:
        return state, str(refusal)
    if row is None:
        return state, None
    if after.entries is state.entries:  # nothing changes without one
        return state, _about(row, user, session)
    return _alone(after, user) if others else after, _about(row, user, session)


_USERS = ("user_id", "from_user_id", "to_user_id", "client_id", "practitioner_id")
_IDS = (*_USERS, "session_id", "subscription_id", "reference_id")
_TIMES = ("period_start", "period_end")


def _with_ids(arguments: Mapping[str, object]) -> dict[str, Any]:
    given: dict[str, Any] = dict(arguments)
    for name in _IDS:
        if given.get(name) is not None:
            given[name] = _uuid(str(given[name]))
    for name in _TIMES:
        if isinstance(given.get(name), str):
            given[name] = datetime.fromisoformat(given[name])
    return given


def _lacks_elsewhere(
    user: UUID, given: dict[str, Any], session: Session | None, call: Call
) -> bool:
    """Say whether it was refused for what somebody else doesn't have."""
    if _SHORT in call.refusal:
        return user not in (given.get("user_id"), given.get("from_user_id"), given.get("client_id"))
    return _SPENT in call.refusal and bool(session and session.practitioner_id != user)


def _rich(state: State, others: set[UUID]) -> State:
    """Return the state in which these others have plenty."""
    accounts = state.accounts.update(dict.fromkeys(others, _PLENTY))
    return replace(state, users=state.users.union(others), accounts=accounts)


def _alone(state: State, user: UUID) -> State:
    """Return the state without what was only supposed."""
    accounts = HashTrieMap({user: state.accounts[user]})
    return replace(state, users=frozenset({user}), accounts=accounts)


def _made(state: State, given: dict[str, Any], call: Call) -> tuple[State, Row | None]:
    told = [UUID(str(value)) for value in call.answer.values() if _is_id(value)]
    new = UUID(int=call.record.id)
    match call.operation:
        case "update_credit_balance":
            return update_credit_balance(state, **given, new_id=next(iter(told), new))
        case "credits_transfer":
            ids = (told[0], told[1]) if len(told) > 1 else (new, UUID(int=new.int << 64))
            return credits_transfer(state, **given, new_ids=ids)
        case "allocate_user_credits":
            return allocate_user_credits(state, **given, new_id=next(iter(told), new))
        case "allocate_monthly_credits":
            owned = state.subscriptions.insert(given["subscription_id"], given["user_id"])
            state = replace(state, subscriptions=owned)
            return allocate_monthly_credits(state, **given, new_id=next(iter(told), new))
        case "process_peer_booking_credits":
            return process_peer_booking_credits(state, **given)
        case "process_peer_booking_refund" if given["session_id"] in state.sessions:
            return process_peer_booking_refund(state, **given)
    return state, None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4


def _about(row: Row, user: UUID, session: Session | None) -> Row:
    """Return a row without the balances of anybody else."""
    if session is None:
        return row
    other = "practitioner_" if session.client_id == user else "client_"
    return {
        column: {
            name: value
            for name, value in json.loads(cast(str, answer)).items()
            if not name.startswith(other)
        }
        for column, answer in row.items()
    }


def balance(state: State, name: str) -> int:
    """Return how many credits a user has."""
    return state.accounts[_uuid(name)]
