"""Stripe idempotency as a pure state machine: what each function of ``functions/`` must do.

A function here has the name and the arguments of the one in SQL, and is given what only the server
knows (``now``, ``new_id``). It returns the next state and the row that the caller gets, or raises
:class:`Refused` with the message of the P0001; the state then stays as it was. Nothing is read,
written or drawn. Calls come one after another here: there is nothing to wait for.

Ids of users and of rows are UUIDs, other names are text, amounts are whole cents, times are aware
datetimes, JSON is text. Times that no outcome depends on (created_at, completed_at, ...) are left
out of the state, and lease_expires_at of the rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rpds import HashTrieMap, HashTrieSet, List

if TYPE_CHECKING:
    from crossfoot.history.asking import Call
    from crossfoot.history.ledger import Entry as LedgerEntry

LARGEST = 2147483647
LONGEST_LEASE = 3600
KEY_LIFETIME = timedelta(hours=23)
"""How long a Stripe key is sent. Stripe keeps it for 24 hours, and a lease is an hour at most."""

KEY_TOO_OLD = "Stripe key is too old to be sent again"

Operation = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """An operation at Stripe. One that was recorded without a claim has no fingerprint.

    ``attempt`` counts the owners. ``id`` is None until somebody is told it.
    """

    stripe_key: str
    fingerprint: str | None
    user_id: UUID | None
    metadata: Mapping[str, object]
    expires_at: datetime
    lease_expires_at: datetime | None = None
    status: Literal["in_progress", "completed", "needs_attention"] = "in_progress"
    attempt: int = 0
    resource_id: str | None = None
    last_error: str | None = None
    id: UUID | None = None


@dataclass(frozen=True)
class Request:
    """A request to our own API, with its response once it is completed."""

    fingerprint: str
    user_id: UUID | None
    attempt: int
    lease_expires_at: datetime | None
    response: tuple[int, str] | None = None


@dataclass(frozen=True)
class StripeEvent:
    """An event from Stripe. ``paid`` is the entry of one that has paid into a wallet."""

    type: str
    attempt: int = 0
    lease_expires_at: datetime | None = None
    processed: bool = False
    effect: str | None = None
    paid: Entry | None = None


@dataclass(frozen=True)
class Event:
    """What an organizer created."""

    id: UUID
    organizer_id: UUID
    title: str
    starts_at: datetime
    key: str | None = None


@dataclass(frozen=True)
class Entry:
    """One movement of a wallet, under a caller's key, an event's id or neither."""

    id: UUID
    user_id: UUID
    amount: int
    balance_before: int
    balance_after: int
    kind: str
    reference: str
    key: str | None = None
    event_id: str | None = None


@dataclass(frozen=True)
class State:
    """All there is. A user without a wallet has never had a cent in it.

    A state shares what hasn't changed with the one before it. ``stripe_keys`` are those of the claims;
    ``created`` has the event and ``moved`` the entry of each idempotency key. The newest of the
    ``entries`` is the first.
    """

    users: frozenset[UUID] = frozenset()
    claims: HashTrieMap[Operation, Claim] = field(default_factory=HashTrieMap)
    stripe_keys: HashTrieSet[str] = field(default_factory=HashTrieSet)
    requests: HashTrieMap[str, Request] = field(default_factory=HashTrieMap)
    stripe_events: HashTrieMap[str, StripeEvent] = field(default_factory=HashTrieMap)
    events: HashTrieMap[UUID, Event] = field(default_factory=HashTrieMap)
    created: HashTrieMap[str, Event] = field(default_factory=HashTrieMap)
    wallets: HashTrieMap[UUID, int] = field(default_factory=HashTrieMap)
    entries: List[Entry] = field(default_factory=List)
    moved: HashTrieMap[str, Entry] = field(default_factory=HashTrieMap)


class Refused(Exception):  # noqa: N818 (a business answer, not an error)
    """A refusal: P0001 with this message, and nothing has changed."""


# What a caller may send: SQL has no argument that can't be NULL.
Id = UUID | None
Text = str | None
Number = int | None
Row = dict[str, object]
Step = tuple[State, Row]


def check_stripe_idempotency(state: State, operation_type: Text, operation_id: Text) -> Step:
    """Look whether an operation is completed. Changes nothing, and claims nothing."""
    claim = state.claims.get(_operation(operation_type, operation_id))
    return state, {
        "is_completed": claim is not None and claim.status == "completed",
        "stripe_resource_id": claim and claim.resource_id,
        "stripe_idempotency_key": claim and claim.stripe_key,
    }


def claim_stripe_idempotency(
    state: State,
    operation_type: Text,
    operation_id: Text,
    request_fingerprint: Text,
    lease_seconds: Number = 60,
    user_id: Id = None,
    metadata: Text = "{}",
    *,
    new_id: UUID,
    now: datetime,
) -> Step:
    """Give the lease and the Stripe key to the first caller, and to the next one when it lapsed."""
    operation = _operation(operation_type, operation_id)
    fingerprint = _name(request_fingerprint, "request fingerprint")
    lease = _lease(lease_seconds)
    notes = _object(metadata)
    _user_or_guest(state, user_id)

    key = f"{operation_type}:{operation_id}:{new_id}"
    new = Claim(key, fingerprint, user_id, notes, now + KEY_LIFETIME)
    claim = state.claims.get(operation, new)
    if claim.fingerprint not in (None, fingerprint) or claim.user_id != user_id:
        raise Refused(f"Operation was claimed with other arguments: {':'.join(operation)}")

    outcome: str = claim.status
    if claim.status == "in_progress" and not _leased(claim, now):
        outcome = "claimed" if claim.expires_at > now else "needs_attention"
    if outcome == "claimed":
        claim = replace(claim, attempt=claim.attempt + 1, lease_expires_at=now + lease)
    elif outcome != claim.status:
        claim = _given_up(claim, KEY_TOO_OLD)
    return _with(state, operation, claim), {
        "outcome": outcome,
        "stripe_idempotency_key": None if outcome == "in_progress" else claim.stripe_key,
        "stripe_resource_id": claim.resource_id,
        "attempt": claim.attempt if outcome == "claimed" else None,
    }


def record_stripe_idempotency(
    state: State,
    operation_type: Text,
    operation_id: Text,
    stripe_idempotency_key: Text,
    stripe_resource_id: Text,
    user_id: Id = None,
    metadata: Text = "{}",
    expires_at: datetime | None = None,
    *,
    new_id: UUID,
    now: datetime,
) -> Step:
    """Record the resource of an operation, claimed or not. It is never replaced by another."""
    operation = _operation(operation_type, operation_id)
    key = _name(stripe_idempotency_key, "Stripe idempotency key")
    resource = _name(stripe_resource_id, "Stripe resource id")
    notes = _object(metadata)
    _user_or_guest(state, user_id)

    claim = state.claims.get(operation)
    if claim is None:
        if key in state.stripe_keys:
            raise Refused(f"Stripe idempotency key was used for another operation: {key}")
        claim = Claim(key, None, user_id, {}, now + KEY_LIFETIME)
    if claim.stripe_key != key:
        raise Refused(f"Operation has another Stripe idempotency key: {':'.join(operation)}")
    if claim.user_id != user_id:
        raise Refused(f"Operation belongs to another user: {':'.join(operation)}")
    if claim.resource_id not in (None, resource):
        raise Refused(f"Operation is completed with another Stripe resource: {':'.join(operation)}")
    if claim.status != "completed":
        claim = replace(
            claim,
            status="completed",
            resource_id=resource,
            lease_expires_at=None,
            metadata={**claim.metadata, **notes},
            expires_at=expires_at or claim.expires_at,
        )
    return _told(state, operation, claim, new_id, "record_stripe_idempotency")


def fail_stripe_idempotency(
    state: State,
    operation_type: Text,
    operation_id: Text,
    attempt: Number,
    error: Text,
    *,
    new_id: UUID,
) -> Step:
    """Give an operation up for an error that Stripe would answer with again."""
    operation = _operation(operation_type, operation_id)
    why = _filled(error, "Error")
    claim = _owned(state, operation, attempt)
    if claim.status == "needs_attention" and claim.last_error != why:
        raise Refused(f"Operation needs attention: {':'.join(operation)}")
    return _told(state, operation, _given_up(claim, why), new_id, "fail_stripe_idempotency")


def release_stripe_idempotency(
    state: State,
    operation_type: Text,
    operation_id: Text,
    attempt: Number,
    *,
    new_id: UUID,
    now: datetime,
) -> Step:
    """Give a lease back. The Stripe key stays."""
    operation = _operation(operation_type, operation_id)
    claim = _owned(state, operation, attempt)
    if claim.status == "needs_attention":
        raise Refused(f"Operation needs attention: {':'.join(operation)}")
    if _leased(claim, now):
        claim = replace(claim, lease_expires_at=now)
    return _told(state, operation, claim, new_id, "release_stripe_idempotency")


def claim_idempotency_key(
    state: State,
    idempotency_key: Text,
    request_fingerprint: Text,
    user_id: Id = None,
    lease_seconds: Number = 60,
    *,
    now: datetime,
) -> Step:
    """Let one caller do a request, and answer its repeats with the stored response."""
    key = _name(idempotency_key, "idempotency key")
    fingerprint = _name(request_fingerprint, "request fingerprint")
    lease = _lease(lease_seconds)
    _user_or_guest(state, user_id)

    request = state.requests.get(key, Request(fingerprint, user_id, 0, None))
    if (request.fingerprint, request.user_id) != (fingerprint, user_id):
        raise _conflict(key)

    outcome = "completed" if request.response else "in_progress"
    if not request.response and not _leased(request, now):
        outcome = "claimed"
        request = replace(request, attempt=request.attempt + 1, lease_expires_at=now + lease)
    status, body = request.response or (None, None)
    return _with_request(state, key, request), {
        "outcome": outcome,
        "response_status": status,
        "response_body": body,
        "attempt": request.attempt if outcome == "claimed" else None,
    }


def complete_idempotency_key(
    state: State,
    idempotency_key: Text,
    user_id: Id,
    attempt: Number,
    response_status: Number,
    response_body: Text,
) -> Step:
    """Store the response of the request's last owner."""
    key = _name(idempotency_key, "idempotency key")
    if response_status is None or not 100 <= response_status <= 599:
        raise Refused(f"Invalid response status: {_text(response_status)}")
    if response_body is None:
        raise Refused("Response body is missing")

    request = state.requests.get(key)
    if request is None or request.user_id != user_id:
        raise Refused(f"Idempotency key not found: {key}")
    if request.attempt != attempt:
        raise _lost(attempt, request.attempt)
    response = (response_status, json.dumps(json.loads(response_body)))
    if request.response not in (None, response):
        raise Refused(f"Request is completed with another response: {key}")
    done = replace(request, response=response, lease_expires_at=None)
    return _with_request(state, key, done), {"already_completed": request.response is not None}


def begin_stripe_webhook_event(
    state: State,
    event_id: Text,
    event_type: Text,
    lease_seconds: Number = 60,
    *,
    now: datetime,
) -> Step:
    """Let one handler do what an event asks for, and the next one when its lease lapsed."""
    key, kind = _name(event_id, "event id"), _name(event_type, "event type")
    lease = _lease(lease_seconds)
    event = state.stripe_events.get(key, StripeEvent(kind))
    if event.type != kind:
        raise Refused(f"Event was delivered with other content: {key}")

    outcome = "processed" if event.processed else "in_progress"
    if not event.processed and not _leased(event, now):
        outcome = "claimed"
        event = replace(event, attempt=event.attempt + 1, lease_expires_at=now + lease)
    return _with_event(state, key, event), {
        "outcome": outcome,
        "effect": event.effect,
        "attempt": event.attempt if outcome == "claimed" else None,
    }


def finish_stripe_webhook_event(
    state: State, event_id: Text, attempt: Number, effect: Text = None
) -> Step:
    """Mark an event as processed, if its handler still is the last one."""
    if effect is not None:
        _name(effect, "effect")
    event = state.stripe_events.get(event_id) if event_id else None
    if event is None or event_id is None:
        raise Refused(f"Event not found: {_text(event_id)}")
    if event.attempt != attempt:
        raise _lost(attempt, event.attempt)
    if event.processed and event.effect != effect:
        raise Refused(f"Event is processed with another effect: {event_id}")
    done = replace(event, processed=True, effect=effect, lease_expires_at=None)
    return _with_event(state, event_id, done), {"already_processed": event.processed}


def apply_stripe_wallet_event(
    state: State,
    event_id: Text,
    event_type: Text,
    user_id: Id,
    amount: Number,
    *,
    new_id: UUID,
) -> Step:
    """Credit a wallet with what was paid at Stripe, and mark the event, in one step."""
    key, kind = _name(event_id, "event id"), _name(event_type, "event type")
    given = _amount(amount)
    user = _user(state, user_id)

    if event := state.stripe_events.get(key):
        first = event.paid
        if not first or (event.type, first.user_id, first.amount) != (kind, user, given):
            raise Refused(f"Event was delivered with other content: {key}")
        return state, _movement(first, already_processed=True)

    state, entry = _post(state, new_id, user, given, "payment", key, event_id=key)
    event = StripeEvent(kind, processed=True, effect=str(new_id), paid=entry)
    return _with_event(state, key, event), _movement(entry, already_processed=False)


def apply_wallet_transaction(
    state: State,
    user_id: Id,
    transaction_type: Text,
    amount: Number,
    reference: Text,
    idempotency_key: Text = None,
    *,
    new_id: UUID,
) -> Step:
    """Credit or debit a wallet."""
    if transaction_type is None or transaction_type not in ("credit", "debit"):
        raise Refused(f"Unknown transaction type: {_text(transaction_type)}")
    given = _amount(amount)
    why = _filled(reference, "Reference")
    key = None if idempotency_key is None else _name(idempotency_key, "idempotency key")
    user = _user(state, user_id)

    signed = given if transaction_type == "credit" else -given
    first = None if key is None else state.moved.get(key)
    if first:
        if (first.user_id, first.amount, first.reference) != (user, signed, why):
            raise _conflict(idempotency_key)
        return state, _movement(first, already_applied=True)
    state, entry = _post(state, new_id, user, signed, transaction_type, why, key)
    return state, _movement(entry, already_applied=False)


def create_event(
    state: State,
    organizer_id: Id,
    title: Text,
    starts_at: datetime | None,
    idempotency_key: Text = None,
    *,
    new_id: UUID,
) -> Step:
    """Create an event of an organizer, once per key."""
    named = _filled(title, "Title")
    if starts_at is None:
        raise Refused("Invalid start: <NULL>")
    key = None if idempotency_key is None else _name(idempotency_key, "idempotency key")
    organizer = _user(state, organizer_id)

    first = None if key is None else state.created.get(key)
    if first:
        if (first.organizer_id, first.title, first.starts_at) != (organizer, named, starts_at):
            raise _conflict(idempotency_key)
        return state, {"create_event": first.id}
    event = Event(new_id, organizer, named, starts_at, key)
    created = state.created if key is None else state.created.insert(key, event)
    state = replace(state, events=state.events.insert(new_id, event), created=created)
    return state, {"create_event": new_id}


def _name(text: Text, what: str, longest: int = 255) -> str:
    """Return a name that is safe in a header, a log and a key."""
    if text is None or not re.fullmatch(f"[!-~]{{1,{longest}}}", text):
        raise Refused(f"Invalid {what}: {_text(text)}")
    return text


def _operation(operation_type: Text, operation_id: Text) -> Operation:
    kind = _name(operation_type, "operation type", 64)
    return kind, _name(operation_id, "operation id", 128)


def _filled(text: Text, what: str) -> str:
    if text is None or not text.strip(" "):
        raise Refused(f"{what} is missing")
    return text


def _lease(seconds: Number) -> timedelta:
    if seconds is None or not 1 <= seconds <= LONGEST_LEASE:
        raise Refused(f"Invalid lease: {_text(seconds)}")
    return timedelta(seconds=seconds)


def _object(metadata: Text) -> Mapping[str, object]:
    notes = {} if metadata is None else json.loads(metadata)
    if not isinstance(notes, dict):
        raise Refused("Metadata is not an object")
    return notes


def _amount(amount: Number) -> int:
    if amount is None or amount <= 0:
        raise Refused(f"Invalid amount: {_text(amount)}")
    return amount


def _user(state: State, user_id: Id) -> UUID:
    if user_id is None or user_id not in state.users:
        raise Refused(f"User not found: {_text(user_id)}")
    return user_id


def _user_or_guest(state: State, user_id: Id) -> None:
    if user_id is not None:
        _user(state, user_id)


def _leased(thing: Claim | Request | StripeEvent, now: datetime) -> bool:
    """Say whether somebody is at it. A lease that ends now is over."""
    return thing.lease_expires_at is not None and thing.lease_expires_at > now


def _owned(state: State, operation: Operation, attempt: Number) -> Claim:
    """Return the claim, if this attempt still is its last one and it isn't completed."""
    claim = state.claims.get(operation)
    if claim is None:
        raise Refused(f"Operation not found: {':'.join(operation)}")
    if claim.attempt != attempt:
        raise _lost(attempt, claim.attempt)
    if claim.status == "completed":
        raise Refused(f"Operation is completed: {':'.join(operation)}")
    return claim


def _given_up(claim: Claim, why: str) -> Claim:
    return replace(claim, status="needs_attention", lease_expires_at=None, last_error=why)


def _told(state: State, operation: Operation, claim: Claim, new_id: UUID, name: str) -> Step:
    """Answer with the claim's id: always the same, and new to us the first time."""
    known = replace(claim, id=claim.id or new_id)
    return _with(state, operation, known), {name: known.id}


def _with(state: State, operation: Operation, claim: Claim) -> State:
    """Return the state with this claim: the very same one if nothing changes."""
    if claim == state.claims.get(operation):
        return state
    stripe_keys = state.stripe_keys.insert(claim.stripe_key)
    return replace(state, claims=state.claims.insert(operation, claim), stripe_keys=stripe_keys)


def _with_request(state: State, key: str, request: Request) -> State:
    if request == state.requests.get(key):
        return state
    return replace(state, requests=state.requests.insert(key, request))


def _with_event(state: State, key: str, event: StripeEvent) -> State:
    if event == state.stripe_events.get(key):
        return state
    return replace(state, stripe_events=state.stripe_events.insert(key, event))


def _post(
    state: State,
    new_id: UUID,
    user: UUID,
    amount: int,
    kind: str,
    reference: str,
    key: Text = None,
    event_id: Text = None,
) -> tuple[State, Entry]:
    """Move an amount: the balance and the entry that explains it, always together."""
    before = state.wallets.get(user, 0)
    after = before + amount
    if after < 0:
        raise Refused(f"Insufficient balance. Current: {before}, Required: {-amount}")
    if after > LARGEST:
        raise Refused(f"Balance would be too large: {after}")
    entry = Entry(new_id, user, amount, before, after, kind, reference, key, event_id)
    wallets, entries = state.wallets.insert(user, after), state.entries.push_front(entry)
    moved = state.moved if key is None else state.moved.insert(key, entry)
    return replace(state, wallets=wallets, entries=entries, moved=moved), entry


def _movement(entry: Entry, **flag: bool) -> Row:
    return {"transaction_id": entry.id, "new_balance": entry.balance_after, **flag}


def _conflict(key: Text) -> Refused:
    return Refused(f"Idempotency key was used with other arguments: {_text(key)}")


def _lost(given: Number, current: int) -> Refused:
    return Refused(f"Lease was lost. Given attempt: {_text(given)}, Current: {current}")


def _text(value: int | UUID | Text) -> str:
    """Write a value as PostgreSQL does in a message."""
    return "<NULL>" if value is None else str(value)


# What a history is checked with (crossfoot check): a wallet by its user's id, "claim ..." (a call to
# Stripe), "request ..." (to our own API), "delivery ..." (of an event) and "creation ..." (of ours).

_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_UNTOLD = UUID(int=0)
"""An id that nobody was told. What it is part of isn't compared."""
_UNTOLD_TEXT = str(_UNTOLD)
_NAMES = {
    "check_stripe_idempotency": "claim {operation_type}:{operation_id}",
    "claim_stripe_idempotency": "claim {operation_type}:{operation_id}",
    "record_stripe_idempotency": "claim {operation_type}:{operation_id}",
    "fail_stripe_idempotency": "claim {operation_type}:{operation_id}",
    "release_stripe_idempotency": "claim {operation_type}:{operation_id}",
    "claim_idempotency_key": "request {idempotency_key}",
    "complete_idempotency_key": "request {idempotency_key}",
    "begin_stripe_webhook_event": "delivery {event_id}",
    "finish_stripe_webhook_event": "delivery {event_id}",
    "create_event": "creation {idempotency_key}",
}
# What gives a lease: where the state has it, and by which arguments.
_STARTS = {
    "claim_stripe_idempotency": ("claims", itemgetter("operation_type", "operation_id")),
    "claim_idempotency_key": ("requests", itemgetter("idempotency_key")),
    "begin_stripe_webhook_event": ("stripe_events", itemgetter("event_id")),
}
MOST_CALLS = 1_000_000  # of one account: a state shares nearly all with the one before it
# What a key or an event means to others isn't in one wallet's or one claim's history.
ELSEWHERE = (
    "*not found*",
    "Invalid *",
    "* is missing",
    "*other arguments*",
    "*other content*",
    "*another user*",
    "*used for another operation*",
    "*another Stripe idempotency key*",
    "Unknown transaction type*",
    "Metadata is not an object",
)


def touched(operation: str, arguments: Mapping[str, object], parts: object) -> tuple[str, ...]:
    """Return the claim, request, delivery or creation that a call is about."""
    name = _NAMES.get(operation, "")
    if not name or (operation == "create_event" and arguments.get("idempotency_key") is None):
        return ()
    return (name.format_map(arguments),)


def opened(name: str, entries: Sequence[LedgerEntry], calls: Sequence[Call]) -> State | None:
    """Return the state of a wallet to which these entries have led, or that nothing was begun yet.

    None if somebody has begun before: then nobody was told to be the first.
    """
    users = {call.arguments.get(argument) for call in calls for argument in _USERS} - {None}
    state = State(users=frozenset(_uuid(str(user)) for user in users))
    if " " in name:
        starts = [call for call in calls if call.operation in _STARTS]
        first = any(not call.heard or call.answer.get("attempt") == "1" for call in starts)
        return state if first or not starts else None
    kinds = {
        str(call.arguments["event_id"]): str(call.arguments["event_type"])
        for call in calls
        if "event_type" in call.arguments
    }
    for entry in entries:
        state = _led_to(state, _uuid(name), entry, kinds)
    return state


_USERS = ("user_id", "organizer_id")
_uuid = lru_cache(UUID)  # calls in a row are mostly of the same few users


def _id(value: object) -> Id:
    return None if value is None else _uuid(str(value))


def _led_to(state: State, user: UUID, entry: LedgerEntry, kinds: Mapping[str, str]) -> State:
    """Return the state after an entry that was there before the first call."""
    source, _, key = entry.key.partition(":")
    amount, event = int(entry.amount), key if source == "stripe_event" else None
    request = key if source == "request" else None
    state, made = _post(state, _UNTOLD, user, amount, entry.kind, entry.reference, request, event)
    if event is None:
        return state
    paid = StripeEvent(kinds.get(event, ""), processed=True, paid=made)
    return _with_event(state, event, paid)


def called(state: State, name: str, call: Call) -> tuple[State, Row | str | None]:
    """Make a call that a history tells of."""
    given: dict[str, Any] = {
        argument: _id(value) if argument in _USERS else value
        for argument, value in call.arguments.items()
    }
    for argument in ("starts_at", "expires_at"):
        if isinstance(given.get(argument), str):
            given[argument] = datetime.fromisoformat(given[argument])
    try:
        after, row = _made(state, given, call)
    except Refused as refusal:
        return state, str(refusal)
    if call.operation in _STARTS and after is not state:
        after = _since_it_began(after, call)
    return after, {name: value for name, value in row.items() if _UNTOLD_TEXT not in str(value)}


_ID_AT_THE_END = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def _new_id(call: Call) -> UUID:
    """Return the id that the call made, if it was told: alone, or as the end of a Stripe key."""
    told = (
        _ID_AT_THE_END.search(str(value))
        for name, value in call.answer.items()
        if name in ("stripe_idempotency_key", "transaction_id", call.operation)
    )
    return next((UUID(found[0]) for found in told if found), _UNTOLD)


def _now(call: Call) -> datetime:
    """Return the time at which a lease may just have lapsed for a call that got it; else none lapses."""
    got_it = call.answer.get("outcome") == "claimed" if call.heard else call.operation in _STARTS
    if not got_it:
        return _ZERO
    ended = call.end if call.heard else call.begin + LONGEST_LEASE * 1e9
    return _ZERO + (timedelta(seconds=LONGEST_LEASE) if abs(ended) == _NEVER else _after(ended))


_NEVER = float("inf")


def _after(nanoseconds: float) -> timedelta:
    return timedelta(microseconds=max(nanoseconds, 0) / 1000)


def _since_it_began(state: State, call: Call) -> State:
    """Return the state in which a lease that this call got runs from the call's begin, not its end."""
    where, key_of = _STARTS[call.operation]
    things, key = getattr(state, where), key_of(call.arguments)
    lease = things[key].lease_expires_at
    if not lease:
        return state
    late = _now(call) - (_ZERO if call.begin == -_NEVER else _ZERO + _after(call.begin))
    earlier = replace(things[key], lease_expires_at=lease - late)
    changed: dict[str, Any] = {where: things.insert(key, earlier)}
    return replace(state, **changed)


def _made(state: State, given: dict[str, Any], call: Call) -> Step:
    new_id, now = _new_id(call), _now(call)
    match call.operation:
        case "check_stripe_idempotency":
            return check_stripe_idempotency(state, **given)
        case "claim_stripe_idempotency":
            return claim_stripe_idempotency(state, **given, new_id=new_id, now=now)
        case "record_stripe_idempotency":
            return record_stripe_idempotency(state, **given, new_id=new_id, now=now)
        case "fail_stripe_idempotency":
            return fail_stripe_idempotency(state, **given, new_id=new_id)
        case "release_stripe_idempotency":
            return release_stripe_idempotency(state, **given, new_id=new_id, now=now)
        case "claim_idempotency_key":
            return claim_idempotency_key(state, **given, now=now)
        case "complete_idempotency_key":
            return complete_idempotency_key(state, **given)
        case "begin_stripe_webhook_event":
            return begin_stripe_webhook_event(state, **given, now=now)
        case "finish_stripe_webhook_event":
            return finish_stripe_webhook_event(state, **given)
        case "create_event":
            return create_event(state, **given, new_id=new_id)
        case "apply_stripe_wallet_event":
            return apply_stripe_wallet_event(state, **given, new_id=new_id)
    return apply_wallet_transaction(state, **given, new_id=new_id)


def balance(state: State, name: str) -> int | None:
    """Return how many cents a user has; None for what is no wallet."""
    return None if " " in name else state.wallets.get(_uuid(name), 0)
