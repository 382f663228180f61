"""License billing as a pure state machine: what each function of ``functions/`` must do.

A function here has the name and the arguments of the one in SQL, and is given what only the server
knows (``now``, ``new_id``). It returns the next state and the row that the caller gets, or raises
:class:`Refused` with the message of the P0001; the state then stays as it was. Nothing is read,
written or drawn. Calls come one after another here: there is nothing to wait for.

Ids are UUIDs, amounts are credits as ``int``, times are aware datetimes. Times that no outcome
depends on (created_at, recorded_at, ...) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rpds import HashTrieMap, List

if TYPE_CHECKING:
    from crossfoot.history.asking import Call
    from crossfoot.history.ledger import Entry as LedgerEntry

LARGEST = 2**31 - 1

Kind = Literal["usage", "top_up"]


@dataclass(frozen=True)
class License:
    """A license: what it may still spend, and what was ever added to it."""

    id: UUID
    license_key: str
    is_active: bool = True
    expires_at: datetime | None = None
    credits_remaining: int = 0
    credits_total: int = 0


@dataclass(frozen=True)
class Request:
    """What a request id stands for. ``amount`` is below zero for a generation to be charged."""

    id: UUID
    license_id: UUID
    kind: Kind
    amount: int


@dataclass(frozen=True)
class Entry:
    """One movement of credit."""

    license_id: UUID
    request_id: UUID
    kind: Kind
    amount: int
    balance_before: int
    balance_after: int


@dataclass(frozen=True)
class State:
    """All there is. A state shares what hasn't changed with the one before it.

    ``generations`` holds the texts that were recorded as unbilled; a recorded generation is settled
    when its request has an entry. ``entry_of`` has the entry of each request that has moved credits:
    the first, should a broken ledger have two. ``recorded`` has the requests of the generations; the
    newest of these, and of the ``entries``, is the first.
    """

    licenses: HashTrieMap[UUID, License] = field(default_factory=HashTrieMap)
    requests: HashTrieMap[UUID, Request] = field(default_factory=HashTrieMap)
    generations: HashTrieMap[UUID, str | None] = field(default_factory=HashTrieMap)
    recorded: List[UUID] = field(default_factory=List)
    entries: List[Entry] = field(default_factory=List)
    entry_of: HashTrieMap[UUID, Entry] = field(default_factory=HashTrieMap)


class Refused(Exception):  # noqa: N818 (a business answer, not an error)
    """A refusal: P0001 with this message, and nothing has changed."""


# What a caller may send: SQL has no argument that can't be NULL.
Id = UUID | None
Amount = int | None
Text = str | None

Row = dict[str, object]
Step = tuple[State, Row]


def deduct_credits(
    state: State,
    license_key: Text,
    amount: Amount,
    request_id: Id = None,
    *,
    new_id: UUID,
    now: datetime,
) -> Step:
    """Charge a generation to a license."""
    license = _license(state, license_key)
    request = None
    if amount is not None and amount > 0:
        request = _claim(state, request_id or new_id, license, "usage", -amount)
        if first := state.entry_of.get(request.id):
            return state, {"deduct_credits": first.balance_after}
    if not license.is_active:
        raise Refused("INACTIVE_LICENSE: License is not active")
    if license.expires_at is not None and license.expires_at <= now:
        raise Refused("EXPIRED_LICENSE: License has expired")
    if request is None:
        raise _invalid_amount(amount)
    after, balance = _charge(state, request)
    return after, {"deduct_credits": balance}


def add_credits(
    state: State, license_key: Text, amount: Amount, request_id: Id, *, new_id: UUID
) -> Step:
    """Add credits to a license, whatever state it is in."""
    license = _license(state, license_key)
    if amount is None or amount <= 0:
        raise _invalid_amount(amount)
    request = _claim(state, request_id or new_id, license, "top_up", amount)
    if first := state.entry_of.get(request.id):
        return state, {"add_credits": first.balance_after}
    after, balance = _post(state, request)
    return after, {"add_credits": balance}


def record_unbilled_generation(
    state: State, license_key: Text, amount: Amount, request_id: Id, generation: Text = None
) -> Step:
    """Keep a generation whose deduction could not be made, or went through without an answer."""
    license = _license(state, license_key)
    if amount is None or amount <= 0:
        raise _invalid_amount(amount)
    if request_id is None:
        raise Refused("INVALID_REQUEST: Request id is missing")
    request = _claim(state, request_id, license, "usage", -amount)
    known = request_id in state.generations
    if known and state.generations[request_id] != generation:
        raise _conflict(request_id)
    answer: Row = {"billed": request_id in state.entry_of, "already_recorded": known}
    if known:
        return state, answer
    after = replace(
        state,
        requests=_kept(state.requests, request_id, request),
        generations=state.generations.insert(request_id, generation),
        recorded=state.recorded.push_front(request_id),
    )
    return after, answer


def settle_unbilled_generation(state: State, request_id: Id) -> Step:
    """Charge a generation, whatever has become of its license. Too few credits leave it unbilled."""
    request = state.requests.get(request_id) if request_id else None
    if request is None or request.kind != "usage":
        raise Refused(
            f"UNKNOWN_GENERATION: Nothing was generated under request id {_text(request_id)}"
        )
    if first := state.entry_of.get(request.id):
        return state, {"settle_unbilled_generation": first.balance_after}
    after, balance = _charge(state, request)
    return after, {"settle_unbilled_generation": balance}


def settle_unbilled_generations(state: State, limit: Amount = 100) -> Step:
    """Charge at most ``limit`` generations: license by license, of each the oldest that it can pay."""
    if limit is None or limit <= 0:
        raise Refused(f"INVALID_LIMIT: Limit must be above zero: {_text(limit)}")
    oldest_first = reversed(list(state.recorded))
    unbilled = [state.requests[key] for key in oldest_first if key not in state.entry_of]
    settled = 0
    for request in sorted(unbilled, key=lambda request: request.license_id):
        if settled < limit and _balance(state, request) >= -request.amount:
            state, _ = _charge(state, request)
            settled += 1
    return state, {"generations_settled": settled}


def _license(state: State, license_key: Text) -> License:
    for license in state.licenses.values():
        if license.license_key == license_key:
            return license
    raise Refused("INVALID_LICENSE: License key not found")


def _claim(state: State, request_id: UUID, license: License, kind: Kind, amount: int) -> Request:
    """Return the request of this id, if it is a new one or means the same as before."""
    request = Request(request_id, license.id, kind, amount)
    if state.requests.get(request_id, request) != request:
        raise _conflict(request_id)
    return request


def _kept(known: HashTrieMap[UUID, Any], key: UUID, value: object) -> HashTrieMap[UUID, Any]:
    """Return what is known, with this value unless the key has one already."""
    return known if key in known else known.insert(key, value)


def _charge(state: State, request: Request) -> tuple[State, int]:
    """Take the credits for a generation that was not charged yet."""
    balance = _balance(state, request)
    if balance < -request.amount:
        raise Refused(
            f"INSUFFICIENT_CREDITS: Current balance {balance} is less than required {-request.amount}"
        )
    return _post(state, request)


def _post(state: State, request: Request) -> tuple[State, int]:
    """Move credit: the balance and the entry that explains it, always together."""
    license = state.licenses[request.license_id]
    before, after = license.credits_remaining, license.credits_remaining + request.amount
    if after > LARGEST:
        raise Refused(f"BALANCE_TOO_LARGE: Balance would be {after}")
    total = license.credits_total + max(request.amount, 0)
    moved = replace(license, credits_remaining=after, credits_total=total)
    entry = Entry(license.id, request.id, request.kind, request.amount, before, after)
    return replace(
        state,
        licenses=state.licenses.insert(license.id, moved),
        requests=state.requests.insert(request.id, request),
        entries=state.entries.push_front(entry),
        entry_of=_kept(state.entry_of, request.id, entry),
    ), after


def _balance(state: State, request: Request) -> int:
    return state.licenses[request.license_id].credits_remaining


def _invalid_amount(amount: Amount) -> Refused:
    return Refused(f"INVALID_AMOUNT: Amount must be above zero: {_text(amount)}")


def _conflict(request_id: UUID) -> Refused:
    return Refused(f"REQUEST_CONFLICT: Request id was used with other arguments: {request_id}")


def _text(value: int | UUID | None) -> str:
    """Write a value as PostgreSQL does in a message."""
    return "<NULL>" if value is None else str(value)


# What a history is checked with (crossfoot check): one license, as far as its own calls tell.

_CALLS: dict[str, Callable[..., Any]] = {
    "deduct_credits": deduct_credits,
    "add_credits": add_credits,
    "record_unbilled_generation": record_unbilled_generation,
    "settle_unbilled_generation": settle_unbilled_generation,
}
_NOW = datetime(2000, 1, 1, tzinfo=UTC)
# Calls name a license by its key, the ledger by its id.
NAMED_BY = "license_key"
MOST_CALLS = 1_000_000  # of one account: a state shares nearly all with the one before it
# What a license may do, and what a request id means to other licenses, isn't in its own history.
ELSEWHERE = ("INVALID_*", "INACTIVE_*", "EXPIRED_*", "REQUEST_CONFLICT*", "UNKNOWN_GENERATION*")


def touched(operation: str, arguments: Mapping[str, object], parts: object) -> tuple[str, ...]:
    """Return nothing more: a call is about the license that it names, or whose entry it left."""
    return ()


def opened(name: str, entries: Sequence[LedgerEntry], calls: Sequence[Call]) -> State:
    """Return the state of one license to which these entries have led."""
    keys = (str(call.arguments[NAMED_BY]) for call in calls if NAMED_BY in call.arguments)
    license = License(UUID(name), next(keys, ""))
    state = State(licenses=HashTrieMap({license.id: license}))
    for number, entry in enumerate(entries):
        request = UUID(entry.key) if entry.key else UUID(int=number)
        kind: Kind = "usage" if entry.kind == "usage" else "top_up"
        state, _ = _post(state, Request(request, license.id, kind, int(entry.amount)))
    return state


def called(state: State, name: str, call: Call) -> tuple[State, Row | str | None]:
    """Make a call that a history tells of."""
    given = dict(call.arguments)
    if given.get("request_id") is not None:
        given["request_id"] = UUID(str(given["request_id"]))
    if call.operation == "settle_unbilled_generation":
        state = _recorded_before(state, name, given["request_id"], call)
        if given["request_id"] not in state.requests:
            return state, None
    if call.operation == "deduct_credits":
        given["now"] = _NOW
    if call.operation in ("deduct_credits", "add_credits"):
        given["new_id"] = UUID(int=call.record.id)
    try:
        step: Step = _CALLS[call.operation](state, **given)
    except Refused as refusal:
        return state, str(refusal)
    return step


def _recorded_before(state: State, name: str, request_id: UUID, call: Call) -> State:
    """Return the state with a generation that was recorded before the first call of the history."""
    if request_id in state.requests or call.moved is None:
        return state
    request = Request(request_id, UUID(name), "usage", int(call.moved))
    return replace(state, requests=state.requests.insert(request_id, request))


def balance(state: State, name: str) -> int:
    """Return how many credits a license has."""
    (license,) = state.licenses.values()
    return license.credits_remaining
